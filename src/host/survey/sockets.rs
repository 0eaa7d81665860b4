//! The UDP sockets of a network namespace, those of the kernel's own tunnels among them (linux `net/ipv4/udp.c`,
//! `udp4_seq_show`).
//!
//! ```text
//!   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
//! 1101: 00000000:CA6C 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 21 2 0 0
//! ```

use crate::keeper;

/// The lists of this thread's network namespace.
const LISTS: [&str; 2] = ["/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"];

/// A UDP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpSocket {
    /// The port that it is bound to.
    pub port: u16,
    /// True if it is root's or the kernel's own, and takes datagrams from anybody to any address, as those of tunnels do.
    pub open_to_all: bool,
}

/// Lists the UDP sockets of this thread's network namespace. `None` if the kernel does not list them here.
pub(super) fn udp() -> Option<Vec<UdpSocket>> {
    let lists: Vec<String> = LISTS.into_iter().filter_map(|path| keeper::read_to_string(path).ok()).collect();
    (!lists.is_empty()).then(|| lists.iter().flat_map(|list| read(list)).collect())
}

fn read(list: &str) -> Vec<UdpSocket> {
    let is_zero = |hex: &str| hex.bytes().all(|digit| digit == b'0');
    let socket = |line: &str| {
        let mut words = line.split_whitespace();
        let (address, port) = words.nth(1)?.rsplit_once(':')?;
        let (_, peer) = words.next()?.rsplit_once(':')?;
        let uid = words.nth(4);
        Some(UdpSocket {
            port: u16::from_str_radix(port, 16).ok()?,
            open_to_all: is_zero(address) && is_zero(peer) && uid == Some("0"),
        })
    };
    list.lines().skip(1).filter_map(socket).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_read_of_the_kernels_list() {
        let list = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n \
                    1101: 00000000:CA6C 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 21 2 0 0\n \
                    1102: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 22 2 0 0\n \
                    1103: 00000000:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000   107        0 23 2 0 0\n \
                    1104: 00000000:B001 0200A8C0:0035 01 00000000:00000000 00:00000000 00000000     0        0 24 2 0 0\n";
        let found: Vec<(u16, bool)> = read(list).iter().map(|one| (one.port, one.open_to_all)).collect();
        assert_eq!(found, [(51820, true), (53, false), (5353, false), (45057, false)]);
        let six = "  sl  local_address                         remote_address\n 1: 00000000000000000000000000000000:CA6C 0:0000 07\n x\n";
        assert_eq!(read(six), [UdpSocket { port: 51820, open_to_all: false }]);
        assert_eq!(read(""), []);
    }
}

//! The source addresses of this host's `IPsec` security associations, and nothing else of them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rtnetlink::sys::{Socket, SocketAddr};
use zeroize::Zeroize;

/// `NETLINK_XFRM` of `linux/netlink.h`.
const NETLINK_XFRM: isize = 6;
/// `XFRM_MSG_NEWSA` and `XFRM_MSG_GETSA` of `linux/xfrm.h`.
const NEWSA: u16 = 0x10;
const GETSA: u16 = 0x12;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// A netlink header.
const HEADER: usize = 16;
/// Offsets in `struct xfrm_usersa_info`.
const SADDR: usize = 80;
const FAMILY: usize = 212;
/// More associations than this say nothing new.
const MOST: usize = 4096;

/// The distinct source addresses. `None` when the kernel will not tell (no `CAP_NET_ADMIN`, or no XFRM).
pub(super) fn sources() -> Option<Vec<IpAddr>> {
    dump().ok()
}

fn dump() -> io::Result<Vec<IpAddr>> {
    let mut socket = Socket::new(NETLINK_XFRM)?;
    socket.bind_auto()?;
    let kernel = SocketAddr::new(0, 0);
    let mut request = Vec::with_capacity(HEADER);
    request.extend((HEADER as u32).to_ne_bytes());
    request.extend(GETSA.to_ne_bytes());
    request.extend(DUMP.to_ne_bytes());
    request.extend(1u32.to_ne_bytes());
    request.extend(0u32.to_ne_bytes());
    socket.send_to(&request, &kernel, 0)?;
    let mut found = Vec::new();
    loop {
        let (mut answer, from) = socket.recv_from_full()?;
        if from.port_number() != 0 {
            continue;
        }
        let more = read(&answer, &mut found);
        // The associations' keys came along.
        answer.zeroize();
        if !more? || found.len() >= MOST {
            return Ok(found);
        }
    }
}

/// Adds the source addresses of one datagram's messages. Whether more datagrams follow; an error also for a message that
/// is not whole.
fn read(mut messages: &[u8], found: &mut Vec<IpAddr>) -> io::Result<bool> {
    while let (Some(length), Some(kind)) = (field(messages, 0).map(u32::from_ne_bytes), field(messages, 4)) {
        let length = length as usize;
        let body = messages.get(HEADER..length).ok_or(io::ErrorKind::InvalidData)?;
        match u16::from_ne_bytes(kind) {
            NLMSG_DONE => return Ok(false),
            NLMSG_ERROR => {
                let code = field(body, 0).map_or(0, i32::from_ne_bytes);
                return if code == 0 {
                    Ok(false)
                } else {
                    Err(io::Error::from_raw_os_error(code.wrapping_neg()))
                };
            }
            NEWSA => {
                if let Some(source) = source(body).filter(|source| !found.contains(source)) {
                    found.push(source);
                }
            }
            _ => {}
        }
        messages = messages.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    }
    Ok(true)
}

/// `saddr` of a `struct xfrm_usersa_info`; none for the wildcard.
fn source(body: &[u8]) -> Option<IpAddr> {
    let address = match i32::from(u16::from_ne_bytes(field(body, FAMILY)?)) {
        nix::libc::AF_INET => IpAddr::V4(Ipv4Addr::from(field::<4>(body, SADDR)?)),
        nix::libc::AF_INET6 => IpAddr::V6(Ipv6Addr::from(field::<16>(body, SADDR)?)),
        _ => return None,
    };
    Some(address).filter(|address| !address.is_unspecified())
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = ((HEADER + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.resize(HEADER, 0);
        bytes.extend(body);
        bytes
    }

    fn association(source: Ipv4Addr) -> Vec<u8> {
        let mut body = vec![0; 224];
        body[SADDR..SADDR + 4].copy_from_slice(&source.octets());
        body[FAMILY..FAMILY + 2].copy_from_slice(&2u16.to_ne_bytes());
        message(NEWSA, &body)
    }

    #[test]
    fn each_source_is_told_once() {
        let one = Ipv4Addr::new(192, 0, 2, 1);
        let two = Ipv4Addr::new(192, 0, 2, 2);
        let mut found = Vec::new();
        let answer = [association(one), association(two), association(one)].concat();
        assert!(read(&answer, &mut found).unwrap());
        assert_eq!(found, [IpAddr::V4(one), IpAddr::V4(two)]);
        assert!(!read(&message(NLMSG_DONE, &[0; 4]), &mut found).unwrap());
    }

    #[test]
    fn refusal_is_an_error() {
        let refused = message(NLMSG_ERROR, &(-1i32).to_ne_bytes());
        let error = read(&refused, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn cut_and_absurd_messages_tell_no_address() {
        let whole = association(Ipv4Addr::new(192, 0, 2, 1));
        for end in 0..whole.len() {
            let mut found = Vec::new();
            let _ = read(&whole[..end], &mut found);
            assert!(found.is_empty(), "{end} bytes");
        }
        for length in [0u32, 1, 15, 241, u32::MAX] {
            let mut absurd = whole.clone();
            absurd[..4].copy_from_slice(&length.to_ne_bytes());
            let mut found = Vec::new();
            assert!(read(&absurd, &mut found).is_err() && found.is_empty(), "length {length}");
        }
    }
}

//! The kernel's multicast groups, which report changes to their members without being asked.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::libc::ENOBUFS;
use zeroize::Zeroizing;

use super::{Family, NLMSG_OVERRUN, Socket, messages};

/// The greatest number of datagrams that are read at once. Those behind them are read at the next time.
const MOST_DATAGRAMS: usize = 1 << 14;

/// A socket that has joined groups. Its messages may hold keys, so they are wiped when it is dropped, and never print.
pub(crate) struct Subscription {
    socket: Socket,
    buffer: Zeroizing<Vec<u8>>,
}

impl Subscription {
    /// Joins groups in the network namespace of this thread. A kernel may lack groups other than the first.
    pub(crate) fn open(family: Family, groups: &[u32]) -> io::Result<Self> {
        let socket = Socket::subscribed(family, groups)?;
        Ok(Self { socket, buffer: Zeroizing::new(vec![0; 1 << 16]) })
    }

    /// Hands over type and body of the messages that have come since the last call, and never waits. Returns true if
    /// messages were lost because the socket's buffer was full. After very many it leaves the rest for the next call.
    pub(crate) fn take(&mut self, mut each: impl FnMut(u16, &[u8])) -> bool {
        let mut lost = false;
        for _ in 0..MOST_DATAGRAMS {
            match self.socket.receive_at_once(&mut self.buffer) {
                Ok(0) => return lost,
                Ok(len) => lost |= hand_over(self.buffer.get(..len).unwrap_or(&[]), &mut each),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The messages before those that were lost are still in the buffer.
                Err(error) if error.raw_os_error() == Some(ENOBUFS) => lost = true,
                Err(_) => return lost,
            }
        }
        lost
    }
}

/// Hands over the messages of a datagram. Returns true if it says that others were lost, as a keeper does.
fn hand_over(datagram: &[u8], each: &mut impl FnMut(u16, &[u8])) -> bool {
    let mut lost = false;
    for message in messages(datagram) {
        match message.kind {
            NLMSG_OVERRUN => lost = true,
            kind => each(kind, message.body),
        }
    }
    lost
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// The descriptor is readable when there are messages.
impl AsFd for Subscription {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::relayed::overrun;

    #[test]
    fn a_keeper_says_that_notices_were_lost() {
        let mut kinds = Vec::new();
        let notice = [&[16, 0, 0, 0, 26, 0][..], &[0; 10]].concat();
        assert!(!hand_over(&notice, &mut |kind, _| kinds.push(kind)));
        assert!(hand_over(&[&overrun()[..], &notice].concat(), &mut |kind, _| kinds.push(kind)));
        assert_eq!(kinds, [u16::from_ne_bytes([26, 0]); 2]);
    }
}

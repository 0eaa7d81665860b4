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
                Ok(len) => messages(self.buffer.get(..len).unwrap_or(&[])).for_each(|message| {
                    // The keeper's word for the error that a socket of the kernel's has.
                    lost |= message.kind == NLMSG_OVERRUN;
                    each(message.kind, message.body);
                }),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The messages before those that were lost are still in the buffer.
                Err(error) if error.raw_os_error() == Some(ENOBUFS) => lost = true,
                Err(_) => return lost,
            }
        }
        lost
    }
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

//! The first process, which has started the keeper, and for which alone it is there.
//!
//! The other end of the socket can be handed on to any process, and outlive the first one. So a request counts only if the
//! kernel says that the first process has sent it, and the keeper ends when that has.
//!
//! The signal by which a parent's death can be told (`PR_SET_PDEATHSIG`) is of no use here: the kernel has the parent send it,
//! and `nobody` may send none to a process of root's.

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::{Pid, getppid};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::Error;
use crate::keeper::name_senders;

/// The time after which a keeper to which nothing is said looks if the first process is still there.
const LOOK: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// The process that has started this one.
#[derive(Debug)]
pub(super) struct First(Pid);

impl First {
    /// Finds out which process has made the socket, and has the kernel name the sender of each message.
    ///
    /// # Errors
    /// It is not the parent of this one.
    pub(super) fn of(socket: &OwnedFd) -> Result<Self, Error> {
        let maker = getsockopt(socket, PeerCredentials).map_err(io::Error::from)?;
        name_senders(socket)?;
        let first = Self(Pid::from_raw(maker.pid()));
        if first.is_there() { Ok(first) } else { Err(Error::ByHand) }
    }

    /// Returns true if it has this number.
    pub(super) fn is(&self, number: Option<i32>) -> bool {
        number == Some(self.0.as_raw())
    }

    /// Waits until something can be read from the socket, or its other end is closed. False if the process has ended before.
    pub(super) fn has_said_something(&self, socket: &OwnedFd) -> io::Result<bool> {
        loop {
            let mut polled = [PollFd::new(socket, PollFlags::IN)];
            let count = match poll(&mut polled, Some(&LOOK)) {
                Err(Errno::INTR) => 0,
                other => other?,
            };
            if !self.is_there() {
                return Ok(false);
            }
            if count > 0 {
                return Ok(true);
            }
        }
    }

    /// A process whose parent has ended is given another one.
    fn is_there(&self) -> bool {
        getppid() == self.0
    }
}

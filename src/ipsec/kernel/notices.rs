//! SAs that the kernel is given while packets are opened: what it tells the group `XFRMNLGRP_SA` of.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::{Socket, protocols::NETLINK_XFRM};
use nix::libc::{ENOBUFS, MSG_DONTWAIT};
use nix::sys::socket::{setsockopt, sockopt};
use zeroize::Zeroizing;

use super::{Error, KernelSas, LOCKDOWN, Sa, read_message};
use crate::netlink::{Refusal, messages};

const XFRMNLGRP_SA: u32 = 3;

/// Bytes for notices that nobody has read yet: of some thousand SAs.
const ROOM: usize = 8 << 20;

/// The kernel's word of every SA that is set up from now on, with its keys.
///
/// It needs `CAP_NET_ADMIN` to be opened, and nothing afterwards: a dump could not be repeated once root is left.
pub struct Notices {
    socket: Socket,
    /// Holds keys.
    buffer: Zeroizing<Vec<u8>>,
    lockdown: Option<String>,
    complaint: Option<String>,
    complained: bool,
}

impl Notices {
    /// In the network namespace of this thread. Open it before the dump, then no SA falls between the two.
    pub fn open() -> Result<Self, Error> {
        let mut socket = Socket::new(NETLINK_XFRM).map_err(Refusal::from)?;
        socket.bind_auto().map_err(Refusal::from)?;
        // Where the privilege lies in a user namespace only, the usual room has to do.
        let _ = setsockopt(&socket, sockopt::RcvBufForce, &ROOM);
        socket.add_membership(XFRMNLGRP_SA).map_err(Refusal::from)?;
        Ok(Self {
            socket,
            buffer: Zeroizing::new(vec![0; 1 << 16]),
            lockdown: std::fs::read_to_string(LOCKDOWN).ok(),
            complaint: None,
            complained: false,
        })
    }

    /// What the kernel has told of since the last call; never waits.
    pub(in crate::ipsec) fn take(&mut self) -> Vec<Sa> {
        let mut found = KernelSas::default();
        loop {
            let mut room = &mut self.buffer[..];
            match self.socket.recv(&mut room, MSG_DONTWAIT) {
                Ok(0) => break,
                // Of what else the group hears nothing is wanted.
                Ok(len) => messages(self.buffer.get(..len).unwrap_or(&[]))
                    .filter_map(|message| read_message(message.kind, message.body))
                    .for_each(|sa| found.add(sa)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // There was no room left. What came before is still there to be read.
                Err(error) if error.raw_os_error() == Some(ENOBUFS) => self.complain(
                    "the kernel was given more SAs than could be read in time; packets of some stay opaque: start again"
                        .to_owned(),
                ),
                Err(_) => break,
            }
        }
        let found = found.settle(self.lockdown.as_deref());
        if let Some(warning) = found.warning() {
            self.complain(warning);
        }
        found.sas
    }

    fn complain(&mut self, complaint: String) {
        if !self.complained {
            self.complained = true;
            self.complaint = Some(complaint);
        }
    }

    /// What to tell the user, once: that SAs were missed, or that their keys were kept back.
    pub(in crate::ipsec) fn complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// Readable when there are notices.
impl AsFd for Notices {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

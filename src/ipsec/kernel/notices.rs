//! The kernel's notices of SAs that are set up while packets are opened. It sends them to the multicast group
//! `XFRMNLGRP_SA`.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};

use super::{Error, KernelSas, LOCKDOWN, Sa, read_message};
use crate::keeper;
use crate::netlink::xfrm::XfrmError;
use crate::netlink::{Family, Subscription};

const XFRMNLGRP_SA: u32 = 3;

/// The kernel's notices of every SA that is set up from now on, with its keys.
///
/// Only opening them needs `CAP_NET_ADMIN`. They go on to arrive after root was left, when a dump would be refused.
pub struct Notices {
    /// The socket. Its buffer holds keys.
    subscription: Subscription,
    lockdown: Option<String>,
    complaint: Option<String>,
    complained: bool,
}

impl Notices {
    /// Subscribes in the network namespace of this thread. Call this before the dump, so that no SA is missed between
    /// the two.
    pub fn open() -> Result<Self, Error> {
        Ok(Self {
            subscription: Subscription::open(Family::Keys, &[XFRMNLGRP_SA]).map_err(XfrmError::from)?,
            lockdown: keeper::read_to_string(LOCKDOWN).ok(),
            complaint: None,
            complained: false,
        })
    }

    /// Returns the SAs that the kernel has reported since the last call. Never waits.
    pub(in crate::ipsec) fn take(&mut self) -> Vec<Sa> {
        let mut found = KernelSas::default();
        // The group also hears of SAs that expire or are deleted. Those messages are passed over.
        let lost = self.subscription.take(|kind, body| {
            if let Some(sa) = read_message(kind, body) {
                found.add(sa);
            }
        });
        if lost {
            self.complain(
                "the kernel was given more SAs than could be read in time; packets of some stay opaque: start again"
                    .to_owned(),
            );
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

    /// Returns the message for the user that SAs were missed or that their keys were kept back. It is returned only
    /// once.
    pub(in crate::ipsec) fn complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").field("subscription", &self.subscription).finish_non_exhaustive()
    }
}

/// The descriptor is readable when there are notices.
impl AsFd for Notices {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.subscription.as_fd()
    }
}

//! SAs that the kernel is given while packets are opened: what it tells the group `XFRMNLGRP_SA` of.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};

use super::{Error, KernelSas, LOCKDOWN, Sa, read_message};
use crate::netlink::{Family, Refusal, Subscription};

const XFRMNLGRP_SA: u32 = 3;

/// The kernel's word of every SA that is set up from now on, with its keys.
///
/// It needs `CAP_NET_ADMIN` to be opened, and nothing afterwards: a dump could not be repeated once root is left.
pub struct Notices {
    /// Holds keys.
    subscription: Subscription,
    lockdown: Option<String>,
    complaint: Option<String>,
    complained: bool,
}

impl Notices {
    /// In the network namespace of this thread. Open it before the dump, then no SA falls between the two.
    pub fn open() -> Result<Self, Error> {
        Ok(Self {
            subscription: Subscription::open(Family::Xfrm, XFRMNLGRP_SA).map_err(Refusal::from)?,
            lockdown: std::fs::read_to_string(LOCKDOWN).ok(),
            complaint: None,
            complained: false,
        })
    }

    /// What the kernel has told of since the last call; never waits.
    pub(in crate::ipsec) fn take(&mut self) -> Vec<Sa> {
        let mut found = KernelSas::default();
        // Of what else the group hears nothing is wanted.
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

    /// What to tell the user, once: that SAs were missed, or that their keys were kept back.
    pub(in crate::ipsec) fn complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").field("subscription", &self.subscription).finish_non_exhaustive()
    }
}

/// Readable when there are notices.
impl AsFd for Notices {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.subscription.as_fd()
    }
}

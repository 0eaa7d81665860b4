//! The policies that the kernel had, one moment after the other. A policy that is away for a second protects nothing in
//! that second.

use std::os::fd::{AsFd, BorrowedFd};

use super::policy::Policy;
use super::xfrm::{self, KernelPolicy};
use super::{KernelState, KernelUnread};
use crate::netlink::xfrm::{PolicyChange, PolicyChanges};

/// The most moments that are remembered.
const MOST: usize = 64;

/// The policies of each moment of a watch.
#[derive(Debug)]
pub(in crate::verify) struct PolicyHistory {
    changes: PolicyChanges,
    now: Vec<KernelPolicy>,
    /// The policies of every moment but the last.
    earlier: Vec<Vec<Policy>>,
    /// True if the kernel changed policies in a way that is not known.
    lost: bool,
}

impl PolicyHistory {
    /// Subscribes to the kernel's notices in the network namespace of this thread, and reads the policies of this moment.
    pub(in crate::verify) fn open() -> Result<Self, KernelUnread> {
        let changes = PolicyChanges::open()?;
        Ok(Self { changes, now: xfrm::policies_as_told()?, earlier: Vec::new(), lost: false })
    }

    /// Takes the notices that have come. Never waits.
    pub(in crate::verify) fn take(&mut self) {
        for change in self.changes.take(xfrm::as_told) {
            self.remember();
            self.apply(change);
        }
    }

    fn remember(&mut self) {
        let moment: Vec<Policy> = self.now.iter().map(|known| known.policy.clone()).collect();
        if self.earlier.last() == Some(&moment) {
            return;
        }
        if self.earlier.len() < MOST {
            self.earlier.push(moment);
        } else {
            self.lost = true;
        }
    }

    fn apply(&mut self, change: PolicyChange<KernelPolicy>) {
        match change {
            PolicyChange::Set(new) => {
                self.now.retain(|known| !known.is_replaced_by(&new));
                self.now.push(new);
            }
            PolicyChange::Gone { policy: Some(gone), .. } => {
                self.now.retain(|known| !known.is_replaced_by(&gone));
            }
            PolicyChange::Flushed => self.now.clear(),
            PolicyChange::Gone { policy: None, .. } | PolicyChange::Lost => self.lost = true,
        }
    }

    /// Returns true if the kernel changed policies in a way that is not known.
    pub(in crate::verify) fn is_incomplete(&self) -> bool {
        self.lost
    }

    /// Adds the moments before the last to a state of the kernel.
    pub(in crate::verify) fn add_to(&self, kernel: KernelState) -> KernelState {
        let last = kernel.policies.clone();
        let earlier = self.earlier.iter().filter(|moment| **moment != last).cloned().collect();
        KernelState { earlier, ..kernel }
    }
}

/// The descriptor is readable when there are notices.
impl AsFd for PolicyHistory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.changes.as_fd()
    }
}

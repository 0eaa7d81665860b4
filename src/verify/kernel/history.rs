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
    moments: Moments,
}

/// The policies of each moment.
#[derive(Debug, Default)]
struct Moments {
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
        Ok(Self { changes, moments: Moments { now: xfrm::policies_as_told()?, ..Moments::default() } })
    }

    /// Takes the notices that have come. Never waits.
    pub(in crate::verify) fn take(&mut self) {
        for change in self.changes.take(xfrm::as_told) {
            self.moments.change(change);
        }
    }

    /// Returns true if the kernel changed policies in a way that is not known.
    pub(in crate::verify) fn is_incomplete(&self) -> bool {
        self.moments.lost
    }

    /// Adds the moments before the last to a state of the kernel.
    pub(in crate::verify) fn add_to(&self, kernel: KernelState) -> KernelState {
        let last = kernel.policies.clone();
        let earlier = self.moments.earlier.iter().filter(|moment| **moment != last).cloned().collect();
        KernelState { earlier, ..kernel }
    }
}

impl Moments {
    fn change(&mut self, change: PolicyChange<KernelPolicy>) {
        self.remember();
        self.apply(change);
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
}

/// The descriptor is readable when there are notices.
impl AsFd for PolicyHistory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.changes.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Prefix;
    use crate::verify::kernel::{Device, PolicyDirection};

    fn policy(priority: u32) -> KernelPolicy {
        let prefix = |address: &str| Prefix::new(address.parse().unwrap(), 32).unwrap();
        KernelPolicy::of(Policy {
            direction: PolicyDirection::Out,
            source: prefix("192.0.2.1"),
            destination: prefix("192.0.2.2"),
            protocol: 17,
            source_port: (0, 0),
            port: (4789, 0xffff),
            device: Device::Any,
            interface: 0,
            mark: (0, 0),
            priority,
            block: false,
            templates: Vec::new(),
        })
    }

    #[test]
    fn a_policy_that_was_away_is_missing_in_a_moment() {
        let mut moments = Moments { now: vec![policy(1), policy(2)], ..Moments::default() };
        moments.change(PolicyChange::Gone { direction: None, index: 0, policy: Some(policy(1)) });
        moments.change(PolicyChange::Set(policy(1)));
        moments.change(PolicyChange::Flushed);
        let priorities = |policies: &Vec<Policy>| policies.iter().map(|one| one.priority).collect::<Vec<_>>();
        let earlier: Vec<_> = moments.earlier.iter().map(priorities).collect();
        assert_eq!(earlier, [vec![1, 2], vec![2], vec![2, 1]]);
        assert!(moments.now.is_empty() && !moments.lost);
    }

    #[test]
    fn changes_that_are_not_known_or_too_many_are_no_history() {
        let mut moments = Moments::default();
        moments.change(PolicyChange::Lost);
        assert!(moments.lost);
        let mut moments = Moments::default();
        (0..200).for_each(|n| moments.change(PolicyChange::Set(policy(n))));
        assert!(moments.lost && moments.earlier.len() == MOST);
    }
}

//! The changes of a network namespace, as the kernel tells of them while they happen.
//!
//! A survey shows the links, addresses, routes and entries of one moment. What comes and goes between two surveys is in
//! neither of them, but in the kernel's notices. Subscribe first and take the survey then, so that nothing is missed
//! between the two.
//!
//! The kernel tells of a link also when nothing changed that is told here, so compare it with what was known. And it
//! does not tell all. IPv4 routes that go away with their link, with an address or with a next-hop object do
//! so without a notice of their own: the notice of the link, the address or the object stands for them.

use std::os::fd::{AsFd, BorrowedFd};

use super::namespace::Namespace;
use super::survey::Error;
pub use crate::netlink::route::forwarding::Entry as ForwardingEntry;
pub use crate::netlink::route::notice::{Change, Event};
use crate::netlink::route::notice::{GROUPS, LINKS, read};
use crate::netlink::{Family, Refusal, Subscription};

/// The greatest number of changes that one call hands over.
const MOST: usize = 4096;

/// The kernel's notices of links, addresses, neighbours, forwarding entries, routes, rules and next-hop objects.
///
/// Opening them needs no privilege, unless the namespace has to be entered.
#[derive(Debug)]
pub struct Changes {
    subscription: Subscription,
}

impl Changes {
    /// Subscribes in a network namespace, or in that of this thread. Older kernels that lack some kinds of objects do
    /// not tell of these.
    pub fn open(namespace: Option<&Namespace>) -> Result<Self, Error> {
        Self::of(namespace, &GROUPS, "follow the changes of links and routes")
    }

    /// Subscribes to the notices of links only. A router has few of them, however often its routes change.
    pub fn of_links(namespace: Option<&Namespace>) -> Result<Self, Error> {
        Self::of(namespace, &LINKS, "follow the changes of links")
    }

    fn of(namespace: Option<&Namespace>, groups: &[u32], operation: &'static str) -> Result<Self, Error> {
        let opened = Namespace::run(namespace, || Subscription::open(Family::Route, groups))?;
        let subscription =
            opened.map_err(Refusal::from).map_err(|cause| Error::Kernel { operation, cause })?;
        Ok(Self { subscription })
    }

    /// Returns the changes since the last call, and never waits. If there were too many, [`Change::Lost`] is the last.
    pub fn take(&mut self) -> Vec<Change> {
        let (mut found, mut left_out) = (Vec::new(), false);
        let lost = self.subscription.take(|kind, body| {
            let Some(change) = read(kind, body) else { return };
            if found.len() < MOST {
                found.push(change);
            } else {
                left_out = true;
            }
        });
        if lost || left_out {
            found.push(Change::Lost);
        }
        found
    }
}

/// The descriptor is readable when there are changes.
impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.subscription.as_fd()
    }
}

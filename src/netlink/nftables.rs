//! The kernel's notices of firewall rules that change (linux `net/netfilter/nf_tables_api.c`).
//!
//! Rules change in transactions. The kernel tells of each object that a transaction touched, and then of the new
//! generation of the ruleset. Every object names its table in its first attribute:
//!
//! ```text
//!   0 family (1), version (1), resource (2)    struct nfgenmsg
//!   4 attributes: 1 is the table's name, ended by a zero byte
//! ```

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use super::xfrm::attribute;
use super::{Family, Subscription};

/// The group `NFNLGRP_NFTABLES`.
const GROUP: u32 = 7;
/// `NFNL_SUBSYS_NFTABLES`, in the upper byte of a message's type.
const SUBSYSTEM: u16 = 10;
const NEWGEN: u16 = 15;
/// The length of `struct nfgenmsg`.
const FIXED: usize = 4;
const TABLE: u16 = 1;

/// A change of the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RuleChange {
    /// Something of this table came, changed or went away.
    Table {
        /// The number of the address family (`NFPROTO_…`).
        family: u8,
        /// The name.
        name: String,
    },
    /// A transaction ended. All that was told before belongs to it.
    Done,
    /// Changes that are not known: there were too many, or the kernel's words were not understood.
    Lost,
}

/// The kernel's notices of the rules of nf_tables.
///
/// Only opening them needs `CAP_NET_ADMIN`. It also has the kernel load nf_tables.
#[derive(Debug)]
pub(crate) struct RuleChanges {
    subscription: Subscription,
}

impl RuleChanges {
    /// Subscribes in the network namespace of this thread. Call this before the rules are read.
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self { subscription: Subscription::open(Family::Netfilter, &[GROUP])? })
    }

    /// Hands over the changes since the last call, and never waits.
    pub(crate) fn take(&mut self, mut each: impl FnMut(RuleChange)) {
        if self.subscription.take(|kind, body| {
            if let Some(change) = read(kind, body) {
                each(change);
            }
        }) {
            each(RuleChange::Lost);
        }
    }
}

/// The descriptor is readable when there are changes.
impl AsFd for RuleChanges {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.subscription.as_fd()
    }
}

/// Reads a notice. Returns `None` if it is of something else.
pub(crate) fn read(kind: u16, body: &[u8]) -> Option<RuleChange> {
    if kind >> 8 != SUBSYSTEM {
        return None;
    }
    if kind & 0xff == NEWGEN {
        return Some(RuleChange::Done);
    }
    Some(table(body).unwrap_or(RuleChange::Lost))
}

fn table(body: &[u8]) -> Option<RuleChange> {
    let (fixed, attributes) = body.split_first_chunk::<FIXED>()?;
    let name = attribute(attributes, TABLE)?;
    let name = name.strip_suffix(&[0]).unwrap_or(name);
    Some(RuleChange::Table { family: *fixed.first()?, name: String::from_utf8_lossy(name).into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A notice about something of a table of IPv4.
    fn notice(name: &[u8]) -> Vec<u8> {
        let len = u16::try_from(4 + name.len()).unwrap();
        let mut body = vec![2, 0, 0, 9];
        body.extend(len.to_ne_bytes());
        body.extend(TABLE.to_ne_bytes());
        body.extend(name);
        body.resize(body.len().next_multiple_of(4), 0);
        body
    }

    #[test]
    fn an_object_names_its_table_and_a_generation_ends_the_transaction() {
        let docker = RuleChange::Table { family: 2, name: "docker-overlay".to_owned() };
        // NFT_MSG_DELRULE and NFT_MSG_NEWSETELEM.
        assert_eq!(read(0x0a08, &notice(b"docker-overlay\0")), Some(docker.clone()));
        assert_eq!(read(0x0a0c, &notice(b"docker-overlay\0")), Some(docker));
        assert_eq!(read(0x0a0f, &[0; 20]), Some(RuleChange::Done));
        // Another subsystem, that of connection tracking.
        assert_eq!(read(0x0100, &notice(b"docker-overlay\0")), None);
    }

    #[test]
    fn an_object_without_a_table_may_be_of_any() {
        assert_eq!(read(0x0a00, &[]), Some(RuleChange::Lost));
        assert_eq!(read(0x0a00, &[2, 0, 0, 9]), Some(RuleChange::Lost));
        assert_eq!(read(0x0a00, &notice(b"docker")[..6]), Some(RuleChange::Lost));
    }
}

//! The verdict on each node, made from its two legs alone.
//!
//! A node that is dead, or that was removed and is still in a table, says nothing on the others. Such a node is
//! *unreachable*: nothing of it arrived, nothing of the network left for it that could be read, and nothing else can
//! have hidden its packets. The last part is why only a few reasons qualify. A capture that lost frames, a frame that is
//! not decoded or an interface that does not show its wire may have hidden a leak, and a node with such a reason counts
//! as every other.

use std::net::IpAddr;

use super::{LegReport, Report};
use crate::verify::verdict::{Reason, Verdict};
use crate::verify::way::Way;

/// The report on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeReport {
    /// Its underlay address.
    pub address: IpAddr,
    /// The worse verdict of its legs.
    pub verdict: Verdict,
    /// The reason for that verdict.
    pub reason: Reason,
    /// False if nothing of the node arrived.
    pub reachable: bool,
}

impl Report {
    /// Returns the report on each node, in the order of the legs. A network without any peer has none.
    pub fn nodes(&self) -> Vec<NodeReport> {
        let mut addresses: Vec<IpAddr> = self.legs.iter().filter_map(LegReport::node).collect();
        addresses.dedup();
        let probing = self.legs.iter().any(|leg| leg.counts.probes > 0);
        let node = |address| {
            let legs = || self.legs.iter().filter(move |leg| leg.node() == Some(address));
            let (verdict, reason) = worst(legs());
            let unreachable = legs().count() == Way::BOTH.len() && legs().all(|leg| leg.is_silent(probing));
            NodeReport { address, verdict, reason, reachable: !unreachable }
        };
        addresses.into_iter().map(node).collect()
    }
}

impl LegReport {
    /// Returns the address of the node at the other end.
    pub fn node(&self) -> Option<IpAddr> {
        match self.way {
            Way::Out => self.to,
            Way::Back => self.from,
        }
    }

    /// Returns true if the leg is as it would be if there were no node at its other end. `probing` is true if probes
    /// were sent to any node. Without probes a capture may show one direction only, and what left without an answer
    /// then tells nothing on the node.
    fn is_silent(&self, probing: bool) -> bool {
        let counts = &self.counts;
        if counts.answered > 0 || counts.clear + counts.auth_only + counts.copies > 0 {
            return false;
        }
        match self.way {
            Way::Back => {
                counts.esp + counts.opened + counts.opaque == 0
                    && matches!(self.reason, Reason::NoTraffic | Reason::NoTarget | Reason::OneDirection)
            }
            Way::Out => match self.reason {
                Reason::NoTraffic | Reason::NoTarget | Reason::NoSa | Reason::PolicyBlock => true,
                // The packets that left were encrypted, or may be another tunnel's. Either way nobody answered them.
                Reason::BlockedEsp
                | Reason::NoAnswer
                | Reason::OtherTunnel
                | Reason::TooFew
                | Reason::Opened
                | Reason::Lengths => probing,
                _ => false,
            },
        }
    }
}

/// Returns the worst verdict of these legs, with the reason of the first leg that has it. A leg that is proven to be
/// readable outweighs all doubt.
pub(in crate::verify) fn worst<'l>(legs: impl Iterator<Item = &'l LegReport>) -> (Verdict, Reason) {
    let worst = legs.min_by_key(|leg| severity(leg.verdict));
    worst.map_or((Verdict::Inconclusive, Reason::NoTraffic), |leg| (leg.verdict, leg.reason))
}

/// Returns the place of a verdict among those on legs: the gravest is first.
pub(in crate::verify) fn severity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Clear => 0,
        Verdict::AuthOnly => 1,
        Verdict::Blackholed => 2,
        Verdict::Inconclusive => 3,
        Verdict::NotEnforced => 4,
        Verdict::Encrypted => 5,
    }
}

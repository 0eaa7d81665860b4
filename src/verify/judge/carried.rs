//! A leg whose packets WireGuard carries: its proof, and its reasons.
//!
//! The device shows packets before they are encrypted, so nothing on it proves anything. The proof is on the wire below:
//! for each probe a data message of the right length, to the endpoint of the peer that the node is behind. The kernel's
//! counters of that peer have to agree. Nobody has a key to look inside, so the proof ends at E3.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::carrier::Carrier;
use super::super::lengths::{Expected, Law, explained};
use super::super::report::WireGuardSeen;
use super::super::tally::Probe;
use super::super::verdict::{Reason, Rung, Verdict};
use super::super::way::Way;
use super::{Case, Decision};
use crate::packet::IpVersion;

impl Case<'_> {
    /// Returns true if a WireGuard tunnel carries the leg, as the kernel says.
    pub(super) fn is_carried(&self) -> bool {
        self.carriers().next().is_some()
    }

    fn carriers(&self) -> impl Iterator<Item = &Carrier> {
        self.tally.question.carriers_to(self.peer)
    }

    /// Returns the bytes that the tunnels counted on this way during the watch; `None` if they were not read twice.
    pub(super) fn carried_bytes(&self, way: Way) -> Option<u64> {
        let counted = |carrier: &Carrier| match way {
            Way::Out => carrier.sent,
            Way::Back => carrier.received,
        };
        let during = |before: &Carrier| {
            let mut after = self.circumstances.carriers.iter().filter(|after| after.is_same_tunnel(before));
            let (now, was) = (after.next().map(counted)?, counted(before));
            // A peer that was removed and added again counts from zero.
            Some(now.checked_sub(was).unwrap_or(now))
        };
        self.carriers().map(during).sum()
    }

    /// Returns true if the counters of the tunnels did not move, so that nothing of the network can have passed.
    pub(super) fn is_at_rest(&self, way: Way) -> bool {
        self.is_carried() && self.carried_bytes(way) == Some(0)
    }

    /// Counts the probes that a data message of the right length can be matched to.
    ///
    /// Nodes behind the same peer share its tunnel, and probes to them have the same lengths at the same time. So the
    /// messages have to be enough for all of them, and what is missing counts against each.
    pub(super) fn matched_messages<'p>(&self, way: Way, probes: impl Iterator<Item = &'p Probe>) -> u64 {
        let when = |probe: &Probe| Expected { from: probe.sent.nanos, inner: probe.inner_len };
        let own: Vec<Expected> = probes.map(when).collect();
        let others = self.probes_beside();
        let due = others.iter().filter(|probe| probe.answered || way == Way::Out && probe.due);
        let mut expected = own.clone();
        expected.extend(due.map(when));
        expected.sort_by_key(|probe| probe.from);
        let mut sent: Vec<Expected> = self.probes.iter().chain(&others).map(when).collect();
        sent.sort_by_key(|probe| probe.from);
        let passed = &self.evidence(way).messages.lengths;
        if own.is_empty() || passed.is_empty() {
            return 0;
        }
        let mtus = self.mtus(way);
        let laws = Law::of_wireguard(self.tally.question.network.form, IpVersion::of(self.peer), &mtus);
        let missing = expected.len() - explained(laws, &expected, &sent, passed);
        own.len().saturating_sub(missing) as u64
    }

    /// Returns the probes to other nodes that the same tunnels carry.
    fn probes_beside(&self) -> Vec<Probe> {
        let same = |other: &&Carrier| {
            other.node != self.peer && self.carriers().any(|carrier| carrier.is_same_tunnel(other))
        };
        let nodes: BTreeSet<IpAddr> =
            self.tally.question.carriers.iter().filter(same).map(|carrier| carrier.node).collect();
        self.circumstances.probes.iter().filter(|probe| nodes.contains(&probe.peer)).copied().collect()
    }

    /// Returns the MTUs that may be a bound to padding: that of the device, that of the longest message that passed,
    /// because the route or the other end may have a lower one, and none.
    fn mtus(&self, way: Way) -> Vec<u32> {
        /// The length of the header and of the tag around the ciphertext.
        const AROUND: u32 = 32;
        let longest = self.evidence(way).messages.lengths.iter().map(|passed| passed.len).max().unwrap_or(0);
        let mut mtus: Vec<u32> = self.carriers().map(|carrier| carrier.mtu).collect();
        mtus.extend([longest.saturating_sub(AROUND), 0]);
        mtus.sort_unstable();
        mtus.dedup();
        mtus
    }

    /// Decides on a leg that WireGuard carries, if no probe was delivered and nothing of it is proven. Returns `None` if
    /// something was delivered, or nothing was tried.
    pub(super) fn no_tunnel(&self, way: Way) -> Option<Decision> {
        if !self.is_carried() || !self.is_probed() || self.answered > 0 {
            return None;
        }
        let (out, back) = (&self.pair.out.messages, &self.pair.back.messages);
        if out.data > 0 || back.data > 0 {
            return None;
        }
        // Without a try of a handshake, the packets may have gone by another way.
        let tried = way == Way::Out && out.handshakes > 0;
        let verdict = if tried { Verdict::Blackholed } else { Verdict::Inconclusive };
        Some((verdict, self.configured(), Reason::NoHandshake))
    }

    /// Returns the reason if messages of the tunnel passed and do not show the probes.
    pub(super) fn unclear(&self, way: Way) -> Option<Reason> {
        let passed = self.is_carried() && self.evidence(way).messages.data > 0;
        passed.then_some(Reason::WireGuardUnclear)
    }

    /// Describes the tunnel and what was seen of it on a leg.
    pub(super) fn wireguard(&self, way: Way) -> Option<WireGuardSeen> {
        let carrier = self.carriers().next()?;
        let messages = &self.evidence(way).messages;
        Some(WireGuardSeen {
            device: carrier.device.clone(),
            endpoint: carrier.endpoint,
            messages: messages.data,
            sessions: messages.sessions.values().filter(|session| session.messages > 0).count(),
            tied: messages.tied(),
            bytes: self.carried_bytes(way),
        })
    }

    /// Returns the rung of a leg that the kernel says WireGuard carries.
    pub(super) fn carried_rung(&self) -> Option<Rung> {
        let moved = |way| self.carried_bytes(way).is_some_and(|bytes| bytes > 0);
        self.is_carried().then(|| if moved(Way::Out) { Rung::Counted } else { Rung::Armed })
    }
}

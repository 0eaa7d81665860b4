//! The proof that a leg is encrypted, and the doubts that take it away.

use super::super::evidence::Evidence;
use super::super::kernel::{Lengths, SaState};
use super::super::lengths::{Expected, Law, Passed, explained};
use super::super::tally::{OTHERS, Probe};
use super::super::verdict::{Reason, Rung, Verdict};
use super::super::way::Way;
use super::filter::Clear;
use super::{Case, Decision, ENOUGH};
use crate::packet::Spi;

impl Case<'_> {
    /// Returns true if probes went to this peer. A peer without a known overlay address is judged by the packets that
    /// pass.
    pub(super) fn is_probed(&self) -> bool {
        !self.probes.is_empty()
    }

    /// Returns true if a probe went to an address of this peer that somebody is known to have. If none of the others is answered,
    /// maybe nobody has their addresses.
    pub(super) fn has_known_target(&self) -> bool {
        self.probes.iter().any(|probe| !probe.presumed)
    }

    /// Returns true if this peer was probed from an address that it has too, so that no reply came back.
    pub(super) fn is_unanswerable(&self) -> bool {
        let entry = self.tally.question.network.entry.as_ref();
        self.is_probed() && entry.is_some_and(|entry| entry.shared) && self.delivered() == 0
    }

    /// Counts the probes that reached the peer: their replies came, or were seen on their way to this node.
    pub(super) fn delivered(&self) -> u64 {
        let back = &self.pair.back;
        let echoes = back.echoes();
        let kinds = [&back.clear, &back.opened, &back.null, &back.gmac, &back.ah, &back.macsec, &back.psp];
        self.answered.max(echoes).max(kinds.iter().map(|seen| seen.canaries).sum())
    }

    /// Returns the rung and the reason if ESP is proven to be the network's: it was opened and carries the network's
    /// frames, or its lengths are those of the probes. On the leg out to a probed peer only the probes count.
    pub(super) fn attributed(&self, way: Way) -> Option<(Rung, Reason)> {
        let evidence = self.evidence(way);
        let opened = if self.is_probed() && way == Way::Out {
            evidence.opened.canaries.max(evidence.echoes())
        } else {
            evidence.opened.count
        };
        // If the target does not resolve, the overlay sends the question for its link-layer address in place of the
        // probes.
        let asked = self.is_probed() && self.answered == 0 && evidence.opened.count >= ENOUGH;
        if opened >= ENOUGH || asked {
            return Some((Rung::Opened, Reason::Opened));
        }
        // One that is missing is named later (`unaccounted`).
        let due = self.due(way).count().max(1) as u64;
        let matched = match way {
            // Replies that the kernel of this host refused were on the wire all the same.
            Way::Back if self.answered == 0 => self.matched_by_length(way, self.probes.iter()),
            _ => self.matched(way),
        };
        let reason = if self.is_carried() { Reason::WireGuard } else { Reason::Lengths };
        let enough = matched >= ENOUGH && matched * 4 >= due * 3 && !self.is_at_rest(way);
        enough.then_some((Rung::Seen, reason))
    }

    /// Yields the probes that must be seen on a leg. On the way out these are all that left, answered or not. On the way
    /// back they are those with a reply.
    fn due(&self, way: Way) -> impl Iterator<Item = &Probe> {
        let longest = self.longest();
        self.probes.iter().filter(move |probe| match way {
            Way::Out => probe.answered || probe.due && probe.inner_len <= longest,
            Way::Back => probe.answered,
        })
    }

    /// Returns the length of the longest probe that passed, if any did. An overlay may take longer packets than its
    /// underlay can carry. The kernel then drops every one of them, so that none is seen or answered.
    fn longest(&self) -> u32 {
        /// Every underlay can carry a packet of this length in bytes, with what an overlay and ESP add to it.
        const CARRIED: u32 = 1000;
        let out = &self.pair.out;
        let passed = |probe: &&Probe| probe.answered || out.has_echo(probe.sequence, probe.sent);
        let longest = self.probes.iter().filter(passed).map(|probe| probe.inner_len).max();
        longest.map_or(u32::MAX, |longest| longest.max(CARRIED))
    }

    /// Returns the length in bytes, from the IP header on, of the shortest probe that was too long to leave.
    pub(super) fn too_long(&self) -> Option<u32> {
        /// The length of an Ethernet header.
        const ETHERNET: u32 = 14;
        let longest = self.longest();
        let too_long = self.probes.iter().filter(|probe| probe.due && probe.inner_len > longest);
        too_long.map(|probe| probe.inner_len.saturating_sub(ETHERNET)).min()
    }

    /// Counts the probes that an ESP packet of the right length can be matched to.
    pub(super) fn matched(&self, way: Way) -> u64 {
        self.matched_by_length(way, self.due(way))
    }

    fn matched_by_length<'p>(&self, way: Way, probes: impl Iterator<Item = &'p Probe>) -> u64 {
        if self.is_carried() {
            return self.matched_messages(way, probes);
        }
        let when = |probe: &Probe| Expected { from: probe.sent.nanos, inner: probe.inner_len };
        let expected: Vec<Expected> = probes.map(when).collect();
        let sent: Vec<Expected> = self.probes.iter().map(when).collect();
        // The packets of an SA that does not encrypt are no proof, even if they look opaque. Where an SA pads its
        // packets, their lengths say nothing.
        let evidence = self.evidence(way);
        let is_lawful = |sa: &SaState| sa.encrypts && sa.lengths == Lengths::Lawful;
        let left_out: Vec<Spi> = self.sas(way).filter(|sa| !is_lawful(sa)).map(|sa| sa.spi).collect();
        let passed: Vec<Passed> =
            evidence.lengths.iter().filter(|esp| !left_out.contains(&esp.spi)).copied().collect();
        if expected.is_empty() || passed.is_empty() {
            return 0;
        }
        let laws = Law::of_esp(self.tally.question.network.form);
        explained(laws, &expected, &sent, &passed) as u64
    }

    /// Returns true if packets of the leg passed whose lengths prove nothing, because their SA pads or aggregates what it
    /// carries, or is carried in TCP.
    pub(super) fn has_no_length_law(&self, way: Way) -> bool {
        let evidence = self.evidence(way);
        let passed = |sa: &SaState| match sa.lengths {
            Lengths::Lawful => false,
            Lengths::Padded => evidence.esp.contains_key(&sa.spi),
            // A stream that began before the capture is not recognised.
            Lengths::Streamed => sa.packets > 0,
        };
        evidence.lawless > 0 || self.sas(way).any(passed)
    }

    /// Returns the reason if the proof does not cover everything: a probe that was not seen, or a VNI.
    pub(super) fn unaccounted(&self, way: Way, rung: Rung) -> Option<Reason> {
        let evidence = self.evidence(way);
        let missing = || self.due(way).filter(|probe| !evidence.has_echo(probe.sequence, probe.sent));
        let missed = missing().count() as u64;
        if missed > 0 && self.matched_by_length(way, missing()) < missed {
            if self.has_no_length_law(way) {
                return Some(Reason::NoLengthLaw);
            }
            let delivered = missing().any(|probe| probe.answered);
            return Some(if delivered { self.delivered_unseen() } else { Reason::ProbeUnseen });
        }
        let vnis = &self.tally.question.network.vnis;
        // ESP does not show its VNI, and a policy or a firewall's mark may be for one VNI only. So each VNI has to be
        // found inside opened ESP.
        let silent = |vni| rung < Rung::Opened || !evidence.vnis.contains(vni);
        (vnis.len() > 1 && vnis.iter().any(silent)).then_some(Reason::SilentVni)
    }

    /// Returns true if the frames were captured as they passed, and not read from a file.
    pub(super) fn is_live(&self) -> bool {
        self.tally.is_live()
    }

    /// Returns true if a filter of the file would have kept clear frames of a leg out.
    fn is_filtered(&self, way: Way) -> bool {
        let Some(local) = self.local else { return !self.circumstances.filters.is_empty() };
        let (from, to) = way.sender_and_receiver(local, self.peer);
        let network = &self.tally.question.network;
        let (port, mut vnis) = (network.port, network.vnis.iter().map(|vni| Some(*vni)));
        let kept_out = |vni| {
            let clear = Clear { from, to, port, vni };
            self.circumstances.filters.iter().any(|(filter, link)| clear.is_kept_out(filter, *link))
        };
        vnis.any(kept_out)
    }

    /// Returns true if the capture was made on another host than this node: it says that all packets of this node
    /// arrived there.
    pub(super) fn is_captured_elsewhere(&self) -> bool {
        !self.is_live() && self.tally.senders.arrived > 0 && self.tally.senders.left == 0
    }

    /// Returns the reason if the clear frames of a file need not be this node's leak. A capture on all links also shows
    /// the devices above the encryption, and anybody may have sent frames with this node's address.
    pub(super) fn unlike_a_leak(&self) -> Option<Reason> {
        let evidence = &self.pair.out;
        if self.is_live() {
            None
        } else if evidence.clear_on.share_no_link(&self.tally.opaque_on) {
            Some(Reason::OpaqueTransport)
        } else if self.tally.senders.left == 0 && evidence.clear_on.share_no_card(&evidence.esp_on) {
            Some(Reason::UnknownSender)
        } else {
            None
        }
    }

    /// Returns true if frames of a file between other addresses may be this node's under another address.
    fn others_may_be_ours(&self) -> bool {
        let tally = self.tally;
        if tally.senders.left + tally.senders.arrived > 0 {
            return tally.left_for_others > 0;
        }
        tally.unplaced > 0 || tally.between_others_on.may_share_a_card(&tally.senders.on)
    }

    /// Decides on the leg out if it was encrypted, but no probe reached the peer.
    pub(super) fn undelivered(&self, rung: Rung) -> Decision {
        let back = &self.pair.back;
        let comes_through = back.opened_transport + back.opened_tunnel > 0
            || back.messages.data > 0
            || self.kernel.is_none() && self.attributed(Way::Back).is_some();
        let refused = self.refused();
        let is_known = self.has_known_target();
        if refused.is_none() && (comes_through || !is_known) {
            // The peer's packets come through, or maybe nobody was asked. The target may refuse pings or not be there, or a
            // firewall of this host may drop the replies.
            return (Verdict::Inconclusive, Some(rung), Reason::NoAnswer);
        }
        let verdict = if is_known { Verdict::Blackholed } else { Verdict::Inconclusive };
        (verdict, Some(rung), self.why_nothing_arrives())
    }

    /// Returns the reason if clear frames may have passed that were not seen or not recognised.
    pub(super) fn incomplete(&self, way: Way) -> Option<Reason> {
        let evidence = self.evidence(way);
        // A peer that nobody named may have been counted among the others.
        let others = self.tally.pairs.get(&OTHERS).filter(|_| !self.named);
        let others = others.map(|pair| pair.evidence(way));
        let any = |count: fn(&Evidence) -> u64| count(evidence) + others.map_or(0, count) > 0;
        if self.circumstances.cut_short.is_some() {
            return Some(Reason::CutShort);
        }
        if self.circumstances.dropped.is_some_and(|dropped| dropped > 0) {
            return Some(Reason::Drops);
        }
        if self.tally.undecoded.count > 0 {
            return Some(Reason::Undecoded);
        }
        if !self.is_live() && (self.is_filtered(way) || self.tally.not_esp == 0) {
            return Some(Reason::Filtered);
        }
        if self.tally.illegible > 0 || any(|evidence| evidence.truncated) {
            return Some(Reason::Truncated);
        }
        if any(|evidence| evidence.lone_fragments) {
            return Some(Reason::Fragments);
        }
        if !self.is_live() && self.others_may_be_ours() {
            return Some(Reason::UnknownSender);
        }
        any(|evidence| evidence.other_port).then_some(Reason::OtherPort)
    }
}

//! What proves that a direction is encrypted, and what takes the proof away.

use super::super::evidence::Evidence;
use super::super::lengths::{Expected, Passed, explained};
use super::super::tally::{OTHERS, Probe};
use super::super::verdict::{Reason, Rung, Verdict};
use super::super::way::Way;
use super::{Case, Decision, ENOUGH};
use crate::packet::Spi;

impl Case<'_> {
    /// Whether probes went to this peer. Of one whose overlay address nobody knows, what passes by is judged.
    pub(super) fn is_probed(&self) -> bool {
        !self.probes.is_empty()
    }

    /// Probes that reached the peer: those whose reply came, or was seen on its way to us.
    pub(super) fn delivered(&self) -> u64 {
        let back = &self.pair.back;
        let kinds = [&back.clear, &back.opened, &back.null, &back.gmac, &back.ah, &back.macsec];
        self.answered.max(kinds.iter().map(|seen| seen.canaries).sum())
    }

    /// Which ESP is the network's: opened with the canary in it, or as long as the probes ask for.
    pub(super) fn attributed(&self, way: Way) -> Option<(Rung, Reason)> {
        let evidence = self.evidence(way);
        let opened = if self.is_probed() && way == Way::Out {
            evidence.opened.canaries
        } else {
            evidence.opened.count
        };
        // An overlay whose neighbours do not answer sends no probes, only the question for their addresses.
        let asked = self.is_probed() && self.answered == 0 && evidence.opened.count >= ENOUGH;
        if opened >= ENOUGH || asked {
            return Some((Rung::Opened, Reason::Opened));
        }
        let due = if self.answered > 0 { self.answered } else { self.probes.len() as u64 };
        let matched = self.matched(way);
        (due >= ENOUGH && matched >= due && matched >= ENOUGH).then_some((Rung::Seen, Reason::Lengths))
    }

    /// How many probes, answered ones if there are such, an ESP packet of the right length stands for.
    pub(super) fn matched(&self, way: Way) -> u64 {
        let due = self.probes.iter().filter(|probe| self.answered == 0 || probe.answered);
        let when = |probe: &Probe| Expected { from: probe.sent.nanos, inner: probe.inner_len };
        let expected: Vec<Expected> = due.map(when).collect();
        let sent: Vec<Expected> = self.probes.iter().map(when).collect();
        // What the kernel says does not encrypt is no proof, however opaque it looks.
        let evidence = self.evidence(way);
        let plain: Vec<Spi> = self.sas(way).filter(|sa| !sa.encrypts).map(|sa| sa.spi).collect();
        let passed: Vec<Passed> =
            evidence.lengths.iter().filter(|esp| !plain.contains(&esp.spi)).copied().collect();
        if expected.is_empty() || passed.is_empty() {
            return 0;
        }
        explained(&expected, &sent, &passed) as u64
    }

    /// Why what was proven is not all that passed.
    pub(super) fn unaccounted(&self, way: Way, rung: Rung) -> Option<Reason> {
        let evidence = self.evidence(way);
        let opened = if way == Way::Out { evidence.opened.canaries } else { evidence.opened.count };
        if opened + evidence.unopened() < self.answered {
            return Some(self.passes_elsewhere());
        }
        let vnis = &self.tally.question.network.vnis;
        // ESP does not say of which VNI it is, and a policy or a firewall's mark may be for one of them only.
        let silent = |vni| rung < Rung::Opened || !evidence.vnis.contains(vni);
        (vnis.len() > 1 && vnis.iter().any(silent)).then_some(Reason::SilentVni)
    }

    /// What left was encrypted, and no probe was answered.
    pub(super) fn undelivered(&self, rung: Rung) -> Decision {
        let back = &self.pair.back;
        let comes_through = back.opened_transport + back.opened_tunnel > 0
            || self.kernel.is_none() && self.attributed(Way::Back).is_some();
        if self.refused().is_none() && comes_through {
            // It may be only the target that refuses pings or is not there, or a firewall here that drops the replies.
            return (Verdict::Inconclusive, Some(rung), Reason::NoAnswer);
        }
        (Verdict::Blackholed, Some(rung), self.why_nothing_arrives())
    }

    /// Why absence of clear frames is not proven.
    pub(super) fn incomplete(&self, way: Way) -> Option<Reason> {
        let evidence = self.evidence(way);
        // What was not told apart may have been about anybody who is not named.
        let others = self.tally.pairs.get(&OTHERS).filter(|_| !self.named);
        let others = others.map(|pair| pair.evidence(way));
        let any = |count: fn(&Evidence) -> u64| count(evidence) + others.map_or(0, count) > 0;
        if self.circumstances.cut_short.is_some() {
            return Some(Reason::CutShort);
        }
        if self.circumstances.dropped.is_some_and(|dropped| dropped > 0) {
            return Some(Reason::Drops);
        }
        if self.tally.undecoded > 0 {
            return Some(Reason::Undecoded);
        }
        if self.tally.illegible > 0 || any(|evidence| evidence.truncated) {
            return Some(Reason::Truncated);
        }
        if any(|evidence| evidence.lone_fragments) {
            return Some(Reason::Fragments);
        }
        any(|evidence| evidence.other_port).then_some(Reason::PortMismatch)
    }
}

//! What proves that a direction is encrypted, and what takes the proof away.

use super::super::evidence::Evidence;
use super::super::lengths::{Expected, explained};
use super::super::verdict::{Reason, Rung};
use super::{Case, ENOUGH};

impl Case<'_> {
    /// Probes that reached the peer: those whose reply came, or was seen on its way to us.
    pub(super) fn delivered(&self) -> u64 {
        let back = &self.pair.back;
        let kinds = [&back.clear, &back.opened, &back.null, &back.gmac, &back.ah, &back.macsec];
        self.answered.max(kinds.iter().map(|seen| seen.canaries).sum())
    }

    /// Which ESP is the network's: opened with the canary in it, or as long as the probes ask for.
    pub(super) fn attributed(&self, evidence: &Evidence) -> Option<(Rung, Reason)> {
        let leaves = std::ptr::eq(evidence, &raw const self.pair.out);
        let opened = if self.probing && leaves { evidence.opened.canaries } else { evidence.opened.count };
        // An overlay whose neighbours do not answer sends no probes, only the question for their addresses.
        let asked = self.probing && self.answered == 0 && evidence.opened.count >= ENOUGH;
        if opened >= ENOUGH || asked {
            return Some((Rung::Opened, Reason::Opened));
        }
        let due = if self.answered > 0 { self.answered } else { self.probes.len() as u64 };
        let matched = self.matched(evidence);
        (due >= ENOUGH && matched >= due && matched >= ENOUGH).then_some((Rung::Seen, Reason::Lengths))
    }

    /// How many probes, answered ones if there are such, an ESP packet of the right length stands for.
    pub(super) fn matched(&self, evidence: &Evidence) -> u64 {
        let due = self.probes.iter().filter(|probe| self.answered == 0 || probe.answered);
        let expected: Vec<Expected> =
            due.map(|probe| Expected { from: probe.sent.nanos, inner: probe.inner_len }).collect();
        if expected.is_empty() || evidence.lengths.is_empty() {
            return 0;
        }
        explained(&expected, &evidence.lengths) as u64
    }

    /// Why absence of clear frames is not proven.
    pub(super) fn incomplete(&self, evidence: &Evidence) -> Option<Reason> {
        if self.ending.cut_short.is_some() {
            return Some(Reason::CutShort);
        }
        if self.ending.dropped.is_some_and(|dropped| dropped > 0) {
            return Some(Reason::Drops);
        }
        if evidence.truncated > 0 {
            return Some(Reason::Truncated);
        }
        if evidence.lone_fragments > 0 {
            return Some(Reason::Fragments);
        }
        (evidence.other_port > 0).then_some(Reason::PortMismatch)
    }
}

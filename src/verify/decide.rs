//! From evidence to verdicts: the table of what was seen to what may be said.
//!
//! What leaves this node decides, since a capture sees it as it is on the wire. What arrives may be a copy that the
//! kernel shows after decryption: then the ESP it came in, or the kernel's state, has to explain it.

mod proof;
mod reasons;

use std::net::IpAddr;

use super::evidence::Evidence;
use super::findings;
use super::judge::{Ending, Judge, Pair, Probe};
use super::kernel::Kernel;
use super::network::Source;
use super::report::{Counts, Direction, EspSeen, Report};
use super::verdict::{Reason, Rung, Verdict};
use crate::ipsec::docker_tag;

/// Packets that prove a direction; fewer are too few.
const ENOUGH: u64 = 3;

/// What leaves this node, and what arrives.
const OUT: bool = true;
const BACK: bool = false;

type Decision = (Verdict, Option<Rung>, Reason);

/// The report of all that was observed.
pub(super) fn report(judge: &Judge, ending: Ending) -> Report {
    let network = &judge.question.network;
    let mut directions = Vec::new();
    for (&peer, pair) in &judge.pairs {
        if is_of_the_network(judge, peer, pair) {
            let case = Case::new(judge, &ending, peer, pair);
            directions.push(case.direction(OUT));
            directions.push(case.direction(BACK));
        }
    }
    if directions.is_empty() {
        directions.push(nobody(judge, &ending));
    }
    let (verdict, reason) = overall(judge, &ending, &directions);
    let findings = findings::find(judge, &ending, &directions);
    Report {
        network: network.name.clone(),
        source: network.source,
        vnis: network.vnis.clone(),
        port: network.port,
        configured: network.encrypted,
        captured: ending.source,
        nanos: ending.nanos,
        frames: judge.frames,
        dropped: ending.dropped,
        directions,
        verdict,
        reason,
        findings,
    }
}

/// Whether a peer is one that was named, or frames of the network went between it and us.
fn is_of_the_network(judge: &Judge, peer: IpAddr, pair: &Pair) -> bool {
    let named = judge.question.network.peers.iter().any(|known| known.underlay == peer);
    let showed = |evidence: &Evidence| {
        evidence.clear.count + evidence.opened.count + auth_only(evidence).0 + evidence.other_port > 0
    };
    named || showed(&pair.out) || showed(&pair.back)
}

fn auth_only(evidence: &Evidence) -> (u64, Option<(Reason, Option<super::evidence::Sighting>)>) {
    let kinds = [
        (&evidence.null, Reason::EspNull),
        (&evidence.gmac, Reason::EspGmac),
        (&evidence.ah, Reason::AhOnly),
        (&evidence.macsec, Reason::MacsecIntegrity),
    ];
    let count = kinds.iter().map(|(seen, _)| seen.count).sum();
    let first = kinds.iter().find(|(seen, _)| seen.count > 0);
    (count, first.map(|(seen, reason)| (*reason, seen.shown)))
}

/// One peer, with all that bears on it.
struct Case<'a> {
    judge: &'a Judge,
    ending: &'a Ending,
    kernel: Option<&'a Kernel>,
    peer: IpAddr,
    local: Option<IpAddr>,
    pair: &'a Pair,
    probes: Vec<Probe>,
    answered: u64,
    /// Something was to be probed; this peer was, if there are probes.
    probing: bool,
    named: bool,
}

impl<'a> Case<'a> {
    fn new(judge: &'a Judge, ending: &'a Ending, peer: IpAddr, pair: &'a Pair) -> Self {
        let probes: Vec<Probe> = ending.probes.iter().filter(|probe| probe.peer == peer).copied().collect();
        let answered = probes.iter().filter(|probe| probe.answered).count() as u64;
        Self {
            judge,
            ending,
            kernel: ending.kernel.as_ref(),
            peer,
            local: judge.question.local_to(peer),
            pair,
            probes,
            answered,
            probing: judge.question.canary.is_some(),
            named: judge.question.network.peers.iter().any(|known| known.underlay == peer),
        }
    }

    fn evidence(&self, out: bool) -> &Evidence {
        if out { &self.pair.out } else { &self.pair.back }
    }

    fn direction(&self, out: bool) -> Direction {
        let evidence = self.evidence(out);
        let (verdict, rung, reason) = if out { self.leaving() } else { self.arriving() };
        let (auth, first) = auth_only(evidence);
        let clear = if out { evidence.clear.count } else { evidence.unexplained };
        let (from, to) = if out { (self.local, Some(self.peer)) } else { (Some(self.peer), self.local) };
        let shown = if clear > 0 { evidence.clear.shown } else { first.and_then(|(_, shown)| shown) };
        let counts = Counts {
            clear,
            auth_only: auth,
            esp: evidence.esp_packets,
            opened: evidence.opened.count,
            canaries: evidence.opened.canaries,
            copies: evidence.clear.count - clear,
            probes: self.probes.len() as u64,
            answered: self.answered,
            matched: self.matched(out),
            opaque: evidence.opaque,
        };
        Direction { from, to, out, verdict, rung, reason, counts, esp: self.esp(evidence, out), shown }
    }

    fn esp(&self, evidence: &Evidence, out: bool) -> Vec<EspSeen> {
        let ends = self.local.map(|local| if out { (local, self.peer) } else { (self.peer, local) });
        let seen = evidence.esp.iter().map(|(&spi, esp)| {
            let state = ends
                .zip(self.kernel)
                .and_then(|((from, to), kernel)| kernel.between_hosts(from, to).find(|sa| sa.spi == spi));
            EspSeen {
                spi,
                packets: esp.packets,
                algorithm: state.map(|sa| sa.algorithm.clone()),
                icv_bits: state.map(|sa| sa.icv_bits).filter(|bits| *bits > 0),
                docker_tag: ends.and_then(|(from, to)| docker_tag(from, to, spi)).map(|found| found.tag),
            }
        });
        seen.collect()
    }

    /// What leaves this node.
    fn leaving(&self) -> Decision {
        let evidence = &self.pair.out;
        let offload = self.sas(true).any(|sa| sa.offload);
        if evidence.clear.count > 0 {
            if offload {
                return (Verdict::Inconclusive, Some(Rung::Seen), Reason::NicOffload);
            }
            return (Verdict::Clear, Some(Rung::Seen), self.why_clear());
        }
        if let Some((reason, _)) = auth_only(evidence).1 {
            if offload {
                return (Verdict::Inconclusive, Some(Rung::Seen), Reason::NicOffload);
            }
            return (Verdict::AuthOnly, Some(Rung::Seen), reason);
        }
        match self.attributed(OUT) {
            Some((rung, reason)) => {
                if let Some(reason) = self.incomplete(OUT) {
                    return (Verdict::Inconclusive, Some(rung), reason);
                }
                if self.is_probed() && self.delivered() == 0 {
                    return self.undelivered(rung);
                }
                if self.is_probed() && self.answered == 0 && self.pair.back.unexplained == 0 {
                    // Replies came as ESP, and our own kernel did not let them in.
                    return (Verdict::Inconclusive, Some(rung), Reason::NoAnswer);
                }
                if self.judge.bare > 0 {
                    return (Verdict::Inconclusive, Some(rung), Reason::CanaryBare);
                }
                if self.judge.inside > 0 {
                    return (Verdict::Inconclusive, Some(rung), Reason::OpaqueTransport);
                }
                if self.is_probed() && self.delivered() < ENOUGH {
                    return (Verdict::Inconclusive, Some(rung), Reason::TooFew);
                }
                if let Some(reason) = self.unaccounted(OUT, rung) {
                    return (Verdict::Inconclusive, Some(rung), reason);
                }
                (Verdict::Encrypted, Some(rung), reason)
            }
            None => self.unproven(OUT),
        }
    }

    /// What arrives at this node.
    fn arriving(&self) -> Decision {
        let evidence = &self.pair.back;
        if evidence.unexplained > 0 {
            return self.clear_arrives();
        }
        if let Some((reason, _)) = auth_only(evidence).1 {
            if self.sas(false).any(|sa| sa.offload) {
                return (Verdict::Inconclusive, Some(Rung::Seen), Reason::NicOffload);
            }
            return (Verdict::AuthOnly, Some(Rung::Seen), reason);
        }
        if let Some(reason) = self.refused() {
            let leaves = self.attributed(OUT).is_some();
            let verdict =
                if leaves && self.is_probed() { Verdict::Blackholed } else { Verdict::Inconclusive };
            return (verdict, Some(Rung::Counted), reason);
        }
        if let Some((rung, reason)) = self.attributed(BACK) {
            // Other frames were clear where nothing says what becomes of them on the wire.
            let hidden = (self.judge.inside > 0).then_some(Reason::OpaqueTransport);
            return match self.incomplete(BACK).or(hidden).or_else(|| self.unaccounted(BACK, rung)) {
                Some(reason) => (Verdict::Inconclusive, Some(rung), reason),
                None => (Verdict::Encrypted, Some(rung), reason),
            };
        }
        self.unproven(BACK)
    }

    /// Nothing in clear was seen, and nothing proves that what was opaque was the network's.
    fn unproven(&self, out: bool) -> Decision {
        let evidence = self.evidence(out);
        let inconclusive = |reason| (Verdict::Inconclusive, self.configured(), reason);
        if self.judge.question.own.contains(&self.peer) {
            return inconclusive(Reason::LocalOnly);
        }
        if self.judge.inside > 0 {
            return inconclusive(Reason::OpaqueTransport);
        }
        if evidence.opened.count > 0 {
            let reason = self.incomplete(out).unwrap_or(Reason::TooFew);
            return (Verdict::Inconclusive, Some(Rung::Opened), reason);
        }
        if out && self.answered == 0 && self.is_probed() && self.kernel_holds() {
            let reason = if self.went_up("XfrmOutPolBlock") { Reason::PolicyBlock } else { Reason::NoSa };
            return (Verdict::Blackholed, Some(Rung::Counted), reason);
        }
        if let Some(reason) = self.incomplete(out) {
            return inconclusive(reason);
        }
        if evidence.opaque > 0 && (self.answered > 0 || evidence.esp_packets == 0) {
            return inconclusive(Reason::OpaqueTransport);
        }
        if evidence.unopened() > 0 {
            return inconclusive(Reason::OtherTunnel);
        }
        if self.judge.bare > 0 || self.answered > 0 {
            return inconclusive(self.passes_elsewhere());
        }
        let left = &self.pair.out;
        if !out && left.clear.count + left.opened.count + auth_only(left).0 > 0 {
            return inconclusive(Reason::OneDirection);
        }
        self.silence()
    }

    /// Frames in clear arrived that are no known copies. On the wire they were in clear, unless the kernel may have
    /// decrypted them before the capture saw them.
    fn clear_arrives(&self) -> Decision {
        let evidence = &self.pair.back;
        let clear = (Verdict::Clear, Some(Rung::Seen), self.why_peer_clear());
        if self.judge.question.off_host {
            return clear;
        }
        let leaves_clear = self.pair.out.clear.count > 0;
        let not_configured = self.judge.question.network.encrypted == Some(false);
        if let (Some(kernel), Some(_)) = (self.kernel, self.local) {
            if self.sas(false).any(|sa| sa.offload) {
                return (Verdict::Inconclusive, Some(Rung::Seen), Reason::NicOffload);
            }
            let decrypted: u64 = self.sas(false).map(|sa| sa.packets).sum();
            let counted = !kernel.sas_changed && decrypted < evidence.unexplained;
            let tunnel = self.sas(false).any(|sa| sa.tunnel);
            if self.sas(false).next().is_none() || counted || (!tunnel && kernel.esp_offload == Some(false)) {
                return clear;
            }
        } else if evidence.opened_transport > 0 && evidence.opened_tunnel == 0 {
            return clear;
        } else if self.judge.esp_from_afar == 0 && self.ending.esp_offload == Some(false) {
            // Copies come behind the ESP they were in, unless that is decrypted before the capture.
            return clear;
        }
        if not_configured && leaves_clear {
            return clear;
        }
        let reason = if evidence.esp_packets == 0 { Reason::EspGro } else { Reason::TunnelCopy };
        (Verdict::Inconclusive, Some(Rung::Seen), reason)
    }
}

/// The line of a network without any peer.
fn nobody(judge: &Judge, ending: &Ending) -> Direction {
    let network = &judge.question.network;
    let reason = if ending.cut_short.is_some() {
        Reason::CutShort
    } else if network.typo.is_some() {
        Reason::TypoOption
    } else if judge.bare > 0 {
        Reason::WrongInterface
    } else if judge.question.no_member {
        Reason::NoMember
    } else if judge.pairs.values().any(|pair| pair.out.esp_packets + pair.back.esp_packets > 0) {
        Reason::OtherTunnel
    } else if network.source == Source::Given {
        Reason::NoTraffic
    } else {
        Reason::LocalOnly
    };
    Direction {
        from: network.locals.first().copied(),
        to: None,
        out: true,
        verdict: Verdict::Inconclusive,
        rung: (network.encrypted == Some(true)).then_some(Rung::Config),
        reason,
        counts: Counts::default(),
        esp: Vec::new(),
        shown: None,
    }
}

/// The worst of the directions; one that is proven to be readable outweighs all doubt.
fn overall(judge: &Judge, ending: &Ending, directions: &[Direction]) -> (Verdict, Reason) {
    let first = |verdict| directions.iter().find(|direction| direction.verdict == verdict);
    let encrypted = first(Verdict::Encrypted);
    if let Some(direction) = first(Verdict::Clear) {
        return (Verdict::Clear, direction.reason);
    }
    if let Some(direction) = first(Verdict::AuthOnly) {
        return (Verdict::AuthOnly, direction.reason);
    }
    if ending.control == Some(false) {
        return (Verdict::Inconclusive, Reason::ControlFailed);
    }
    if let Some(direction) = first(Verdict::Blackholed).or_else(|| first(Verdict::Inconclusive)) {
        return (direction.verdict, direction.reason);
    }
    if findings::not_enforced(judge, ending) == Some(true) {
        return (Verdict::NotEnforced, Reason::NotEnforced);
    }
    (Verdict::Encrypted, encrypted.map_or(Reason::Opened, |direction| direction.reason))
}

//! The judge: from evidence to verdicts.
//!
//! Each leg is judged for itself. Packets that leave this node decide, because a capture sees them as they are on the
//! wire. One clear frame of the network is a leak. Without one, ENCRYPTED needs a proof that the ESP was the
//! network's (`proof`). The proof is void if the capture is not whole, if no probe was delivered, or if an answered
//! probe was not seen. A clear frame that arrives may be a copy that the kernel shows after decryption. It is no leak
//! if the ESP that it was in was opened. If the kernel may have decrypted it before the capture could see ESP, the
//! leg is INCONCLUSIVE.
//!
//! Everything else is INCONCLUSIVE, or BLACKHOLED if nothing leaves in clear and nothing arrives. The reason comes
//! from the frames, or from the kernel, the keys and the configuration (`reasons`). The verdict on the whole is the
//! worst of its legs.

mod carried;
mod filter;
mod proof;
mod reasons;

use std::net::IpAddr;

use super::evidence::Evidence;
use super::findings;
use super::kernel::{KernelState, Origin, SaState};
use super::network::Source;
use super::occasion::Occasion;
use super::report::{Counts, EspSeen, LegReport, Report, SaSeen, Terms, worst};
use super::tally::{Circumstances, Pair, Probe, Tally};
use super::verdict::{Reason, Rung, Verdict};
use super::way::Way;
use crate::ipsec::docker_tag;

/// The number of packets that prove a leg.
pub(in crate::verify) const ENOUGH: u64 = 3;

type Decision = (Verdict, Option<Rung>, Reason);

/// Judges everything that was observed.
pub fn judge(tally: &Tally, circumstances: Circumstances) -> Report {
    let network = &tally.question.network;
    let mut legs = Vec::new();
    for (&peer, pair) in &tally.pairs {
        if is_of_the_network(tally, peer, pair) {
            let case = Case::new(tally, &circumstances, peer, pair);
            legs.push(case.leg(Way::Out));
            // If both sides are given as this node, the leg back is the other side's leg out.
            if !network.locals.contains(&peer) {
                legs.push(case.leg(Way::Back));
            }
        }
    }
    if legs.is_empty() {
        legs.push(nobody(tally, &circumstances));
    }
    let (verdict, reason) = overall(tally, &circumstances, &legs);
    let findings = findings::find(tally, &circumstances, &legs);
    Report {
        occasion: Occasion::default(),
        locals: network.locals.clone(),
        network: network.name.clone(),
        source: network.source,
        namespace: network.namespace().map(str::to_owned),
        vnis: network.vnis.clone(),
        any_vni: network.any_vni,
        port: network.port,
        configured: network.encrypted,
        captured: circumstances.source,
        nanos: circumstances.nanos,
        frames: tally.frames,
        dropped: circumstances.dropped,
        legs,
        verdict,
        reason,
        findings,
        terms: Terms::default(),
        compliance: None,
    }
}

/// Returns true if the peer was named, or if frames of the network went between it and this node. A host that only sends
/// frames to this node is a stranger, if this node sends to other hosts.
fn is_of_the_network(tally: &Tally, peer: IpAddr, pair: &Pair) -> bool {
    let named = tally.question.network.peers.iter().any(|known| known.underlay == peer);
    // Another network on another port may have the same VNI, and other nodes.
    let shows = |evidence: &Evidence| {
        let peers_known = !tally.question.network.peers.is_empty();
        evidence.shows_the_network() || evidence.other_port > 0 && !peers_known
    };
    named || shows(&pair.out) || shows(&pair.back) && !tally.is_never_sent_to(pair)
}

fn auth_only(evidence: &Evidence) -> (u64, Option<(Reason, Option<super::evidence::Sighting>)>) {
    let kinds = [
        (&evidence.null, Reason::EspNull),
        (&evidence.gmac, Reason::EspGmac),
        (&evidence.ah, Reason::AhOnly),
        (&evidence.macsec, Reason::MacsecIntegrity),
        (&evidence.psp, Reason::PspIntegrity),
    ];
    let count = kinds.iter().map(|(seen, _)| seen.count).sum();
    let first = kinds.iter().find(|(seen, _)| seen.count > 0);
    (count, first.map(|(seen, reason)| (*reason, seen.shown)))
}

/// The case of one peer: everything that bears on the verdicts on its two legs.
struct Case<'a> {
    tally: &'a Tally,
    circumstances: &'a Circumstances,
    kernel: Option<&'a KernelState>,
    peer: IpAddr,
    local: Option<IpAddr>,
    pair: &'a Pair,
    probes: Vec<Probe>,
    answered: u64,
    /// True if probes were to be sent into the network. This peer was probed if there are [`Self::probes`].
    probing: bool,
    named: bool,
}

impl<'a> Case<'a> {
    fn new(tally: &'a Tally, circumstances: &'a Circumstances, peer: IpAddr, pair: &'a Pair) -> Self {
        let probes: Vec<Probe> =
            circumstances.probes.iter().filter(|probe| probe.peer == peer).copied().collect();
        let answered = probes.iter().filter(|probe| probe.answered).count() as u64;
        Self {
            tally,
            circumstances,
            kernel: circumstances.kernel.as_ref(),
            peer,
            local: tally.question.local_to(peer),
            pair,
            probes,
            answered,
            probing: tally.question.canary.is_some(),
            named: tally.question.network.peers.iter().any(|known| known.underlay == peer),
        }
    }

    fn evidence(&self, way: Way) -> &Evidence {
        self.pair.evidence(way)
    }

    fn leg(&self, way: Way) -> LegReport {
        let evidence = self.evidence(way);
        let (verdict, rung, reason) = match way {
            Way::Out => self.leaving(),
            Way::Back => self.arriving(),
        };
        let (auth, first) = auth_only(evidence);
        let clear = if way == Way::Out { evidence.clear.count } else { evidence.unexplained };
        let (from, to) =
            if way == Way::Out { (self.local, Some(self.peer)) } else { (Some(self.peer), self.local) };
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
            matched: self.matched(way),
            // Pieces of ESP are not counted as packets, and yet something of the peer passed.
            opaque: evidence.opaque.max(evidence.messages.data) + evidence.esp_fragments,
            too_long: if way == Way::Out { self.too_long() } else { None },
        };
        LegReport {
            from,
            to,
            way,
            verdict,
            rung,
            reason,
            counts,
            esp: self.esp(evidence, way),
            wireguard: self.wireguard(way),
            shown,
        }
    }

    fn esp(&self, evidence: &Evidence, way: Way) -> Vec<EspSeen> {
        let ends = self.local.map(|local| way.sender_and_receiver(local, self.peer));
        let seen = evidence.esp.iter().map(|(&spi, esp)| {
            let state = ends
                .zip(self.kernel)
                .and_then(|((from, to), kernel)| kernel.between_hosts(from, to).find(|sa| sa.spi == spi));
            let tag = ends.and_then(|(from, to)| docker_tag(from, to, spi));
            let seen = |sa: &SaState| SaSeen {
                strength: sa.strength,
                replay_window: sa.replay_window,
                origin: Origin::of(sa.reqid, tag.is_some(), sa.strength),
            };
            EspSeen {
                spi,
                packets: esp.packets,
                algorithm: state.map(|sa| sa.algorithm.clone()),
                icv_bits: state.map(|sa| sa.icv_bits).filter(|bits| *bits > 0),
                key_bits: state.map(|sa| sa.strength.key_bits).filter(|bits| *bits > 0),
                state: state.map(seen),
                docker_tag: tag,
            }
        });
        seen.collect()
    }

    /// Decides on the leg out.
    fn leaving(&self) -> Decision {
        let evidence = &self.pair.out;
        let inconclusive = |rung, reason| (Verdict::Inconclusive, Some(rung), reason);
        let offload = self.sas(Way::Out).any(|sa| sa.offload);
        if evidence.clear.count > 0 {
            return match self.unlike_a_leak() {
                Some(reason) => inconclusive(Rung::Seen, reason),
                None if offload => inconclusive(Rung::Seen, Reason::NicOffload),
                None => (Verdict::Clear, Some(Rung::Seen), self.why_clear()),
            };
        }
        if let Some((reason, _)) = auth_only(evidence).1 {
            if offload {
                return inconclusive(Rung::Seen, Reason::NicOffload);
            }
            return (Verdict::AuthOnly, Some(Rung::Seen), reason);
        }
        if evidence.copies_out > 0 {
            return inconclusive(Rung::Seen, Reason::TunnelCopy);
        }
        if evidence.holding_esp > 0 {
            return inconclusive(Rung::Seen, Reason::EspInside);
        }
        let Some((rung, reason)) = self.attributed(Way::Out) else { return self.unproven(Way::Out) };
        match self.incomplete(Way::Out) {
            // Probes that are too short for the canary are not decoded there either.
            Some(Reason::Undecoded) if self.canary_was_bare() => {
                return inconclusive(rung, Reason::CanaryBare);
            }
            Some(reason) => return inconclusive(rung, reason),
            None => {}
        }
        if self.is_unanswerable() {
            // The keys show both directions all the same, where packets pass.
            if rung < Rung::Opened || self.pair.back.opened.count == 0 {
                return inconclusive(rung, Reason::EngineUnread);
            }
        } else if self.is_probed() && self.delivered() == 0 {
            return self.undelivered(rung);
        } else if self.is_probed() && self.answered == 0 && self.pair.back.unexplained == 0 {
            // Replies came inside ESP, but the kernel of this host did not let them in.
            return inconclusive(rung, Reason::NoAnswer);
        }
        match self.doubt(Way::Out, rung) {
            Some(reason) => inconclusive(rung, reason),
            None => (Verdict::Encrypted, Some(rung), reason),
        }
    }

    /// Returns true if the canary was read outside of the network's tunnels.
    fn canary_was_bare(&self) -> bool {
        self.tally.untunnelled + self.tally.strangers.canaries > 0
    }

    /// Returns the reason for doubt in a leg whose ESP is proven to be the network's and is delivered.
    fn doubt(&self, way: Way, rung: Rung) -> Option<Reason> {
        let due = way == Way::Out && self.is_probed() && !self.is_unanswerable();
        let few = due && self.delivered() < ENOUGH;
        if way == Way::Out && self.canary_was_bare() {
            return Some(Reason::CanaryBare);
        }
        if self.tally.above_encryption > 0 {
            return Some(Reason::OpaqueTransport);
        }
        if few {
            return Some(Reason::TooFew);
        }
        if !self.tally.question.left_out.is_empty() {
            return Some(Reason::LeftOut);
        }
        self.unaccounted(way, rung)
    }

    /// Decides on the leg back.
    fn arriving(&self) -> Decision {
        let evidence = &self.pair.back;
        if evidence.unexplained > 0 {
            return self.clear_arrives();
        }
        if let Some((reason, _)) = auth_only(evidence).1 {
            if self.sas(Way::Back).any(|sa| sa.offload) {
                return (Verdict::Inconclusive, Some(Rung::Seen), Reason::NicOffload);
            }
            return (Verdict::AuthOnly, Some(Rung::Seen), reason);
        }
        if evidence.holding_esp > 0 {
            return (Verdict::Inconclusive, Some(Rung::Seen), Reason::EspInside);
        }
        if let Some(reason) = self.refused() {
            let leaves = self.attributed(Way::Out).is_some();
            let is_lost = leaves && self.has_known_target();
            let verdict = if is_lost { Verdict::Blackholed } else { Verdict::Inconclusive };
            return (verdict, Some(Rung::Counted), reason);
        }
        if let Some((rung, reason)) = self.attributed(Way::Back) {
            return match self.incomplete(Way::Back).or_else(|| self.doubt(Way::Back, rung)) {
                Some(reason) => (Verdict::Inconclusive, Some(rung), reason),
                None => (Verdict::Encrypted, Some(rung), reason),
            };
        }
        self.unproven(Way::Back)
    }

    /// Decides on a leg without clear frames, where nothing proves that the opaque packets were the network's.
    fn unproven(&self, way: Way) -> Decision {
        let evidence = self.evidence(way);
        let inconclusive = |reason| (Verdict::Inconclusive, self.configured(), reason);
        if self.tally.question.own.contains(&self.peer) {
            return inconclusive(Reason::LocalOnly);
        }
        if self.tally.above_encryption > 0 {
            return inconclusive(Reason::OpaqueTransport);
        }
        if self.is_captured_elsewhere() && way == Way::Out {
            return inconclusive(Reason::OtherSide);
        }
        if evidence.opened.count > 0 {
            let reason = self.incomplete(way).unwrap_or(Reason::TooFew);
            return (Verdict::Inconclusive, Some(Rung::Opened), reason);
        }
        if let Some(reason) =
            self.held().filter(|_| way == Way::Out && self.answered == 0 && self.is_probed())
        {
            return (Verdict::Blackholed, Some(Rung::Counted), reason);
        }
        if let Some(reason) = self.incomplete(way) {
            return inconclusive(reason);
        }
        if self.has_no_length_law(way) {
            return inconclusive(Reason::NoLengthLaw);
        }
        if let Some(decision) = self.no_tunnel(way) {
            return decision;
        }
        if let Some(reason) = self.unclear(way) {
            return inconclusive(reason);
        }
        if evidence.opaque > 0 && !self.is_carried() && (self.answered > 0 || evidence.esp_packets == 0) {
            return inconclusive(Reason::OpaqueTransport);
        }
        if evidence.unopened() > 0 {
            return inconclusive(Reason::OtherTunnel);
        }
        if self.tally.untunnelled > 0 || self.answered > 0 {
            return inconclusive(self.delivered_unseen());
        }
        let left = &self.pair.out;
        if way == Way::Back && left.clear.count + left.opened.count + auth_only(left).0 > 0 {
            return inconclusive(Reason::OneDirection);
        }
        self.silence()
    }

    /// Decides on the leg back if clear frames arrived that are no known copies. They were in clear on the wire,
    /// unless the kernel may have decrypted them before the capture saw them.
    fn clear_arrives(&self) -> Decision {
        let evidence = &self.pair.back;
        let clear = (Verdict::Clear, Some(Rung::Seen), self.why_peer_clear());
        if evidence.left_there > 0 {
            return clear;
        }
        let leaves_clear = self.pair.out.clear.count > 0;
        let not_configured = self.tally.question.network.encrypted == Some(false);
        if let (Some(kernel), Some(_)) = (self.kernel, self.local) {
            if self.sas(Way::Back).any(|sa| sa.offload) {
                return (Verdict::Inconclusive, Some(Rung::Seen), Reason::NicOffload);
            }
            let decrypted: u64 = self.sas(Way::Back).map(|sa| sa.packets).sum();
            let counted = !kernel.sas_changed && decrypted < evidence.unexplained;
            let tunnel = self.sas(Way::Back).any(|sa| sa.tunnel);
            if self.sas(Way::Back).next().is_none()
                || counted
                || (!tunnel && kernel.esp_offload == Some(false))
            {
                return clear;
            }
        } else if self.is_live() && evidence.opened_transport > 0 && evidence.opened_tunnel == 0 {
            return clear;
        } else if self.tally.esp_from_afar == 0 && self.circumstances.esp_offload == Some(false) {
            // A copy follows the ESP that it was in, unless that is decrypted before the capture.
            return clear;
        }
        if not_configured && leaves_clear {
            return clear;
        }
        let reason = if evidence.esp_packets == 0 { Reason::EspGro } else { Reason::TunnelCopy };
        (Verdict::Inconclusive, Some(Rung::Seen), reason)
    }
}

/// Returns the only leg of a network without any peer.
fn nobody(tally: &Tally, circumstances: &Circumstances) -> LegReport {
    let network = &tally.question.network;
    let reason = if circumstances.cut_short.is_some() {
        Reason::CutShort
    } else if network.typo.is_some() {
        Reason::TypoOption
    } else if tally.untunnelled > 0 {
        Reason::WrongInterface
    } else if tally.question.no_member {
        Reason::NoMember
    } else if tally.pairs.values().any(|pair| pair.out.esp_packets + pair.back.esp_packets > 0) {
        Reason::OtherTunnel
    } else if network.source == Source::Given {
        Reason::NoTraffic
    } else {
        Reason::LocalOnly
    };
    LegReport {
        from: network.locals.first().copied(),
        to: None,
        way: Way::Out,
        verdict: Verdict::Inconclusive,
        rung: (network.encrypted == Some(true)).then_some(Rung::Config),
        reason,
        counts: Counts::default(),
        esp: Vec::new(),
        wireguard: None,
        shown: None,
    }
}

/// Returns the worst verdict of the legs. Beside what is readable, a control network that failed outweighs them: the
/// capture cannot show a leak then.
fn overall(tally: &Tally, circumstances: &Circumstances, legs: &[LegReport]) -> (Verdict, Reason) {
    let (verdict, reason) = worst(legs.iter());
    if !verdict.is_readable() && circumstances.control == Some(false) {
        return (Verdict::Inconclusive, Reason::ControlFailed);
    }
    if verdict == Verdict::Encrypted && findings::not_enforced(tally, circumstances) == Some(true) {
        return (Verdict::NotEnforced, Reason::NotEnforced);
    }
    (verdict, reason)
}

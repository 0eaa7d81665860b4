//! The reasons for a verdict, from the kernel, the keys and the configuration.

use super::super::kernel::{DOCKER_MARK, Policy, PolicyDirection, SaState, Template};
use super::super::verdict::{Reason, Rung, Verdict};
use super::super::way::Way;
use super::{Case, Decision};

impl Case<'_> {
    /// Returns the reason if a policy for the network's packets, or the lack of one, let none of them leave.
    pub(super) fn held(&self) -> Option<Reason> {
        let (kernel, local) = self.kernel.zip(self.local)?;
        let blocked = self.went_up("XfrmOutPolBlock");
        let Some(policy) = kernel.leaving(local, self.peer, self.tally.question.network.port) else {
            let by_default = kernel.blocked_by_default.contains(&PolicyDirection::Out);
            return (by_default && blocked).then_some(Reason::PolicyBlock);
        };
        if policy.block {
            return blocked.then_some(Reason::PolicyBlock);
        }
        if !policy.requires_esp() {
            return None;
        }
        // The counters are those of all policies together, so this policy itself has to have the fault.
        let has_sa =
            |template: &Template| kernel.sas.iter().any(|sa| template.is_served_by(sa, PolicyDirection::Out));
        if self.went_up("XfrmOutNoStates") && !policy.templates.iter().all(has_sa) {
            return Some(Reason::NoSa);
        }
        let broken = ["XfrmOutStateInvalid", "XfrmOutBundleGenError"].iter().any(|name| self.went_up(name));
        broken.then_some(Reason::SaBroken)
    }

    pub(super) fn went_up(&self, counter: &str) -> bool {
        self.kernel.is_some_and(|kernel| kernel.counter(counter) > 0)
    }

    /// Returns the reason if the network's packets are delivered, but the capture does not show them.
    pub(super) fn delivered_unseen(&self) -> Reason {
        // If the network is enclosed, only an interface above the encryption would show them. It would show them in clear, and
        // prove nothing.
        if self.tally.question.enclosed && !self.is_carried() {
            Reason::OpaqueTransport
        } else {
            Reason::WrongInterface
        }
    }

    /// Decides on a leg where nothing was seen.
    pub(super) fn silence(&self) -> Decision {
        let network = &self.tally.question.network;
        let peer = network.peers.iter().find(|peer| peer.underlay == self.peer);
        let reason = if network.typo.is_some() && network.encrypted == Some(false) {
            Reason::TypoOption
        } else if self.probing && network.entry.is_none() && network.namespaces_unread.is_some() {
            Reason::NamespacesUnread
        } else if self.probing && self.probes.is_empty() && peer.is_none_or(|peer| peer.overlay.is_empty()) {
            Reason::NoTarget
        } else if self.is_unanswerable() && self.pair.out.esp_packets > 0 {
            Reason::EngineUnread
        } else {
            Reason::NoTraffic
        };
        (Verdict::Inconclusive, self.configured(), reason)
    }

    /// Returns the reason if ESP arrived, but the kernel or the keys refused it.
    pub(super) fn refused(&self) -> Option<Reason> {
        let evidence = &self.pair.back;
        if evidence.unopened() == 0 || evidence.opened.count > 0 || self.answered > 0 {
            return None;
        }
        let bad = evidence.esp.values().any(|esp| esp.bad_icv > 0 && esp.opened == 0);
        if bad || self.went_up("XfrmInStateProtoError") {
            return Some(Reason::KeyMismatch);
        }
        let unknown = self.kernel.is_some_and(|_| {
            evidence.esp.keys().all(|spi| !self.sas(Way::Back).any(|sa| sa.spi == *spi))
                && !evidence.esp.is_empty()
        });
        (unknown || self.went_up("XfrmInNoStates")).then_some(Reason::SpiMismatch)
    }

    pub(super) fn why_nothing_arrives(&self) -> Reason {
        let blocked = if self.is_carried() { Reason::BlockedWireGuard } else { Reason::BlockedEsp };
        self.refused().unwrap_or(blocked)
    }

    pub(super) fn why_clear(&self) -> Reason {
        let network = &self.tally.question.network;
        if network.encrypted == Some(false) {
            return if network.typo.is_some() { Reason::TypoOption } else { Reason::NotConfigured };
        }
        if self.pair.out.only_quoted() {
            return Reason::IcmpQuote;
        }
        if self.is_carried() || network.is_routed() {
            return Reason::PastWireGuard;
        }
        let (Some(kernel), Some(local)) = (self.kernel, self.local) else { return Reason::Clear };
        let port = network.port;
        if let Some(policy) = kernel.policy(PolicyDirection::Out, local, self.peer, port, 0) {
            if policy.is_optional() {
                return Reason::LevelUse;
            }
            if policy.requires_esp() {
                // The policy was not there yet when the frame left, or another one took precedence.
                return Reason::Clear;
            }
        }
        if kernel
            .policy(PolicyDirection::Out, local, self.peer, port, DOCKER_MARK)
            .is_some_and(|p| p.mark.1 != 0)
        {
            return Reason::NoMark;
        }
        let other_port = kernel.policies.iter().any(|policy| {
            policy.direction == PolicyDirection::Out
                && policy.concerns(local, self.peer, None)
                && !policy.concerns(local, self.peer, port)
                && policy.requires_esp()
        });
        if other_port {
            return Reason::PortMismatch;
        }
        Reason::NoPolicy
    }

    /// Returns the reason for clear frames from the peer. The policies of the peer are not known here.
    pub(super) fn why_peer_clear(&self) -> Reason {
        let network = &self.tally.question.network;
        match (network.encrypted, &network.typo) {
            (Some(false), Some(_)) => Reason::TypoOption,
            (Some(false), None) => Reason::NotConfigured,
            _ if self.pair.back.only_quoted() => Reason::IcmpQuote,
            _ if self.is_carried() || network.is_routed() => Reason::PeerPastWireGuard,
            _ => Reason::Clear,
        }
    }

    /// Yields the SAs that may carry the network's packets: those between the two nodes, those of a tunnel between
    /// other addresses that a policy sends the packets through, and all of them if another tunnel may carry the
    /// packets.
    pub(super) fn sas(&self, way: Way) -> impl Iterator<Item = &SaState> {
        let ends = self.local.map(|local| way.sender_and_receiver(local, self.peer));
        let direction = match way {
            Way::Out => PolicyDirection::Out,
            Way::Back => PolicyDirection::In,
        };
        let port = self.tally.question.network.port;
        self.kernel.zip(ends).into_iter().flat_map(move |(kernel, (from, to))| {
            let tunnelled = move |sa: &&SaState| {
                let led =
                    |policy: &Policy| policy.direction == direction && policy.leads_to(sa, from, to, port);
                sa.tunnel && kernel.policies.iter().any(led)
            };
            let direct = move |sa: &&SaState| sa.is_between(from, to);
            // WireGuard needs no SAs.
            let enclosed = self.tally.question.enclosed && !self.is_carried();
            kernel.sas.iter().filter(move |sa| enclosed || direct(sa) || tunnelled(sa))
        })
    }

    /// Returns the rung of a leg without other evidence: the kernel is armed, or the network is configured, or
    /// neither.
    pub(super) fn configured(&self) -> Option<Rung> {
        if let Some(rung) = self.carried_rung() {
            return Some(rung);
        }
        let armed = self.kernel.zip(self.local).is_some_and(|(kernel, local)| {
            let port = self.tally.question.network.port;
            let policy = kernel.leaving(local, self.peer, port);
            policy.is_some_and(Policy::requires_esp) && self.sas(Way::Out).any(|sa| sa.encrypts)
        });
        if armed {
            return Some(Rung::Armed);
        }
        (self.tally.question.network.encrypted == Some(true)).then_some(Rung::Config)
    }
}

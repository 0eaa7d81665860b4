//! The tally: a fold of packets to the evidence of each leg. It reads no clock, does no I/O and prints nothing.
//!
//! Two questions are asked of each packet. The first is if it belongs to the network. It does if it has the network's
//! VNI, or the canary. The VNI may be
//!
//! - in clear, or inside ESP that a key opened or that only authenticates;
//! - on a UDP port other than VXLAN's. If the network's own port is known, such a packet is only counted apart, because
//!   somebody else may use the same VNI there;
//! - in the packet that an ICMP error quotes.
//!
//! The second question is on which leg the packet passed (`leg`). It is counted there by kind: clear, authenticated
//! only, opened, opaque. ESP that stays shut may be anybody's. It is counted by SPI and length, and the judge decides.
//!
//! Hosts that are no peers are counted too, because the network's frames may go to a node that nobody named. Their
//! number is bounded. Beyond the bound they are counted together, so that no leak is forgotten.

mod leg;
mod question;
mod quote;
mod reading;

pub use question::{Circumstances, Probe, Question};

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use memchr::memmem::Finder;

use super::evidence::{Evidence, Sighting, Sightings};
use super::lengths::Passed;
use super::way::Way;
use crate::packet::protocol::UDP;
use crate::packet::{
    Decoder, Encapsulation, EspKind, Frame, Headers, Opaque, Packet, Sealed, Transport, Tunnel, TunnelPorts,
    Vni, Why,
};
use leg::Leg;
use quote::quoted;
use reading::{
    count_esp, cut_before_addresses, cut_before_vni, hidden_vni, inner_bytes, is_esp, is_transport_mode,
    is_undecoded,
};

/// The most hosts that are counted apart beside the network's peers. The packets of further hosts count for
/// [`OTHERS`].
const MOST_STRANGERS: usize = 512;
/// The same limit for a packet of the network: as many hosts again, so that strangers cannot crowd out a leak.
const MOST_MEMBERS: usize = 2 * MOST_STRANGERS;
/// The address that stands for all hosts beyond the limit.
pub(super) const OTHERS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The evidence so far.
#[derive(Debug)]
pub struct Tally {
    pub(super) question: Question,
    finder: Option<Finder<'static>>,
    /// The decoder of packets that ICMP errors quote.
    quotes: Decoder,
    pub(super) pairs: BTreeMap<IpAddr, Pair>,
    pub(super) frames: u64,
    /// Frames with the canary outside of any tunnel. The capture is inside the overlay.
    pub(super) untunnelled: u64,
    /// Clear frames of the network on an interface above a link that may encrypt.
    pub(super) above_encryption: u64,
    /// Frames that were cut off before their addresses.
    pub(super) illegible: u64,
    /// Frames of protocols that are not decoded here and may carry anything.
    pub(super) undecoded: u64,
    /// ESP packets that this host did not send, between any two hosts.
    pub(super) esp_from_afar: u64,
    /// Clear frames of the network between two other nodes.
    pub(super) between_others: Sightings,
    /// Source and destination of the first frame of [`Self::between_others`].
    pub(super) first_others: Option<(IpAddr, IpAddr)>,
}

/// The evidence of both legs between this node and one peer.
#[derive(Clone, Debug, Default)]
pub(super) struct Pair {
    pub(super) out: Evidence,
    pub(super) back: Evidence,
}

impl Pair {
    pub(super) fn evidence(&self, way: Way) -> &Evidence {
        match way {
            Way::Out => &self.out,
            Way::Back => &self.back,
        }
    }

    fn evidence_mut(&mut self, way: Way) -> &mut Evidence {
        match way {
            Way::Out => &mut self.out,
            Way::Back => &mut self.back,
        }
    }
}

/// A packet that shows the network's VNI.
struct Seen<'a> {
    sighting: Sighting,
    /// True if a key opened the ESP around it.
    opened: bool,
    /// True if it is on another UDP port than the network's, and has no canary.
    foreign: bool,
    /// True if the ESP around it is in transport mode.
    transport: bool,
    inner: &'a [u8],
}

impl Tally {
    /// Makes a tally for this question.
    pub fn new(question: Question) -> Self {
        let pairs = question.network.peers.iter().map(|peer| (peer.underlay, Pair::default())).collect();
        let finder = question.canary.as_deref().map(|canary| Finder::new(canary).into_owned());
        let mut ports = TunnelPorts::default();
        // A port that does not fit in is no loss here: VXLAN is recognised by its shape as well (`hidden_vni`).
        let _ = question.network.port.map(|port| ports.add_vxlan(port));
        Self {
            question,
            finder,
            quotes: Decoder::new(ports),
            pairs,
            frames: 0,
            untunnelled: 0,
            above_encryption: 0,
            illegible: 0,
            undecoded: 0,
            esp_from_afar: 0,
            between_others: Sightings::default(),
            first_others: None,
        }
    }

    /// Counts the next packet. It is decoded, reassembled from its fragments, and opened where a key was at hand.
    pub fn observe(&mut self, frame: &Frame<'_>, packet: &Packet<'_>) {
        self.frames += 1;
        self.esp_from_afar += u64::from(is_esp(packet) && !self.is_sent_here(packet));
        let ours = packet.encapsulations.iter().position(|wrapping| self.is_ours(wrapping));
        match ours {
            Some(at) => self.ours(frame, packet, at),
            None => self.other(frame, packet),
        }
    }

    /// Returns true if the canary was seen in a clear frame that left.
    pub fn canary_left_in_clear(&self) -> bool {
        self.pairs.values().any(|pair| pair.out.clear.canaries > 0)
    }

    fn is_ours(&self, wrapping: &Encapsulation) -> bool {
        let (Tunnel::Vxlan(vni) | Tunnel::VxlanGpe(vni)) = wrapping.tunnel else { return false };
        self.question.network.vnis.contains(&vni)
    }

    /// Takes a packet that shows the network's VNI in the tunnel at `at`.
    fn ours(&mut self, frame: &Frame<'_>, packet: &Packet<'_>, at: usize) {
        let Some(vxlan) = packet.encapsulations.get(at) else { return };
        let Some(ip) = vxlan.outer.ip else { return };
        let canary = self.has_canary(packet.payload) || (packet.frames < 2 && self.has_canary(frame.bytes));
        let leg = self.tunnel_leg(&ip, frame.direction, canary);
        let sighting = Sighting { frame: frame.number, time: frame.time, vni: vxlan.tunnel.vni(), canary };
        let around = packet.encapsulations.get(..at).unwrap_or(&[]);
        let opened = around.iter().any(|w| matches!(w.tunnel, Tunnel::Esp { kind: EspKind::Opened, .. }));
        let esp = around.iter().rposition(|w| matches!(w.tunnel, Tunnel::Esp { .. }));
        let transport = esp.is_some_and(|esp| is_transport_mode(packet, esp));
        let port = match vxlan.outer.transport {
            Transport::Udp(ports) => Some(ports.destination),
            _ => None,
        };
        // The same VNI on another port may be somebody else's network.
        let foreign = !canary && self.question.network.port.is_some_and(|ours| port != Some(ours));
        let encrypting = self.question.encrypting.contains(&frame.interface);
        let Some(leg) = leg else {
            if around.is_empty() && !foreign && !encrypting {
                self.between_others.add(sighting);
                self.first_others.get_or_insert((ip.source, ip.destination));
            }
            return;
        };
        if !opened && !foreign && encrypting {
            self.above_encryption += 1;
            return;
        }
        let inner = inner_bytes(packet, at);
        let seen = Seen { sighting, opened, foreign, transport, inner };
        if leg.way == Way::Out && leg.peer.is_multicast() && !self.question.network.peers.is_empty() {
            // A packet to the multicast group goes to every peer.
            for at in 0..self.question.network.peers.len() {
                let peer = self.question.network.peers.get(at).map_or(leg.peer, |peer| peer.underlay);
                self.count(packet, around, &Leg { peer, way: Way::Out }, &seen);
            }
        } else {
            self.count(packet, around, &leg, &seen);
        }
    }

    /// Counts a packet that shows the network's VNI.
    fn count(&mut self, packet: &Packet<'_>, around: &[Encapsulation], leg: &Leg, seen: &Seen<'_>) {
        let &Seen { sighting, opened, foreign, transport, inner } = seen;
        let evidence = self.evidence(leg, MOST_MEMBERS);
        if opened {
            count_esp(evidence, packet);
            if !foreign && evidence.is_new(packet) {
                evidence.opened.add(sighting);
                evidence.vnis.extend(sighting.vni);
                if !transport {
                    evidence.may_come_again(inner);
                }
            }
            return;
        }
        if foreign {
            evidence.other_port += 1;
            return;
        }
        for wrapping in around.iter().rev() {
            let kind = match wrapping.tunnel {
                Tunnel::Esp { kind: EspKind::Null, .. } => &mut evidence.null,
                Tunnel::Esp { kind: EspKind::Gmac, .. } => &mut evidence.gmac,
                Tunnel::Ah { .. } => &mut evidence.ah,
                Tunnel::Macsec { .. } => &mut evidence.macsec,
                _ => continue,
            };
            kind.add(sighting);
            count_esp(evidence, packet);
            return;
        }
        evidence.clear.add(sighting);
        if leg.way == Way::Back && !evidence.is_copy(inner) {
            evidence.unexplained += 1;
        }
    }

    /// Counts a packet whose decoded tunnels do not show the network's VNI.
    fn other(&mut self, frame: &Frame<'_>, packet: &Packet<'_>) {
        let canary = self.has_canary(packet.payload) || self.has_canary(frame.bytes);
        self.undecoded += u64::from(is_undecoded(packet));
        let Some((leg, headers)) = self.outer_leg(packet, frame.direction) else {
            // A canary between addresses that are not the nodes' is inside the overlay, before the tunnel.
            self.untunnelled += u64::from(canary);
            self.illegible += u64::from(cut_before_addresses(frame, packet));
            return;
        };
        let hidden = hidden_vni(packet).filter(|vni| self.question.network.vnis.contains(vni));
        let quoted = self.quoted_vni(frame, packet);
        let port_known = self.question.network.port.is_some();
        let ours = canary || hidden.is_some() || quoted.is_some();
        if ours && self.question.encrypting.contains(&frame.interface) {
            self.above_encryption += 1;
            return;
        }
        let room = if ours { MOST_MEMBERS } else { MOST_STRANGERS };
        let evidence = self.evidence(&leg, room);
        let opened = packet
            .encapsulations
            .iter()
            .any(|wrapping| matches!(wrapping.tunnel, Tunnel::Esp { kind: EspKind::Opened, .. }));
        if opened {
            count_esp(evidence, packet);
            return;
        }
        if canary && matches!(packet.opaque, Some(Opaque::Esp { .. })) {
            // This packet looked encrypted, and yet the canary can be read in it.
            evidence.esp_packets += 1;
            evidence.null.add(Sighting { frame: frame.number, time: frame.time, vni: None, canary });
            return;
        }
        if ours {
            if canary || quoted.is_some() || !port_known {
                evidence.quoted += u64::from(quoted.is_some());
                evidence.clear.add(Sighting {
                    frame: frame.number,
                    time: frame.time,
                    vni: packet.vni().or(hidden).or(quoted),
                    canary,
                });
                evidence.unexplained += u64::from(leg.way == Way::Back);
            } else {
                evidence.other_port += 1;
            }
            return;
        }
        match packet.opaque {
            Some(Opaque::Esp { spi, why, .. }) => {
                let fragmented = packet.frames > 1 || headers.ip.is_some_and(|ip| ip.fragment.is_some());
                evidence.esp_packets += 1;
                if !fragmented || packet.frames > 1 {
                    evidence.length(Passed { time: frame.time.nanos, len: packet.payload.len() as u32, spi });
                }
                if let Some(esp) = evidence.spi(spi) {
                    esp.packets += 1;
                    esp.fragmented += u64::from(fragmented);
                    esp.bad_icv += u64::from(why == Sealed::BadIcv);
                }
                return;
            }
            Some(Opaque::EspFragment) => evidence.esp_fragments += 1,
            Some(Opaque::EspTruncated) => evidence.truncated += 1,
            Some(Opaque::WireGuard { .. } | Opaque::Macsec { .. }) => evidence.opaque += 1,
            None => {}
        }
        let udp = headers.ip.is_some_and(|ip| ip.protocol == UDP);
        if packet.vni().is_some() {
            // The packet is another network's.
        } else if udp && headers.ip.is_some_and(|ip| ip.fragment.is_some_and(|fragment| fragment.offset > 0))
        {
            evidence.lone_fragments += 1;
        } else if packet.opaque.is_none()
            && packet.stop.is_some_and(|stop| stop.why == Why::Truncated)
            && cut_before_vni(packet, headers)
        {
            evidence.truncated += 1;
        }
    }

    /// Returns the network's VNI if an ICMP error quotes a packet of the network. Nothing protects the quote.
    fn quoted_vni(&mut self, frame: &Frame<'_>, packet: &Packet<'_>) -> Option<Vni> {
        let quote = quoted(&mut self.quotes, frame, packet)?;
        let Question { network, .. } = &self.question;
        let to_our_port = |outer: &Headers| {
            let port = outer.transport.ports().map(|ports| ports.destination);
            network.port.is_none_or(|ours| port == Some(ours))
        };
        let shown = quote.encapsulations.iter().find(|wrapping| self.is_ours(wrapping));
        match shown {
            Some(wrapping) => wrapping.tunnel.vni().filter(|_| to_our_port(&wrapping.outer)),
            None => {
                hidden_vni(&quote).filter(|vni| network.vnis.contains(vni) && to_our_port(&quote.headers))
            }
        }
    }

    fn has_canary(&self, bytes: &[u8]) -> bool {
        self.finder.as_ref().is_some_and(|finder| finder.find(bytes).is_some())
    }

    fn knows(&self, peer: IpAddr) -> bool {
        self.pairs.contains_key(&peer)
    }

    /// Returns the evidence of a leg. If `room` other hosts beside the peers are counted already, a new one counts
    /// for [`OTHERS`].
    fn evidence(&mut self, leg: &Leg, room: usize) -> &mut Evidence {
        let strangers = self.pairs.len().saturating_sub(self.question.network.peers.len());
        let peer = if strangers >= room && !self.knows(leg.peer) { OTHERS } else { leg.peer };
        let pair = self.pairs.entry(peer).or_default();
        pair.evidence_mut(leg.way)
    }
}

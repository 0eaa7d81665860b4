//! The tally: a fold of packets to the evidence of each leg. It reads no clock, does no I/O and prints nothing.
//!
//! Three questions are asked of each packet. The first is if it belongs to the network. It does if it has the network's
//! VNI, or the canary. The VNI may be
//!
//! - in clear, or inside ESP that a key opened or that only authenticates;
//! - on a UDP port other than VXLAN's. If the network's own port is known, such a packet is only counted apart, because
//!   somebody else may use the same VNI there;
//! - in the packet that an ICMP error quotes;
//! - anywhere else in a frame that decoding does not explain (`needle`).
//!
//! The second question is on which leg the packet passed (`leg`). It is counted there by kind: clear, authenticated
//! only, opened, opaque. ESP that stays shut may be anybody's. It is counted by SPI and length, and the judge decides.
//!
//! The third question is who sent it (`sender`). A host that is no node of the network may send anything, and what it
//! sends says nothing about the nodes. It is counted apart.
//!
//! Hosts that are no peers are counted too if this node sends to them, because the network's frames may go to a node
//! that nobody named. Their number is bounded. Beyond the bound they are counted together, so that no leak is
//! forgotten.

mod alike;
mod counted;
mod leg;
mod messages;
mod needle;
mod other;
mod question;
mod quote;
mod reading;
mod routed;
mod sender;

pub(super) use alike::{Counts, Kind};
pub(super) use counted::Counted;
pub(super) use messages::Messages;
pub use question::{Circumstances, OverlayMacs, Probe, Question, View};

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use super::evidence::{Copies, Evidence, Sighting, Sightings};
use super::kept::{FrameKind, Looked};
use super::network::tunnel_ports;
use super::places::Places;
use super::way::Way;
use crate::packet::{Decoder, Direction, Encapsulation, EspKind, Frame, Opaque, Packet, Transport, Tunnel};
use leg::Leg;
use needle::Needles;
use reading::{around, count_esp, echo, inner_bytes, is_esp, is_opened, is_transport_mode};
pub(super) use sender::{Deed, Senders, Strangers};

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
    needles: Needles,
    /// The decoder of packets that ICMP errors quote.
    quotes: Decoder,
    pub(super) pairs: BTreeMap<IpAddr, Pair>,
    pub(super) frames: u64,
    /// Frames other than ESP. A capture without any was told to look for ESP only.
    pub(super) not_esp: u64,
    /// Frames with the canary outside of any tunnel.
    pub(super) untunnelled: u64,
    /// Clear frames of the network on an interface above a link that may encrypt.
    pub(super) above_encryption: u64,
    /// Frames that were cut off before their addresses.
    pub(super) illegible: u64,
    /// Frames of protocols that are not decoded here and may carry anything, and frames with bytes of the network
    /// that decoding does not explain.
    pub(super) undecoded: Sightings,
    /// ESP packets that this host did not send, between any two hosts.
    pub(super) esp_from_afar: u64,
    /// Clear frames of the network between two other nodes.
    pub(super) between_others: Sightings,
    /// Frames of the network between other addresses whose sender's link-layer address is not known.
    pub(super) unplaced: u64,
    /// Frames of the network between other addresses that left the host of the capture.
    pub(super) left_for_others: u64,
    /// The places of all packets that nobody can read.
    pub(super) opaque_on: Places,
    /// The places that frames of the network between other addresses passed.
    pub(super) between_others_on: Places,
    /// Source and destination of the first frame of [`Self::between_others`].
    pub(super) first_others: Option<(IpAddr, IpAddr)>,
    /// Frames of the network from hosts that are no nodes of it.
    pub(super) strangers: Strangers,
    /// The frames that have this node's address as their source.
    pub(super) senders: Senders,
    /// Hosts that sent clear frames of the network and are no nodes of it.
    heard: BTreeSet<IpAddr>,
    /// Nodes that joined the network during the watch.
    joined: BTreeSet<IpAddr>,
    /// Frames of the network that arrived from one other host for another. If this host forwards them, they leave it.
    transit: Copies,
    /// The kind that the last packet was taken for; `None` if it is nothing of the network.
    pub(super) looked: Option<Looked>,
}

/// The evidence of both legs between this node and one peer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
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
    /// The sequence number of the probe that it is, or that it answers.
    echo: Option<u16>,
    /// True if a key opened the ESP around it.
    opened: bool,
    /// True if it is on another UDP port than the network's, and has no canary.
    foreign: bool,
    /// True if the ESP around it is in transport mode.
    transport: bool,
    /// True if it holds ESP that a key opened, and the canary cannot be read in it.
    sealed: bool,
    inner: &'a [u8],
}

/// A frame as it was captured, its packet, and where.
#[derive(Clone, Copy)]
struct Captured<'a> {
    frame: &'a Frame<'a>,
    packet: &'a Packet<'a>,
    view: View,
    direction: Option<Direction>,
}

impl Captured<'_> {
    fn sighting(&self, vni: Option<crate::packet::Vni>, canary: bool) -> Sighting {
        Sighting { frame: self.frame.number, time: self.frame.time, vni, canary }
    }
}

impl Tally {
    /// Makes a tally for this question.
    pub fn new(question: Question) -> Self {
        let pairs = question.network.peers.iter().map(|peer| (peer.underlay, Pair::default())).collect();
        let ports = tunnel_ports([&question.network]);
        Self {
            needles: Needles::new(&question),
            question,
            quotes: Decoder::new(ports),
            pairs,
            frames: 0,
            not_esp: 0,
            untunnelled: 0,
            above_encryption: 0,
            illegible: 0,
            undecoded: Sightings::default(),
            esp_from_afar: 0,
            between_others: Sightings::default(),
            unplaced: 0,
            left_for_others: 0,
            opaque_on: Places::default(),
            between_others_on: Places::default(),
            first_others: None,
            strangers: Strangers::default(),
            senders: Senders::default(),
            heard: BTreeSet::new(),
            joined: BTreeSet::new(),
            transit: Copies::default(),
            looked: None,
        }
    }

    /// Counts the next packet. It is decoded, reassembled from its fragments, and opened where a key was at hand.
    pub fn observe(&mut self, frame: &Frame<'_>, packet: &Packet<'_>, view: View) {
        self.frames += 1;
        self.looked = None;
        let esp = is_esp(packet);
        self.not_esp += u64::from(!esp);
        self.esp_from_afar += u64::from(esp && !self.is_sent_here(packet));
        let direction = packet.direction.or(frame.direction);
        let captured = Captured { frame, packet, view, direction };
        self.note_sender(&captured);
        // Clear frames on one card and ESP on another are a leak. But a capture on all links also has the devices above
        // ESP, such as a VRF, and any file may have those above MACsec or WireGuard.
        let below = matches!(
            packet.opaque,
            Some(Opaque::WireGuard { .. } | Opaque::Macsec { .. } | Opaque::Psp { .. } | Opaque::Ieee80211)
        );
        if below || esp && frame.passed().is_some() {
            self.opaque_on.add(frame);
        }
        self.message(&captured);
        let ours = packet.encapsulations.iter().position(|wrapping| self.is_ours(wrapping));
        match (ours, self.routed_leg(&captured)) {
            (Some(at), _) => self.ours(&captured, at),
            (None, Some((at, leg))) => self.routed(&captured, at, &leg),
            (None, None) => self.other(&captured),
        }
    }

    /// Returns true if the canary was seen in a clear frame that left.
    pub fn canary_left_in_clear(&self) -> bool {
        self.pairs.values().any(|pair| pair.out.clear.canaries > 0)
    }

    fn is_ours(&self, wrapping: &Encapsulation) -> bool {
        self.question.network.is_in(wrapping.tunnel)
    }

    /// Takes a packet that shows the network's VNI in the tunnel at `at`.
    fn ours(&mut self, captured: &Captured<'_>, at: usize) {
        let Captured { frame, packet, view, direction } = *captured;
        let Some(tunnel) = packet.encapsulations.get(at) else { return };
        let Some(ip) = tunnel.outer.ip else { return };
        let holds_esp =
            packet.encapsulations.get(at + 1..).is_some_and(|inside| inside.iter().any(is_opened));
        let readable = packet.frames < 2 && self.needles.has_canary(frame.bytes);
        let sealed = holds_esp && !readable;
        let canary = !sealed && self.shows_the_canary(captured);
        let around = around(packet, at);
        let opened = around.iter().any(is_opened);
        let is_esp = |w: &Encapsulation| matches!(w.tunnel, Tunnel::Esp { .. });
        let esp = packet.encapsulations.get(..at).and_then(|outside| outside.iter().rposition(is_esp));
        let port = match tunnel.outer.transport {
            Transport::Udp(ports) => Some(ports.destination),
            _ => None,
        };
        let seen = Seen {
            sighting: captured.sighting(tunnel.tunnel.vni(), canary),
            echo: self.question.echo.and_then(|identifier| echo(packet, identifier)),
            opened,
            // The same VNI on another port may be somebody else's network.
            foreign: !canary && self.question.network.port.is_some_and(|ours| port != Some(ours)),
            transport: esp.is_some_and(|esp| is_transport_mode(packet, esp)),
            sealed,
            inner: inner_bytes(packet, at),
        };
        let leg = self.tunnel_leg(&ip, direction, frame.time, seen.inner);
        let sent = |leg: &Leg| leg.way == Way::Back || opened || self.may_have_sent(captured);
        let Some(leg) = leg.filter(sent) else {
            self.between_others(captured, around, &seen, (ip.source, ip.destination));
            return;
        };
        if leg.way == Way::Back && around.is_empty() && self.heard.len() < MOST_MEMBERS {
            self.heard.insert(leg.peer);
        }
        if leg.way == Way::Back && self.is_stranger(leg.peer) {
            if !opened && !seen.foreign && view != View::Hidden {
                let deed = if around.is_empty() { Deed::Clear } else { Deed::Wrapped };
                self.strangers.add(leg.peer, deed, seen.sighting);
                self.look(FrameKind::Stranger, Some(&leg), seen.sighting);
            }
            return;
        }
        if !opened && !seen.foreign && view == View::Hidden {
            self.above_encryption += 1;
            return;
        }
        if opened {
            self.beside_opened(captured);
        }
        if view == View::Elsewhere && (opened || seen.foreign) {
            return;
        }
        let peers = if leg.way == Way::Out && leg.peer.is_multicast() {
            // A packet to the multicast group goes to every peer.
            self.question.network.peers.len()
        } else {
            0
        };
        if peers == 0 {
            self.count(captured, around, &leg, &seen);
        }
        for at in 0..peers {
            let peer = self.question.network.peers.get(at).map_or(leg.peer, |peer| peer.underlay);
            self.count(captured, around, &Leg { peer, way: Way::Out }, &seen);
        }
    }

    /// Notes what a packet was taken for.
    fn look(&mut self, kind: FrameKind, leg: Option<&Leg>, Sighting { vni, canary, .. }: Sighting) {
        let leg = leg.map(|leg| (leg.peer, leg.way));
        self.looked = Some(Looked { kind, leg, vni, canary });
    }

    fn shows_the_canary(&self, captured: &Captured<'_>) -> bool {
        let Captured { frame, packet, .. } = *captured;
        self.needles.has_canary(packet.payload) || (packet.frames < 2 && self.needles.has_canary(frame.bytes))
    }

    /// Takes a packet that shows the network's VNI, and whose addresses are not this node's.
    fn between_others(
        &mut self,
        captured: &Captured<'_>,
        around: &[Encapsulation],
        seen: &Seen<'_>,
        ends: (IpAddr, IpAddr),
    ) {
        if seen.opened || seen.foreign || captured.view == View::Hidden {
            return;
        }
        // A tunnel of this node's may carry it, without a network of its own.
        let outer = Self::outer(captured.packet).and_then(|(_, ip)| self.leg(&ip, captured.direction));
        let theirs = around.iter().any(|wrapping| wrapping.tunnel.vni().is_some());
        if let Some(leg) = outer.filter(|_| !theirs) {
            if leg.way == Way::Back && self.is_stranger(leg.peer) {
                self.strangers.add(leg.peer, Deed::Carried, seen.sighting);
                self.look(FrameKind::Stranger, Some(&leg), seen.sighting);
            } else {
                self.undecoded.add(seen.sighting);
                self.look(FrameKind::Undecoded, Some(&leg), seen.sighting);
            }
            return;
        }
        self.between_others_on.add(captured.frame);
        self.unplaced += u64::from(captured.frame.sender().is_none());
        self.left_for_others += u64::from(captured.direction == Some(Direction::Out));
        if around.is_empty() {
            self.between_others.add(seen.sighting);
            self.look(FrameKind::BetweenOthers, None, seen.sighting);
            self.first_others.get_or_insert(ends);
        }
    }

    /// Counts a packet that shows the network's VNI.
    fn count(&mut self, captured: &Captured<'_>, around: &[Encapsulation], leg: &Leg, seen: &Seen<'_>) {
        let &Seen { sighting, echo, opened, foreign, transport, sealed, inner } = seen;
        let Captured { packet, frame, direction, .. } = *captured;
        let (live, no_copies) = (self.is_live(), self.question.no_copies);
        let evidence = self.evidence(leg, MOST_MEMBERS);
        if !around.is_empty() {
            evidence.esp_on.add(frame);
        }
        if opened {
            count_esp(evidence, packet);
            if !foreign && evidence.is_new(packet) {
                evidence.opened.add(sighting);
                evidence.vnis.extend(sighting.vni);
                if let Some(sequence) = echo {
                    evidence.echo(sequence, frame.time);
                }
                if !transport && !no_copies {
                    evidence.may_come_again(inner, frame.time);
                }
            }
            self.look(FrameKind::Opened, Some(leg), sighting);
            return;
        }
        if foreign {
            evidence.other_port += 1;
            self.look(FrameKind::OtherPort, Some(leg), sighting);
            return;
        }
        for wrapping in around.iter().rev() {
            let kind = match wrapping.tunnel {
                Tunnel::Esp { kind: EspKind::Null, .. } => &mut evidence.null,
                Tunnel::Esp { kind: EspKind::Gmac, .. } => &mut evidence.gmac,
                Tunnel::Ah { .. } => &mut evidence.ah,
                Tunnel::Macsec { .. } => &mut evidence.macsec,
                // The crypt offset leaves the VNI in clear, and what it carries is encrypted.
                Tunnel::Psp { hides: true, .. } if !sighting.canary => {
                    evidence.opaque += 1;
                    self.look(FrameKind::Opaque, Some(leg), sighting);
                    return;
                }
                Tunnel::Psp { .. } => &mut evidence.psp,
                _ => continue,
            };
            kind.add(sighting);
            count_esp(evidence, packet);
            self.look(FrameKind::AuthOnly, Some(leg), sighting);
            return;
        }
        if sealed {
            evidence.holding_esp += 1;
            return;
        }
        if leg.way == Way::Out && !live && direction.is_none() && evidence.is_copy(inner, frame.time) {
            // The file may be another host's, or of both nodes, and show what that decrypted.
            evidence.copies_out += 1;
            self.look(FrameKind::Copy, Some(leg), sighting);
            return;
        }
        evidence.clear.add(sighting);
        evidence.clear_on.add(frame);
        let copied = leg.way == Way::Back && evidence.is_copy(inner, frame.time);
        if leg.way == Way::Back && !copied {
            evidence.unexplained += 1;
            evidence.left_there += u64::from(direction == Some(Direction::Out));
        }
        self.look(if copied { FrameKind::Copy } else { FrameKind::Clear }, Some(leg), sighting);
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

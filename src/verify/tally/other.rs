//! Packets whose decoded tunnels do not show the network's VNI: ESP that stays shut, other networks, other protocols,
//! and everything that hides a frame of the network.

use std::net::IpAddr;

use super::leg::Leg;
use super::needle::Found;
use super::quote::quoted;
use super::reading::{
    count_esp, cut_before_addresses, cut_before_vni, echo, hidden_vni, is_aggregate, is_undecoded,
};
use super::{Captured, Deed, MOST_MEMBERS, MOST_STRANGERS, Question, Tally, View};
use crate::packet::{
    Direction, EspKind, Frame, Headers, Opaque, Packet, Sealed, Transport, Tunnel, Vni, Why,
};
use crate::verify::evidence::{Evidence, Sighting};
use crate::verify::kept::FrameKind;
use crate::verify::lengths::Passed;
use crate::verify::way::Way;

/// The sign by which a packet is known as the network's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// The canary.
    Canary,
    /// An ICMP error quotes a packet of the network, with this VNI if it has one.
    Quote(Option<Vni>),
    /// VXLAN with the VNI, on a UDP port that is not known as VXLAN's.
    OtherPort(Vni),
    /// A whole packet of the network inside a carrier that is not decoded.
    Packet(Vni),
    /// Bytes of the network that nothing explains.
    Bytes,
}

/// The packet that an ICMP error quotes.
enum Quote {
    /// The packet is no such error.
    None,
    /// A packet of the network, with its VNI if it has one.
    Ours(Option<Vni>),
    /// Another packet.
    Other,
}

/// A packet with a sign.
struct Signed {
    sign: Sign,
    /// True if the canary is in it.
    canary: bool,
    /// The leg, where it is known.
    leg: Option<Leg>,
}

impl Tally {
    /// Counts a packet whose decoded tunnels do not show the network's VNI.
    pub(super) fn other(&mut self, captured: &Captured<'_>) {
        let Captured { frame, packet, .. } = *captured;
        let opened = packet
            .encapsulations
            .iter()
            .any(|wrapping| matches!(wrapping.tunnel, Tunnel::Esp { kind: EspKind::Opened, .. }));
        // The inside of opened ESP is not on the wire. Bytes beside it, such as padding, are.
        let sign = if opened { None } else { self.sign(captured) };
        if let Some(signed) = sign {
            self.signed(captured, signed);
            return;
        }
        if opened {
            self.beside_opened(captured);
        } else if is_undecoded(packet) && !self.is_from_a_stranger(captured) {
            self.undecoded.add(captured.sighting(None, false));
            self.look(FrameKind::Undecoded, None, captured.sighting(None, false));
        }
        if Self::outer(packet).is_none() {
            self.illegible += u64::from(cut_before_addresses(frame, packet) || is_cut_off(frame, packet));
        }
        self.unsigned(captured, opened);
    }

    /// Looks for bytes of the network in a frame whose ESP was opened: what is in it in clear is not in the ESP.
    pub(super) fn beside_opened(&mut self, captured: &Captured<'_>) {
        let Captured { frame, packet, .. } = *captured;
        if packet.frames < 2 && self.needles.search(frame.bytes, self.question.network.port).is_some() {
            self.undecoded.add(captured.sighting(None, false));
            self.look(FrameKind::Undecoded, None, captured.sighting(None, false));
        }
    }

    /// Returns true if the frame is known to come from a host that is no node of the network.
    fn is_from_a_stranger(&self, captured: &Captured<'_>) -> bool {
        let source = Self::outer(captured.packet).map(|(_, ip)| ip.source);
        let stranger = source.is_some_and(|from| self.is_stranger(from) && !self.is_own(from));
        let arrives = captured.direction == Some(Direction::In);
        stranger && if self.is_live() { arrives } else { !self.may_be_ours(captured) }
    }

    /// Returns the sign by which the packet is the network's, and its leg where it has one.
    fn sign(&mut self, captured: &Captured<'_>) -> Option<Signed> {
        let Captured { frame, packet, direction, .. } = *captured;
        let network = &self.question.network;
        let bytes = if packet.frames > 1 { packet.payload } else { frame.bytes };
        let found = self.needles.search(bytes, network.port);
        // In metadata mode it is the port that makes a packet the network's.
        let hidden = hidden_vni(packet).filter(|vni| network.vnis.contains(vni) && !network.any_vni);
        let canary = found == Some(Found::Canary);
        // An error message explains the packet that it quotes, even if that is for another port.
        let quote = self.quote(captured);
        let sign = match (quote, hidden) {
            (Quote::Ours(vni), _) => Some(Sign::Quote(vni)),
            _ if canary => Some(Sign::Canary),
            (_, Some(vni)) => Some(Sign::OtherPort(vni)),
            (Quote::Other, _) => None,
            (Quote::None, _) => self.carried(captured, found).or_else(|| self.bare(captured)),
        };
        let sign = sign?;
        let ends = match found {
            Some(Found::Packet { ends: Some(ends), .. }) if matches!(sign, Sign::Packet(_)) => Some(ends),
            _ => None,
        };
        let of_outer = Self::outer(packet)
            .and_then(|(_, ip)| self.sent_back(&ip, direction).or_else(|| self.leg(&ip, direction)));
        let of_inner = || {
            let (source, destination) = ends?;
            if self.is_own(source) && self.may_have_sent(captured) {
                Some(Leg { peer: destination, way: Way::Out })
            } else if self.is_own(destination) {
                Some(Leg { peer: source, way: Way::Back })
            } else {
                None
            }
        };
        // A packet that leaves this host counts, whatever its addresses are.
        let leaves = || {
            let (_, ip) = Self::outer(packet).filter(|_| direction == Some(Direction::Out))?;
            (!self.question.own.is_empty() && sign != Sign::Canary)
                .then_some(Leg { peer: ip.destination, way: Way::Out })
        };
        let leg = of_outer.or_else(of_inner).or_else(leaves);
        // A packet between others, which this host only carries, is no leak of its own.
        let fits = ends.zip(leg.as_ref()).is_none_or(|((from, to), leg)| match leg.way {
            Way::Out => self.is_own(from),
            Way::Back => self.is_own(to),
        });
        let sign = if fits { sign } else { Sign::Bytes };
        Some(Signed { sign, canary, leg })
    }

    /// Returns the sign of bytes of the network in a place that decoding does not explain, or in a tunnel of another kind
    /// with the same VNI.
    fn carried(&self, captured: &Captured<'_>, found: Option<Found>) -> Option<Sign> {
        let packet = captured.packet;
        let same = |vni: Vni| self.question.network.vnis.contains(&vni);
        if packet.encapsulations.iter().filter_map(|wrapping| wrapping.tunnel.vni()).any(same) {
            return Some(Sign::Bytes);
        }
        match found? {
            Found::Canary => Some(Sign::Canary),
            // A stream may carry a file of captured packets.
            Found::Packet { .. } if matches!(packet.headers.transport, Transport::Tcp { .. }) => {
                Some(Sign::Bytes)
            }
            Found::Packet { vni, ends: Some((from, to)) } if self.is_own(from) || self.is_own(to) => {
                Some(Sign::Packet(vni))
            }
            Found::Packet { .. } | Found::Header { .. } | Found::Frame => Some(Sign::Bytes),
            Found::Addresses => {
                // The addresses of the innermost header that was decoded are explained. Another network may use them.
                let ip = packet.headers.ip;
                let explained = |&(a, b): &(IpAddr, IpAddr)| {
                    ip.is_some_and(|ip| [(a, b), (b, a)].contains(&(ip.source, ip.destination)))
                };
                (!self.question.ends.iter().any(explained)).then_some(Sign::Bytes)
            }
        }
    }

    /// Returns a sign if the frame leaves a wire as this node's device in the overlay made it, without any tunnel. A cooked
    /// capture shows of its header only the sender.
    fn bare(&self, captured: &Captured<'_>) -> Option<Sign> {
        let own = self.question.macs.as_ref().map(|macs| macs.own)?;
        let leaves = captured.direction == Some(Direction::Out) && captured.view != View::Hidden;
        (leaves && captured.frame.sender() == Some(own)).then_some(Sign::Bytes)
    }

    /// Counts a packet with a sign of the network.
    fn signed(&mut self, captured: &Captured<'_>, Signed { sign, canary, leg }: Signed) {
        let Captured { packet, view, direction, .. } = *captured;
        let vni = match sign {
            Sign::Quote(vni) => vni,
            Sign::OtherPort(vni) | Sign::Packet(vni) => Some(vni),
            Sign::Canary | Sign::Bytes => packet.vni(),
        };
        let sighting = captured.sighting(vni, canary);
        if view == View::Hidden {
            self.above_encryption += 1;
            return;
        }
        let Some(leg) = leg else {
            self.without_leg(captured, sign, sighting);
            return;
        };
        if leg.way == Way::Out && matches!(sign, Sign::Quote(_)) && self.is_no_node(leg.peer) {
            // An error about a stranger's own clear frame gives back to the stranger what everybody could read.
            let heard = self.heard.contains(&leg.peer);
            let kind = if heard {
                self.strangers.add(leg.peer, Deed::Quoted, sighting);
                FrameKind::Stranger
            } else {
                self.undecoded.add(sighting);
                FrameKind::Undecoded
            };
            self.look(kind, Some(&leg), sighting);
            return;
        }
        if leg.way == Way::Back && self.is_stranger(leg.peer) {
            let deed = match sign {
                Sign::Quote(_) => Deed::Quoted,
                Sign::Canary | Sign::OtherPort(_) | Sign::Packet(_) => Deed::Clear,
                Sign::Bytes => Deed::Carried,
            };
            self.strangers.add(leg.peer, deed, sighting);
            self.look(FrameKind::Stranger, Some(&leg), sighting);
            return;
        }
        // VXLAN on a port of ESP in UDP looks like ESP as well.
        let opaque = matches!(packet.opaque, Some(Opaque::Esp { .. }))
            && self.needles.header(captured.frame.bytes, None).is_none();
        let port_known = self.question.network.port.is_some();
        // A stranger may have put this node's address into the packet that it carries, so only what leaves is a leak.
        let arrives = leg.way == Way::Back && matches!(sign, Sign::Packet(_)) && direction.is_none();
        let evidence = self.evidence(&leg, MOST_MEMBERS);
        let kind = match sign {
            // This packet looked encrypted, and yet the canary can be read in it.
            Sign::Canary if opaque => {
                evidence.esp_packets += 1;
                evidence.null.add(sighting);
                FrameKind::AuthOnly
            }
            Sign::OtherPort(_) if port_known => {
                evidence.other_port += 1;
                FrameKind::OtherPort
            }
            Sign::Bytes => {
                evidence.undecoded.add(sighting);
                self.undecoded.add(sighting);
                FrameKind::Undecoded
            }
            Sign::Packet(_) if arrives => {
                evidence.undecoded.add(sighting);
                self.undecoded.add(sighting);
                FrameKind::Undecoded
            }
            Sign::Canary | Sign::Quote(_) | Sign::OtherPort(_) | Sign::Packet(_) => {
                evidence.quoted += u64::from(matches!(sign, Sign::Quote(_)));
                evidence.clear.add(sighting);
                evidence.clear_on.add(captured.frame);
                evidence.unexplained += u64::from(leg.way == Way::Back);
                FrameKind::Clear
            }
        };
        self.look(kind, Some(&leg), sighting);
    }

    /// Counts a packet with a sign of the network whose leg is not known.
    fn without_leg(&mut self, captured: &Captured<'_>, sign: Sign, sighting: Sighting) {
        let Captured { packet, direction, .. } = *captured;
        let source = Self::outer(packet).map(|(_, ip)| ip.source);
        let forged = direction == Some(Direction::In) && source.is_some_and(|source| self.is_own(source));
        let foreign =
            direction == Some(Direction::In) && source.is_some_and(|source| self.is_stranger(source));
        let foreign = foreign || self.is_from_a_stranger(captured);
        let mut stranger = |deed| {
            self.strangers.add(source.unwrap_or(super::OTHERS), deed, sighting);
            FrameKind::Stranger
        };
        let kind = match sign {
            // A canary between addresses that are not the nodes' was read before the tunnel, or behind it.
            Sign::Canary => {
                self.untunnelled += 1;
                FrameKind::Untunnelled
            }
            _ if forged => stranger(Deed::Forged),
            _ if foreign => stranger(Deed::Carried),
            _ => {
                self.undecoded.add(sighting);
                FrameKind::Undecoded
            }
        };
        self.look(kind, None, sighting);
    }

    /// Counts a packet without any sign of the network.
    fn unsigned(&mut self, captured: &Captured<'_>, opened: bool) {
        let Captured { frame, packet, view, direction } = *captured;
        let Some((headers, ip)) = Self::outer(packet) else { return };
        let bare = self.question.echo.is_some_and(|identifier| echo(packet, identifier).is_some());
        let Some(leg) = self.leg(&ip, direction) else {
            // A probe that is too short for the canary, outside of any tunnel.
            self.untunnelled += u64::from(bare && !opened && view != View::Hidden);
            return;
        };
        if view != View::Wire {
            return;
        }
        let is_probed = self.question.echo.is_some();
        if opened || packet.opaque.is_some_and(|opaque| !matches!(opaque, Opaque::IpComp { .. })) {
            self.look(FrameKind::Opaque, Some(&leg), captured.sighting(None, false));
        }
        let evidence = self.evidence(&leg, MOST_STRANGERS);
        if opened {
            count_esp(evidence, packet);
            evidence.lawless += u64::from(is_aggregate(packet));
            return;
        }
        match packet.opaque {
            Some(Opaque::Esp { .. }) => {
                evidence.esp_on.add(frame);
                shut(evidence, captured, headers, is_probed);
                return;
            }
            Some(Opaque::EspFragment) => evidence.esp_fragments += 1,
            Some(Opaque::EspTruncated) => evidence.truncated += 1,
            Some(
                Opaque::WireGuard { .. } | Opaque::Macsec { .. } | Opaque::Psp { .. } | Opaque::Ieee80211,
            ) => {
                evidence.opaque += 1;
            }
            Some(Opaque::EspInTcp { .. }) => {
                evidence.opaque += 1;
                evidence.lawless += 1;
            }
            // Everybody can expand what is compressed, so it proves nothing.
            Some(Opaque::IpComp { .. }) | None => {}
        }
        let sealed = packet.opaque.is_some_and(|opaque| !matches!(opaque, Opaque::IpComp { .. }));
        let later = headers.ip.and_then(|ip| ip.fragment).is_some_and(|fragment| fragment.offset > 0);
        let cut = !sealed && is_cut(captured, headers);
        if packet.vni().is_some() {
            // The packet is another network's.
        } else if later && !sealed {
            evidence.lone_fragments += 1;
        } else if cut {
            evidence.truncated += 1;
            // A frame for a host that has no verdict may be the network's as well.
            self.illegible += u64::from(leg.way == Way::Out);
        }
    }

    /// Reads the packet that an ICMP error quotes. Nothing protects the quote.
    fn quote(&mut self, captured: &Captured<'_>) -> Quote {
        let Some(quote) = quoted(&mut self.quotes, captured.frame, captured.packet) else {
            return Quote::None;
        };
        let Question { network, .. } = &self.question;
        let to_our_port = |outer: &Headers| {
            let port = outer.transport.ports().map(|ports| ports.destination);
            network.port.is_none_or(|ours| port == Some(ours))
        };
        if network.is_routed() {
            let captured = Captured { packet: &quote, direction: None, ..*captured };
            return if self.routed_leg(&captured).is_some() { Quote::Ours(None) } else { Quote::Other };
        }
        let at = quote.encapsulations.iter().position(|wrapping| self.is_ours(wrapping));
        let (around, ours) = quote.encapsulations.split_at(at.unwrap_or(0));
        if around.iter().any(|wrapping| matches!(wrapping.tunnel, Tunnel::Psp { hides: true, .. })) {
            // The VNI is in the part of PSP that is in clear, and the frame is not.
            return Quote::Other;
        }
        let vni = match ours.first().filter(|_| at.is_some()) {
            Some(wrapping) => wrapping.tunnel.vni().filter(|_| to_our_port(&wrapping.outer)),
            None => hidden_vni(&quote).filter(|vni| network.has_vni(*vni) && to_our_port(&quote.headers)),
        };
        vni.map_or(Quote::Other, |vni| Quote::Ours(Some(vni)))
    }
}

/// Counts an ESP packet that no key opened. Its length is of use only if probes of chosen lengths are sent.
fn shut(evidence: &mut Evidence, captured: &Captured<'_>, headers: &Headers, is_probed: bool) {
    let Captured { frame, packet, .. } = *captured;
    let Some(Opaque::Esp { spi, why, .. }) = packet.opaque else { return };
    let fragmented = packet.frames > 1 || headers.ip.is_some_and(|ip| ip.fragment.is_some());
    evidence.esp_packets += 1;
    if is_probed && (!fragmented || packet.frames > 1) {
        evidence.length(Passed { time: frame.time.nanos, len: packet.payload.len() as u32, spi });
    }
    if let Some(esp) = evidence.spi(spi) {
        esp.packets += 1;
        esp.fragmented += u64::from(fragmented);
        esp.bad_icv += u64::from(why == Sealed::BadIcv);
    }
}

/// Returns true if the end of the frame was not captured.
fn is_cut_off(frame: &Frame<'_>, packet: &Packet<'_>) -> bool {
    packet.frames < 2 && (frame.wire_len as usize) > frame.bytes.len()
}

/// Returns true if the frame was cut off before bytes that could have shown the network.
fn is_cut(captured: &Captured<'_>, headers: &Headers) -> bool {
    let Captured { frame, packet, .. } = *captured;
    let decoded =
        packet.stop.is_some_and(|stop| stop.why == Why::Truncated) && cut_before_vni(packet, headers);
    decoded || is_cut_off(frame, packet)
}

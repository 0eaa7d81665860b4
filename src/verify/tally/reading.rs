//! What a tally asks of a decoded packet.

use crate::packet::{
    EspKind, Frame, Headers, InnerFrame, Layer, Opaque, Packet, Transport, Tunnel, Vni, Why,
};
use crate::verify::evidence::Evidence;

pub(super) fn is_esp(packet: &Packet<'_>) -> bool {
    matches!(packet.opaque, Some(Opaque::Esp { .. } | Opaque::EspFragment | Opaque::EspTruncated))
        || packet.encapsulations.iter().any(|wrapping| matches!(wrapping.tunnel, Tunnel::Esp { .. }))
}

/// Counts a packet of ESP whose inside can be read.
pub(super) fn count_esp(evidence: &mut Evidence, packet: &Packet<'_>) {
    let Some(at) = packet.encapsulations.iter().position(|w| matches!(w.tunnel, Tunnel::Esp { .. })) else {
        return;
    };
    let Some(Tunnel::Esp { spi, kind, .. }) = packet.encapsulations.get(at).map(|w| w.tunnel) else {
        return;
    };
    evidence.esp_packets += 1;
    if kind == EspKind::Opened {
        *if is_transport_mode(packet, at) {
            &mut evidence.opened_transport
        } else {
            &mut evidence.opened_tunnel
        } += 1;
    }
    if let Some(esp) = evidence.spi(spi) {
        esp.packets += 1;
        esp.opened += u64::from(kind == EspKind::Opened);
        esp.fragmented += u64::from(packet.frames > 1);
    }
}

/// Whether this ESP is certainly in transport mode: what is inside then repeats the headers in front of it, down to the
/// link layer's, which a packet of its own inside a tunnel has not.
pub(super) fn is_transport_mode(packet: &Packet<'_>, esp: usize) -> bool {
    let Some(wrapping) = packet.encapsulations.get(esp) else { return false };
    let inside = packet.encapsulations.get(esp + 1).map_or(&packet.headers, |next| &next.outer);
    wrapping.outer.ether_type.is_some() && inside.ether_type == wrapping.outer.ether_type
}

/// The innermost frame's bytes, by which a copy is known again.
pub(super) fn inner_bytes<'a>(packet: &Packet<'a>, at: usize) -> &'a [u8] {
    if at + 1 < packet.encapsulations.len() {
        return packet.payload;
    }
    match packet.inner {
        InnerFrame::Whole { bytes, .. } => bytes,
        InnerFrame::Parts { segment, .. } => segment,
    }
}

/// The VNI of VXLAN on a port that nobody said is VXLAN's: eight bytes of which all but the VNI and the group are fixed,
/// and an Ethernet frame behind them.
pub(super) fn hidden_vni(packet: &Packet<'_>) -> Option<Vni> {
    let Transport::Udp(_) = packet.headers.transport else { return None };
    if packet.opaque.is_some() {
        return None;
    }
    match packet.payload {
        // With the group policy's flag there is a group.
        [0x08, 0, 0, 0, a, b, c, 0, rest @ ..] | [0x88, _, _, _, a, b, c, 0, rest @ ..] => {
            let &[high, ..] = rest.get(12..14)? else { return None };
            // What is less is a length (IEEE 802.3).
            (high >= 0x06).then(|| Vni::from_be_bytes([*a, *b, *c]))
        }
        _ => None,
    }
}

/// Whether the snaplen ended the frame before it was clear who talks to whom.
pub(super) fn cut_before_addresses(frame: &Frame<'_>, packet: &Packet<'_>) -> bool {
    let below =
        [Layer::Link, Layer::Ethernet, Layer::Vlan, Layer::Sll, Layer::Sll2, Layer::Ipv4, Layer::Ipv6];
    frame.wire_len as usize > frame.bytes.len()
        && packet.headers.ip.is_none()
        && packet.encapsulations.is_empty()
        && packet.stop.is_some_and(|stop| stop.why == Why::Truncated && below.contains(&stop.layer))
}

/// Whether decoding ended where the VNI might still have come.
pub(super) fn cut_before_vni(packet: &Packet<'_>, outer: &Headers) -> bool {
    let Some(stop) = packet.stop else { return false };
    let lower = [Layer::Ah, Layer::Esp, Layer::Ipv4, Layer::Ipv6, Layer::Ipv6Extension];
    let tunnel = [Layer::Udp, Layer::Vxlan, Layer::VxlanGpe];
    lower.contains(&stop.layer) || tunnel.contains(&stop.layer) || outer.ip.is_none()
}

/// Whether this is a tunnel that is not decoded here and may carry anything: MPLS, PPPoE, or one in too many others.
pub(super) fn is_undecoded(packet: &Packet<'_>) -> bool {
    const OTHERS: [u16; 3] = [0x8847, 0x8848, 0x8864];
    let too_deep = packet.stop.is_some_and(|stop| stop.why == Why::TooDeep);
    too_deep || packet.headers.ether_type.is_some_and(|kind| OTHERS.contains(&kind))
}

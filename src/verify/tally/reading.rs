//! The questions that a tally asks of a decoded packet.

use crate::packet::{
    Encapsulation, EspKind, Frame, Headers, InnerFrame, Layer, Opaque, Packet, Stop, Transport, Tunnel,
    TypeCode, Vni, Why,
};
use crate::verify::evidence::Evidence;

pub(super) fn is_esp(packet: &Packet<'_>) -> bool {
    let opaque = matches!(
        packet.opaque,
        Some(Opaque::Esp { .. } | Opaque::EspFragment | Opaque::EspTruncated | Opaque::EspInTcp { .. })
    );
    opaque || packet.encapsulations.iter().any(|wrapping| matches!(wrapping.tunnel, Tunnel::Esp { .. }))
}

/// Returns the wrappings around the one at `at`, without those below the underlay's IP header that protect nothing: PPPoE,
/// MPLS, and others of a provider's.
pub(super) fn around<'p>(packet: &'p Packet<'_>, at: usize) -> &'p [Encapsulation] {
    let around = packet.encapsulations.get(..at).unwrap_or(&[]);
    let is_below = |w: &&Encapsulation| w.outer.ip.is_none() && !matches!(w.tunnel, Tunnel::Macsec { .. });
    around.get(around.iter().take_while(is_below).count()..).unwrap_or(&[])
}

/// Returns true for ESP that a key opened.
pub(super) fn is_opened(wrapping: &Encapsulation) -> bool {
    matches!(wrapping.tunnel, Tunnel::Esp { kind: EspKind::Opened, .. })
}

/// Returns true if the packet is IP-TFS that a key opened, and in which decoding stopped.
pub(super) fn is_aggregate(packet: &Packet<'_>) -> bool {
    packet.stop.is_some_and(|stop| stop.layer == Layer::Aggfrag)
}

/// Counts an ESP packet whose inside can be read.
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

/// Returns true if this ESP is certainly in transport mode. The decoder then repeats the outer headers, down to the
/// link layer's, for the inside. A packet inside a tunnel has no link layer of its own.
pub(super) fn is_transport_mode(packet: &Packet<'_>, esp: usize) -> bool {
    let Some(wrapping) = packet.encapsulations.get(esp) else { return false };
    let inside = packet.encapsulations.get(esp + 1).map_or(&packet.headers, |next| &next.outer);
    wrapping.outer.ether_type.is_some() && inside.ether_type == wrapping.outer.ether_type
}

/// Returns the bytes of the innermost frame, by which a copy is recognised.
pub(super) fn inner_bytes<'a>(packet: &Packet<'a>, at: usize) -> &'a [u8] {
    if at + 1 < packet.encapsulations.len() {
        return packet.payload;
    }
    match packet.inner {
        InnerFrame::Whole { bytes, .. } => bytes,
        InnerFrame::Parts { segment, .. } => segment,
    }
}

/// Returns the VNI of VXLAN or Geneve on a port that is not known as theirs. They are recognised by their headers, in
/// which nearly all but the VNI is fixed, and by the Ethernet frame behind them.
pub(super) fn hidden_vni(packet: &Packet<'_>) -> Option<Vni> {
    let Transport::Udp(_) = packet.headers.transport else { return None };
    if packet.opaque.is_some() {
        return None;
    }
    match packet.payload {
        // With the flag of the group policy extension the header has a group.
        [0x08, 0, 0, 0, a, b, c, 0, rest @ ..] | [0x88, _, _, _, a, b, c, 0, rest @ ..] => {
            is_ethernet_frame(rest).then(|| Vni::from_be_bytes([*a, *b, *c]))
        }
        [options @ 0..0x40, flags, 0x65, 0x58, a, b, c, 0, rest @ ..] if flags << 2 == 0 => {
            let frame = rest.get(usize::from(*options) * 4..)?;
            is_ethernet_frame(frame).then(|| Vni::from_be_bytes([*a, *b, *c]))
        }
        _ => None,
    }
}

/// Returns true if the snaplen cut the frame off before its IP addresses.
pub(super) fn cut_before_addresses(frame: &Frame<'_>, packet: &Packet<'_>) -> bool {
    let below = [
        Layer::Link,
        Layer::Ethernet,
        Layer::Vlan,
        Layer::Sll,
        Layer::Sll2,
        Layer::Chdlc,
        Layer::FrameRelay,
        Layer::Llc,
        Layer::Radiotap,
        Layer::Ieee80211,
        Layer::Ppp,
        Layer::Pppoe,
        Layer::Mpls,
        Layer::Nsh,
        Layer::Pbb,
        Layer::Ipv4,
        Layer::Ipv6,
    ];
    frame.wire_len as usize > frame.bytes.len()
        && packet.outermost().ip.is_none()
        && packet.stop.is_some_and(|stop| stop.why == Why::Truncated && below.contains(&stop.layer))
}

/// Returns true if decoding stopped where the VNI could still have followed.
pub(super) fn cut_before_vni(packet: &Packet<'_>, outer: &Headers) -> bool {
    let Some(stop) = packet.stop else { return false };
    let lower = [Layer::Ah, Layer::Esp, Layer::Wesp, Layer::Ipv4, Layer::Ipv6, Layer::Ipv6Extension];
    let tunnel = [Layer::Udp, Layer::Vxlan, Layer::VxlanGpe];
    lower.contains(&stop.layer) || tunnel.contains(&stop.layer) || outer.ip.is_none()
}

/// Returns true if these bytes may be an Ethernet frame that an overlay carries. What stands behind the type of the usual
/// protocols is looked at, so that other bytes are hardly taken for one.
pub(super) fn is_ethernet_frame(bytes: &[u8]) -> bool {
    let Some(([_, _, _, _, _, _, source @ .., high, low], rest)) = bytes.split_first_chunk::<14>() else {
        return false;
    };
    match (u16::from_be_bytes([*high, *low]), rest) {
        (0x0800 | 0x86dd | 0x0806, []) => true,
        (0x0800, [first, ..]) => first >> 4 == 4,
        (0x86dd, [first, ..]) => first >> 4 == 6,
        (0x0806, [first, ..]) => *first == 0,
        // A smaller number is no EtherType but a length (IEEE 802.3), and LLC follows: of STP, SNAP or others.
        (0..=0x05dc, [a, b, ..]) => a == b && matches!(a, 0x42 | 0xaa | 0xe0 | 0xf0 | 0xfe),
        (0..=0x05ff, _) => false,
        // No station has an address of zeros.
        _ => *source != [0; 6],
    }
}

/// Returns true for a carrier whose inside cannot be searched: a compressed one, a link type that is not decoded, or
/// too many tunnels in one another.
pub(super) fn is_undecoded(packet: &Packet<'_>) -> bool {
    let stopped = |stop: Stop| match stop.why {
        Why::TooDeep => true,
        // PPP may compress, and encrypt.
        Why::Unsupported => matches!(stop.layer, Layer::Link | Layer::Ppp),
        _ => false,
    };
    packet.stop.is_some_and(stopped) || matches!(packet.opaque, Some(Opaque::IpComp { .. }))
}

/// Returns the sequence number if the innermost packet is an ICMP echo with this identifier, its reply, or an error that
/// quotes it: a target that refuses pings answers so.
pub(super) fn echo(packet: &Packet<'_>, identifier: u16) -> Option<u16> {
    /// The length of an IPv6 header.
    const IPV6: usize = 40;
    let numbers = match packet.headers.transport {
        Transport::Icmp(TypeCode { kind: 0 | 8, .. })
        | Transport::Icmpv6(TypeCode { kind: 128 | 129, .. }) => packet.payload,
        Transport::Icmp(TypeCode { kind: 3, .. }) => {
            let quote = packet.payload.get(4..)?;
            numbers(quote.get(usize::from(quote.first()? & 0x0f) * 4..)?, 8)?
        }
        Transport::Icmpv6(TypeCode { kind: 1, .. }) => numbers(packet.payload.get(4 + IPV6..)?, 128)?,
        _ => return None,
    };
    match numbers {
        [i0, i1, s0, s1, ..] if u16::from_be_bytes([*i0, *i1]) == identifier => {
            Some(u16::from_be_bytes([*s0, *s1]))
        }
        _ => None,
    }
}

/// Returns the part of an ICMP message of this type that begins with its identifier.
fn numbers(message: &[u8], kind: u8) -> Option<&[u8]> {
    (*message.first()? == kind).then(|| message.get(4..)).flatten()
}

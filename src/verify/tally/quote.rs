//! The packet that an ICMP error quotes in clear.
//!
//! If no VXLAN device takes a frame that was decrypted, the kernel answers with `port unreachable`. Linux quotes as
//! much of the frame as fits into 576 bytes (net/ipv4/icmp.c, `__icmp_send`) or 1,280 (net/ipv6/icmp.c,
//! `icmp6_send`). So the frame was encrypted on its way here, and is in clear on its way back.

use crate::packet::{Decoder, Frame, LinkType, Packet, Transport};

/// Decodes the packet that an ICMP error quotes. Returns `None` for any other packet.
pub(super) fn quoted<'a>(
    decoder: &mut Decoder,
    frame: &Frame<'_>,
    packet: &Packet<'a>,
) -> Option<Packet<'a>> {
    if !is_error(packet.headers.transport) || packet.opaque.is_some() {
        return None;
    }
    // The quote follows four bytes behind the checksum, whose meaning depends on the type.
    let bytes = packet.payload.get(4..)?;
    let quote = Frame {
        link: LinkType::RAW,
        direction: None,
        wire_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        bytes,
        ..*frame
    };
    let inside = decoder.decode(&quote);
    Some(if inside.is_fragment() { decoder.lone_fragment(inside) } else { inside })
}

/// Returns true for the ICMP errors. In RFC 792 they are destination unreachable, source quench, redirect, time
/// exceeded and parameter problem; in RFC 4443 §2.1 all types below 128.
fn is_error(transport: Transport) -> bool {
    match transport {
        Transport::Icmp(message) => matches!(message.kind, 3..=5 | 11 | 12),
        Transport::Icmpv6(message) => message.kind < 128,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use etherparse::{Icmpv4Type, PacketBuilder, icmpv4};

    use super::*;
    use crate::packet::{InterfaceNumber, Timestamp, TunnelPorts, Vni};

    const VXLAN: [u8; 8] = [8, 0, 0, 0, 0, 0, 42, 0];

    fn frame(bytes: &[u8]) -> Frame<'_> {
        Frame {
            number: 1,
            time: Timestamp::new(0, 0, 9),
            link: LinkType::RAW,
            interface: InterfaceNumber(0),
            direction: None,
            wire_len: bytes.len() as u32,
            bytes,
        }
    }

    /// Makes a packet of VXLAN 42 from 192.0.2.1 to 192.0.2.2, with 400 bytes of a frame.
    fn sent(port: u16) -> Vec<u8> {
        let payload = [&VXLAN[..], &[0x02; 400]].concat();
        let mut packet = Vec::new();
        let builder = PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64).udp(40_000, port);
        builder.write(&mut packet, &payload).unwrap();
        packet
    }

    fn answer(kind: Icmpv4Type, quote: &[u8]) -> Vec<u8> {
        let mut packet = Vec::new();
        PacketBuilder::ipv4([192, 0, 2, 2], [192, 0, 2, 1], 64)
            .icmpv4(kind)
            .write(&mut packet, quote)
            .unwrap();
        packet
    }

    fn vni_in(bytes: &[u8]) -> Option<Vni> {
        let mut decoder = Decoder::new(TunnelPorts::default());
        let frame = frame(bytes);
        let packet = decoder.decode(&frame);
        quoted(&mut decoder, &frame, &packet).and_then(|quote| quote.vni())
    }

    #[test]
    fn a_port_that_cannot_be_reached_quotes_what_was_sent_to_it() {
        let unreachable = Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::Port);
        let packet = sent(4789);
        assert_eq!(vni_in(&answer(unreachable.clone(), &packet)), Vni::new(42));
        // Of a longer packet only the beginning is quoted, and its header still gives the whole length.
        assert_eq!(vni_in(&answer(unreachable.clone(), &packet[..36 + 20])), Vni::new(42));
        // A first fragment shows it too.
        let mut fragment = packet.clone();
        fragment[6] = 0x20;
        assert_eq!(vni_in(&answer(unreachable.clone(), &fragment)), Vni::new(42));
        // RFC 792 asks for eight bytes behind the IP header. They are UDP's, and show nothing of VXLAN.
        assert_eq!(vni_in(&answer(unreachable, &packet[..28])), None);
    }

    #[test]
    fn an_answer_to_an_echo_quotes_nothing() {
        let echo = Icmpv4Type::EchoReply(etherparse::IcmpEchoHeader { id: 1, seq: 1 });
        assert_eq!(vni_in(&answer(echo, &sent(4789))), None);
    }

    #[test]
    fn a_quote_cut_anywhere_is_decoded_as_far_as_it_goes() {
        let unreachable = Icmpv4Type::DestinationUnreachable(icmpv4::DestUnreachableHeader::Port);
        let whole = answer(unreachable, &sent(4789));
        for len in 0..whole.len() {
            let seen = vni_in(&whole[..len]);
            assert_eq!(seen.is_some(), len >= 20 + 8 + 28 + 8, "{len}");
        }
    }
}

//! ngrep's view of a frame: the outermost IP header, one header behind it, and the payload behind that.

use ovlsniff::packet::{
    Decoder, Fragment, Frame, InterfaceNumber, LinkType, Packet, Ports, TcpFlags, Timestamp, Transport,
    TunnelPorts, TypeCode,
};

use crate::made;
use crate::reading;

fn view(link: LinkType, bytes: &[u8]) -> Packet<'_> {
    let frame = Frame {
        number: 1,
        time: Timestamp::new(1_700_000_000, 0, 6),
        link,
        interface: InterfaceNumber(0),
        direction: None,
        wire_len: bytes.len() as u32,
        bytes,
    };
    let mut packet = Packet::default();
    Decoder::new(TunnelPorts::default()).outermost_into(&frame, &mut packet);
    packet
}

fn v6(next_header: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next_header, 64]);
    packet.extend("2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().octets());
    packet.extend("2001:db8::2".parse::<std::net::Ipv6Addr>().unwrap().octets());
    packet.extend(payload);
    packet
}

fn udp(source: u16, destination: u16) -> Transport {
    Transport::Udp(Ports { source, destination })
}

/// Protocol, transport and payload.
fn seen<'a>(packet: &Packet<'a>) -> (Option<u8>, Transport, &'a [u8]) {
    (packet.headers.ip.map(|ip| ip.protocol), packet.headers.transport, packet.payload)
}

#[test]
fn a_tunnel_is_payload() {
    let inner = made::udp("10.0.0.1", "10.0.0.2", 53, b"inner");
    let vxlan = made::vxlan(4789, 7, &inner);
    let packet = view(LinkType::ETHERNET, &vxlan);
    assert_eq!(seen(&packet), (Some(17), udp(50000, 4789), &vxlan[42..]));
    assert!(packet.encapsulations.is_empty() && packet.opaque.is_none() && packet.stop.is_none());
}

#[test]
fn a_protocol_without_a_header_is_payload_from_the_ip_header_on() {
    // GRE, IPv4 in IP, ESP, AH, SCTP, OSPF.
    for protocol in [47, 4, 50, 51, 132, 89] {
        let frame = made::ethernet(&made::ipv4("10.0.0.1", "10.0.0.2", protocol, 0, b"0123456789abcdef"));
        assert_eq!(
            seen(&view(LinkType::ETHERNET, &frame)),
            (Some(protocol), Transport::None, &b"0123456789abcdef"[..])
        );
        let frame = v6(protocol, b"0123456789abcdef");
        assert_eq!(
            seen(&view(LinkType::RAW, &frame)),
            (Some(protocol), Transport::None, &b"0123456789abcdef"[..])
        );
    }
    let esp = made::esp(0x1000);
    assert!(view(LinkType::ETHERNET, &esp).opaque.is_none());
}

#[test]
fn padding_and_what_udp_leaves_over_are_told_apart() {
    let mut short = made::udp("10.0.0.1", "10.0.0.2", 53, b"abc");
    short.resize(60, b'P');
    assert_eq!(view(LinkType::ETHERNET, &short).payload, b"abc");
    // UDP says three bytes less than IP does. ngrep does not look at the length of UDP.
    short[39] -= 3;
    assert_eq!(view(LinkType::ETHERNET, &short).payload, b"abc");
}

#[test]
fn tags_and_other_link_layers_are_passed() {
    let ip = made::ipv4("10.0.0.1", "10.0.0.2", 17, 0, &made::udp_segment(1, 2, b"x"));
    let macs = [0_u8; 12];
    let tagged = [&macs[..], &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0], &ip].concat();
    let packet = view(LinkType::ETHERNET, &tagged);
    assert_eq!((packet.headers.vlan.ids(), packet.payload), (&[5, 6][..], &b"x"[..]));
    let pppoe = [&macs[..], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 31, 0, 0x21], &ip].concat();
    assert_eq!(seen(&view(LinkType::ETHERNET, &pppoe)), (Some(17), udp(1, 2), &b"x"[..]));
    let null = [&[2, 0, 0, 0][..], &ip].concat();
    assert_eq!(seen(&view(LinkType::NULL, &null)), (Some(17), udp(1, 2), &b"x"[..]));
    let cooked = [&[8, 0, 0, 0, 0, 0, 0, 9, 0, 1, 4, 6, 0, 0, 0, 0, 0, 7, 0, 0][..], &ip].concat();
    assert_eq!(seen(&view(LinkType::LINUX_SLL2, &cooked)), (Some(17), udp(1, 2), &b"x"[..]));
}

#[test]
fn a_frame_without_ip_has_no_payload() {
    let arp = [&[0xff; 12][..], &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &[1; 20]].concat();
    let llc = [&[0xff; 12][..], &[0, 3, 0x42, 0x42, 3]].concat();
    let truncated = [&[0xff; 12][..], &[8, 0, 0x45, 0, 0, 28]].concat();
    for frame in [&arp, &llc, &truncated, &vec![]] {
        assert_eq!(seen(&view(LinkType::ETHERNET, frame)), (None, Transport::None, &b""[..]));
    }
    assert!(view(LinkType(147), &arp).stop.is_some());
}

#[test]
fn the_headers_of_messages_are_four_bytes() {
    let code = TypeCode { kind: 8, code: 1 };
    for (protocol, transport) in
        [(1, Transport::Icmp(code)), (58, Transport::Icmpv6(code)), (2, Transport::Igmp(code))]
    {
        let frame = made::ipv4("10.0.0.1", "10.0.0.2", protocol, 0, &[8, 1, 0xaa, 0xbb, 0, 7, 0, 1, b'x']);
        assert_eq!(seen(&view(LinkType::RAW, &frame)), (Some(protocol), transport, &[0, 7, 0, 1, b'x'][..]));
    }
}

#[test]
fn each_fragment_stands_alone() {
    let segment = made::udp_segment(4000, 53, &[b'a'; 40]);
    let frames = made::fragments("10.0.0.1", "10.0.0.2", 17, &segment, 24);
    let first = view(LinkType::ETHERNET, &frames[0]);
    assert_eq!(seen(&first), (Some(17), udp(4000, 53), &[b'a'; 16][..]));
    let fragment = |packet: &Packet<'_>| packet.headers.ip.unwrap().fragment.unwrap();
    assert_eq!(fragment(&first), Fragment { id: 0x1234, offset: 0, more: true, len: 24 });
    let later = view(LinkType::ETHERNET, &frames[1]);
    assert_eq!(seen(&later), (Some(17), Transport::None, &[b'a'; 24][..]));
    assert_eq!(fragment(&later).offset, 24);
    assert!(!first.is_fragment() && !later.is_fragment());
    // ngrep takes the data of this one for a header, because it looks at the low byte of the offset only.
    let far = made::ipv4("10.0.0.1", "10.0.0.2", 6, 0x2100, b"no header");
    assert_eq!(seen(&view(LinkType::RAW, &far)), (Some(6), Transport::None, &b"no header"[..]));
}

#[test]
fn extension_headers_of_ipv6_are_passed_and_an_atomic_fragment_is_told() {
    let segment = made::udp_segment(1, 2, b"x");
    let hop_by_hop = [&[17, 0, 5, 2, 0, 0, 1, 0][..], &segment].concat();
    assert_eq!(seen(&view(LinkType::RAW, &v6(0, &hop_by_hop))), (Some(17), udp(1, 2), &b"x"[..]));
    let atomic = v6(44, &[&[17, 0, 0, 0, 0, 0, 0, 77][..], &segment].concat());
    let packet = view(LinkType::RAW, &atomic);
    assert_eq!(seen(&packet), (Some(17), udp(1, 2), &b"x"[..]));
    assert_eq!(
        packet.headers.ip.unwrap().fragment,
        Some(Fragment { id: 77, offset: 0, more: false, len: 9 })
    );
    // These options claim more bytes than there are.
    let unsound = v6(0, &[17, 200, 5, 2, 0, 0, 1, 0, b'x']);
    let packet = view(LinkType::RAW, &unsound);
    assert_eq!(seen(&packet), (Some(0), Transport::None, &unsound[40..]));
    assert!(packet.stop.is_some());
}

#[test]
fn a_header_of_tcp_is_as_long_as_it_says() {
    let mut segment = vec![0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x60, 0x18, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1];
    segment.extend(b"data");
    let tcp = |flags| Transport::Tcp { ports: Ports { source: 1, destination: 2 }, flags: TcpFlags(flags) };
    let payload = |segment: &[u8]| {
        let packet = made::ipv4("10.0.0.1", "10.0.0.2", 6, 0, segment);
        let (_, transport, payload) = seen(&view(LinkType::RAW, &packet));
        (transport, payload.to_vec())
    };
    assert_eq!(payload(&segment), (tcp(0x18), b"data".to_vec()));
    // The header says that it has no byte, and one more than there are.
    segment[12] = 0;
    assert_eq!(payload(&segment), (tcp(0x18), segment.clone()));
    segment[12] = 0xf0;
    assert_eq!(payload(&segment), (tcp(0x18), Vec::new()));
    // Nothing is read behind the end.
    assert_eq!(payload(&segment[..13]), (tcp(0), Vec::new()));
    assert_eq!(payload(&segment[..4]), (tcp(0), Vec::new()));
    assert_eq!(payload(&segment[..3]), (Transport::None, Vec::new()));
}

#[test]
fn a_host_that_sends_unsound_headers_is_still_seen() {
    let segment = made::udp_segment(1, 2, b"x");
    let mut packet = made::ipv4("10.0.0.1", "10.0.0.2", 17, 0, &segment);
    // A total length that is less than the header's, then a header that is shorter than any.
    packet[3] = 19;
    assert_eq!(seen(&view(LinkType::RAW, &packet)), (Some(17), udp(1, 2), &b"x"[..]));
    packet[0] = 0x41;
    assert_eq!(seen(&view(LinkType::RAW, &packet)), (Some(17), udp(1, 2), &b"x"[..]));
    packet[0] = 0x4f;
    assert_eq!(seen(&view(LinkType::RAW, &packet)), (Some(17), Transport::None, &b""[..]));
    packet[0] = 0x55;
    assert_eq!(seen(&view(LinkType::RAW, &packet)), (None, Transport::None, &b""[..]));
}

#[test]
fn every_frame_of_every_capture_has_the_outermost_addresses_however_it_is_cut() {
    let mut with_ip = 0;
    for fixture in reading::all() {
        let mut decoder = Decoder::new(reading::ports()).hold_in_tunnels();
        for kept in reading::frames(&fixture) {
            let whole = decoder.decode(&kept.frame());
            for len in 0..=kept.bytes.len() {
                let frame = kept.cut(len);
                let mut packet = Packet::default();
                decoder.outermost_into(&frame, &mut packet);
                assert!(packet.opaque.is_none() && !packet.is_fragment());
                if len < kept.bytes.len() {
                    continue;
                }
                let ends = |packet: &Packet<'_>| packet.outermost().ip.map(|ip| (ip.source, ip.destination));
                let outer = packet.headers.ip.map(|ip| (ip.source, ip.destination));
                with_ip += u32::from(outer.is_some());
                if let Some(known) = ends(&whole) {
                    assert_eq!(outer, Some(known), "{fixture} frame {}", kept.number);
                }
            }
        }
    }
    assert!(with_ip > 1000, "{with_ip}");
}

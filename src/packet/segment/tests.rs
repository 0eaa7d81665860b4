use super::*;
use crate::packet::{Decoder, Frame, InterfaceNumber, LinkType, Reassembly, Timestamp, TunnelPorts};

/// Source port 9, destination port 80, sequence number 0x01020304, acknowledgement number 0x05060708, PSH and ACK, window 512,
/// a timestamp of 7 among the options, and "hello".
const TCP_SEGMENT: &[u8] = b"\0\x09\0\x50\x01\x02\x03\x04\x05\x06\x07\x08\x80\x18\x02\0\0\0\0\0\
    \x01\x01\x08\x0a\0\0\0\x07\0\0\0\0hello";

fn ipv4(protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let len = (20 + payload.len() as u16).to_be_bytes();
    let head = [&[0x45, 0][..], &len, &[0, 1], &fragment.to_be_bytes(), &[64, protocol, 0, 0]].concat();
    [&head[..], &[10, 0, 0, 1, 10, 0, 0, 2], payload].concat()
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u16).to_be_bytes();
    [&[0x60, 0, 0, 0][..], &len, &[next, 64], &[0xfd; 16], &[0xfe; 16], payload].concat()
}

fn frame(bytes: &[u8], wire_len: usize) -> Frame<'_> {
    Frame {
        number: 1,
        time: Timestamp::new(0, 0, 9),
        link: LinkType::RAW,
        interface: InterfaceNumber(0),
        direction: None,
        wire_len: wire_len as u32,
        bytes,
    }
}

/// Returns the captured payload and its declared length.
fn segment(bytes: &[u8], wire_len: usize) -> Option<(Vec<u8>, usize)> {
    let frame = frame(bytes, wire_len);
    let packet = Decoder::new(TunnelPorts::default()).decode(&frame);
    packet.tcp_segment().map(|segment| {
        assert_eq!((segment.sequence, segment.acknowledgement), (0x0102_0304, 0x0506_0708));
        assert!(segment.has_ack() && !segment.has_syn() && !segment.has_fin() && !segment.has_rst());
        assert_eq!((segment.window, segment.window_scale()), (512, None));
        (segment.payload.to_vec(), segment.declared)
    })
}

#[test]
fn a_segment_is_found_behind_every_kind_of_header() {
    let hop_by_hop = [&[6, 0, 1, 4, 0, 0, 0, 0][..], TCP_SEGMENT].concat();
    let atomic = [&[6, 0, 0, 0, 0, 0, 0, 9][..], TCP_SEGMENT].concat();
    let ah = |next: u8| [&[next, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1][..], TCP_SEGMENT].concat();
    for (name, packet) in [
        ("IPv4", ipv4(6, 0, TCP_SEGMENT)),
        ("IPv6", ipv6(6, TCP_SEGMENT)),
        ("IPv6 with options", ipv6(0, &hop_by_hop)),
        ("an atomic fragment", ipv6(44, &atomic)),
        ("AH", ipv4(51, 0, &ah(6))),
        ("IPv4 in IPv4", ipv4(4, 0, &ipv4(6, 0, TCP_SEGMENT))),
        ("IPv6 in IPv4", ipv4(41, 0, &ipv6(0, &hop_by_hop))),
    ] {
        let len = packet.len();
        assert_eq!(segment(&packet, len), Some((b"hello".to_vec(), 5)), "{name}");
        let padded = [&packet[..], &[0; 9]].concat();
        assert_eq!(segment(&padded, len + 9), Some((b"hello".to_vec(), 5)), "{name}, padded");
        for cut in 1..=17 {
            let payload = b"hello".get(..5_usize.saturating_sub(cut)).unwrap().to_vec();
            assert_eq!(segment(&packet[..len - cut], len), Some((payload, 5)), "{name}, {cut} bytes less");
        }
        assert_eq!(segment(&packet[..len - 18], len), None, "{name}");
    }
}

#[test]
fn a_segment_of_a_reassembled_datagram_is_found_and_that_of_a_lone_fragment_is_none() {
    let mut decoder = Decoder::new(TunnelPorts::default());
    let (first, last) = (ipv4(6, 0x2000, &TCP_SEGMENT[..32]), ipv4(6, 4, &TCP_SEGMENT[32..]));
    let frames = [&first, &last].map(|bytes| frame(bytes, bytes.len()));
    let lone = decoder.decode(&frames[0]);
    assert!(decoder.lone_fragment(lone).tcp_segment().is_none());
    let mut reassembly = Reassembly::default();
    reassembly.add(&frames[0], &decoder.decode(&frames[0]));
    let packet = decoder.decode(&frames[1]);
    let crate::packet::Added::Whole { protocol, payload, .. } = reassembly.add(&frames[1], &packet) else {
        panic!("a datagram of two fragments")
    };
    let packet = decoder.datagram(packet, protocol, &payload, 2);
    let segment = packet.tcp_segment().unwrap();
    assert_eq!((segment.payload, segment.declared, segment.timestamp()), (&b"hello"[..], 5, Some(7)));
}

#[test]
fn lengths_that_contradict_each_other_are_no_segment() {
    let mut packet = ipv4(6, 0, TCP_SEGMENT);
    let len = packet.len();
    for (offset, is_one) in [(0xf0, false), (0x40, false), (0x90, true), (0xa0, false), (0x50, true)] {
        packet[32] = offset;
        assert_eq!(segment(&packet, len).is_some(), is_one, "{offset:#x}");
    }
    assert_eq!(segment(&ipv4(17, 0, TCP_SEGMENT), len), None);
}

#[test]
fn options_are_found_wherever_they_are_and_broken_ones_are_none() {
    let cases: [(&[u8], Option<u8>, Option<u32>); 8] = [
        (&[3, 3, 7, 0], Some(7), None),
        (&[2, 4, 5, 0xb4, 1, 3, 3, 200], Some(14), None),
        (&[4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0], None, Some(9)),
        (&[8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 3, 3, 1, 0, 0, 0], Some(1), Some(9)),
        (&[0, 3, 3, 7], None, None),
        (&[3, 1, 3, 3], None, None),
        (&[3, 0, 3, 3], None, None),
        (&[8, 200, 0, 0], None, None),
    ];
    for (options, scale, timestamp) in cases {
        let mut segment = TCP_SEGMENT[..20].to_vec();
        segment[12] = ((20 + options.len()) as u8 / 4) << 4;
        segment.extend(options);
        let bytes = ipv4(6, 0, &segment);
        let frame = frame(&bytes, bytes.len());
        let packet = Decoder::new(TunnelPorts::default()).decode(&frame);
        let segment = packet.tcp_segment().unwrap();
        assert_eq!((segment.window_scale(), segment.timestamp()), (scale, timestamp), "{options:?}");
    }
}

#[test]
fn a_checksum_is_right_or_unfinished_or_wrong() {
    let right = |bytes: &mut Vec<u8>, at: usize| {
        let decoder = &mut Decoder::new(TunnelPorts::default());
        let place = at + 16;
        // Another implementation finds the right one: that of the only value that is so.
        (1..=u16::MAX).find(|sum| {
            bytes[place..place + 2].copy_from_slice(&sum.to_be_bytes());
            let packet = decoder.decode(&frame(bytes, bytes.len())).tcp_segment().map(|s| s.checksum());
            packet == Some(TcpChecksum::Right)
        })
    };
    let mut v4 = ipv4(6, 0, TCP_SEGMENT);
    let v6 = ipv6(6, TCP_SEGMENT);
    let header = etherparse::TcpHeader::from_slice(TCP_SEGMENT).unwrap().0;
    let expected = header.calc_checksum_ipv4_raw([10, 0, 0, 1], [10, 0, 0, 2], b"hello").unwrap();
    assert_eq!(right(&mut v4, 20), Some(expected));
    let expected = header.calc_checksum_ipv6_raw([0xfd; 16], [0xfe; 16], b"hello").unwrap();
    let mut of_v6 = v6.clone();
    assert_eq!(right(&mut of_v6, 40), Some(expected));

    let checksum = |bytes: &[u8], wire_len: usize| {
        let frame = frame(bytes, wire_len);
        let mut decoder = Decoder::new(TunnelPorts::default());
        decoder.decode(&frame).tcp_segment().unwrap().checksum()
    };
    let pseudo = 0x0a00 * 2 + 1 + 2 + 6;
    for (value, kind) in [
        (0, TcpChecksum::Unfinished),
        (pseudo, TcpChecksum::Unfinished),
        (pseudo + TCP_SEGMENT.len() as u16, TcpChecksum::Unfinished),
        (!pseudo, TcpChecksum::Unfinished),
        (pseudo + 1, TcpChecksum::Wrong),
    ] {
        v4[36..38].copy_from_slice(&value.to_be_bytes());
        assert_eq!(checksum(&v4, v4.len()), kind, "{value:#x}");
    }
    assert_eq!(checksum(&v4[..v4.len() - 1], v4.len()), TcpChecksum::Unfinished);
}

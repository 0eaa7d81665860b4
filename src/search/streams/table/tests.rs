use std::convert::Infallible;

use super::super::samples::{Capture, Nothing, SECOND, Sent, a, b};
use super::*;
use crate::packet::{Decoder, InterfaceNumber, LinkType, TunnelPorts};

fn from_port(port: u16, sent: Sent<'_>) -> Sent<'_> {
    let ports = if sent.ports.0 == 80 { (80, port) } else { (port, 80) };
    Sent { ports, ..sent }
}

#[test]
fn each_pair_of_ports_is_a_connection_of_its_own() {
    let mut capture = Capture::connected();
    capture.take(from_port(7, a("S", u32::MAX, ""))).take(from_port(7, a("A", 0, "other")));
    capture.take(a("A", 0, "one"));
    assert_eq!((capture.of_a(), capture.told_of(2, 7)), ("one", "other"));
    assert_eq!(capture.streams.counts().connections, 2);
}

/// Puts an IPv4 packet into VXLAN.
fn vxlan(vni: u32, inner: &[u8]) -> Vec<u8> {
    let inner = [&[2; 12][..], &[8, 0], inner].concat();
    let udp = [&[0x30, 0x39, 0x12, 0xb5][..], &(16 + inner.len() as u16).to_be_bytes(), &[0, 0]].concat();
    let header = [&[8, 0, 0, 0][..], &(vni << 8).to_be_bytes()].concat();
    let len = 20 + udp.len() + header.len() + inner.len();
    let ip =
        [&[0x45, 0][..], &(len as u16).to_be_bytes(), &[0, 0, 0, 0, 64, 17, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]];
    [&ip.concat()[..], &udp, &header, &inner].concat()
}

#[test]
fn equal_addresses_of_two_overlays_are_two_connections() {
    let mut capture = Capture::default();
    for sent in [a("S", u32::MAX, ""), b("SA", u32::MAX, ""), a("A", 0, "one"), a("A", 3, " two")] {
        for (vni, text) in [(7, "in seven"), (8, "in eight")] {
            let sent = Sent { data: if sent.data == b"one" { text.as_bytes() } else { sent.data }, ..sent };
            let sent = if sent.data == b" two" { sent.ack(0) } else { sent };
            let bytes = vxlan(vni, &sent.bytes());
            capture.frame(LinkType::RAW, &bytes, bytes.len());
        }
    }
    let told = [capture.told_of(1, 40_000), capture.told_of(2, 40_000)];
    assert_eq!(told, ["in seven( two)", "in eight( two)"]);
}

#[test]
fn a_reset_ends_both_directions_if_its_number_is_the_next_one() {
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "hello")).take(b("A", 0, "hi").ack(5));
    // RFC 5961: a blind one, even within the window, ends nothing.
    for blind in [1, 4, 6, 1000, 1 << 20, 1 << 31, u32::MAX] {
        capture.take(a("R", blind, ""));
    }
    capture.take(a("A", 5, " there").ack(2));
    assert_eq!((capture.of_a(), capture.of_b()), ("hello there", "hi"));
    assert_eq!(capture.streams.counts().refused, 7);
    capture.take(a("R", 11, ""));
    assert_eq!((capture.of_a(), capture.of_b()), ("hello there<reset>", "hi<reset>"));
    capture.take(a("A", 11, "not read")).take(b("A", 2, "nor this"));
    assert_eq!((capture.of_a(), capture.of_b()), ("hello there<reset>", "hi<reset>"));
}

#[test]
fn a_reset_ends_a_connection_if_the_capture_lost_bytes_that_the_receiver_has() {
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "hello")).take(b("A", 0, "").ack(900)).take(a("R", 900, ""));
    assert_eq!(capture.of_a(), "hello<reset>");
}

#[test]
fn the_refusal_of_a_syn_ends_the_connection() {
    let mut capture = Capture::default();
    capture.take(a("S", u32::MAX, "early")).take(b("RA", 0, ""));
    assert_eq!(capture.of_a(), "early<reset>");
}

#[test]
fn both_sides_may_open_at_the_same_time() {
    let mut capture = Capture::default();
    capture.take(a("S", u32::MAX, "")).take(b("S", u32::MAX, ""));
    capture.take(a("SA", u32::MAX, "")).take(b("SA", u32::MAX, ""));
    capture.take(a("A", 0, "from a")).take(b("A", 0, "from b").ack(6));
    assert_eq!((capture.of_a(), capture.of_b()), ("from a", "from b"));
    assert_eq!(capture.streams.counts().connections, 1);
}

#[test]
fn the_ports_of_a_connection_that_is_over_may_be_used_again() {
    let mut capture = Capture::connected();
    capture.take(a("FA", 0, "old")).take(b("FA", 0, "old").ack(4)).take(a("A", 4, "").ack(4));
    // The next handshake has other numbers.
    capture.take(a("S", 90_000, "")).take(b("SA", 70_000, "").ack(90_001));
    capture.take(a("A", 90_001, "new").ack(70_001)).take(b("A", 70_001, "new too").ack(90_004));
    assert_eq!((capture.of_a(), capture.of_b()), ("old<fin>", "old<fin>"));
    assert_eq!((capture.told_of(2, 40_000), capture.told_of(2, 80)), ("new", "new too"));
}

#[test]
fn a_handshake_of_both_sides_ends_what_the_capture_saw_no_end_of() {
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "old"));
    capture.take(a("S", 90_000, "")).take(b("SA", 70_000, "").ack(90_001));
    capture.take(a("A", 90_001, "new").ack(70_001));
    assert_eq!((capture.of_a(), capture.told_of(2, 40_000)), ("old<reused>", "new"));
}

#[test]
fn a_syn_alone_does_not_end_a_connection() {
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "still")).take(a("S", 90_000, "")).take(b("S", 9, "")).take(b("SA", 9, "").ack(7));
    capture.take(a("A", 5, " here")).take(b("A", 0, "also").ack(10));
    assert_eq!((capture.of_a(), capture.of_b()), ("still here", "also"));
    // After a minute of silence it does.
    capture.wait(61 * SECOND).take(a("S", 90_000, ""));
    assert_eq!((capture.of_a(), capture.of_b()), ("still here<reused>", "also<reused>"));
}

#[test]
fn a_clock_that_jumps_does_no_harm() {
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "one")).wait(-1_000_000 * SECOND).take(a("A", 3, " two"));
    capture.wait(200 * SECOND).take(a("A", 7, " three"));
    assert_eq!(capture.of_a(), "one two three");
    capture.wait(301 * SECOND).take(from_port(7, a("S", 0, "")));
    assert_eq!(capture.of_a(), "one two three<idle>");
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "one")).wait(i64::MAX / 2).take(a("A", 3, " two")).wait(i64::MIN / 2 - 9);
    assert_eq!(capture.take(a("A", 7, "!")).finish().of_a(), "one<idle>");
}

#[test]
fn the_oldest_makes_way_and_first_one_of_those_with_which_nothing_is_lost() {
    let mut capture = Capture::new(Limits { connections: 4, ..Limits::default() });
    capture.handshake();
    capture.take(a("A", 0, "kept"));
    for port in 1..=2000 {
        capture.take(from_port(port, a("S", 0, "")));
    }
    assert_eq!(capture.of_a(), "kept");
    capture.take(a("A", 4, " on"));
    assert_eq!(capture.of_a(), "kept on");
    let counts = capture.streams.counts();
    assert_eq!((counts.evicted, counts.evicted_idle), (1997, 1997));
    // Connections with data make way for one another.
    for port in 1..=4 {
        capture.take(from_port(port, a("S", 0, ""))).take(from_port(port, a("A", 1, "data")));
        capture.take(from_port(port, b("A", 0, "").ack(5)));
    }
    assert_eq!(capture.of_a(), "kept on<evicted>");
}

#[test]
fn a_connection_that_goes_on_sending_outlives_those_that_sent_a_segment_only() {
    let mut capture = Capture::new(Limits { connections: 8, ..Limits::default() });
    capture.handshake();
    let mut expected = String::new();
    for round in 0..200 {
        capture.take(a("A", round, "x"));
        expected.push('x');
        // Each waits for a byte that never comes, so that something is lost with it.
        for port in 3 * round..3 * round + 3 {
            let port = 1 + port as u16;
            capture.take(from_port(port, a("S", 0, ""))).take(from_port(port, a("A", 5, "data")));
        }
    }
    assert_eq!(capture.of_a(), expected);
    let counts = capture.streams.counts();
    assert_eq!((counts.evicted, counts.connections), (601 - 8, 601));
}

/// Frames that are made without an allocation each.
struct Flood {
    streams: Streams<Nothing>,
    decoder: Decoder,
    packet: Vec<u8>,
    frames: u64,
    most: usize,
}

impl Flood {
    fn new(sent: Sent<'_>) -> Self {
        let decoder = Decoder::new(TunnelPorts::default());
        let streams = Streams::new(Limits::default());
        Self { streams, decoder, packet: sent.bytes(), frames: 0, most: 0 }
    }

    /// Takes the packet from another address, and with another sequence number.
    fn take(&mut self, source: u32, sequence: u32) {
        self.packet[12..16].copy_from_slice(&source.to_be_bytes());
        self.packet[24..28].copy_from_slice(&sequence.to_be_bytes());
        self.frames += 1;
        let frame = Frame {
            number: self.frames,
            time: Timestamp::new(0, (self.frames * 1000 % 1_000_000_000) as u32, 9),
            link: LinkType::RAW,
            interface: InterfaceNumber(0),
            direction: None,
            wire_len: self.packet.len() as u32,
            bytes: &self.packet,
        };
        let packet = self.decoder.decode(&frame);
        let mut sink = |_: &mut Nothing, _: &Way, _: Piece<'_>| Ok::<(), Infallible>(());
        let Ok(()) = self.streams.tick(frame.time, &mut sink);
        let Ok(true) = self.streams.take(&frame, &packet, &mut sink) else { panic!("a segment") };
        self.most = self.most.max(self.streams.footprint());
    }
}

#[test]
fn floods_stay_within_the_memory() {
    let most = Limits::default().memory;
    let mut syns = Flood::new(a("S", 0, ""));
    (0..1_000_000).for_each(|source| syns.take(source, source));
    assert_eq!(syns.streams.counts().connections, 1_000_000);
    assert!(syns.most <= most / 2 + (1 << 20), "{}", syns.most);
    drop(syns);
    // Each connection leaves a hole, and what waits behind it.
    let block = "x".repeat(1000);
    let mut holes = Flood::new(a("A", 0, &block));
    for source in 0..100_000 {
        (0..2).for_each(|number| holes.take(source, number * 2000));
    }
    assert!((most / 2..=most).contains(&holes.most), "{}", holes.most);
    drop(holes);
    // One connection has a hole in front of each byte.
    let mut bytes = Flood::new(a("A", 0, "x"));
    (0..100_000).for_each(|number| bytes.take(1, number * 2 + 2));
    assert!(bytes.most <= 2 << 20, "{}", bytes.most);
}

#[test]
fn a_connection_that_is_half_open_takes_little() {
    let size = size_of::<Place<Nothing>>();
    assert!(size <= 352, "{size}");
}

/// Puts an IPv4 packet into GRE with a key.
fn gre(key: u32, inner: &[u8]) -> Vec<u8> {
    let len = (28 + inner.len()) as u16;
    let ip =
        [&[0x45, 0][..], &len.to_be_bytes(), &[0, 0, 0, 0, 64, 47, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]].concat();
    [&ip[..], &[0x20, 0, 8, 0], &key.to_be_bytes(), inner].concat()
}

/// Puts an IPv4 packet into Ethernet, in a VLAN or with an MPLS label.
fn ethernet(kind: [u8; 2], tag: &[u8], inner: &[u8]) -> Vec<u8> {
    [&[2; 12][..], &kind, tag, inner].concat()
}

fn vlan(id: u8, inner: &[u8]) -> Vec<u8> {
    ethernet([0x81, 0], &[0, id, 8, 0], inner)
}

fn mpls(label: u8, inner: &[u8]) -> Vec<u8> {
    ethernet([0x88, 0x47], &[0, label, 1, 64], inner)
}

#[test]
fn two_networks_with_equal_addresses_were_spliced_into_one_stream() {
    type Wrap = fn(u8, &[u8]) -> Vec<u8>;
    let ways: [(LinkType, Wrap); 3] = [
        (LinkType::ETHERNET, vlan),
        (LinkType::ETHERNET, mpls),
        (LinkType::RAW, |key, inner| gre(key.into(), inner)),
    ];
    for (link, wrap) in ways {
        let mut capture = Capture::default();
        let one = [a("S", u32::MAX, ""), b("SA", u32::MAX, ""), a("A", 0, "sec"), a("A", 3, "YYY").ack(0)];
        let other = |sent: Sent<'static>| {
            let data: &[u8] = match sent.data {
                b"sec" => b"XXX",
                b"YYY" => b"ret",
                other => other,
            };
            Sent { data, ..sent }
        };
        for sent in one {
            for (number, sent) in [(16, sent), (32, other(sent))] {
                let bytes = wrap(number, &sent.bytes());
                capture.frame(link, &bytes, bytes.len());
            }
        }
        let told = [capture.told_of(1, 40_000), capture.told_of(2, 40_000)];
        assert_eq!((told, capture.streams.counts().connections), (["secYYY", "XXXret"], 2));
    }
}

#[test]
fn the_directions_of_a_connection_may_have_other_labels_and_change_them() {
    let mut capture = Capture::default();
    let mut take = |label, sent: Sent<'_>| {
        let bytes = mpls(label, &sent.bytes());
        capture.frame(LinkType::ETHERNET, &bytes, bytes.len());
    };
    take(16, a("S", u32::MAX, ""));
    take(32, b("SA", u32::MAX, ""));
    take(16, a("A", 0, "a question"));
    take(32, b("A", 0, "an answer").ack(10));
    // A route changes.
    take(48, a("A", 10, ", and another"));
    // Bytes that the capture has lost are told as a gap when the other side has them, whatever the label is.
    take(48, a("A", 30, "!"));
    for segment in [a("A", 31, "!"), a("A", 32, "!"), a("A", 33, "!")] {
        take(32, b("A", 9, "").ack(31));
        take(48, segment);
    }
    assert_eq!(capture.streams.counts().connections, 1);
    assert_eq!(capture.of_b(), "an answer");
    assert_eq!(capture.of_a(), "a question, and another[7 lost]!!!!");
}

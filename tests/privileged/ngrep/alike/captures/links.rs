//! Captures of link types other than Ethernet.

use crate::made;
use crate::ngrep::alike::frames::{Shot, ether_type, ethernet, frame, ip6, tcp, udp};

use super::Capture;

pub(super) fn all() -> Vec<Capture> {
    vec![
        read("null", 0, |packet| [&family(packet).to_le_bytes(), packet].concat()),
        read("loop", 108, |packet| [&family(packet).to_be_bytes(), packet].concat()),
        read("raw-12", 12, <[u8]>::to_vec),
        read("raw-101", 101, <[u8]>::to_vec),
        read("ppp", 9, |packet| [&ppp(packet), packet].concat()),
        lengths("fddi", 10, |packet| [&[0x50][..], &[2; 12], &snap(packet), packet].concat()),
        lengths("token-ring", 6, |packet| [&[0x10, 0x40][..], &[2; 12], &snap(packet), packet].concat()),
        read("sll", 113, sll),
        not_read("sll2", 276, 113, sll2, sll),
        not_read(
            "pppoe-50",
            50,
            9,
            |packet| [&ppp(packet), packet].concat(),
            |packet| [&ppp(packet), packet].concat(),
        ),
        not_read("nflog", 239, 12, nflog, <[u8]>::to_vec),
        ipv4_only(),
        ipv6_only(),
        wireless("ieee80211", 105, &[]),
        wireless("radiotap", 127, &[0, 0, 8, 0, 0, 0, 0, 0]),
        Capture::new("unknown-link", 147, &[Shot::new(ethernet(&udp(1, 2, b"foo")))]),
        not_ip(),
        pppoe(),
    ]
}

/// Four packets, one of them empty.
fn packets() -> [Vec<u8>; 4] {
    [
        udp(1, 80, b"hello foo"),
        tcp(2, 80, 0x18, b"GET /foo HTTP/1.1\r\n\r\n"),
        tcp(2, 80, 0x10, b""),
        ip6(17, &made::udp_segment(3, 80, b"hello foo")),
    ]
}

fn read(name: &'static str, link: u32, wrap: impl Fn(&[u8]) -> Vec<u8>) -> Capture {
    let shots: Vec<Shot> = packets().iter().map(|packet| Shot::new(wrap(packet))).collect();
    Capture::new(name, link, &shots)
}

/// A link type whose headers do not count for `greater`.
fn lengths(name: &'static str, link: u32, wrap: impl Fn(&[u8]) -> Vec<u8>) -> Capture {
    let shot = |packet: &Vec<u8>| Shot { wire_len: 0, ..Shot::misread(wrap(packet), packet.clone()) };
    let shots: Vec<Shot> = packets().iter().map(shot).collect();
    Capture::misread(name, "frame-lengths", link, 12, &shots)
}

/// A link type that ngrep refuses. It is given another with the same packets.
fn not_read(
    name: &'static str,
    link: u32,
    plain_link: u32,
    wrap: impl Fn(&[u8]) -> Vec<u8>,
    plain: impl Fn(&[u8]) -> Vec<u8>,
) -> Capture {
    let shots: Vec<Shot> =
        packets().iter().map(|packet| Shot::misread(wrap(packet), plain(packet))).collect();
    Capture::misread(name, "link-types", link, plain_link, &shots)
}

/// The number of the address family that BSD writes in front of a packet.
fn family(packet: &[u8]) -> u32 {
    if ether_type(packet) == 0x86dd { 30 } else { 2 }
}

fn ppp(packet: &[u8]) -> [u8; 4] {
    let [high, low] = if ether_type(packet) == 0x86dd { [0, 0x57] } else { [0, 0x21] };
    [0xff, 3, high, low]
}

fn snap(packet: &[u8]) -> Vec<u8> {
    [&[0xaa, 0xaa, 3, 0, 0, 0][..], &ether_type(packet).to_be_bytes()].concat()
}

fn sll(packet: &[u8]) -> Vec<u8> {
    let head = [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
    [&head[..], &ether_type(packet).to_be_bytes(), packet].concat()
}

fn sll2(packet: &[u8]) -> Vec<u8> {
    let rest = [0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
    [&ether_type(packet).to_be_bytes()[..], &rest, packet].concat()
}

/// A log message of a packet filter, which has the packet in its ninth attribute.
fn nflog(packet: &[u8]) -> Vec<u8> {
    let family = if ether_type(packet) == 0x86dd { 10 } else { 2 };
    let len = (4 + packet.len()) as u16;
    [&[family, 0, 0, 0][..], &len.to_le_bytes(), &9u16.to_le_bytes(), packet].concat()
}

fn ipv4_only() -> Capture {
    let shots: Vec<Shot> = packets()[..3].iter().map(|packet| Shot::new(packet.clone())).collect();
    Capture::misread("ipv4", "link-types", 228, 12, &shots)
}

fn ipv6_only() -> Capture {
    let shots: Vec<Shot> = packets()[3..].iter().map(|packet| Shot::new(packet.clone())).collect();
    Capture::misread("ipv6-link", "link-types", 229, 12, &shots)
}

/// Data frames of a wireless network, as a station sends them, with and without the two bytes of a quality of service.
fn wireless(name: &'static str, link: u32, radiotap: &[u8]) -> Capture {
    let wrap = |qos: bool, packet: &[u8]| {
        let kind: &[u8] = if qos { &[0x88, 1, 0, 0] } else { &[0x08, 1, 0, 0] };
        let more: &[u8] = if qos { &[0, 0] } else { &[] };
        [radiotap, kind, &[2; 18], &[0, 0], more, &snap(packet), packet].concat()
    };
    let mut shots = Vec::new();
    for (n, packet) in packets().iter().enumerate() {
        shots.push(Shot::misread(wrap(n % 2 == 1, packet), ethernet(packet)));
    }
    Capture::misread(name, "wireless", link, 1, &shots)
}

/// Ethernet frames without IP, between two with it.
fn not_ip() -> Capture {
    let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[2; 20], b"foo"].concat();
    let llc = [&[2; 12][..], &[0, 7, 0x42, 0x42, 3], b"foo!"].concat();
    let shots = [
        Shot::new(ethernet(&udp(1, 2, b"foo"))),
        Shot::new(frame(0x0806, &arp)),
        Shot::new(llc),
        Shot::new(frame(0x88b5, b"foo")),
        Shot::new(ethernet(&udp(3, 4, b"foo"))),
    ];
    Capture::new("not-ip", 1, &shots)
}

/// Frames with PPPoE in front of IP, which only a filter that speaks of it lets through.
fn pppoe() -> Capture {
    let wrap = |packet: &[u8]| {
        let len = (packet.len() as u16 + 2).to_be_bytes();
        frame(0x8864, &[&[0x11, 0, 0, 9], &len[..], &ppp(packet)[2..], packet].concat())
    };
    let shots: Vec<Shot> =
        packets().iter().map(|packet| Shot::misread(wrap(packet), ethernet(packet))).collect();
    Capture::misread("pppoe", "other-headers", 1, 1, &shots)
}

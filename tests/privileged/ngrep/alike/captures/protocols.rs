//! Captures of every kind of header, over Ethernet.

use crate::made;
use crate::ngrep::alike::frames::{
    Shot, ether_type, ethernet, extension, frame, ip4, ip4_with_options, ip6, tag, tcp,
};
use crate::ngrep::alike::frames::{tcp_segment, tcp_with_options, udp};

use super::Capture;

pub(super) fn all() -> Vec<Capture> {
    let mut all = vec![
        Capture::of_packets("tcp-flags", &tcp_flags()),
        Capture::of_packets("http", &http()),
        Capture::of_packets("udp", &udp_packets()),
        Capture::of_packets("icmp", &icmp()),
        Capture::of_packets("icmpv6", &icmpv6()),
        Capture::of_packets("igmp", &igmp()),
        Capture::of_packets("other-protocols", &other_protocols()),
        Capture::of_packets("tunnels", &tunnels()),
        Capture::of_packets("esp", &esp()),
        Capture::of_packets("sctp", &sctp()),
        Capture::of_packets("vxlan", &vxlan()),
        Capture::of_packets("ipv6", &ipv6()),
        Capture::of_packets("zero-ports", &zero_ports()),
        Capture::of_packets("tcp-options", &tcp_options()),
        Capture::of_packets("ip-options", &ip_options()),
    ];
    all.extend([vlan(), vlan_mixed(), qinq(), extension_headers(), ah()]);
    all
}

fn tcp_flags() -> Vec<Vec<u8>> {
    let flags = [0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x20, 0x40, 0x80, 0xff, 0x00];
    let mut packets: Vec<_> =
        (0..).zip(flags).map(|(n, flags)| tcp(1000 + n, 80, flags, b"a foo flag")).collect();
    packets.push(tcp(1, 80, 0x10, b""));
    packets
}

/// Two connections, one of which has the word in its first packet only.
fn http() -> Vec<Vec<u8>> {
    let answer = |port: u16, flags, payload: &[u8]| {
        made::ipv4("10.0.0.2", "10.0.0.1", 6, 0, &tcp_segment(80, port, flags, payload))
    };
    vec![
        tcp(4001, 80, 0x02, b""),
        answer(4001, 0x12, b""),
        tcp(4001, 80, 0x18, b"GET /foo HTTP/1.1\r\nHost: example.org\r\n\r\n"),
        tcp(4002, 80, 0x18, b"POST / HTTP/1.1\r\nHost: other.example\r\n\r\n"),
        answer(4001, 0x10, b""),
        answer(4001, 0x18, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello foo"),
        answer(4002, 0x18, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        tcp(4001, 80, 0x11, b""),
        udp(53, 5353, b"between"),
        tcp(4001, 80, 0x18, b"GET /bar HTTP/1.1\r\nHost: example.org\r\n\r\n"),
    ]
}

fn udp_packets() -> Vec<Vec<u8>> {
    let payloads: [&[u8]; 6] = [b"hello foo", b"", b"foo", b"nothing here", b"Foo FOO", b"food, foo; foo"];
    (0..).zip(payloads).map(|(n, payload)| udp(5000 + n, 53, payload)).collect()
}

fn icmp() -> Vec<Vec<u8>> {
    let quoted = udp(1, 2, b"foo quoted");
    vec![
        ip4(1, b"\x08\x00\0\0\0\x01\0\x01ping foo"),
        ip4(1, b"\x00\x00\0\0\0\x01\0\x01ping foo"),
        ip4(1, &[b"\x03\x03\0\0\0\0\0\0", &quoted[..]].concat()),
        ip4(1, b"\x0b\x00\0\0"),
        ip4(1, b"\xff\xfe\0\0foo"),
    ]
}

fn icmpv6() -> Vec<Vec<u8>> {
    vec![
        ip6(58, b"\x80\x00\0\0\0\x01\0\x01ping foo"),
        ip6(58, b"\x87\x00\0\0\0\0\0\0\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"),
        ip6(58, &[b"\x01\x04\0\0\0\0\0\0", &ip6(17, &made::udp_segment(1, 2, b"foo"))[..]].concat()),
    ]
}

fn igmp() -> Vec<Vec<u8>> {
    let packet = |payload: &[u8]| made::ipv4("10.0.0.1", "224.0.0.22", 2, 0, payload);
    vec![
        packet(b"\x11\x00\0\0\0\0\0\0"),
        packet(b"\x16\x00\0\0\xe0\x01\x01\x01"),
        packet(b"\x22\x00\0\0\0\0\0\x01\x04\0\0\0\xe0\x01\x01\x01foo"),
    ]
}

fn other_protocols() -> Vec<Vec<u8>> {
    let mut packets: Vec<_> = [0, 3, 8, 88, 89, 112, 136, 253, 255]
        .into_iter()
        .map(|protocol| ip4(protocol, b"a foo in it"))
        .collect();
    packets.push(ip6(89, b"a foo in it"));
    packets.push(ip4(89, b""));
    packets
}

fn tunnels() -> Vec<Vec<u8>> {
    let inner = udp(7, 8, b"inner foo");
    vec![
        ip4(47, &[b"\0\0\x08\0", &inner[..]].concat()),
        ip4(47, &[b"\x20\0\x65\x58\0\x10\x01\x07", &ethernet(&inner)[..]].concat()),
        ip4(4, &inner),
        ip4(41, &ip6(17, &made::udp_segment(9, 10, b"inner foo"))),
        ip6(4, &inner),
        ip6(41, &ip6(17, &made::udp_segment(9, 10, b"inner foo"))),
        ip6(47, &[b"\0\0\x08\0", &inner[..]].concat()),
    ]
}

fn esp() -> Vec<Vec<u8>> {
    let body = |last: &[u8]| [b"\x12\x34\x56\x78\0\0\0\x01", last].concat();
    let noise: Vec<u8> = (0..96u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    vec![
        ip4(50, &body(&noise)),
        ip4(50, &body(b"by chance a foo in it...")),
        ip6(50, &body(&noise)),
        udp(4500, 4500, &body(&noise)),
        udp(4500, 4500, &body(b"by chance a foo in it...")),
    ]
}

fn sctp() -> Vec<Vec<u8>> {
    let data = |payload: &[u8]| {
        let chunk = [b"\0\x03\0\x19\0\0\0\x01\0\0\0\0\0\0\0\0", payload].concat();
        [&2000u16.to_be_bytes()[..], &3868u16.to_be_bytes(), &[0; 8], &chunk].concat()
    };
    vec![ip4(132, &data(b"foo data.")), ip4(132, &data(b"bar data.")), ip6(132, &data(b"foo data."))]
}

fn vxlan() -> Vec<Vec<u8>> {
    let inner = ethernet(&tcp(4000, 80, 0x18, b"GET /foo HTTP/1.1\r\n\r\n"));
    let geneve = [b"\0\0\x65\x58\0\0\x07\0", &inner[..]].concat();
    vec![
        ip4(17, &made::vxlan_segment(4789, 4097, &inner)),
        ip4(17, &made::vxlan_segment(8472, 1, &inner)),
        udp(50000, 6081, &geneve),
        ip6(17, &made::vxlan_segment(4789, 4097, &inner)),
    ]
}

fn ipv6() -> Vec<Vec<u8>> {
    vec![
        ip6(17, &made::udp_segment(1000, 2000, b"hello foo")),
        ip6(6, &tcp_segment(1000, 80, 0x18, b"GET /foo HTTP/1.1\r\n\r\n")),
        ip6(6, &tcp_segment(1000, 80, 0x10, b"")),
        ip6(17, &made::udp_segment(1, 2, b"")),
    ]
}

fn zero_ports() -> Vec<Vec<u8>> {
    vec![
        udp(0, 0, b"foo"),
        udp(0, 5, b"foo"),
        udp(5, 0, b"foo"),
        tcp(0, 0, 0x18, b"foo"),
        tcp(0, 1, 0, b"foo"),
    ]
}

fn tcp_options() -> Vec<Vec<u8>> {
    let mss = b"\x02\x04\x05\xb4";
    let many: Vec<u8> = mss.iter().copied().cycle().take(40).collect();
    vec![
        ip4(6, &tcp_with_options(1, 80, 0x02, mss, b"")),
        ip4(6, &tcp_with_options(2, 80, 0x18, mss, b"foo behind one")),
        ip4(6, &tcp_with_options(3, 80, 0x18, &many, b"foo behind ten")),
        ip6(6, &tcp_with_options(4, 80, 0x18, &many, b"foo behind ten")),
    ]
}

fn ip_options() -> Vec<Vec<u8>> {
    let udp = made::udp_segment(1, 2, b"foo");
    vec![
        ip4_with_options(17, &[1; 4], &udp),
        ip4_with_options(17, &[1; 40], &udp),
        ip4_with_options(6, &[1; 12], &tcp_segment(1, 2, 0x18, b"foo")),
        ip4_with_options(1, &[1; 12], b"\x08\0\0\0foo"),
    ]
}

fn tagged(packet: &[u8]) -> Vec<u8> {
    frame(0x8100, &tag(7, ether_type(packet), packet))
}

/// Frames with one tag, which ngrep's own filter admits.
fn vlan() -> Capture {
    let packets = [
        udp(1, 2, b"tagged foo"),
        tcp(3, 80, 0x18, b"tagged foo"),
        tcp(3, 80, 0x10, b""),
        ip6(17, &made::udp_segment(4, 80, b"tagged foo")),
        ip4(1, b"\x08\x00\0\0tagged foo"),
    ];
    let shots: Vec<Shot> = packets.iter().map(|packet| Shot::new(tagged(packet))).collect();
    Capture::new("vlan", 1, &shots)
}

/// Frames with and without a tag.
fn vlan_mixed() -> Capture {
    let shots = [
        Shot::new(tagged(&udp(1, 80, b"tagged foo"))),
        Shot::new(ethernet(&udp(1, 80, b"plain foo"))),
        Shot::new(tagged(&tcp(1, 80, 0x18, b"tagged foo"))),
        Shot::new(ethernet(&tcp(1, 80, 0x18, b"plain foo"))),
        Shot::new(tagged(&udp(1, 53, b"tagged foo"))),
    ];
    Capture::new("vlan-mixed", 1, &shots)
}

fn qinq() -> Capture {
    let double = |packet: &[u8]| frame(0x88a8, &tag(9, 0x8100, &tag(7, ether_type(packet), packet)));
    let twice = |packet: &[u8]| frame(0x8100, &tag(9, 0x8100, &tag(7, ether_type(packet), packet)));
    let shots = [
        Shot::new(double(&udp(1, 80, b"twice tagged foo"))),
        Shot::new(twice(&tcp(2, 80, 0x18, b"twice tagged foo"))),
        Shot::new(ethernet(&tcp(3, 80, 0x18, b"plain foo"))),
    ];
    Capture::new("qinq", 1, &shots)
}

/// IPv6 packets with extension headers. ngrep reads them without.
fn extension_headers() -> Capture {
    let udp = made::udp_segment(1, 80, b"hello foo");
    let tcp = tcp_segment(2, 80, 0x18, b"GET /foo HTTP/1.1\r\n\r\n");
    let icmp = b"\x80\x00\0\0ping foo";
    let shots = [
        Shot::misread(ethernet(&ip6(0, &extension(17, &udp))), ethernet(&ip6(17, &udp))),
        Shot::misread(ethernet(&ip6(60, &extension(6, &tcp))), ethernet(&ip6(6, &tcp))),
        Shot::misread(ethernet(&ip6(43, &extension(58, icmp))), ethernet(&ip6(58, icmp))),
        Shot::misread(
            ethernet(&ip6(0, &extension(43, &extension(60, &extension(17, &udp))))),
            ethernet(&ip6(17, &udp)),
        ),
        Shot::misread(ethernet(&ip6(60, &extension(89, b"a foo"))), ethernet(&ip6(89, b"a foo"))),
    ];
    Capture::misread("ipv6-extensions", "extension-headers", 1, 1, &shots)
}

fn ah() -> Capture {
    let behind =
        |next: u8, rest: &[u8]| [&[next, 4, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1][..], &[0x44; 12], rest].concat();
    let udp = made::udp_segment(1, 80, b"hello foo");
    let packets = [ip4(51, &behind(17, &udp)), ip6(51, &behind(17, &udp))];
    Capture::of_packets("ah", &packets)
}

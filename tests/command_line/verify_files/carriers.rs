//! Clear frames of the network that leave A inside of something else, beside real ESP. None of these is ENCRYPTED.

use std::io::Write as _;

use super::build::{
    A, B, ETHERNET, PORT, Pcapng, USER, VNI, base, base_and, base_and_five, clear, eth, five, framed, inner,
    ip, null_esp, packet, packet_six, segment, tcp, udp, vxlan,
};
use super::{CLEAR, CLEAR_OR_UNPROVEN, ENCRYPTED, Row, UNPROVEN, row};
use crate::made;

/// A row of five frames, each made of the number of an inner frame.
fn carried(
    name: &'static str,
    frame: impl Fn(u8) -> Vec<u8>,
    right: &'static [&'static str],
    because: &'static str,
) -> Row {
    row(name, base_and_five(frame), right, because)
}

/// An Ethernet frame around the network's VXLAN packet.
fn around(kind: u16, header: &[u8], body: &[u8]) -> Vec<u8> {
    eth(A, B, kind, &[header, body].concat())
}

fn in_ip(protocol: u8, header: &[u8], body: &[u8]) -> Vec<u8> {
    framed(A, B, protocol, &[header, body].concat())
}

fn in_udp(port: u16, header: &[u8], body: &[u8]) -> Vec<u8> {
    framed(A, B, 17, &udp(50000, port, &[header, body].concat()))
}

/// One entry of an MPLS label stack, the bottom one.
const LABEL: [u8; 4] = [0, 6, 0x41, 64];

pub(super) fn rows() -> Vec<Row> {
    [below_ip(), in_other_protocols(), in_datagrams(), decoded(), innocent()].into_iter().flatten().collect()
}

fn below_ip() -> Vec<Row> {
    let outer = |n| packet(A, B, n);
    let nsh = [0x0f, 0xc6, 1, 3, 0, 0, 0x2a, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    vec![
        carried(
            "MPLS in Ethernet",
            move |n| around(0x8847, &LABEL, &outer(n)),
            CLEAR_OR_UNPROVEN,
            "A label changes nothing about who can read the packet behind it.",
        ),
        carried(
            "PPPoE",
            move |n| {
                let ip = outer(n);
                let len = (ip.len() as u16 + 2).to_be_bytes();
                around(0x8864, &[0x11, 0, 0, 1, len[0], len[1], 0, 0x21], &ip)
            },
            CLEAR_OR_UNPROVEN,
            "A PPP session does not encrypt, so the packet in it is in clear.",
        ),
        carried(
            "802.1ah",
            |n| around(0x88e7, &[0, 0, 0, 9], &clear(A, B, n)),
            CLEAR_OR_UNPROVEN,
            "A provider's backbone tag is in front of the customer's whole frame, in clear.",
        ),
        carried(
            "NSH",
            move |n| around(0x894f, &nsh, &clear(A, B, n)),
            CLEAR_OR_UNPROVEN,
            "A service header is in front of the whole frame, in clear.",
        ),
        carried(
            "batman-adv",
            |n| around(0x4305, &[0x40, 15, 50, 1, 2, 0, 0, 0, 0, 0xb], &clear(A, B, n)),
            CLEAR_OR_UNPROVEN,
            "A mesh's unicast header is in front of the whole frame, in clear.",
        ),
        carried(
            "HSR",
            move |n| around(0x892f, &[0, 120, 0, n, 8, 0], &outer(n)),
            CLEAR_OR_UNPROVEN,
            "A redundancy tag is in front of the packet, in clear.",
        ),
        row(
            "an interface of an unknown link type",
            Pcapng::new()
                .interface(ETHERNET)
                .interface(USER)
                .frames(0, &base())
                .frames(1, &five(|n| clear(A, B, n)))
                .end(),
            CLEAR_OR_UNPROVEN,
            "Frames that nobody decodes may be anything, and the network's bytes are plain to see in these.",
        ),
    ]
}

fn in_other_protocols() -> Vec<Row> {
    let outer = |n| packet(A, B, n);
    let stored = |n| {
        let len = segment(n).len() as u16;
        [&[1][..], &len.to_le_bytes(), &(!len).to_le_bytes(), &segment(n)].concat()
    };
    let deflated = |n| {
        let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        out.write_all(&segment(n)).unwrap();
        out.finish().unwrap()
    };
    vec![
        carried(
            "MPLS in IP",
            move |n| in_ip(137, &LABEL, &outer(n)),
            CLEAR_OR_UNPROVEN,
            "A label in IP changes nothing about who can read the packet behind it.",
        ),
        carried(
            "EtherIP",
            |n| in_ip(97, &[0x30, 0], &clear(A, B, n)),
            CLEAR_OR_UNPROVEN,
            "Two bytes of EtherIP are in front of the whole frame, in clear.",
        ),
        carried(
            "L2TPv3 in IP",
            |n| in_ip(115, &[0, 0, 0, 7], &clear(A, B, n)),
            CLEAR_OR_UNPROVEN,
            "A session's number is in front of the whole frame, in clear.",
        ),
        carried(
            "IPComp that stores",
            move |n| in_ip(108, &[17, 0, 0, 2], &stored(n)),
            CLEAR_OR_UNPROVEN,
            "A stored block of deflate has the network's bytes as they are.",
        ),
        carried(
            "IPComp that deflates",
            move |n| in_ip(108, &[17, 0, 0, 2], &deflated(n)),
            CLEAR_OR_UNPROVEN,
            "Compression is no encryption, but who does not inflate it can only say that anything may be in it.",
        ),
        carried(
            "UDP-Lite",
            |n| in_ip(136, &[], &[&segment(n)[..4], &[0, 8, 0, 0], &vxlan(n)].concat()),
            CLEAR_OR_UNPROVEN,
            "UDP-Lite is UDP with another checksum, so the VXLAN in it is in clear.",
        ),
        carried(
            "WESP",
            |n| in_ip(141, &[17, 12, 12, 0], &null_esp(A, n)),
            &["CLEAR", "AUTH-ONLY", "INCONCLUSIVE"],
            "Wrapped ESP of this kind only authenticates, and the frame can be read in it.",
        ),
        carried(
            "TCP",
            |n| in_ip(6, &[], &tcp(9000, &vxlan(n))),
            CLEAR_OR_UNPROVEN,
            "A stream shows the network's bytes, and may be a tunnel or a copy of a capture.",
        ),
    ]
}

fn in_datagrams() -> Vec<Row> {
    let outer = |n| packet(A, B, n);
    let gtp = |n| {
        let len = (packet(A, B, n).len() as u16).to_be_bytes();
        [0x30, 0xff, len[0], len[1], 0, 0, 0, 1]
    };
    let vni = VNI.to_be_bytes();
    let geneve = [0, 0, 0x65, 0x58, vni[1], vni[2], vni[3], 0];
    vec![
        carried(
            "MPLS in UDP",
            move |n| in_udp(6635, &LABEL, &outer(n)),
            CLEAR_OR_UNPROVEN,
            "A label in UDP changes nothing about who can read the packet behind it.",
        ),
        carried(
            "L2TPv3 in UDP",
            |n| in_udp(1701, &[0, 3, 0, 0, 0, 0, 0, 7], &clear(A, B, n)),
            CLEAR_OR_UNPROVEN,
            "A session's header is in front of the whole frame, in clear.",
        ),
        carried(
            "FOU",
            move |n| in_udp(5555, &[], &outer(n)),
            CLEAR_OR_UNPROVEN,
            "A packet in UDP without any header between is in clear.",
        ),
        carried(
            "GUE",
            move |n| in_udp(6080, &[0, 4, 0, 0], &outer(n)),
            CLEAR_OR_UNPROVEN,
            "Four bytes of GUE are in front of the packet, in clear.",
        ),
        carried(
            "GTP-U",
            move |n| in_udp(2152, &gtp(n), &outer(n)),
            CLEAR_OR_UNPROVEN,
            "A mobile network's tunnel does not encrypt the packet in it.",
        ),
        carried(
            "VXLAN to UDP 4500",
            |n| in_udp(4500, &[], &vxlan(n)),
            CLEAR_OR_UNPROVEN,
            "VXLAN's first bytes look like an SPI on ESP's port, but no key opens it and the VNI is plain to see.",
        ),
        carried(
            "VXLAN from UDP 4500",
            |n| in_ip(17, &[], &udp(4500, PORT, &vxlan(n))),
            CLEAR,
            "The sender's port is chosen by a hash of the flow, and 4500 is one of its values: this is VXLAN.",
        ),
        carried(
            "Geneve with the VNI",
            move |n| in_udp(6081, &geneve, &inner(n)),
            CLEAR_OR_UNPROVEN,
            "The same VNI in another tunnel from A to B may be the network, whose driver was changed.",
        ),
    ]
}

fn decoded() -> Vec<Row> {
    let pieces = |n| made::fragments(A.ip, B.ip, 17, &segment(n), 48);
    let pieces = move || five(pieces_of_a(pieces));
    vec![
        carried(
            "VXLAN as it is",
            |n| clear(A, B, n),
            CLEAR,
            "A sends frames of the network that anybody can read.",
        ),
        carried(
            "6in4",
            |n| in_ip(41, &[], &packet_six(n)),
            CLEAR_OR_UNPROVEN,
            "IPv6 in IPv4 does not encrypt, whatever addresses the packet inside has.",
        ),
        carried(
            "GRE with Ethernet",
            |n| in_ip(47, &[0, 0, 0x65, 0x58], &clear(A, B, n)),
            CLEAR,
            "GRE is decoded, and the network's VXLAN is in it.",
        ),
        carried(
            "IP in IP",
            |n| in_ip(4, &[], &packet(A, B, n)),
            CLEAR,
            "IP in IP is decoded, and the network's VXLAN is in it.",
        ),
        carried(
            "more tunnels in one another than are decoded",
            |n| framed(A, B, 4, &(0..8).fold(packet(A, B, n), |inside, _| ip(A, B, 4, &inside))),
            CLEAR_OR_UNPROVEN,
            "Where decoding ends, anything may follow, and the network's bytes are plain to see.",
        ),
        carried(
            "VXLAN on another port",
            |n| in_udp(8472, &[], &vxlan(n)),
            CLEAR_OR_UNPROVEN,
            "The VNI is the network's, and no port was named.",
        ),
        carried(
            "a VLAN tag",
            |n| around(0x8100, &[0, 5, 8, 0], &packet(A, B, n)),
            CLEAR,
            "A tag changes nothing about who can read the packet behind it.",
        ),
        row(
            "a first fragment of clear VXLAN",
            base_and(&pieces()),
            CLEAR_OR_UNPROVEN,
            "The first fragment has the VNI, so a leak is plain to see without the rest.",
        ),
    ]
}

/// Returns the first fragment of each datagram, sent by A.
fn pieces_of_a(pieces: impl Fn(u8) -> Vec<Vec<u8>>) -> impl Fn(u8) -> Vec<u8> {
    move |n| eth(A, B, 0x0800, &pieces(n)[0][14..])
}

fn innocent() -> Vec<Row> {
    let lldp = eth(A, B, 0x88cc, b"\x02\x07\x04\x02\0\0\0\0\x0a\x04\x05\x05eth0\x06\x02\0\x78\0\0");
    let tls = framed(A, B, 6, &tcp(443, &[&[0x17, 3, 3, 0, 64][..], &[0xc5; 64]].concat()));
    let other = made::vxlan_segment(PORT, VNI + 1, &inner(100));
    let dns = framed(A, B, 17, &udp(40000, 53, b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03web\0\0\x01\0\x01"));
    vec![
        row(
            "nothing else",
            base_and(&[]),
            ENCRYPTED,
            "The keys open A's and B's ESP, the network is inside, and the capture shows other frames too.",
        ),
        row(
            "neighbours that carry nothing",
            base_and(&[lldp, tls, dns, ip_only()]),
            ENCRYPTED,
            "LLDP, TLS, DNS and pings are on every wire, and hold nothing of the network.",
        ),
        row(
            "another network in clear",
            base_and_five(|_| framed(A, B, 17, &other)),
            ENCRYPTED,
            "Another VNI is another network, which nobody asked about.",
        ),
        row(
            "later fragments of UDP",
            base_and_five(|n| eth(A, B, 0x0800, &made::ipv4(A.ip, B.ip, 17, 0x00b9, &[n; 200]))),
            UNPROVEN,
            "The first fragments were not captured, and may have had the network's VNI.",
        ),
    ]
}

/// A ping.
fn ip_only() -> Vec<u8> {
    eth(A, B, 0x0800, &ip(A, B, 1, b"\x08\0\0\0\0\x01\0\x01abcdefgh"))
}

//! The marks of packets that are not shown, and what is told of those that are not decoded.

use crate::made::{capture, esp, ethernet, fragments, ipv4, pcap, udp, udp_segment, vxlan};
use crate::run::{ovlsniff, shown, with_input};

/// An Ethernet frame of this type.
fn frame(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &ether_type.to_be_bytes()[..], payload].concat()
}

/// A capture file of frames that have this link type.
fn linked(link: u8, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = capture(0xa1b2_c3d4, 0, frames);
    file[20] = link;
    file
}

#[test]
fn what_is_not_decoded_has_a_mark_and_a_count_of_its_own() {
    let (_dir, file) = pcap(&[
        udp("192.0.2.1", "192.0.2.2", 7, b"clear"),
        esp(0x1001),
        frame(0x88b5, b"an experiment"),
        ethernet(&ipv4("192.0.2.1", "192.0.2.2", 253, 0, b"another one")),
        frame(0x88b5, b"an experiment"),
    ]);
    let ran = ovlsniff(&["-r", &file, "HTTP"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ".#???\n"));
    assert_eq!(
        ran.summary(),
        "5 packets: 0 matched, 1 opaque (1 ESP), 1 readable without a match, \
         3 not decoded: 2 Ethernet type 0x88b5, 1 IP protocol 253"
    );
    assert_eq!(ovlsniff(&["-r", &file, "--marks", "ngrep", "HTTP"]).out, "#####\n");
    assert_eq!(ovlsniff(&["-r", &file, "--marks", "none", "HTTP"]).out, "");
}

#[test]
fn the_header_line_says_that_a_packet_is_not_decoded() {
    let (_dir, file) =
        pcap(&[frame(0x88b5, b"an experiment"), ethernet(&ipv4("192.0.2.1", "192.0.2.2", 253, 0, b"x"))]);
    assert_eq!(
        ovlsniff(&["-q", "-r", &file, "--all", "HTTP"]).out,
        "? 02:00:00:00:00:01 -> 02:00:00:00:00:02 0x88b5 (not decoded: Ethernet type 0x88b5) #1
  an experiment
? 192.0.2.1 -> 192.0.2.2 proto:253 (not decoded: IP protocol 253) #2
  x
"
    );
}

#[test]
fn the_bytes_of_what_is_not_decoded_are_searched_all_the_same() {
    let (_dir, file) = pcap(&[frame(0x88b5, b"an experiment"), frame(0x88b5, b"another one")]);
    let ran = ovlsniff(&["-r", &file, "periment"]);
    assert_eq!(ran.code, Some(0));
    assert_eq!(
        ran.summary(),
        "2 packets: 1 matched, 0 opaque, 0 readable without a match, 1 not decoded: Ethernet type 0x88b5"
    );
    assert_eq!(shown(&["-r", &file, "-v", "periment"]), [2]);
    // Too short for an Ethernet header.
    let (_dir, file) = pcap(&[vxlan(4789, 5, b"short")]);
    assert_eq!(shown(&["-r", &file, "^short$"]), [1]);
}

#[test]
fn a_link_type_that_is_not_decoded_is_told_of_once() {
    let frames = [b"\x08\x02 beacon".to_vec(), b"\x08\x42 secret".to_vec()];
    let warning = "ovlsniff: link type 147 is not decoded; its frames are searched as they are\n";
    let file = linked(147, &frames);
    let ran = with_input(&["-r", "-", "HTTP"], &file);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), "??\n"));
    assert_eq!(
        ran.err,
        format!(
            "input: standard input\nmatch: HTTP\n{warning}\
             2 packets: 0 matched, 0 opaque, 0 readable without a match, 2 not decoded: link type 147\n"
        )
    );
    // Without the warning, nothing would tell what status 1 is worth.
    let ran = with_input(&["-q", "-r", "-", "HTTP"], &file);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(1), "", warning));
    let ran = with_input(&["-qq", "-r", "-", "secret"], &file);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), warning));
    assert_eq!(ran.out, "? - (not decoded: link type 147) #2\n");
}

#[test]
fn json_tells_what_is_not_decoded_and_why() {
    let (_dir, file) = pcap(&[
        frame(0x88b5, b"an experiment"),
        ethernet(&ipv4("192.0.2.1", "192.0.2.2", 253, 0, b"another one")),
        vxlan(4789, 5, b"short"),
    ]);
    let ran = ovlsniff(&["--json", "--all", "-r", &file, "one"]);
    let lines: Vec<serde_json::Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = lines.iter().map(|line| (line["outcome"].as_str().unwrap(), line["not_decoded"].to_string()));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("not-decoded", r#"{"number":34997,"why":"ether-type"}"#.to_owned()),
            ("match", r#"{"number":253,"why":"ip-protocol"}"#.to_owned()),
            ("not-decoded", r#"{"why":"truncated"}"#.to_owned()),
        ]
    );
    assert_eq!(lines[2]["stop"], serde_json::json!({"layer": "ethernet", "why": "truncated"}));
}

/// Neighbours, topologies and routes are told in protocols of their own, which no tunnel is made of.
#[test]
fn protocols_that_carry_no_packets_are_readable() {
    let llc = |bytes: &[u8]| frame(bytes.len() as u16, bytes);
    let (_dir, file) = pcap(&[
        frame(0x88cc, b"\x02\x07switch"),
        llc(b"\x42\x42\x03 spanning tree"),
        llc(b"\xaa\xaa\x03\0\0\x0c\x20\0 CDP"),
        llc(b"\xfe\xfe\x03\x83 IS-IS"),
        ethernet(&ipv4("192.0.2.1", "224.0.0.5", 89, 0, b"OSPF")),
        ethernet(&ipv4("192.0.2.1", "224.0.0.18", 112, 0, b"VRRP")),
    ]);
    let ran = ovlsniff(&["-r", &file, "IS-IS"]);
    assert_eq!(ran.summary(), "6 packets: 1 matched, 0 opaque, 5 readable without a match");
    let (_dir, file) = pcap(&[llc(b"\x10\x10\x03 who knows"), llc(b"\xaa\xaa\x03\x01\x02\x03\0\x07 whose")]);
    let ran = ovlsniff(&["-r", &file, "IS-IS"]);
    assert!(ran.summary().ends_with("2 not decoded: 1 LLC 0x10, 1 LLC 0xaa"), "{}", ran.err);
}

/// The content of a later fragment depends on the header in the first one: a datagram's may be ciphertext.
#[test]
fn a_later_fragment_alone_is_not_decoded_where_its_header_may_have_been_a_tunnels() {
    let pieces =
        |protocol| fragments("192.0.2.1", "192.0.2.2", protocol, &udp_segment(9, 7, &[b'x'; 72]), 40);
    let (_dir, file) = pcap(&[pieces(17).remove(1), pieces(6).remove(1), pieces(50).remove(1)]);
    let ran = ovlsniff(&["-r", &file, "HTTP"]);
    assert_eq!(
        ran.summary(),
        "3 packets: 0 matched, 1 opaque (1 ESP fragments), 1 readable without a match, \
         1 not decoded: without the first fragment"
    );
    // Both together are a datagram that is read to its end.
    let (_dir, file) = pcap(&pieces(17));
    let ran = ovlsniff(&["-r", &file, "HTTP"]);
    assert_eq!(
        (ran.out.as_str(), ran.summary()),
        ("..\n", "1 packet: 0 matched, 0 opaque, 1 readable without a match")
    );
}

/// Its network is not known, as that of an opaque packet is not. It is not searched, because a match might be of another
/// network.
#[test]
fn what_is_not_decoded_is_told_of_where_a_network_or_an_inner_flow_is_asked_for() {
    let inner = udp("10.0.0.1", "10.0.0.2", 7, b"needle");
    let (_dir, file) =
        pcap(&[vxlan(4789, 5, &inner), frame(0x88b5, b"needle"), vxlan(4789, 6, &frame(0x88b5, b"needle"))]);
    for (words, summary) in [
        (
            &["--vni", "5"][..],
            "2 packets: 1 matched, 0 opaque, 0 readable without a match, 1 not decoded: Ethernet type 0x88b5",
        ),
        (
            &["--vni", "6"],
            "2 packets: 1 matched, 0 opaque, 0 readable without a match, 1 not decoded: Ethernet type 0x88b5",
        ),
        (
            &["--inner", "host 10.0.0.1"],
            "3 packets: 1 matched, 0 opaque, 0 readable without a match, 2 not decoded: Ethernet type 0x88b5",
        ),
    ] {
        let ran = ovlsniff(&[&["-r", &file, "needle"][..], words].concat());
        assert_eq!(ran.summary(), summary, "{words:?}");
    }
    assert_eq!(shown(&["-r", &file, "needle", "--vni", "6"]), [3]);
}

#[test]
fn wireguard_on_another_port_is_opaque_once_its_session_is_known() {
    let full = |counter: u8| {
        let message = [&[4, 0, 0, 0, 7, 7, 7, 7, counter, 0, 0, 0, 0, 0, 0, 0][..], &[0xa5; 1436]].concat();
        udp("192.0.2.1", "192.0.2.2", 4433, &message)
    };
    let (_dir, file) = pcap(&[1, 2, 3, 4].map(full));
    let ran = ovlsniff(&["-r", &file, "HTTP"]);
    assert_eq!(ran.out, ".###\n");
    assert_eq!(ran.summary(), "4 packets: 0 matched, 3 opaque (3 WireGuard), 1 readable without a match");
}

/// A length in a header that is too short for what follows hides nothing from the search.
#[test]
fn bytes_behind_a_length_that_is_too_short_are_searched() {
    let mut six = vec![0x60, 0, 0, 0, 0, 0, 17, 64];
    six.extend([0x20; 32]);
    six.extend(b"\x9c\x40\x1b\x5f\0\x20\0\0 in six");
    let mut four = ipv4("192.0.2.1", "192.0.2.2", 17, 0, b"\x9c\x40\x1b\x5f\0\x20\0\0 in four");
    (four[2], four[3]) = (0, 20);
    let (_dir, file) = pcap(&[frame(0x86dd, &six), ethernet(&four)]);
    let ran = ovlsniff(&["-q", "-r", &file, "in (four|six)"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.out.contains("in six") && ran.out.contains("in four"), "{}", ran.out);
}

#[test]
fn an_empty_keep_alive_of_gre_is_readable_and_a_full_one_is_not_decoded() {
    let gre =
        |payload: &[u8]| ethernet(&ipv4("192.0.2.1", "192.0.2.2", 47, 0, &[b"\0\0\0\0", payload].concat()));
    let (_dir, file) = pcap(&[gre(b""), gre(b"what is this")]);
    let summary = ovlsniff(&["-r", &file, "nothing"]).summary().to_owned();
    assert!(
        summary.ends_with("1 readable without a match, 1 not decoded: Ethernet type 0x0000"),
        "{summary}"
    );
}

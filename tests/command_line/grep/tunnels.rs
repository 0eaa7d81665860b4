//! Tunnels and their neighbours as the output names them: `tests/fixtures/crafted` has a capture for each.

use crate::made::{pcap, udp};
use crate::run::{ovlsniff, printed};

/// Returns the headers that are printed of a crafted capture for `--all` and these words.
fn headers(capture: &str, words: &[&str]) -> Vec<String> {
    let file = format!("tests/fixtures/crafted/{capture}.pcap");
    let out = ovlsniff(&[&["-qq", "--all", "-r", &file], words, &[""]].concat()).out;
    out.lines().map(str::to_owned).collect()
}

/// Returns the closing line for a search of a crafted capture.
fn summary(capture: &str, pattern: &str) -> String {
    let ran = ovlsniff(&["-r", &format!("tests/fixtures/crafted/{capture}.pcap"), pattern]);
    ran.summary().to_owned()
}

const TCP: &str = "T 10.0.0.1:40000 -> 10.0.0.2:80 [AP]";
const UDP6: &str = "U [fd00::1]:41000 -> [fd00::2]:7007";
const OUTER: &str = "192.0.2.1 -> 192.0.2.2";
const OUTER6: &str = "2001:db8::1 -> 2001:db8::2";

#[test]
fn gtp_u_shows_its_endpoint_and_its_other_messages_are_datagrams() {
    assert_eq!(
        headers("gtp-u", &[]),
        [
            format!("{TCP} gtp-u:4660 {OUTER} #1"),
            format!("{UDP6} gtp-u:4294967295 {OUTER} #2"),
            format!("{TCP} gtp-u:7 {OUTER} #3"),
            format!("{TCP} gtp-u:7 {OUTER6} #4"),
            format!("? 10.0.0.1 -> 10.0.0.2 esp:0xc0ffee06 sealed gtp-u:7 {OUTER} #5"),
            format!("{TCP} vxlan:8 10.0.0.1 -> 10.0.0.2 gtp-u:7 {OUTER} #6"),
            "U 192.0.2.1:2152 -> 192.0.2.2:2152 #7".into(),
            "U 192.0.2.1:2152 -> 192.0.2.2:2152 #8".into(),
            format!("? - gtp-u:7 {OUTER} (not decoded: unknown inside gtp-u) #9"),
            "U 192.0.2.1:50000 -> 192.0.2.2:2152 #10".into(),
            "U 192.0.2.1:2152 -> 192.0.2.2:2152 (not decoded: malformed gtp-u) #11".into(),
        ]
    );
    // Bytes that are not decoded are searched all the same.
    assert_eq!(printed(&["-q", "-r", "tests/fixtures/crafted/gtp-u.pcap", "^neither IP"]).lines().count(), 2);
}

#[test]
fn l2tp_shows_tunnel_and_session_and_version_3_what_is_sound_in_it() {
    let found = headers("l2tp", &[]);
    let control = "U 192.0.2.1:1701 -> 192.0.2.2:1701";
    assert_eq!(
        found,
        [
            format!("{TCP} l2tp:7/8 {OUTER} #1"),
            format!("{UDP6} l2tp:7/8 {OUTER} #2"),
            format!("{TCP} l2tp:7/8 {OUTER} #3"),
            format!("? - l2tp:7/8 {OUTER} #4"),
            format!("{control} #5"),
            "U 192.0.2.1:50000 -> 192.0.2.2:1701 #6".into(),
            format!("{TCP} l2tp:9/10 192.0.2.2 -> 192.0.2.1 #7"),
            format!("{TCP} l2tpv3:77 {OUTER} #8"),
            format!("{UDP6} l2tpv3:77 {OUTER} #9"),
            format!("{control} #10"),
            format!("{TCP} l2tpv3:78 {OUTER} #11"),
            format!("{TCP} l2tpv3:78 {OUTER} #12"),
            format!("{TCP} l2tpv3:78 {OUTER} #13"),
            format!("? - l2tpv3:78 {OUTER} (not decoded: unknown inside l2tp) #14"),
            format!("? {OUTER} proto:115 #15"),
        ]
    );
}

/// Linux leaves out the sublayer or the cookie, or has a cookie of four or eight bytes, and no packet says which.
#[test]
fn every_form_of_l2tpv3_that_linux_makes_is_read() {
    let requests = printed(&["-qq", "-r", "tests/fixtures/tunnels/l2tpv3.pcap", "^GET /l2tp"]);
    let sessions: Vec<_> = (56..=61).map(|session| format!(" l2tpv3:{session} {OUTER} #")).collect();
    assert_eq!(requests.lines().count(), sessions.len(), "{requests}");
    for (line, session) in requests.lines().zip(sessions) {
        assert!(line.contains(&session), "{line}: {session}");
    }
}

#[test]
fn what_linux_sends_through_fou_gue_and_gre_in_udp_is_read() {
    let requests = |file: &str, words: &[&str]| {
        let file = format!("tests/fixtures/tunnels/{file}.pcap");
        let out = printed(&[&["-qq", "-r", &file], words, &["^GET /"]].concat());
        out.lines()
            .map(|line| line.split("[AP] ").nth(1).unwrap().split(" 192").next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(requests("fou", &["--fou-port", "7777,5556"]), ["fou", "gre fou"]);
    assert_eq!(requests("gue", &[]), ["gue", "gue", "gue"]);
    assert_eq!(requests("gre-in-udp", &[]), ["gre:77"]);
}

#[test]
fn teredo_is_found_both_ways_and_only_with_ipv6_inside() {
    let client = "2001:0:c000:201:8000:63bf:3fff:fdfd";
    let inner = format!("U [{client}]:41000 -> [2001:db8::7]:7007 teredo");
    assert_eq!(
        headers("teredo", &[]),
        [
            format!("{inner} {OUTER} #1"),
            format!("{inner} 192.0.2.2 -> 192.0.2.1 #2"),
            format!("{inner} {OUTER} #3"),
            format!("{inner} 192.0.2.2 -> 192.0.2.1 #4"),
            format!("? {client} -> 2001:db8::7 proto:59 teredo {OUTER} #5"),
            format!("? {client} -> 2001:db8::7 proto:59 teredo {OUTER} #6"),
            "U 192.0.2.1:50000 -> 192.0.2.2:3544 #7".into(),
            "U 192.0.2.1:50000 -> 192.0.2.2:3544 #8".into(),
        ]
    );
}

#[test]
fn gue_lisp_and_gre_in_udp_need_a_sound_payload() {
    assert_eq!(
        headers("gue", &[]),
        [
            format!("{TCP} gue {OUTER} #1"),
            format!("{UDP6} gue {OUTER} #2"),
            format!("{TCP} gue {OUTER} #3"),
            format!("{UDP6} gue {OUTER} #4"),
            format!("{TCP} gre gue {OUTER} #5"),
            format!("U 192.0.2.1:41000 -> 192.0.2.2:7007 gue {OUTER} #6"),
            "U 192.0.2.1:50000 -> 192.0.2.2:6080 #7".into(),
            "U 192.0.2.1:50000 -> 192.0.2.2:6080 #8".into(),
        ]
    );
    assert_eq!(
        headers("lisp", &[]),
        [
            format!("{TCP} lisp {OUTER} #1"),
            format!("{UDP6} lisp:5000 {OUTER} #2"),
            format!("{TCP} lisp:16777215 {OUTER6} #3"),
            format!("{TCP} lisp:9 {OUTER} #4"),
            "U 192.0.2.1:50000 -> 192.0.2.2:4341 #5".into(),
            "U 192.0.2.1:50000 -> 192.0.2.2:4341 #6".into(),
        ]
    );
    assert_eq!(
        headers("gre-in-udp", &[]),
        [
            format!("{TCP} gre {OUTER} #1"),
            format!("{TCP} gre:99 {OUTER} #2"),
            "U 192.0.2.1:50000 -> 192.0.2.2:4754 #3".into(),
        ]
    );
}

#[test]
fn wesp_says_where_the_payload_of_esp_is_and_is_believed_if_that_agrees() {
    let (clear, sealed) = ("U 192.0.2.1:41000 -> 192.0.2.2:7007", format!("? {OUTER}"));
    assert_eq!(
        headers("wesp", &[]),
        [
            format!("{clear} esp-null:0xc0ffee07 {OUTER} #1"),
            format!("{TCP} esp-gmac:0xc0ffee07 {OUTER} #2"),
            format!("{UDP6} esp-null:0xc0ffee07 {OUTER6} #3"),
            format!("{sealed} esp:0xc0ffee08 sealed #4"),
            format!("{clear} esp-null:0xc0ffee07 {OUTER} #5"),
            "U 192.0.2.1:4500 -> 192.0.2.2:4500 esp-in-udp:0xc0ffee08 sealed #6".into(),
            format!("{sealed} esp:0xc0ffee08 sealed #7"),
            format!("{sealed} proto:141 (not decoded: malformed wesp) #8"),
        ]
    );
}

#[test]
fn ipcomp_is_compressed_and_has_a_count_of_its_own() {
    assert_eq!(
        headers("ipcomp", &[]),
        [
            format!("? {OUTER} ipcomp:2 compressed #1"),
            format!("? {OUTER6} ipcomp:4660 compressed #2"),
            format!("? {OUTER} ipcomp compressed #3"),
            format!("? {OUTER} +78@128:80 ipcomp compressed #4"),
        ]
    );
    assert!(summary("ipcomp", "HTTP").starts_with("4 packets: 0 matched, 4 opaque (4 IPComp)"));
    let out = ovlsniff(&["--json", "--all", "-q", "-r", "tests/fixtures/crafted/ipcomp.pcap", ""]).out;
    assert!(out.lines().next().unwrap().contains(r#""opaque":{"kind":"ipcomp","cpi":2}"#), "{out}");
}

#[test]
fn a_register_of_pim_carries_a_packet() {
    assert_eq!(
        headers("pim", &[])[..2],
        [
            format!("U 10.0.0.1:41000 -> 239.1.1.1:7007 pim-register {OUTER} #1"),
            format!("? 10.0.0.1 -> 239.1.1.1 proto:103 pim-register {OUTER} #2"),
        ]
    );
}

#[test]
fn quic_and_openvpn_are_never_opaque_on_whatever_port() {
    assert!(summary("not-opaque", "HTTP").starts_with("60 packets: 0 matched, 0 opaque"));
}

/// Frames 1 to 4 are a datagram with a forged copy of its first piece, 5 to 7 one with a piece across two others, and 8 to
/// 11 one whose end a forged piece moves.
#[test]
fn overlapping_fragments_are_searched_as_linux_joins_them_and_one_by_one() {
    let file = "tests/fixtures/crafted/overlaps.pcap";
    let whole = printed(&["-qq", "-r", file, "piece 000[^#]*piece 029"]);
    assert_eq!(whole, "U 192.0.2.1:41000 -> 192.0.2.2:7007 #4\n");
    // The forged pieces are in capitals, and each is searched.
    let forged = printed(&["-q", "-W", "single", "-r", file, "PIECE"]);
    assert_eq!(forged.lines().count(), 4, "{forged}");
}

#[test]
fn a_port_of_fou_takes_ip_gre_and_gue_and_nothing_else() {
    let inner = udp("10.0.0.1", "10.0.0.2", 7, b"needle");
    let ip = &inner[14..];
    let gre = [&[0, 0, 8, 0][..], ip].concat();
    let gue = [&[0, 4, 0, 0][..], ip].concat();
    let frames = [ip, &gre, &gue, b"needle"].map(|payload| udp("192.0.2.1", "192.0.2.2", 5555, payload));
    let (_dir, file) = pcap(&frames);
    let found = |words: &[&str]| printed(&[&["-qq", "-r", &file], words, &["^needle"]].concat());
    assert_eq!(found(&[]).lines().count(), 1, "the last one");
    let inner = "U 10.0.0.1:4000 -> 10.0.0.2:7";
    assert_eq!(
        found(&["--fou-port", "5555"]).lines().collect::<Vec<_>>(),
        [
            format!("{inner} fou {OUTER} #1"),
            format!("{inner} gre fou {OUTER} #2"),
            format!("{inner} gue {OUTER} #3"),
            "U 192.0.2.1:4000 -> 192.0.2.2:5555 #4".into(),
        ]
    );
}

//! Captures of every link type: a pattern, a filter and an inner filter find the same packets in all of them.

use std::fs;
use std::path::PathBuf;

use crate::run::{ovlsniff, printed};

/// The path of a capture of `tests/fixtures/links`.
fn link(name: &str) -> String {
    format!("tests/fixtures/links/{name}.pcap")
}

/// All captures of `tests/fixtures/links` that were built by hand, each with packets to the ports 80 and 7007.
fn all() -> Vec<PathBuf> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/links");
    let files = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    // Cooked captures have the kernel's ports, or devices that libpcap knows nothing of.
    files.filter(|file| !file.to_str().unwrap().contains("/sll")).collect()
}

#[test]
fn a_frame_of_any_link_type_is_shown_as_the_packet_in_it() {
    let tcp = "T 192.0.2.1:40000 -> 192.0.2.2:80 [AP]";
    for name in
        ["radiotap", "nflog", "pflog", "chdlc", "frelay", "ppp-hdlc", "edsa", "ipoib", "juniper-ether"]
    {
        let file = link(name);
        let out = printed(&["-q", "-n", "1", "-I", &file, "link4 HTTP"]);
        assert_eq!(out, format!("{tcp} #1\n  GET /link4 HTTP/1.1..Host: web....\n"), "{name}");
    }
    let out = printed(&["-qq", "-n", "1", "-I", &link("pppoe"), "link4 HTTP"]);
    assert_eq!(out, format!("{tcp} pppoe:4660 #1\n"));
}

#[test]
fn protected_frames_of_a_wireless_network_are_opaque() {
    let ran = ovlsniff(&["--all", "-I", &link("ieee80211"), "no such text"]);
    let summary = ran.summary();
    assert!(summary.starts_with("15 packets: 0 matched, 1 opaque (1 802.11), "), "{summary}");
    let ran = ovlsniff(&["--json", "--all", "-I", &link("ieee80211"), "no such text"]);
    assert!(ran.out.contains(r#""opaque":{"kind":"ieee80211"}"#), "{}", ran.out);
}

#[test]
fn management_frames_are_searched() {
    let out = printed(&["-qq", "-I", &link("radiotap"), "NETWORK-ONE"]);
    let ends = "? 02:00:00:00:00:0a -> 02:00:00:00:00:0b";
    assert_eq!(out, format!("{ends} #11\n{ends} #26\n"));
}

/// Link types that libpcap has no filters for, or wrong ones, are among them.
#[test]
fn filters_find_the_same_packets_in_every_link_type() {
    for file in all() {
        let file = file.to_str().unwrap();
        let headers = |words: &[&str]| {
            let ran = ovlsniff(&[&["-qq", "-I", file], words].concat());
            assert_eq!(ran.err, "", "{file}");
            let to_port: Vec<_> = ran.out.lines().filter(|line| line.contains(":80 [AP]")).collect();
            to_port.join("\n")
        };
        let whole = headers(&[""]);
        assert!(!whole.is_empty(), "{file}");
        assert_eq!(headers(&["", "tcp port 80"]), whole, "{file}");
        assert_eq!(headers(&["--inner", "tcp port 80", ""]), whole, "{file}");
        assert_eq!(headers(&["", "not tcp"]), "", "{file}");
    }
}

#[test]
fn what_a_link_type_cannot_be_asked_is_one_sentence() {
    let ran = ovlsniff(&["-I", &link("nflog"), "", "arp"]);
    assert_eq!(ran.code, Some(2));
    assert_eq!(
        ran.err,
        "ovlsniff: filter 'arp': libpcap cannot tell one protocol from another in frames of link type NFLOG: \
         ask for what their IP packets show (host, net, port, tcp)\n"
    );
}

#[test]
fn frames_are_written_with_the_link_type_that_they_have() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy.pcap");
    let copy = copy.to_str().unwrap();
    for file in all() {
        let file = file.to_str().unwrap();
        let first = printed(&["-q", "-I", file, "-O", copy, ""]);
        assert_eq!(printed(&["-q", "-I", copy, ""]).lines().count(), first.lines().count(), "{file}");
        // Some writers number two link types as libpcap does, and not as files do.
        assert_eq!(fs::read(copy).unwrap()[20..22], little(&fs::read(file).unwrap()), "{file}");
    }
}

/// The link type in a file's header, in little-endian bytes.
fn little(file: &[u8]) -> [u8; 2] {
    if file[0] == 0xd4 { [file[20], file[21]] } else { [file[23], file[22]] }
}

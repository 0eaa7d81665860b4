//! A filter that lets nothing through says so, and names the other one.

use crate::made::{SWARM, esp, pcap, udp, vxlan};
use crate::run::{ovlsniff, with_input};

/// Returns the sentence before the closing line. The status is that of a search without a match.
fn sentence(words: &[&str]) -> Option<String> {
    let ran = ovlsniff(words);
    assert_eq!(ran.code, Some(1), "{words:?}: {}", ran.err);
    let own: Vec<&str> = ran.err.lines().filter_map(|line| line.strip_prefix("ovlsniff: ")).collect();
    assert!(own.len() < 2, "{words:?}: {}", ran.err);
    own.first().map(|line| (*line).to_owned())
}

#[test]
fn an_outer_filter_that_is_true_of_the_inside_only_is_told() {
    let ran = ovlsniff(&["-r", SWARM, "HTTP", "port", "80"]);
    assert_eq!(
        ran.err,
        format!(
            "input: {SWARM}\n\
             filter: port 80\n\
             match: HTTP\n\
             ovlsniff: none of 76 packets passed the filter 'port 80', which sees the outer packets; inside of tunnels \
             there are some: --inner 'port 80'\n\
             0 packets: 0 matched, 0 opaque, 0 readable without a match\n"
        )
    );
    // So it is with -q, where the closing line is missing.
    assert_eq!(ovlsniff(&["-q", "-r", SWARM, "HTTP", "port", "80"]).err.lines().count(), 1);
    // The advice works.
    assert_eq!(ovlsniff(&["-q", "-r", SWARM, "HTTP", "--inner", "port 80"]).code, Some(0));
}

#[test]
fn an_outer_filter_that_is_true_of_nothing_is_told() {
    let told = |filter: &str| sentence(&["-r", SWARM, "HTTP", filter]);
    assert_eq!(
        told("port 81").unwrap(),
        "none of 76 packets passed the filter 'port 81', which sees the outer packets; \
        for those that a key opens: --sa FILE --inner 'port 81'"
    );
    assert_eq!(
        sentence(&["-r", SWARM, "x", "port 80", "--inner", "port 80"]).unwrap(),
        "none of 76 packets passed the filter 'port 80'"
    );
    let (_dir, one) = pcap(&[udp("192.0.2.1", "192.0.2.2", 7, b"clear")]);
    assert_eq!(sentence(&["-r", &one, "x", "tcp"]).unwrap(), "the only packet did not pass the filter 'tcp'");
    // Something passed, or there was nothing.
    assert_eq!(sentence(&["-r", SWARM, "nowhere", "udp"]), None);
    assert_eq!(sentence(&["-r", "tests/fixtures/formats/header-only.pcap", "x", "tcp"]), None);
}

#[test]
fn a_network_that_is_not_there_is_told_with_those_that_are() {
    assert_eq!(
        sentence(&["-r", SWARM, "HTTP", "--vni", "5,6"]).unwrap(),
        "no packet was in VNI 5 or 6 (opaque packets show none); seen was: 4097"
    );
    let inside = udp("10.0.0.1", "10.0.0.2", 7, b"needle");
    let frames: Vec<Vec<u8>> = [9, 3, 3, 7].iter().map(|vni| vxlan(4789, *vni, &inside)).collect();
    let (_dir, file) = pcap(&frames);
    assert_eq!(
        sentence(&["-r", &file, "x", "--vni", "5"]).unwrap(),
        "no packet was in VNI 5; seen were: 3, 7, 9"
    );
    let frames: Vec<Vec<u8>> = (100..200).map(|vni| vxlan(4789, vni, &inside)).collect();
    let (_dir, file) = pcap(&frames);
    assert_eq!(
        sentence(&["-r", &file, "x", "--vni", "5"]).unwrap(),
        "no packet was in VNI 5; seen were: 100, 101, 102, 103, 104, 105, 106, 107, …"
    );
    let (_dir, file) = pcap(&[vxlan(4444, 5, &inside)]);
    assert_eq!(
        sentence(&["-r", &file, "x", "--vni", "5"]).unwrap(),
        "no packet was in VNI 5; no other one was seen: a tunnel on a port of its own needs --vxlan-port or --geneve-port"
    );
    let unknown = [&[2; 12][..], &[0x88, 0xb5], &[0; 50]].concat();
    let (_dir, file) = pcap(&[unknown, vxlan(4789, 6, &inside)]);
    assert_eq!(
        sentence(&["-r", &file, "x", "--vni", "5"]).unwrap(),
        "no packet was in VNI 5 (packets that are not decoded show none); seen was: 6"
    );
    // The network is there, or nobody can say.
    assert_eq!(sentence(&["-r", SWARM, "nowhere", "--vni", "4097"]), None);
    let (_dir, file) = pcap(&[esp(0x1001)]);
    assert_eq!(sentence(&["-r", &file, "x", "--vni", "5"]), None);
}

#[test]
fn an_inner_filter_that_is_true_of_the_outside_only_is_told() {
    let inside = udp("10.0.0.1", "10.0.0.2", 7, b"needle");
    let (_dir, file) = pcap(&[vxlan(4789, 5, &inside)]);
    assert_eq!(
        sentence(&["-r", &file, "needle", "--inner", "udp port 4789"]).unwrap(),
        "no packet passed --inner 'udp port 4789', which sees the innermost packets; outer ones do: as their filter it \
         stands after the pattern"
    );
    assert_eq!(
        sentence(&["-r", &file, "needle", "--vni", "5", "--inner", "tcp"]).unwrap(),
        "no packet passed --inner 'tcp', which sees the innermost packets"
    );
    assert_eq!(sentence(&["-r", &file, "nowhere", "--inner", "port 7"]), None);
    // With -q, most packets are not even decoded, so that nobody knows what they would have passed.
    assert_eq!(sentence(&["-q", "-r", &file, "nowhere", "--inner", "tcp"]), None);
}

#[test]
fn a_file_that_is_cut_has_its_error_only() {
    let ran = with_input(&["-r", "-", "x", "port", "80"], &std::fs::read(SWARM).unwrap()[..5000]);
    assert!(ran.complaint().contains("is cut off at byte 5000"), "{}", ran.err);
}

#[test]
fn libpcap_looks_behind_a_vlan_tag_only_if_it_is_told_to() {
    let inner = udp("10.0.1.4", "10.0.1.2", 7, b"canary");
    let tagged = [&inner[..12], b"\x81\0\0\x05", &inner[12..]].concat();
    let (_dir, file) = pcap(&[vxlan(4789, 4097, &tagged)]);
    let told = sentence(&["-r", &file, "--inner", "udp", "canary"]).unwrap();
    assert!(told.ends_with("; for frames with VLAN tags write --inner 'vlan and (udp)'"), "{told}");
    assert_eq!(ovlsniff(&["-r", &file, "--inner", "vlan and (udp)", "canary"]).code, Some(0));
}

//! The wrappings outside of the usual overlays: tags, providers' tunnels, mirrors.

use crate::made;
use crate::run::{ovlsniff, printed, shown};

/// The Ethernet header of every frame of these captures, as the header line shows it.
const MACS: &str = "02:00:00:00:00:0a -> 02:00:00:00:00:0b";
const UNDERLAY: &str = "192.0.2.1 -> 192.0.2.2";

fn file(name: &str) -> String {
    format!("tests/fixtures/{name}.pcap")
}

/// Returns what `ovlsniff -qq -r tests/fixtures/NAME.pcap PATTERN` prints.
fn lines(name: &str, pattern: &str) -> String {
    printed(&["-qq", "-r", &file(name), pattern])
}

#[test]
fn a_wrapping_is_named_with_its_number_and_with_the_ends_in_front_of_it() {
    let plain = "T 192.0.2.1:40000 -> 192.0.2.2:80 [AP]";
    let inner = "T 10.0.0.1:40000 -> 10.0.0.2:80 [AP]";
    for (name, pattern, line) in [
        ("crafted/pppoe", "GET /pppoe HTTP", format!("{plain} pppoe:17 {MACS} #1")),
        ("crafted/pppoe", "GET /pppoe-tagged", format!("{plain} pppoe:17 {MACS} vlan:5 vlan:6 #5")),
        ("crafted/mpls", "GET /mpls HTTP", format!("{plain} mpls:16 {MACS} #1")),
        ("crafted/mpls", "GET /mpls-three", format!("{plain} mpls:300 {MACS} #5")),
        ("crafted/mpls", "GET /mpls-null", format!("{plain} mpls:0 {MACS} #6")),
        ("crafted/mpls", "GET /mpls-entropy", format!("{plain} mpls:16 {MACS} #8")),
        ("crafted/mpls", "GET /mpls-bomb", format!("{plain} mpls:16 {MACS} #16")),
        ("crafted/mpls", "GET /mpls-gre", format!("{inner} mpls:16 gre {UNDERLAY} #20")),
        ("crafted/mpls", "GET /mpls-udp", format!("{inner} mpls:17 {UNDERLAY} #22")),
        ("crafted/mpls", "GET /mpls-ip", format!("{inner} mpls:16 {UNDERLAY} #24")),
        ("crafted/ppp-mpls", "GET /mpls-ppp", format!("{plain} mpls:16 #1")),
        ("crafted/nsh", "GET /nsh HTTP", format!("{plain} nsh:42 {MACS} #1")),
        ("crafted/nsh", "GET /nsh-mpls", format!("{plain} mpls:16 nsh:42 {MACS} #6")),
        ("crafted/nsh", "GET /nsh-nsh", format!("{plain} nsh:43 nsh:42 {MACS} #7")),
        ("crafted/nsh", "GET /gpe-mpls", format!("{inner} mpls:16 vxlan-gpe:9 {UNDERLAY} #11")),
        ("crafted/pbb", "GET /pbb HTTP", format!("{plain} pbb:66051 {MACS} vlan:10 #1")),
        ("crafted/pbb", "GET /pbb-tagged", format!("{plain} vlan:5 vlan:6 pbb:16777215 {MACS} #5")),
        ("crafted/erspan", "GET /span-tagged", format!("{inner} vlan:5 erspan:341 {UNDERLAY} vlan:9 #11")),
        ("crafted/gre-wireless", "GET /wireless", format!("{inner} gre {UNDERLAY} #1")),
        ("crafted/wccp", "GET /wccp2", format!("{inner} gre {UNDERLAY} #1")),
        ("crafted/etherip", "^GET /inner", format!("{inner} etherip {UNDERLAY} #1")),
    ] {
        assert_eq!(lines(name, pattern), format!("{line}\n"), "{name} {pattern}");
    }
    let pptp = [("pptp:700", 1), ("pptp:700", 3), ("gre", 7), ("pptp:700", 10)]
        .map(|(tunnel, number)| format!("{inner} {tunnel} {UNDERLAY} #{number}\n"));
    assert_eq!(lines("crafted/pptp", "GET /pptp"), pptp.concat());
}

#[test]
fn esp_in_any_of_them_is_opaque_and_vxlan_in_any_of_them_is_read() {
    for (name, wrapping, number) in [
        ("crafted/pppoe", "pppoe:17", 3),
        ("crafted/mpls", "mpls:16", 3),
        ("crafted/nsh", "nsh:42", 3),
        ("crafted/pbb", "pbb:66051", 3),
        ("crafted/erspan", "erspan:341", 3),
    ] {
        let all = ovlsniff(&["-qq", "--all", "-r", &file(name), "GET"]).out;
        let sealed = format!("esp:0xc0ffee06 sealed {wrapping}");
        assert_eq!(all.lines().filter(|line| line.contains(&sealed)).count(), 1, "{name}: {all}");
        assert_eq!(shown(&["-r", &file(name), "--vni", "77", "GET"]), [number + 1], "{name}");
    }
}

#[test]
fn eight_tags_are_shown_and_the_others_counted() {
    let shown = "vlan:100 vlan:101 vlan:102 vlan:103 vlan:104 vlan:105 vlan:106 vlan:107";
    // Cisco's security groups and Arista's time stamps are skipped.
    assert_eq!(
        lines("crafted/vlan", "security group|time stamp"),
        "U 192.0.2.1:41000 -> 192.0.2.2:7007 vlan:9 #4\nU 192.0.2.1:41000 -> 192.0.2.2:7007 #6\n"
    );
    assert_eq!(
        lines("crafted/vlan", "fifty tags"),
        format!("U 192.0.2.1:41000 -> 192.0.2.2:7007 {shown} vlan:+42 #2\n")
    );
    let json = ovlsniff(&["-q", "--json", "-r", &file("crafted/vlan"), "fifty tags"]).out;
    assert!(json.contains(r#""vlan":[100,101,102,103,104,105,106,107],"vlan_more":42,"#), "{json}");
}

#[test]
fn json_has_the_numbers_of_each_wrapping() {
    for (name, pattern, members) in [
        ("crafted/pppoe", "GET /pppoe HTTP", r#"{"kind":"pppoe","session":17,"#),
        ("crafted/mpls", "GET /mpls-three", r#"{"kind":"mpls","label":300,"labels":3,"#),
        ("crafted/mpls", "GET /mpls-bomb", r#"{"kind":"mpls","label":16,"labels":100,"#),
        ("crafted/nsh", "GET /nsh HTTP", r#"{"kind":"nsh","path":42,"index":255,"#),
        ("crafted/pbb", "GET /pbb HTTP", r#"{"kind":"pbb","service":66051,"#),
        ("crafted/erspan", "GET /span-tagged", r#"{"kind":"erspan","session":341,"#),
        ("crafted/pptp", "GET /pptp", r#"{"kind":"pptp","call":700,"#),
    ] {
        let json = ovlsniff(&["-q", "--json", "-r", &file(name), pattern]).out;
        assert!(json.contains(members), "{name}: {json}");
    }
}

#[test]
fn the_packet_of_a_tunnel_without_ethernet_is_filtered_and_written_with_a_header_of_zeros() {
    for (name, pattern) in [
        ("crafted/pppoe", "GET /pppoe HTTP"),
        ("crafted/mpls", "GET /mpls HTTP"),
        ("crafted/nsh", "GET /nsh HTTP"),
    ] {
        assert_eq!(shown(&["-r", &file(name), "--inner", "tcp dst port 80", pattern]), [1], "{name}");
        let written = ovlsniff(&["-q", "-r", &file(name), "-O", "-", "--decap", pattern]).bytes;
        // All frames of a copy are Ethernet, so this one gets a header with zeros for its addresses.
        assert_eq!(written[40..55], *b"\0\0\0\0\0\0\0\0\0\0\0\0\x08\0\x45", "{name}");
    }
}

/// A copy in pcap holds one link type, and not every frame in PPP has IP.
#[test]
fn what_is_in_a_tunnel_without_ip_is_written_with_the_tunnel() {
    for (name, lcp) in [("crafted/pppoe", 9), ("crafted/pptp", 5)] {
        let whole = ovlsniff(&["-q", "-r", &file(name), "-O", "-", "--decap", "--all", ""]);
        assert_eq!(whole.code, Some(0), "{}", whole.err);
        let one = ovlsniff(&["-qq", "--all", "-r", &file(name), ""]).out;
        let line = one.lines().find(|line| line.ends_with(&format!("#{lcp}"))).unwrap();
        assert!(line.starts_with("? - p"), "{line}");
    }
}

#[test]
fn text_to_the_port_of_mpls_is_text() {
    assert_eq!(lines("crafted/mpls", "no MPLS"), "U 192.0.2.1:50000 -> 192.0.2.2:6635 #23\n");
    let (_dir, file) = made::pcap(&[made::udp("10.0.0.1", "10.0.0.2", 6635, b"needle")]);
    assert_eq!(printed(&["-qq", "-r", &file, "needle"]), "U 10.0.0.1:4000 -> 10.0.0.2:6635 #1\n");
}

use super::*;
use crate::host::docker::names::Table;
use crate::packet::{
    Encapsulation, EspKind, Ip, Layer, Packet, Stop, TcpFlags, TypeCode, Vni, Why, WireGuardMessage,
};
use crate::print::Times;
use crate::print::samples::{esp, frame, hosts, ip, macs, packet, request, shown, tcp, tunnels, vxlan};

fn line(packet: &Packet<'_>) -> String {
    let mut out = Vec::new();
    header(&mut out, &shown(&frame(3), packet, &[]), &mut Clock::new(Times::None));
    String::from_utf8(out).unwrap()
}

#[test]
fn the_innermost_packet_is_shown_as_ngrep_shows_it() {
    assert_eq!(line(&request()), "T 10.0.0.1:1234 -> 10.0.0.2:80 [AP]");
    let mut all = tcp("10.0.0.1", "10.0.0.2", (1, 2), 0xff);
    assert_eq!(line(&packet(all, b"")), "T 10.0.0.1:1 -> 10.0.0.2:2 [ASRFUPEC]");
    all.transport = Transport::Tcp { ports: Ports { source: 1, destination: 2 }, flags: TcpFlags(0) };
    assert_eq!(line(&packet(all, b"")), "T 10.0.0.1:1 -> 10.0.0.2:2");
    let ping = Transport::Icmp(TypeCode { kind: 8, code: 0 });
    assert_eq!(
        line(&packet(Headers { transport: ping, ..hosts("10.0.0.1", "10.0.0.2", 1) }, b"")),
        "I 10.0.0.1 -> 10.0.0.2 8:0"
    );
    let solicit = Transport::Icmpv6(TypeCode { kind: 135, code: 0 });
    assert_eq!(
        line(&packet(Headers { transport: solicit, ..hosts("fe80::1", "ff02::1", 58) }, b"")),
        "I fe80::1 -> ff02::1 135:0"
    );
    let report = Transport::Igmp(TypeCode { kind: 34, code: 0 });
    assert_eq!(
        line(&packet(Headers { transport: report, ..hosts("10.0.0.1", "224.0.0.22", 2) }, b"")),
        "G 10.0.0.1 -> 224.0.0.22 34:0"
    );
}

#[test]
fn ipv6_with_a_port_has_brackets() {
    let headers = tcp("2001:db8::1", "2001:db8::2", (1000, 80), 0x10);
    assert_eq!(line(&packet(headers, b"")), "T [2001:db8::1]:1000 -> [2001:db8::2]:80 [A]");
}

#[test]
fn fragments_are_marked_also_the_first_of_ipv4() {
    let fragment = |offset, len| Some(Fragment { id: 4660, offset, more: true, len });
    let mut headers = hosts("10.0.0.1", "10.0.0.2", 17);
    headers.ip = Some(Ip { fragment: fragment(40, 40), ..ip("10.0.0.1", "10.0.0.2", 17) });
    assert_eq!(line(&packet(headers, b"")), "U 10.0.0.1 -> 10.0.0.2 +4660@40:40");
    headers.ip = Some(Ip { fragment: fragment(0, 48), ..ip("10.0.0.1", "10.0.0.2", 17) });
    headers.transport = Transport::Udp(Ports { source: 11, destination: 22 });
    assert_eq!(line(&packet(headers, b"")), "U 10.0.0.1:11 -> 10.0.0.2:22 4660@0:48");
}

#[test]
fn what_a_question_mark_stands_for_is_said() {
    let ports = Transport::Sctp(Ports { source: 1000, destination: 2000 });
    let sctp = Headers { transport: ports, ..hosts("10.0.0.1", "10.0.0.2", 132) };
    assert_eq!(line(&packet(sctp, b"")), "? 10.0.0.1:1000 -> 10.0.0.2:2000 sctp");
    assert_eq!(line(&packet(hosts("10.0.0.1", "10.0.0.2", 89), b"")), "? 10.0.0.1 -> 10.0.0.2 proto:89");
    let arp = Headers { mac: Some(macs()), ether_type: Some(0x0806), ..Headers::default() };
    assert_eq!(line(&packet(arp, b"")), "? 02:42:ac:1f:00:02 -> ff:ff:ff:ff:ff:ff arp");
    let other = Headers { ether_type: Some(0x88b5), ..arp };
    assert_eq!(line(&packet(other, b"")), "? 02:42:ac:1f:00:02 -> ff:ff:ff:ff:ff:ff 0x88b5");
    assert_eq!(line(&packet(Headers::default(), b"")), "? -");
}

#[test]
fn wrappings_follow_from_the_inside_out() {
    let mut wrapped = request();
    wrapped.encapsulations.push(vxlan(4097));
    assert_eq!(line(&wrapped), "T 10.0.0.1:1234 -> 10.0.0.2:80 [AP] vxlan:4097 192.0.2.1 -> 192.0.2.2");
    let gre = Encapsulation {
        tunnel: Tunnel::Gre { key: Some(9) },
        outer: hosts("2001:db8::1", "2001:db8::2", 47),
    };
    wrapped.encapsulations.insert(0, gre);
    assert_eq!(
        line(&wrapped),
        "T 10.0.0.1:1234 -> 10.0.0.2:80 [AP] vxlan:4097 192.0.2.1 -> 192.0.2.2 gre:9 2001:db8::1 -> 2001:db8::2"
    );
}

#[test]
fn vxlan_in_transport_mode_esp_names_the_hosts_once() {
    for (kind, name) in [(EspKind::Opened, "esp"), (EspKind::Null, "esp-null"), (EspKind::Gmac, "esp-gmac")] {
        let mut wrapped = request();
        wrapped.encapsulations.push(esp(kind));
        wrapped.encapsulations.push(vxlan(4098));
        let expected = format!(
            "T 10.0.0.1:1234 -> 10.0.0.2:80 [AP] vxlan:4098 {name}:0x9aa3ee15 192.0.2.1 -> 192.0.2.2"
        );
        assert_eq!(line(&wrapped), expected);
    }
}

#[test]
fn every_kind_of_wrapping_has_its_word() {
    for tunnel in tunnels() {
        let expected = match tunnel {
            Tunnel::Vxlan(_) => "vxlan:16777215",
            Tunnel::VxlanGpe(_) => "vxlan-gpe:16777215",
            Tunnel::Geneve(_) => "geneve:16777215",
            Tunnel::Nvgre(_) => "nvgre:16777215",
            Tunnel::Gre { key: None } => "gre",
            Tunnel::Gre { key: Some(_) } => "gre:4294967295",
            Tunnel::IpInIp => "ipip",
            Tunnel::GtpU { .. } => "gtp-u:4294967295",
            Tunnel::L2tp { .. } => "l2tp:7/65535",
            Tunnel::L2tpV3 { .. } => "l2tpv3:4294967295",
            Tunnel::Teredo => "teredo",
            Tunnel::Gue => "gue",
            Tunnel::Fou => "fou",
            Tunnel::Lisp(None) => "lisp",
            Tunnel::Lisp(Some(_)) => "lisp:16777215",
            Tunnel::PimRegister => "pim-register",
            Tunnel::Esp { kind: EspKind::Null, .. } => "esp-null:0x00000100",
            Tunnel::Esp { kind: EspKind::Gmac, .. } => "esp-gmac:0x00000100",
            Tunnel::Esp { kind: EspKind::Opened, .. } => "esp:0x00000100",
            Tunnel::Ah { .. } => "ah:0x00000100",
            Tunnel::Psp { .. } => "psp:0x00000100",
            Tunnel::Macsec { .. } => "macsec",
            Tunnel::Erspan { session: None } => "erspan",
            Tunnel::Erspan { session: Some(_) } => "erspan:1023",
            Tunnel::Pptp { .. } => "pptp:65535",
            Tunnel::EtherIp => "etherip",
            Tunnel::Mpls { .. } => "mpls:1048575",
            Tunnel::Nsh { .. } => "nsh:16777215",
            Tunnel::Pbb { .. } => "pbb:16777215",
            Tunnel::Pppoe { .. } => "pppoe:65535",
        };
        let mut wrapped = request();
        wrapped.encapsulations.push(Encapsulation { tunnel, outer: hosts("192.0.2.1", "192.0.2.2", 47) });
        let line = line(&wrapped);
        assert_eq!(line, format!("T 10.0.0.1:1234 -> 10.0.0.2:80 [AP] {expected} 192.0.2.1 -> 192.0.2.2"));
    }
    let mut wrapped = request();
    let outer = Headers { mac: Some(macs()), ..Headers::default() };
    wrapped.encapsulations.push(Encapsulation { tunnel: Tunnel::Macsec { sci: None }, outer });
    assert!(line(&wrapped).ends_with("[AP] macsec 02:42:ac:1f:00:02 -> ff:ff:ff:ff:ff:ff"));
}

#[test]
fn vlan_ids_stand_at_their_level() {
    let mut wrapped = request();
    wrapped.headers.vlan.push(5);
    let mut outer = vxlan(4097);
    outer.outer.vlan.push(100);
    outer.outer.vlan.push(7);
    wrapped.encapsulations.push(outer);
    assert_eq!(
        line(&wrapped),
        "T 10.0.0.1:1234 -> 10.0.0.2:80 [AP] vlan:5 vxlan:4097 192.0.2.1 -> 192.0.2.2 vlan:100 vlan:7"
    );
}

#[test]
fn eight_vlan_ids_are_shown_and_the_others_are_counted() {
    let mut tagged = request();
    (1..=11).for_each(|id| tagged.headers.vlan.push(id));
    let shown = "vlan:1 vlan:2 vlan:3 vlan:4 vlan:5 vlan:6 vlan:7 vlan:8 vlan:+3";
    assert_eq!(line(&tagged), format!("T 10.0.0.1:1234 -> 10.0.0.2:80 [AP] {shown}"));
}

#[test]
fn an_opaque_packet_says_why() {
    let esp = |udp, why| Opaque::Esp { spi: crate::packet::Spi(0x9aa3_ee15), sequence: 1, udp, why };
    for (opaque, words) in [
        (esp(false, Sealed::NoKey), "esp:0x9aa3ee15 sealed"),
        (esp(true, Sealed::NoKey), "esp-in-udp:0x9aa3ee15 sealed"),
        (esp(false, Sealed::BadIcv), "esp:0x9aa3ee15 sealed (bad-icv)"),
        (Opaque::EspFragment, "esp-fragment sealed"),
        (Opaque::EspTruncated, "esp-truncated sealed"),
        (Opaque::WireGuard(WireGuardMessage::Data { receiver: 7, counter: 1 }), "wireguard:4 sealed"),
        (Opaque::EspInTcp { spi: Some(crate::packet::Spi(0x9aa3_ee15)) }, "esp-in-tcp:0x9aa3ee15 sealed"),
        (Opaque::EspInTcp { spi: None }, "esp-in-tcp sealed"),
        (Opaque::Psp { spi: crate::packet::Spi(0x9aa3_ee15), clear: 0 }, "psp:0x9aa3ee15 sealed"),
        (
            Opaque::Macsec { sci: Some(crate::packet::Sci([2, 0x42, 0xac, 0x1f, 0, 2, 0, 1])) },
            "macsec:0x0242ac1f00020001 sealed",
        ),
        (Opaque::Macsec { sci: None }, "macsec sealed"),
        (Opaque::Ieee80211, "ieee80211 sealed"),
        (Opaque::IpComp { cpi: Some(2) }, "ipcomp:2 compressed"),
        (Opaque::IpComp { cpi: None }, "ipcomp compressed"),
    ] {
        let mut sealed = packet(hosts("192.0.2.1", "192.0.2.2", 50), b"ciphertext");
        sealed.opaque = Some(opaque);
        assert_eq!(line(&sealed), format!("? 192.0.2.1 -> 192.0.2.2 {words}"));
    }
}

#[test]
fn a_cut_packet_says_where_decoding_ended() {
    let mut cut = packet(hosts("10.0.0.1", "10.0.0.2", 6), b"");
    cut.stop = Some(Stop { layer: Layer::Payload, why: Why::Truncated });
    assert_eq!(line(&cut), "T 10.0.0.1 -> 10.0.0.2 (truncated in payload)");
}

#[test]
fn a_packet_that_is_not_decoded_says_so_and_why() {
    for (protocol, layer, why, words) in [
        (6, Layer::Tcp, Why::Truncated, "T 10.0.0.1 -> 10.0.0.2 (not decoded: cut off in tcp)"),
        (
            253,
            Layer::Ipv4,
            Why::Unsupported,
            "? 10.0.0.1 -> 10.0.0.2 proto:253 (not decoded: IP protocol 253)",
        ),
        (17, Layer::Ipv4, Why::Fragment, "U 10.0.0.1 -> 10.0.0.2 (not decoded: without the first fragment)"),
        (17, Layer::Vxlan, Why::Malformed, "U 10.0.0.1 -> 10.0.0.2 (not decoded: malformed vxlan)"),
        (47, Layer::Gre, Why::TooDeep, "? 10.0.0.1 -> 10.0.0.2 proto:47 (not decoded: too deep in tunnels)"),
    ] {
        let mut stopped = packet(hosts("10.0.0.1", "10.0.0.2", protocol), b"");
        stopped.stop = Some(Stop { layer, why });
        assert_eq!(line(&stopped), words);
    }
    let mut unknown =
        packet(Headers { ether_type: Some(0x88b5), mac: Some(macs()), ..Headers::default() }, b"");
    unknown.stop = Some(Stop { layer: Layer::Ethernet, why: Why::Unsupported });
    let ends = "? 02:42:ac:1f:00:02 -> ff:ff:ff:ff:ff:ff";
    assert_eq!(line(&unknown), format!("{ends} 0x88b5 (not decoded: Ethernet type 0x88b5)"));
    (unknown.headers.ether_type, unknown.payload) = (Some(40), &[0x10, 0x10, 3]);
    unknown.stop = Some(Stop { layer: Layer::Llc, why: Why::Unsupported });
    assert_eq!(line(&unknown), format!("{ends} llc (not decoded: LLC 0x10)"));
}

#[test]
fn the_name_of_an_interface_or_a_file_cannot_act_on_the_terminal() {
    let (packet, frame) = (request(), frame(3));
    let named = Shown { interface: Some("eth\x1b[2J"), file: Some("a\x1bb"), ..shown(&frame, &packet, &[]) };
    let mut out = Vec::new();
    header(&mut out, &named, &mut Clock::new(Times::None));
    assert_eq!(String::from_utf8(out).unwrap(), r"T 10.0.0.1:1234 -> 10.0.0.2:80 [AP] eth\u{1b}[2J a\u{1b}b");
}

#[test]
fn names_stand_before_their_addresses_in_brackets_and_behind_vnis() {
    let table = Table::of(
        &[("insecure", 4097), ("bridge", 0)],
        &[("insecure", "10.0.1.6", "web.1"), ("insecure", "fd00::3", "db"), ("bridge", "192.0.2.1", "node1")],
    );
    let mut wrapped = packet(tcp("10.0.1.6", "10.0.1.3", (49142, 80), 0x18), b"");
    wrapped.encapsulations.push(vxlan(4097));
    let frame = frame(1);
    let line = |packet: &Packet<'_>| {
        let mut out = Vec::new();
        let shown = Shown { names: Some(&table), ..shown(&frame, packet, &[]) };
        header(&mut out, &shown, &mut Clock::new(Times::None));
        String::from_utf8(out).unwrap()
    };
    let outer = "vxlan:4097(insecure) node1(192.0.2.1) -> 192.0.2.2";
    assert_eq!(line(&wrapped), format!("T web.1(10.0.1.6):49142 -> 10.0.1.3:80 [AP] {outer}"));
    wrapped.headers = tcp("fd00::6", "fd00::3", (1, 2), 0x18);
    assert_eq!(line(&wrapped), format!("T [fd00::6]:1 -> db(fd00::3):2 [AP] {outer}"));
    wrapped.encapsulations[0].tunnel = Tunnel::Geneve(Vni::new(4097).unwrap());
    assert!(line(&wrapped).starts_with("T [fd00::6]:1 -> [fd00::3]:2 [AP] geneve:4097 node1("));
}

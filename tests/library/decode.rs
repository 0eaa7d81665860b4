//! Decoding real captures: cut at every byte, damaged, and ESP that must not be taken for clear.

use std::collections::BTreeSet;

use ovlsniff::packet::{
    Added, Decoder, EspKind, Frame, InnerFrame, InterfaceNumber, Layer, LinkType, Opaque, Packet, Reassembly,
    Timestamp, Tunnel, TunnelPorts, Why, Worth,
};

use crate::layers::{Layers, Seen, layers};
use crate::reading;

#[test]
fn every_prefix_of_every_frame_keeps_the_layers_that_are_whole_and_stops_in_the_next() {
    let mut faults = BTreeSet::new();
    for fixture in reading::all() {
        // These are the same frames in other file formats.
        if fixture.starts_with("formats/") {
            continue;
        }
        for kept in reading::frames(&fixture) {
            let whole = layers(&Decoder::new(reading::ports()).decode(&kept.frame()));
            let mut before = Layers::new();
            for len in 0..=kept.bytes.len() {
                let frame = kept.cut(len);
                let packet = Decoder::new(reading::ports()).decode(&frame);
                let now = layers(&packet);
                if let Some(fault) = fault(&packet, len, &before, &now, &whole) {
                    faults.insert(format!("{fixture} frame {} cut to {len}: {fault}", kept.number));
                    break;
                }
                before = now;
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} frames:\n{}",
        faults.len(),
        faults.into_iter().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn the_flow_at_a_glance_is_that_of_the_decoded_packet() {
    let mut random = xorshift();
    let (mut told, mut in_networks) = (0_u32, 0_u32);
    for fixture in reading::all() {
        let mut decoder = Decoder::new(reading::ports()).hold_in_tunnels();
        for mut kept in reading::frames(&fixture) {
            for round in 0..20 {
                if round > 0 && !kept.bytes.is_empty() {
                    let at = random() as usize % kept.bytes.len().min(120);
                    kept.bytes[at] = random() as u8;
                }
                let cut = if round % 3 == 2 { random() as usize % (kept.bytes.len() + 1) } else { 0 };
                let frame = kept.cut(kept.bytes.len() - cut);
                let glance = (decoder.glance().worth(&frame) != Worth::Others)
                    .then(|| decoder.flow_at_a_glance(&frame));
                let packet = decoder.decode(&frame);
                let Some((vni, flow)) = glance.flatten() else { continue };
                let number = kept.number;
                assert_eq!(
                    (packet.vni(), packet.headers.flow()),
                    (vni, Some(flow)),
                    "{fixture} frame {number} round {round}"
                );
                assert!(!packet.is_fragment());
                told += 1;
                in_networks += u32::from(vni.is_some());
            }
        }
    }
    assert!(told > 10_000 && in_networks > 1_000, "{told} {in_networks}");
}

#[test]
fn damaged_frames_of_every_link_type_decode_without_panic() {
    let mut random = xorshift();
    let links: Vec<_> =
        (0..=300).map(LinkType).filter(|link| link.name().is_some()).chain([LinkType(147)]).collect();
    let mut decoder = Decoder::new(reading::ports());
    let mut reassembly = Reassembly::default();
    let mut count = 0_u32;
    for fixture in reading::all() {
        for mut kept in reading::frames(&fixture) {
            for round in 0..20 {
                for _ in 0..round {
                    if kept.bytes.is_empty() {
                        break;
                    }
                    // Most of the damage is in the headers.
                    let at = random() as usize % kept.bytes.len().min(160);
                    kept.bytes[at] = random() as u8;
                }
                if round % 4 == 3 {
                    kept.link = links[random() as usize % links.len()];
                }
                let len = kept.bytes.len() - random() as usize % (kept.bytes.len() / 2 + 1);
                let mut frame = kept.cut(len);
                if round % 2 == 0 {
                    frame.wire_len = len as u32;
                }
                let packet = decoder.decode(&frame);
                assert!(packet.payload.len() <= len);
                count += 1;
                if packet.is_fragment() {
                    match reassembly.add(&frame, &packet) {
                        Added::Whole { protocol, payload, .. } => {
                            let packet = decoder.datagram(packet, protocol, &payload, 2);
                            assert!(packet.payload.len() <= payload.len());
                        }
                        Added::Alone => drop(decoder.lone_fragment(packet)),
                        Added::Held | Added::GivenUp(_) => {}
                    }
                }
            }
        }
    }
    assert!(count > 20_000, "{count}");
}

/// No port is a proof. A datagram of another service must not be taken for a tunnel.
#[test]
fn random_datagrams_on_the_ports_of_tunnels_stay_datagrams() {
    let mut random = xorshift();
    let mut ports = TunnelPorts::default();
    ports.add_fou(5555);
    let mut decoder = Decoder::new(ports);
    let mut tunnels = Vec::new();
    for port in [2152_u16, 1701, 3544, 6080, 4341, 4754, 5555] {
        for _ in 0..30_000 {
            let body: Vec<u8> = (0..random() % 120).map(|_| random() as u8).collect();
            let [high, low] = (28 + body.len() as u16).to_be_bytes();
            let [uh, ul] = (8 + body.len() as u16).to_be_bytes();
            let [p0, p1] = port.to_be_bytes();
            let ip = [0x45, 0, high, low, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
            let bytes = [&ip[..], &[0x9c, 0x40, p0, p1, uh, ul, 0, 0], &body].concat();
            let frame = Frame {
                number: 1,
                time: Timestamp::new(0, 0, 6),
                link: LinkType::RAW,
                interface: InterfaceNumber(0),
                direction: None,
                wire_len: bytes.len() as u32,
                bytes: &bytes,
            };
            let packet = decoder.decode(&frame);
            assert_eq!((packet.opaque, packet.stop), (None, None), "{bytes:02x?}");
            tunnels.extend(packet.encapsulations.first().map(|wrapping| wrapping.tunnel));
        }
    }
    assert!(tunnels.is_empty(), "{tunnels:?}");
}

/// A generator that gives the same numbers every time (xorshift64*).
fn xorshift() -> impl FnMut() -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// Finds a fault in the layers of a prefix of `len` bytes. `before` are the layers of one byte less, `whole` those of
/// the whole frame.
fn fault(packet: &Packet<'_>, len: usize, before: &Layers, now: &Layers, whole: &Layers) -> Option<String> {
    if !begins(now, before) {
        return Some(format!("a byte more, and a layer less: {before:?} then {now:?}"));
    }
    if !begins(whole, now) {
        return Some(format!("{now:?} is not the beginning of {whole:?}"));
    }
    if packet.payload.len() > len {
        return Some(format!("a payload of {} bytes", packet.payload.len()));
    }
    let missing = whole.get(now.len());
    match (missing, packet.stop) {
        // Either the prefix has the whole packet, and the rest was padding; or the payload is being cut.
        (None, _) => None,
        (Some(_), None) => Some(format!("says nothing about the missing {missing:?}")),
        // A length in front of the cut decides about the layer: WireGuard's, or ESP's padding and trailer.
        (Some(_), Some(stop)) if matches!(stop.layer, Layer::Payload) => None,
        // The payload of a session of L2TPv3 is known by its form only.
        (Some(_), Some(stop)) if (stop.layer, stop.why) == (Layer::L2tp, Why::Unsupported) => None,
        (Some(&next), Some(stop)) => {
            let link = matches!(
                stop.layer,
                Layer::Link
                    | Layer::Sll
                    | Layer::Sll2
                    | Layer::Null
                    | Layer::Ppp
                    | Layer::Chdlc
                    | Layer::FrameRelay
                    | Layer::Llc
                    | Layer::Radiotap
                    | Layer::Ieee80211
            );
            // LLC and PPP have a header in front of them, but are not layers of their own here.
            let first = now.iter().all(|seen| matches!(seen, Seen::Ethernet(_) | Seen::Pppoe(_)));
            // The type after a SecTag or in a SNAP header, and headers that are not layers of their own here: PPP, the ninth
            // tag, WCCP in GRE.
            let between = matches!(
                stop.layer,
                Layer::Ipv6Extension
                    | Layer::Macsec
                    | Layer::Ethernet
                    | Layer::Vlan
                    | Layer::Ppp
                    | Layer::Llc
                    | Layer::Gre
            ) || // The ports of a header that is cut off are known already.
            matches!(
                (stop.layer, now.last()),
                (Layer::Tcp, Some(Seen::Tcp(..))) | (Layer::Udp, Some(Seen::Udp(_)))
            );
            let right = is(next, stop.layer) || between || link && first;
            (stop.why != Why::Truncated || !right).then(|| format!("stops with {stop:?} before {next:?}"))
        }
    }
}

/// Returns true if `layer` is the name under which decoding stops inside this header.
fn is(seen: Seen, layer: Layer) -> bool {
    match seen {
        // The addresses of 802.11 are given as those of Ethernet.
        Seen::Ethernet(_) => matches!(layer, Layer::Ethernet | Layer::Ieee80211),
        Seen::Vlan(_) => layer == Layer::Vlan,
        // Without its first byte, an IP header does not tell its version.
        Seen::Ip(source, _) => layer == Layer::Ipv4 || source.is_ipv6() && layer == Layer::Ipv6,
        Seen::Tcp(..) => layer == Layer::Tcp,
        Seen::Udp(_) => layer == Layer::Udp,
        Seen::Sctp(_) => layer == Layer::Sctp,
        Seen::Icmp(..) => layer == Layer::Icmp,
        Seen::Icmpv6(..) => layer == Layer::Icmpv6,
        Seen::Igmp(_) => layer == Layer::Igmp,
        Seen::Vxlan(_) => layer == Layer::Vxlan,
        Seen::VxlanGpe(_) => layer == Layer::VxlanGpe,
        Seen::Geneve(_) => layer == Layer::Geneve,
        Seen::Gre(_) | Seen::Nvgre(_) | Seen::Pptp => layer == Layer::Gre,
        Seen::Esp(_) => matches!(layer, Layer::Esp | Layer::Wesp),
        Seen::Ah(_) => layer == Layer::Ah,
        // Without its end, PSP is any datagram.
        Seen::Psp(_) => matches!(layer, Layer::Psp | Layer::Payload),
        Seen::Macsec => layer == Layer::Macsec,
        // Type I has no header of its own, and all have GRE's in front.
        Seen::Erspan(_) => matches!(layer, Layer::Erspan | Layer::Gre),
        Seen::EtherIp => layer == Layer::EtherIp,
        // Without its payload, MPLS in UDP is any datagram.
        Seen::Mpls(_) => matches!(layer, Layer::Mpls | Layer::Payload),
        Seen::Nsh(_) => layer == Layer::Nsh,
        Seen::Pbb(_) => layer == Layer::Pbb,
        Seen::Pppoe(_) => layer == Layer::Pppoe,
        Seen::Ieee80211 => layer == Layer::Ieee80211,
        Seen::WireGuard(_) | Seen::IpComp => layer == Layer::Payload,
        Seen::GtpU(_) => layer == Layer::GtpU,
        Seen::L2tp(_) => layer == Layer::L2tp,
        Seen::Teredo => layer == Layer::Teredo,
        Seen::Gue => layer == Layer::Gue,
        Seen::Fou => layer == Layer::Fou,
        Seen::Lisp(_) => layer == Layer::Lisp,
        Seen::Pim => layer == Layer::Pim,
    }
}

/// Returns true if `layers` begins with `start`. The SPI of ESP may be missing in `start`, and so may TCP's flags.
fn begins(layers: &Layers, start: &Layers) -> bool {
    layers.len() >= start.len()
        && start.iter().zip(layers).all(|(a, b)| match (a, b) {
            (Seen::Esp(None), Seen::Esp(_)) => true,
            (Seen::Tcp(a, 0), Seen::Tcp(b, _)) => a == b,
            _ => a == b,
        })
}

/// Decodes the ESP packets of a capture. Returns the kinds of the readable ones, the number of opaque ones, and all
/// readable text.
fn esp(fixture: &str) -> (BTreeSet<&'static str>, usize, String) {
    let (mut kinds, mut opaque, mut text) = (BTreeSet::new(), 0, String::new());
    reading::decode(fixture, |_, packet| {
        for wrapping in &packet.encapsulations {
            if let Tunnel::Esp { kind, .. } = wrapping.tunnel {
                kinds.insert(kind.name());
            }
        }
        if matches!(packet.opaque, Some(Opaque::Esp { .. } | Opaque::EspFragment)) {
            opaque += 1;
        } else {
            text.push_str(&String::from_utf8_lossy(packet.payload));
        }
    });
    (kinds, opaque, text)
}

#[test]
fn encrypted_esp_is_opaque_whatever_its_cipher() {
    for (cipher, least) in [
        ("gcm", 100),
        ("ccm", 80),
        ("chacha20poly1305", 25),
        ("cbc", 150),
        ("ctr", 50),
        ("v6", 40),
        ("tunnel", 60),
        ("esn", 80),
    ] {
        let (kinds, opaque, text) = esp(&format!("ipsec/esp-{cipher}.pcap"));
        assert!(kinds.is_empty(), "{cipher}: {kinds:?}");
        assert!(opaque >= least, "{cipher}: {opaque}");
        // In tunnel mode, the capture also has the kernel's own copies of the packets that it decrypted.
        assert!(cipher == "tunnel" || !text.contains("GET /"), "{cipher}: {text}");
    }
}

#[test]
fn esp_without_encryption_is_read_whatever_its_icv() {
    let (kinds, opaque, text) = esp("ipsec/esp-null.pcap");
    assert_eq!((kinds.into_iter().collect::<Vec<_>>(), opaque), (vec![EspKind::Null.name()], 0));
    for icv in ["sha1-96", "sha256-128", "sha384-192", "sha512-256", "noauth"] {
        for what in ["GET /", "reply to /", "udp ", "echo: udp "] {
            for through in ["plain", "vxlan"] {
                let mark = format!("{what}null-{icv}-{through}");
                assert!(text.contains(&mark), "{mark}");
            }
        }
    }
    for mark in
        ["GET /null-v6-plain", "GET /null-v6-vxlan", "GET /null-tunnel HTTP", "echo: udp null-tunnel66"]
    {
        assert!(text.contains(mark), "{mark}");
    }
}

#[test]
fn gmac_authenticates_and_hides_nothing() {
    let (kinds, opaque, text) = esp("ipsec/esp-gmac.pcap");
    assert_eq!((kinds.into_iter().collect::<Vec<_>>(), opaque), (vec![EspKind::Gmac.name()], 0));
    for mark in
        ["GET /gmac128-plain", "echo: udp gmac256-vxlan", "GET /gmac-tunnel", "reply to /gmac-v6-vxlan"]
    {
        assert!(text.contains(mark), "{mark}");
    }
}

#[test]
fn esp_in_udp_is_opaque_unless_it_is_null_and_its_neighbours_are_not_esp() {
    let (mut sealed, mut read, mut other) = (0, 0, 0);
    reading::decode("ipsec/esp-in-udp.pcap", |_, packet| match packet.opaque {
        Some(Opaque::Esp { udp, .. }) => {
            assert!(udp);
            sealed += 1;
        }
        Some(other) => panic!("{other:?}"),
        None if packet.encapsulations.is_empty() => other += 1,
        None => {
            assert!(matches!(
                packet.encapsulations[0].tunnel,
                Tunnel::Esp { udp: true, kind: EspKind::Null, .. }
            ));
            read += 1;
        }
    });
    assert!(sealed > 30 && read > 20, "{sealed} sealed, {read} read");
    assert_eq!(other, 2, "the IKE message and the keepalive");
}

#[test]
fn a_vxlan_frame_in_fragments_is_read_whole() {
    for fixture in ["tunnels/vxlan-fragmented.pcap", "ipsec/esp-fragmented.pcap"] {
        let (mut whole, mut text) = (0, String::new());
        reading::decode(fixture, |_, packet| {
            if packet.frames > 1 {
                whole += 1;
            }
            text.push_str(&String::from_utf8_lossy(packet.payload));
        });
        assert!(whole >= 4, "{fixture}: {whole}");
        let end = if fixture.starts_with("ipsec") { "END-frag-null-vxlan" } else { "END-vxlan-frag4" };
        assert!(text.contains(end), "{fixture}");
    }
}

#[test]
fn random_bodies_never_pass_for_esp_without_encryption() {
    let mut random = xorshift();
    let mut decoder = Decoder::new(reading::ports());
    let mut bytes = Vec::new();
    for round in 0..1_000_000_u32 {
        // ESP bodies have a multiple of four bytes. Other lengths are tried too.
        let esp = [44, 60, 76, 88, 92, 104, 120, 61, 132][round as usize % 9];
        let v6 = round % 3 == 0;
        let head = if v6 { 40 } else { 20 };
        bytes.clear();
        bytes.resize(head, 0);
        while bytes.len() < head + esp {
            bytes.extend_from_slice(&random().to_le_bytes());
        }
        bytes.truncate(head + esp);
        let total = bytes.len() as u16;
        if v6 {
            bytes[..8].copy_from_slice(&[0x60, 0, 0, 0, 0, esp as u8, 50, 64]);
            bytes[8..10].copy_from_slice(&[0x20, 0x01]);
            bytes[24..26].copy_from_slice(&[0x20, 0x01]);
        } else {
            bytes[..4].copy_from_slice(&[0x45, 0, (total >> 8) as u8, total as u8]);
            bytes[9] = 50;
            bytes[12..20].copy_from_slice(&[192, 0, 2, 1, 192, 0, 2, 2]);
        }
        let packet = decoder.decode(&raw(&bytes));
        assert!(
            packet.encapsulations.is_empty() && matches!(packet.opaque, Some(Opaque::Esp { .. })),
            "round {round}: {packet:?}"
        );
    }
}

#[test]
fn what_a_tunnel_carries_and_nobody_decodes_has_not_the_headers_around_it() {
    let gre = [
        &[0x45, 0, 0, 31, 0, 0, 0, 0, 64, 47, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2][..],
        &[0, 0, 0x88, 0xb5],
        b"payload",
    ]
    .concat();
    let packet = Decoder::new(reading::ports()).decode(&raw(&gre));
    assert_eq!(packet.headers.ip, None);
    assert_eq!(packet.headers.ether_type, Some(0x88b5));
    assert_eq!(packet.stop.map(|stop| (stop.layer, stop.why)), Some((Layer::Gre, Why::Unsupported)));
    assert_eq!(packet.payload, b"payload");

    let mut found = None;
    reading::decode("crafted/nsh.pcap", |kept, packet| {
        if kept.number == 8 {
            found = Some((packet.encapsulations[0].tunnel, packet.headers.mac, packet.payload.to_vec()));
        }
    });
    let nsh = Tunnel::Nsh { path: 42, index: 254 };
    assert_eq!(found, Some((nsh, None, b"unknown".to_vec())), "a next protocol that is not known");
}

#[test]
fn three_bytes_on_port_4500_are_not_taken_for_esp() {
    for payload in [&[0, 0, 0][..], &[0xc0, 0xff, 0xee], &[0xff]] {
        let len = payload.len() as u8;
        let udp = [
            &[0x45, 0, 0, 28 + len, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2][..],
            &[0x11, 0x94, 0x11, 0x94, 0, 8 + len, 0, 0],
            payload,
        ]
        .concat();
        let packet = Decoder::new(reading::ports()).decode(&raw(&udp));
        assert_eq!((packet.opaque, packet.payload), (None, payload));
    }
}

fn raw(bytes: &[u8]) -> Frame<'_> {
    Frame {
        number: 1,
        time: Timestamp::new(0, 0, 6),
        link: LinkType::RAW,
        interface: InterfaceNumber(0),
        direction: None,
        wire_len: bytes.len() as u32,
        bytes,
    }
}

#[test]
fn ppp_cut_behind_its_address_byte_is_cut_not_unknown() {
    let mut frame = raw(&[0xff]);
    frame.link = LinkType::PPP;
    let packet = Decoder::new(reading::ports()).decode(&frame);
    assert_eq!(packet.stop.map(|stop| (stop.layer, stop.why)), Some((Layer::Ppp, Why::Truncated)));
}

/// Wraps `body` in another level of each kind of tunnel that needs no IP header.
fn wrapped(kind: u8, body: &[u8]) -> Vec<u8> {
    let header: &[u8] = match kind {
        0 => &[0x88, 0xe7, 0, 0, 0, 1],
        1 => &[0x88, 0x47, 0, 1, 1, 64, 0, 0, 0, 0],
        2 => &[0x89, 0x4f, 0x0f, 0xc2, 2, 3, 0, 0, 1, 255],
        _ => &[0x89, 0x09, 1, 1, 0, 1, 0, 7, 0x81, 0, 0, 5, 0x88, 0xe7, 0, 0, 0, 1],
    };
    [&[2, 0, 0, 0, 0, 0x0b, 2, 0, 0, 0, 0, 0x0a][..], header, body].concat()
}

#[test]
fn of_tunnels_in_tunnels_a_few_are_followed_and_of_one_header_repeated_all() {
    let packet =
        [&[2; 12][..], &[8, 0, 0x45, 0, 0, 20, 0, 0, 0, 0, 64, 59, 0, 0], &[192, 0, 2, 1, 192, 0, 2, 2]]
            .concat();
    for kind in 0..4 {
        let bomb = (0..300).fold(packet.clone(), |body, _| wrapped(kind, &body));
        let mut frame = raw(&bomb);
        frame.link = LinkType::ETHERNET;
        let decoded = Decoder::new(reading::ports()).decode(&frame);
        assert_eq!(decoded.encapsulations.len(), ovlsniff::packet::MAX_DEPTH, "{kind}");
        assert_eq!(decoded.stop.map(|stop| stop.why), Some(Why::TooDeep), "{kind}");
    }
    // Labels, tags and security groups are no levels.
    let labels = [0, 1, 0, 64].repeat(10_000);
    let tags = [&[0, 5, 0x81, 0][..]].concat().repeat(10_000);
    let groups = [1, 1, 0, 1, 0, 7, 0x89, 0x09].repeat(10_000);
    for (ether_type, repeated) in [([0x88, 0x47], labels), ([0x81, 0], tags), ([0x89, 0x09], groups)] {
        let bomb = [&[2; 12][..], &ether_type, &repeated].concat();
        let mut frame = raw(&bomb);
        frame.link = LinkType::ETHERNET;
        let decoded = Decoder::new(reading::ports()).decode(&frame);
        assert_eq!(decoded.stop.map(|stop| stop.why), Some(Why::Truncated), "{ether_type:02x?}");
        assert_eq!(decoded.encapsulations.len(), 0);
    }
}

#[test]
fn a_link_type_has_a_name_if_and_only_if_it_is_decoded() {
    let mut decoder = Decoder::new(reading::ports());
    for link in (0..=400).map(LinkType) {
        // Of the number for private use only Apple's frames are known.
        if link == LinkType::USER2 {
            continue;
        }
        let mut frame = raw(&[]);
        frame.link = link;
        let stop = decoder.decode(&frame).stop.unwrap();
        let unknown = stop.layer == Layer::Link && stop.why == Why::Unsupported;
        assert_eq!(unknown, link.name().is_none(), "{link}: {stop:?}");
    }
}

#[test]
fn a_link_type_that_another_header_announces_and_nobody_decodes_is_that_of_the_innermost_frame() {
    let mut frame = raw(&[0, 0, 8, 0, 195, 0, 0, 0, 1, 2, 3]);
    frame.link = LinkType::PPI;
    let packet = Decoder::new(reading::ports()).decode(&frame);
    assert_eq!(packet.stop.map(|stop| (stop.layer, stop.why)), Some((Layer::Link, Why::Unsupported)));
    assert!(
        matches!(packet.inner, InnerFrame::Whole { link: LinkType(195), bytes: [1, 2, 3] }),
        "{packet:?}"
    );
}

//! Verdicts from frames alone, without the state of the kernel.

use ovlsniff::packet::WireGuardMessage;

use super::*;

#[test]
fn clear_and_delivered() {
    let report = Scene::new().probed(true).clear(OUT).clear(BACK).report();
    let unknown = (Verdict::Inconclusive, Some(Rung::Seen), Reason::EspGro);
    assert_eq!(verdicts(&report), (CLEAR, unknown, Verdict::Clear));
    assert_eq!(report.legs[0].shown.map(|shown| (shown.frame, shown.canary)), Some((1, true)));
    assert_eq!(report.exit_status(Expectation::Encrypted), 1);
    assert_eq!(report.exit_status(Expectation::Clear), 0);
}

#[test]
fn clear_and_dropped_by_the_peer_has_left_all_the_same() {
    let report = Scene::new().probed(false).clear(OUT).report();
    assert_eq!(report.legs[0].verdict, Verdict::Clear);
    assert_eq!(report.exit_status(Expectation::Encrypted), 1);
}

#[test]
fn any_clear_frame_of_the_network_is_a_leak() {
    let scene = Scene::new().probed(true).inside(OUT, esp(OUT, EspKind::Opened));
    let report =
        scene.inside(BACK, esp(BACK, EspKind::Opened)).packet(OUT, 1, &[vxlan(OURS)], None, b"arp").report();
    assert_eq!(verdicts(&report), (CLEAR, OPENED, Verdict::Clear));
    assert_eq!(report.legs[0].counts.clear, 1);
}

#[test]
fn frames_of_another_network_are_no_evidence() {
    let scene = Scene::new().probed(true).shut(OUT, true, Sealed::NoKey).shut(BACK, true, Sealed::NoKey);
    let report =
        scene.packet(OUT, 1, &[vxlan(43)], None, b"x").packet(BACK, 1, &[vxlan(43)], None, b"x").report();
    assert_eq!(verdicts(&report), (LENGTHS, LENGTHS, Verdict::Encrypted));
}

#[test]
fn one_direction_is_no_proof_of_the_other() {
    let opened = esp(OUT, EspKind::Opened);
    let report = Scene::new()
        .probed(true)
        .inside(OUT, opened)
        .clear(BACK)
        .ended(|circumstances| circumstances.kernel = with(|kernel| kernel.sas[1].packets = 0))
        .report();
    assert_eq!(verdicts(&report), (OPENED, CLEAR, Verdict::Clear));
    assert_eq!(report.exit_status(Expectation::Clear), 1, "one direction is encrypted");
    let report = Scene::passive().inside(OUT, opened).report();
    assert_eq!(report.legs[1].reason, Reason::OneDirection);
    assert_eq!(report.verdict, Verdict::Inconclusive);
}

#[test]
fn esp_of_the_probes_lengths_is_theirs() {
    let report =
        Scene::new().probed(true).shut(OUT, true, Sealed::NoKey).shut(BACK, true, Sealed::NoKey).report();
    assert_eq!(verdicts(&report), (LENGTHS, LENGTHS, Verdict::Encrypted));
    assert_eq!(report.exit_status(Expectation::Encrypted), 0);
    assert_eq!(report.exit_status(Expectation::Clear), 1);
}

#[test]
fn esp_of_other_lengths_is_anybodys() {
    let report =
        Scene::new().probed(true).shut(OUT, false, Sealed::NoKey).shut(BACK, true, Sealed::NoKey).report();
    assert_eq!(verdicts(&report).0, (Verdict::Inconclusive, None, Reason::OtherTunnel));
    assert_eq!(report.exit_status(Expectation::Encrypted), 3);
    let report = Scene::passive().shut(OUT, true, Sealed::NoKey).shut(BACK, true, Sealed::NoKey).report();
    assert_eq!(verdicts(&report).2, Verdict::Inconclusive);
}

#[test]
fn esp_that_leaves_and_no_reply_is_a_black_hole() {
    let report = Scene::new().probed(false).inside(OUT, esp(OUT, EspKind::Opened)).report();
    assert_eq!(verdicts(&report).0, (Verdict::Blackholed, Some(Rung::Opened), Reason::BlockedEsp));
    assert_eq!(report.exit_status(Expectation::Encrypted), 4);
    let report = Scene::new().probed(false).shut(OUT, true, Sealed::NoKey).report();
    assert_eq!(verdicts(&report).0, (Verdict::Blackholed, Some(Rung::Seen), Reason::BlockedEsp));
    // ESP of other lengths is not the probes'.
    let report = Scene::new().probed(false).shut(OUT, false, Sealed::NoKey).report();
    assert_eq!(report.verdict, Verdict::Inconclusive);
}

#[test]
fn authenticated_is_not_encrypted() {
    let ah = Tunnel::Ah { spi: Spi(300), sequence: 1 };
    let kinds = [
        (esp(OUT, EspKind::Null), Reason::EspNull),
        (esp(OUT, EspKind::Gmac), Reason::EspGmac),
        (ah, Reason::AhOnly),
        (Tunnel::Macsec { sci: None }, Reason::MacsecIntegrity),
        (Tunnel::Psp { spi: Spi(300), hides: false }, Reason::PspIntegrity),
    ];
    for (wrapping, reason) in kinds {
        let report = Scene::new().probed(true).inside(OUT, wrapping).inside(BACK, wrapping).report();
        let line = (Verdict::AuthOnly, Some(Rung::Seen), reason);
        assert_eq!(verdicts(&report), (line, line, Verdict::AuthOnly));
        assert_eq!(report.exit_status(Expectation::Encrypted), 1);
    }
}

#[test]
fn an_underlay_may_be_in_a_providers_wrappings() {
    let wrappings = [
        Tunnel::Pppoe { session: 17 },
        Tunnel::Mpls { label: 16, labels: 2 },
        Tunnel::Nsh { path: 42, index: 255 },
        // The number of the service instance is that of the network by chance.
        Tunnel::Pbb { service: OURS },
    ];
    for provider in wrappings {
        let report = Scene::new().probed(true).inside(OUT, provider).inside(BACK, provider).report();
        let plain = Scene::new().probed(true).clear(OUT).clear(BACK).report();
        assert_eq!(verdicts(&report), verdicts(&plain), "{provider:?}");
        let shut = |scene: Scene, way| {
            (0..PROBES).fold(scene, |scene, n| {
                let payload = vec![0xa5; esp_len(inner(n)) as usize];
                scene.packet(way, n, &[provider], Some(sealed(way, Sealed::NoKey)), &payload)
            })
        };
        let report = shut(shut(Scene::new().probed(true), OUT), BACK).report();
        assert_eq!(verdicts(&report), (LENGTHS, LENGTHS, Verdict::Encrypted), "{provider:?}");
        let opened = |scene: Scene, way| {
            let wrappings = [provider, esp(way, EspKind::Opened), vxlan(OURS)];
            (0..PROBES).fold(scene, |scene, n| scene.packet(way, n, &wrappings, None, CANARY))
        };
        let report = opened(opened(Scene::new().probed(true), OUT), BACK).report();
        assert_eq!(verdicts(&report), (OPENED, OPENED, Verdict::Encrypted), "{provider:?}");
    }
}

#[test]
fn fragments_and_esp_in_udp_are_esp() {
    let scene = (0..PROBES).fold(Scene::new().probed(true), |scene, n| {
        let opaque = Opaque::Esp { spi: spi(OUT), sequence: 1, udp: true, why: Sealed::NoKey };
        scene.packet(OUT, n, &[], Some(opaque), &vec![1; esp_len(inner(n)) as usize])
    });
    let report =
        scene.shut(BACK, true, Sealed::NoKey).packet(BACK, 1, &[], Some(Opaque::EspFragment), b"").report();
    assert_eq!(verdicts(&report), (LENGTHS, LENGTHS, Verdict::Encrypted));
    assert!(report.findings.iter().any(|finding| finding.code == "fragments"));
}

#[test]
fn another_opaque_transport_is_not_the_overlays_own() {
    let wireguard = Opaque::WireGuard(WireGuardMessage::Data { receiver: 7, counter: 1 });
    let report = Scene::new().probed(true).packet(OUT, 0, &[], Some(wireguard), &[4; 64]).report();
    assert_eq!(verdicts(&report).0.2, Reason::OpaqueTransport);
    let psp = Opaque::Psp { spi: Spi(300), clear: 0 };
    let report = Scene::new().probed(true).packet(OUT, 0, &[], Some(psp), &[4; 64]).report();
    assert_eq!(verdicts(&report).0.2, Reason::OpaqueTransport);
    // The probes are seen in clear, on the device that encrypts.
    let report =
        Scene::new().probed(true).seen_on(View::Hidden, |scene| scene.clear(OUT).clear(BACK)).report();
    assert_eq!(verdicts(&report).0.2, Reason::OpaqueTransport);
    assert_eq!(report.exit_status(Expectation::Encrypted), 3);
    // The probes are not seen at all, because the capture is below that device.
    let report = Scene::asking(|question| question.enclosed = true).probed(true).report();
    assert_eq!((report.verdict, report.reason), (Verdict::Inconclusive, Reason::OpaqueTransport));
}

/// Compressed packets have a kind among the opaque ones, but everybody can expand them.
#[test]
fn compression_is_no_encryption_whatever_the_lengths_are() {
    let compressed = Some(Opaque::IpComp { cpi: Some(2) });
    let scene = (0..PROBES).fold(Scene::new().probed(true), |scene, n| {
        let payload = vec![0xa5; esp_len(inner(n)) as usize];
        scene.packet(OUT, n, &[], compressed, &payload).packet(BACK, n, &[], compressed, &payload)
    });
    let report = scene.report();
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(report.findings.iter().any(|finding| finding.code == "undecoded"), "{:?}", report.findings);
    assert_eq!(report.exit_status(Expectation::Encrypted), 3);
    // Beside ESP it is not counted as a part of that either.
    let shut = Scene::new().probed(true).shut(OUT, true, Sealed::NoKey).shut(BACK, true, Sealed::NoKey);
    let beside = shut.packet(OUT, 0, &[], compressed, &[0xa5; 64]).report();
    assert_ne!(beside.verdict, Verdict::Encrypted);
}

#[test]
fn a_frame_in_clear_is_a_leak_in_whatever_carries_it() {
    let carriers = [
        Tunnel::GtpU { teid: 7 },
        Tunnel::L2tp { tunnel: 7, session: 8 },
        Tunnel::L2tpV3 { session: 8 },
        Tunnel::Teredo,
        Tunnel::Gue,
        Tunnel::Fou,
        Tunnel::Lisp(None),
        Tunnel::PimRegister,
    ];
    for carrier in carriers {
        let report = Scene::new().probed(true).inside(OUT, carrier).report();
        assert_eq!(verdicts(&report).0.0, Verdict::Clear, "{carrier:?}");
    }
}

#[test]
fn esp_in_tcp_is_no_proof_even_if_its_segments_have_the_right_lengths() {
    for spi in [None, Some(spi(OUT))] {
        let scene = (0..PROBES).fold(Scene::new().probed(true), |scene, n| {
            let payload = vec![0xa5; esp_len(inner(n)) as usize];
            scene.packet(OUT, n, &[], Some(Opaque::EspInTcp { spi }), &payload)
        });
        let (out, _, whole) = verdicts(&scene.report());
        assert_eq!(out, (Verdict::Inconclusive, None, Reason::NoLengthLaw));
        assert_eq!(whole, Verdict::Inconclusive);
    }
}

#[test]
fn what_comes_out_of_esp_in_tcp_may_be_a_copy() {
    // Without the kernel's word, clear frames that arrive beside a stream of ESP are no leak of the peer's.
    let scene = Scene::new().probed(true).packet(BACK, 0, &[], Some(Opaque::EspInTcp { spi: None }), b"x");
    let scene = scene.clear(BACK).ended(|circumstances| circumstances.esp_offload = Some(false));
    let (_, back, _) = verdicts(&scene.report());
    assert_eq!(back.0, Verdict::Inconclusive);
}

#[test]
fn ip_tfs_that_a_key_opens_and_nobody_decodes_proves_nothing() {
    let mut scene = Scene::new().probed(true);
    for n in 0..PROBES {
        let ip = Some(Ip { source: here(), destination: there(), protocol: 50, fragment: None });
        let outer = Headers { ip, ether_type: Some(0x0800), ..Headers::default() };
        let packet = packet(|packet| {
            packet.encapsulations.push(Encapsulation { tunnel: esp(OUT, EspKind::Opened), outer });
            packet.stop = Some(Stop { layer: Layer::Aggfrag, why: Why::Unsupported });
        });
        scene.tally.observe(&frame(n as u64), &packet, View::Wire);
    }
    let (out, _, whole) = verdicts(&scene.report());
    assert_eq!((out.0, out.2, whole), (Verdict::Inconclusive, Reason::NoLengthLaw, Verdict::Inconclusive));
}

#[test]
fn a_vni_that_psp_shows_is_no_leak_and_no_proof() {
    let psp = Some(Opaque::Psp { spi: Spi(300), clear: 0 });
    let wrappings = [Tunnel::Psp { spi: Spi(300), hides: true }, vxlan(OURS)];
    let sealed = |payload: &'static [u8]| {
        let scene = Scene::new().probed(true);
        let scene = (0..PROBES).fold(scene, |scene, n| scene.packet(OUT, n, &wrappings, psp, payload));
        verdicts(&scene.report()).0
    };
    assert_eq!(sealed(&[0xa5; 90]), (Verdict::Inconclusive, None, Reason::OpaqueTransport));
    // The crypt offset is so large that the canary lies before it.
    assert_eq!(sealed(CANARY), (Verdict::AuthOnly, Some(Rung::Seen), Reason::PspIntegrity));
}

#[test]
fn silence_proves_nothing() {
    let reason = |report: Report| (report.verdict, report.reason);
    let inconclusive = |reason| (Verdict::Inconclusive, reason);
    assert_eq!(reason(Scene::new().probed(true).report()), inconclusive(Reason::WrongInterface));
    assert_eq!(reason(Scene::new().probed(false).report()), inconclusive(Reason::NoTraffic));
    assert_eq!(reason(Scene::passive().report()), inconclusive(Reason::NoTraffic));
    let same_host = Scene::asking(|question| question.own.push(there())).probed(true);
    assert_eq!(reason(same_host.report()), inconclusive(Reason::LocalOnly));
    let no_target = Scene::asking(|question| question.network.peers[0].overlay.clear());
    assert_eq!(reason(no_target.report()), inconclusive(Reason::NoTarget));
    let typo = Scene::asking(|question| {
        question.network.encrypted = Some(false);
        question.network.typo = Some("encrypt".to_owned());
    });
    let report = typo.report();
    assert_eq!((report.verdict, report.reason), inconclusive(Reason::TypoOption));
    assert!(report.findings[0].text.contains("'encrypt'"));
}

#[test]
fn doubt_about_the_capture_is_doubt_about_the_verdict() {
    let proven = || {
        let scene = Scene::new().probed(true).inside(OUT, esp(OUT, EspKind::Opened));
        scene.inside(BACK, esp(BACK, EspKind::Opened))
    };
    assert_eq!(verdicts(&proven().report()), (OPENED, OPENED, Verdict::Encrypted));
    let doubt = |scene: Scene| scene.report().verdict;
    assert_eq!(doubt(proven().ended(|circumstances| circumstances.dropped = Some(1))), Verdict::Inconclusive);
    assert_eq!(
        doubt(proven().ended(|circumstances| circumstances.cut_short = Some("eth0: gone".to_owned()))),
        Verdict::Inconclusive
    );
    assert_eq!(
        doubt(proven().ended(|circumstances| circumstances.control = Some(false))),
        Verdict::Inconclusive
    );
    // A clear frame that was seen is a leak nevertheless.
    let clear = proven()
        .packet(OUT, 1, &[vxlan(OURS)], None, b"x")
        .ended(|circumstances| circumstances.dropped = Some(1));
    assert_eq!(clear.report().verdict, Verdict::Clear);
}

#[test]
fn two_packets_are_too_few() {
    let opened = esp(OUT, EspKind::Opened);
    let scene =
        (0..2).fold(Scene::passive(), |scene, n| scene.packet(OUT, n, &[opened, vxlan(OURS)], None, b"x"));
    assert_eq!(verdicts(&scene.report()).0, (Verdict::Inconclusive, Some(Rung::Opened), Reason::TooFew));
}

#[test]
fn esp_that_was_opened_and_carries_another_network_is_no_proof() {
    let opened = |way| esp(way, EspKind::Opened);
    let scene = (0..PROBES)
        .fold(Scene::passive(), |scene, n| scene.packet(OUT, n, &[opened(OUT), vxlan(43)], None, b"x"));
    let report = scene.report();
    assert_eq!((report.verdict, report.reason), (Verdict::Inconclusive, Reason::NoTraffic));
}

/// Adds a `port unreachable` from the peer or from here, which quotes the packet that it answers.
fn unreachable(scene: Scene, way: Way, vni: u8, port: u16) -> Scene {
    let (source, destination) = ends(way);
    let (IpAddr::V4(from), IpAddr::V4(to)) = (source, destination) else { unreachable!() };
    let [high, low] = port.to_be_bytes();
    #[rustfmt::skip]
    let quote = [
        &[0; 4][..],
        // IPv4, UDP, VXLAN.
        &[0x45, 0, 0, 36, 0, 0, 0, 0, 64, 17, 0, 0], &to.octets(), &from.octets(),
        &[0x9c, 0x40, high, low, 0, 16, 0, 0],
        &[8, 0, 0, 0, 0, 0, vni, 0],
    ].concat();
    let headers = Headers {
        ip: Some(Ip { source, destination, protocol: 1, fragment: None }),
        transport: Transport::Icmp(TypeCode { kind: 3, code: 3 }),
        ..Headers::default()
    };
    let packet = packet(|packet| {
        packet.headers = headers;
        packet.payload = &quote;
    });
    let mut scene = scene;
    scene.number += 1;
    scene.tally.observe(&frame(scene.number), &packet, View::Wire);
    scene
}

#[test]
fn what_was_encrypted_and_is_quoted_by_an_icmp_error_is_in_clear() {
    let opened =
        || Scene::passive().inside(OUT, esp(OUT, EspKind::Opened)).inside(BACK, esp(BACK, EspKind::Opened));
    let armed = |scene: Scene| scene.ended(|circumstances| circumstances.kernel = with(|_| ())).report();
    let quoted = (Verdict::Clear, Some(Rung::Seen), Reason::IcmpQuote);
    let report = armed(unreachable(opened(), BACK, 42, 4789));
    assert_eq!(verdicts(&report), (OPENED, quoted, Verdict::Clear));
    let report = armed(unreachable(opened(), OUT, 42, 4789));
    assert_eq!(verdicts(&report), (quoted, OPENED, Verdict::Clear));
    // A quote of another network is no leak, nor is one of the same VNI on another port.
    let report = armed(unreachable(unreachable(opened(), BACK, 43, 4789), BACK, 42, 8472));
    assert_eq!(verdicts(&report), (OPENED, OPENED, Verdict::Encrypted));
}

#[test]
fn engines_that_compute_spis_differently_are_found_out() {
    // The SPIs of Docker's key 1000 between these nodes, from 16 and from 4 bytes of each address.
    const MAPPED: [u32; 2] = [0xf2cb_24d3, 0xdf69_2df7];
    const SHORT: [u32; 2] = [0x8254_b6ff, 0x1a72_0cdf];
    let mix = |sent, received| {
        let esp = |spi| Some(Opaque::Esp { spi: Spi(spi), sequence: 1, udp: false, why: Sealed::NoKey });
        let scene = Scene::new().probed(false).packet(OUT, 1, &[], esp(sent), b"");
        let report = scene.packet(BACK, 1, &[], esp(received), b"").report();
        report.findings.into_iter().find(|finding| finding.code == "engine-mix").map(|finding| finding.text)
    };
    assert_eq!(mix(MAPPED[0], MAPPED[1]), None);
    assert_eq!(mix(SHORT[0], SHORT[1]), None);
    assert!(mix(SHORT[0], MAPPED[1]).unwrap().starts_with("this node computes"));
    assert!(mix(MAPPED[0], SHORT[1]).unwrap().starts_with("192.0.2.2 computes"));
}

#[test]
fn frames_that_hold_esp_of_this_host_are_no_leak_and_no_proof() {
    let holding = |scene: Scene, way, kind, payload: &'static [u8]| {
        (0..PROBES)
            .fold(scene, |scene, n| scene.packet(way, n, &[vxlan(OURS), esp(way, kind)], None, payload))
    };
    let both = |kind| holding(holding(Scene::new().probed(true), OUT, kind, CANARY), BACK, kind, CANARY);
    let report = both(EspKind::Opened).report();
    let line = (Verdict::Inconclusive, Some(Rung::Seen), Reason::EspInside);
    assert_eq!(verdicts(&report), (line, line, Verdict::Inconclusive));
    // A packet that is only authenticated can be read, and one clear frame beside is enough.
    assert_eq!(both(EspKind::Null).report().verdict, Verdict::Clear);
    assert_eq!(
        both(EspKind::Opened).packet(OUT, 1, &[vxlan(OURS)], None, b"").report().verdict,
        Verdict::Clear
    );
}

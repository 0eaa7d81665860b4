//! Verdicts beside others on the same wires: other hosts, other tunnels, other networks.

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Returns a scene that is proven on both legs.
fn proven(change: impl FnOnce(&mut Question)) -> Scene {
    let scene = Scene::asking(change).probed(true).inside(OUT, esp(OUT, EspKind::Opened));
    scene.inside(BACK, esp(BACK, EspKind::Opened))
}

#[test]
fn a_leak_to_a_node_nobody_named_is_seen_on_a_host_that_talks_to_thousands() {
    let client = |n: u32| IpAddr::from((0x0a00_0000 + n).to_be_bytes());
    let crowd = || {
        (0..2000).fold(proven(|_| ()), |scene, n| {
            scene.between((client(n), here()), 0, &[], Some(sealed(BACK, Sealed::NoKey)), &[1; 99])
        })
    };
    assert_eq!(verdicts(&crowd().report()), (OPENED, OPENED, Verdict::Encrypted));
    let new = ip("192.0.2.9");
    let report = crowd().between((here(), new), 1, &[vxlan(OURS)], None, b"x").report();
    assert_eq!(report.verdict, Verdict::Clear);
    assert!(report.legs.iter().any(|line| line.to == Some(new) && line.verdict == Verdict::Clear));
}

#[test]
fn a_leak_from_another_address_of_this_host_is_one() {
    let second = ip("198.51.100.1");
    for to in [there(), ip("239.1.1.1"), ip("198.51.100.2")] {
        let scene = proven(|question| question.own.push(second));
        let report = scene.between((second, to), 1, &[vxlan(OURS)], None, b"arp").report();
        assert_eq!(report.verdict, Verdict::Clear, "{to}");
    }
}

#[test]
fn another_clusters_group_with_the_same_vni_is_not_ours() {
    let scene = proven(|_| ());
    let report = scene.between((ip("192.0.2.9"), ip("239.1.1.1")), 1, &[vxlan(OURS)], None, b"arp").report();
    assert_eq!(verdicts(&report), (OPENED, OPENED, Verdict::Encrypted));
    let said = finding(&report, "stranger");
    assert!(said.contains("the first from 192.0.2.9 (frame 11): a clear frame"), "{said}");
}

/// Returns the text of a finding.
fn finding<'r>(report: &'r Report, code: &str) -> &'r str {
    let found = report.findings.iter().find(|finding| finding.code == code);
    &found.unwrap_or_else(|| panic!("no {code} among {:?}", report.findings)).text
}

#[test]
fn what_a_stranger_sends_is_a_finding_and_what_a_node_sends_a_verdict() {
    let from = |sender: &str| (ip(sender), here());
    let (stranger, node) = (from("192.0.2.9"), from("192.0.2.2"));
    let null = esp(BACK, EspKind::Null);
    for wrappings in [&[vxlan(OURS)][..], &[null, vxlan(OURS)]] {
        let report = proven(|_| ()).between(stranger, 1, wrappings, None, b"x").report();
        assert_eq!(report.verdict, Verdict::Encrypted, "{wrappings:?}");
        assert!(finding(&report, "stranger").contains("192.0.2.9"));
        let report = proven(|_| ()).between(node, 1, wrappings, None, b"x").report();
        assert_ne!(report.verdict, Verdict::Encrypted, "{wrappings:?}");
    }
    // Nobody was named, and this node sends to one host only.
    let unnamed = || proven(|question| question.network.peers.clear());
    let report = unnamed().between(stranger, 1, &[vxlan(OURS)], None, b"x").report();
    assert_eq!(report.verdict, Verdict::Encrypted);
    assert!(finding(&report, "stranger").contains("192.0.2.9"));
    let report = unnamed().between(node, 1, &[vxlan(OURS)], None, b"x").report();
    assert_ne!(report.verdict, Verdict::Encrypted);
}

#[test]
fn a_stranger_with_the_canary_has_read_a_probe() {
    let report = proven(|_| ()).between((ip("192.0.2.9"), here()), 1, &[vxlan(OURS)], None, CANARY).report();
    assert_eq!((report.verdict, report.reason), (Verdict::Inconclusive, Reason::CanaryBare));
}

#[test]
fn what_leaves_under_an_unknown_address_is_a_leak_unless_it_is_only_forwarded() {
    let others = (ip("203.0.113.7"), ip("203.0.113.8"));
    let passes = |scene: Scene, direction| {
        scene.coming(direction, |scene| scene.between(others, 1, &[vxlan(OURS)], None, b"of others"))
    };
    let report = passes(proven(|_| ()), Direction::Out).report();
    assert_eq!(report.verdict, Verdict::Clear);
    let report = passes(passes(proven(|_| ()), Direction::In), Direction::Out).report();
    assert_eq!(report.verdict, Verdict::Encrypted);
    assert!(finding(&report, "clear-elsewhere").contains("203.0.113.7"));
}

#[test]
fn a_probe_that_nobody_answers_has_to_be_seen_all_the_same() {
    let opened = esp(OUT, EspKind::Opened);
    let probe = |scene: Scene, n| scene.packet(OUT, n, &[opened, vxlan(OURS)], None, CANARY);
    let scene = || {
        let scene = (0..PROBES - 1).fold(Scene::new().probed(true), probe);
        let scene = scene.inside(BACK, esp(BACK, EspKind::Opened));
        scene.ended(|circumstances| circumstances.probes[PROBES - 1].answered = false)
    };
    let unseen = (Verdict::Inconclusive, Some(Rung::Opened), Reason::ProbeUnseen);
    assert_eq!(verdicts(&scene().report()).0, unseen);
    assert_eq!(verdicts(&probe(scene(), PROBES - 1).report()).0, OPENED);
    // The kernel could not address it, so it never left.
    let never_left = scene().ended(|circumstances| circumstances.probes[PROBES - 1].due = false);
    assert_eq!(verdicts(&never_left.report()).0, OPENED);
}

#[test]
fn a_probe_is_not_seen_because_another_one_was_seen_twice() {
    let opened = esp(OUT, EspKind::Opened);
    let scene = [0, 1, 2, 3, 3].into_iter().fold(Scene::new().probed(true), |scene, n| {
        scene.packet(OUT, n, &[opened, vxlan(OURS)], None, CANARY)
    });
    let report = scene.inside(BACK, esp(BACK, EspKind::Opened)).report();
    assert_eq!(verdicts(&report).0.0, Verdict::Inconclusive);
}

#[test]
fn a_wire_that_the_user_left_out_is_no_proof_and_its_clear_frames_are_a_leak() {
    let left_out = |question: &mut Question| question.left_out = vec!["eth1".to_owned()];
    let report = proven(left_out).report();
    assert_eq!((report.verdict, report.reason), (Verdict::Inconclusive, Reason::LeftOut));
    assert!(finding(&report, "left-out").contains("eth1"));
    let elsewhere = |scene: Scene| scene.seen_on(View::Elsewhere, |scene| scene.clear(OUT));
    assert_eq!(elsewhere(proven(|_| ())).report().verdict, Verdict::Clear);
    // ESP on a wire that was not named proves nothing about those that were named.
    let scene = Scene::new().probed(true).seen_on(View::Elsewhere, |scene| {
        scene.inside(OUT, esp(OUT, EspKind::Opened)).inside(BACK, esp(BACK, EspKind::Opened))
    });
    assert_eq!(scene.report().reason, Reason::WrongInterface);
}

#[test]
fn what_others_say_to_each_other_is_a_finding_and_no_verdict_on_us() {
    let scene = proven(|_| ()).between((ip("192.0.2.3"), there()), 1, &[vxlan(OURS)], None, b"x");
    let report = scene.report();
    assert_eq!(verdicts(&report), (OPENED, OPENED, Verdict::Encrypted));
    let said = finding(&report, "clear-elsewhere");
    assert!(said.contains("from 192.0.2.3 to 192.0.2.2"), "{said}");
}

#[test]
fn a_vni_that_was_silent_is_not_proven_by_the_other_one() {
    let two = |question: &mut Question| question.network.vnis.push(Vni::new(43).unwrap());
    let scene = proven(two);
    let silent = (Verdict::Inconclusive, Some(Rung::Opened), Reason::SilentVni);
    assert_eq!(verdicts(&scene.report()), (silent, silent, Verdict::Inconclusive));
    let both = [OUT, BACK].into_iter().fold(proven(two), |scene, way| {
        scene.packet(way, 1, &[esp(way, EspKind::Opened), vxlan(43)], None, b"x")
    });
    assert_eq!(verdicts(&both.report()), (OPENED, OPENED, Verdict::Encrypted));
    // Lengths do not show the VNI.
    let scene =
        Scene::asking(two).probed(true).shut(OUT, true, Sealed::NoKey).shut(BACK, true, Sealed::NoKey);
    assert_eq!(scene.report().verdict, Verdict::Inconclusive);
}

#[test]
fn a_peer_that_could_not_be_probed_is_judged_by_what_passes() {
    let scene = Scene::asking(|question| question.network.peers[0].overlay.clear());
    let scene = [OUT, BACK].into_iter().fold(scene, |scene, way| {
        (0..PROBES).fold(scene, |scene, n| {
            scene.packet(way, n, &[esp(way, EspKind::Opened), vxlan(OURS)], None, b"others' traffic")
        })
    });
    assert_eq!(verdicts(&scene.report()), (OPENED, OPENED, Verdict::Encrypted));
}

#[test]
fn a_target_that_refuses_pings_is_no_black_hole() {
    let scene = Scene::new().probed(false).inside(OUT, esp(OUT, EspKind::Opened));
    // An answer to the question for the target's link-layer address, for example.
    let report = scene.packet(BACK, 1, &[esp(BACK, EspKind::Opened), vxlan(OURS)], None, b"arp").report();
    let line = (Verdict::Inconclusive, Some(Rung::Opened), Reason::NoAnswer);
    assert_eq!((verdicts(&report).0, report.verdict), (line, Verdict::Inconclusive));
    assert_eq!(report.exit_status(Expectation::Encrypted), 3);
}

#[test]
fn replies_on_the_wire_that_do_not_reach_the_probe_are_no_black_hole() {
    // A firewall of this host may drop the replies, or a key may be wrong. Only the state of the kernel could tell.
    let scene = Scene::new().probed(false).shut(OUT, true, Sealed::NoKey).shut(BACK, true, Sealed::NoKey);
    let report = scene.report();
    let line = (Verdict::Inconclusive, Some(Rung::Seen), Reason::NoAnswer);
    assert_eq!((verdicts(&report).0, report.verdict), (line, Verdict::Inconclusive));
}

#[test]
fn opened_esp_that_others_use_does_not_stand_for_a_probe() {
    // Three probes passed here and two went another way. Packets of another network are in the same SA.
    let scene = (0..3).fold(Scene::new().probed(true), |scene, n| {
        scene.packet(OUT, n, &[esp(OUT, EspKind::Opened), vxlan(OURS)], None, CANARY)
    });
    let scene = (0..PROBES)
        .fold(scene, |scene, n| scene.packet(OUT, n, &[esp(OUT, EspKind::Opened), vxlan(43)], None, b"x"));
    let report = scene.inside(BACK, esp(BACK, EspKind::Opened)).report();
    assert_eq!(verdicts(&report).0, (Verdict::Inconclusive, Some(Rung::Opened), Reason::WrongInterface));
}

#[test]
fn esp_of_the_probes_lengths_in_an_sa_that_does_not_encrypt_proves_nothing() {
    let scene = Scene::new().probed(true).shut(OUT, true, Sealed::UnknownAlgorithm);
    let scene = scene.shut(BACK, true, Sealed::UnknownAlgorithm);
    let report = scene
        .ended(|circumstances| {
            circumstances.kernel = with(|kernel| kernel.sas.iter_mut().for_each(|sa| sa.encrypts = false));
        })
        .report();
    assert_eq!(report.verdict, Verdict::Inconclusive);
}

/// Moves the SAs to a tunnel between two other addresses of the nodes.
fn tunnel_of_others(kernel: &mut KernelState) {
    for (at, (source, destination)) in
        [(0, ("203.0.113.1", "203.0.113.2")), (1, ("203.0.113.2", "203.0.113.1"))]
    {
        kernel.sas[at].tunnel = true;
        (kernel.sas[at].source, kernel.sas[at].destination) = (ip(source), ip(destination));
    }
}

#[test]
fn a_tunnel_between_other_addresses_may_be_what_a_copy_came_out_of() {
    let scene = || Scene::new().probed(true).inside(OUT, esp(OUT, EspKind::Opened)).clear(BACK);
    let ended = |kernel| scene().ended(|circumstances| circumstances.kernel = kernel).report();
    assert_eq!(verdicts(&ended(with(tunnel_of_others))).1.0, Verdict::Inconclusive);
    // A tunnel that no policy sends the network's packets through cannot be.
    let unrelated = with(|kernel| {
        tunnel_of_others(kernel);
        kernel.policies.iter_mut().for_each(|policy| policy.templates[0].reqid = 8);
    });
    assert_eq!(verdicts(&ended(unrelated)).1, CLEAR);
    // The network card may encrypt for such a tunnel, too.
    let offload = with(|kernel| {
        tunnel_of_others(kernel);
        kernel.sas[0].offload = true;
    });
    let report =
        Scene::new().probed(true).clear(OUT).ended(|circumstances| circumstances.kernel = offload).report();
    assert_eq!(verdicts(&report).0, (Verdict::Inconclusive, Some(Rung::Seen), Reason::NicOffload));
}

#[test]
fn without_the_kernels_word_any_esp_that_arrives_may_have_held_a_copy() {
    let scene = || {
        Scene::new().probed(true).clear(BACK).ended(|circumstances| circumstances.esp_offload = Some(false))
    };
    assert_eq!(verdicts(&scene().report()).1, CLEAR);
    let other = (ip("203.0.113.2"), ip("203.0.113.1"));
    let report = scene().between(other, 0, &[], Some(sealed(BACK, Sealed::NoKey)), &[1; 200]).report();
    assert_eq!(verdicts(&report).1.0, Verdict::Inconclusive);
}

#[test]
fn a_frame_cut_off_before_its_addresses_may_have_been_a_leak() {
    let mut scene = proven(|_| ());
    let stop = Stop { layer: Layer::Ipv4, why: Why::Truncated };
    let packet = packet(|packet| packet.stop = Some(stop));
    scene.tally.observe(&Frame { wire_len: 200, bytes: &[0; 20], ..frame(99) }, &packet, View::Wire);
    let report = scene.report();
    assert_eq!((report.verdict, report.reason), (Verdict::Inconclusive, Reason::Truncated));
}

#[test]
fn another_peers_trouble_is_not_this_ones() {
    // The packets that arrive were opened, so the counter counted those of another peer.
    let scene = Scene::new().probed(false).inside(OUT, esp(OUT, EspKind::Opened));
    let scene = (0..PROBES)
        .fold(scene, |scene, n| scene.packet(BACK, n, &[esp(BACK, EspKind::Opened), vxlan(43)], None, b"x"));
    let report = scene.ended(|circumstances| {
        circumstances.kernel = with(|kernel| {
            kernel.counters.insert("XfrmInStateProtoError".to_owned(), 9);
        });
    });
    assert_eq!(verdicts(&report.report()).0.2, Reason::NoAnswer);
}

#[test]
fn policies_that_hold_for_today_only_are_findings() {
    let codes = |kernel| {
        let report = proven(|_| ()).ended(|circumstances| circumstances.kernel = kernel).report();
        assert_eq!(report.verdict, Verdict::Encrypted);
        report.findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(Some(armed())), ["peers-only"]);
    let optional = with(|kernel| kernel.policies[0].templates[0].optional = true);
    assert_eq!(codes(optional), ["level-use", "peers-only"]);
    let from_all = with(|kernel| kernel.policies[1].source = Prefix::new(ip("0.0.0.0"), 0).unwrap());
    assert_eq!(codes(from_all), [""; 0]);
}

#[test]
fn a_network_of_the_engine_without_a_member_here_says_so() {
    let scene = |typo: Option<&str>| {
        let typo = typo.map(str::to_owned);
        Scene::asking(|question| {
            question.no_member = true;
            question.network.typo = typo;
            question.network.peers.clear();
        })
    };
    let report = scene(None).report();
    assert_eq!((report.verdict, report.reason), (Verdict::Inconclusive, Reason::NoMember));
    assert_eq!(scene(Some("encrypt")).report().reason, Reason::TypoOption);
}

#[test]
fn a_packet_that_is_seen_three_times_is_one() {
    let once = |scene: Scene| scene.packet(OUT, 1, &[esp(OUT, EspKind::Opened), vxlan(OURS)], None, b"x");
    let mut scene = Scene::passive();
    for _ in 0..3 {
        // A bridge and its port show the same packet again.
        scene.number = 0;
        scene = once(scene);
    }
    assert_eq!(scene.report().legs[0].reason, Reason::TooFew);
}

#[test]
fn what_arrives_under_our_own_address_is_neither_our_leak_nor_our_proof() {
    let report = Scene::passive()
        .coming(Direction::In, |scene| scene.clear(OUT).inside(OUT, esp(OUT, EspKind::Opened)))
        .report();
    assert_eq!(report.legs[0].verdict, Verdict::Inconclusive);
    assert_eq!(report.legs[0].counts.clear, 0);
}

#[test]
fn what_leaves_to_a_peer_under_another_address_is_our_leak() {
    let from = (ip("192.0.2.77"), there());
    let report = Scene::passive()
        .inside(OUT, esp(OUT, EspKind::Opened))
        .coming(Direction::Out, |scene| scene.between(from, 1, &[vxlan(OURS)], None, b"x"))
        .report();
    assert_eq!((report.legs[0].verdict, report.verdict), (Verdict::Clear, Verdict::Clear));
}

#[test]
fn a_canary_outside_of_any_tunnel_takes_the_proof_away() {
    let (out, back) = (esp(OUT, EspKind::Opened), esp(BACK, EspKind::Opened));
    let scene = Scene::new().probed(true).inside(OUT, out).inside(BACK, back);
    let mirrored = scene.between((ip("10.42.0.1"), ip("10.42.0.2")), 1, &[], None, CANARY);
    assert_eq!(mirrored.report().legs[0].reason, Reason::CanaryBare);
}

#[test]
fn replies_that_only_the_capture_saw_are_no_delivery() {
    let (out, back) = (esp(OUT, EspKind::Opened), esp(BACK, EspKind::Opened));
    let report = Scene::new().probed(false).inside(OUT, out).inside(BACK, back).report();
    assert_eq!((report.legs[0].reason, report.verdict), (Reason::NoAnswer, Verdict::Inconclusive));
}

#[test]
fn a_protocol_that_is_not_decoded_may_have_carried_a_leak_to_the_peer_too() {
    let scene = Scene::new().probed(true).inside(OUT, esp(OUT, EspKind::Opened));
    let mut scene = scene.inside(BACK, esp(BACK, EspKind::Opened));
    let ip = Some(Ip { source: here(), destination: there(), protocol: 4, fragment: None });
    let stop = Some(Stop { layer: Layer::Vxlan, why: Why::TooDeep });
    let packet = packet(|packet| {
        packet.headers.ip = ip;
        packet.stop = stop;
    });
    scene.tally.observe(&frame(99), &packet, View::Wire);
    assert_eq!(scene.report().legs[0].reason, Reason::Undecoded);
}

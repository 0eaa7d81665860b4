//! Verdicts that the state of the kernel decides beside the frames.

use ovlsniff::print::report::{json, text};

use super::*;

#[test]
fn esp_that_arrives_and_is_refused_says_why() {
    let opened = || Scene::new().probed(false).inside(OUT, esp(OUT, EspKind::Opened));
    let report = opened().shut(BACK, true, Sealed::BadIcv).report();
    assert_eq!(verdicts(&report).1, (Verdict::Blackholed, Some(Rung::Counted), Reason::KeyMismatch));
    assert_eq!(report.reason, Reason::KeyMismatch);
    let report = opened()
        .shut(BACK, true, Sealed::NoKey)
        .ended(|circumstances| circumstances.kernel = with(|kernel| kernel.sas.truncate(1)))
        .report();
    assert_eq!(report.reason, Reason::SpiMismatch);
}

#[test]
fn a_network_card_may_encrypt_behind_the_capture() {
    let offload = || with(|kernel| kernel.sas.iter_mut().for_each(|sa| sa.offload = true));
    for scene in [Scene::new().clear(OUT), Scene::new().inside(OUT, esp(OUT, EspKind::Null))] {
        let report = scene.probed(true).ended(|circumstances| circumstances.kernel = offload()).report();
        assert_eq!(verdicts(&report).0, (Verdict::Inconclusive, Some(Rung::Seen), Reason::NicOffload));
    }
}

#[test]
fn configuration_alone_is_never_encrypted() {
    let scene = Scene::asking(|question| question.network.encrypted = Some(true)).probed(false);
    assert_eq!(verdicts(&scene.report()).0, (Verdict::Inconclusive, Some(Rung::Config), Reason::NoTraffic));
    let report =
        Scene::new().probed(false).ended(|circumstances| circumstances.kernel = Some(armed())).report();
    assert_eq!(verdicts(&report).0, (Verdict::Inconclusive, Some(Rung::Armed), Reason::NoTraffic));
}

#[test]
fn a_policy_that_holds_everything_back_is_a_black_hole() {
    let held = |counter: &str, change: fn(&mut KernelState)| {
        let scene = Scene::new().probed(false).ended(|circumstances| {
            circumstances.kernel = with(|kernel| {
                kernel.counters.insert(counter.to_owned(), 3);
                change(kernel);
            });
        });
        verdicts(&scene.report()).0
    };
    let no_sa = held("XfrmOutNoStates", |kernel| kernel.sas.clear());
    assert_eq!(no_sa, (Verdict::Blackholed, Some(Rung::Counted), Reason::NoSa));
    // For packets that leave, the kernel looks for an SA of just this reqid, mode and SPI.
    let other = held("XfrmOutNoStates", |kernel| kernel.policies[0].templates[0].reqid = 0);
    assert_eq!(other.2, Reason::NoSa);
    let other = held("XfrmOutNoStates", |kernel| kernel.policies[0].templates[0].tunnel = true);
    assert_eq!(other.2, Reason::NoSa);
    let other = held("XfrmOutNoStates", |kernel| kernel.policies[0].templates[0].spi = Spi(9));
    assert_eq!(other.2, Reason::NoSa);
    let blocks = held("XfrmOutPolBlock", |kernel| kernel.policies[0].block = true);
    assert_eq!(blocks, (Verdict::Blackholed, Some(Rung::Counted), Reason::PolicyBlock));
    for counter in ["XfrmOutStateInvalid", "XfrmOutBundleGenError"] {
        let broken = held(counter, |_| ());
        assert_eq!(broken, (Verdict::Blackholed, Some(Rung::Counted), Reason::SaBroken), "{counter}");
        assert_eq!(held(counter, |kernel| kernel.policies.clear()).0, Verdict::Inconclusive, "{counter}");
    }
    let by_default = held("XfrmOutPolBlock", |kernel| {
        kernel.policies.clear();
        kernel.blocked_by_default = vec![PolicyDirection::Out];
    });
    assert_eq!(by_default.2, Reason::PolicyBlock);
    // Packets of another tunnel were held back. They move the same counters.
    for counter in ["XfrmOutNoStates", "XfrmOutPolBlock"] {
        assert_eq!(held(counter, |_| ()).0, Verdict::Inconclusive, "{counter}");
    }
}

#[test]
fn clear_that_arrives_may_be_a_copy_of_what_was_decrypted() {
    let arrives = |kernel: Option<KernelState>| {
        let scene = Scene::new().probed(true).inside(OUT, esp(OUT, EspKind::Opened)).clear(BACK);
        verdicts(&scene.ended(|circumstances| circumstances.kernel = kernel).report()).1
    };
    let unknown = (Verdict::Inconclusive, Some(Rung::Seen), Reason::EspGro);
    assert_eq!(arrives(None), unknown);
    assert_eq!(arrives(with(|kernel| kernel.esp_offload = Some(true))), unknown);
    assert_eq!(arrives(with(|kernel| kernel.esp_offload = None)), unknown);
    // Too few packets were decrypted, or none could be.
    assert_eq!(arrives(with(|kernel| kernel.sas[1].packets = 4)), CLEAR);
    assert_eq!(arrives(with(|kernel| kernel.sas.truncate(1))), CLEAR);
    assert_eq!(arrives(Some(armed())), CLEAR);
    // A rekey makes the counters worthless.
    let rekeyed = with(|kernel| {
        kernel.sas[1].packets = 0;
        kernel.sas_changed = true;
        kernel.esp_offload = Some(true);
    });
    assert_eq!(arrives(rekeyed), unknown);
}

#[test]
fn encrypted_and_open_to_clear_frames_is_not_enforced() {
    let tally = |kernel| {
        let scene = Scene::new().probed(true).inside(OUT, esp(OUT, EspKind::Opened));
        let scene = scene.inside(BACK, esp(BACK, EspKind::Opened));
        scene.ended(|circumstances| circumstances.kernel = kernel).report()
    };
    let out_only = |rules: Rules| {
        with(|kernel| {
            kernel.policies.truncate(1);
            kernel.rules = rules;
        })
    };
    assert_eq!(tally(Some(armed())).verdict, Verdict::Encrypted);
    let report = tally(out_only(no_rules()));
    assert_eq!((report.verdict, report.exit_status(Expectation::Encrypted)), (Verdict::NotEnforced, 1));
    // Rules that could not be read are no accusation.
    let report = tally(out_only(Rules::default()));
    assert_eq!(report.verdict, Verdict::Encrypted);
    assert!(report.findings.iter().any(|finding| finding.code == "enforcement-unknown"));
}

#[test]
fn each_moments_firewall_rules_count() {
    let drops = || {
        let chain = "\tchain in {\n\t\ttype filter hook input priority raw; policy accept;\n\
                     \t\tudp dport 4789 meta ipsec missing drop\n\t}\n";
        Rules { nft: Some(format!("table ip docker-overlay {{\n{chain}}}\n")), ..no_rules() }
    };
    let report = |rules: Rules, earlier_rules: Vec<EarlierRules>| {
        let scene = Scene::new().probed(true).inside(OUT, esp(OUT, EspKind::Opened));
        let scene = scene.inside(BACK, esp(BACK, EspKind::Opened));
        let kernel = with(|kernel| {
            kernel.policies.truncate(1);
            (kernel.rules, kernel.earlier_rules) = (rules, earlier_rules);
        });
        scene.ended(|circumstances| circumstances.kernel = kernel).report()
    };
    let says =
        |report: &Report, word: &str| report.findings.iter().any(|finding| finding.text.contains(word));
    let (known, at_least) = (EarlierRules::Known, EarlierRules::AtLeast);
    assert_eq!(report(drops(), vec![known(drops()), at_least(drops())]).verdict, Verdict::Encrypted);
    let away = report(drops(), vec![known(drops()), known(no_rules())]);
    assert_eq!(away.verdict, Verdict::NotEnforced);
    assert!(says(&away, "at some moment of the watch no firewall rule dropped them"));
    let gone = report(no_rules(), vec![known(drops())]);
    assert!(gone.verdict == Verdict::NotEnforced && says(&gone, "no firewall rule drops them"));
    // Nothing is held against packets that were not seen.
    let missed = report(drops(), vec![at_least(no_rules())]);
    assert!(missed.verdict == Verdict::Encrypted && says(&missed, "changed faster than they could be read"));
    assert!(missed.findings.iter().any(|finding| finding.code == "enforcement-unknown"));
}

/// Returns a policy for packets that arrive that goes before the others and lets its packets pass.
fn passing(change: impl FnOnce(&mut Policy)) -> Policy {
    let mut passing = Policy { priority: 5, templates: Vec::new(), ..policy(PolicyDirection::In) };
    change(&mut passing);
    passing
}

/// Returns the verdict on an encrypted network of a kernel with one more policy, changed by `then`.
fn enforced(first: Option<Policy>, then: impl FnOnce(&mut KernelState)) -> Verdict {
    let kernel = with(|kernel| {
        kernel.policies.extend(first);
        then(kernel);
    });
    let scene = Scene::new().probed(true).inside(OUT, esp(OUT, EspKind::Opened));
    let scene = scene.inside(BACK, esp(BACK, EspKind::Opened));
    scene.ended(|circumstances| circumstances.kernel = kernel).report().verdict
}

#[test]
fn a_policy_that_lets_some_packets_pass_first_is_a_hole() {
    let first = |change: fn(&mut Policy)| enforced(Some(passing(change)), |_| ());
    for hole in [
        |_: &mut Policy| (),
        |policy: &mut Policy| policy.source_port = (40_000, 0xffff),
        |policy: &mut Policy| policy.device = Device::Local,
        |policy: &mut Policy| policy.mark = (1, 1),
        |policy: &mut Policy| (policy.protocol, policy.port) = (0, (0, 0)),
        |policy: &mut Policy| policy.templates = vec![Template { optional: true, ..template() }],
        // Anybody can compress.
        |policy: &mut Policy| policy.templates = vec![Template { protocol: 108, ..template() }],
        |policy: &mut Policy| policy.priority = 99,
        // Of two of the same priority, either may go first.
        |policy: &mut Policy| policy.priority = 100,
    ] {
        assert_eq!(first(hole), Verdict::NotEnforced);
    }
    for harmless in [
        // A clear packet that arrives has passed no xfrm interface, and its device is never the link that it came by.
        |policy: &mut Policy| policy.interface = 42,
        |policy: &mut Policy| policy.device = Device::Link,
        |policy: &mut Policy| policy.priority = 101,
        |policy: &mut Policy| policy.port.0 = 4799,
        |policy: &mut Policy| policy.protocol = 6,
        |policy: &mut Policy| policy.source = "192.0.2.3/32".parse().unwrap(),
        |policy: &mut Policy| policy.direction = PolicyDirection::Forward,
        |policy: &mut Policy| policy.block = true,
        |policy: &mut Policy| (policy.block, policy.source_port) = (true, (40_000, 0xffff)),
        |policy: &mut Policy| policy.templates = vec![Template { protocol: 51, ..template() }],
        |policy: &mut Policy| {
            policy.templates =
                vec![Template { optional: true, ..template() }, Template { reqid: 0, ..template() }];
        },
    ] {
        assert_eq!(first(harmless), Verdict::Encrypted);
    }
}

#[test]
fn a_policy_for_some_packets_does_not_enforce() {
    let only = |change: fn(&mut Policy)| enforced(None, |kernel| change(&mut kernel.policies[1]));
    assert_eq!(only(|policy| policy.mark = (0, 0xff)), Verdict::Encrypted);
    assert_eq!(only(|policy| policy.block = true), Verdict::Encrypted);
    assert_eq!(only(|policy| policy.device = Device::Loopback), Verdict::Encrypted);
    for change in [
        |policy: &mut Policy| policy.source_port = (40_000, 0xffff),
        |policy: &mut Policy| policy.device = Device::Link,
        |policy: &mut Policy| policy.device = Device::Local,
        |policy: &mut Policy| policy.interface = 42,
        |policy: &mut Policy| policy.direction = PolicyDirection::Forward,
    ] {
        assert_eq!(only(change), Verdict::NotEnforced);
    }
    // A firewall rule may mark what arrives.
    assert_eq!(only(|policy| policy.mark = (1, 1)), Verdict::Encrypted);
}

#[test]
fn packets_without_a_policy_may_be_blocked_by_default() {
    let by_default = |first: Option<Policy>, blocked| {
        enforced(first, |kernel| {
            kernel.policies.remove(1);
            kernel.blocked_by_default = vec![blocked];
        })
    };
    assert_eq!(by_default(None, PolicyDirection::In), Verdict::Encrypted);
    assert_eq!(by_default(None, PolicyDirection::Out), Verdict::NotEnforced);
    assert_eq!(by_default(Some(passing(|_| ())), PolicyDirection::In), Verdict::NotEnforced);
    let some = passing(|policy| policy.source_port = (40_000, 0xffff));
    assert_eq!(by_default(Some(some), PolicyDirection::In), Verdict::NotEnforced);
}

#[test]
fn not_enforced_says_why() {
    let why = |change: fn(&mut KernelState)| {
        let scene = Scene::new().probed(true).inside(OUT, esp(OUT, EspKind::Opened));
        let report = scene.ended(|circumstances| circumstances.kernel = with(change)).report();
        report.findings.into_iter().find(|finding| finding.code == "not-enforced").unwrap().text
    };
    assert!(why(|kernel| kernel.policies.truncate(1)).contains("no inbound policy asks for ESP"));
    assert!(why(|kernel| kernel.exempt = vec![IpVersion::V4]).contains("disable_policy"));
    assert!(
        why(|kernel| kernel.policies.push(passing(|policy| policy.mark = (1, 1)))).contains("goes first")
    );
}

#[test]
fn a_setting_that_switches_policies_off_counts_for_its_version_of_ip() {
    let exempt = |version| enforced(None, |kernel| kernel.exempt = vec![version]);
    assert_eq!(exempt(IpVersion::V4), Verdict::NotEnforced);
    assert_eq!(exempt(IpVersion::V6), Verdict::Encrypted);
}

#[test]
fn a_hook_on_the_networks_link_may_drop_what_the_rules_accept() {
    for (kind, says) in [(HookKind::Tc, "tc's filters on eth0"), (HookKind::Xdp, "an XDP program on eth0")] {
        let kernel = |policies| {
            with(|kernel| {
                kernel.policies.truncate(policies);
                kernel.hooks = vec![Hook { link: "eth0".to_owned(), kind }];
            })
        };
        let report = |kernel| {
            let scene = Scene::new().probed(true).inside(OUT, esp(OUT, EspKind::Opened));
            let scene = scene.inside(BACK, esp(BACK, EspKind::Opened));
            scene.ended(|circumstances| circumstances.kernel = kernel).report()
        };
        let open = report(kernel(1));
        assert_eq!(open.verdict, Verdict::Encrypted);
        let unknown = open.findings.iter().find(|finding| finding.code == "enforcement-unknown").unwrap();
        assert!(unknown.text.contains(says), "{}", unknown.text);
        // The policy that refuses clear frames refuses them whatever a hook lets pass.
        assert!(!report(kernel(2)).findings.iter().any(|finding| finding.code == "enforcement-unknown"));
    }
}

/// Returns the texts of `latent-leak` for an encrypted network that also floods to 192.0.2.3 and to a group.
fn latent(change: impl FnOnce(&mut KernelState), ask: impl FnOnce(&mut Question)) -> Vec<String> {
    let kernel = with(change);
    let scene = Scene::asking(|question| {
        question.network.destinations =
            ["192.0.2.2", "192.0.2.3", "239.1.1.1"].map(|to| to.parse().unwrap()).to_vec();
        ask(question);
    });
    let scene = scene.probed(true).inside(OUT, esp(OUT, EspKind::Opened));
    let report = scene.ended(|circumstances| circumstances.kernel = kernel).report();
    let latent = report.findings.into_iter().filter(|finding| finding.code == "latent-leak");
    latent.map(|finding| finding.text).collect()
}

/// Lets the policy for packets that leave cover every destination.
fn for_all(kernel: &mut KernelState) {
    kernel.policies[0].destination = Prefix::new([0, 0, 0, 0].into(), 0).unwrap();
}

#[test]
fn a_destination_without_a_policy_is_a_leak_that_waits_for_a_frame() {
    assert_eq!(
        latent(|_| (), |_| ()),
        [
            "frames to 192.0.2.3 (a forwarding entry) would leave in clear: no policy covers them",
            "frames to 239.1.1.1 (a multicast group) would leave in clear: no policy covers them",
        ]
    );
    assert_eq!(latent(for_all, |_| ()), [""; 0]);
    let by_default = |kernel: &mut KernelState| kernel.blocked_by_default = vec![PolicyDirection::Out];
    assert_eq!(latent(by_default, |_| ()), [""; 0]);
    let port = |question: &mut Question| question.network.other_ports = vec![(there(), 4799)];
    assert_eq!(
        latent(for_all, port),
        ["frames to 192.0.2.2 on port 4799 (a forwarding entry) would leave in clear: no policy covers them"]
    );
    // Nobody asked for encryption, or the links encrypt.
    assert_eq!(latent(|_| (), |question| question.network.encrypted = Some(false)), [""; 0]);
    assert_eq!(latent(|_| (), |question| question.enclosed = true), [""; 0]);
}

#[test]
fn a_destination_has_a_policy_only_if_that_surely_requires_esp() {
    let first = |change: fn(&mut Policy)| {
        let found = latent(
            |kernel| {
                for_all(kernel);
                change(&mut kernel.policies[0]);
            },
            |question| question.network.destinations.truncate(1),
        );
        found.first().map(|text| text.rsplit(": ").next().unwrap().to_owned()).unwrap_or_default()
    };
    assert_eq!(first(|policy| policy.mark = (DOCKER_MARK, u32::MAX)), "");
    assert_eq!(first(|policy| policy.block = true), "");
    let part = "only some of them are covered by a policy";
    assert_eq!(first(|policy| policy.source_port = (40_000, 0xffff)), part);
    assert_eq!(first(|policy| policy.interface = 42), part);
    assert_eq!(first(|policy| policy.device = Device::Link), part);
    assert_eq!(first(|policy| policy.mark = (4, 4)), "no policy covers them");
    assert_eq!(first(|policy| policy.port.0 = 4799), "no policy covers them");
    assert_eq!(first(|policy| policy.templates.clear()), "the policy that covers them asks for no ESP");
    let ah = first(|policy| policy.templates[0].protocol = 51);
    assert_eq!(ah, "the policy that covers them asks for no ESP");
    // For a node this is the finding `level-use`.
    assert_eq!(first(|policy| policy.templates[0].optional = true), "");
    let optional = |kernel: &mut KernelState| {
        for_all(kernel);
        kernel.policies[0].templates[0].optional = true;
    };
    assert!(latent(optional, |_| ())[0].contains("frames to 192.0.2.3"));
    let exempt = |kernel: &mut KernelState| kernel.exempt_leaving = vec![IpVersion::V4];
    assert_eq!(latent(exempt, |_| ()).len(), 3);
    let hole = |kernel: &mut KernelState| {
        for_all(kernel);
        let out = Policy { priority: 5, templates: Vec::new(), ..kernel.policies[0].clone() };
        kernel.policies.push(Policy { source_port: (40_000, 0xffff), ..out });
    };
    assert!(latent(hole, |_| ())[0].contains("goes first"));
}

#[test]
fn a_destination_that_was_seen_in_clear_is_no_finding_and_many_are_counted() {
    let none = |kernel: &mut KernelState| kernel.policies.clear();
    let scene = Scene::new().probed(true).clear(OUT);
    let report = scene.ended(|circumstances| circumstances.kernel = with(none)).report();
    assert!(!report.findings.iter().any(|finding| finding.code == "latent-leak"));
    let many = |question: &mut Question| {
        question.network.destinations = (3..23).map(|n| IpAddr::from([192, 0, 2, n])).collect();
    };
    let texts = latent(|_| (), many);
    assert_eq!(texts.len(), 9);
    assert_eq!(texts[8], "and 12 more destinations to which frames would leave in clear");
}

/// The reason is the same, and only one of the two readers has an engine.
#[test]
fn a_remedy_that_is_dockers_is_given_for_dockers_networks_only() {
    // A device may never have had IPsec, and a network that had it may have lost it.
    let remedy = "no IPsec policy covers the network's packets: set IPsec up for it, or again if it was lost";
    let docker = format!("{remedy} (Docker: leave and join the network)");
    for (source, remedy) in
        [(Source::Ours, remedy), (Source::Device(Form::Vxlan), remedy), (Source::Docker, &docker)]
    {
        let scene = Scene::asking(|question| question.network.source = source).probed(true).clear(OUT);
        let kernel = with(|kernel| kernel.policies.clear());
        let report = scene.ended(|circumstances| circumstances.kernel = kernel).report();
        let said = text(&report, Expectation::Encrypted);
        assert_eq!(said.lines().find_map(|line| line.strip_prefix("remedy: ")), Some(remedy));
        let json: serde_json::Value = serde_json::from_str(&json(&report, Expectation::Encrypted)).unwrap();
        assert_eq!((json["reason"].as_str(), json["remedy"].as_str()), (Some("no-policy"), Some(remedy)));
    }
}

#[test]
fn the_reason_for_a_leak_is_the_kernels() {
    let reason = |kernel: Option<KernelState>| {
        let scene = Scene::new().probed(true).clear(OUT).ended(|circumstances| circumstances.kernel = kernel);
        scene.report().reason
    };
    assert_eq!(reason(None), Reason::Clear);
    assert_eq!(reason(with(|kernel| kernel.policies.clear())), Reason::NoPolicy);
    assert_eq!(reason(with(|kernel| kernel.policies[0].templates[0].optional = true)), Reason::LevelUse);
    assert_eq!(reason(with(|kernel| kernel.policies[0].source_port = (40_000, 0xffff))), Reason::NoPolicy);
    assert_eq!(reason(with(|kernel| kernel.policies[0].port.0 = 4799)), Reason::PortMismatch);
    assert_eq!(reason(with(|kernel| kernel.policies[0].protocol = 47)), Reason::NoPolicy);
    assert_eq!(reason(with(|kernel| kernel.policies[0].mark = (DOCKER_MARK, u32::MAX))), Reason::NoMark);
    let configured = |typo: Option<&str>| {
        let typo = typo.map(str::to_owned);
        let scene = Scene::asking(|question| {
            question.network.encrypted = Some(false);
            question.network.typo = typo;
        });
        scene.probed(true).clear(OUT).report().reason
    };
    assert_eq!(configured(None), Reason::NotConfigured);
    assert_eq!(configured(Some("encrypt")), Reason::TypoOption);
}

#[test]
fn the_gravest_finding_is_the_first() {
    let kernel = with(|kernel| {
        kernel.sas_changed = true;
        kernel.sas[1].replay_window = 0;
        kernel.sas[0].encrypts = false;
        kernel.policies.clear();
    });
    let scene = Scene::new().probed(true).ended(|circumstances| {
        circumstances.kernel = kernel;
        circumstances.cut_short = Some("eth0: the interface went down".to_owned());
    });
    let codes: Vec<&str> = scene.report().findings.iter().map(|finding| finding.code).collect();
    assert_eq!(
        codes,
        ["cut-short", "sa-not-encrypting", "latent-leak", "not-enforced", "no-replay-protection", "rekeyed"]
    );
}

#[test]
fn the_vni_on_another_port_is_none_of_a_policys() {
    let scene = Scene::asking(|question| {
        question.canary = None;
        question.network.port = Some(4799);
    });
    let report = (0..3).fold(scene, |scene, n| scene.packet(OUT, n, &[vxlan(OURS)], None, b"other")).report();
    assert_eq!(verdicts(&report).0, (Verdict::Inconclusive, None, Reason::OtherPort));
}

#[test]
fn the_reply_on_its_way_shows_that_the_probe_arrived() {
    // The peer answers in clear, and the policy of this host drops the answer. The ESP that left did reach the peer.
    let scene = Scene::new().probed(false).inside(OUT, esp(OUT, EspKind::Opened)).clear(BACK);
    let report = scene.ended(|circumstances| circumstances.kernel = Some(armed())).report();
    assert_eq!(verdicts(&report), (OPENED, CLEAR, Verdict::Clear));
}

#[test]
fn lengths_prove_nothing_where_the_association_hides_them() {
    let shut = |lengths, packets| {
        let scene = Scene::new().probed(true).shut(OUT, true, Sealed::NoKey).shut(BACK, true, Sealed::NoKey);
        let report = scene.ended(|circumstances| {
            circumstances.kernel = with(|kernel| {
                for sa in &mut kernel.sas {
                    (sa.lengths, sa.packets) = (lengths, packets);
                }
            });
        });
        verdicts(&report.report())
    };
    let unknown = (Verdict::Inconclusive, Some(Rung::Armed), Reason::NoLengthLaw);
    assert_eq!(shut(Lengths::Padded, 100), (unknown, unknown, Verdict::Inconclusive));
    assert_eq!(shut(Lengths::Streamed, 100), (unknown, unknown, Verdict::Inconclusive));
    assert_eq!(shut(Lengths::Lawful, 100), (LENGTHS, LENGTHS, Verdict::Encrypted));
    // ESP that a key opens is proof as ever.
    let opened = Scene::new().probed(true).inside(OUT, esp(OUT, EspKind::Opened));
    let report = opened.inside(BACK, esp(BACK, EspKind::Opened)).ended(|circumstances| {
        circumstances.kernel =
            with(|kernel| kernel.sas.iter_mut().for_each(|sa| sa.lengths = Lengths::Padded));
    });
    assert_eq!(verdicts(&report.report()), (OPENED, OPENED, Verdict::Encrypted));
}

#[test]
fn a_probe_that_ip_tfs_cut_up_is_not_proven_by_its_length() {
    // One probe stays shut, and a packet of the right length passes.
    let scene = (0..PROBES).fold(Scene::new().probed(true), |scene, n| {
        if n == 2 {
            let packet = vec![0xa5; esp_len(inner(n)) as usize];
            scene.packet(OUT, n, &[], Some(sealed(OUT, Sealed::NoKey)), &packet)
        } else {
            scene.packet(OUT, n, &[esp(OUT, EspKind::Opened), vxlan(OURS)], None, CANARY)
        }
    });
    let scene = scene.inside(BACK, esp(BACK, EspKind::Opened));
    let report = scene.ended(|circumstances| {
        circumstances.kernel = with(|kernel| kernel.sas[0].lengths = Lengths::Padded);
    });
    let (out, back, _) = verdicts(&report.report());
    assert_eq!(out, (Verdict::Inconclusive, Some(Rung::Opened), Reason::NoLengthLaw));
    assert_eq!(back, OPENED);
}

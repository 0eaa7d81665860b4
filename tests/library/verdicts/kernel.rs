//! What the kernel's state adds to the frames.

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
    let blocks = held("XfrmOutPolBlock", |kernel| kernel.policies[0].block = true);
    assert_eq!(blocks, (Verdict::Blackholed, Some(Rung::Counted), Reason::PolicyBlock));
    // Another tunnel's packets were held back, and went up the same counters.
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
    // Nothing was decrypted, or nothing could be.
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
    // What was not checked is no accusation.
    let report = tally(out_only(Rules::default()));
    assert_eq!(report.verdict, Verdict::Encrypted);
    assert!(report.findings.iter().any(|finding| finding.code == "enforcement-unknown"));
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
    assert_eq!(reason(with(|kernel| kernel.policies[0].port.0 = 4799)), Reason::PortMismatch);
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
fn the_reply_on_its_way_shows_that_the_probe_arrived() {
    // The peer answers in clear, and our policy drops that: ESP left and reached it all the same.
    let scene = Scene::new().probed(false).inside(OUT, esp(OUT, EspKind::Opened)).clear(BACK);
    let report = scene.ended(|circumstances| circumstances.kernel = Some(armed())).report();
    assert_eq!(verdicts(&report), (OPENED, CLEAR, Verdict::Clear));
}

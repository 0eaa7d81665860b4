//! Rows on targets whose addresses are only presumed to be somebody's. Maybe nobody has them, so their silence shows nothing.

use ovlsniff::verify::{Reason, Verdict};

use super::*;

/// Makes the addresses of all probes but the first `known` presumed ones.
fn presumed(scene: Scene, known: usize) -> Scene {
    scene.ended(|circumstances| {
        circumstances.probes.iter_mut().skip(known).for_each(|probe| probe.presumed = true);
    })
}

/// Returns a scene in which the probes left inside ESP, and nothing arrived.
fn silent() -> Scene {
    Scene::new().probed(false).inside(OUT, esp(OUT, EspKind::Opened))
}

#[test]
fn an_address_that_maybe_nobody_has_is_no_black_hole() {
    let report = presumed(silent(), 0).report();
    let line = (Verdict::Inconclusive, Some(Rung::Opened), Reason::NoAnswer);
    assert_eq!((verdicts(&report).0, report.verdict), (line, Verdict::Inconclusive));
    assert_eq!(report.exit_status(Expectation::Encrypted), 3);
    assert!(!report.nodes()[0].reachable);
}

#[test]
fn beside_it_an_address_that_somebody_has_shows_the_black_hole() {
    let report = presumed(silent(), 1).report();
    assert_eq!((report.verdict, report.reason), (Verdict::Blackholed, Reason::BlockedEsp));
}

#[test]
fn esp_that_the_keys_do_not_open_is_no_black_hole_for_it_either() {
    // It may be another network's, whose target answers.
    let scene = silent().shut(BACK, true, Sealed::BadIcv);
    let report = presumed(scene, 0).report();
    assert_eq!((report.verdict, report.reason), (Verdict::Inconclusive, Reason::KeyMismatch));
    let report = silent().shut(BACK, true, Sealed::BadIcv).report();
    assert_eq!((report.verdict, report.reason), (Verdict::Blackholed, Reason::KeyMismatch));
}

#[test]
fn an_answer_from_it_is_as_good_as_any() {
    let (out, back) = (esp(OUT, EspKind::Opened), esp(BACK, EspKind::Opened));
    let report = presumed(Scene::new().probed(true).inside(OUT, out).inside(BACK, back), 0).report();
    assert_eq!(report.verdict, Verdict::Encrypted);
}

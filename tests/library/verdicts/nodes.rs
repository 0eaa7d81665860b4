//! Rows on several nodes: each has its own verdict, and one that is not there does not spoil the others'.

use ovlsniff::print::report::{json, text};
use ovlsniff::verify::{NodeReport, Require, Terms};

use super::*;

fn ghost() -> IpAddr {
    "192.0.2.9".parse().unwrap()
}

/// Asks for a network with one more node.
fn with_ghost(overlay: &[&str]) -> impl FnOnce(&mut Question) {
    let overlay = overlay.iter().map(|address| address.parse().unwrap()).collect();
    move |question| question.network.peers.push(Peer { underlay: ghost(), overlay, behind: Vec::new() })
}

/// Adds the proof for the node that is there.
fn proven(scene: Scene) -> Scene {
    scene.probed(true).inside(OUT, esp(OUT, EspKind::Opened)).inside(BACK, esp(BACK, EspKind::Opened))
}

/// Adds five probes to the ghost, answered or not.
fn ghost_probed(mut scene: Scene, answered: bool) -> Scene {
    let probe = |n| Probe {
        peer: ghost(),
        address: ghost(),
        sequence: n as u16,
        sent: time(n),
        inner_len: inner(n),
        answered,
        due: true,
        presumed: false,
    };
    scene.circumstances.probes.extend((0..PROBES).map(probe));
    scene
}

/// Adds packets of the network to the ghost, or from it.
fn ghosts(scene: Scene, ends: (IpAddr, IpAddr), wrappings: &[Tunnel], opaque: Option<Opaque>) -> Scene {
    (0..PROBES).fold(scene, |scene, n| scene.between(ends, n, wrappings, opaque, CANARY))
}

const TO_GHOST: fn() -> (IpAddr, IpAddr) = || (here(), ghost());
const FROM_GHOST: fn() -> (IpAddr, IpAddr) = || (ghost(), here());

fn nodes(report: &Report) -> [(Verdict, Reason, bool); 2] {
    let nodes = report.nodes();
    assert_eq!([nodes[0].address, nodes[1].address], [there(), ghost()]);
    [0, 1].map(|at: usize| {
        let NodeReport { verdict, reason, reachable, .. } = nodes[at];
        (verdict, reason, reachable)
    })
}

const PROVEN: (Verdict, Reason, bool) = (Verdict::Encrypted, Reason::Opened, true);

#[test]
fn a_node_that_is_not_there_has_a_verdict_of_its_own() {
    // No overlay address of it is known, and nothing passed.
    let report = proven(Scene::asking(with_ghost(&[]))).report();
    assert_eq!(nodes(&report), [PROVEN, (Verdict::Inconclusive, Reason::NoTarget, false)]);
    assert_eq!((report.verdict, report.reason), (Verdict::Inconclusive, Reason::NoTarget));
    // It is flooded with the network's broadcasts, inside ESP.
    let flooded = ghosts(
        proven(Scene::asking(with_ghost(&[]))),
        TO_GHOST(),
        &[esp(OUT, EspKind::Opened), vxlan(OURS)],
        None,
    );
    assert_eq!(nodes(&flooded.report()), [PROVEN, (Verdict::Inconclusive, Reason::OneDirection, false)]);
    // Probes left for it inside ESP, and nothing came back.
    let probed = ghost_probed(proven(Scene::asking(with_ghost(&["10.42.0.9"]))), false);
    let probed = ghosts(probed, TO_GHOST(), &[esp(OUT, EspKind::Opened), vxlan(OURS)], None).report();
    assert_eq!(nodes(&probed), [PROVEN, (Verdict::Blackholed, Reason::BlockedEsp, false)]);
    assert_eq!(probed.exit_status(Expectation::Encrypted), 4);
}

#[test]
fn a_node_of_which_anything_arrives_is_reachable() {
    let scene = || ghost_probed(proven(Scene::asking(with_ghost(&["10.42.0.9"]))), false);
    let shut = sealed(BACK, Sealed::NoKey);
    for (name, wrappings, opaque) in [
        ("a clear frame", vec![vxlan(OURS)], None),
        ("ESP of the network", vec![esp(BACK, EspKind::Opened), vxlan(OURS)], None),
        ("ESP of another network", vec![esp(BACK, EspKind::Opened), vxlan(43)], None),
        ("ESP that stays shut", vec![], Some(shut)),
        ("a piece of ESP", vec![], Some(Opaque::EspFragment)),
        ("ESP that does not encrypt", vec![esp(BACK, EspKind::Null), vxlan(OURS)], None),
    ] {
        let report = ghosts(scene(), FROM_GHOST(), &wrappings, opaque).report();
        assert!(nodes(&report)[1].2, "{name}: {report:#?}");
    }
    assert!(!nodes(&scene().report())[1].2, "nothing arrived");
}

#[test]
fn a_node_that_answers_is_reachable_though_nothing_of_it_was_seen() {
    let report = ghost_probed(proven(Scene::asking(with_ghost(&["10.42.0.9"]))), true).report();
    assert_eq!(nodes(&report), [PROVEN, (Verdict::Inconclusive, Reason::WrongInterface, true)]);
}

#[test]
fn a_node_whose_frames_left_in_clear_is_never_unreachable() {
    let report = ghosts(proven(Scene::asking(with_ghost(&[]))), TO_GHOST(), &[vxlan(OURS)], None).report();
    assert_eq!(nodes(&report)[1], (Verdict::Clear, Reason::Clear, true));
    // The network card may have encrypted them later, which nobody knows.
    let sa_of_ghost = SaState { destination: ghost(), offload: true, ..sa(OUT) };
    let scene = ghosts(proven(Scene::asking(with_ghost(&[]))), TO_GHOST(), &[vxlan(OURS)], None);
    let report = scene.ended(|ended| ended.kernel = with(|kernel| kernel.sas.push(sa_of_ghost))).report();
    assert_eq!(nodes(&report)[1], (Verdict::Inconclusive, Reason::NicOffload, true));
}

#[test]
fn a_capture_that_may_have_missed_a_leak_makes_no_node_unreachable() {
    let scene = || proven(Scene::asking(with_ghost(&[])));
    for (name, report) in [
        ("lost frames", scene().ended(|ended| ended.dropped = Some(1)).report()),
        ("cut short", scene().ended(|ended| ended.cut_short = Some("a link went down".to_owned())).report()),
    ] {
        assert!(nodes(&report)[1].2, "{name}");
    }
}

#[test]
fn a_capture_without_probes_may_show_one_direction_only() {
    let scene = Scene::asking(|question| {
        with_ghost(&[])(question);
        question.canary = None;
    });
    let wrapping = |way| [esp(way, EspKind::Opened), vxlan(OURS)];
    let scene = [OUT, BACK].into_iter().fold(scene, |scene, way| {
        (0..PROBES).fold(scene, |scene, n| scene.packet(way, n, &wrapping(way), None, b"traffic"))
    });
    let report = ghosts(scene, TO_GHOST(), &wrapping(OUT), None).report();
    assert_eq!(nodes(&report), [PROVEN, (Verdict::Inconclusive, Reason::OneDirection, true)]);
}

#[test]
fn a_network_without_any_node_has_no_node_to_report_on() {
    let report = Scene::asking(|question| question.network.peers.clear()).report();
    assert_eq!((report.legs.len(), report.nodes()), (1, Vec::new()));
}

fn reachable() -> Terms {
    Terms { require: Require::Reachable, ..Terms::default() }
}

fn accepting(code: &str) -> Terms {
    Terms { accepted: vec![code.parse().unwrap()], ..Terms::default() }
}

#[test]
fn the_nodes_that_can_be_reached_are_enough_if_they_are_all_that_is_required() {
    let report = || proven(Scene::asking(with_ghost(&[]))).report();
    let all = report().on(Terms::default());
    assert_eq!((all.verdict, all.exit_status(Expectation::Encrypted)), (Verdict::Inconclusive, 3));
    let some = report().on(reachable());
    assert_eq!((some.verdict, some.reason), (Verdict::Encrypted, Reason::Opened));
    assert_eq!(some.exit_status(Expectation::Encrypted), 0);
    assert_eq!(nodes(&some), nodes(&all), "the terms are for the whole");
}

#[test]
fn a_node_that_is_readable_decides_whatever_is_required() {
    for way in [TO_GHOST(), FROM_GHOST()] {
        let report = ghosts(proven(Scene::asking(with_ghost(&[]))), way, &[vxlan(OURS)], None);
        let report = report.ended(|ended| ended.kernel = with(|_| ())).report().on(reachable());
        assert_eq!(report.verdict, Verdict::Clear);
        let null = [esp(OUT, EspKind::Null), vxlan(OURS)];
        let report = ghosts(proven(Scene::asking(with_ghost(&[]))), way, &null, None).report();
        assert_eq!(report.on(reachable()).verdict, Verdict::AuthOnly);
    }
}

#[test]
fn a_node_that_answers_or_is_in_doubt_counts_whatever_is_required() {
    let answered = ghost_probed(proven(Scene::asking(with_ghost(&["10.42.0.9"]))), true).report();
    assert_eq!(answered.on(reachable()).reason, Reason::WrongInterface);
    let lost = proven(Scene::asking(with_ghost(&[]))).ended(|ended| ended.dropped = Some(1)).report();
    assert_eq!(lost.on(reachable()).reason, Reason::Drops);
}

#[test]
fn no_node_at_all_that_could_be_reached_proves_nothing() {
    let report = Scene::asking(with_ghost(&[])).report().on(reachable());
    assert_eq!((report.verdict, report.nodes()[0].reachable), (Verdict::Inconclusive, false));
    let nobody = Scene::asking(|question| question.network.peers.clear()).report().on(reachable());
    assert_eq!(nobody.verdict, Verdict::Inconclusive);
}

#[test]
fn a_control_network_that_failed_is_a_doubt_about_every_node() {
    let scene = proven(Scene::asking(with_ghost(&[]))).ended(|ended| ended.control = Some(false));
    assert_eq!(scene.report().on(reachable()).reason, Reason::ControlFailed);
}

/// Returns a scene of one proven node on a host that would accept clear frames.
fn open_to_all(change: impl FnOnce(&mut Question)) -> Scene {
    let kernel = with(|kernel| kernel.policies.retain(|policy| policy.direction == PolicyDirection::Out));
    proven(Scene::asking(change)).ended(|ended| ended.kernel = kernel)
}

#[test]
fn a_weakness_that_is_accepted_is_no_verdict_any_more() {
    let report = || open_to_all(|_| ()).report();
    assert_eq!(report().on(Terms::default()).verdict, Verdict::NotEnforced);
    assert_eq!(report().on(accepting("short-icv")).verdict, Verdict::NotEnforced);
    let accepted = report().on(accepting("not-enforced"));
    assert_eq!((accepted.verdict, accepted.reason), (Verdict::Encrypted, Reason::Opened));
    assert_eq!(accepted.exit_status(Expectation::Encrypted), 0);
    assert!(accepted.findings.iter().any(|finding| accepted.terms.accepts(finding.code)));
}

#[test]
fn a_weakness_counts_among_the_nodes_that_can_be_reached() {
    let report = || open_to_all(with_ghost(&[])).report();
    assert_eq!(report().on(accepting("not-enforced")).verdict, Verdict::Inconclusive);
    assert_eq!(report().on(reachable()).verdict, Verdict::NotEnforced);
    let both = Terms { require: Require::Reachable, ..accepting("not-enforced") };
    assert_eq!(report().on(both).verdict, Verdict::Encrypted);
}

#[test]
fn an_accepted_code_excuses_no_frame_that_can_be_read() {
    let kernel = || with(|kernel| kernel.policies[0].templates[0].optional = true);
    let scene = Scene::new().probed(true).clear(OUT).clear(BACK).ended(|ended| ended.kernel = kernel());
    let report = scene.report();
    assert_eq!((report.verdict, report.reason), (Verdict::Clear, Reason::LevelUse));
    assert_eq!(report.on(accepting("level-use")).verdict, Verdict::Clear);
}

#[test]
fn the_text_marks_what_was_accepted_and_names_who_was_not_reached() {
    let terms = Terms { require: Require::Reachable, ..accepting("not-enforced") };
    let report = open_to_all(with_ghost(&[])).report().on(terms);
    let said = text(&report, Expectation::Encrypted);
    assert!(
        said.contains("\nverdict: ENCRYPTED: 1 of 2 nodes ENCRYPTED, 1 unreachable (192.0.2.9)\n"),
        "{said}"
    );
    assert!(said.contains("\nfinding (accepted): not-enforced: clear packets"), "{said}");
    assert!(!said.contains("remedy:"), "{said}");
    let json = json(&report, Expectation::Encrypted);
    for part in [r#""accepted":true"#, r#""require":"reachable""#, r#""reachable":false"#, r#""exit":0"#] {
        assert!(json.contains(part), "{part}: {json}");
    }
}

//! Readable directions that fit into no pair of the matrix.

use serde_json::{Value, json};

use super::{C, E, Expectation, I, Merged, Verdict, exit, leg, merged, pairs, report, with};

const BOTH: [&str; 2] = ["1>2 ENCRYPTED opened", "2>1 ENCRYPTED opened"];

fn between(way: &str, from: Value, to: Value, verdict: &str) -> Value {
    with(with(leg(way, 0, 0, verdict), "from", from), "to", to)
}

/// Joins what node1 reports, with this direction more, and what node2 does. Each calls the other's directions ENCRYPTED.
fn beside(direction: &Value, whole: &str) -> Merged {
    let mut first = report(1, &[(2, E)], &[(2, E)]);
    first["directions"].as_array_mut().unwrap().push(direction.clone());
    first["reason"] = direction["reason"].clone();
    merged(&[with(first, "verdict", whole), report(2, &[(1, E)], &[(1, E)])])
}

#[test]
fn a_clear_direction_from_a_node_to_itself_is_told_and_decides() {
    let all = beside(&leg("out", 1, 1, C), C);
    assert_eq!(
        (pairs(&all), all.networks[0].verdict, exit(&all)),
        (BOTH.map(str::to_owned).into(), Verdict::Clear, 1)
    );
    let [unplaced] = &all.networks[0].unplaced[..] else { panic!("{:?}", all.networks) };
    assert_eq!((&*unplaced.file, unplaced.seen.leg.from), ("0.json", Some("192.0.2.1".parse().unwrap())));
}

#[test]
fn no_readable_direction_is_lost_wherever_its_ends_are() {
    let at = |node: u8| json!(format!("192.0.2.{node}"));
    for readable in [C, "AUTH-ONLY"] {
        for (way, from, to) in [
            ("out", at(1), at(1)),
            ("in", at(1), at(1)),
            ("out", json!(null), json!("2001:db8::3")),
            ("in", json!("2001:db8::3"), json!(null)),
            ("out", json!(null), json!(null)),
            // The reporter is no end, or the other one.
            ("in", at(3), at(2)),
            ("in", at(1), at(2)),
        ] {
            // A whole that says less takes nothing away.
            for whole in [readable, I, E] {
                let all = beside(&between(way, from.clone(), to.clone(), readable), whole);
                let what = format!("{way} {from} {to} {readable} {whole}");
                assert_eq!((all.networks[0].verdict.name(), exit(&all)), (readable, 1), "{what}");
            }
        }
    }
    let all = beside(&leg("out", 1, 1, "AUTH-ONLY"), C);
    assert_eq!(all.exit_status(Expectation::Clear), 1, "it is not clear, whatever the whole is");
}

#[test]
fn a_doubt_from_a_node_to_itself_counts_unless_nothing_leaves_the_host() {
    let doubt = |code: &str| with(leg("out", 1, 1, I), "reason", code);
    assert_eq!(exit(&beside(&doubt("other-side"), I)), 3);
    assert_eq!(exit(&beside(&doubt("local-only"), I)), 0);
}

#[test]
fn a_readable_pair_is_judged_though_there_are_too_many_nodes_for_all_pairs() {
    let name = |number: usize| json!(format!("198.18.{}.{}", number / 250, number % 250));
    let mut first = report(1, &[(2, E)], &[(2, E)]);
    let legs = first["directions"].as_array_mut().unwrap();
    legs.extend((0..2000).map(|number| between("out", json!("192.0.2.1"), name(number), E)));
    legs.push(between("out", json!("192.0.2.1"), name(2000), C));
    let all = merged(&[with(first, "verdict", C)]);
    assert_eq!((all.problems[0].code, all.networks[0].verdict, exit(&all)), ("too-many", Verdict::Clear, 1));
}

#[test]
fn what_a_capture_between_two_nodes_has_read_counts_though_its_sender_is_not_known() {
    let nodes = [report(1, &[(2, E)], &[(2, E)]), report(2, &[(1, E)], &[(1, E)])];
    let node = json!({"name": "tap", "addresses": ["192.0.2.1", "192.0.2.2"]});
    let tap = |directions: Value, whole: &str| {
        let tap = with(with(report(1, &[(2, E)], &[]), "node", node.clone()), "directions", directions);
        with(tap, "verdict", whole)
    };
    let with_tap = |tap: Value| merged(&[nodes[0].clone(), nodes[1].clone(), tap]);
    for readable in [C, "AUTH-ONLY"] {
        for other in [between("out", json!(null), json!("2001:db8::2"), readable), leg("out", 1, 1, readable)]
        {
            let told = tap(json!([leg("out", 1, 2, I), other]), readable);
            let all = with_tap(told.clone());
            assert_eq!(pairs(&all), BOTH);
            assert_eq!((all.networks[0].verdict.name(), exit(&all)), (readable, 1));
            let stale = with_tap(with(told, "ended", "2026-11-27T17:00:00Z"));
            assert_eq!(exit(&stale), 0, "it is told as stale");
        }
        let all = with_tap(tap(json!([leg("out", 1, 2, I)]), readable));
        assert_eq!(
            (all.networks[0].verdict.name(), exit(&all)),
            (readable, 1),
            "no direction bears the whole"
        );
    }
}

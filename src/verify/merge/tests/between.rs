//! A capture of the link between two nodes, which is neither of them.

use serde_json::{Value, json};

use super::{AT, Basis, C, E, I, codes, exit, leg, merged, pairs, report, with};

/// Makes the report of a capture between two nodes: one direction each.
fn tap(one: &str, other: &str) -> Value {
    let report = with(
        report(1, &[(2, one)], &[]),
        "directions",
        json!([leg("out", 1, 2, one), leg("out", 2, 1, other)]),
    );
    let worst = [C, "AUTH-ONLY", I].into_iter().find(|verdict| [one, other].contains(verdict));
    let node = json!({"name": "tap", "addresses": ["192.0.2.1", "192.0.2.2"]});
    with(with(report, "node", node), "verdict", worst.unwrap_or(E))
}

#[test]
fn a_capture_between_two_nodes_does_not_make_one_node_of_them() {
    for readable in [C, "AUTH-ONLY"] {
        let all = merged(&[tap(readable, E)]);
        let found: Vec<_> =
            all.networks[0].pairs.iter().map(|pair| (pair.verdict.name(), pair.basis)).collect();
        assert_eq!(found, [(readable, Basis::Receiver), (I, Basis::Unreported)]);
        assert_eq!((exit(&all), codes(&all)), (1, vec!["between-nodes"]));
        assert!(all.problems[0].text.contains(readable), "{:?}", all.problems);
    }
    assert_eq!(pairs(&merged(&[tap(E, E)])), ["1>2 INCONCLUSIVE unreported", "2>1 INCONCLUSIVE unreported"]);
}

#[test]
fn what_a_capture_between_two_nodes_has_read_contradicts_the_sender() {
    let nodes = [report(1, &[(2, E)], &[(2, E)]), report(2, &[(1, E)], &[(1, E)])];
    let with_tap = |tap: Value| merged(&[nodes[0].clone(), nodes[1].clone(), tap]);
    let all = with_tap(tap(C, E));
    assert_eq!(pairs(&all), ["1>2 INCONCLUSIVE contradicted", "2>1 ENCRYPTED opened"]);
    let all = with_tap(tap(I, E));
    assert_eq!(pairs(&all), ["1>2 ENCRYPTED opened", "2>1 ENCRYPTED opened"]);
    assert_eq!(exit(&all), 0, "a doubt of somebody between takes nothing from the senders");
    let all = with_tap(with(tap(C, E), "ended", "2026-11-27T17:00:00Z"));
    assert_eq!((exit(&all), codes(&all)), (0, vec!["stale", "between-nodes"]));
    let met = json!({"name": "cnsa", "met": false, "findings": [{"reason": "key-length", "text": "x"}]});
    assert_eq!(exit(&with_tap(with(tap(E, E), "profile", met))), 3, "its profile is not passed over");
}

#[test]
fn a_host_of_two_addresses_stays_a_sender() {
    let two = json!({"name": "node1", "addresses": ["192.0.2.1", "192.0.2.9"]});
    let mut report1 = with(report(1, &[(2, E)], &[(2, E)]), "node", two);
    let peer = report(2, &[(1, E)], &[(1, E)]);
    assert_eq!(exit(&merged(&[report1.clone(), peer.clone()])), 0);
    // Its own second address is among the peers, which is no wire.
    let own = with(leg("out", 1, 9, I), "reason", "local-only");
    report1["directions"].as_array_mut().unwrap().push(own);
    let all = merged(&[with(report1, "ended", AT), peer]);
    assert_eq!(
        (pairs(&all), codes(&all).len()),
        (vec!["1>2 ENCRYPTED opened".into(), "2>1 ENCRYPTED opened".into()], 0)
    );
}

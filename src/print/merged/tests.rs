//! The words in which a matrix tells what is amiss.

use std::time::Duration;

use serde_json::{Value, json};

use super::{html, json as printed, text};
use crate::verify::Expectation;
use crate::verify::merge::{MergeTerms, Merged, Pairs, Reports, moment};

const AT: &str = "2026-11-27T19:00:00Z";

/// The peers of a node, and its findings: each a code and its text.
type Node<'t> = (&'t [u8], &'t [(&'t str, String)]);

/// Makes the matrix of node1 and node2. Every direction is in doubt.
fn matrix(nodes: [Node<'_>; 2]) -> Merged {
    let address = |node: u8| format!("192.0.2.{node}");
    let terms = MergeTerms {
        at: moment(AT).unwrap(),
        stale: Duration::from_secs(60),
        pairs: Pairs::All,
        accepted: Vec::new(),
    };
    let mut read = Reports::at(Some(terms.at), terms.stale);
    for (node, (peers, findings)) in (1..).zip(nodes) {
        let leg = |way: &str, from: u8, to: u8| {
            json!({"from": address(from), "to": address(to), "way": way, "verdict": "INCONCLUSIVE", "rung": null,
                "reason": "no-traffic", "counts": {}})
        };
        let legs: Vec<Value> =
            peers.iter().flat_map(|&peer| [leg("out", node, peer), leg("in", peer, node)]).collect();
        let found = |(code, text): &(&str, String)| json!({"reason": code, "text": text, "accepted": false});
        let report = json!({
            "v": 1, "node": {"name": format!("node{node}"), "addresses": [address(node)]}, "ended": AT,
            "network": "secure", "source": "docker overlay", "vnis": [4098], "verdict": "INCONCLUSIVE",
            "reason": "no-traffic", "directions": legs, "findings": findings.iter().map(found).collect::<Vec<_>>(),
        });
        read.read("report.json", report.to_string().as_bytes()).unwrap();
    }
    Merged::of(read, terms)
}

#[test]
fn a_pair_that_the_receiver_reported_has_no_dash() {
    // The report of node2 does not know node1.
    let said = text(&matrix([(&[2], &[]), (&[3], &[])]), Expectation::Encrypted);
    assert!(
        said.contains("  2  ? \\ ?   node2") && said.contains("node2 -> node1   INCONCLUSIVE   not-a-peer"),
        "{said}"
    );
}

#[test]
fn a_finding_is_not_told_in_the_words_of_another_node() {
    let latent = |to: u8| ("latent-leak", format!("frames to 192.0.2.{to} would leave in clear"));
    let same = || ("peers-only", "no policy for others".to_owned());
    let all = matrix([(&[2], &[latent(2), same()]), (&[1], &[latent(1), same()])]);
    let said = text(&all, Expectation::Encrypted);
    for line in [
        "latent-leak: frames to 192.0.2.1 would leave in clear (node2)",
        "latent-leak: frames to 192.0.2.2 would leave in clear (node1)",
        "peers-only: no policy for others (node1, node2)",
    ] {
        assert!(said.contains(&format!("  finding: {line}\n")), "{said}");
    }
}

#[test]
fn many_texts_of_one_code_leave_no_other_code_out() {
    let many: Vec<_> = (0..100).map(|to| ("latent-leak", format!("frames to 192.0.2.{to}"))).collect();
    let all = matrix([(&[2], &many), (&[1], &[("peers-only", "x".to_owned())])]);
    let said = text(&all, Expectation::Encrypted);
    assert!(said.contains("  finding: peers-only: x (node2)\n  61 more findings are left out\n"), "{said}");
    let page = html(&all, Expectation::Encrypted);
    assert!(page.contains("<code>61 more</code> left out here, and listed in JSON"));
}

#[test]
fn what_could_be_read_and_is_in_no_pair_is_told_in_every_format() {
    let looped = json!({"from": "192.0.2.1", "to": null, "way": "out", "verdict": "CLEAR", "rung": "E3", "reason": "clear",
        "remedy": "encrypt it", "counts": {"clear": 6}});
    let report = json!({
        "v": 1, "node": {"name": "node1", "addresses": ["192.0.2.1"]}, "ended": AT, "network": "secure",
        "source": "docker overlay", "vnis": [4098], "verdict": "CLEAR", "reason": "clear", "directions": [looped],
    });
    let terms = matrix([(&[], &[]), (&[], &[])]).terms;
    let mut read = Reports::at(Some(terms.at), terms.stale);
    read.read("\u{1b}.json", report.to_string().as_bytes()).unwrap();
    let all = Merged::of(read, terms);
    let said = text(&all, Expectation::Encrypted);
    let line = "  192.0.2.1 -> ?: CLEAR on the whole: E3 clear: 6 in clear, says \\u{1b}.json\n  remedy: clear: encrypt it\n";
    assert!(said.contains(line), "{said}");
    let page = html(&all, Expectation::Encrypted);
    assert!(
        page.contains("<h3>In no square</h3>") && page.contains("CLEAR on the whole: E3 clear"),
        "{page}"
    );
    let object: Value = serde_json::from_str(&printed(&all, Expectation::Encrypted)).unwrap();
    assert_eq!(object["networks"][0]["unplaced"][0]["seen"]["verdict"], "CLEAR");
    let said = text(&all, Expectation::Clear);
    assert!(!said.contains("on the whole"), "it is as expected: {said}");
}

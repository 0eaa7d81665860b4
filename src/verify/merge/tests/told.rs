//! The words in which a matrix tells what is amiss.

use serde_json::{Value, json};

use super::{E, Merged, merged, pairs, report, with};
use crate::print::merged::{html, text};
use crate::verify::Expectation;

#[test]
fn a_sender_whose_report_is_there_is_not_called_silent() {
    // The newest report of node2 does not know node1, of which node1's report is about both directions.
    let all = merged(&[report(1, &[(2, E)], &[(2, E)]), report(2, &[(3, E)], &[(3, E)])]);
    let found = pairs(&all);
    assert!(found.contains(&"2>1 INCONCLUSIVE not-a-peer".to_owned()), "{found:?}");
    assert!(found.contains(&"3>2 INCONCLUSIVE sender-silent".to_owned()), "{found:?}");
    let text = text(&all, Expectation::Encrypted);
    assert!(text.contains("  2  ? \\ E   node2"), "node1 reported it, so it has no dash: {text}");
}

/// Makes the matrix of two nodes with these findings, each a code and its text.
fn found(one: &[(&str, String)], two: &[(&str, String)]) -> Merged {
    let listed = |found: &[(&str, String)]| -> Value {
        found.iter().map(|(code, text)| json!({"reason": code, "text": text, "accepted": false})).collect()
    };
    let of = |node, peer, found| with(report(node, &[(peer, E)], &[(peer, E)]), "findings", listed(found));
    merged(&[of(1, 2, one), of(2, 1, two)])
}

#[test]
fn a_finding_is_not_told_in_the_words_of_another_node() {
    let latent = |to: u8| ("latent-leak", format!("frames to 192.0.2.{to} would leave in clear"));
    let same = || ("peers-only", "no policy for others".to_owned());
    let all = found(&[latent(2), same()], &[latent(1), same()]);
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
    let all = found(&many, &[("peers-only", "x".to_owned())]);
    let said = text(&all, Expectation::Encrypted);
    assert!(said.contains("  finding: peers-only: x (node2)\n  61 more findings are left out\n"), "{said}");
    let page = html(&all, Expectation::Encrypted);
    assert!(page.contains("<code>61 more</code> left out here, and listed in JSON"));
}

//! The nodes of a network in one clause: `2 of 3 nodes ENCRYPTED, 1 unreachable (198.51.100.9)`.

use std::fmt::Write as _;

use crate::verify::{NodeReport, Report, Verdict};

/// The most addresses that are named of one group. JSON has all.
const MOST: usize = 8;

/// The groups after the encrypted nodes, in the order in which they are named. An unreachable node is in none of them.
const GROUPS: [Verdict; 4] = [Verdict::Clear, Verdict::AuthOnly, Verdict::Inconclusive, Verdict::Blackholed];

/// Counts the nodes by their verdicts, and names those that are not encrypted. Returns `None` if there is only one
/// node, whose verdict is that on the whole.
pub(super) fn summary(nodes: &[NodeReport]) -> Option<String> {
    if nodes.len() < 2 {
        return None;
    }
    let with = |verdict| nodes.iter().filter(move |node| node.reachable && node.verdict == verdict);
    let mut text = format!("{} of {} nodes ENCRYPTED", with(Verdict::Encrypted).count(), nodes.len());
    for verdict in GROUPS {
        add(&mut text, verdict.name(), with(verdict));
    }
    add(&mut text, "unreachable", nodes.iter().filter(|node| !node.reachable));
    Some(text)
}

/// Returns the clause that follows the verdict, or nothing.
pub(super) fn clause(report: &Report) -> String {
    summary(&report.nodes()).map(|nodes| format!(": {nodes}")).unwrap_or_default()
}

fn add<'n>(text: &mut String, word: &str, nodes: impl Iterator<Item = &'n NodeReport> + Clone) {
    let count = nodes.clone().count();
    if count == 0 {
        return;
    }
    let named: Vec<String> = nodes.take(MOST).map(|node| node.address.to_string()).collect();
    let more = if count > MOST { ", …" } else { "" };
    let _ = write!(text, ", {count} {word} ({}{more})", named.join(", "));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Reason;

    fn node(last: u8, verdict: Verdict, reachable: bool) -> NodeReport {
        NodeReport { address: [192, 0, 2, last].into(), verdict, reason: Reason::NoTraffic, reachable }
    }

    #[test]
    fn every_node_is_counted_once_and_those_that_are_not_encrypted_are_named() {
        let encrypted = node(2, Verdict::Encrypted, true);
        assert_eq!(summary(&[encrypted]), None);
        assert_eq!(summary(&[encrypted, encrypted]).unwrap(), "2 of 2 nodes ENCRYPTED");
        let nodes = [
            encrypted,
            node(3, Verdict::Inconclusive, false),
            node(4, Verdict::Blackholed, false),
            node(5, Verdict::Clear, true),
            node(6, Verdict::Inconclusive, true),
        ];
        assert_eq!(
            summary(&nodes).unwrap(),
            "1 of 5 nodes ENCRYPTED, 1 CLEAR (192.0.2.5), 1 INCONCLUSIVE (192.0.2.6), 2 unreachable (192.0.2.3, 192.0.2.4)"
        );
    }

    #[test]
    fn a_long_list_of_nodes_is_cut_short() {
        let nodes: Vec<NodeReport> = (1..=20).map(|last| node(last, Verdict::Clear, true)).collect();
        let text = summary(&nodes).unwrap();
        assert!(text.starts_with("0 of 20 nodes ENCRYPTED, 20 CLEAR (192.0.2.1, "), "{text}");
        assert!(text.ends_with(", 192.0.2.8, …)"), "{text}");
    }
}

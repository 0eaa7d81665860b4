//! The matrix as JSON: one object on one line. `docs/merge-schema.json` defines its form.

use serde_json::{Value, json};

use super::{label, moment};
use crate::escape;
use crate::print::report::evidence;
use crate::verify::merge::{Merged, MergedNetwork, MergedNode, Pair, Pairs, Seen, Word};
use crate::verify::{Expectation, Rung};

/// Returns the matrix as one line of JSON.
pub fn json(merged: &Merged, expected: Expectation) -> String {
    let pairs = match merged.terms.pairs {
        Pairs::All => "all",
        Pairs::Known => "known",
    };
    let object = json!({
        "v": 1,
        "merged": true,
        "at": moment(merged.terms.at.nanos),
        "stale_seconds": merged.terms.stale.as_secs(),
        "pairs": pairs,
        "accepted": merged.terms.accepted.iter().map(|code| code.code()).collect::<Vec<_>>(),
        "reports": merged.reports,
        "expected": expected.name(),
        "verdict": merged.verdict(expected).name(),
        "exit": merged.exit_status(expected),
        "complete": !merged.in_doubt,
        "networks": merged.networks.iter().map(network).collect::<Vec<_>>(),
        "problems": merged.problems.iter().map(|problem| json!({
            "code": problem.code,
            "file": problem.file,
            "text": problem.text,
        })).collect::<Vec<_>>(),
        "more_problems": merged.more_problems,
    });
    escape::json(&object) + "\n"
}

fn network(network: &MergedNetwork) -> Value {
    json!({
        "names": network.names,
        "vnis": network.vnis,
        "verdict": network.verdict.name(),
        "nodes": network.nodes.iter().map(node).collect::<Vec<_>>(),
        "pairs": network.pairs.iter().map(|of| pair(network, of)).collect::<Vec<_>>(),
        "unplaced": network.unplaced.iter().map(|unplaced| json!({
            "file": &*unplaced.file,
            "seen": seen(&unplaced.seen),
        })).collect::<Vec<_>>(),
        "findings": network.findings.iter().map(|finding| json!({
            "node": finding.node,
            "reason": finding.code,
            "text": finding.text,
            "accepted": finding.accepted,
        })).collect::<Vec<_>>(),
    })
}

fn node(node: &MergedNode) -> Value {
    json!({
        "name": node.name,
        "addresses": node.addresses,
        "reports": node.reports.iter().map(word).collect::<Vec<_>>(),
    })
}

fn word(word: &Word) -> Value {
    json!({
        "file": word.file,
        "verdict": word.verdict.name(),
        "reason": word.reason,
        "remedy": word.remedy,
        "ended": word.ended.map(|ended| moment(ended.nanos)),
        "standing": word.standing.name(),
        "of_the_whole": word.of_the_whole,
    })
}

fn pair(network: &MergedNetwork, pair: &Pair) -> Value {
    json!({
        "from": pair.from,
        "to": pair.to,
        "names": [label(network, pair.from), label(network, pair.to)],
        "verdict": pair.verdict.name(),
        "reason": pair.code(),
        "meaning": pair.basis.meaning(),
        "sent": pair.sent.iter().map(seen).collect::<Vec<_>>(),
        "received": pair.received.iter().map(seen).collect::<Vec<_>>(),
    })
}

fn seen(seen: &Seen) -> Value {
    json!({
        "from": seen.leg.from,
        "to": seen.leg.to,
        "verdict": seen.leg.verdict.name(),
        "rung": seen.leg.rung.map(Rung::name),
        "reason": seen.code,
        "remedy": seen.remedy,
        "evidence": evidence(&seen.leg),
        "standing": seen.standing.name(),
    })
}

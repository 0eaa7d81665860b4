//! The reports of several nodes in one matrix, as text: a letter for each direction, then whatever is not encrypted, with its
//! reason and remedy. [`json()`] has all of it, and [`html()`] is a page to look at.

mod html;
mod json;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

pub use html::html;
pub use json::json;

use crate::escape::{counted, escape};
use crate::print::report::evidence;
use crate::print::report::time::rfc3339;
use crate::verify::merge::{Basis, Merged, MergedNetwork, MergedNode, Pair, Seen, Standing, Unplaced, ago};
use crate::verify::{Expectation, Rung, Verdict};

/// The most nodes whose matrix is printed as text.
const MOST_NODES: usize = 60;
/// The most pairs, and problems, that are listed as text. JSON has all.
const MOST: usize = 40;

/// The verdicts in the order in which they are counted.
const VERDICTS: [Verdict; 6] = [
    Verdict::Encrypted,
    Verdict::Clear,
    Verdict::AuthOnly,
    Verdict::NotEnforced,
    Verdict::Blackholed,
    Verdict::Inconclusive,
];

/// Returns the matrix as lines of text.
pub fn text(merged: &Merged, expected: Expectation) -> String {
    let mut text = String::new();
    for network in &merged.networks {
        write_network(&mut text, merged, network, expected);
        text.push('\n');
    }
    for problem in merged.problems.iter().take(MOST) {
        let file = if problem.file.is_empty() { String::new() } else { format!("{}: ", problem.file) };
        let _ = writeln!(text, "{}: {}{}", problem.code, escape(&file), escape(&problem.text));
    }
    let more = merged.problems.len().saturating_sub(MOST) as u64 + merged.more_problems;
    if more > 0 {
        let _ = writeln!(text, "{more} more of these are left out");
    }
    let _ = writeln!(text, "verdict: {}", whole(merged, expected));
    text
}

fn write_network(text: &mut String, merged: &Merged, network: &MergedNetwork, expected: Expectation) {
    let reports: usize = network.nodes.iter().map(|node| node.reports.len()).sum();
    let nodes = counted(network.nodes.len() as u64, "node", "nodes");
    let _ = writeln!(
        text,
        "{}: {nodes}, {}, {}",
        heading(network),
        counted(reports as u64, "report", "reports"),
        pairs(network)
    );
    let width = network.nodes.len().to_string().len();
    let has_matrix = network.nodes.len() <= MOST_NODES;
    let cells: BTreeMap<(usize, usize), &Pair> =
        network.pairs.iter().map(|pair| ((pair.from, pair.to), pair)).collect();
    if has_matrix {
        let columns: Vec<String> =
            (1..=network.nodes.len()).map(|number| format!("{number:>width$}")).collect();
        let _ = writeln!(text, "  {:width$}  {}", "", columns.join(" "));
    }
    for (from, node) in network.nodes.iter().enumerate() {
        let row = if has_matrix {
            let letter =
                |to| cells.get(&(from, to)).map_or(if to == from { '\\' } else { ' ' }, |pair| letter(pair));
            let letters = (0..network.nodes.len()).map(|to| format!("{:>width$}", letter(to)));
            format!(" {}  ", letters.collect::<Vec<_>>().join(" "))
        } else {
            String::new()
        };
        let _ = writeln!(text, "  {:>width$} {row} {}", from + 1, described(merged, node));
    }
    let lines = amiss(network, expected);
    for line in lines.iter().take(MOST) {
        let _ = writeln!(text, "  {line}");
    }
    if lines.len() > MOST {
        let _ = writeln!(text, "  {} more of these are left out", lines.len() - MOST);
    }
    for line in unplaced(network, expected) {
        let _ = writeln!(text, "  {line}");
    }
    for (at, node) in network.nodes.iter().enumerate() {
        for word in node.reports.iter().filter(|word| word.of_the_whole) {
            let _ = writeln!(
                text,
                "  {}: {} on the whole: {}",
                label(network, at),
                word.verdict.name(),
                escape(&word.reason)
            );
        }
    }
    for remedy in remedies(network, expected) {
        let _ = writeln!(text, "  remedy: {remedy}");
    }
    let (findings, more) = findings(network);
    for (code, said, nodes) in findings {
        let _ = writeln!(text, "  finding: {code}: {said} ({nodes})");
    }
    if more > 0 {
        let _ = writeln!(text, "  {more} more findings are left out");
    }
    let _ = writeln!(text, "  verdict: {}", network.verdict.name());
}

/// Returns a line for each sender and reason of what is not as expected, the gravest first, with the evidence of the first
/// pair: `node2 -> 3 nodes (node1, node3, node4)   CLEAR   E3 not-configured: 20 in clear`.
fn amiss(network: &MergedNetwork, expected: Expectation) -> Vec<String> {
    let mut groups: BTreeMap<(usize, usize, &str), Vec<&Pair>> = BTreeMap::new();
    for pair in network.pairs.iter().filter(|pair| pair.verdict.exit_status(expected) != 0) {
        let rank = VERDICTS.iter().position(|verdict| *verdict == pair.verdict).unwrap_or_default();
        groups.entry((rank, pair.from, pair.code())).or_default().push(pair);
    }
    let line = |((_, from, _), pairs): ((usize, usize, &str), Vec<&Pair>)| {
        let names: Vec<String> = pairs.iter().take(3).map(|pair| label(network, pair.to)).collect();
        let more = if pairs.len() > 3 { ", …" } else { "" };
        let to = match pairs.len() {
            1 => names.concat(),
            count => format!("{count} nodes ({}{more})", names.join(", ")),
        };
        let first = pairs[0];
        format!("{} -> {to}   {}   {}", label(network, from), first.verdict.name(), because(network, first))
    };
    groups.into_iter().map(line).collect()
}

/// Returns the letter of a pair. A pair that nobody judged has a dash.
pub(super) fn letter(pair: &Pair) -> char {
    match (pair.verdict, pair.basis) {
        (_, Basis::Unreported | Basis::NoPeer) if pair.received.is_empty() => '-',
        (Verdict::Encrypted, _) => 'E',
        (Verdict::Clear, _) => 'C',
        (Verdict::AuthOnly, _) => 'A',
        (Verdict::NotEnforced, _) => 'N',
        (Verdict::Blackholed, _) => 'B',
        (Verdict::Inconclusive, _) => '?',
    }
}

/// Returns the name of a network with its VNIs, escaped: `secure (vni 4098)`.
pub(super) fn heading(network: &MergedNetwork) -> String {
    let names: Vec<_> = network.names.iter().take(3).map(|name| escape(name)).collect();
    let more = if network.names.len() > 3 { ", …" } else { "" };
    let vnis: Vec<String> = network.vnis.iter().take(8).map(ToString::to_string).collect();
    let vnis = if vnis.is_empty() { String::new() } else { format!(" (vni {})", vnis.join(" ")) };
    format!("{}{more}{vnis}", names.join(", "))
}

/// Counts the pairs: `5 of 6 pairs ENCRYPTED, 1 CLEAR`.
pub(super) fn pairs(network: &MergedNetwork) -> String {
    let all = counted(network.pairs.len() as u64, "pair", "pairs");
    let mut text = format!("{} of {all} ENCRYPTED", network.count(Verdict::Encrypted));
    let unreported = network.pairs.iter().filter(|pair| letter(pair) == '-').count();
    for verdict in VERDICTS.into_iter().skip(1) {
        let dashes = if verdict == Verdict::Inconclusive { unreported } else { 0 };
        match network.count(verdict) - dashes {
            0 => {}
            count => _ = write!(text, ", {count} {}", verdict.name()),
        }
    }
    if unreported > 0 {
        let _ = write!(text, ", {unreported} not reported");
    }
    text
}

fn described(merged: &Merged, node: &MergedNode) -> String {
    let addresses: Vec<String> = node.addresses.iter().take(4).map(ToString::to_string).collect();
    let name = match &node.name {
        Some(name) => format!("{} ({})", escape(name), addresses.join(", ")),
        None => addresses.join(", "),
    };
    format!("{name}, {}", age(merged, node))
}

/// Returns the age of a node's newest report, and its standing where it does not count: `2 min old`, `no report`.
pub(super) fn age(merged: &Merged, node: &MergedNode) -> String {
    let Some(word) = node.reports.iter().max_by_key(|word| word.ended.map(|ended| ended.nanos)) else {
        return "no report".to_owned();
    };
    let age = match word.ended.map(|ended| merged.terms.at.nanos.saturating_sub(ended.nanos)) {
        None => return Standing::Undated.name().to_owned(),
        Some(ahead) if ahead < -1_000_000_000 => format!("{} ahead", ago(ahead.saturating_neg())),
        Some(age) => format!("{} old", ago(age)),
    };
    match word.standing {
        Standing::Counts => age,
        Standing::Ahead => format!("{age}, too far"),
        standing => format!("{age}, {}", standing.name()),
    }
}

pub(super) fn label(network: &MergedNetwork, node: usize) -> String {
    network.nodes.get(node).map(|node| escape(&node.label()).into_owned()).unwrap_or_default()
}

/// Returns the reason for the verdict on a pair, with the evidence.
fn because(network: &MergedNetwork, pair: &Pair) -> String {
    if pair.basis == Basis::NotWatched {
        let words = network.nodes.get(pair.from).into_iter().flat_map(|node| &node.reports);
        let errors: Vec<_> =
            words.filter(|word| word.of_the_whole).take(1).map(|word| escape(&word.reason)).collect();
        return format!("not-watched: the sender could not watch the network: {}", errors.concat());
    }
    match (pair.basis.code(), pair.grounds()) {
        (Some(code), _) => format!("{code}: {}", pair.basis.meaning()),
        (None, Some(seen)) if pair.basis == Basis::Receiver => format!("{}, says the receiver", said(seen)),
        (None, Some(seen)) => said(seen),
        (None, None) => String::new(),
    }
}

/// Returns what a report says of a direction: `E3 not-configured: 6 in clear (frame 19)`.
pub(super) fn said(seen: &Seen) -> String {
    let rung = seen.leg.rung.map_or("--", Rung::name);
    format!("{rung} {}: {}", escape(&seen.code), evidence(&seen.leg))
}

/// Returns a line for each readable direction that is in no pair: `192.0.2.1 -> ?: CLEAR on the whole: E3 clear: 6 in clear, says
/// 1.json`.
pub(super) fn unplaced(network: &MergedNetwork, expected: Expectation) -> Vec<String> {
    let end = |address: Option<IpAddr>| address.map_or_else(|| "?".to_owned(), |address| address.to_string());
    let line = |Unplaced { file, seen }: &Unplaced| {
        let (from, to) = (end(seen.leg.from), end(seen.leg.to));
        let verdict = seen.leg.verdict.name();
        format!("{from} -> {to}: {verdict} on the whole: {}, says {}", said(seen), escape(file))
    };
    let mut lines: Vec<String> = amiss_unplaced(network, expected).take(MOST).map(line).collect();
    let more = amiss_unplaced(network, expected).count() - lines.len();
    if more > 0 {
        lines.push(format!("{more} more on the whole: left out here, and listed in JSON"));
    }
    lines
}

fn amiss_unplaced(network: &MergedNetwork, expected: Expectation) -> impl Iterator<Item = &Unplaced> {
    let is_amiss = move |of: &&Unplaced| of.seen.leg.verdict.exit_status(expected) != 0;
    network.unplaced.iter().filter(is_amiss)
}

/// Returns the remedies of what is not as expected, each once.
pub(super) fn remedies(network: &MergedNetwork, expected: Expectation) -> Vec<String> {
    let mut remedies: Vec<String> = Vec::new();
    let of_pairs = network
        .pairs
        .iter()
        .filter(|pair| pair.verdict.exit_status(expected) != 0 && pair.basis.code().is_none());
    let unplaced = amiss_unplaced(network, expected).map(|unplaced| &unplaced.seen);
    let of_pairs = of_pairs.filter_map(Pair::grounds).chain(unplaced).map(|seen| (&seen.code, &seen.remedy));
    let words = network.nodes.iter().flat_map(|node| &node.reports).filter(|word| word.of_the_whole);
    for (code, remedy) in of_pairs.chain(words.map(|word| (&word.reason, &word.remedy))) {
        let line = format!("{}: {}", escape(code), escape(remedy));
        if !remedy.is_empty() && remedies.len() < MOST && !remedies.contains(&line) {
            remedies.push(line);
        }
    }
    remedies
}

/// Returns the findings of all nodes, each with its code, its text and the nodes that have the same, and the number of those that
/// are left out. No code is left out for another text of a code that is there.
pub(super) fn findings(network: &MergedNetwork) -> (Vec<(String, String, String)>, usize) {
    let mut alike: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for finding in network.findings.iter().filter(|finding| !finding.accepted) {
        alike.entry((&finding.code, &finding.text)).or_default().push(finding.node);
    }
    let mut texts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut kept: Vec<_> = alike
        .into_iter()
        .map(|((code, text), nodes)| {
            let place = texts.entry(code).or_default();
            *place += 1;
            (*place, code, text, nodes)
        })
        .collect();
    let more = kept.len().saturating_sub(MOST);
    kept.sort();
    kept.truncate(MOST);
    kept.sort_by_key(|(place, code, ..)| (*code, *place));
    let named = |nodes: Vec<usize>| {
        let names: Vec<String> = nodes.iter().take(4).map(|node| label(network, *node)).collect();
        let more = if nodes.len() > 4 { format!(" and {} more", nodes.len() - 4) } else { String::new() };
        names.join(", ") + &more
    };
    let told = kept
        .into_iter()
        .map(|(_, code, text, nodes)| (escape(code).into_owned(), escape(text).into_owned(), named(nodes)));
    (told.collect(), more)
}

/// Returns the verdict on all: `CLEAR: 1 of 2 networks ENCRYPTED, 1 CLEAR (insecure); reports are in doubt`.
pub(super) fn whole(merged: &Merged, expected: Expectation) -> String {
    let verdict = merged.verdict(expected).name();
    if merged.networks.is_empty() {
        return format!("{verdict}: there is no report of any network, so nothing was judged");
    }
    let with = |verdict| merged.networks.iter().filter(move |network| network.verdict == verdict);
    let all = counted(merged.networks.len() as u64, "network", "networks");
    let mut text = format!("{verdict}: {} of {all} ENCRYPTED", with(Verdict::Encrypted).count());
    for verdict in VERDICTS.into_iter().skip(1).filter(|verdict| with(*verdict).next().is_some()) {
        let names: Vec<_> =
            with(verdict).take(8).map(|network| escape(network.name()).into_owned()).collect();
        let more = if with(verdict).count() > 8 { ", …" } else { "" };
        let _ = write!(text, ", {} {} ({}{more})", with(verdict).count(), verdict.name(), names.join(", "));
    }
    if merged.in_doubt {
        text.push_str("; not every report could be used");
    }
    text
}

/// Returns a time in whole seconds.
pub(super) fn moment(nanos: i64) -> String {
    rfc3339(nanos / 1_000_000_000 * 1_000_000_000)
}

#[cfg(test)]
mod tests;

//! The squares of the matrix, with their evidence, and the bar above it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::safe::{Safe, badge, class};
use crate::print::merged::{VERDICTS, label, letter, said};
use crate::verify::Verdict;
use crate::verify::merge::{Basis, MergedNetwork, Pair, Seen, Standing};

/// The most nodes in a matrix: ten thousand squares are a few megabytes, and a browser shows them at once.
const MOST_NODES: usize = 128;
/// The width of the bar in its own units.
const WIDE: usize = 1000;

/// Writes a bar with a part for each verdict, as long as its share of the pairs.
pub(super) fn write_bar(page: &mut String, network: &MergedNetwork) {
    let all = network.pairs.len();
    if all < 2 {
        return;
    }
    let _ = write!(
        page,
        "<svg class=\"bar\" viewBox=\"0 0 {WIDE} 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
    );
    let unreported = network.pairs.iter().filter(|pair| letter(pair) == '-').count();
    let parts = VERDICTS.map(|verdict| {
        let dashes = if verdict == Verdict::Inconclusive { unreported } else { 0 };
        (class(verdict), network.count(verdict) - dashes)
    });
    let mut before = 0;
    for (class, count) in parts.into_iter().chain([("u", unreported)]).filter(|(_, count)| *count > 0) {
        let (from, to) = (before * WIDE / all, (before + count) * WIDE / all);
        let _ = write!(
            page,
            "<rect class=\"{class}\" x=\"{from}\" width=\"{}\" height=\"10\"/>",
            (to - from).max(4)
        );
        before += count;
    }
    page.push_str("</svg>\n");
}

/// Writes the matrix. Of too many nodes it has those with the most that is amiss.
pub(super) fn write_matrix(page: &mut String, at: usize, network: &MergedNetwork) {
    if network.pairs.is_empty() {
        return;
    }
    let cells: BTreeMap<(usize, usize), &Pair> =
        network.pairs.iter().map(|pair| ((pair.from, pair.to), pair)).collect();
    let shown = shown(network);
    let size = match shown.len() {
        ..=6 => "large",
        7..=24 => "middle",
        _ => "small",
    };
    if shown.len() < network.nodes.len() {
        let _ = writeln!(
            page,
            "<p class=\"quiet\">The matrix has the {MOST_NODES} nodes with the most that is not encrypted; JSON has all.</p>"
        );
    }
    let _ = write!(
        page,
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Matrix of {}\"><table class=\"matrix {size}\">\n\
         <thead><tr><th class=\"corner\"><span>to</span><span>from</span></th>",
        Safe(network.name())
    );
    for &to in &shown {
        write_head(page, "col", to, &label(network, to));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    let mut evidence = String::new();
    for &from in &shown {
        page.push_str("<tr>");
        write_head(page, "row", from, &label(network, from));
        for &to in &shown {
            match cells.get(&(from, to)) {
                Some(pair) => write_pair(page, &mut evidence, at, network, pair),
                None => page.push_str(if from == to { "<td class=\"self\"></td>" } else { "<td></td>" }),
            }
        }
        page.push_str("</tr>\n");
    }
    let _ = write!(page, "</tbody></table></div>\n{evidence}");
}

/// Writes the head of a row or a column. Its number comes first, which is that in the list of nodes: names that are cut are often
/// alike in what is left of them.
fn write_head(page: &mut String, scope: &str, node: usize, name: &str) {
    let (number, name) = (node + 1, Safe(name));
    let _ = write!(
        page,
        "<th scope=\"{scope}\" title=\"{number} {name}\"><span><i>{number}</i> <bdi>{name}</bdi></span></th>"
    );
}

/// Writes a square and its evidence. A name is isolated, or two names of a script from right to left would change places around
/// the arrow.
fn write_pair(page: &mut String, evidence: &mut String, at: usize, network: &MergedNetwork, pair: &Pair) {
    let letter = letter(pair);
    let (class, word) =
        if letter == '-' { ("u", "not reported") } else { (class(pair.verdict), pair.verdict.name()) };
    let letter = if letter == '-' { '–' } else { letter };
    let (from, to) = (label(network, pair.from), label(network, pair.to));
    let id = format!("p{at}-{}-{}", pair.from, pair.to);
    let _ = write!(
        page,
        "<td><button class=\"{class}\" popovertarget=\"{id}\" aria-label=\"{} to {}: {word}\">{letter}</button></td>",
        Safe(&from),
        Safe(&to)
    );
    let _ = write!(
        evidence,
        "<div popover id=\"{id}\" class=\"evidence\"><h3><bdi>{}</bdi> → <bdi>{}</bdi></h3><p>{} <code>{}</code></p>",
        Safe(&from),
        Safe(&to),
        badge(pair.verdict),
        Safe(pair.code())
    );
    if pair.basis != Basis::Sender {
        let _ = write!(evidence, "<p>{}</p>", Safe(pair.basis.meaning()));
    }
    for (who, reports) in [("The sender", &pair.sent), ("The receiver", &pair.received)] {
        for seen in reports.iter().take(4) {
            write_seen(evidence, who, seen);
        }
    }
    evidence.push_str("</div>\n");
}

fn write_seen(evidence: &mut String, who: &str, seen: &Seen) {
    let end = |address: Option<std::net::IpAddr>| {
        address.map_or_else(|| "?".to_owned(), |address| address.to_string())
    };
    let standing = match seen.standing {
        Standing::Counts => String::new(),
        standing => format!(", {}", standing.name()),
    };
    let _ = write!(
        evidence,
        "<p><b>{who}{standing}</b> ({} → {}): {} {}</p>",
        end(seen.leg.from),
        end(seen.leg.to),
        seen.leg.verdict.name(),
        Safe(&said(seen))
    );
    if !seen.remedy.is_empty() && seen.leg.verdict != Verdict::Encrypted {
        let _ = write!(evidence, "<p class=\"quiet\">{}</p>", Safe(&seen.remedy));
    }
}

/// Returns the positions of the nodes to show, in their order.
fn shown(network: &MergedNetwork) -> Vec<usize> {
    let all: Vec<usize> = (0..network.nodes.len()).collect();
    if all.len() <= MOST_NODES {
        return all;
    }
    let mut amiss = vec![0_usize; all.len()];
    for pair in network.pairs.iter().filter(|pair| pair.verdict != Verdict::Encrypted) {
        // A leak weighs more than any number of doubts.
        let weight = if pair.verdict.is_readable() { 1_000_000 } else { 1 };
        amiss[pair.from] += weight;
        amiss[pair.to] += weight;
    }
    let mut worst = all;
    worst.sort_by_key(|node| std::cmp::Reverse(amiss[*node]));
    worst.truncate(MOST_NODES);
    worst.sort_unstable();
    worst
}

//! The join: nodes are found by their addresses, then each pair is judged.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use super::between::{is_between, readable, told, whole};
use super::groups::networks;
use super::matrix::{
    Basis, MergeTerms, Merged, MergedFinding, MergedNetwork, MergedNode, Pair, Pairs, Profiled, Seen,
    Standing, Word,
};
use super::newest::{CLOCKS, Window, ago};
use super::parse::{Heard, Series};
use super::places::Places;
use super::read::Reports;
use crate::escape::counted;
use crate::verify::report::{Expectation, severity};
use crate::verify::verdict::Verdict;

/// The most nodes of a network whose pairs are all made: four million pairs.
const MOST_NODES: usize = 2000;

impl Merged {
    /// Joins these reports.
    pub fn of(reports: Reports, terms: MergeTerms) -> Self {
        join(reports, terms)
    }
}

fn join(mut reports: Reports, terms: MergeTerms) -> Merged {
    let heard = std::mem::take(&mut reports.newest);
    let count = heard.len();
    reports.tell_passed_over(Window::of(&terms));
    let each =
        |(series, heard): (Series, Vec<Heard>)| heard.into_iter().map(move |heard| (series.clone(), heard));
    let groups = networks(heard.into_iter().flat_map(each).collect());
    let mut networks: Vec<MergedNetwork> =
        groups.into_iter().map(|group| network(group, &terms, &mut reports)).collect();
    networks.sort_by(|one, other| (&one.names, &one.vnis).cmp(&(&other.names, &other.vnis)));
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for name in networks.iter().filter_map(|network| network.names.first()) {
        *names.entry(name).or_default() += 1;
    }
    let same: Vec<String> = names
        .iter()
        .filter(|(_, count)| **count > 1)
        .map(|(name, count)| {
            format!("{count} networks are called {name}: they have other VNIs, or no node in common")
        })
        .collect();
    for text in same {
        reports.note("same-name", "", text);
    }
    let in_doubt = reports.incomplete || count == 0;
    let (problems, more_problems) = (reports.problems, reports.more_problems);
    Merged { terms, reports: count, networks, problems, more_problems, in_doubt }
}

fn network(group: Vec<(Series, Heard)>, terms: &MergeTerms, reports: &mut Reports) -> MergedNetwork {
    // The one that counts comes first, so that another one of the same node is known when it comes.
    let window = Window::of(terms);
    let (between, mut group): (Vec<_>, Vec<_>) =
        group.into_iter().partition(|(series, heard)| is_between(series, heard));
    group.sort_by_cached_key(|(_, heard)| window.place(heard));
    let mut nodes = Nodes::default();
    let mut kept: Vec<(usize, Series, Heard, Standing)> = Vec::new();
    for (series, heard) in group {
        let Some(node) = nodes.of(&series, &heard, reports) else { continue };
        let is_same = |(at, other, ..): &&(usize, Series, Heard, Standing)| {
            let named = |of: &Series| (of.network.clone(), of.port, of.source.clone(), of.namespace.clone());
            *at == node && named(other) == named(&series)
        };
        if let Some((_, _, counting, _)) = kept.iter().find(is_same) {
            if !window.stands_beside(&heard, counting) {
                let aside = window.passed_over(&heard, counting);
                reports.note(aside.code, &aside.file, aside.text);
                continue;
            }
        }
        let standing = standing(&series.network, &heard, terms, reports);
        kept.push((node, series, heard, standing));
    }
    let mut places = Places::default();
    let mut findings = Vec::new();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let (mut vnis, mut fresh, mut routed) = (BTreeSet::new(), BTreeSet::new(), true);
    let mut unwatched = BTreeSet::new();
    for (node, series, heard, standing) in kept {
        *names.entry(series.network.clone()).or_default() += 1;
        vnis.extend(series.vnis);
        routed &= series.source == "wireguard device";
        let is_dated = matches!(standing, Standing::Counts | Standing::Contradictory);
        if is_dated {
            fresh.insert(node);
            if !heard.watched {
                unwatched.insert(node);
            }
        }
        let shared: Arc<str> = heard.file.as_str().into();
        let mut is_shown = false;
        for mut seen in heard.legs {
            if !is_dated {
                seen.standing = standing;
            }
            let shows = seen.leg.verdict == heard.verdict && seen.code == heard.reason;
            let own = |address: Option<IpAddr>, nodes: &mut Nodes| address.map(|address| nodes.at(address));
            let (from, to) = (own(seen.leg.from, &mut nodes), own(seen.leg.to, &mut nodes));
            is_shown |= places.put(node, from.zip(to), seen, &shared) && shows;
        }
        let is_accepted = heard.verdict == Verdict::NotEnforced && terms.accepts(&heard.reason);
        let of_the_whole = heard.verdict != Verdict::Encrypted && !is_shown && !is_accepted;
        let Heard { file, verdict, reason, remedy, ended, profile, .. } = heard;
        nodes.0[node].reports.push(Word {
            file,
            verdict,
            reason,
            remedy,
            ended,
            standing,
            of_the_whole,
            profile,
        });
        findings.extend(heard.findings.into_iter().map(|(code, text, accepted)| {
            let accepted = accepted || terms.accepts(&code);
            MergedFinding { node, code, text, accepted }
        }));
    }
    for (series, heard) in between {
        let standing = standing(&series.network, &heard, terms, reports);
        let text = told(&series.network, &heard);
        // A profile is a demand on what the report shows, and no node's here.
        match heard.profile {
            Profiled::Fine => reports.note("between-nodes", &heard.file, text),
            _ => reports.refuse(
                "between-nodes",
                &heard.file,
                text + "; its profile is not met, or not known to be",
            ),
        }
        *names.entry(series.network).or_default() += 1;
        vnis.extend(series.vnis);
        routed &= series.source == "wireguard device";
        let (shared, whole) = (heard.file.as_str().into(), whole(&heard));
        for seen in heard.legs.into_iter().chain(whole) {
            let ends = seen.leg.from.zip(seen.leg.to).map(|(from, to)| (nodes.at(from), nodes.at(to)));
            places.put_between(ends, readable(seen, standing), &shared);
        }
    }
    let (nodes, Places { pairs: mut legs, unplaced }) = (nodes.0, places);
    let all = terms.pairs == Pairs::All && !routed;
    if all && nodes.len() > MOST_NODES {
        reports.refuse(
            "too-many",
            "",
            format!(
                "a network has {}; only the pairs that reports name are judged",
                counted(nodes.len() as u64, "node", "nodes")
            ),
        );
    }
    let keys: BTreeSet<(usize, usize)> = if all && nodes.len() <= MOST_NODES {
        (0..nodes.len()).flat_map(|from| (0..nodes.len()).map(move |to| (from, to))).collect()
    } else {
        legs.keys().flat_map(|&(from, to)| [(from, to), (to, from)]).collect()
    };
    let pairs = keys.into_iter().filter(|(from, to)| from != to).map(|(from, to)| {
        let (sent, received) = legs.remove(&(from, to)).unwrap_or_default();
        let without = if unwatched.contains(&from) {
            Basis::NotWatched
        } else if fresh.contains(&from) {
            Basis::NoPeer
        } else {
            Basis::Unreported
        };
        judge(from, to, sent, received, without)
    });
    let mut names: Vec<(String, usize)> = names.into_iter().collect();
    names.sort_by(|one, other| (other.1, &one.0).cmp(&(one.1, &other.0)));
    let names = names.into_iter().map(|(name, _)| name).collect();
    let pairs = pairs.collect();
    let vnis = vnis.into_iter().collect();
    let verdict = Verdict::Inconclusive;
    let mut network = MergedNetwork { names, vnis, nodes, pairs, unplaced, findings, verdict };
    network.verdict = network.worst(Expectation::Encrypted);
    in_order(&mut network);
    network
}

/// Puts the nodes in the order in which people count them, `node2` before `node10`.
fn in_order(network: &mut MergedNetwork) {
    let mut order: Vec<usize> = (0..network.nodes.len()).collect();
    order.sort_by_cached_key(|at| {
        let node = &network.nodes[*at];
        (node.name.is_none(), node.name.as_deref().map(counted_as), node.addresses.first().copied())
    });
    let mut places = vec![0; order.len()];
    for (place, at) in order.iter().enumerate() {
        places[*at] = place;
    }
    let mut nodes: Vec<Option<MergedNode>> =
        std::mem::take(&mut network.nodes).into_iter().map(Some).collect();
    network.nodes = order.iter().filter_map(|at| nodes[*at].take()).collect();
    for pair in &mut network.pairs {
        (pair.from, pair.to) = (places[pair.from], places[pair.to]);
    }
    network.pairs.sort_by_key(|pair| (pair.from, pair.to));
    for finding in &mut network.findings {
        finding.node = places[finding.node];
    }
    network.findings.sort_by_key(|finding| finding.node);
}

/// Splits a name into its words and numbers.
fn counted_as(name: &str) -> Vec<(String, u64)> {
    let mut parts = vec![(String::new(), 0_u64)];
    let mut is_number = false;
    for c in name.chars() {
        match (c.to_digit(10), parts.last_mut()) {
            (Some(digit), Some((_, number))) => {
                *number = number.saturating_mul(10).saturating_add(digit.into());
                is_number = true;
            }
            (None, Some((word, _))) if !is_number => word.push(c),
            _ => {
                parts.push((c.to_string(), 0));
                is_number = false;
            }
        }
    }
    parts
}

/// Judges one direction. `without` is the basis if no report is about it.
fn judge(from: usize, to: usize, mut sent: Vec<Seen>, mut received: Vec<Seen>, without: Basis) -> Pair {
    for seen in [&mut sent, &mut received] {
        seen.sort_by_key(|seen| (seen.standing, severity(seen.leg.verdict)));
    }
    let counts = |seen: &&Seen| seen.standing == Standing::Counts;
    let fresh = |seen: &[Seen]| seen.first().filter(counts).map(|seen| seen.leg.verdict);
    let readable = fresh(&received).filter(|verdict| verdict.is_readable());
    let (verdict, basis) = match (fresh(&sent), readable) {
        (Some(Verdict::Encrypted), Some(_)) => (Verdict::Inconclusive, Basis::Contradicted),
        (Some(Verdict::Encrypted), None) if fresh(&received) == Some(Verdict::Encrypted) => {
            (Verdict::Encrypted, Basis::Both)
        }
        // A sender in doubt says nothing against what the receiver has read.
        (Some(verdict), Some(found)) if !verdict.is_readable() => (found, Basis::Receiver),
        (Some(verdict), _) => (verdict, Basis::Sender),
        (None, Some(verdict)) => (verdict, Basis::Receiver),
        (None, None) => (Verdict::Inconclusive, silence(&sent, &received, without)),
    };
    Pair { from, to, verdict, basis, sent, received }
}

fn silence(sent: &[Seen], received: &[Seen], without: Basis) -> Basis {
    let standing = sent.first().or(received.first()).map(|seen| seen.standing);
    match standing {
        // The sender reported, but not on this direction.
        Some(Standing::Counts) if without != Basis::Unreported => without,
        Some(Standing::Counts) => Basis::SenderSilent,
        Some(Standing::Stale) => Basis::Stale,
        Some(Standing::Ahead) => Basis::Ahead,
        Some(Standing::Undated) => Basis::Undated,
        Some(Standing::Contradictory) => Basis::Contradictory,
        None => without,
    }
}

/// Returns the weight of a report. What is odd about it becomes a problem. Only a contradiction puts all in doubt.
fn standing(network: &str, heard: &Heard, terms: &MergeTerms, reports: &mut Reports) -> Standing {
    let file = &heard.file;
    let ahead = heard.ended.map_or(0, |ended| ended.nanos.saturating_sub(terms.at.nanos));
    match Window::of(terms).weight(heard.ended) {
        Standing::Undated => {
            let text = format!("its report on {network} does not say when it was made, so it does not count");
            reports.note("undated", file, text);
            return Standing::Undated;
        }
        Standing::Stale => {
            let text = format!("its report on {network} is {} old", ago(ahead.saturating_neg()));
            reports.note("stale", file, text);
            return Standing::Stale;
        }
        Standing::Ahead => {
            let text = format!("its report on {network} is {} ahead, so it does not count", ago(ahead));
            reports.note("ahead", file, text);
            return Standing::Ahead;
        }
        Standing::Counts | Standing::Contradictory => {}
    }
    if ahead > CLOCKS {
        reports.note("clock-ahead", file, format!("the clock of its node is ahead by {}", ago(ahead)));
    }
    match &heard.contradiction {
        Some(found) => {
            let text = format!("its report on {network} contradicts itself: {found}");
            reports.refuse("contradictory", file, text);
            Standing::Contradictory
        }
        None => Standing::Counts,
    }
}

/// The nodes of a network.
#[derive(Default)]
struct Nodes(Vec<MergedNode>, HashMap<IpAddr, usize>, HashMap<String, usize>);

impl Nodes {
    /// Returns the node that sent a report; `None` if the report contradicts a newer one about that.
    fn of(&mut self, series: &Series, heard: &Heard, reports: &mut Reports) -> Option<usize> {
        let known = series.addresses.iter().find_map(|address| self.1.get(address)).copied();
        let by_name = || series.node.as_ref().and_then(|name| self.2.get(name)).copied();
        let known = known.or_else(|| {
            by_name().filter(|at| series.addresses.is_empty() || self.0[*at].addresses.is_empty())
        });
        let at = if let Some(at) = known {
            let node = &mut self.0[at];
            if let (Some(one), Some(other)) = (&node.name, &series.node) {
                if one != other {
                    let said = heard.gravest().name();
                    let text = format!(
                        "it is {said}, and {other} has an address of {one}, whose report is newer and counts"
                    );
                    reports.refuse("two-names", &heard.file, text);
                    return None;
                }
            }
            node.name = node.name.take().or_else(|| series.node.clone());
            at
        } else {
            self.0.push(MergedNode { name: series.node.clone(), addresses: Vec::new(), reports: Vec::new() });
            self.0.len() - 1
        };
        if let Some(name) = &series.node {
            self.2.entry(name.clone()).or_insert(at);
        }
        // The addresses of an older report may be another node's by now.
        if self.0[at].reports.is_empty() && self.0[at].addresses.is_empty() {
            for &address in &series.addresses {
                if let Entry::Vacant(free) = self.1.entry(address) {
                    free.insert(at);
                    self.0[at].addresses.push(address);
                }
            }
        }
        Some(at)
    }

    /// Returns the node at an address, which is a new one if no report is known of it.
    fn at(&mut self, address: IpAddr) -> usize {
        *self.1.entry(address).or_insert_with(|| {
            self.0.push(MergedNode { name: None, addresses: vec![address], reports: Vec::new() });
            self.0.len() - 1
        })
    }
}

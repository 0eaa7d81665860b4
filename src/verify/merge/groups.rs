//! Which reports are about the same network: those that share a VNI, and a node.
//!
//! A VNI tells more than a name: each host may call the device as it likes. Networks without a VNI are known by their names.
//! Two networks of the same VNI that have no node in common are two, such as those of two swarms.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use super::parse::{Heard, Series};

/// Returns the reports by network. Each is in one list.
pub(super) fn networks(reports: Vec<(Series, Heard)>) -> Vec<Vec<(Series, Heard)>> {
    let mut by_key = Sets::new(reports.len());
    let mut keys: HashMap<Key, usize> = HashMap::new();
    for (at, (series, heard)) in reports.iter().enumerate() {
        for key in keys_of(series, heard) {
            by_key.join_first(&mut keys, key, at);
        }
    }
    let mut sets = Sets::new(reports.len());
    let mut places: HashMap<(usize, IpAddr), usize> = HashMap::new();
    for (at, (series, heard)) in reports.iter().enumerate() {
        let key = by_key.root(at);
        for address in addresses(series, heard) {
            sets.join_first(&mut places, (key, address), at);
        }
    }
    // A network that could not be watched has neither VNI nor nodes, and belongs to the one of its name.
    let mut named: HashMap<&str, usize> = HashMap::new();
    for (at, (series, heard)) in reports.iter().enumerate() {
        if heard.watched {
            named.entry(&series.network).or_insert(at);
        }
    }
    for (at, (series, heard)) in reports.iter().enumerate() {
        let lone = !heard.watched || addresses(series, heard).next().is_none();
        if let Some(&with) = named.get(series.network.as_str()).filter(|_| lone) {
            sets.join(at, with);
        } else if !heard.watched {
            named.insert(&series.network, at);
        }
    }
    let roots: Vec<usize> = (0..reports.len()).map(|at| sets.root(at)).collect();
    let mut networks: Vec<Vec<(Series, Heard)>> = Vec::new();
    let mut positions: HashMap<usize, usize> = HashMap::new();
    for (report, root) in reports.into_iter().zip(roots) {
        let position = *positions.entry(root).or_insert_with(|| {
            networks.push(Vec::new());
            networks.len() - 1
        });
        networks[position].push(report);
    }
    networks
}

#[derive(PartialEq, Eq, Hash)]
enum Key {
    Vni(u32),
    Name(String, Option<u16>),
}

fn keys_of(series: &Series, heard: &Heard) -> Vec<Key> {
    if !heard.watched {
        return Vec::new();
    }
    if series.vnis.is_empty() {
        return vec![Key::Name(series.network.clone(), series.port.filter(|_| series.any_vni))];
    }
    series.vnis.iter().map(|vni| Key::Vni(*vni)).collect()
}

fn addresses<'r>(series: &'r Series, heard: &'r Heard) -> impl Iterator<Item = IpAddr> + 'r {
    let ends = heard.legs.iter().flat_map(|seen| [seen.leg.from, seen.leg.to]).flatten();
    series.addresses.iter().copied().chain(ends)
}

/// Disjoint sets of numbers.
struct Sets(Vec<usize>);

impl Sets {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.0[one.max(other)] = one.min(other);
    }

    /// Joins with the first that had this key.
    fn join_first<K: Eq + Hash>(&mut self, keys: &mut HashMap<K, usize>, key: K, at: usize) {
        let first = *keys.entry(key).or_insert(at);
        self.join(first, at);
    }
}

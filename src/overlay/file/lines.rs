//! The lines of the keys in the TOML file, for errors that the parser of TOML does not know of.

use std::collections::BTreeMap;

use toml::de::DeTable;

/// The deepest key that an error is about: `network.secure.addresses.node1`.
const DEPTH: usize = 4;

/// The line of each key, counted from 1, by the names that lead to it.
pub(super) struct Lines(BTreeMap<Vec<String>, usize>);

impl Lines {
    /// Finds the keys of a text. A text that is no TOML has none.
    pub(super) fn of(text: &str) -> Self {
        let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        let mut lines = BTreeMap::new();
        if let Ok(table) = DeTable::parse(text) {
            walk(table.get_ref(), &ends, &mut Vec::new(), &mut lines);
        }
        Self(lines)
    }

    /// Returns the line of a key, or that of the nearest table around it that has one.
    pub(super) fn at(&self, names: &[&str]) -> Option<usize> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        (1..=names.len()).rev().find_map(|depth| self.0.get(&names[..depth]).copied())
    }
}

fn walk(
    table: &DeTable<'_>,
    ends: &[usize],
    above: &mut Vec<String>,
    lines: &mut BTreeMap<Vec<String>, usize>,
) {
    for (key, value) in table {
        above.push(key.get_ref().to_string());
        lines.insert(above.clone(), 1 + ends.partition_point(|end| *end < key.span().start));
        if let Some(below) = value.get_ref().as_table().filter(|_| above.len() < DEPTH) {
            walk(below, ends, above, lines);
        }
        above.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_the_line_that_it_stands_on() {
        let lines = Lines::of(
            "key = \"a\"\n\n[network.secure]\nvni = 1\naddresses = { n1 = \"x\", n2 = \"y\" }\n[node]\nn1.underlay = \"z\"\n",
        );
        for (names, line) in [
            (&["key"][..], Some(1)),
            (&["network", "secure"], Some(3)),
            (&["network", "secure", "vni"], Some(4)),
            (&["network", "secure", "addresses", "n2"], Some(5)),
            (&["network", "secure", "mtu"], Some(3)),
            (&["node", "n1", "underlay"], Some(7)),
            (&["nothing"], None),
        ] {
            assert_eq!(lines.at(names), line, "{names:?}");
        }
        assert_eq!(Lines::of("= no TOML").at(&["key"]), None);
    }
}

//! The output of `nft list ruleset`, read for a walk with a clear frame of the network.

mod condition;

use std::collections::HashMap;

use super::iptables::state;
use super::walk::{Chain, Match, Name, Rule, Table, Target, of_all, words};
use super::{Arriving as Frame, Enforcement};
use crate::packet::IpVersion;
use condition::{bans_a_sender, condition, plain};

/// Returns the decision on a clear frame. A table that `iptables-save` printed
/// as well is left to the reader of that.
pub(super) fn enforcement(text: &str, iptables: &str, frame: &Frame<'_>) -> Enforcement {
    let told = |name: &str| iptables.lines().any(|line| line.strip_prefix('*') == Some(name));
    let family = match frame.version {
        IpVersion::V4 => "ip",
        IpVersion::V6 => "ip6",
    };
    let tables = split(text).filter_map(|(head, lines)| match words(head).as_slice() {
        _ if lines.contains(&"flags dormant") => None,
        ["inet" | "netdev", ..] => Some(read(&lines, frame)),
        [of, name, ..] if *of == family && !told(name) => Some(read(&lines, frame)),
        _ => None,
    });
    let tables: Vec<_> = tables.collect();
    of_all(tables.iter().flat_map(|(table, begins)| begins.iter().map(|begin| begin.judge(table))))
}

/// The numbers of the families of IPv4 and of IPv6 (`NFPROTO_…`).
pub(super) const IP: u8 = 2;
pub(super) const IP6: u8 = 10;

/// Returns the number of a family. Returns `None` for one that has no chains for arriving frames of IP.
pub(super) fn number(family: &str) -> Option<u8> {
    [("inet", 1), ("ip", IP), ("netdev", 5), ("ip6", IP6)]
        .iter()
        .find(|(name, _)| *name == family)
        .map(|(_, n)| *n)
}

/// Returns the text without the tables for whose families and names `among` holds.
pub(super) fn without(text: &str, among: impl Fn(&str, &str) -> bool) -> String {
    let mut left_out = false;
    let kept = text.lines().filter(|line| {
        if let Some(head) = line.strip_prefix("table ") {
            left_out = matches!(words(head).as_slice(), [family, name, ..] if among(family, name));
        }
        !left_out
    });
    kept.flat_map(|line| [line, "\n"]).collect()
}

/// A chain that arriving frames begin with.
struct Begin<'a> {
    name: &'a str,
    /// True if the chain is for the frames of some links only.
    of_links: bool,
}

impl Begin<'_> {
    fn judge(&self, table: &Table<'_>) -> Enforcement {
        match table.judge(self.name) {
            Enforcement::Dropped if self.of_links => Enforcement::Unknown,
            enforcement => enforcement,
        }
    }
}

/// Yields each table: the rest of its first line, which has the family and the name, and the lines that follow.
fn split(text: &str) -> impl Iterator<Item = (&str, Vec<&str>)> {
    let mut tables: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("table ") {
            tables.push((head, Vec::new()));
        } else if let Some((_, lines)) = tables.last_mut() {
            lines.push(line.trim());
        }
    }
    tables.into_iter()
}

/// Reads a table, with the chains that arriving frames begin with.
fn read<'a>(lines: &[&'a str], frame: &Frame<'_>) -> (Table<'a>, Vec<Begin<'a>>) {
    let (mut table, mut begins) = (Table::default(), Vec::new());
    let sets = sets(lines);
    // The chain that is read, and behind it those whose rules hold it.
    let mut open: Vec<Name<'a>> = Vec::new();
    let mut nameless = 0;
    for line in lines {
        let words = words(line);
        match words.as_slice() {
            ["chain", name, "{"] => {
                open = vec![Name::Given(name)];
                table.chains.insert(Name::Given(name), Chain::default());
            }
            ["}", ..] => drop(open.pop()),
            ["type", _, "hook", hook, ..] => {
                let Some(Name::Given(name)) = open.last() else { continue };
                table.chains.entry(Name::Given(name)).or_default().drops = line.contains("policy drop");
                if ["input", "prerouting", "ingress"].contains(hook) {
                    begins.push(Begin { name, of_links: *hook == "ingress" });
                }
            }
            _ => {
                let Some(chain) = open.last() else { continue };
                let next = Name::None(nameless);
                table.chains.entry(*chain).or_default().rules.extend(rules(&words, next, &sets, frame));
                if let [.., "jump" | "goto", "{"] = words.as_slice() {
                    nameless += 1;
                    open.push(next);
                    table.chains.insert(next, Chain::default());
                }
            }
        }
    }
    (table, begins)
}

/// Reads the elements of every set of a table.
fn sets<'a>(lines: &[&'a str]) -> HashMap<&'a str, Vec<&'a str>> {
    let (mut sets, mut current, mut inside) = (HashMap::new(), None, false);
    for line in lines {
        match words(line).as_slice() {
            ["set", name, "{"] => {
                current = Some(*name);
                sets.insert(*name, Vec::new());
            }
            ["}"] => current = None,
            _ => {
                let Some(set) = current.and_then(|name| sets.get_mut(name)) else { continue };
                let elements = line.strip_prefix("elements = {").unwrap_or(if inside { *line } else { "" });
                // Behind an element there may be words about it: a counter, or the time that is left.
                let first = |element: &'a str| element.trim_matches(['{', '}', ' ', '\t']).split(' ').next();
                set.extend(elements.split(',').filter_map(first).filter(|element| !element.is_empty()));
                inside = (inside || line.starts_with("elements =")) && !line.ends_with('}');
            }
        }
    }
    sets
}

/// Reads the rule of a line. A verdict map gives two, because it may accept or drop. A chain that stands in the rule is
/// the one with the name of `nameless`.
fn rules<'a>(
    words: &[&'a str],
    nameless: Name<'a>,
    sets: &HashMap<&str, Vec<&str>>,
    frame: &Frame<'_>,
) -> Vec<Rule<'a>> {
    let chain = |name: &&'a str| if *name == "{" { nameless } else { Name::Given(name) };
    let has = |wanted: &str| words.iter().any(|word| plain(word) == wanted);
    if has("vmap") {
        let matched = match words {
            ["ct", "state", rest @ ..] => state(rest.iter().map(|word| plain(word))),
            _ => Match::Maybe,
        };
        return [Target::Accept, Target::Drop].map(|target| Rule { matched, target }).to_vec();
    }
    let mut rule = Rule { matched: Match::Surely, target: Target::Nothing };
    let mut rest = words;
    while let [word, after @ ..] = rest {
        let (fits, left) = condition(word, after, sets, frame).unwrap_or_else(|| {
            match (*word, after.first()) {
                ("accept", _) => rule.target = Target::Accept,
                ("drop" | "reject", _) => rule.target = Target::Drop,
                ("return", _) => rule.target = Target::Return,
                ("jump", Some(name)) => rule.target = Target::Jump(chain(name)),
                ("goto", Some(name)) => rule.target = Target::Goto(chain(name)),
                _ => return (Match::Maybe, after),
            }
            // After a verdict only its details and a comment follow.
            (Match::Surely, &[][..])
        });
        rule.matched = rule.matched.and(fits);
        rest = left;
    }
    if rule.target == Target::Drop && bans_a_sender(words) {
        rule.matched = Match::No;
    }
    vec![rule]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Vni;

    fn judge(text: &str, version: IpVersion) -> Enforcement {
        let vni = Vni::new(4098).unwrap();
        enforcement(text, "*filter\n", &Frame { version, vni, port: 4789, link: None })
    }

    fn docker(family: &str, elements: &str) -> String {
        format!(
            "table {family} docker-overlay {{\n\tset encrypted-vnis {{\n\t\ttypeof @th,96,24\n\t\telements = {{ {elements} }}\n\t}}\n\n\
             \tchain enc-in {{\n\t\ttype filter hook input priority raw; policy accept;\n\
             \t\tudp dport 4789 meta ipsec missing @th,96,24 @encrypted-vnis counter packets 0 bytes 0 drop\n\t}}\n}}\n"
        )
    }

    fn input(lines: &str) -> Enforcement {
        let chain = format!("\tchain input {{\n\t\ttype filter hook input priority filter; {lines}\n\t}}\n");
        let custom = "\tchain custom {\n\t\tudp dport 4789 meta ipsec missing drop\n\t}\n";
        judge(&format!("table inet filter {{\n{chain}{custom}}}\n"), IpVersion::V4)
    }

    #[test]
    fn dockers_rule_is_for_the_vnis_of_its_set_and_its_family() {
        assert_eq!(judge(&docker("ip", "4097, 4098"), IpVersion::V4), Enforcement::Dropped);
        assert_eq!(judge(&docker("ip", "0x1002"), IpVersion::V4), Enforcement::Dropped);
        assert_eq!(judge(&docker("ip", "4097-4099"), IpVersion::V4), Enforcement::Dropped);
        assert_eq!(judge(&docker("ip", "4097"), IpVersion::V4), Enforcement::Accepted);
        assert_eq!(judge(&docker("ip6", "4098"), IpVersion::V4), Enforcement::Accepted);
        assert_eq!(judge(&docker("ip6", "4098"), IpVersion::V6), Enforcement::Dropped);
        // The tables of the two families have sets of the same name.
        let both = docker("ip", "4098") + &docker("ip6", "4097");
        assert_eq!(judge(&both, IpVersion::V4), Enforcement::Dropped);
        assert_eq!(judge(&both, IpVersion::V6), Enforcement::Accepted);
    }

    #[test]
    fn a_table_of_dockers_engine_is_understood_and_a_sleeping_one_is_none() {
        let golden = "table ip docker-overlay {\n\tset encrypted-vnis {\n\t\ttypeof @th,96,24\n\t\telements = { 0x001002 }\n\t}\n\n\
            \tchain enc-in {\n\t\ttype filter hook input priority raw; policy accept;\n\
            \t\tmeta ipsec missing udp dport 4789 @th,96,24 @encrypted-vnis counter packets 0 bytes 0 drop\n\t}\n\n\
            \tchain enc-out {\n\t\ttype route hook output priority mangle; policy accept;\n\
            \t\tudp dport 4789 meta skuid 0-4294967294 counter packets 0 bytes 0 goto {\n\
            \t\t\tmeta mark 0x00d0c4e3 counter packets 0 bytes 0 meta mark set 0x00000000\n\t\t}\n\
            \t\tudp dport 4789 @th,96,24 @encrypted-vnis counter packets 0 bytes 0 meta mark set 0x00d0c4e3\n\t}\n}\n";
        assert_eq!(judge(golden, IpVersion::V4), Enforcement::Dropped);
        let sleeping = golden.replace("\tset encrypted", "\tflags dormant\n\n\tset encrypted");
        assert_eq!(judge(&sleeping, IpVersion::V4), Enforcement::Accepted);
        // Some links' frames are dropped before, and others are not.
        let ingress = golden
            .replace("table ip ", "table netdev ")
            .replace("hook input", "hook ingress device \"eth0\"")
            .replace("meta ipsec missing ", "");
        assert_eq!(judge(&ingress, IpVersion::V4), Enforcement::Unknown);
    }

    #[test]
    fn numbers_about_a_set_and_its_elements_are_no_elements() {
        for elements in [
            "4097 counter packets 4098 bytes 4098",
            "4097 timeout 4098s expires 4098s, 4099",
            "4097,\n\t\t\t     4099",
        ] {
            assert_eq!(judge(&docker("ip", elements), IpVersion::V4), Enforcement::Accepted, "{elements}");
        }
        let sized = docker("ip", "4097").replace("\t\telements", "\t\tsize 4098\n\t\telements");
        assert_eq!(judge(&sized, IpVersion::V4), Enforcement::Accepted);
        for elements in
            ["4097,\n\t\t\t     4098", "4097 timeout 10s expires 5s, 4098 counter packets 1 bytes 1"]
        {
            assert_eq!(judge(&docker("ip", elements), IpVersion::V4), Enforcement::Dropped, "{elements}");
        }
    }

    #[test]
    fn a_chain_without_a_name_ends_before_the_rule_behind_it() {
        let drop = "\n\t\tudp dport 4789 meta ipsec missing drop";
        for (nameless, expected) in [
            ("udp dport 53 jump {\n\t\t\taccept\n\t\t}", Enforcement::Dropped),
            ("udp dport 4789 jump {\n\t\t\taccept\n\t\t} comment \"all of it\"", Enforcement::Bypassed),
            ("udp dport 4789 goto {\n\t\t\ttcp dport 1 accept\n\t\t}", Enforcement::Accepted),
            (
                "jump {\n\t\t\tudp dport 53 jump {\n\t\t\t\taccept\n\t\t\t}\n\t\t\tudp dport 4789 drop\n\t\t}",
                Enforcement::Dropped,
            ),
            // Two that are written alike are two.
            (
                "jump {\n\t\t\treturn\n\t\t}\n\t\tjump {\n\t\t\treturn\n\t\t\taccept\n\t\t}",
                Enforcement::Dropped,
            ),
        ] {
            assert_eq!(input(&format!("policy accept;\n\t\t{nameless}{drop}")), expected, "{nameless}");
        }
    }

    #[test]
    fn a_rule_drops_what_all_of_its_conditions_hold_for() {
        let docker = "policy accept;\n\t\tudp dport 4789 meta ipsec missing";
        for (conditions, expected) in [
            ("drop", Enforcement::Dropped),
            ("reject with icmp port-unreachable", Enforcement::Dropped),
            ("@th,96,24 4098 drop", Enforcement::Dropped),
            ("@th,96,24 { 4097, 0x1002 } drop", Enforcement::Dropped),
            ("@th,96,24 4097 drop", Enforcement::Accepted),
            ("log prefix \"clear: \" level info drop", Enforcement::Dropped),
            ("log drop", Enforcement::Dropped),
            ("@th,96,24 @nowhere drop", Enforcement::Unknown),
            ("ip saddr 203.0.113.5 drop", Enforcement::Unknown),
            ("ip saddr != 203.0.113.5 drop", Enforcement::Unknown),
            ("counter packets 4098 bytes 4789 drop comment \"overlay\"", Enforcement::Dropped),
            ("tcp dport 23 drop", Enforcement::Accepted),
        ] {
            assert_eq!(input(&format!("{docker} {conditions}")), expected, "{conditions}");
        }
        assert_eq!(
            input("policy accept;\n\t\tudp dport 4790 counter packets 4789 bytes 1 drop"),
            Enforcement::Accepted
        );
        assert_eq!(input("policy accept;\n\t\tudp dport != 53 drop"), Enforcement::Unknown);
        // A ban of one sender does not stop the frames of all others.
        assert_eq!(input("policy accept;\n\t\tip saddr 203.0.113.5 drop"), Enforcement::Accepted);
    }

    #[test]
    fn what_is_let_in_before_is_not_dropped_behind() {
        let drop = "udp dport 4789 meta ipsec missing drop";
        for (before, expected) in [
            ("udp dport { 53, 4000-5000 } accept", Enforcement::Bypassed),
            ("iifname \"lo\" accept", Enforcement::Dropped),
            ("iifname \"eth0\" accept", Enforcement::Unknown),
            ("ct state established,related accept", Enforcement::Unknown),
            ("ct state related accept", Enforcement::Dropped),
            (
                "ct state vmap { established : accept, related : accept, invalid : drop }",
                Enforcement::Unknown,
            ),
            ("ip protocol vmap { tcp : jump tcp_in, udp : jump udp_in }", Enforcement::Unknown),
            ("tcp dport { 22, 80 } accept", Enforcement::Dropped),
            ("ip6 saddr fe80::/10 accept", Enforcement::Dropped),
            ("udp dport 4789 meta ipsec exists accept", Enforcement::Dropped),
        ] {
            assert_eq!(input(&format!("policy accept;\n\t\t{before}\n\t\t{drop}")), expected, "{before}");
        }
    }

    #[test]
    fn chains_that_frames_begin_with_and_jump_to_count_and_no_others() {
        assert_eq!(input("policy accept;"), Enforcement::Accepted);
        assert_eq!(input("policy drop;"), Enforcement::Dropped);
        assert_eq!(input("policy accept;\n\t\tjump custom"), Enforcement::Dropped);
        assert_eq!(input("policy accept;\n\t\tudp dport 53 jump custom"), Enforcement::Accepted);
        // There is no way back from the chain that a goto leads to.
        let drop = "\n\t\tudp dport 4789 meta ipsec missing drop";
        assert_eq!(input(&format!("policy accept;\n\t\tgoto nowhere{drop}")), Enforcement::Accepted);
        assert_eq!(input(&format!("policy accept;\n\t\tjump nowhere{drop}")), Enforcement::Unknown);
        let forward = docker("ip", "4098").replace("hook input", "hook forward");
        assert_eq!(judge(&forward, IpVersion::V4), Enforcement::Accepted);
        let iptables = "table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n}\n";
        assert_eq!(judge(iptables, IpVersion::V4), Enforcement::Accepted);
        assert_eq!(judge("", IpVersion::V4), Enforcement::Accepted);
    }
}

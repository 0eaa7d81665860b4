//! The output of `nft list ruleset`, read for a walk with a clear frame of the network.

use std::collections::HashMap;

use super::iptables::state;
use super::walk::{Chain, Match, Rule, Table, Target, of_all, words};
use super::{Arriving as Frame, Enforcement};
use crate::packet::IpVersion;

/// Returns the decision on a clear frame. A table that `iptables-save` printed
/// as well is left to the reader of that.
pub(super) fn enforcement(text: &str, iptables: &str, frame: &Frame<'_>) -> Enforcement {
    let told = |name: &str| iptables.lines().any(|line| line.strip_prefix('*') == Some(name));
    let family = match frame.version {
        IpVersion::V4 => "ip",
        IpVersion::V6 => "ip6",
    };
    let tables = split(text).filter_map(|(head, lines)| match words(head).as_slice() {
        ["inet", ..] => Some(read(&lines, frame)),
        [of, name, ..] if *of == family && !told(name) => Some(read(&lines, frame)),
        _ => None,
    });
    let tables: Vec<_> = tables.collect();
    of_all(tables.iter().flat_map(|(table, begins)| begins.iter().map(|chain| table.judge(chain))))
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

/// Reads a table, with the names of the chains that arriving frames begin with.
fn read<'a>(lines: &[&'a str], frame: &Frame<'_>) -> (Table<'a>, Vec<&'a str>) {
    let (mut table, mut begins) = (Table::default(), Vec::new());
    let sets = sets(lines);
    let mut current: Option<&'a str> = None;
    for line in lines {
        let words = words(line);
        match words.as_slice() {
            ["chain", name, "{"] => {
                current = Some(name);
                table.chains.insert(name, Chain::default());
            }
            ["}"] => current = None,
            _ => {
                let Some(name) = current else { continue };
                let chain = table.chains.entry(name).or_default();
                match words.as_slice() {
                    ["type", _, "hook", hook, ..] => {
                        chain.drops = line.contains("policy drop");
                        if ["input", "prerouting"].contains(hook) {
                            begins.push(name);
                        }
                    }
                    _ => chain.rules.extend(rules(&words, &sets, frame)),
                }
            }
        }
    }
    (table, begins)
}

/// Reads the elements of every set of a table.
fn sets<'a>(lines: &[&'a str]) -> HashMap<&'a str, Vec<&'a str>> {
    let (mut sets, mut current) = (HashMap::new(), None);
    for line in lines {
        match words(line).as_slice() {
            ["set", name, "{"] => {
                current = Some(*name);
                sets.insert(*name, Vec::new());
            }
            ["}"] => current = None,
            words => {
                if let Some(set) = current.and_then(|name| sets.get_mut(name)) {
                    set.extend(words.iter().map(|word| plain(word)).filter(|word| !word.is_empty()));
                }
            }
        }
    }
    sets
}

/// Reads the rule of a line. A verdict map gives two, because it may accept or drop.
fn rules<'a>(words: &[&'a str], sets: &HashMap<&str, Vec<&str>>, frame: &Frame<'_>) -> Vec<Rule<'a>> {
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
                ("jump", Some(chain)) => rule.target = Target::Jump(chain),
                ("goto", Some(chain)) => rule.target = Target::Goto(chain),
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

/// Returns true if the rule is for all packets of some senders. A rule for their packets to a port may be the
/// network's own.
fn bans_a_sender(words: &[&str]) -> bool {
    let one = |words: &[&str]| matches!(words, ["ip" | "ip6", "saddr", value] if *value != "!=");
    !words.contains(&"dport") && words.windows(3).any(one)
}

/// Reads the condition or statement that begins with `word`. Returns the certainty that it matches the frame, and the
/// words behind it. Returns `None` for a verdict and for words that are not understood.
fn condition<'w, 'a>(
    word: &str,
    after: &'w [&'a str],
    sets: &HashMap<&str, Vec<&str>>,
    frame: &Frame<'_>,
) -> Option<(Match, &'w [&'a str])> {
    let value = |from: usize| value(after.get(from..).unwrap_or(&[]), sets);
    Some(match (word, after) {
        ("ip", _) if frame.version == IpVersion::V6 => (Match::No, &[]),
        ("ip6", _) if frame.version == IpVersion::V4 => (Match::No, &[]),
        ("udp", ["dport", ..]) => {
            let (values, used) = value(1)?;
            (Match::when(holds(&values, u32::from(frame.port))), after.get(1 + used..)?)
        }
        // The VNI is behind the eight bytes of UDP and the first four of VXLAN.
        ("@th,96,24", _) => {
            let (values, used) = value(0)?;
            (Match::when(holds(&values, frame.vni.value())), after.get(used..)?)
        }
        ("meta", ["ipsec" | "secpath", "missing", rest @ ..])
        | ("ipsec", ["exists", "==", "false", rest @ ..])
        | ("counter", ["packets", _, "bytes", _, rest @ ..] | rest)
        | ("comment", [_, rest @ ..]) => (Match::Surely, rest),
        ("meta", ["ipsec" | "secpath", "exists", rest @ ..]) => (Match::No, rest),
        ("meta", ["iif" | "iifname", rest @ ..]) => return condition("iifname", rest, sets, frame),
        ("iif" | "iifname", ["!=", ..]) => {
            let (names, used) = value(1)?;
            (by_one_of(&names, frame).not(), after.get(1 + used..)?)
        }
        ("iif" | "iifname", _) => {
            let (names, used) = value(0)?;
            (by_one_of(&names, frame), after.get(used..)?)
        }
        ("tcp" | "icmp" | "icmpv6" | "sctp" | "esp" | "ah", [_, ..]) => (Match::No, &[]),
        ("meta", ["l4proto", ..]) | ("ip" | "ip6", ["protocol" | "nexthdr", ..]) => {
            let (values, used) = value(1)?;
            (Match::when(values.iter().any(|value| ["udp", "17"].contains(value))), after.get(1 + used..)?)
        }
        ("meta", ["nfproto", "ipv4", rest @ ..]) => (Match::when(frame.version == IpVersion::V4), rest),
        ("meta", ["nfproto", "ipv6", rest @ ..]) => (Match::when(frame.version == IpVersion::V6), rest),
        ("ct", ["state", ..]) => {
            let (values, used) = value(1)?;
            (state(values.iter().copied()), after.get(1 + used..)?)
        }
        ("log", _) => {
            let options =
                after.chunks(2).take_while(|pair| ["prefix", "level", "group", "flags"].contains(&pair[0]));
            (Match::Surely, after.get(2 * options.count()..).unwrap_or(&[]))
        }
        _ => return None,
    })
}

/// Returns the certainty that the frame arrives by one of these links.
fn by_one_of(names: &[&str], frame: &Frame<'_>) -> Match {
    let fits: Vec<Match> = names.iter().map(|name| frame.is_by(plain(name))).collect();
    if fits.contains(&Match::Surely) {
        Match::Surely
    } else if fits.contains(&Match::Maybe) {
        Match::Maybe
    } else {
        Match::No
    }
}

/// Reads the values at the beginning of these words, and the number of words that they take: a single value, a list
/// in braces or with commas, or the elements of a set. Returns `None` for a comparison, for a set that is not there,
/// and without words.
fn value<'a>(words: &[&'a str], sets: &HashMap<&str, Vec<&'a str>>) -> Option<(Vec<&'a str>, usize)> {
    match words {
        ["{", rest @ ..] => {
            let end = rest.iter().position(|word| *word == "}")?;
            Some((rest.get(..end)?.iter().map(|word| plain(word)).collect(), end + 2))
        }
        ["!=" | "<" | ">" | "<=" | ">=" | "&", ..] | [] => None,
        [set, ..] if set.starts_with('@') => Some((sets.get(set.get(1..)?)?.clone(), 1)),
        [one, ..] => Some((one.split(',').collect(), 1)),
    }
}

/// Returns true if a number is among these values, which are decimal or hexadecimal, or in one of their ranges.
fn holds(values: &[&str], wanted: u32) -> bool {
    let number = |word: &str| match word.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    };
    values.iter().any(|value| {
        let (first, last) = value.split_once('-').unwrap_or((value, value));
        number(first).zip(number(last)).is_some_and(|(first, last)| (first..=last).contains(&wanted))
    })
}

fn plain(word: &str) -> &str {
    word.trim_matches(|c: char| "{},;".contains(c))
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

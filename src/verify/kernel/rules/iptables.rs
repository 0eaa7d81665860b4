//! The output of `iptables-save` and `ip6tables-save`, read for a walk with a clear frame of the network.

use super::walk::{Match, Name, Rule, Table, Target, of_all, words};
use super::{Arriving as Frame, Enforcement};
use crate::packet::Vni;

/// Returns the decision on a clear frame, by the chains PREROUTING and INPUT.
pub(super) fn enforcement(text: &str, frame: &Frame<'_>) -> Enforcement {
    let tables = text.split("\n*").map(|table| table.trim_start_matches('*'));
    let wanted = tables.filter(|table| ["raw", "mangle", "filter"].contains(&name(table)));
    let read: Vec<Table<'_>> = wanted.map(|table| read(table, frame)).collect();
    of_all(read.iter().flat_map(|table| ["PREROUTING", "INPUT"].map(|chain| table.judge(chain))))
}

/// Returns the text without the tables for whose names `among` holds.
pub(super) fn without(text: &str, among: impl Fn(&str) -> bool) -> String {
    let mut left_out = false;
    let kept = text.lines().filter(|line| {
        left_out = line.strip_prefix('*').map_or(left_out, |name| among(name.trim()));
        !left_out
    });
    kept.flat_map(|line| [line, "\n"]).collect()
}

/// The targets of extensions that let a frame go on to the next rule.
const HARMLESS: [&str; 18] = [
    "LOG",
    "NFLOG",
    "ULOG",
    "MARK",
    "CONNMARK",
    "CONNSECMARK",
    "SECMARK",
    "SET",
    "TRACE",
    "CT",
    "NOTRACK",
    "TOS",
    "DSCP",
    "TTL",
    "HL",
    "TEE",
    "AUDIT",
    "CHECKSUM",
];

fn name(table: &str) -> &str {
    table.lines().next().unwrap_or("").trim()
}

fn read<'a>(text: &'a str, frame: &Frame<'_>) -> Table<'a> {
    let mut table = Table::default();
    for line in text.lines() {
        let words = words(line);
        match words.as_slice() {
            ["-A", chain, rest @ ..] => {
                let jump = rest.iter().position(|word| ["-j", "-g", "--jump", "--goto"].contains(word));
                let at = jump.unwrap_or(rest.len());
                let target = match rest.get(at + 1).copied() {
                    Some("ACCEPT") => Target::Accept,
                    Some("DROP" | "REJECT") => Target::Drop,
                    Some("RETURN") => Target::Return,
                    Some(other) if ["-g", "--goto"].contains(&rest[at]) => Target::Goto(Name::Given(other)),
                    Some(other) if HARMLESS.contains(&other) => Target::Nothing,
                    Some(other) => Target::Jump(Name::Given(other)),
                    None => Target::Nothing,
                };
                let conditions = rest.get(..at).unwrap_or(rest);
                let mut matched = matches(conditions, frame);
                // A ban of one sender does not stop the frames of all others.
                if target == Target::Drop && bans_a_sender(conditions) {
                    matched = Match::No;
                }
                table.chains.entry(Name::Given(chain)).or_default().rules.push(Rule { matched, target });
            }
            [chain, policy, ..] => {
                if let Some(chain) = chain.strip_prefix(':') {
                    table.chains.entry(Name::Given(chain)).or_default().drops = *policy == "DROP";
                }
            }
            _ => {}
        }
    }
    table
}

/// Returns true if the rule is for all packets of some senders. A rule for their packets to a port may be the
/// network's own.
fn bans_a_sender(conditions: &[&str]) -> bool {
    if conditions.iter().any(|word| ["--dport", "--dports"].contains(word)) {
        return false;
    }
    let source = conditions.iter().position(|word| ["-s", "--source"].contains(word));
    let before = source.map(|at| at.checked_sub(1).and_then(|at| conditions.get(at)));
    before.is_some_and(|before| before != Some(&"!"))
}

/// Returns the certainty that a rule with these conditions matches the frame.
fn matches(conditions: &[&str], frame: &Frame<'_>) -> Match {
    let mut matched = Match::Surely;
    let mut words = conditions.iter().copied();
    while let Some(word) = words.next() {
        let value = match word {
            // Of the negations only that of a link is understood. Others give `Maybe` below, and the words that they
            // negate are skipped.
            "!" => {
                if let Some("-i" | "--in-interface") = words.next() {
                    matched = matched.and(frame.is_by(words.next().unwrap_or("")).not());
                    continue;
                }
                ""
            }
            _ => words.next().unwrap_or(""),
        };
        let fits = match word {
            "-m" | "--match" | "--comment" | "--reject-with" => Match::Surely,
            "-p" | "--protocol" => Match::when(matches!(value, "udp" | "17" | "all")),
            "--dport" | "--dports" => {
                Match::when(ports(value).any(|(first, last)| (first..=last).contains(&frame.port)))
            }
            "--u32" => of_docker(value, U32, &u32_hex(frame.vni), ""),
            "--bytecode" => of_docker(value, PROGRAM, &(frame.vni.value() << 8).to_string(), PROGRAM_END),
            "--dir" => Match::when(value == "in"),
            "--pol" => Match::when(value == "none"),
            "--ctstate" | "--state" => state(value.split(',')),
            "-i" | "--in-interface" => frame.is_by(value),
            _ => Match::Maybe,
        };
        matched = matched.and(fits);
    }
    matched
}

/// Docker's test for the VNI with `xt_u32`, as `iptables-save` prints it: the word 12 bytes behind the IP header.
const U32: &str = "0x0>>0x16&0x3c@0xc&0xffffff00";
/// Docker's program for `xt_bpf`, up to the value that it compares with the word that begins with the VNI, and its end.
const PROGRAM: &str = "6,177 0 0 0,64 0 0 12,84 0 0 4294967040,21 0 1 ";
const PROGRAM_END: &str = ",6 0 0 4294967295,6 0 0 0";

/// Returns the certainty that a test for the VNI matches. Only Docker's own is understood, whole.
fn of_docker(test: &str, begin: &str, vni: &str, end: &str) -> Match {
    let test = test.trim_matches('"');
    let compared = test.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end));
    match compared {
        Some(value) if value == vni => Match::Surely,
        Some(value) if value.chars().all(|c| c.is_ascii_alphanumeric() || c == '=') => Match::No,
        _ => Match::Maybe,
    }
}

/// Returns the certainty that a frame has one of these states of its connection. The first frame of a flow is new, and
/// the later ones are established: those that a peer sent in ESP open the flow for clear ones. A rule may also have
/// left the flow out of account.
pub(super) fn state<'v>(mut states: impl Iterator<Item = &'v str>) -> Match {
    let possible = ["NEW", "ESTABLISHED", "UNTRACKED"];
    if states.any(|state| possible.iter().any(|known| known.eq_ignore_ascii_case(state))) {
        Match::Maybe
    } else {
        Match::No
    }
}

/// Reads ranges of ports: `4789`, `1000:5000`, and lists of both with commas.
fn ports(value: &str) -> impl Iterator<Item = (u16, u16)> {
    value.split(',').filter_map(|range| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let first = if first.is_empty() { 0 } else { first.parse().ok()? };
        Some((first, if last.is_empty() { u16::MAX } else { last.parse().ok()? }))
    })
}

/// Returns the comparison with the VNI as a rule of `xt_u32` has it, with the VNI in the upper three bytes.
pub(super) fn u32_hex(vni: Vni) -> String {
    format!("={:#x}", vni.value() << 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::IpVersion;

    const DROP: &str = "-A INPUT -p udp -m policy --dir in --pol none -m udp --dport 4789 \
                        -m u32 --u32 \"0x0>>0x16&0x3c@0xc&0xffffff00=0x100200\" -j DROP";

    fn input(rules: &[&str]) -> Enforcement {
        filter("ACCEPT", rules)
    }

    fn filter(policy: &str, rules: &[&str]) -> Enforcement {
        let text = format!("*filter\n:INPUT {policy} [0:0]\n:CUSTOM - [0:0]\n{}\nCOMMIT\n", rules.join("\n"));
        let vni = Vni::new(4098).unwrap();
        enforcement(&text, &Frame { version: IpVersion::V4, vni, port: 4789, link: None })
    }

    #[test]
    fn a_drop_of_something_else_is_none_of_the_network() {
        for other in [
            "-A INPUT -m conntrack --ctstate INVALID -j DROP",
            "-A INPUT -p tcp -m tcp --dport 23 -j DROP",
            "-A INPUT -p udp -m multiport --dports 137,138:139 -j DROP",
        ] {
            assert_eq!(input(&[other]), Enforcement::Accepted, "{other}");
        }
        // A rule for one sender lets in the frames of all others. A rule for one interface, or for all senders but
        // one, may or may not match.
        assert_eq!(input(&["-A INPUT -s 203.0.113.5/32 -j DROP"]), Enforcement::Accepted);
        let from_one = DROP.replace("-p udp", "-s 203.0.113.5/32 -p udp");
        assert_eq!(input(&[&from_one]), Enforcement::Unknown);
        assert_eq!(input(&["-A INPUT ! -s 203.0.113.5/32 -j DROP"]), Enforcement::Unknown);
        assert_eq!(input(&["-A INPUT -i eth7 -j DROP"]), Enforcement::Unknown);
    }

    #[test]
    fn an_accept_of_something_else_is_no_way_around_the_drop() {
        for other in [
            "-A INPUT -i lo -j ACCEPT",
            "-A INPUT -m conntrack --ctstate RELATED -j ACCEPT",
            "-A INPUT -p udp -m multiport --dports 53,67 -j ACCEPT",
            "-A INPUT -p udp -m udp --dport 5000:6000 -m comment --comment \"udp to --dport 4789\" -j ACCEPT",
            "-A INPUT -p udp -m udp --dport 4789 -m policy --dir in --pol ipsec -j ACCEPT",
        ] {
            assert_eq!(input(&[other, DROP]), Enforcement::Dropped, "{other}");
        }
        assert_eq!(
            input(&["-A INPUT -p udp -m udp --dport 4000:5000 -j ACCEPT", DROP]),
            Enforcement::Bypassed
        );
        for unknown in [
            "-A INPUT -i docker0 -j ACCEPT",
            // The frames of a peer that come in ESP open the flow, and others may be left out of account.
            "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "-A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT",
        ] {
            assert_eq!(input(&[unknown, DROP]), Enforcement::Unknown, "{unknown}");
        }
    }

    #[test]
    fn chains_are_followed() {
        let custom = DROP.replace("INPUT", "CUSTOM");
        assert_eq!(input(&[&custom]), Enforcement::Accepted);
        assert_eq!(input(&["-A INPUT -p udp -j CUSTOM", &custom]), Enforcement::Dropped);
        assert_eq!(input(&["-A INPUT -p tcp -j CUSTOM", &custom]), Enforcement::Accepted);
        assert_eq!(input(&["-A INPUT -i eth0 -j CUSTOM", &custom]), Enforcement::Unknown);
        let accept = "-A CUSTOM -p udp -m udp --dport 4789 -j ACCEPT";
        assert_eq!(filter("DROP", &["-A INPUT -j CUSTOM", accept]), Enforcement::Bypassed);
        assert_eq!(filter("DROP", &["-A INPUT -j CUSTOM"]), Enforcement::Dropped);
        assert_eq!(input(&["-A INPUT -j CUSTOM", "-A CUSTOM -j INPUT"]), Enforcement::Accepted);
        // The walk ends even in circles, which no kernel would accept.
        let circles =
            ["-A INPUT -j CUSTOM"; 9].into_iter().chain(["-A CUSTOM -j INPUT"; 9]).collect::<Vec<_>>();
        assert_eq!(input(&circles), Enforcement::Unknown);
    }

    #[test]
    fn a_program_is_for_the_vni_that_it_compares() {
        let program = |vni: u32| {
            format!(
                "-A INPUT -p udp -m policy --dir in --pol none -m udp --dport 4789 -m bpf --bytecode \
                 \"6,177 0 0 0,64 0 0 12,84 0 0 4294967040,21 0 1 {},6 0 0 4294967295,6 0 0 0\" -j DROP",
                vni << 8
            )
        };
        assert_eq!(input(&[&program(4098)]), Enforcement::Dropped);
        assert_eq!(input(&[&program(4097)]), Enforcement::Accepted);
        let longer = program(4098).replace("6 0 0 0\"", "6 0 0 0,6 0 0 0\"");
        assert_eq!(input(&[&longer]), Enforcement::Unknown);
    }

    #[test]
    fn a_test_is_for_the_vni_that_it_compares_and_for_nothing_beside_it() {
        let drop = |test: &str| input(&[&DROP.replace("0x0>>0x16&0x3c@0xc&0xffffff00=0x100200", test)]);
        assert_eq!(drop("0x0>>0x16&0x3c@0xc&0xffffff00=0x100200"), Enforcement::Dropped);
        // The other VNI's value begins with the digits of this one's.
        assert_eq!(drop("0x0>>0x16&0x3c@0xc&0xffffff00=0x10020000"), Enforcement::Accepted);
        for other in
            ["0x0>>0x16&0x3c@0xc&0xffffff00=0x100200&&0x0>>0x16&0x3c@0x8=0x1", "0x8&0xffffff00=0x100200"]
        {
            assert_eq!(drop(other), Enforcement::Unknown, "{other}");
        }
    }

    #[test]
    fn a_target_that_is_no_chain_may_do_anything_unless_it_is_known() {
        assert_eq!(input(&["-A INPUT -p udp -j NFQUEUE --queue-num 0"]), Enforcement::Unknown);
        assert_eq!(input(&["-A INPUT -p udp -j NFQUEUE", DROP]), Enforcement::Unknown);
        assert_eq!(input(&["-A INPUT -p udp -j LOG", DROP]), Enforcement::Dropped);
    }
}

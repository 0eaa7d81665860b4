//! The conditions of a rule of nft: does a clear frame of the network meet them?

use std::collections::HashMap;

use super::super::Arriving as Frame;
use super::super::iptables::state;
use super::super::walk::Match;
use crate::packet::IpVersion;

/// Returns true if the rule is for all packets of some senders. A rule for their packets to a port may be the
/// network's own.
pub(super) fn bans_a_sender(words: &[&str]) -> bool {
    let one = |words: &[&str]| matches!(words, ["ip" | "ip6", "saddr", value] if *value != "!=");
    !words.contains(&"dport") && words.windows(3).any(one)
}

/// Reads the condition or statement that begins with `word`. Returns the certainty that it matches the frame, and the
/// words behind it. Returns `None` for a verdict and for words that are not understood.
pub(super) fn condition<'w, 'a>(
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
        // The routes decide, which are not known here.
        ("fib", _) => {
            let ends = ["drop", "accept", "reject", "return", "jump", "goto", "counter", "log"];
            let end = after.iter().position(|word| ends.contains(word)).unwrap_or(after.len());
            (Match::Maybe, after.get(end..)?)
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

pub(super) fn plain(word: &str) -> &str {
    word.trim_matches(|c: char| "{},;".contains(c))
}

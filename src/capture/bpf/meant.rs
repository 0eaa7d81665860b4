//! Advice for words that libpcap does not understand, as far as their meaning can be told.

use std::net::IpAddr;

use nix::net::if_::if_nametoindex;
use strsim::damerau_levenshtein;

use super::display;
use super::place::{Word, compiles, without_names};
use super::words::{KEYWORDS, is_known, is_number};
use crate::packet::LinkType;

/// Words of other tools, and what a filter has for them.
const OTHERS: &[(&str, &str)] = &[
    ("dns", "port 53"),
    ("tls", "port 443"),
    ("ssl", "port 443"),
    ("quic", "udp port 443"),
    ("dhcp", "port 67 or port 68"),
    ("wireguard", "udp port 51820"),
    ("wg", "udp port 51820"),
    ("ipsec", "esp or ah or udp port 4500"),
    ("ike", "udp port 500 or udp port 4500"),
    ("gre", "ip proto 47"),
    ("ospf", "ip proto 89"),
    ("ping", "icmp[icmptype] = icmp-echo"),
    ("syn", "tcp[tcpflags] & tcp-syn != 0"),
    ("ipv4", "ip"),
    ("ipv6", "ip6"),
    ("icmpv6", "icmp6"),
    ("eth", "ether"),
    ("ethernet", "ether"),
    ("mac", "ether host"),
    ("source", "src"),
    ("from", "src"),
    ("dest", "dst"),
    ("destination", "dst"),
    ("to", "dst"),
    ("sport", "src port"),
    ("srcport", "src port"),
    ("dport", "dst port"),
    ("dstport", "dst port"),
    ("saddr", "src host"),
    ("daddr", "dst host"),
    ("addr", "host"),
    ("address", "host"),
    ("ports", "port"),
    ("hosts", "host"),
    ("subnet", "net"),
    ("network", "net"),
    ("protocol", "proto"),
];

/// Returns the advice for the expression whose first `place` words are good.
pub(super) fn advice(words: &[Word<'_>], place: usize, link: LinkType) -> Option<String> {
    let Some(word) = words.get(place).map(|word| word.text) else {
        return missing(words).or_else(|| alone(words, place, link));
    };
    display::advice(words, place)
        .or_else(|| range(words, place))
        .or_else(|| list(words, place))
        .or_else(|| network_identifier(words, place))
        .or_else(|| equals_sign(words, place))
        .or_else(|| sign(word))
        .or_else(|| lower_case(word))
        .or_else(|| alone(words, place, link))
        .or_else(|| several(words, place, link))
        .or_else(|| other_tools(word, link))
        .or_else(|| no_conjunction(words, place, link))
        .or_else(|| misspelled(words, place, link))
}

/// The end is missing.
fn missing(words: &[Word<'_>]) -> Option<String> {
    let last = words.last()?.text;
    let wanted = match last {
        "port" => "a port",
        "portrange" => "a range of ports, such as 8000-8080,",
        "host" => "an address or a name",
        "net" => "a network, such as 10.0.0.0/8,",
        "src" | "dst" => "an address, a name or a port",
        "and" | "or" | "not" | "&&" | "||" | "!" => "something to test",
        "proto" | "protochain" => "a protocol",
        "less" | "greater" => "a length",
        "=" | "==" | "!=" | "<" | ">" | "<=" | ">=" => "a value",
        _ => return None,
    };
    Some(format!("{wanted} is missing after '{last}', at its end"))
}

/// Returns the keywords in front of a value: `tcp src port`.
fn keys(words: &[Word<'_>], place: usize) -> String {
    let all = words[..place].iter().map(|word| word.text);
    let keys = all.rev().take_while(|word| KEYWORDS.contains(word) && !matches!(*word, "and" | "or" | "not"));
    let mut keys: Vec<&str> = keys.collect();
    keys.reverse();
    keys.join(" ")
}

/// `port 80:90`, `port 80-90`.
pub(super) fn range(words: &[Word<'_>], place: usize) -> Option<String> {
    let keys = keys(words, place);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (from, to) = words.get(place)?.text.split_once([':', '-'])?;
    (keys.ends_with("port") && digits(from) && digits(to))
        .then(|| format!("a range of ports is written: {keys}range {from}-{to}"))
}

/// `port http,https`, `host 10.0.0.1, 10.0.0.2`.
fn list(words: &[Word<'_>], place: usize) -> Option<String> {
    let word = words.get(place)?.text;
    let keys = keys(words, place);
    let mut values = Vec::new();
    for word in &words[place..] {
        values.extend(word.text.split(',').filter(|value| !value.is_empty()));
        if !word.text.ends_with(',') {
            break;
        }
    }
    (word.contains(',') && values.len() > 1 && !keys.is_empty())
        .then(|| format!("a list is written with 'or': {keys} {}", values.join(" or ")))
}

/// `vni 4097`, `vxlan 4097`, `vxlan`.
fn network_identifier(words: &[Word<'_>], place: usize) -> Option<String> {
    let value = |n: usize| words.get(n).map(|word| word.text).filter(|value| is_number(value));
    match words.get(place)?.text.to_ascii_lowercase().as_str() {
        "vni" | "vnid" => Some(format!("a VNI is an option of its own: --vni {}", value(place + 1).unwrap_or("4097"))),
        "vxlan" => Some(match value(place + 1) {
            Some(vni) => format!("a VNI is an option of its own: --vni {vni}"),
            None => "VXLAN is 'udp port 4789' here, one of its networks is --vni N, and what is inside of it is --inner \
                     FILTER"
                .to_owned(),
        }),
        _ => None,
    }
}

/// `port = 80`, `host == 10.0.0.1`.
fn equals_sign(words: &[Word<'_>], place: usize) -> Option<String> {
    let key = words[..place].last()?.text;
    let (sign, value) = (words.get(place)?.text, words.get(place + 1).map_or("N", |word| word.text));
    let takes_a_value =
        matches!(key, "port" | "host" | "net" | "src" | "dst" | "proto" | "portrange" | "vlan");
    match sign {
        "=" | "==" if takes_a_value => Some(format!("no '{sign}' stands after '{key}': {key} {value}")),
        "!=" if takes_a_value => Some(format!("no '!=' stands after '{key}': not {key} {value}")),
        _ => None,
    }
}

fn sign(word: &str) -> Option<String> {
    Some(match word {
        "&" => "'&' is arithmetic; for both, write: and".to_owned(),
        "|" => "'|' is arithmetic; for either, write: or".to_owned(),
        ")" => "there is no '(' for this ')'".to_owned(),
        _ if word.starts_with(['\'', '"', '`']) => {
            "quotes are for the shell, and no part of a filter".to_owned()
        }
        _ => return None,
    })
}

fn lower_case(word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    (lower != word && KEYWORDS.contains(&lower.as_str()))
        .then(|| format!("'{word}' is written '{lower}' in a filter"))
}

/// Returns true for a value without the word that says of what it is one.
pub(super) fn is_alone(words: &[Word<'_>], place: usize) -> bool {
    let before = place.checked_sub(1).map_or("", |before| words[before].text);
    let may_stand = matches!(before, "" | "and" | "or" | "not" | "(" | "&&" | "||" | "!");
    let of_a_protocol = matches!(before, "tcp" | "udp" | "sctp" | "ether" | "ip" | "ip6");
    words.get(place).is_some_and(|word| (may_stand || of_a_protocol) && is_number(word.text))
}

/// `10.0.0.1`, `80`, `tcp 80`. A number could begin a comparison, so libpcap may take offence at the next word only.
fn alone(words: &[Word<'_>], place: usize, link: LinkType) -> Option<String> {
    let place = [Some(place), place.checked_sub(1)].into_iter().flatten().find(|&at| is_alone(words, at))?;
    let value = words[place].text;
    let protocol = match place.checked_sub(1).map_or("", |before| words[before].text) {
        before @ ("tcp" | "udp" | "sctp" | "ether" | "ip" | "ip6") => format!("{before} "),
        _ => String::new(),
    };
    ["port", "host", "net", "ether host"]
        .into_iter()
        .map(|key| format!("{protocol}{key} {value}"))
        .find(|whole| compiles(&[whole], link))
        .map(|whole| format!("'{value}' needs a word before it: {whole}"))
}

fn other_tools(word: &str, link: LinkType) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    if let Some((_, written)) = OTHERS.iter().find(|(other, _)| *other == lower) {
        return Some(format!("a filter has no '{word}'; write: {written}"));
    }
    if matches!(lower.as_str(), "interface" | "iface" | "dev") {
        return Some("an interface is an option: -i NAME".to_owned());
    }
    if if_nametoindex(word).is_ok() {
        return Some(format!("an interface is an option: -i {word}"));
    }
    service(word, link).map(|service| format!("a filter has no '{word}'; write: port {service}"))
}

/// Returns the service of that name as libpcap knows it. The services are in a file of this machine.
pub(super) fn service(word: &str, link: LinkType) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    let is_name = lower.len() > 2 && lower.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (is_name && !is_known(&lower) && compiles(&["port", &lower], link)).then_some(lower)
}

/// `src 10.0.0.1 dst 10.0.0.2`: two filters in a row.
fn no_conjunction(words: &[Word<'_>], place: usize, link: LinkType) -> Option<String> {
    let replaced = without_names(words);
    let (first, second) = replaced.split_at(place);
    let word = words.get(place)?.text;
    let begins = KEYWORDS.contains(&word) || matches!(word, "(" | "!");
    let sound = |words: &[&str]| !words.is_empty() && compiles(words, link);
    if begins
        && !matches!(word, "and" | "or")
        && sound(first)
        && (1..=second.len()).any(|n| sound(&second[..n]))
    {
        return Some(format!("'and' or 'or' is missing before '{word}'"));
    }
    None
}

/// `port http https`, `host 10.0.0.1 10.0.0.2`: values in a row.
fn several(words: &[Word<'_>], place: usize, link: LinkType) -> Option<String> {
    let word = words.get(place)?.text;
    let (key, value) = (words.get(place.checked_sub(2)?)?.text, words[place - 1].text);
    let another = match key {
        "port" => is_number(word) || service(word, link).is_some_and(|service| service == word),
        "host" | "net" | "src" | "dst" | "portrange" => is_number(word),
        _ => false,
    };
    another.then(|| format!("'or' is missing before '{word}': {key} {value} or {word}"))
}

/// A keyword with a slip of the fingers. If there are several, the one with which the expression is right.
fn misspelled(words: &[Word<'_>], place: usize, link: LinkType) -> Option<String> {
    let word = words.get(place)?.text;
    let most = match word.len() {
        0..3 => return None,
        3 => 1,
        _ => 2,
    };
    let mut near: Vec<(usize, &str)> = KEYWORDS
        .iter()
        .map(|keyword| (damerau_levenshtein(word, keyword), *keyword))
        .filter(|(distance, keyword)| {
            *distance > 0 && *distance <= most && *distance < keyword.len().min(word.len())
        })
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    let mut tried = without_names(words);
    let right = near.iter().find(|(_, keyword)| {
        tried[place] = keyword;
        compiles(&tried, link)
    });
    let (_, keyword) = right?;
    Some(format!("'{word}' is no word of a filter; did you mean '{keyword}'?"))
}

/// Returns the network that an address with a prefix length lies in: `10.0.0.0/24` for `10.0.0.1/24`.
pub(super) fn network_of(word: &str) -> Option<(IpAddr, String)> {
    let (address, length) = word.split_once('/')?;
    let (address, length) = (address.parse::<IpAddr>().ok()?, length.parse::<u32>().ok()?);
    let network: IpAddr = match address {
        IpAddr::V4(v4) if length <= 32 => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            (u32::from(v4) & mask).to_be_bytes().into()
        }
        IpAddr::V6(v6) if length <= 128 => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            (u128::from(v6) & mask).to_be_bytes().into()
        }
        _ => return None,
    };
    Some((address, format!("{network}/{length}")))
}

//! Telling a filter expression from a pattern.

use std::net::Ipv6Addr;

use super::{ABSENT, Error, Filter};
use crate::packet::LinkType;

/// Returns true if these words (joined by blanks) form a filter expression as a whole: `tcp port 80`, `not port 22`,
/// `src host web`.
///
/// libpcap's compiler is asked, but the resolver never is: the words may be a pattern, and a pattern must not be sent
/// to a name server. A word that is neither a keyword nor a number nor an address is accepted only where a name is
/// expected (after `host`, `src`, `dst`, `net`, `port`…). It is replaced by a number before libpcap sees it. Anywhere
/// else, such a word rules the filter out without asking libpcap. So `HTTP`, `GET / HTTP/1.1` and `port 80 and HTTP`
/// are not filters.
///
/// A word that can be both (`tcp`, `ip`, `len`) counts as a filter here. A caller with a single word takes it for the
/// pattern without asking.
///
/// Without libpcap nobody can tell. Then several words of the language are taken for a filter, so that it is named as a whole
/// where libpcap is asked for.
pub fn is_filter(words: &str) -> bool {
    let Some(expression) = without_names(words) else { return false };
    match Filter::compile(&expression, LinkType::ETHERNET) {
        Ok(_) | Err(Error::RejectsAll { .. } | Error::NoIp { .. }) => true,
        Err(Error::Invalid { words, .. }) if words == ABSENT => {
            expression.contains(is_separator) && has_keyword(&expression)
        }
        // The expression would be right on a live interface or for another link type: `inbound`, `type mgt`.
        Err(Error::Invalid { words, .. }) => words.contains("supported"),
        Err(Error::Program { .. }) => false,
    }
}

/// Returns true if one of the words is a keyword of the language.
pub fn has_keyword(words: &str) -> bool {
    words.split(is_separator).any(|word| KEYWORDS.contains(&word))
}

/// Replaces every name in the expression by a number of the expected kind. `None` if the words cannot be a filter.
fn without_names(words: &str) -> Option<String> {
    let mut expression = String::with_capacity(words.len() + 16);
    let mut before = ["", ""];
    let mut rest = words.trim();
    while !rest.is_empty() {
        let word = rest.find(is_separator).unwrap_or(rest.len());
        if word == 0 {
            let between = rest.find(|c| !is_separator(c)).unwrap_or(rest.len());
            let (separators, after) = rest.split_at(between);
            expression.push_str(separators);
            if !separators.trim().is_empty() {
                before = ["", ""];
            }
            rest = after;
            continue;
        }
        let (word, after) = rest.split_at(word);
        expression.push_str(if is_known(word) { word } else { stand_in(before, word)? });
        before = [before[1], word];
        rest = after;
    }
    (!expression.is_empty()).then_some(expression)
}

/// Returns true for a word that libpcap knows without looking it up.
pub(super) fn is_known(word: &str) -> bool {
    KEYWORDS.contains(&word) || is_number(word) || matches!(word, "-" | "/" | ":")
}

/// Returns true for the characters that end a word in libpcap's scanner.
pub(super) fn is_separator(c: char) -> bool {
    c.is_ascii_whitespace() || "()!&|<>=+*%^~[]".contains(c)
}

/// Returns a replacement for the name `token` that follows these two words, or `None` if no name is expected there.
pub(super) fn stand_in<'a>(before: [&str; 2], token: &'a str) -> Option<&'a str> {
    let plain = token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.\\".contains(&b));
    match before[1] {
        _ if !plain => None,
        "host" | "src" | "dst" if LINK_LEVEL.contains(&before[0]) => Some("00:00:00:00:00:00"),
        "host" | "src" | "dst" => Some("127.0.0.1"),
        "net" => Some("127"),
        "port" => Some("1"),
        "portrange" => Some("1-2"),
        // libpcap looks these up in a table of its own or in /etc/protocols.
        "proto" | "protochain" | "ifname" | "on" | "action" | "reason" | "ruleset" | "rset" | "llc"
        | "type" | "subtype" | "dir" => Some(token),
        _ => None,
    }
}

/// Returns true for a number, a range of numbers, an address, a network or a MAC address: none of these is looked up.
pub(super) fn is_number(token: &str) -> bool {
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let hex = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_hexdigit());
    let (address, mask) = token.split_once('/').unwrap_or((token, "0"));
    let ipv4 = address.split('.').all(digits) && digits(mask);
    let ipv6 = address.parse::<Ipv6Addr>().is_ok() && digits(mask);
    let mac = [':', '-', '.'].iter().any(|s| {
        let parts: Vec<_> = token.split(*s).collect();
        let width = if *s == '.' { 4 } else { 2 };
        parts.len() == 12 / width && parts.iter().all(|p| hex(p) && p.len() <= width)
    });
    let prefixed = token.strip_prefix("0x").is_some_and(hex);
    // `22-80`, and what the scanner leaves of arithmetic and of indices: `4:2`, `12-2`.
    let pair = token.split_once(['-', ':']).is_some_and(|(a, b)| digits(a) && digits(b));
    ipv4 || ipv6 || mac || prefixed || pair
}

/// The words before `host`, `src` or `dst` that make it a hardware address.
const LINK_LEVEL: &[&str] = &["ether", "link", "fddi", "tr", "wlan"];

/// The keywords of the language, pcap-filter(7).
pub(super) const KEYWORDS: &[&str] = &[
    "src",
    "dst",
    "host",
    "net",
    "mask",
    "port",
    "portrange",
    "proto",
    "protochain",
    "gateway",
    "and",
    "or",
    "not",
    "ether",
    "link",
    "fddi",
    "tr",
    "wlan",
    "ppp",
    "slip",
    "ip",
    "ip6",
    "arp",
    "rarp",
    "tcp",
    "udp",
    "sctp",
    "icmp",
    "icmp6",
    "igmp",
    "igrp",
    "pim",
    "vrrp",
    "carp",
    "ah",
    "esp",
    "atalk",
    "aarp",
    "decnet",
    "lat",
    "sca",
    "moprc",
    "mopdl",
    "iso",
    "es-is",
    "esis",
    "is-is",
    "isis",
    "clnp",
    "stp",
    "ipx",
    "netbeui",
    "l1",
    "l2",
    "iih",
    "lsp",
    "snp",
    "csnp",
    "psnp",
    "radio",
    "less",
    "greater",
    "byte",
    "broadcast",
    "multicast",
    "inbound",
    "outbound",
    "ifindex",
    "vlan",
    "mpls",
    "pppoed",
    "pppoes",
    "geneve",
    "vxlan",
    "len",
    "lane",
    "llc",
    "metac",
    "bcc",
    "oam",
    "oamf4",
    "oamf4ec",
    "oamf4sc",
    "oam4",
    "sc",
    "ilmic",
    "vpi",
    "vci",
    "connectmsg",
    "fisu",
    "lssu",
    "lsu",
    "msu",
    "sio",
    "opc",
    "dpc",
    "sls",
    "hopc",
    "hdpc",
    "hsls",
    "hsio",
    "ifname",
    "on",
    "rnr",
    "rulenum",
    "srnr",
    "subrulenum",
    "reason",
    "rset",
    "ruleset",
    "action",
    "type",
    "subtype",
    "dir",
    "direction",
    "addr1",
    "addr2",
    "addr3",
    "addr4",
    "address1",
    "address2",
    "address3",
    "address4",
    "ra",
    "ta",
    "icmptype",
    "icmpcode",
    "icmp-echoreply",
    "icmp-unreach",
    "icmp-sourcequench",
    "icmp-redirect",
    "icmp-echo",
    "icmp-routeradvert",
    "icmp-routersolicit",
    "icmp-timxceed",
    "icmp-paramprob",
    "icmp-tstamp",
    "icmp-tstampreply",
    "icmp-ireq",
    "icmp-ireqreply",
    "icmp-maskreq",
    "icmp-maskreply",
    "icmp6type",
    "icmp6code",
    "icmp6-echo",
    "icmp6-echoreply",
    "icmp6-destinationunreach",
    "icmp6-packettoobig",
    "icmp6-timeexceeded",
    "icmp6-parameterproblem",
    "icmp6-neighborsolicit",
    "icmp6-neighboradvert",
    "icmp6-routersolicit",
    "icmp6-routeradvert",
    "icmp6-redirect",
    "tcpflags",
    "tcp-fin",
    "tcp-syn",
    "tcp-rst",
    "tcp-push",
    "tcp-ack",
    "tcp-urg",
    "tcp-ece",
    "tcp-cwr",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_filters() {
        for words in [
            "tcp port 80",
            "not port 22",
            "src host web",
            "host 10.0.0.1",
            "host 2001:db8::1 and tcp",
            "port http or portrange 22-80",
            "portrange 8000-8080",
            "portrange ftp-ssh",
            "net 10.0.0.0/8",
            "net loopback",
            "src 10.0.0.1",
            "ether host 02:00:00:00:00:01",
            "ether src gateway7",
            "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
            "udp[8:4] = 0x08000000 and greater 100",
            "len >= 1400",
            "(udp port 4789) || esp",
            "! arp",
            "ip proto \\icmp",
            "vlan 5 and ip",
            "ip and arp and ip6",
            "inbound",
        ] {
            assert!(is_filter(words), "{words}");
        }
    }

    #[test]
    fn patterns_are_none_and_no_name_in_them_is_looked_up() {
        for words in [
            "",
            " ",
            "HTTP",
            "GET / HTTP/1.1",
            "HTTP port 80",
            "foo port 80",
            "or port 80",
            "80",
            "port",
            "host",
            "port 80 and HTTP",
            "not HTTP",
            "tcp or example.com",
            "src",
            "password=.*",
            "ünïcode",
            "host ünï",
            "gateway router",
            "host a b",
            "-e",
            "\\d+",
            "(GET|POST)",
            "tcp prot 80",
        ] {
            assert!(!is_filter(words), "{words}");
        }
        // A name that libpcap would have to ask a name server for never reaches it.
        assert_eq!(without_names("src host web and port http").unwrap(), "src host 127.0.0.1 and port 1");
        assert_eq!(without_names("port 80 and HTTP"), None);
    }
}

//! Wireshark's display filters, for those who type one where a filter of libpcap is expected.

use super::place::Word;

/// The protocols that fields of display filters begin with.
const PROTOCOLS: &[&str] = &[
    "arp",
    "bootp",
    "data",
    "dhcp",
    "dns",
    "esp",
    "eth",
    "frame",
    "ftp",
    "geneve",
    "gre",
    "http",
    "http2",
    "icmp",
    "icmpv6",
    "ip",
    "ipv6",
    "mysql",
    "ntp",
    "pgsql",
    "quic",
    "redis",
    "sctp",
    "sip",
    "smb",
    "smtp",
    "snmp",
    "ssh",
    "ssl",
    "tcp",
    "tls",
    "udp",
    "vlan",
    "vxlan",
    "websocket",
    "wg",
    "wlan",
];

/// The fields that libpcap's language has too, and the words for them there.
const FIELDS: &[(&str, &str)] = &[
    ("ip.addr", "host"),
    ("ip.src", "src host"),
    ("ip.dst", "dst host"),
    ("ip.host", "host"),
    ("ip.proto", "ip proto"),
    ("ipv6.addr", "host"),
    ("ipv6.src", "src host"),
    ("ipv6.dst", "dst host"),
    ("ipv6.nxt", "ip6 proto"),
    ("tcp.port", "tcp port"),
    ("tcp.srcport", "tcp src port"),
    ("tcp.dstport", "tcp dst port"),
    ("udp.port", "udp port"),
    ("udp.srcport", "udp src port"),
    ("udp.dstport", "udp dst port"),
    ("eth.addr", "ether host"),
    ("eth.src", "ether src"),
    ("eth.dst", "ether dst"),
    ("eth.type", "ether proto"),
    ("vlan.id", "vlan"),
    ("sctp.port", "sctp port"),
];

/// Returns the advice for a display filter with a field at `place`, or with an operator behind a field there.
pub(super) fn advice(words: &[Word<'_>], place: usize) -> Option<String> {
    let text = |n: usize| words.get(n).map_or("", |word| word.text);
    let at = [Some(place), place.checked_sub(1)]
        .into_iter()
        .flatten()
        .find(|&at| is_field(text(at)) || (at < words.len() && is_text_search(text(at + 1))))?;
    let (field, operator, value) = (text(at), text(at + 1), text(at + 2));
    if is_text_search(operator) {
        return Some(format!(
            "'{operator}' is of Wireshark's display filters; what packets contain is the pattern, which stands before \
             the filter"
        ));
    }
    let written = match (field, operator) {
        _ if value.is_empty() => None,
        ("vxlan.vni" | "geneve.vni", "==" | "=" | "eq") => Some(format!("--vni {value}")),
        (_, "==" | "=" | "eq") => translated(field, value),
        (_, "!=" | "ne") => translated(field, value).map(|written| format!("not {written}")),
        _ => None,
    };
    Some(match written {
        Some(written) => {
            format!("'{field} {operator} {value}' is a display filter of Wireshark; write: {written}")
        }
        None => format!(
            "'{field}' is of Wireshark's display filters; this is the language of tcpdump (pcap-filter(7)): tcp port 80"
        ),
    })
}

fn translated(field: &str, value: &str) -> Option<String> {
    let (_, words) = FIELDS.iter().find(|(known, _)| *known == field)?;
    let words = if value.contains('/') { words.replace("host", "net") } else { (*words).to_owned() };
    Some(format!("{words} {value}"))
}

fn is_field(word: &str) -> bool {
    let parts = || word.split('.');
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    parts().count() > 1
        && parts().all(is_part)
        && parts().next().is_some_and(|first| PROTOCOLS.contains(&first))
}

fn is_text_search(word: &str) -> bool {
    matches!(word, "contains" | "matches")
}

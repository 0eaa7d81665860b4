//! The fault of an expression in words: where it is, and what was probably meant.

use super::place::{Word, good_words, is_syntax_error, split};
use super::words::{is_known, stand_in};
use super::{display, meant};
use crate::escape::escape;
use crate::packet::LinkType;

/// The most characters of an expression, and of a word in it, that a message repeats.
const SHOWN: usize = 160;
const SHOWN_WORD: usize = 40;
const ADVICE: usize = 240;

/// Returns the expression as messages show it: fit for a terminal, and not too long.
pub fn shown(expression: &str) -> String {
    cut(expression, SHOWN)
}

fn cut(text: &str, most: usize) -> String {
    let safe = escape(text);
    match safe.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &safe[..end]),
        None => safe.into_owned(),
    }
}

/// Returns the words for a fault of the expression's grammar, or `None` if there is none. No name is looked up.
pub fn syntax_error(expression: &str) -> Option<String> {
    let words = split(expression);
    let place = good_words(&words, LinkType::ETHERNET)?;
    Some(told(expression, &words, place, LinkType::ETHERNET))
}

/// Returns the word of an expression that asks for the direction of a frame.
pub(crate) fn direction(expression: &str) -> Option<&str> {
    let words = split(expression);
    words.iter().map(|word| word.text).find(|word| matches!(*word, "inbound" | "outbound"))
}

/// Returns the words for an expression that libpcap refuses with `theirs`, which is fit for a terminal.
pub(crate) fn explain(expression: &str, link: LinkType, theirs: &str) -> String {
    let words = split(expression);
    if is_syntax_error(theirs) {
        return match good_words(&words, link) {
            Some(place) => told(expression, &words, place, link),
            None => "syntax error".to_owned(),
        };
    }
    advice(expression, &words, link, theirs).unwrap_or_else(|| theirs.to_owned())
}

/// Returns what is said of a fault of the grammar behind the first `place` words.
fn told(expression: &str, words: &[Word<'_>], place: usize, link: LinkType) -> String {
    let column = |at: usize| expression[..at].chars().count() + 1;
    let advice = meant::advice(words, place, link).map(|advice| cut(&advice, ADVICE));
    match (words.get(place), advice) {
        (Some(word), Some(advice)) => format!("at column {}, {advice}", column(word.at)),
        (Some(word), None) => {
            format!("syntax error at column {}, '{}'", column(word.at), cut(word.text, SHOWN_WORD))
        }
        (None, Some(advice)) => advice,
        (None, None) => match (unclosed(words), words.last()) {
            (Some(open), _) => format!("the '{}' at column {} is never closed", open.text, column(open.at)),
            (None, Some(last)) => {
                format!("something is missing after '{}', at its end", cut(last.text, SHOWN_WORD))
            }
            (None, None) => "it is empty".to_owned(),
        },
    }
}

/// Returns the innermost bracket that is not closed.
fn unclosed<'a, 'w>(words: &'w [Word<'a>]) -> Option<&'w Word<'a>> {
    let mut open = Vec::new();
    for word in words {
        match word.text {
            "(" | "[" => open.push(word),
            ")" | "]" => drop(open.pop()),
            _ => {}
        }
    }
    open.pop()
}

/// Returns the words for an expression that is right by the grammar, and makes no sense to libpcap.
fn advice(expression: &str, words: &[Word<'_>], link: LinkType, theirs: &str) -> Option<String> {
    let text = |n: usize| words.get(n).map_or("", |word| word.text);
    let find = |wanted: &dyn Fn(usize) -> bool| (0..words.len()).find(|&n| wanted(n));
    if theirs.contains("in filter expression") {
        // A name stands where none is expected, or an address without the word that says whose it is.
        let before = |n: usize| [n.checked_sub(2).map_or("", text), n.checked_sub(1).map_or("", text)];
        let is_word = |n: usize| text(n).starts_with(|c: char| c.is_alphanumeric());
        let is_name = |n: usize| is_word(n) && !is_known(text(n)) && stand_in(before(n), text(n)).is_none();
        let place = find(&is_name)
            .or_else(|| find(&|n| meant::is_alone(words, n)))
            // libpcap knows this word since 1.11 only.
            .or_else(|| find(&|n| text(n) == "vxlan"))?;
        return Some(told(expression, words, place, link));
    }
    if theirs.contains("non-network bits set") || theirs.contains("ask syntax for networks only") {
        let (word, (address, network)) = words.iter().find_map(|word| {
            let network = meant::network_of(word.text)?;
            theirs
                .contains(word.text)
                .then_some((word.text, network.clone()))
                .or_else(|| theirs.contains("ask syntax").then_some((word.text, network)))
        })?;
        return Some(if network == word {
            format!("'{word}' is no host; write: net {network}")
        } else {
            format!("'{word}' is neither a host nor a network; write: net {network}, or: host {address}")
        });
    }
    if theirs.contains("802.11") {
        // libpcap has types of wireless frames only by this word.
        let place = find(&|n| n > 0 && text(n) == "type" && matches!(text(n - 1), "icmp" | "icmp6"))?;
        let key = text(place - 1);
        let value = Some(text(place + 1)).filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()));
        let value = value.filter(|value| !value.is_empty()).unwrap_or("N");
        return Some(format!(
            "'type' is supported for 802.11; one of ICMP is written: {key}[{key}type] == {}",
            cut(value, SHOWN_WORD)
        ));
    }
    if theirs.contains("unknown host") {
        let place = find(&|n| theirs.contains(&format!("'{}'", text(n))))?;
        return Some(match display::advice(words, place) {
            Some(advice) => cut(&advice, ADVICE),
            None => format!("{theirs}; this machine finds no address for that name, so write the address"),
        });
    }
    if theirs.contains("unknown port") {
        let place = find(&|n| theirs.contains(&format!("'{}'", text(n))))?;
        let service = || meant::service(text(place), link).filter(|service| service != text(place));
        return Some(match (meant::range(words, place), service()) {
            (Some(advice), _) => cut(&advice, ADVICE),
            (None, Some(service)) => format!("{theirs}; did you mean '{service}'?"),
            (None, None) => format!("{theirs}; write its number"),
        });
    }
    if theirs.contains("ethernet address used in non-ether") {
        let place = find(&|n| text(n).matches([':', '-']).count() == 5 || text(n).matches('.').count() == 2)?;
        return Some(format!("a hardware address is written: ether host {}", cut(text(place), SHOWN_WORD)));
    }
    if theirs.contains("illegal link layer address") {
        return Some("a hardware address stands after 'ether host', 'ether src' and 'ether dst'; for an IP address leave out 'ether'".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::words::KEYWORDS;
    use super::super::{Filter, dlt};
    use super::*;

    fn told(expression: &str) -> String {
        let theirs = match pcap::Capture::dead(pcap::Linktype(dlt(LinkType::ETHERNET)))
            .unwrap()
            .compile(expression, true)
        {
            Err(pcap::Error::PcapError(words)) => words,
            other => panic!("{expression}: {:?}", other.is_ok()),
        };
        explain(expression, LinkType::ETHERNET, &theirs)
    }

    #[test]
    fn the_place_is_told_and_what_is_meant() {
        for (expression, words) in [
            ("tcp prot 80", "at column 5, 'prot' is no word of a filter; did you mean 'port'?"),
            ("port 80 and and tcp", "syntax error at column 13, 'and'"),
            ("tcp and grün", "syntax error at column 9, 'grün'"),
            ("(tcp port 80", "the '(' at column 1 is never closed"),
            ("tcp port 80)", "at column 12, there is no '(' for this ')'"),
            ("udp port 53 or port", "a port is missing after 'port', at its end"),
            ("src 10.0.0.1 dst 10.0.0.2", "at column 14, 'and' or 'or' is missing before 'dst'"),
            ("tcp AND port 80", "at column 5, 'AND' is written 'and' in a filter"),
            ("tcp & port 80", "at column 5, '&' is arithmetic; for both, write: and"),
            ("'port 80'", "at column 1, quotes are for the shell, and no part of a filter"),
            ("port = 80", "at column 6, no '=' stands after 'port': port 80"),
            ("host != 10.0.0.1", "at column 6, no '!=' stands after 'host': not host 10.0.0.1"),
            ("port http,https", "at column 6, a list is written with 'or': port http or https"),
            (
                "host 10.0.0.1, 10.0.0.2",
                "at column 6, a list is written with 'or': host 10.0.0.1 or 10.0.0.2",
            ),
            ("port http https", "at column 11, 'or' is missing before 'https': port http or https"),
            ("tcp port 80:90", "at column 10, a range of ports is written: tcp portrange 80-90"),
            ("port 80-90", "a range of ports is written: portrange 80-90"),
            ("80", "'80' needs a word before it: port 80"),
            ("udp 4789", "at column 5, '4789' needs a word before it: udp port 4789"),
            ("tcp and 10.0.0.1", "at column 9, '10.0.0.1' needs a word before it: host 10.0.0.1"),
            (
                "host 10.0.0.1/24",
                "'10.0.0.1/24' is neither a host nor a network; write: net 10.0.0.0/24, or: host 10.0.0.1",
            ),
            ("host 10.0.0.0/24", "'10.0.0.0/24' is no host; write: net 10.0.0.0/24"),
            (
                "net 2001:db8::1/32",
                "'2001:db8::1/32' is neither a host nor a network; write: net 2001:db8::/32, or: host 2001:db8::1",
            ),
            ("host 02:42:ac:11:00:02", "a hardware address is written: ether host 02:42:ac:11:00:02"),
            ("icmp type 8", "'type' is supported for 802.11; one of ICMP is written: icmp[icmptype] == 8"),
            (
                "icmp6 type 128",
                "'type' is supported for 802.11; one of ICMP is written: icmp6[icmp6type] == 128",
            ),
            ("port nosuchservice", "unknown port 'nosuchservice'; write its number"),
            ("HTTP", "at column 1, a filter has no 'HTTP'; write: port http"),
            ("dns", "at column 1, a filter has no 'dns'; write: port 53"),
            ("tcp dport 80", "at column 5, a filter has no 'dport'; write: dst port"),
            ("udp and vni 4097", "at column 9, a VNI is an option of its own: --vni 4097"),
            (
                "ip.addr == 10.0.0.1",
                "at column 1, 'ip.addr == 10.0.0.1' is a display filter of Wireshark; write: host 10.0.0.1",
            ),
            (
                "tcp and ip.src==10.0.0.0/8",
                "at column 9, 'ip.src == 10.0.0.0/8' is a display filter of Wireshark; write: src net 10.0.0.0/8",
            ),
            (
                "tcp.port != 80",
                "at column 1, 'tcp.port != 80' is a display filter of Wireshark; write: not tcp port 80",
            ),
            (
                "vxlan.vni == 4097",
                "at column 1, 'vxlan.vni == 4097' is a display filter of Wireshark; write: --vni 4097",
            ),
            (
                "http.request",
                "at column 1, 'http.request' is of Wireshark's display filters; this is the language of tcpdump \
                 (pcap-filter(7)): tcp port 80",
            ),
            (
                "frame contains HTTP",
                "at column 1, 'contains' is of Wireshark's display filters; what packets contain is the pattern, which \
                 stands before the filter",
            ),
        ] {
            assert_eq!(told(expression), words, "{expression}");
        }
    }

    #[test]
    fn what_is_advised_is_a_filter() {
        for written in [
            "port http",
            "port 53",
            "dst port 80",
            "icmp[icmptype] == 8",
            "icmp6[icmp6type] == 128",
            "portrange 80-90",
            "net 2001:db8::/32",
            "src net 10.0.0.0/8",
            "not tcp port 80",
            "ether host 02:42:ac:11:00:02",
            "port http or https",
            "host 10.0.0.1 or 10.0.0.2",
            "tcp[tcpflags] & tcp-syn != 0",
            "esp or ah or udp port 4500",
        ] {
            assert!(Filter::compile(written, LinkType::ETHERNET).is_ok(), "{written}");
        }
    }

    #[test]
    fn neither_length_nor_control_characters_reach_the_terminal() {
        let long = format!("port \u{1b}[2J {}", "x".repeat(9999));
        let shown = shown(&long);
        assert!(shown.ends_with('…') && shown.chars().count() == SHOWN + 1, "{shown}");
        for words in [
            told(&long),
            told(&format!("vni {}", "x".repeat(9999))),
            told(&format!("ip.addr == {}\u{1b}", "1".repeat(9999))),
        ] {
            assert!(words.len() < 400 && !words.contains('\u{1b}'), "{words}");
        }
    }

    fn any_word() -> impl Strategy<Value = String> {
        prop_oneof![
            prop::sample::select(KEYWORDS).prop_map(str::to_owned),
            prop::sample::select(
                &["(", ")", "[", "]", "=", "==", "!=", "&", "|", "!", ",", "tcp.port", "contains"][..]
            )
            .prop_map(str::to_owned),
            prop::sample::select(
                &["80", "10.0.0.1", "10.0.0.1/24", "80,81", "1-2", "::1", "1:2:3:4:5:6"][..]
            )
            .prop_map(str::to_owned),
            "\\PC{1,6}",
            Just("\u{1b}[2J".to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn any_words_are_told_in_one_line(words in prop::collection::vec(any_word(), 0..9), blank in " ?") {
            let expression = words.join(&blank);
            for told in syntax_error(&expression).into_iter().chain([
                explain(&expression, LinkType::ETHERNET, "syntax error"),
                explain(&expression, LinkType::RAW, "syntax error in filter expression"),
                explain(&expression, LinkType::ETHERNET, "non-network bits set"),
                explain(&expression, LinkType::ETHERNET, "unknown port '80'"),
                explain(&expression, LinkType::ETHERNET, "ethernet address used in non-ether expression"),
            ]) {
                prop_assert!(!told.is_empty() && !told.chars().any(char::is_control), "{told:?}");
            }
        }
    }
}

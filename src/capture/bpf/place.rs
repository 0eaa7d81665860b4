//! The place in an expression where libpcap stops to understand it.
//!
//! libpcap says only that there is a syntax error. But its parser stops at the first word with which no filter could go
//! on, and that word can be found from outside: the beginning of an expression is good as long as some ending makes a
//! filter of it. The endings that have to be tried are few, because only the kind of the next word matters to the
//! grammar. Names are replaced first, so that none is ever looked up.

use super::dlt;
use super::words::{is_known, is_separator, stand_in};
use crate::packet::LinkType;

/// A word of an expression, or an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// The offset of its first byte in the expression.
    pub(super) at: usize,
    pub(super) text: &'a str,
}

/// The operators that have two characters.
const PAIRS: [&str; 8] = ["==", "!=", "<=", ">=", "<<", ">>", "&&", "||"];

/// Splits an expression into words, nearly as libpcap's scanner does: addresses, ranges and lists stay whole.
pub(super) fn split(expression: &str) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = expression[at..].chars().next() {
        let rest = &expression[at..];
        let len = match rest.find(is_separator).unwrap_or(rest.len()) {
            0 if PAIRS.iter().any(|pair| rest.starts_with(pair)) => 2,
            0 => first.len_utf8(),
            word => word,
        };
        if !first.is_ascii_whitespace() {
            found.push(Word { at, text: &rest[..len] });
        }
        at += len;
    }
    found
}

/// Returns the number of words at the beginning of an expression that a filter could begin with: all of them if only
/// the end is missing. `None` if libpcap takes the expression for one, or if it is too long or too deep to be tried.
///
/// Some endings for each number of words are tried, so the number is found by halving.
pub(super) fn good_words(words: &[Word<'_>], link: LinkType) -> Option<usize> {
    if words.len() > MOST {
        return None;
    }
    let replaced = without_names(words);
    if parses(&replaced.join(" "), link) {
        return None;
    }
    let (mut good, mut bad) = (0, words.len() + 1);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if can_go_on(&replaced[..middle], link)? {
            good = middle;
        } else {
            bad = middle;
        }
    }
    Some(good)
}

/// Replaces what libpcap would look up.
pub(super) fn without_names<'a>(words: &[Word<'a>]) -> Vec<&'a str> {
    let text = |n: usize| words.get(n).map_or("", |word| word.text);
    let mut replaced = Vec::with_capacity(words.len());
    for (n, word) in words.iter().enumerate() {
        let before = [n.checked_sub(2).map_or("", text), n.checked_sub(1).map_or("", text)];
        let is_name = word.text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.\\".contains(&b));
        replaced.push(match stand_in(before, word.text) {
            _ if !is_name || is_known(word.text) => word.text,
            Some(fitting) => fitting,
            // To the grammar an address is what a name is.
            None => "127.0.0.1",
        });
    }
    replaced
}

/// The most words for which endings are tried. libpcap's time grows with the square of the length.
const MOST: usize = 200;

/// The deepest nesting for which endings are tried.
const DEPTH: usize = 16;

/// The endings that are tried before the brackets are closed: nothing, a value, a test, and the words that only one place
/// takes.
const NEXT: [&str; 9] = ["", " 1", " tcp", " 255.0.0.0", " mgt", " nods", " match", " pass", " x"];

/// Returns true if some ending makes a filter of these words. `None` if their brackets are too deep.
fn can_go_on(words: &[&str], link: LinkType) -> Option<bool> {
    let mut open = Vec::new();
    for word in words {
        match *word {
            "(" => open.push(" )"),
            "[" => open.push(" ]"),
            ")" | "]" => drop(open.pop()),
            _ => {}
        }
    }
    if open.len() > DEPTH {
        return None;
    }
    let beginning = words.join(" ");
    for next in NEXT {
        // A value becomes a test by a comparison, which stands before or behind one of the brackets.
        for compared in (0..=open.len() + 1).rev() {
            let mut whole = format!("{beginning}{next}");
            for (n, close) in (0..).zip(open.iter().rev()) {
                whole.push_str(if n == compared { " = 1" } else { "" });
                whole.push_str(close);
            }
            whole.push_str(if compared == open.len() { " = 1" } else { "" });
            if parses(&whole, link) {
                return Some(true);
            }
        }
    }
    Some(false)
}

/// Returns true if the expression is right by libpcap's grammar, though it may make no sense.
fn parses(expression: &str, link: LinkType) -> bool {
    match compiled(expression, link) {
        Err(pcap::Error::PcapError(words)) => !is_syntax_error(&words),
        // Without libpcap nobody can tell. The filter that is compiled next has that error.
        Err(pcap::Error::InsufficientMemory) | Ok(_) => true,
        Err(_) => false,
    }
}

/// Returns true if libpcap compiles the expression. No name may be in it.
pub(super) fn compiles(words: &[&str], link: LinkType) -> bool {
    match compiled(&words.join(" "), link) {
        Err(pcap::Error::PcapError(words)) => words.contains("rejects all packets"),
        Err(_) => false,
        Ok(_) => true,
    }
}

fn compiled(expression: &str, link: LinkType) -> Result<pcap::BpfProgram, pcap::Error> {
    pcap::Capture::dead(pcap::Linktype(dlt(link)))?.compile(expression, false)
}

/// Returns true for the message of libpcap's parser. The words "syntax error in filter expression" are another one: they
/// say that the expression is right by the grammar and makes no sense.
pub(super) fn is_syntax_error(words: &str) -> bool {
    words.contains("syntax error") && !words.contains("in filter expression")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stops_at(expression: &str) -> Option<String> {
        let words = split(expression);
        let good = good_words(&words, LinkType::ETHERNET)?;
        Some(words.get(good).map_or("the end".to_owned(), |word| word.text.to_owned()))
    }

    #[test]
    fn the_first_word_with_which_no_filter_goes_on_is_found() {
        for (expression, at) in [
            ("tcp prot 80", "prot"),
            ("HTTP", "HTTP"),
            ("HTTP == 1", "HTTP"),
            ("port 80 and and tcp", "and"),
            ("port 80 and host web or (udp and tcp prot 3)", "prot"),
            ("(tcp port 80", "the end"),
            ("tcp port 80)", ")"),
            ("tcp port", "the end"),
            ("tcp or (udp and", "the end"),
            ("not", "the end"),
            ("port 80 && host", "the end"),
            ("src 10.0.0.1 dst 10.0.0.2", "dst"),
            ("port http,https", "http,https"),
            ("port = 80", "="),
            ("tcp[tcpflags] = syn", "syn"),
            ("tcp[0 = 1", "="),
            ("tcp[(0", "the end"),
            ("tcp[0] &", "the end"),
            ("(tcp[0] & (1|", "the end"),
            ("((tcp[0] & 1) = 0 and (udp", "the end"),
            ("((tcp[0] & 1) = 0 and (udp foo", "foo"),
            ("wlan type mgt subtype", "the end"),
            ("ether host web proto", "proto"),
            ("net 10.0.0.0 mask", "the end"),
            ("less", "the end"),
            ("udp & port 80", "&"),
            ("port 80 \u{1b}", "\u{1b}"),
            ("port ünï", "ünï"),
        ] {
            assert_eq!(stops_at(expression).as_deref(), Some(at), "{expression}");
        }
        for fine in [
            "llc rr",
            "ruleset main",
            "ifname em0",
            "reason match",
            "host \\web",
            "wlan dir tods",
            "ip proto \\tcp",
            "decnet host 1.2",
            "gateway router",
            "tcp port 80",
            "src host web and port http",
            "portrange ftp-ssh",
            "tcp or example.com",
            "tcp dst port ftp or ftp-data or domain",
            "host helios and (hot or ace)",
            "ip host ace and not helios",
            "gateway snup and (port ftp or ftp-data)",
            "ether[0] & 1 = 0 and ip[16] >= 224",
            "",
        ] {
            assert_eq!(stops_at(fine), None, "{fine}");
        }
    }

    #[test]
    fn neither_length_nor_depth_takes_long() {
        let long = format!("{}tcp prot 3", "udp port 7 or ".repeat(49));
        assert_eq!(stops_at(&long).as_deref(), Some("prot"));
        let longer = "udp port 7 or ".repeat(2000);
        assert_eq!(stops_at(&longer), None);
        let deep = format!("{}prot", "(".repeat(5000));
        assert_eq!(stops_at(&deep), None);
    }
}

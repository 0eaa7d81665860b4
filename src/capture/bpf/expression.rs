//! A filter expression, and the frames that it is asked about.

use std::borrow::Cow;

use crate::packet::LinkType;

/// A filter expression in libpcap's language (pcap-filter(7)).
///
/// libpcap looks for headers at the places where they are without VLAN tags: `port 80` passes no tagged frame. The cure that is written
/// down everywhere, `port 80 or (vlan and port 80)`, depends on the order of the words, because `vlan` moves the place
/// for all that follows. So an expression can be asked about tagged frames as well ([`Self::of_ip`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    text: String,
    of_ip: bool,
}

/// Words that move the place where libpcap looks for the headers behind them. An expression with one of these is meant
/// for the frames that it says itself.
const MOVERS: [&str; 5] = ["vlan", "mpls", "pppoed", "pppoes", "geneve"];

/// The longest expression that is asked about tagged frames too, in bytes. It is compiled three times over then, and libpcap's optimiser
/// takes time that grows with more than the square of the length: 1,000 addresses took minutes.
const LONGEST: usize = 1024;

impl From<&str> for Expression {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), of_ip: false }
    }
}

impl From<String> for Expression {
    fn from(text: String) -> Self {
        Self { text, of_ip: false }
    }
}

impl Expression {
    /// Makes an expression that Ethernet frames pass if they have IP behind at most two VLAN tags, and the packet passes `text`.
    /// All such frames pass the empty one. If `text` itself speaks of tags, or is long ([`Self::asks_tagged`]), it is taken as it
    /// stands.
    pub fn of_ip(text: &str) -> Self {
        Self { text: text.to_owned(), of_ip: true }
    }

    /// Returns the expression as it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns false for an expression that passes no tagged frame only because it is too long to be put together for them.
    pub fn asks_tagged(&self) -> bool {
        !self.of_ip || self.text.len() <= LONGEST || self.moves()
    }

    fn moves(&self) -> bool {
        self.text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| MOVERS.contains(&word))
    }

    /// Returns true if every frame passes.
    pub(crate) fn is_empty(&self, link: LinkType) -> bool {
        self.on(link).trim().is_empty()
    }

    /// Returns the expression that libpcap compiles for frames of this link type.
    pub(crate) fn on(&self, link: LinkType) -> Cow<'_, str> {
        let text = self.text.trim();
        if !self.of_ip || link != LinkType::ETHERNET || self.moves() || text.len() > LONGEST {
            return Cow::Borrowed(&self.text);
        }
        let packet = match text {
            "" => "(ip or ip6)".to_owned(),
            text => format!("((ip or ip6) and ({text}))"),
        };
        format!("{packet} or (vlan and ({packet} or (vlan and {packet})))").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::bpf::Filter;

    /// A frame with UDP to port 53 behind so many tags.
    fn tagged(tags: usize) -> Vec<u8> {
        let ip = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
        [&[2; 12][..], &[0x81, 0, 0, 5].repeat(tags), &[8, 0], &ip, &[0, 7, 0, 53, 0, 8, 0, 0]].concat()
    }

    fn passes(expression: &Expression, frame: &[u8]) -> bool {
        let compiled = Filter::compile(&expression.on(LinkType::ETHERNET), LinkType::ETHERNET);
        compiled.unwrap().matches(frame, frame.len() as u32)
    }

    #[test]
    fn of_ip_it_passes_tagged_frames_as_those_without_a_tag() {
        for tags in 0..=2 {
            let frame = tagged(tags);
            for (text, expected) in [
                ("", true),
                ("port 53", true),
                ("port 54", false),
                ("not port 53", false),
                ("udp and host 192.0.2.1", true),
            ] {
                assert_eq!(passes(&Expression::of_ip(text), &frame), expected, "{text} {tags}");
            }
            assert_eq!(passes(&"port 53".into(), &frame), tags == 0, "{tags}");
        }
        let arp = [&[0xff; 12][..], &[8, 6], &[0; 28]].concat();
        assert!(!passes(&Expression::of_ip(""), &arp));
    }

    #[test]
    fn an_expression_that_speaks_of_tags_is_taken_as_it_stands() {
        for text in ["vlan and port 53", "port 53 or (vlan and port 53)", "vlan"] {
            assert_eq!(Expression::of_ip(text).on(LinkType::ETHERNET), text);
            assert!(passes(&Expression::of_ip(text), &tagged(1)), "{text}");
        }
        assert_eq!(Expression::of_ip("port 53").on(LinkType::RAW), "port 53");
    }

    #[test]
    fn a_thousand_addresses_are_compiled_once() {
        let hosts: Vec<String> = (0..200).map(|n| format!("host 192.0.2.{n}")).collect();
        let long = Expression::of_ip(&hosts.join(" or "));
        assert_eq!(long.on(LinkType::ETHERNET), long.text());
        assert!(!long.asks_tagged() && Expression::of_ip("port 53").asks_tagged());
    }
}

//! The capture filters of a file: would they have let clear frames of the network into it?
//!
//! Frames that a filter kept out are not in the file, so their absence proves nothing. A clear frame of the leg is made here as the
//! node would have sent it, and the filter is run on it. A filter that is not understood may have kept anything out.

use std::net::IpAddr;

use crate::capture::bpf::Filter;
use crate::capture::savefile::Filtered;
use crate::packet::protocol::UDP;
use crate::packet::{LinkType, VXLAN_PORT, Vni};

/// The words that may stand in an expression. A word that is none of them may be the name of a host, and a file must not
/// make this program look it up.
const WORDS: [&str; 31] = [
    "host",
    "src",
    "dst",
    "port",
    "portrange",
    "net",
    "mask",
    "ip",
    "ip6",
    "tcp",
    "udp",
    "icmp",
    "icmp6",
    "esp",
    "ah",
    "arp",
    "rarp",
    "proto",
    "ether",
    "vlan",
    "mpls",
    "and",
    "or",
    "not",
    "len",
    "less",
    "greater",
    "broadcast",
    "multicast",
    "sctp",
    "igmp",
];

/// A leg of the network whose clear frames should have passed.
#[derive(Clone, Copy)]
pub(super) struct Clear {
    pub(super) from: IpAddr,
    pub(super) to: IpAddr,
    pub(super) port: Option<u16>,
    pub(super) vni: Option<Vni>,
}

/// The properties of a clear frame that differ from one to the next.
#[derive(Clone, Copy)]
struct Shape {
    /// The length of what the inner frame carries in bytes.
    len: u16,
    source_port: u16,
    identification: u16,
    /// The first byte of flags and fragment offset: 0x40 is "do not fragment", 0x20 "more fragments".
    flags: u8,
    hops: u8,
}

const SHAPES: [Shape; 4] = [
    Shape { len: 28, source_port: 40_000, identification: 0, flags: 0x40, hops: 64 },
    Shape { len: 500, source_port: 61_000, identification: 0xbeef, flags: 0, hops: 63 },
    Shape { len: 1450, source_port: 32_768, identification: 7, flags: 0, hops: 1 },
    Shape { len: 1400, source_port: 49_152, identification: 0x8000, flags: 0x20, hops: 255 },
];

impl Clear {
    /// Returns true if the filter of an interface with this link type would have kept the leg's clear frames out.
    pub(super) fn is_kept_out(self, filter: &Filtered, link: LinkType) -> bool {
        let Filtered::Expression(text) = filter else { return true };
        if !names_nobody(text) {
            return true;
        }
        let Ok(mut filter) = Filter::compile(text, link) else { return true };
        // A filter may ask for a length, a source port, an identification or a time to live.
        let passes = |shape| {
            let frame = self.frame(link, shape);
            frame.is_some_and(|frame| filter.matches(&frame, frame.len() as u32))
        };
        !SHAPES.into_iter().all(passes)
    }

    /// Returns a clear frame of the leg; `None` for a link type that no such frame is made for.
    fn frame(self, link: LinkType, shape: Shape) -> Option<Vec<u8>> {
        let (ether_type, packet) = self.packet(shape)?;
        let [high, low] = ether_type;
        let header: &[u8] = match link {
            LinkType::ETHERNET => &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, high, low],
            LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => &[],
            LinkType::LINUX_SLL => &[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0, high, low],
            LinkType::LINUX_SLL2 => &[high, low, 0, 0, 0, 0, 0, 2, 0, 1, 4, 6, 2, 0, 0, 0, 0, 2, 0, 0],
            _ => return None,
        };
        Some([header, &packet].concat())
    }

    /// Returns the packet, and the Ethernet type for it.
    fn packet(self, shape: Shape) -> Option<([u8; 2], Vec<u8>)> {
        let [_, a, b, c] = self.vni.map_or(0, Vni::value).to_be_bytes();
        let [high, low] = self.port.unwrap_or(VXLAN_PORT).to_be_bytes();
        let mut inner = vec![8, 0, 0, 0, a, b, c, 0];
        inner.extend([0xff; 6]);
        inner.extend([2, 0, 0, 0, 0, 3, 0x08, 0x06]);
        inner.resize(inner.len() + usize::from(shape.len), 0);
        let [l0, l1] = (8 + inner.len() as u16).to_be_bytes();
        let [s0, s1] = shape.source_port.to_be_bytes();
        let udp = [&[s0, s1, high, low, l0, l1, 0, 0][..], &inner].concat();
        match (self.from, self.to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let [l0, l1] = (20 + udp.len() as u16).to_be_bytes();
                let [i0, i1] = shape.identification.to_be_bytes();
                let header = [0x45, 0, l0, l1, i0, i1, shape.flags, 0, shape.hops, UDP, 0, 0];
                Some(([0x08, 0], [&header[..], &from.octets(), &to.octets(), &udp].concat()))
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                let [l0, l1] = (udp.len() as u16).to_be_bytes();
                let header = [0x60, 0, 0, 0, l0, l1, UDP, shape.hops];
                Some(([0x86, 0xdd], [&header[..], &from.octets(), &to.octets(), &udp].concat()))
            }
            _ => None,
        }
    }
}

/// Returns true if every word of an expression is one of [`WORDS`], a number or an address.
fn names_nobody(expression: &str) -> bool {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || ".:-_".contains(c)));
    let number = |word: &str| {
        let word = word.strip_prefix("0x").unwrap_or(word);
        word.chars().all(|c| c.is_ascii_hexdigit() || ".:".contains(c))
            && word.contains(|c: char| c.is_ascii_digit())
    };
    expression.is_ascii()
        && words.filter(|word| !word.is_empty()).all(|word| WORDS.contains(&word) || number(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps_out(text: &str, link: LinkType) -> bool {
        let clear = Clear {
            from: "192.0.2.1".parse().unwrap(),
            to: "192.0.2.2".parse().unwrap(),
            port: Some(4789),
            vni: Vni::new(42),
        };
        clear.is_kept_out(&Filtered::Expression(text.to_owned()), link)
    }

    #[test]
    fn a_filter_is_asked_whether_it_lets_a_clear_frame_pass() {
        for link in [LinkType::ETHERNET, LinkType::RAW, LinkType::LINUX_SLL, LinkType::LINUX_SLL2] {
            for passes in
                ["", "host 192.0.2.2", "esp or udp port 4789", "net 192.0.2.0/24 and not tcp", "ip or ip6"]
            {
                assert!(!keeps_out(passes, link), "{passes} {link}");
            }
            for refuses in
                ["esp", "ip proto 50", "host 192.0.2.3", "not udp", "esp or arp", "tcp port 80", "ip["]
            {
                assert!(keeps_out(refuses, link), "{refuses} {link}");
            }
        }
        assert!(keeps_out("ip", LinkType(147)));
    }

    #[test]
    fn no_name_is_looked_up_for_a_file() {
        for name in ["host example.com", "not host localhost", "port http", "net fritz", "host deadbeef"] {
            assert!(!names_nobody(name), "{name}");
            assert!(keeps_out(name, LinkType::ETHERNET), "{name}");
        }
        for known in
            ["ip6 host 2001:db8::1", "ip[6:2] & 0x1fff = 0", "udp[12:4] & 0xffffff00 = 10752", "host fd00::a"]
        {
            assert!(names_nobody(known), "{known}");
        }
    }
}

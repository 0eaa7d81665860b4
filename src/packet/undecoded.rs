//! The packets that are not decoded to their end, and the reason of each.
//!
//! Such a packet is neither opaque nor read: what is in it is not known. Its bytes are searched as they are, so that a
//! match in them is a match. Without one it must not count as read.
//!
//! A packet whose *payload* the snaplen cut off was read as far as it goes. So was one that was cut inside TCP, SCTP, ICMP
//! or IGMP, behind whose headers no tunnel follows. A header of UDP that was cut may have been that of a tunnel.

use std::fmt;

use super::{Frame, InnerFrame, Layer, LinkType, Packet, Stop, Why};

/// The reason why a packet is not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Undecoded {
    /// Its link type is not decoded here.
    Link(LinkType),
    /// Its Ethernet type is not decoded here, on a link or as the payload of a tunnel.
    EtherType(u16),
    /// Its destination service access point (IEEE 802.2) is not decoded here.
    Llc(u8),
    /// Its IP protocol is not decoded here.
    IpProtocol(u8),
    /// It is a later fragment without the first one, which had the header of a protocol that may be a tunnel.
    Fragment,
    /// The header of this layer is sound, and what follows it is not decoded here.
    Inside(Layer),
    /// It has one more tunnel than is followed.
    TooDeep,
    /// The header of this layer contradicts itself or the bytes around it.
    Malformed(Layer),
    /// It ends inside the header of this layer.
    Truncated(Layer),
}

impl Undecoded {
    /// Returns the stable word for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Link(_) => "link-type",
            Self::EtherType(_) => "ether-type",
            Self::Llc(_) => "llc",
            Self::IpProtocol(_) => "ip-protocol",
            Self::Fragment => "fragment",
            Self::Inside(_) => "inside",
            Self::TooDeep => "too-deep",
            Self::Malformed(_) => "malformed",
            Self::Truncated(_) => "truncated",
        }
    }

    /// Returns the number of the protocol that is not decoded, if it is one that has a number.
    pub fn number(self) -> Option<u16> {
        match self {
            Self::Link(LinkType(number)) | Self::EtherType(number) => Some(number),
            Self::Llc(number) | Self::IpProtocol(number) => Some(u16::from(number)),
            Self::Fragment | Self::Inside(_) | Self::TooDeep | Self::Malformed(_) | Self::Truncated(_) => {
                None
            }
        }
    }
}

/// Prints words that fit behind a number of packets: `link type 127`, `malformed ipv4`.
impl fmt::Display for Undecoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(LinkType(number)) => write!(f, "link type {number}"),
            Self::EtherType(number) => write!(f, "Ethernet type {number:#06x}"),
            Self::Llc(number) => write!(f, "LLC {number:#04x}"),
            Self::IpProtocol(number) => write!(f, "IP protocol {number}"),
            Self::Fragment => f.write_str("without the first fragment"),
            Self::Inside(layer) => write!(f, "unknown inside {}", layer.name()),
            Self::TooDeep => f.write_str("too deep in tunnels"),
            Self::Malformed(layer) => write!(f, "malformed {}", layer.name()),
            Self::Truncated(layer) => write!(f, "cut off in {}", layer.name()),
        }
    }
}

impl Packet<'_> {
    /// Returns the reason why the packet is not decoded; `None` if it is opaque, or was read. `frame` is the one that it
    /// came in.
    #[inline]
    pub fn undecoded(&self, frame: &Frame<'_>) -> Option<Undecoded> {
        match (self.stop, self.opaque) {
            (Some(stop), None) if stop.layer != Layer::Payload => self.at(stop, frame),
            _ => None,
        }
    }

    #[cold]
    fn at(&self, Stop { layer, why }: Stop, frame: &Frame<'_>) -> Option<Undecoded> {
        let headers = &self.headers;
        Some(match (why, layer) {
            (Why::TooDeep, _) => Undecoded::TooDeep,
            (Why::Malformed, _) => Undecoded::Malformed(layer),
            (Why::Fragment, _) => Undecoded::Fragment,
            (Why::Truncated, Layer::Tcp | Layer::Sctp | Layer::Icmp | Layer::Icmpv6 | Layer::Igmp)
                if frame.is_cut() =>
            {
                return None;
            }
            (Why::Truncated, _) => Undecoded::Truncated(layer),
            (Why::Unsupported, Layer::Link) => Undecoded::Link(match self.inner {
                InnerFrame::Whole { link, .. } => link,
                InnerFrame::Parts { .. } => frame.link,
            }),
            (Why::Unsupported, _) => match (headers.ip, headers.ether_type) {
                (Some(ip), _) if matches!(layer, Layer::Ipv4 | Layer::Ipv6 | Layer::Ipv6Extension) => {
                    Undecoded::IpProtocol(ip.protocol)
                }
                _ if layer == Layer::Llc => Undecoded::Llc(self.payload.first().copied().unwrap_or_default()),
                (None, Some(ether_type)) => Undecoded::EtherType(ether_type),
                _ => Undecoded::Inside(layer),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Decoder, InterfaceNumber, Timestamp, TunnelPorts};

    /// Makes an IPv4 packet between two hosts.
    fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
        let total = 20 + payload.len() as u8;
        let header = [0x45, 0, 0, total, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        [&header[..], payload].concat()
    }

    /// Decodes a frame of this link type and length of which only `bytes` were captured. Returns the reason why it is not
    /// decoded, and its payload.
    fn undecoded(link: u16, bytes: &[u8], wire_len: usize) -> (Option<Undecoded>, Vec<u8>) {
        let frame = Frame {
            number: 1,
            time: Timestamp::new(0, 0, 6),
            link: LinkType(link),
            interface: InterfaceNumber(0),
            direction: None,
            wire_len: wire_len as u32,
            bytes,
        };
        let packet = Decoder::new(TunnelPorts::default()).decode(&frame);
        (packet.undecoded(&frame), packet.payload.to_vec())
    }

    #[test]
    fn what_the_snaplen_cut_is_read_as_far_as_it_goes_unless_a_tunnel_may_follow() {
        let cut = |protocol: u8, len: usize| {
            let packet = ipv4(protocol, &[0x50; 60]);
            undecoded(101, &packet[..20 + len], packet.len()).0
        };
        for protocol in [6, 132, 1, 58, 2] {
            assert_eq!(cut(protocol, 3), None, "{protocol}");
        }
        assert_eq!((cut(17, 7), cut(17, 8)), (Some(Undecoded::Truncated(Layer::Udp)), None));
        assert_eq!(cut(47, 3), Some(Undecoded::Truncated(Layer::Gre)));
    }

    #[test]
    fn a_packet_that_is_too_short_for_its_header_keeps_its_bytes() {
        for (protocol, layer) in [(6, Layer::Tcp), (17, Layer::Udp), (1, Layer::Icmp)] {
            let packet = ipv4(protocol, b"abc");
            let right = (Some(Undecoded::Truncated(layer)), b"abc".to_vec());
            assert_eq!(undecoded(101, &packet, packet.len()), right);
        }
    }

    #[test]
    fn the_number_is_that_of_what_is_not_known() {
        let packet = ipv4(253, b"x");
        assert_eq!(undecoded(101, &packet, packet.len()).0, Some(Undecoded::IpProtocol(253)));
        assert_eq!(undecoded(147, b"x", 1), (Some(Undecoded::Link(LinkType(147))), b"x".to_vec()));
        let gre = ipv4(47, &[0, 0, 0x88, 0xb5, b'x']);
        assert_eq!(undecoded(101, &gre, gre.len()), (Some(Undecoded::EtherType(0x88b5)), b"x".to_vec()));
        let version7 = ipv4(47, &[0, 7, 8, 0, 0, 0, 0, 0]);
        assert_eq!(undecoded(101, &version7, version7.len()).0, Some(Undecoded::Inside(Layer::Gre)));
        let cooked = |number: u8, rest: &[u8]| [&[0; 14][..], &[0, number], rest].concat();
        let llc = |number, rest| undecoded(113, &cooked(number, rest), 16 + rest.len()).0;
        assert_eq!((llc(4, b"\x42\x42\x03"), llc(1, b"\xff\xff")), (None, None));
        assert_eq!(llc(4, b"\x10\x10\x03"), Some(Undecoded::Llc(0x10)));
        assert_eq!(llc(0xf6, b"\x42\x42\x03"), Some(Undecoded::EtherType(0xf6)));
    }
}

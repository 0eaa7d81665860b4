//! The packets that are not decoded to their end, and the reason of each.
//!
//! Such a packet is neither opaque nor read: what is in it is not known. Its bytes are searched as they are, so that a
//! match in them is a match. Without one it must not count as read.
//!
//! A packet whose *payload* the snaplen cut off was read as far as it goes. So was one that was cut inside TCP, SCTP, ICMP
//! or IGMP, behind whose headers no tunnel follows. A header of UDP that was cut may have been that of a tunnel.

use std::fmt;

use super::{Frame, InnerFrame, Layer, LinkType, Packet, Stop, Why, ethernet};

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
                (None, Some(length))
                    if ethernet::is_length(length)
                        && (headers.mac.is_some() || length == ethernet::LINUX_LLC) =>
                {
                    Undecoded::Llc(self.payload.first().copied().unwrap_or_default())
                }
                (None, Some(ether_type)) => Undecoded::EtherType(ether_type),
                _ => Undecoded::Inside(layer),
            },
        })
    }
}

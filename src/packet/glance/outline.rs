//! The outline of a frame: the few fields by which a frame of a capture is like others of it.

use std::net::{IpAddr, Ipv6Addr};

use super::{Glance, Worth};
use crate::packet::ports::UdpTunnel;
use crate::packet::protocol::{ESP, TCP, UDP};
use crate::packet::{Form, Frame, LinkType, Ports, Spi, Vni, ethernet};

/// The fields by which frames are alike: sender on the link, addresses, and what is in the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline {
    /// The addresses of the outermost IP header.
    pub ends: Ends,
    /// The link-layer address of the sender, and the EtherType behind it.
    link: u64,
    /// The content of the packet.
    pub content: Content,
}

/// The content of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// ESP in IP.
    Esp(Spi),
    /// TCP, or UDP that is no tunnel.
    Plain,
    /// VXLAN or Geneve, with a packet inside.
    Tunnel {
        /// The tunnel's form.
        form: Form,
        /// The destination port of the outer header.
        port: u16,
        /// The VNI.
        vni: Vni,
        /// True if the packet inside is of TCP or UDP.
        is_plain: bool,
    },
}

/// The addresses of an IP header, the source first, as they are on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Those of IPv4, both as one number.
    V4(u64),
    /// Those of IPv6.
    V6([u64; 4]),
}

impl Ends {
    /// Returns the source and the destination.
    #[inline]
    pub fn addresses(self) -> (IpAddr, IpAddr) {
        match self {
            Self::V4(both) => {
                let [s0, s1, s2, s3, d0, d1, d2, d3] = both.to_be_bytes();
                ([s0, s1, s2, s3].into(), [d0, d1, d2, d3].into())
            }
            Self::V6([s0, s1, d0, d1]) => {
                let address = |upper, lower| Ipv6Addr::from(u128::from(upper) << 64 | u128::from(lower));
                (address(s0, s1).into(), address(d0, d1).into())
            }
        }
    }

    /// Folds the addresses into a number that differs with each of their bits.
    #[inline]
    pub fn folded(self) -> u64 {
        match self {
            Self::V4(both) => both,
            Self::V6([s0, s1, d0, d1]) => s0 ^ s1 ^ d0.rotate_left(32) ^ d1.rotate_left(32),
        }
    }
}

impl Glance<'_> {
    /// Returns the outline of an Ethernet frame of which [`Self::result`] says that it is worth this, if it is ESP, TCP or UDP, or has
    /// a tunnel with a packet that the decoder reads to its end. The fields are as decoding would give them.
    #[inline]
    pub fn outline(&self, frame: &Frame<'_>, worth: Worth) -> Option<Outline> {
        if frame.link != LinkType::ETHERNET {
            return None;
        }
        let (ends, protocol, rest) = ip(frame.bytes)?;
        let content = match (worth, protocol) {
            (Worth::Nothing, ESP) => Content::Esp(Spi(u32::from_be_bytes(*rest.first_chunk()?))),
            (Worth::Match, TCP) => Content::Plain,
            (Worth::Match, UDP) => self.of_udp(rest)?,
            _ => return None,
        };
        let (_, link) = frame.bytes.split_first_chunk::<6>()?;
        Some(Outline { ends, link: u64::from_be_bytes(*link.first_chunk()?), content })
    }

    #[inline]
    fn of_udp(&self, rest: &[u8]) -> Option<Content> {
        let (&[s0, s1, d0, d1, _, _, _, _], payload) = rest.split_first_chunk::<8>()?;
        let ports = Ports { source: u16::from_be_bytes([s0, s1]), destination: u16::from_be_bytes([d0, d1]) };
        let form = match self.ports.tunnel(ports) {
            None => return Some(Content::Plain),
            Some(UdpTunnel::Vxlan) => Form::Vxlan,
            Some(UdpTunnel::Geneve) => Form::Geneve,
            Some(_) => return None,
        };
        let (&[_, _, _, _, v0, v1, v2, _], inner) = payload.split_first_chunk::<8>()?;
        let is_plain = matches!(ip(inner)?.1, TCP | UDP);
        Some(Content::Tunnel {
            form,
            port: ports.destination,
            vni: Vni::from_be_bytes([v0, v1, v2]),
            is_plain,
        })
    }
}

/// Returns the addresses of an Ethernet frame with IPv4 without options or IPv6 without extension headers, the protocol and
/// what is behind the header.
#[inline]
fn ip(bytes: &[u8]) -> Option<(Ends, u8, &[u8])> {
    let (&[_, _, _, _, _, _, _, _, _, _, _, _, t0, t1], rest) = bytes.split_first_chunk::<14>()?;
    if u16::from_be_bytes([t0, t1]) == ethernet::IPV4 {
        let (&[_, _, _, _, _, _, _, _, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3], rest) =
            rest.split_first_chunk::<20>()?;
        return Some((Ends::V4(u64::from_be_bytes([s0, s1, s2, s3, d0, d1, d2, d3])), protocol, rest));
    }
    let (&[_, _, _, _, _, _, protocol, _], rest) = rest.split_first_chunk::<8>()?;
    let (s0, rest) = rest.split_first_chunk()?;
    let (s1, rest) = rest.split_first_chunk()?;
    let (d0, rest) = rest.split_first_chunk()?;
    let (d1, rest) = rest.split_first_chunk()?;
    Some((Ends::V6([*s0, *s1, *d0, *d1].map(u64::from_be_bytes)), protocol, rest))
}

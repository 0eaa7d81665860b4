//! The conversation that a frame belongs to, read from its first headers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Glance;
use crate::packet::ports::UdpTunnel;
use crate::packet::protocol::{TCP, UDP};
use crate::packet::{Flow, Frame, LinkType, Ports, Vni, geneve, transport, vxlan};

impl Glance<'_> {
    /// Returns the innermost flow of a frame and the VNI of its network, as decoding would give them. `None` if that takes
    /// more than a glance.
    ///
    /// This holds for frames that [`Self::worth`] takes for nothing or for a match: only those are no fragments, and have no
    /// tunnel but VXLAN and Geneve.
    #[inline]
    pub(in crate::packet) fn flow(&self, frame: &Frame<'_>) -> Option<(Option<Vni>, Flow)> {
        if frame.link != LinkType::ETHERNET {
            return None;
        }
        let (outer, rest) = ip(frame.bytes)?;
        if outer.protocol != UDP {
            return Some((None, with_ports(outer, rest)?));
        }
        let (ports, len, rest) = transport::udp(rest).ok()?;
        let Some(tunnel) = self.ports.tunnel(ports) else {
            return Some((None, Flow { ports: Some(ports), ..outer }));
        };
        let rest = len.and_then(|len| rest.get(..len)).unwrap_or(rest);
        let (vni, inner) = match tunnel {
            UdpTunnel::Vxlan => vxlan::split(rest).ok()?,
            UdpTunnel::Geneve => geneve::split(rest).map(|(vni, _, inner)| (vni, inner)).ok()?,
            _ => return None,
        };
        let (inner, rest) = ip(inner)?;
        Some((Some(vni), with_ports(inner, rest)?))
    }
}

/// Reads the IP header of an Ethernet frame, as a glance knows it: IPv4 without options, or IPv6 without extension headers.
/// Returns the flow without ports, and what the header's packet carries.
#[inline]
fn ip(bytes: &[u8]) -> Option<(Flow, &[u8])> {
    let (_, behind) = bytes.split_at_checked(12)?;
    #[rustfmt::skip]
    let (source, destination, protocol, len, rest) = match *behind {
        [0x08, 0, 0x45, _, l0, l1, _, _, _, _, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3, ref rest @ ..] => {
            let (source, destination) = (Ipv4Addr::new(s0, s1, s2, s3), Ipv4Addr::new(d0, d1, d2, d3));
            // A total length of zero is that of a super-frame.
            let len = match usize::from(u16::from_be_bytes([l0, l1])) {
                0 => rest.len(),
                total => total.checked_sub(20)?,
            };
            (IpAddr::V4(source), IpAddr::V4(destination), protocol, len, rest)
        }
        [0x86, 0xdd, 0x60..=0x6f, _, _, _, l0, l1, protocol, _, ref rest @ ..] => {
            let (source, rest) = rest.split_first_chunk::<16>()?;
            let (destination, rest) = rest.split_first_chunk::<16>()?;
            let (source, destination) = (Ipv6Addr::from(*source), Ipv6Addr::from(*destination));
            // Without a length, it may be a super-frame or have nothing behind the header.
            let len = Some(u16::from_be_bytes([l0, l1])).filter(|len| *len > 0)?;
            (IpAddr::V6(source), IpAddr::V6(destination), protocol, usize::from(len), rest)
        }
        _ => return None,
    };
    let flow = Flow { source, destination, ports: None, protocol };
    Some((flow, rest.get(..len).unwrap_or(rest)))
}

#[inline]
fn with_ports(flow: Flow, rest: &[u8]) -> Option<Flow> {
    let ports: Option<Ports> = match flow.protocol {
        TCP => Some(transport::tcp(rest).ok()?.0),
        UDP => Some(transport::udp(rest).ok()?.0),
        _ => None,
    };
    Some(Flow { ports, ..flow })
}

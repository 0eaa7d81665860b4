//! The conversation that a frame belongs to, read from its first headers.

use super::Glance;
use crate::packet::ports::UdpTunnel;
use crate::packet::protocol::{TCP, UDP};
use crate::packet::{Flow, Frame, Ip, LinkType, Ports, Vni, ethernet, ipv4, ipv6, transport, vxlan};

impl Glance<'_> {
    /// Returns the innermost flow of a frame and the VNI of its network, as decoding would give them. `None` if that takes
    /// more than a glance.
    ///
    /// This holds for frames that [`Self::worth`] takes for nothing or for a match: only those are no fragments, and have no
    /// tunnel but VXLAN and Geneve.
    pub(in crate::packet) fn flow(&self, frame: &Frame<'_>) -> Option<(Option<Vni>, Flow)> {
        if frame.link != LinkType::ETHERNET {
            return None;
        }
        let (ip, rest) = ip(frame.bytes)?;
        if ip.protocol != UDP {
            return Some((None, flow(&ip, rest)?));
        }
        let (ports, len, rest) = transport::udp(rest).ok()?;
        match self.ports.tunnel(ports) {
            None => Some((None, flow_of(&ip, Some(ports)))),
            Some(UdpTunnel::Vxlan) => {
                let (vni, rest) = vxlan::split(len.and_then(|len| rest.get(..len)).unwrap_or(rest)).ok()?;
                let (ip, rest) = self::ip(rest)?;
                Some((Some(vni), flow(&ip, rest)?))
            }
            Some(_) => None,
        }
    }
}

/// Reads the IP header of an Ethernet frame. Returns it with what it carries.
fn ip(bytes: &[u8]) -> Option<(Ip, &[u8])> {
    let (_, ether_type, rest) = ethernet::split(bytes).ok()?;
    let (ip, len, rest) = match (ether_type, rest.first().map(|byte| byte >> 4)) {
        (ethernet::IPV4, Some(4)) => {
            let (header, rest) = ipv4::split(rest).ok()?;
            (header.ip, header.payload_len, rest)
        }
        (ethernet::IPV6, Some(6)) => {
            let (header, rest) = ipv6::split(rest).ok()?;
            (header.ip, header.payload_len, rest)
        }
        _ => return None,
    };
    Some((ip, rest.get(..len).unwrap_or(rest)))
}

fn flow(ip: &Ip, rest: &[u8]) -> Option<Flow> {
    let ports = match ip.protocol {
        TCP => Some(transport::tcp(rest).ok()?.0),
        UDP => Some(transport::udp(rest).ok()?.0),
        _ => None,
    };
    Some(flow_of(ip, ports))
}

fn flow_of(ip: &Ip, ports: Option<Ports>) -> Flow {
    Flow { source: ip.source, destination: ip.destination, ports, protocol: ip.protocol }
}

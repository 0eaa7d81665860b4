//! The leg of a packet: its peer, and its way between this node and that peer.
//!
//! This node is known by its underlay addresses. They may be incomplete, so a tunnel's own packet is also recognised
//! by any other address of this host, and by the direction that the capture gives for its frame.

use std::net::IpAddr;

use super::{Question, Tally};
use crate::packet::{Direction, Headers, Ip, Packet, Timestamp};
use crate::verify::way::Way;

/// One leg: a peer, and one of the two ways between this node and the peer.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) peer: IpAddr,
    pub(super) way: Way,
}

impl Tally {
    /// Returns the outermost headers with IP.
    pub(super) fn outer<'p>(packet: &'p Packet<'_>) -> Option<(&'p Headers, Ip)> {
        let headers = packet.outermost();
        Some((headers, headers.ip?))
    }

    /// Returns the leg of an IP header; `None` if the packet neither leaves nor reaches this node.
    pub(super) fn leg(&self, ip: &Ip, direction: Option<Direction>) -> Option<Leg> {
        let locals = &self.question.network.locals;
        // A packet that arrives with an address of this host as its source is forged, or comes a second time.
        if direction == Some(Direction::In) && self.is_own(ip.source) {
            return None;
        }
        if locals.contains(&ip.source) {
            Some(Leg { peer: ip.destination, way: Way::Out })
        } else if locals.contains(&ip.destination) || self.is_to_all(ip) && self.knows(ip.source) {
            Some(Leg { peer: ip.source, way: Way::Back })
        } else {
            None
        }
    }

    /// Returns the leg of a packet that shows the network. It differs from [`Self::leg`] in that such a packet may leave
    /// from any address of this host, and that a packet to a multicast group reaches every node. `inner` are the bytes
    /// by which a packet is recognised that this host only forwards.
    pub(super) fn tunnel_leg(
        &mut self,
        ip: &Ip,
        direction: Option<Direction>,
        time: Timestamp,
        inner: &[u8],
    ) -> Option<Leg> {
        let named = self.question.network.peers.iter().any(|peer| peer.underlay == ip.destination);
        if direction == Some(Direction::Out) && !named && self.transit.take(inner, time) {
            // A guest of this host sent it, and this host only gave it an address.
            return None;
        }
        if let Some(leg) = self.sent_back(ip, direction).or_else(|| self.leg(ip, direction)) {
            return Some(leg);
        }
        let out = Some(Leg { peer: ip.destination, way: Way::Out });
        let back = Some(Leg { peer: ip.source, way: Way::Back });
        match direction {
            Some(Direction::In) if self.is_own(ip.source) => None,
            _ if self.is_own(ip.source) => out,
            // The source may be an old address of this host, or come from a NAT.
            Some(Direction::Out) => {
                // A packet from one node to another was only forwarded here, also if it came by a link that hides it.
                let forwarded = self.transit.take(inner, time) || self.is_node(ip.source);
                out.filter(|_| !forwarded && self.is_captured_here())
            }
            _ if self.is_own(ip.destination) || self.is_to_all(ip) => back,
            _ => {
                self.transit.expect(inner, time);
                None
            }
        }
    }

    fn is_node(&self, address: IpAddr) -> bool {
        self.question.network.peers.iter().any(|peer| peer.underlay == address)
    }

    /// Returns true if a packet is for every host: for a group, or for the broadcast address of a subnet of this node. A
    /// subnet of fewer than 256 addresses is not known here, and its broadcast address may be another's host.
    fn is_to_all(&self, ip: &Ip) -> bool {
        const LONGEST_PREFIX: u32 = 24;
        let IpAddr::V4(to) = ip.destination else { return ip.destination.is_multicast() };
        let of = |local: &IpAddr| {
            let IpAddr::V4(local) = local else { return false };
            // No other address ends like a broadcast address.
            to.octets()[3] == 0xff
                && (8..=LONGEST_PREFIX)
                    .any(|prefix| u32::from(*local) | (u32::MAX >> prefix) == u32::from(to))
        };
        to.is_multicast() || to.is_broadcast() || self.question.network.locals.iter().any(of)
    }

    /// Returns the leg of a packet from a peer to this node that this host sends out once more: a mirror or a redirection
    /// behind its decryption does so.
    pub(super) fn sent_back(&self, ip: &Ip, direction: Option<Direction>) -> Option<Leg> {
        let live = self.is_live();
        let back = live && direction == Some(Direction::Out) && self.is_own(ip.destination);
        (back && !self.is_own(ip.source)).then_some(Leg { peer: ip.source, way: Way::Out })
    }

    /// Returns true if the capture was made on this node, as far as it is known.
    fn is_captured_here(&self) -> bool {
        let live = self.is_live();
        // A stranger may send frames with this node's address, but hardly as many as the node itself.
        live || self.senders.left > self.senders.arrived
    }

    /// Returns true if the packet's source is an address of this host.
    pub(super) fn is_sent_here(&self, packet: &Packet<'_>) -> bool {
        let Question { network, own, .. } = &self.question;
        packet
            .outermost()
            .ip
            .is_some_and(|ip| network.locals.contains(&ip.source) || own.contains(&ip.source))
    }
}

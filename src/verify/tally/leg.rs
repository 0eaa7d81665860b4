//! The leg of a packet: its peer, and its way between this node and that peer.
//!
//! This node is known by its underlay addresses. They may be incomplete, so a tunnel's own packet is also recognised
//! by any other address of this host, and by the direction that the capture gives for its frame.

use std::net::IpAddr;

use super::{Question, Tally};
use crate::packet::{Direction, Headers, Ip, Packet};
use crate::verify::way::Way;

/// One leg: a peer, and one of the two ways between this node and the peer.
pub(super) struct Leg {
    pub(super) peer: IpAddr,
    pub(super) way: Way,
}

impl Tally {
    /// Returns the leg that the outermost IP header shows, and the headers with that IP header; `None` if the packet
    /// passed on no leg.
    pub(super) fn outer_leg<'p>(
        &self,
        packet: &'p Packet<'_>,
        direction: Option<Direction>,
    ) -> Option<(Leg, &'p Headers)> {
        let outer = packet.encapsulations.iter().map(|wrapping| &wrapping.outer);
        let headers = outer.chain([&packet.headers]).find(|headers| headers.ip.is_some())?;
        let leg = headers.ip.as_ref().and_then(|ip| self.leg(ip, direction))?;
        Some((leg, headers))
    }

    /// Returns the leg of an IP header; `None` if the packet neither leaves nor reaches this node.
    pub(super) fn leg(&self, ip: &Ip, direction: Option<Direction>) -> Option<Leg> {
        let locals = &self.question.network.locals;
        // A packet that arrives with an address of this host as its source is forged, or comes a second time.
        if direction == Some(Direction::In) && self.question.own.contains(&ip.source) {
            return None;
        }
        if locals.contains(&ip.source) {
            Some(Leg { peer: ip.destination, way: Way::Out })
        } else if locals.contains(&ip.destination) || ip.destination.is_multicast() && self.knows(ip.source) {
            Some(Leg { peer: ip.source, way: Way::Back })
        } else {
            None
        }
    }

    /// Returns the leg of a tunnel's own packet. It differs from [`Self::leg`] in that such a packet may leave from any
    /// address of this host, and that a packet to a multicast group reaches every member.
    pub(super) fn tunnel_leg(&self, ip: &Ip, direction: Option<Direction>, canary: bool) -> Option<Leg> {
        let own = |address| self.question.own.contains(&address);
        // A packet that leaves under another source address is this node's as well. The address may be an old one of
        // this host, or come from a NAT.
        let disguised = direction == Some(Direction::Out)
            && (canary || self.knows(ip.destination))
            && !self.question.own.is_empty();
        self.leg(ip, direction).or_else(|| {
            if direction == Some(Direction::In) && own(ip.source) {
                None
            } else if own(ip.source) || disguised {
                Some(Leg { peer: ip.destination, way: Way::Out })
            } else if own(ip.destination) || ip.destination.is_multicast() {
                Some(Leg { peer: ip.source, way: Way::Back })
            } else {
                None
            }
        })
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

//! Whose packet it is: which direction it belongs to, and who the peer is.

use std::net::IpAddr;

use super::{Question, Tally};
use crate::packet::{Direction, Headers, Ip, Packet};
use crate::verify::way::Way;

/// The leg that a frame passed: one of the two ways between this node and a peer.
pub(super) struct Leg {
    pub(super) peer: IpAddr,
    pub(super) way: Way,
}

impl Tally {
    /// The direction of the outermost IP header that is between this node and another.
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

    /// `None` for what neither leaves nor reaches this node.
    pub(super) fn leg(&self, ip: &Ip, direction: Option<Direction>) -> Option<Leg> {
        let locals = &self.question.network.locals;
        // What arrives with an address of ours as its source is somebody's forgery, or comes a second time.
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

    /// As [`Self::leg`], of a tunnel's own packet: it leaves from any address of this host, and what comes to a group is
    /// for every member.
    pub(super) fn tunnel_leg(&self, ip: &Ip, direction: Option<Direction>, canary: bool) -> Option<Leg> {
        let own = |address| self.question.own.contains(&address);
        // Under another address, that it had before or that a NAT gave it: ours all the same.
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

    /// Whether one of this host's addresses sent a packet.
    pub(super) fn is_sent_here(&self, packet: &Packet<'_>) -> bool {
        let Question { network, own, .. } = &self.question;
        packet
            .outermost()
            .ip
            .is_some_and(|ip| network.locals.contains(&ip.source) || own.contains(&ip.source))
    }
}

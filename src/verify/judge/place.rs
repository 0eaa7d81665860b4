//! Whose packet it is: which direction it belongs to, and who the peer is.

use std::net::IpAddr;

use super::{Judge, Question};
use crate::packet::{Direction, Headers, Ip, Packet};

/// Which direction a frame belongs to, and who the peer is.
pub(super) struct Place {
    pub(super) peer: IpAddr,
    pub(super) out: bool,
}

impl Judge {
    /// The direction of the outermost IP header that is between this node and another.
    pub(super) fn outer_place<'p>(
        &self,
        packet: &'p Packet<'_>,
        direction: Option<Direction>,
    ) -> Option<(Place, &'p Headers)> {
        let outer = packet.encapsulations.iter().map(|wrapping| &wrapping.outer);
        let headers = outer.chain([&packet.headers]).find(|headers| headers.ip.is_some())?;
        let place = headers.ip.as_ref().and_then(|ip| self.place(ip, direction))?;
        Some((place, headers))
    }

    /// `None` for what neither leaves nor reaches this node.
    pub(super) fn place(&self, ip: &Ip, direction: Option<Direction>) -> Option<Place> {
        let locals = &self.question.network.locals;
        // What arrives with an address of ours as its source is somebody's forgery, or comes a second time.
        if direction == Some(Direction::In) && self.question.own.contains(&ip.source) {
            return None;
        }
        if locals.contains(&ip.source) {
            Some(Place { peer: ip.destination, out: true })
        } else if locals.contains(&ip.destination) || ip.destination.is_multicast() && self.knows(ip.source) {
            Some(Place { peer: ip.source, out: false })
        } else {
            None
        }
    }

    /// As [`Self::place`], of a tunnel's own packet: it leaves from any address of this host, and what comes to a group is
    /// for every member.
    pub(super) fn tunnel_place(&self, ip: &Ip, direction: Option<Direction>, canary: bool) -> Option<Place> {
        let own = |address| self.question.own.contains(&address);
        // Under another address, that it had before or that a NAT gave it: ours all the same.
        let disguised = direction == Some(Direction::Out)
            && (canary || self.knows(ip.destination))
            && !self.question.own.is_empty();
        self.place(ip, direction).or_else(|| {
            if direction == Some(Direction::In) && own(ip.source) {
                None
            } else if own(ip.source) || disguised {
                Some(Place { peer: ip.destination, out: true })
            } else if own(ip.destination) || ip.destination.is_multicast() {
                Some(Place { peer: ip.source, out: false })
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

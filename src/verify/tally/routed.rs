//! Packets of a network without a tunnel of its own. WireGuard's routes lead its packets into the device as they are, so
//! nothing but their addresses tells whose they are.
//!
//! A packet is the network's if it leaves for an address that is behind another node, or arrives from one. The direction
//! keeps apart what is on a wire from what passes between this node and its own guests: a packet that a guest sends
//! arrives here for an address behind another node, and one that is handed to a guest leaves for an address of this node.
//!
//! A prefix that holds the nodes themselves, such as that of a default route, says little: packets to most of its
//! addresses need not be the network's. There the other address has to be one of the device itself.

use std::net::IpAddr;

use super::leg::Leg;
use super::reading::{echo, inner_bytes};
use super::{Captured, Seen, Tally, View};
use crate::packet::{Direction, EspKind, Ip, IpVersion, Prefix, Tunnel};
use crate::verify::network::Network;
use crate::verify::way::Way;

impl Tally {
    /// Returns the leg of a packet of a network without tunnels, and the number of tunnels that are around it.
    pub(super) fn routed_leg(&self, captured: &Captured<'_>) -> Option<(usize, Leg)> {
        let Captured { packet, direction, .. } = *captured;
        if !self.question.network.is_routed() {
            return None;
        }
        let outer = packet.encapsulations.iter().map(|wrapping| wrapping.outer.ip);
        let mut levels = outer.chain([packet.headers.ip]).enumerate();
        levels.find_map(|(at, ip)| Some((at, self.leg_of_inner(&ip?, direction)?)))
    }

    fn leg_of_inner(&self, ip: &Ip, direction: Option<Direction>) -> Option<Leg> {
        let network = &self.question.network;
        let out = || Some(Leg { peer: node_of(network, ip.destination, ip.source)?, way: Way::Out });
        let back = || Some(Leg { peer: node_of(network, ip.source, ip.destination)?, way: Way::Back });
        match direction {
            Some(Direction::Out) => out(),
            Some(Direction::In) => back(),
            None => out().or_else(back),
        }
    }

    /// Counts a packet of a network without tunnels, around which are `at` tunnels.
    pub(super) fn routed(&mut self, captured: &Captured<'_>, at: usize, leg: &Leg) {
        let Captured { packet, view, .. } = *captured;
        let around = packet.encapsulations.get(..at).unwrap_or(&[]);
        let opened = around.iter().any(|w| matches!(w.tunnel, Tunnel::Esp { kind: EspKind::Opened, .. }));
        if view == View::Hidden && !opened {
            self.above_encryption += 1;
            return;
        }
        if view == View::Elsewhere && opened {
            return;
        }
        let seen = Seen {
            sighting: captured.sighting(None, self.shows_the_canary(captured)),
            echo: self.question.echo.and_then(|identifier| echo(packet, identifier)),
            opened,
            foreign: false,
            transport: false,
            sealed: false,
            inner: inner_bytes(packet, at.saturating_sub(1)),
        };
        self.count(captured, around, leg, &seen);
    }
}

/// Returns the node that an inner address is behind. `near` is the address at the other end of the packet.
fn node_of(network: &Network, far: IpAddr, near: IpAddr) -> Option<IpAddr> {
    let is_node = |address| network.peers.iter().any(|peer| peer.underlay == address);
    if is_node(far) || network.locals.contains(&far) {
        return None;
    }
    let prefixes = network.peers.iter().flat_map(|peer| peer.behind.iter().map(move |prefix| (peer, prefix)));
    let holding = prefixes.filter(|(_, prefix)| prefix.contains(far));
    let (peer, prefix) = holding.max_by_key(|(_, prefix)| prefix.length())?;
    (!is_wide(network, *prefix) || is_of_the_device(network, near)).then_some(peer.underlay)
}

/// Returns true for a prefix that holds the nodes' own addresses. That of a single host holds only that one.
fn is_wide(network: &Network, prefix: Prefix) -> bool {
    let mut nodes = network.peers.iter().map(|peer| peer.underlay).chain(network.locals.iter().copied());
    let single = prefix.length() == IpVersion::of(prefix.address()).bits();
    prefix.length() == 0 || !single && nodes.any(|node| prefix.contains(node))
}

fn is_of_the_device(network: &Network, address: IpAddr) -> bool {
    let own = network.entry.iter().flat_map(|entry| &entry.addresses);
    own.into_iter().any(|own| own.address() == address)
}

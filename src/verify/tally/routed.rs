//! Packets of a network without a tunnel of its own. WireGuard's routes lead its packets into the device as they are, so
//! nothing but their addresses tells whose they are.
//!
//! A packet is the network's if it leaves for an address that is behind another node, or arrives from one. The direction
//! keeps apart what is on a wire from what passes between this node and its own guests: a packet that a guest sends
//! arrives here for an address behind another node, and one that is handed to a guest leaves for an address of this node.
//!
//! A prefix that holds the nodes themselves, such as that of a default route, says little: packets to most of its
//! addresses need not be the network's. There the other address has to be in a subnet of the device or of this node's
//! guests. Nor is a packet the network's if its address is in the subnet of another link, which is nearer than the
//! prefix: the routes lead it there.

use std::net::IpAddr;

use super::leg::Leg;
use super::reading::{around, echo, inner_bytes};
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
        let around = around(packet, at);
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
    let mut nearer = network.beside.iter().filter(|subnet| subnet.length() > prefix.length());
    if nearer.any(|subnet| subnet.contains(far)) {
        return None;
    }
    (!is_wide(network, *prefix) || is_inside(network, near)).then_some(peer.underlay)
}

/// Returns true for a prefix that holds the nodes' own addresses. That of a single host holds only that one.
fn is_wide(network: &Network, prefix: Prefix) -> bool {
    let mut nodes = network.peers.iter().map(|peer| peer.underlay).chain(network.locals.iter().copied());
    let single = prefix.length() == IpVersion::of(prefix.address()).bits();
    prefix.length() == 0 || !single && nodes.any(|node| prefix.contains(node))
}

fn is_inside(network: &Network, address: IpAddr) -> bool {
    network.inside.iter().any(|prefix| prefix.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Form;
    use crate::verify::network::Peer;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn prefix(text: &str) -> Prefix {
        let (address, length) = text.split_once('/').unwrap();
        Prefix::new(ip(address), length.parse().unwrap()).unwrap()
    }

    fn network(behind: &[&str]) -> Network {
        let behind = behind.iter().map(|text| prefix(text)).collect();
        Network {
            form: Some(Form::Routed),
            peers: vec![Peer { underlay: ip("192.0.2.2"), overlay: Vec::new(), behind }],
            locals: vec![ip("192.0.2.1")],
            inside: vec![prefix("10.244.1.0/32"), prefix("10.244.1.1/24")],
            beside: vec![prefix("10.244.1.1/24"), prefix("192.0.2.1/24"), prefix("192.168.1.1/24")],
            ..Network::default()
        }
    }

    fn is_ours(network: &Network, far: &str, near: &str) -> bool {
        node_of(network, ip(far), ip(near)).is_some()
    }

    #[test]
    fn an_address_behind_a_peer_is_the_networks_whoever_sends_there() {
        let network = network(&["10.244.2.0/24"]);
        assert!(
            is_ours(&network, "10.244.2.7", "10.244.1.7") && is_ours(&network, "10.244.2.7", "192.0.2.1")
        );
        assert!(!is_ours(&network, "10.244.3.7", "10.244.1.7"));
    }

    #[test]
    fn the_nodes_themselves_are_not_inside() {
        let network = network(&["192.0.2.2/32", "10.244.2.0/24"]);
        assert!(!is_ours(&network, "192.0.2.2", "192.0.2.1"));
    }

    #[test]
    fn of_a_full_tunnel_only_what_the_inside_sends_counts() {
        let network = network(&["0.0.0.0/0"]);
        assert!(
            is_ours(&network, "203.0.113.9", "10.244.1.1") && is_ours(&network, "203.0.113.9", "10.244.1.0")
        );
        assert!(!is_ours(&network, "203.0.113.9", "192.0.2.1"));
        // The subnets of other links are no part of it.
        assert!(
            !is_ours(&network, "192.168.1.9", "10.244.1.1") && !is_ours(&network, "192.0.2.9", "10.244.1.1")
        );
    }

    #[test]
    fn what_guests_of_this_node_send_each_other_is_on_no_wire() {
        let network = network(&["0.0.0.0/0"]);
        assert!(
            !is_ours(&network, "10.244.1.8", "10.244.1.7") && !is_ours(&network, "10.244.1.7", "10.244.1.1")
        );
    }

    #[test]
    fn the_subnet_of_another_link_is_nearer_than_a_wide_prefix_of_a_peer() {
        let network = network(&["192.168.0.0/16"]);
        assert!(!is_ours(&network, "192.168.1.9", "192.168.1.1"));
        assert!(is_ours(&network, "192.168.2.9", "192.168.1.1"));
        assert!(is_ours(&super::tests::network(&["192.168.1.0/24"]), "192.168.1.9", "10.244.1.1"));
    }
}

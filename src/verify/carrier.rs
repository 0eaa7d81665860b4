//! WireGuard tunnels that carry a network's packets to its nodes.
//!
//! The kernel says which: the route to a node leads into a WireGuard device, and the node's address is behind one of the
//! device's peers (cryptokey routing). This is what the kernel is armed with, and no proof. The proof are the messages on
//! the wire below, to the endpoint of that peer.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::network::Network;
use crate::host::survey::{Link, PublicKey, Survey, WireGuard, WireGuardPeer};

/// A WireGuard tunnel that carries the packets to a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carrier {
    /// The node, by its address in the network's underlay.
    pub node: IpAddr,
    /// The name of the device. It may hold any character.
    pub device: String,
    /// The MTU of the device, in bytes.
    pub mtu: u32,
    /// The UDP port of this end.
    pub port: u16,
    /// The address of the other end.
    pub endpoint: Option<SocketAddr>,
    /// The public key of this end.
    pub own_key: Option<PublicKey>,
    /// The public key of the other end.
    pub key: PublicKey,
    /// The bytes that were sent to the other end so far.
    pub sent: u64,
    /// The bytes that were received from it so far.
    pub received: u64,
    /// The time of the last handshake.
    pub handshake: Option<SystemTime>,
}

impl Carrier {
    fn new(node: IpAddr, link: &Link, tunnel: &WireGuard, peer: &WireGuardPeer) -> Self {
        Self {
            node,
            device: link.name.clone(),
            mtu: link.mtu,
            port: tunnel.listen_port,
            endpoint: peer.endpoint,
            own_key: tunnel.public_key,
            key: peer.public_key,
            sent: peer.sent,
            received: peer.received,
            handshake: peer.handshake,
        }
    }

    /// Returns true if both are the same tunnel, whatever node's packets it carries.
    pub(super) fn is_same_tunnel(&self, other: &Self) -> bool {
        self.device == other.device && self.key == other.key
    }
}

/// Returns the tunnels that carry a network's packets to its nodes, as the kernel describes them.
pub(super) fn carriers(network: &Network, survey: &Survey) -> Vec<Carrier> {
    if network.is_routed() {
        return of_devices(network, survey);
    }
    let carrier = |node: IpAddr| {
        let link = survey.route(node)?;
        let tunnel = link.wireguard.as_ref().filter(|tunnel| !tunnel.foreign_socket)?;
        Some(Carrier::new(node, link, tunnel, tunnel.peer_for(node)?))
    };
    network.peers.iter().filter_map(|peer| carrier(peer.underlay)).collect()
}

/// Returns the tunnels of the devices that are the network themselves. A node is then known by its endpoint.
fn of_devices(network: &Network, survey: &Survey) -> Vec<Carrier> {
    let is_its_device = |link: &&Link| network.devices.iter().any(|device| device.index == link.index);
    let devices = survey.links.iter().filter(is_its_device);
    let tunnels = devices.filter_map(|link| Some((link, link.wireguard.as_ref()?)));
    tunnels
        .flat_map(|(link, tunnel)| {
            let carrier = |peer: &WireGuardPeer| Some(Carrier::new(peer.endpoint?.ip(), link, tunnel, peer));
            tunnel.peers.iter().filter_map(carrier).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Form;
    use crate::verify::network::{Device, Peer};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn peer(key: u8, endpoint: &str, allowed: &str) -> WireGuardPeer {
        WireGuardPeer {
            public_key: PublicKey([key; 32]),
            endpoint: endpoint.parse().ok(),
            allowed: vec![allowed.parse().unwrap()],
            received: 0,
            sent: 0,
            handshake: None,
        }
    }

    fn host() -> Survey {
        let peers = vec![
            peer(1, "192.0.2.2:51820", "10.99.0.2/32"),
            peer(2, "192.0.2.3:51820", "10.99.0.0/24"),
            peer(3, "", "10.99.1.0/24"),
        ];
        let wireguard = Some(WireGuard { listen_port: 51820, peers, ..WireGuard::default() });
        let link = Link { index: 7, name: "wg0".to_owned(), mtu: 1420, wireguard, ..Link::default() };
        let plain = Link { index: 2, name: "eth0".to_owned(), ..Link::default() };
        let routes =
            vec![(ip("10.99.0.2"), 7), (ip("10.99.0.3"), 7), (ip("192.0.2.9"), 2), (ip("10.98.0.1"), 7)];
        Survey { links: vec![plain, link], routes, ..Survey::default() }
    }

    fn shown(network: &Network) -> Vec<String> {
        let shown = |carrier: &Carrier| format!("{} by {:?}", carrier.node, carrier.endpoint.map(|e| e.ip()));
        carriers(network, &host()).iter().map(shown).collect()
    }

    #[test]
    fn a_node_is_carried_to_the_peer_that_its_address_is_behind() {
        let peer = |underlay: &str| Peer { underlay: ip(underlay), overlay: Vec::new(), behind: Vec::new() };
        let nodes = ["10.99.0.2", "10.99.0.3", "192.0.2.9", "10.98.0.1"].map(peer).to_vec();
        let network = Network { peers: nodes, ..Network::default() };
        assert_eq!(shown(&network), ["10.99.0.2 by Some(192.0.2.2)", "10.99.0.3 by Some(192.0.2.3)"]);
    }

    #[test]
    fn the_nodes_of_a_device_are_its_endpoints() {
        let devices = vec![Device { namespace: None, index: 7 }];
        let network = Network { form: Some(Form::Routed), devices, ..Network::default() };
        assert_eq!(shown(&network), ["192.0.2.2 by Some(192.0.2.2)", "192.0.2.3 by Some(192.0.2.3)"]);
    }
}

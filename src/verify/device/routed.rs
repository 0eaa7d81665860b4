//! Networks whose packets are routed into a WireGuard device as they are, without VXLAN or Geneve: Flannel's and Calico's
//! native mode, and any site-to-site tunnel. The device is the network, and its peers are the nodes.

use std::net::IpAddr;

use crate::host::namespaces::Surveyed;
use crate::host::survey::{Link, Survey, WireGuard};
use crate::packet::{Form, Prefix};
use crate::verify::network::{Device, Entry, Network, Peer, Source};

/// Returns the network of a WireGuard device.
pub(super) fn network(base: &Surveyed, place: &Surveyed, link: &Link, tunnel: &WireGuard) -> Network {
    let underlay = if tunnel.foreign_socket { base } else { place };
    let departures = place.survey.departures(link);
    let (inside, beside) = sides(&place.survey, link);
    Network {
        name: link.name.clone(),
        source: Source::Device(Form::Routed),
        form: Some(Form::Routed),
        locals: locals(&place.survey, &departures, tunnel),
        peers: peers(tunnel),
        destinations: tunnel.endpoints().iter().map(std::net::SocketAddr::ip).collect(),
        entry: Some(Entry {
            device: link.name.clone(),
            namespace: place.path.clone(),
            addresses: link.addresses.clone(),
            mtu: link.mtu,
            mac: None,
            routed: true,
            shared: false,
        }),
        devices: vec![Device { namespace: place.path.clone(), index: link.index }],
        underlay: underlay.path.clone(),
        inside,
        beside,
        links: departures.iter().map(|link| link.index).collect(),
        ..Network::default()
    }
}

/// Returns this node's addresses: those of the links that messages leave by, of the families that the endpoints have.
fn locals(survey: &Survey, departures: &[&Link], tunnel: &WireGuard) -> Vec<IpAddr> {
    let link_local = |address: &IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let in_use = |address: &IpAddr| {
        tunnel.endpoints().iter().any(|end| end.is_ipv4() == address.is_ipv4()) && !link_local(address)
    };
    let below = departures.iter().flat_map(|link| survey.passes(link).into_iter().chain([*link]));
    let own = below.flat_map(|link| link.addresses.iter().map(|own| own.address()));
    let mut found: Vec<IpAddr> = Vec::new();
    for address in own.filter(in_use) {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

/// Returns the prefixes of the device and of links that lead to guests of this host alone, and those of all links but the
/// device.
fn sides(survey: &Survey, device: &Link) -> (Vec<Prefix>, Vec<Prefix>) {
    let up = || survey.links.iter().filter(|link| link.up && !link.loopback);
    let is_device = |link: &Link| link.index == device.index;
    let inside = up().filter(|link| is_device(link) || survey.is_for_guests(link));
    let beside = up().filter(|link| !is_device(link));
    let prefixes = |link: &Link| link.addresses.clone();
    (inside.flat_map(prefixes).collect(), beside.flat_map(prefixes).collect())
}

/// Returns the nodes. Peers that have no endpoint yet are none: nothing can be sent to them. Peers at the same address,
/// behind the same NAT, are one node.
fn peers(tunnel: &WireGuard) -> Vec<Peer> {
    let mut found: Vec<Peer> = Vec::new();
    for peer in &tunnel.peers {
        let Some(underlay) = peer.endpoint.map(|endpoint| endpoint.ip()) else { continue };
        match found.iter_mut().find(|known| known.underlay == underlay) {
            Some(known) => known.behind.extend(&peer.allowed),
            None => found.push(Peer { underlay, overlay: Vec::new(), behind: peer.allowed.clone() }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::survey::{PublicKey, WireGuardPeer};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_device_is_a_network_of_its_endpoints_with_the_prefixes_behind_them() {
        let peer = |key, endpoint: &str, allowed: &str| WireGuardPeer {
            public_key: PublicKey([key; 32]),
            endpoint: endpoint.parse().ok(),
            allowed: vec![allowed.parse().unwrap()],
            received: 0,
            sent: 0,
            handshake: None,
        };
        let peers = vec![
            peer(1, "192.0.2.2:51820", "10.244.2.0/24"),
            peer(2, "192.0.2.2:51821", "10.244.3.0/24"),
            peer(3, "", "10.244.4.0/24"),
        ];
        let tunnel = WireGuard { listen_port: 51820, peers, ..WireGuard::default() };
        let device = Link {
            index: 7,
            name: "flannel-wg".to_owned(),
            up: true,
            kind: Some("wireguard".to_owned()),
            addresses: vec!["10.244.1.0/32".parse().unwrap()],
            wireguard: Some(tunnel.clone()),
            ..Link::default()
        };
        let card = Link {
            index: 2,
            name: "eth0".to_owned(),
            up: true,
            addresses: vec!["192.0.2.1/24".parse().unwrap(), "fe80::1/64".parse().unwrap()],
            ..Link::default()
        };
        let survey = Survey {
            links: vec![card, device.clone()],
            departures: vec![(7, "192.0.2.2:51820".parse().unwrap(), 2)],
            ..Survey::default()
        };
        let place = Surveyed { path: None, survey };
        let network = network(&place, &place, &device, &tunnel);
        let behind = ["10.244.2.0/24", "10.244.3.0/24"].map(|prefix| prefix.parse().unwrap()).to_vec();
        assert_eq!(network.peers, [Peer { underlay: ip("192.0.2.2"), overlay: Vec::new(), behind }]);
        assert_eq!((network.locals, network.links), (vec![ip("192.0.2.1")], vec![2]));
    }
}

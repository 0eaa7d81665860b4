//! Networks as the kernel knows them: VXLAN, Geneve and WireGuard devices, in the underlay's namespace and in every other one that has a
//! name.
//!
//! A device that was moved between namespaces has left its socket behind, as Docker's devices have. Its packets, its
//! own address and the routes to its peers then belong to the underlay's namespace, and not to that of the device.

mod routed;

use std::net::IpAddr;

use super::home::Home;
use super::network::{Device, Entry, Network, Peer, Source};
use crate::host::namespaces::{Namespaces, Surveyed};
use crate::host::survey::{Link, Survey, Tunnelled, Vtep};
use crate::packet::{Form, MacAddress, Vni};

/// The most stations that are kept.
const MOST_STATIONS: usize = 1024;

/// Finds a network as [`find`] does, but only in the namespace of the underlay.
pub(super) fn find_near(namespaces: &Namespaces, wanted: impl Fn(&Link) -> bool) -> Option<Network> {
    find_in(&namespaces.base, std::iter::once(&namespaces.base), wanted)
}

/// Finds a VXLAN, Geneve or WireGuard device for which `wanted` holds, in any namespace, and returns its network.
pub(super) fn find(namespaces: &Namespaces, wanted: impl Fn(&Link) -> bool) -> Option<Network> {
    find_in(&namespaces.base, namespaces.all(), wanted)
}

/// Finds a network as [`find`] does, but only where it was found before, if it was.
pub(super) fn find_at(
    home: Option<&Home>,
    namespaces: &Namespaces,
    wanted: impl Fn(&Link) -> bool,
) -> Option<Network> {
    let places = namespaces.all().filter(|place| home.is_none_or(|home| home.has(place)));
    find_in(&namespaces.base, places, wanted)
}

fn find_in<'p>(
    base: &Surveyed,
    mut namespaces: impl Iterator<Item = &'p Surveyed>,
    wanted: impl Fn(&Link) -> bool,
) -> Option<Network> {
    namespaces.find_map(|place| {
        let mut links = place.survey.links.iter().filter(|link| wanted(link));
        links.find_map(|link| of_link(base, place, link))
    })
}

/// Returns the networks of these devices as they are now. Those that have gone are left out.
pub(super) fn again(namespaces: &Namespaces, devices: &[Device]) -> Vec<Network> {
    let of = |device: &Device| {
        let place = namespaces.all().find(|place| place.path == device.namespace)?;
        of_link(&namespaces.base, place, place.survey.link(device.index)?)
    };
    devices.iter().filter_map(of).collect()
}

/// Returns the network of a link, if it is a device of an overlay that could be read.
pub(super) fn of_link(base: &Surveyed, place: &Surveyed, link: &Link) -> Option<Network> {
    match (&link.vtep, &link.wireguard) {
        (Some(vtep), _) => Some(network(base, place, link, vtep)),
        (None, Some(tunnel)) => Some(routed::network(base, place, link, tunnel)),
        (None, None) => None,
    }
}

/// The alias that `ovlsniff overlay` gives to its devices.
#[derive(Clone, Copy)]
pub(super) struct Alias<'a> {
    /// The name of the network.
    pub(super) network: &'a str,
    /// True if the network is to be encrypted.
    encrypted: bool,
}

/// Reads the alias of a device that `ovlsniff overlay` made. Returns `None` for other devices.
pub(super) fn alias(link: &Link) -> Option<Alias<'_>> {
    let words = link.alias.as_deref()?.strip_prefix("ovlsniff ")?;
    let network = words.split(' ').find_map(|word| word.strip_prefix("overlay="))?;
    Some(Alias { network, encrypted: words.split(' ').any(|word| word.starts_with("cipher=")) })
}

fn network(base: &Surveyed, place: &Surveyed, link: &Link, vtep: &Vtep) -> Network {
    let alias = alias(link);
    let master = link.master.and_then(|master| place.survey.link(master));
    let destinations = destinations(base, &place.survey, link, vtep);
    let underlay = if vtep.foreign_socket { base } else { place };
    let peers = peers(&place.survey, link, vtep, &destinations);
    Network {
        name: alias.map_or(link.name.as_str(), |alias| alias.network).to_owned(),
        source: if alias.is_some() { Source::Ours } else { Source::Device(vtep.form) },
        form: Some(vtep.form),
        vnis: vnis(vtep),
        any_vni: vtep.external,
        port: Some(vtep.port).filter(|port| *port != 0),
        locals: vtep.local.into_iter().collect(),
        stale: stale(&place.survey, link, &peers),
        peers,
        destinations,
        other_ports: vtep.other_ports.clone(),
        encrypted: alias.map(|alias| alias.encrypted),
        typo: None,
        engine_unread: None,
        namespaces_unread: None,
        entry: entry(place, link, vtep, master),
        devices: vec![Device { namespace: place.path.clone(), index: link.index }],
        underlay: underlay.path.clone(),
        links: links(&place.survey, vtep),
        stations: stations(vtep),
        inside: Vec::new(),
        beside: Vec::new(),
    }
}

/// Returns each address that the device sends to, multicast groups included. Next-hop objects are in the namespace of
/// the socket, and routes into the tunnel in that of the device.
fn destinations(base: &Surveyed, survey: &Survey, link: &Link, vtep: &Vtep) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = Vec::new();
    let hops = vtep.next_hops.iter().flat_map(|&id| base.survey.gateways(id));
    let routed = tunnelled(survey, link).map(|tunnelled| tunnelled.node);
    for destination in vtep.peers.iter().chain(&vtep.remote).copied().chain(hops).chain(routed) {
        if !found.contains(&destination) {
            found.push(destination);
        }
    }
    found
}

/// Yields the routes that lead into a device in metadata mode.
fn tunnelled<'s>(survey: &'s Survey, link: &Link) -> impl Iterator<Item = &'s Tunnelled> {
    let device = link.index;
    survey.tunnelled.iter().filter(move |tunnelled| tunnelled.device == device)
}

/// Returns the other nodes, each with the overlay addresses that the kernel knows behind it.
fn peers(survey: &Survey, link: &Link, vtep: &Vtep, destinations: &[IpAddr]) -> Vec<Peer> {
    let nodes = destinations.iter().filter(|to| !to.is_multicast());
    let behind = |node: IpAddr| {
        tunnelled(survey, link).filter(|route| route.node == node).map(|route| route.to).collect()
    };
    let mut peers: Vec<Peer> =
        nodes.map(|&underlay| Peer { underlay, overlay: Vec::new(), behind: behind(underlay) }).collect();
    let only = peers.first().filter(|_| peers.len() == 1).map(|peer| peer.underlay);
    let own: Vec<IpAddr> =
        survey.links.iter().flat_map(|link| link.addresses.iter().map(|own| own.address())).collect();
    for neighbour in &survey.neighbours {
        let on_link = neighbour.link == link.index;
        if own.contains(&neighbour.address) || !(on_link || Some(neighbour.link) == link.master) {
            continue;
        }
        let station = vtep.stations.iter().find(|(mac, _)| *mac == neighbour.mac).map(|(_, peer)| *peer);
        // A frame without a forwarding entry goes to all peers. If there is only one, the neighbour is behind that.
        let behind = station.or(only.filter(|_| on_link));
        if let Some(peer) = peers.iter_mut().find(|peer| Some(peer.underlay) == behind) {
            peer.overlay.push(neighbour.address);
        }
    }
    for peer in &mut peers {
        // IPv4 comes first, link-local addresses last.
        peer.overlay.sort_by_key(|address| match address {
            IpAddr::V4(_) => 0,
            IpAddr::V6(address) if !address.is_unicast_link_local() => 1,
            IpAddr::V6(_) => 2,
        });
    }
    peers
}

/// Returns the addresses behind the peers that the kernel may know from long ago.
fn stale(survey: &Survey, link: &Link, peers: &[Peer]) -> Vec<IpAddr> {
    let known = |address| peers.iter().any(|peer| peer.overlay.contains(&address));
    let on_it = |index| index == link.index || Some(index) == link.master;
    let stale = survey.neighbours.iter().filter(|neighbour| neighbour.stale && on_it(neighbour.link));
    stale.map(|neighbour| neighbour.address).filter(|address| known(*address)).collect()
}

/// Returns the links that packets leave by: those of the routes to the peers and to the multicast group, the one that
/// the device is bound to, and those that forwarding entries name. The links of another namespace are not known here.
fn links(survey: &Survey, vtep: &Vtep) -> Vec<u32> {
    if vtep.foreign_socket {
        return Vec::new();
    }
    let to_it = |to: &IpAddr| vtep.peers.contains(to) || vtep.remote == Some(*to);
    let routed = survey.routes.iter().filter(|(to, _)| to_it(to)).map(|(_, index)| *index);
    let mut links = Vec::new();
    for index in routed.chain(vtep.underlay).chain(vtep.forced_links.iter().copied()) {
        if !links.contains(&index) {
            links.push(index);
        }
    }
    links
}

/// Returns the link-layer addresses behind the nodes.
fn stations(vtep: &Vtep) -> Vec<MacAddress> {
    let all = vtep.stations.iter().map(|(mac, _)| *mac);
    all.filter(|mac| *mac != MacAddress::ZERO).take(MOST_STATIONS).collect()
}

/// Returns the VNIs of the device and of its forwarding entries, each once.
fn vnis(vtep: &Vtep) -> Vec<Vni> {
    let mut vnis: Vec<Vni> = vtep.vni.into_iter().collect();
    for vni in vtep.vni.map_or(&[][..], |_| &vtep.more_vnis) {
        if !vnis.contains(vni) {
            vnis.push(*vni);
        }
    }
    vnis
}

/// Returns the VXLAN device itself or the bridge that it is a port of: the one that has an address to send from. An
/// address beyond link-local is preferred.
fn entry(place: &Surveyed, link: &Link, vtep: &Vtep, master: Option<&Link>) -> Option<Entry> {
    let local = |address: IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let usable = |link: &&Link| link.addresses.iter().any(|own| !local(own.address()));
    let any = |link: &&Link| !link.addresses.is_empty();
    let candidates = || [Some(link), master].into_iter().flatten();
    let chosen = candidates().find(usable).or_else(|| candidates().find(any));
    // A device that routes lead into needs no address of its own.
    let chosen = chosen.or(Some(link).filter(|_| vtep.external))?;
    Some(Entry {
        device: chosen.name.clone(),
        namespace: place.path.clone(),
        addresses: chosen.addresses.clone(),
        mtu: chosen.mtu,
        mac: chosen.mac,
        // A device in metadata mode drops what no route or flow has given a node.
        routed: vtep.external,
        shared: may_be_dockers(link) && chosen.index != link.index,
    })
}

/// Returns the device of a container that has this address, by which the container sends into the overlay.
pub(super) fn entry_at(place: &Surveyed, address: IpAddr) -> Option<Entry> {
    let link = place.survey.owner(address)?;
    Some(Entry {
        device: link.name.clone(),
        namespace: place.path.clone(),
        addresses: link.addresses.clone(),
        mtu: link.mtu,
        mac: link.mac,
        routed: false,
        shared: false,
    })
}

/// Returns true if the device has one of these VNIs.
pub(super) fn has_vni(link: &Link, vnis: &[Vni]) -> bool {
    let vni = link.vtep.as_ref().and_then(|vtep| vtep.vni);
    vni.is_some_and(|vni| vnis.contains(&vni))
}

/// Returns true if the socket of the device is in another namespace.
pub(super) fn is_moved(link: &Link) -> bool {
    link.vtep.as_ref().map_or_else(
        || link.wireguard.as_ref().is_some_and(|tunnel| tunnel.foreign_socket),
        |vtep| vtep.foreign_socket,
    )
}

/// Returns true for a VXLAN device without its socket, as only Docker's are.
pub(super) fn may_be_dockers(link: &Link) -> bool {
    is_vxlan(link) && is_moved(link) && alias(link).is_none()
}

/// Returns true for a WireGuard device that could not be read.
pub(super) fn is_unread(link: &Link) -> bool {
    link.kind.as_deref() == Some("wireguard") && link.wireguard.is_none()
}

/// Returns true for a VXLAN device.
pub(super) fn is_vxlan(link: &Link) -> bool {
    link.vtep.as_ref().is_some_and(|vtep| vtep.form == Form::Vxlan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::survey::Neighbour;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn place() -> Namespaces {
        let vtep = Vtep {
            vni: Vni::new(42),
            local: Some(ip("192.0.2.1")),
            port: 4789,
            peers: vec![ip("192.0.2.2"), ip("239.1.1.1")],
            underlay: Some(9),
            stations: vec![
                (MacAddress([2, 0, 0, 0, 0, 2]), ip("192.0.2.2")),
                (MacAddress::ZERO, ip("239.1.1.1")),
            ],
            ..Vtep::default()
        };
        let link = Link {
            index: 3,
            name: "secure".to_owned(),
            addresses: vec!["10.42.0.1/24".parse().unwrap()],
            vtep: Some(vtep),
            ..Link::default()
        };
        let neighbour = |address, last| Neighbour {
            link: 3,
            address: ip(address),
            mac: MacAddress([2, 0, 0, 0, 0, last]),
            permanent: false,
            stale: address == "10.42.0.2",
        };
        let survey = Survey {
            links: vec![link],
            routes: vec![(ip("192.0.2.2"), 7), (ip("239.1.1.1"), 8), (ip("198.51.100.9"), 6)],
            neighbours: vec![neighbour("fe80::2", 2), neighbour("10.42.0.2", 2), neighbour("10.42.0.1", 1)],
            ..Survey::default()
        };
        Namespaces::of(Surveyed { path: None, survey })
    }

    #[test]
    fn peers_have_the_addresses_behind_them() {
        let network = find(&place(), |link| link.name == "secure").unwrap();
        assert_eq!(
            network.peers,
            [Peer {
                underlay: ip("192.0.2.2"),
                overlay: vec![ip("10.42.0.2"), ip("fe80::2")],
                behind: Vec::new()
            }]
        );
        assert_eq!(network.stale, [ip("10.42.0.2")]);
        assert_eq!(network.destinations, [ip("192.0.2.2"), ip("239.1.1.1")]);
        assert_eq!(network.entry.unwrap().device, "secure");
        assert_eq!((network.source, network.encrypted), (Source::Device(Form::Vxlan), None));
    }

    #[test]
    fn what_goes_to_a_group_is_watched_where_it_leaves() {
        assert_eq!(find(&place(), |link| link.name == "secure").unwrap().links, [7, 8, 9]);
    }

    #[test]
    fn our_own_networks_are_known_by_their_alias() {
        let mut place = place();
        place.base.survey.links[0].alias =
            Some("ovlsniff overlay=office vni=42 cipher=aes-256-gcm key=1f generation=3".to_owned());
        let network =
            find(&place, |link| alias(link).is_some_and(|alias| alias.network == "office")).unwrap();
        assert_eq!((network.name.as_str(), network.source), ("office", Source::Ours));
        assert_eq!(network.encrypted, Some(true));
    }
}

//! The links by which a network's packets leave this node: pure functions of surveys of the underlay's namespace.
//!
//! All links are captured on, because nothing says by which of them a leak will go: routes move, forwarding entries
//! override them, and a packet may arrive by another link than its answer leaves by. So each link has a [`View`]: the
//! meaning of a frame that is seen on it. The routes only say which links are shown to the user.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::network::{Device, Network};
use super::tally::View;
use crate::host::survey::{Link, Survey};
use crate::host::wires::Role;

/// The view of each link by its index; `None` for a link whose frames are not looked at.
pub(super) type Views = BTreeMap<u32, Option<View>>;

/// Returns the links that the packets to the other nodes are or may be routed to.
pub(super) fn routed<'s>(network: &Network, survey: &'s Survey) -> Vec<&'s Link> {
    let peers = || network.peers.iter().map(|peer| peer.underlay);
    let mut links: Vec<&Link> = network.links.iter().filter_map(|&index| survey.link(index)).collect();
    // A device that is bound to a link sends there, whatever the routes say.
    if links.is_empty() {
        links = peers().filter_map(|peer| survey.route(peer)).collect();
    }
    if links.is_empty() {
        links = network.locals.iter().filter_map(|&local| survey.owner(local)).collect();
    }
    links.extend(peers().flat_map(|peer| survey.detours(peer)).filter(|link| link.up));
    links
}

/// Returns the names of the links on whose wires those packets are, each once.
pub(super) fn wires(network: &Network, survey: &Survey) -> Vec<String> {
    let wires = routed(network, survey).into_iter().flat_map(|link| survey.wires(link));
    once(wires.filter(|link| !link.loopback).map(|link| link.name.clone()))
}

/// Returns the names of the wires of the links that the user named, each once. The device of a VRF stands for its wires,
/// because it shows every frame twice: before its encryption and after it.
pub(super) fn named(interfaces: &[String], survey: &Survey) -> Vec<String> {
    let links = interfaces.iter().filter_map(|name| survey.named(name));
    once(links.flat_map(|link| survey.wires(link)).map(|link| link.name.clone()))
}

/// Returns the view of every link. `networks` are those that are watched, and `named` the links that the user named, if
/// any: only on their wires is anything proven.
pub(super) fn views<'n>(
    networks: impl Iterator<Item = &'n Network>,
    named: &[String],
    survey: &Survey,
) -> Views {
    let inside: Vec<u32> = networks.flat_map(|network| inside(network, survey)).collect();
    let below = named.iter().filter_map(|name| survey.named(name)).flat_map(|link| survey.lowest(link));
    let chosen: Vec<u32> = below.map(|link| link.index).collect();
    // A link that is down may come up, and its first frames pass before anybody notices.
    let role = |link: &Link| survey.role(&Link { up: true, ..link.clone() });
    let view = |link: &Link| match role(link) {
        _ if inside.contains(&link.index) => None,
        Role::Aside => None,
        Role::Hidden => Some(View::Hidden),
        Role::Wire if named.is_empty() || chosen.contains(&link.index) => Some(View::Wire),
        Role::Wire => Some(View::Elsewhere),
    };
    survey.links.iter().map(|link| (link.index, view(link))).collect()
}

/// Returns the names of the wires that the network's packets may leave by, but that are not among those of the links
/// that the user named.
pub(super) fn left_out(network: &Network, named: &[String], survey: &Survey) -> Vec<String> {
    if named.is_empty() {
        return Vec::new();
    }
    let chosen = named.iter().filter_map(|name| survey.named(name)).flat_map(|link| survey.lowest(link));
    let chosen: Vec<u32> = chosen.map(|link| link.index).collect();
    let lowest = routed(network, survey).into_iter().flat_map(|link| survey.lowest(link));
    let out = lowest.filter(|link| !chosen.contains(&link.index) && survey.role(link) == Role::Wire);
    once(out.map(|link| link.name.clone()))
}

/// Returns the links inside of the overlay: its VXLAN devices, the bridges that these are ports of, and the other ports
/// that lead to guests or containers. Frames there have not entered the tunnel yet.
fn inside(network: &Network, survey: &Survey) -> Vec<u32> {
    // Another network may have the same VNI.
    let is_ours = |link: &&Link| {
        let ours = |device: &Device| device.index == link.index && device.namespace == network.underlay;
        network.devices.iter().any(ours)
    };
    let mut found: Vec<u32> = Vec::new();
    for device in survey.links.iter().filter(is_ours) {
        found.push(device.index);
        let bridge = device.master.and_then(|master| survey.link(master));
        let Some(bridge) = bridge.filter(|link| link.kind.as_deref() == Some("bridge")) else { continue };
        found.push(bridge.index);
        let guest = |port: &&Link| matches!(port.kind.as_deref(), Some("veth" | "netkit" | "tun"));
        found.extend(
            survey.links.iter().filter(|p| p.master == Some(bridge.index)).filter(guest).map(|p| p.index),
        );
    }
    found
}

/// Returns the names of the links that the packets of these networks pass on their way to the wires. The device of a
/// tunnel is one of them: its packets arrive there a second time, decrypted.
pub(super) fn passed<'n>(networks: impl Iterator<Item = &'n Network>, survey: &Survey) -> Vec<String> {
    let routed = networks.flat_map(|network| routed(network, survey));
    let below = routed.flat_map(|link| survey.passes(link).into_iter().chain(survey.lowest(link)));
    once(below.map(|link| link.name.clone()))
}

/// Returns the names of the links by which packets from outside arrive that nothing has encrypted: those that lead to the
/// nodes, or the links below those that encrypt, and every other link with an address that leads out of this machine. It
/// is none if one of them is in a VRF, whose name rules may have in place of the link's.
pub(super) fn arrivals(network: &Network, survey: &Survey) -> Vec<String> {
    let plain = |link: &&Link| !link.may_encrypt() && !link.loopback;
    let routed = routed(network, survey).into_iter();
    let lead = routed
        .flat_map(|link| if link.may_encrypt() { survey.passes(link) } else { vec![link] })
        .filter(plain);
    let link_local = |address: IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let has_address = |link: &&Link| link.addresses.iter().any(|own| !link_local(own.address()));
    let leads_out = |link: &&Link| {
        let wires = survey.wires(link);
        link.up && !survey.is_for_guests(link) && wires.iter().all(|wire| survey.role(wire) == Role::Wire)
    };
    let own = inside(network, survey);
    let others = survey.links.iter().filter(plain).filter(has_address).filter(leads_out);
    let others = others.filter(|link| link.vtep.is_none() && !own.contains(&link.index));
    let links: Vec<&Link> = lead.chain(others).collect();
    if links.iter().any(|link| link.kind.as_deref() == Some("vrf") || link.master.is_some()) {
        return Vec::new();
    }
    once(links.into_iter().map(|link| link.name.clone()))
}

/// Returns true if the packets of a network arrive through a VTI or an xfrm interface.
pub(super) fn by_interface(network: &Network, survey: &Survey) -> bool {
    let through = |link: &&Link| matches!(link.kind.as_deref(), Some("vti" | "vti6" | "xfrm"));
    routed(network, survey).into_iter().flat_map(|link| survey.passes(link)).any(|link| through(&link))
}

/// Says which of these links is down or has disappeared.
pub(super) fn gone(links: &[String], now: &Survey) -> Option<String> {
    let up = |name: &str| now.named(name).is_some_and(|link| link.up);
    let gone = links.iter().find(|name| !up(name))?;
    Some(format!("{gone}: the interface went down"))
}

/// Returns each element once, in their order.
pub(super) fn once<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for one in all {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::survey::Vtep;
    use crate::packet::Vni;
    use crate::verify::network::Peer;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn link(index: u32, name: &str, kind: &str) -> Link {
        let kind = Some(kind.to_owned()).filter(|kind| !kind.is_empty());
        Link { index, name: name.to_owned(), up: true, kind, ..Link::default() }
    }

    /// Makes a host where eth0 has our address and the route to the peer, gre0 is on top of eth1, and blue is a VRF with
    /// eth2.
    fn host() -> Survey {
        let eth0 = Link { addresses: vec!["192.0.2.1/24".parse().unwrap()], ..link(2, "eth0", "") };
        let gre0 = Link { parent: Some(3), ..link(4, "gre0", "gre") };
        let eth2 = Link { master: Some(5), ..link(6, "eth2", "") };
        Survey {
            links: vec![eth0, link(3, "eth1", ""), gre0, link(5, "blue", "vrf"), eth2],
            routes: vec![(ip("192.0.2.2"), 2)],
            ..Survey::default()
        }
    }

    fn network() -> Network {
        Network {
            vnis: Vni::new(42).into_iter().collect(),
            locals: vec![ip("192.0.2.1")],
            peers: vec![Peer { underlay: ip("192.0.2.2"), overlay: Vec::new(), behind: Vec::new() }],
            devices: vec![Device { namespace: None, index: 9 }],
            ..Network::default()
        }
    }

    fn vtep(peers: &[&str]) -> Link {
        let peers = peers.iter().map(|peer| ip(peer)).collect();
        let vtep = Vtep { vni: Vni::new(42), peers, ..Vtep::default() };
        Link { vtep: Some(vtep), ..link(9, "secure", "vxlan") }
    }

    #[test]
    fn packets_leave_where_the_kernel_said_else_by_the_link_with_our_address_and_by_every_detour() {
        let on = |links: &[u32]| Network { links: links.to_vec(), ..network() };
        let detour =
            |survey: Survey| Survey { detours: vec![("192.0.2.0/24".parse().unwrap(), vec![6])], ..survey };
        for (network, survey, wires_are) in [
            (on(&[]), host(), vec!["eth0"]),
            (on(&[3]), host(), vec!["eth1"]),
            // Packets of a tunnel are on the wire of the link below it, and two routes may lead to that link.
            (on(&[4]), host(), vec!["eth1"]),
            (on(&[4, 3]), host(), vec!["eth1"]),
            (on(&[]), detour(host()), vec!["eth0", "eth2"]),
        ] {
            assert_eq!(wires(&network, &survey), wires_are, "{:?}", network.links);
        }
    }

    #[test]
    fn every_link_has_a_view_and_what_is_above_a_wire_or_inside_of_the_overlay_none() {
        let mut survey = host();
        survey.links.push(vtep(&["192.0.2.2"]));
        survey.links.push(link(10, "tun0", "tun"));
        let seen = |named: &[&str]| {
            let named: Vec<String> = named.iter().map(ToString::to_string).collect();
            let views = views([&network()].into_iter(), &named, &survey);
            [2, 3, 4, 5, 6, 9, 10].map(|index| views[&index])
        };
        let (wire, elsewhere, hidden) = (Some(View::Wire), Some(View::Elsewhere), Some(View::Hidden));
        assert_eq!(seen(&[]), [wire, wire, None, None, wire, None, hidden]);
        assert_eq!(seen(&["eth1"]), [elsewhere, wire, None, None, elsewhere, None, hidden]);
        // A tunnel's device and a VRF stand for the wires below them.
        assert_eq!(seen(&["gre0"]), seen(&["eth1"]));
        assert_eq!(seen(&["blue"]), [elsewhere, elsewhere, None, None, wire, None, hidden]);
    }

    #[test]
    fn a_wire_of_the_network_that_was_not_named_is_left_out() {
        let names = |named: &[&str]| {
            left_out(&network(), &named.iter().map(ToString::to_string).collect::<Vec<_>>(), &host())
        };
        assert_eq!(names(&["eth1"]), ["eth0"]);
        assert_eq!(names(&["eth1", "eth0"]), [""; 0]);
        assert_eq!(names(&[]), [""; 0]);
    }

    #[test]
    fn a_bridge_of_the_overlay_and_its_guests_are_inside_and_its_card_is_not() {
        let mut survey = host();
        survey.links.push(Link { master: Some(20), ..vtep(&[]) });
        survey.links.push(link(20, "ovl0", "bridge"));
        survey.links.push(Link { master: Some(20), ..link(21, "veth7", "veth") });
        survey.links.push(Link { master: Some(20), hardware: 1, ..link(22, "eth9", "") });
        let views = views([&network()].into_iter(), &[], &survey);
        assert_eq!([9, 20, 21, 22].map(|index| views[&index]), [None, None, None, Some(View::Wire)]);
    }

    #[test]
    fn policies_are_asked_for_on_every_link_that_packets_pass() {
        let network = Network { links: vec![4], ..network() };
        assert_eq!(passed([&network].into_iter(), &host()), ["gre0", "eth1"]);
    }

    #[test]
    fn clear_frames_may_arrive_by_every_card_with_an_address() {
        let mut survey = host();
        survey
            .links
            .push(Link { addresses: vec!["198.51.100.1/24".parse().unwrap()], ..link(7, "eth3", "") });
        survey
            .links
            .push(Link { addresses: vec!["172.17.0.1/16".parse().unwrap()], ..link(8, "docker0", "bridge") });
        assert_eq!(arrivals(&network(), &survey), ["eth0", "eth3"]);
    }

    #[test]
    fn a_link_that_went_down_or_away_is_told() {
        let links = ["eth0".to_owned()];
        let changed = |change: &dyn Fn(&mut Survey)| {
            let mut now = host();
            change(&mut now);
            gone(&links, &now)
        };
        let down = "eth0: the interface went down";
        assert_eq!(changed(&|_| ()), None);
        assert_eq!(changed(&|now| now.links[0].up = false).as_deref(), Some(down));
        assert_eq!(changed(&|now| now.links[0].name = "eth9".to_owned()).as_deref(), Some(down));
    }
}

//! The links by which a network's packets leave this node: pure functions of surveys of the underlay's namespace. The
//! survey at the beginning of a watch says where to capture; the one at its end shows if packets passed elsewhere
//! meanwhile.

use std::net::IpAddr;

use super::network::Network;
use crate::escape::escape;
use crate::host::survey::{Link, Survey, Vxlan};
use crate::packet::{InterfaceNumber, Vni};

/// Returns the links that the packets to the other nodes are or may be routed to.
pub(super) fn routed<'s>(network: &Network, survey: &'s Survey) -> Vec<&'s Link> {
    let mut links: Vec<&Link> = network.links.iter().filter_map(|&index| survey.link(index)).collect();
    if links.is_empty() {
        links = network.locals.iter().filter_map(|&local| survey.owner(local)).collect();
    }
    links.extend(network.peers.iter().flat_map(|peer| survey.detours(peer.underlay)).filter(|link| link.up));
    links
}

/// Returns the names of the links on whose wires those packets are, each once.
pub(super) fn wires(network: &Network, survey: &Survey) -> Vec<String> {
    let wires = routed(network, survey).into_iter().flat_map(|link| survey.wires(link));
    once(wires.map(|link| link.name.clone()))
}

/// Returns the links to capture on in place of those that the user named. The device of a VRF stands for its wires,
/// because it shows every frame twice: before its encryption and after it.
pub(super) fn named(interfaces: &[String], survey: &Survey) -> Vec<String> {
    let vrf = |name: &String| survey.named(name).filter(|link| link.kind.as_deref() == Some("vrf"));
    once(interfaces.iter().flat_map(|name| match vrf(name) {
        Some(vrf) => survey.wires(vrf).into_iter().map(|link| link.name.clone()).collect(),
        None => vec![name.clone()],
    }))
}

/// Returns the captured links that do not show their wire. A frame that is clear on such a link may be encrypted
/// below it, so it is no leak, even if the user named the link with `-i`.
pub(super) fn encrypting(links: &[String], survey: &Survey) -> Vec<InterfaceNumber> {
    let hides = |name: &str| survey.named(name).is_some_and(|link| !survey.shows_its_wire(link));
    (0..).map(InterfaceNumber).zip(links).filter(|(_, name)| hides(name)).map(|(number, _)| number).collect()
}

/// Returns the captured links, and those that the packets of these networks pass on their way to the wires. The
/// device of a tunnel is one of them: its packets arrive there a second time, decrypted.
pub(super) fn passed<'n>(
    networks: impl Iterator<Item = &'n Network>,
    captured: &[String],
    survey: &Survey,
) -> Vec<String> {
    let routed = networks.flat_map(|network| routed(network, survey));
    let passed = routed.flat_map(|link| survey.passes(link)).map(|link| link.name.clone());
    once(captured.iter().cloned().chain(passed))
}

/// Says which of the captured links is down or has disappeared.
pub(super) fn gone(captured: &[String], now: &Survey) -> Option<String> {
    let up = |name: &str| now.named(name).is_some_and(|link| link.up);
    let gone = captured.iter().find(|name| !up(name))?;
    Some(format!("{gone}: the interface went down"))
}

/// Says by which new link packets to a peer leave at the end of the watch. The packets on it were not seen.
pub(super) fn moved<'n>(
    networks: impl Iterator<Item = &'n Network>,
    before: &Survey,
    now: &Survey,
) -> Option<String> {
    let mut peers = networks.flat_map(|network| &network.peers).map(|peer| peer.underlay);
    peers.find_map(|peer| {
        let was = before.wires(before.route(peer)?);
        let is = now.wires(now.route(peer)?);
        let new = is.into_iter().find(|wire| was.iter().all(|known| known.index != wire.index))?;
        Some(format!("packets to {peer} leave by {} now, and did not at the beginning", escape(&new.name)))
    })
}

/// Says by which link packets leave to a node that joined one of the networks during the watch, if it was not
/// captured.
pub(super) fn joined<'n>(
    networks: impl Iterator<Item = &'n Network>,
    captured: &[String],
    before: &Survey,
    now: &Survey,
) -> Option<String> {
    fn tunnels(survey: &Survey) -> impl Iterator<Item = &Vxlan> {
        survey.links.iter().filter_map(|link| link.vxlan.as_ref())
    }
    let vnis: Vec<Vni> = networks.flat_map(|network| &network.vnis).copied().collect();
    let ours = tunnels(now).filter(|vxlan| vxlan.vni.is_some_and(|vni| vnis.contains(&vni)));
    let known = |peer: &&IpAddr| tunnels(before).any(|vxlan| vxlan.peers.contains(peer));
    let mut joined = ours.flat_map(|vxlan| &vxlan.peers).filter(|peer| !known(peer));
    joined.find_map(|peer| {
        let wires = now.route(*peer).map(|link| now.wires(link)).unwrap_or_default();
        let unseen = wires.into_iter().find(|link| !captured.contains(&link.name) && !link.loopback)?;
        Some(format!("packets to {peer} leave by {}, which was not watched", escape(&unseen.name)))
    })
}

/// Returns each element once, in their order. A link that is captured twice would count every frame twice.
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
            peers: vec![Peer { underlay: ip("192.0.2.2"), overlay: Vec::new() }],
            ..Network::default()
        }
    }

    fn vxlan(peers: &[&str]) -> Link {
        let peers = peers.iter().map(|peer| ip(peer)).collect();
        let vxlan = Vxlan { vni: Vni::new(42), peers, ..Vxlan::default() };
        Link { vxlan: Some(vxlan), ..link(9, "secure", "vxlan") }
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
    fn a_link_that_was_named_is_captured_and_a_vrf_stands_for_its_ports() {
        let named = |names: &[&str]| {
            named(&names.iter().map(ToString::to_string).collect::<Vec<_>>(), &host()).join(" ")
        };
        assert_eq!(named(&["eth1", "eth0", "eth1"]), "eth1 eth0");
        assert_eq!(named(&["blue", "eth2"]), "eth2");
        assert_eq!(named(&["gre0", "nobody"]), "gre0 nobody");
    }

    #[test]
    fn only_a_link_above_an_encrypting_one_makes_clear_frames_no_leak() {
        let links = ["eth0", "gre0", "nobody"].map(str::to_owned);
        assert_eq!(encrypting(&links, &host()), [InterfaceNumber(1)]);
    }

    #[test]
    fn policies_are_asked_for_on_every_link_that_packets_pass() {
        let network = Network { links: vec![4], ..network() };
        assert_eq!(passed([&network].into_iter(), &["eth1".to_owned()], &host()), ["eth1", "gre0"]);
    }

    #[test]
    fn a_watch_that_did_not_see_everything_is_told_from_one_that_did() {
        let captured = ["eth0".to_owned()];
        let changed = |change: &dyn Fn(&mut Survey)| {
            let (mut before, network) = (host(), network());
            before.links.push(vxlan(&["192.0.2.2"]));
            let mut now = before.clone();
            change(&mut now);
            let networks = [&network].into_iter();
            gone(&captured, &now)
                .or_else(|| moved(networks.clone(), &before, &now))
                .or_else(|| joined(networks, &captured, &before, &now))
        };
        let joins = |now: &mut Survey, link| {
            *now.links.last_mut().unwrap() = vxlan(&["192.0.2.2", "192.0.2.3"]);
            now.routes.push((ip("192.0.2.3"), link));
        };
        let moves = "packets to 192.0.2.2 leave by eth1 now, and did not at the beginning";
        let elsewhere = "packets to 192.0.2.3 leave by eth1, which was not watched";
        let down = "eth0: the interface went down";
        assert_eq!(changed(&|_| ()), None);
        assert_eq!(changed(&|now| now.links[0].up = false).as_deref(), Some(down));
        assert_eq!(changed(&|now| now.links[0].name = "eth9".to_owned()).as_deref(), Some(down));
        assert_eq!(changed(&|now| now.routes[0].1 = 3).as_deref(), Some(moves));
        assert_eq!(changed(&|now| joins(now, 2)), None);
        assert_eq!(changed(&|now| joins(now, 3)).as_deref(), Some(elsewhere));
    }
}

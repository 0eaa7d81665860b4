//! The links of a host in every arrangement, each with the role that it must have.

use std::net::SocketAddr;

use super::*;
use crate::host::survey::{PublicKey, Vtep, WireGuard, WireGuardPeer};
use crate::packet::Prefix;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn link(index: u32, kind: &str) -> Link {
    Link { index, up: true, kind: Some(kind.to_owned()), ..Link::default() }
}

fn on(parent: u32, link: Link) -> Link {
    Link { parent: Some(parent), ..link }
}

fn port_of(master: u32, link: Link) -> Link {
    Link { master: Some(master), ..link }
}

fn to(remote: &str, link: Link) -> Link {
    Link { remote: Some(ip(remote)), ..link }
}

fn wires(survey: &Survey, of: u32) -> Vec<u32> {
    survey.wires(survey.link(of).unwrap()).iter().map(|link| link.index).collect()
}

#[test]
fn what_a_tunnel_sends_is_on_the_wire_of_the_link_below() {
    let survey = Survey {
        links: vec![
            link(1, "veth"),
            on(1, link(2, "macsec")),
            to("192.0.2.2", link(3, "gre")),
            to("192.0.2.3", link(4, "ipip")),
            link(5, "gre"),
            link(6, "vrf"),
            port_of(6, link(7, "veth")),
            port_of(6, link(8, "veth")),
            to("192.0.2.4", link(9, "sit")),
            link(10, "xfrm"),
            on(7, to("192.0.2.2", link(11, "vti"))),
            Link {
                vtep: Some(Vtep { peers: vec![ip("192.0.2.3")], ..Vtep::default() }),
                ..link(12, "vxlan")
            },
        ],
        routes: vec![(ip("192.0.2.2"), 2), (ip("192.0.2.3"), 3), (ip("192.0.2.4"), 9)],
        // A rule may lead to link 3, the tunnel itself, by which its own packets cannot leave, and to link 8.
        detours: vec![("192.0.2.2/32".parse().unwrap(), vec![3, 8])],
        ..Survey::default()
    };
    for (of, is) in
        [(1, vec![1]), (2, vec![1]), (3, vec![8, 1]), (4, vec![8, 1]), (6, vec![7, 8]), (12, vec![8, 1])]
    {
        assert_eq!(wires(&survey, of), is, "{of}");
    }
    assert_eq!(wires(&survey, 11), [7], "bound to a link, whatever the route");
    // A tunnel with many other ends, one whose route leads into itself, and one of which the kernel says nothing.
    for of in [5, 9, 10] {
        assert_eq!(wires(&survey, of), [of]);
        assert!(survey.encloses(survey.link(of).unwrap()));
    }
    for of in 1..=12 {
        assert_eq!(survey.shows_its_wire(survey.link(of).unwrap()), [1, 7, 8].contains(&of), "{of}");
    }
}

#[test]
fn a_link_that_shows_its_wire_stays_unless_something_below_it_encrypts() {
    let survey = Survey {
        links: vec![
            link(1, "veth"),
            on(1, link(2, "macsec")),
            on(1, link(3, "vlan")),
            on(2, link(4, "vlan")),
            on(4, link(5, "vlan")),
            link(6, "bond"),
            port_of(6, link(7, "veth")),
            link(8, "bond"),
            port_of(8, on(1, link(9, "macsec"))),
            link(10, "bridge"),
            port_of(10, on(1, link(11, "macsec"))),
            port_of(10, link(12, "veth")),
            link(13, "bridge"),
            port_of(13, link(14, "gretap")),
            port_of(13, link(15, "bond")),
        ],
        ..Survey::default()
    };
    for (of, is) in [(3, 3), (4, 1), (5, 1), (6, 6), (8, 1), (10, 1), (13, 13)] {
        assert_eq!(wires(&survey, of), [is], "{of}");
        let link = survey.link(of).unwrap();
        assert_eq!((survey.encloses(link), survey.shows_its_wire(link)), (is == 1, is == of), "{of}");
    }
}

fn roles(survey: &Survey) -> Vec<(u32, Role)> {
    survey.links.iter().map(|link| (link.index, survey.role(link))).collect()
}

#[test]
fn hardware_and_links_with_an_end_of_their_own_are_wires() {
    let elsewhere = |index, kind| Link { elsewhere: true, ..link(index, kind) };
    let survey = Survey {
        links: vec![
            Link { index: 1, up: true, ..Link::default() },
            elsewhere(2, "veth"),
            link(3, "ipoib"),
            elsewhere(4, "macvlan"),
            elsewhere(5, "vlan"),
            elsewhere(6, "ipvlan"),
        ],
        ..Survey::default()
    };
    assert!(roles(&survey).iter().all(|(_, role)| *role == Role::Wire), "{:?}", roles(&survey));
    assert!(survey.links.iter().all(|link| survey.shows_its_wire(link) && !survey.encloses(link)));
}

#[test]
fn links_whose_packets_are_seen_again_below_and_those_without_a_wire_are_aside() {
    let survey = Survey {
        links: vec![
            Link { index: 1, loopback: true, up: true, ..Link::default() },
            Link { index: 2, ..Link::default() },
            Link { index: 3, hardware: 824, up: true, ..Link::default() },
            link(4, "ifb"),
            on(20, link(5, "vlan")),
            on(20, link(6, "macsec")),
            on(20, link(7, "xfrm")),
            link(8, "bridge"),
            port_of(8, link(21, "tun")),
            link(9, "bond"),
            to("192.0.2.2", link(10, "geneve")),
            to("192.0.2.2", link(11, "gretap")),
            Link { elsewhere: true, ..link(12, "geneve") },
            Link {
                vtep: Some(Vtep { foreign_socket: true, ..Vtep::default() }),
                elsewhere: true,
                ..link(13, "vxlan")
            },
            link(20, "veth"),
        ],
        routes: vec![(ip("192.0.2.2"), 20)],
        ..Survey::default()
    };
    for (index, role) in roles(&survey) {
        let right = match index {
            20 => Role::Wire,
            21 => Role::Hidden,
            _ => Role::Aside,
        };
        assert_eq!(role, right, "{index}");
    }
    let vpn = survey.link(8).unwrap();
    assert!(survey.encloses(vpn) && !survey.shows_its_wire(vpn), "its only port is that of a program");
}

#[test]
fn kinds_that_are_not_known_are_hidden() {
    let kinds = ["wireguard", "tun", "ppp", "l2tpeth", "amneziawg", "ipsec", "hsr", "gtp", "x"];
    let mut links: Vec<Link> = (1..).zip(kinds).map(|(index, kind)| link(index, kind)).collect();
    links.push(Link { index: 20, up: true, orphan: true, hardware: 1, ..Link::default() });
    // The kernel does not say what is below these.
    links.push(link(23, "vlan"));
    links.push(Link { elsewhere: true, ..link(24, "macsec") });
    links.push(Link { elsewhere: true, ..link(25, "gre") });
    let survey = Survey { links, ..Survey::default() };
    for link in &survey.links {
        assert_eq!(survey.role(link), Role::Hidden, "{link:?}");
        assert_eq!(wires(&survey, link.index), [link.index]);
    }
    assert!(survey.links.iter().filter(|link| link.index != 23).all(|link| survey.encloses(link)));
}

#[test]
fn a_port_of_open_vswitch_stands_for_the_cards_that_are_ports_too() {
    let survey = Survey {
        links: vec![
            link(1, "openvswitch"),
            link(2, "openvswitch"),
            port_of(1, link(3, "dsa")),
            port_of(1, link(4, "geneve")),
            port_of(1, link(5, "veth")),
        ],
        ..Survey::default()
    };
    let (aside, wire) = (Role::Aside, Role::Wire);
    assert_eq!(roles(&survey), [(1, aside), (2, aside), (3, wire), (4, aside), (5, wire)]);
    let lowest: Vec<u32> = survey.lowest(survey.link(2).unwrap()).iter().map(|link| link.index).collect();
    assert_eq!(lowest, [3], "the underlay's address is on a port of the switch's own");
}

#[test]
fn a_tunnel_of_the_kernel_is_seen_again_below_wherever_that_is() {
    let survey = Survey { links: vec![link(21, "gre"), link(22, "xfrm")], ..Survey::default() };
    assert_eq!(roles(&survey), [(21, Role::Aside), (22, Role::Aside)]);
}

#[test]
fn a_card_that_encrypts_macsec_hides_all_that_is_above_it() {
    let mut survey = Survey {
        links: vec![
            link(1, "dsa"),
            on(1, link(2, "vlan")),
            Link { clear_below: Some(2), ..link(3, "macsec") },
            link(4, "veth"),
        ],
        ..Survey::default()
    };
    let (hidden, wire) = (Role::Hidden, Role::Wire);
    assert_eq!(roles(&survey), [(1, hidden), (2, hidden), (3, hidden), (4, wire)]);
    assert!(!survey.shows_its_wire(survey.link(1).unwrap()));
    survey.links[2].up = false;
    assert_eq!(roles(&survey), [(1, wire), (2, Role::Aside), (3, Role::Aside), (4, wire)]);
}

#[test]
fn tunnels_that_lead_into_each_other_lead_nowhere() {
    let survey = Survey {
        links: vec![to("192.0.2.2", link(1, "gre")), to("192.0.2.3", link(2, "gre"))],
        routes: vec![(ip("192.0.2.2"), 2), (ip("192.0.2.3"), 1)],
        ..Survey::default()
    };
    assert_eq!(wires(&survey, 1), [1]);
}

fn wireguard(index: u32, endpoints: &[&str]) -> Link {
    let peer = |endpoint: &&str| WireGuardPeer {
        public_key: PublicKey([endpoint.len() as u8; 32]),
        endpoint: Some(endpoint.parse().unwrap()),
        allowed: vec!["10.0.0.2/32".parse().unwrap()],
        received: 0,
        sent: 0,
        handshake: None,
    };
    let tunnel = WireGuard { peers: endpoints.iter().map(peer).collect(), ..WireGuard::default() };
    Link { wireguard: Some(tunnel), ..link(index, "wireguard") }
}

fn departures(all: &[(u32, &str, u32)]) -> Vec<(u32, SocketAddr, u32)> {
    all.iter().map(|(device, endpoint, link)| (*device, endpoint.parse().unwrap(), *link)).collect()
}

const A: &str = "192.0.2.2:51820";
const C: &str = "203.0.113.2:51820";
const B: &str = "[2001:db8::2]:51820";

#[test]
fn the_messages_of_wireguard_are_on_the_wires_of_the_links_to_its_endpoints() {
    let everywhere = Prefix::new(ip("0.0.0.0"), 0).unwrap();
    let survey = Survey {
        links: vec![
            link(1, "veth"),
            link(2, "veth"),
            link(3, "veth"),
            wireguard(4, &[A, B]),
            // wg-quick makes these routes for 0.0.0.0/0: all but the device's own messages go into the device.
            wireguard(5, &[A]),
            // An endpoint that is reached by several routes.
            wireguard(6, &["198.51.100.2:51820"]),
            // A device inside of another one.
            wireguard(7, &["10.0.0.2:51820"]),
            Link { vtep: Some(Vtep { peers: vec![ip("10.0.0.2")], ..Vtep::default() }), ..link(8, "vxlan") },
        ],
        routes: vec![(ip("10.0.0.2"), 4)],
        departures: departures(&[
            (4, A, 1),
            (4, B, 2),
            (5, A, 1),
            (6, "198.51.100.2:51820", 2),
            (7, "10.0.0.2:51820", 4),
        ]),
        detours: vec![(everywhere, vec![5]), ("198.51.100.0/24".parse().unwrap(), vec![2, 3])],
        ..Survey::default()
    };
    // The table that leads into device 5 is one to which a rule leads, so nobody knows whose packets take it.
    for (of, is) in [(4, vec![1, 2]), (5, vec![1]), (6, vec![2, 3, 1]), (7, vec![1, 2]), (8, vec![1, 2])] {
        assert_eq!(wires(&survey, of), is, "{of}");
        let link = survey.link(of).unwrap();
        assert_eq!(survey.role(link), Role::Aside, "{of}");
        assert!(survey.encloses(link) && !survey.shows_its_wire(link), "{of}");
    }
}

#[test]
fn wireguard_is_hidden_where_it_is_not_known_by_which_links_it_leaves() {
    let not_read = link(4, "wireguard");
    let foreign = |mut link: Link| {
        link.wireguard.as_mut().unwrap().foreign_socket = true;
        link
    };
    let mut survey = Survey {
        links: vec![
            Link { index: 1, up: true, loopback: true, ..Link::default() },
            link(2, "veth"),
            not_read,
            wireguard(5, &[]),
            foreign(wireguard(6, &[A])),
            // A mark that no rule knows, so that the messages would go into the device that they come from.
            wireguard(7, &[A]),
            // The endpoint is a program of this host, which carries the messages on, nobody knows by which link.
            wireguard(8, &["127.0.0.1:9"]),
            // Nowhere.
            wireguard(9, &[B]),
            // Into each other.
            wireguard(10, &[C]),
            wireguard(11, &[C, B]),
        ],
        departures: departures(&[(7, A, 7), (8, "127.0.0.1:9", 1), (10, C, 11), (11, C, 10)]),
        detours: vec![("192.0.2.0/24".parse().unwrap(), vec![7])],
        ..Survey::default()
    };
    for link in survey.links.iter().filter(|link| link.index > 2) {
        assert_eq!(survey.role(link), Role::Hidden, "{}", link.index);
        assert_eq!(wires(&survey, link.index), [link.index]);
    }
    // A way out for one of them is one for both.
    survey.departures.extend(departures(&[(11, B, 2)]));
    for of in [10, 11] {
        assert_eq!(survey.role(survey.link(of).unwrap()), Role::Aside);
        assert_eq!(wires(&survey, of), [2]);
    }
}

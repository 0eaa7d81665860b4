//! The choice of the interfaces to capture on when none is named, with its reasons. It is a pure function of the
//! answers of the kernel and of Docker.

use std::fmt;
use std::net::IpAddr;

use super::docker::Swarm;
use super::survey::{Link, Survey, Vtep};
use crate::escape::escape;

/// An interface that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The index of its link.
    pub index: u32,
    /// Its name. It may hold bytes that steer a terminal.
    pub name: String,
    /// The reasons for the choice, the best first. There is at least one.
    pub reasons: Vec<Reason>,
}

/// A reason to choose an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The packets of a VXLAN device pass it.
    Underlay {
        /// The name of the VXLAN device.
        device: String,
        /// The Docker network with the device's VNI, if there is one.
        network: Option<String>,
    },
    /// It has the source address of an `IPsec` security association.
    Association(IpAddr),
    /// It has the address of a Docker swarm's data path.
    Swarm {
        /// The names of the swarm's overlay networks.
        networks: Vec<String>,
    },
    /// The default route leaves by it.
    DefaultRoute,
    /// It is up, and no better interface was found.
    Up,
}

/// Prints the reason, with all names escaped.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Underlay { device, network } => {
                write!(f, "underlay of {}", escape(device))?;
                network.iter().try_for_each(|name| write!(f, ", docker overlay \"{}\"", escape(name)))
            }
            Self::Association(address) => write!(f, "source of an IPsec SA, {address}"),
            Self::Swarm { networks } => {
                f.write_str("data path of the docker swarm")?;
                for (at, name) in networks.iter().enumerate() {
                    let before = if at == 0 { ", docker overlay" } else { "," };
                    write!(f, "{before} \"{}\"", escape(name))?;
                }
                Ok(())
            }
            Self::DefaultRoute => f.write_str("default route"),
            Self::Up => f.write_str("up"),
        }
    }
}

/// Prints `NAME (REASON; REASON)`, escaped. This text stands after `interface: ` in the output.
impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (", escape(&self.name))?;
        for (at, reason) in self.reasons.iter().enumerate() {
            write!(f, "{}{reason}", if at == 0 { "" } else { "; " })?;
        }
        f.write_str(")")
    }
}

/// Returns the interfaces to capture on, in the order of their indices. Only links that are up are chosen.
///
/// Links that carry an overlay come first: the underlay of a VXLAN device, and the link with the source address of an
/// SA or the address of the swarm's data path. If there are none, the links of the default route are chosen. If there
/// are none of these either, all links except the loopback are chosen, or the loopback if no other link is up.
pub fn choose(survey: &Survey, swarm: Option<&Swarm>) -> Vec<Choice> {
    let mut choices = Choices { survey, chosen: Vec::new() };
    for device in &survey.links {
        let Some(vtep) = device.vtep.as_ref().filter(|vtep| !vtep.foreign_socket) else { continue };
        let network = swarm.zip(vtep.vni).and_then(|(swarm, vni)| swarm.network(vni)).map(str::to_owned);
        for link in underlay(survey, vtep) {
            choices.add(link, Reason::Underlay { device: device.name.clone(), network: network.clone() });
        }
    }
    for &source in survey.sa_sources.iter().flatten() {
        if let Some(link) = survey.owner(source) {
            choices.add(link, Reason::Association(source));
        }
    }
    if let Some((swarm, link)) = swarm.and_then(|swarm| Some((swarm, survey.owner(swarm.address)?))) {
        let networks = swarm.networks.iter().map(|network| network.name.clone()).collect();
        choices.add(link, Reason::Swarm { networks });
    }
    if choices.chosen.is_empty() {
        for link in survey.default_routes.iter().filter_map(|index| survey.link(*index)) {
            choices.add(link, Reason::DefaultRoute);
        }
    }
    for loopback in [false, true] {
        if choices.chosen.is_empty() {
            for link in survey.links.iter().filter(|link| link.loopback == loopback) {
                choices.add(link, Reason::Up);
            }
        }
    }
    choices.chosen.sort_by_key(|choice| choice.index);
    choices.chosen
}

/// Returns the links that the packets of a tunnel pass: the link that it is bound to; otherwise the links of the
/// routes to its peers, and the link with its address. The loopback counts only if there is no other link, because an
/// EVPN fabric has that address on the loopback, where no packet passes.
fn underlay<'s>(survey: &'s Survey, vtep: &Vtep) -> Vec<&'s Link> {
    // The packets can be read on the device of a tunnel or of MACsec. A VRF is replaced by its ports, because it
    // shows in clear the packets that its ports send encrypted.
    let readable = |link: &'s Link| match link.kind.as_deref() {
        Some("vrf") => survey.ports(link.index).collect(),
        _ => vec![link],
    };
    if let Some(link) = vtep.underlay.and_then(|index| survey.link(index)) {
        return readable(link);
    }
    let peers = vtep.remote.iter().chain(&vtep.peers);
    let mut links: Vec<&Link> = peers.filter_map(|peer| survey.route(*peer)).collect();
    let owner = vtep.local.and_then(|local| survey.owner(local));
    links.extend(owner.filter(|owner| !owner.loopback || links.is_empty()));
    links.into_iter().flat_map(readable).collect()
}

struct Choices<'s> {
    survey: &'s Survey,
    chosen: Vec<Choice>,
}

impl Choices<'_> {
    fn add(&mut self, link: &Link, reason: Reason) {
        debug_assert!(self.survey.link(link.index).is_some());
        if !link.up {
            return;
        }
        match self.chosen.iter_mut().find(|choice| choice.index == link.index) {
            Some(choice) if choice.reasons.contains(&reason) => {}
            Some(choice) => choice.reasons.push(reason),
            None => {
                self.chosen.push(Choice {
                    index: link.index,
                    name: link.name.clone(),
                    reasons: vec![reason],
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::docker::SwarmNetwork;
    use crate::packet::{Prefix, Vni};

    fn link(index: u32, name: &str, address: &str) -> Link {
        let addresses = address.parse().into_iter().filter_map(|address| Prefix::new(address, 24)).collect();
        Link {
            index,
            name: name.to_owned(),
            up: true,
            running: true,
            loopback: name == "lo",
            addresses,
            ..Link::default()
        }
    }

    fn vtep(index: u32, name: &str, vni: u32, tunnel: Vtep) -> Link {
        Link { vtep: Some(Vtep { vni: Vni::new(vni), port: 4789, ..tunnel }), ..link(index, name, "") }
    }

    /// Makes a host with a link to the Internet (eth0) and one to its neighbours (eth1).
    fn host(more: impl IntoIterator<Item = Link>) -> Survey {
        let mut links =
            vec![link(1, "lo", "127.0.0.1"), link(2, "eth0", "203.0.113.5"), link(3, "eth1", "192.0.2.1")];
        links.extend(more);
        Survey { links, default_routes: vec![2], sa_sources: Some(Vec::new()), ..Survey::default() }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn swarm(address: &str) -> Swarm {
        let network = |name: &str, vni| SwarmNetwork {
            name: name.to_owned(),
            vnis: Vni::new(vni).into_iter().collect(),
        };
        Swarm { address: ip(address), networks: vec![network("insecure", 4097), network("secure", 4098)] }
    }

    fn told(survey: &Survey, swarm: Option<&Swarm>) -> Vec<String> {
        choose(survey, swarm).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn plain_host_is_its_default_route() {
        assert_eq!(told(&host([]), None), ["eth0 (default route)"]);
    }

    #[test]
    fn link_the_tunnel_is_bound_to() {
        let tunnel = Vtep { underlay: Some(3), local: Some(ip("203.0.113.5")), ..Vtep::default() };
        assert_eq!(told(&host([vtep(4, "vxlan0", 4097, tunnel)]), None), ["eth1 (underlay of vxlan0)"]);
    }

    #[test]
    fn docker_names_the_network_of_the_vni() {
        let tunnel = Vtep { underlay: Some(3), ..Vtep::default() };
        let survey = host([vtep(4, "vxlan0", 4097, tunnel)]);
        assert_eq!(
            told(&survey, Some(&swarm("198.51.100.9"))),
            ["eth1 (underlay of vxlan0, docker overlay \"insecure\")"]
        );
    }

    #[test]
    fn a_vrf_stands_for_its_ports_and_a_tunnels_device_for_itself() {
        let tunnel = || Vtep { underlay: Some(5), ..Vtep::default() };
        let port = Link { master: Some(5), ..link(6, "eth2", "") };
        let below =
            |kind: &str| Link { kind: Some(kind.to_owned()), parent: Some(6), ..link(5, "below", "") };
        let survey = |kind| host([vtep(4, "vxlan0", 4097, tunnel()), below(kind), port.clone()]);
        assert_eq!(told(&survey("vrf"), None), ["eth2 (underlay of vxlan0)"]);
        assert_eq!(told(&survey("macsec"), None), ["below (underlay of vxlan0)"]);
    }

    #[test]
    fn owner_of_the_tunnels_address() {
        let tunnel = Vtep { local: Some(ip("192.0.2.1")), ..Vtep::default() };
        assert_eq!(told(&host([vtep(4, "vxlan0", 1, tunnel)]), None), ["eth1 (underlay of vxlan0)"]);
    }

    #[test]
    fn route_to_the_peers_of_the_forwarding_table() {
        let tunnel = Vtep { peers: vec![ip("192.0.2.2"), ip("203.0.113.9")], ..Vtep::default() };
        let mut survey = host([vtep(4, "vxlan0", 1, tunnel)]);
        survey.routes = vec![(ip("192.0.2.2"), 3), (ip("203.0.113.9"), 2)];
        assert_eq!(told(&survey, None), ["eth0 (underlay of vxlan0)", "eth1 (underlay of vxlan0)"]);
    }

    #[test]
    fn tunnel_over_the_loopback_counts() {
        let tunnel = Vtep { local: Some(ip("127.0.0.1")), remote: Some(ip("127.0.0.2")), ..Vtep::default() };
        let mut survey = host([vtep(4, "vxlan0", 1, tunnel)]);
        survey.routes = vec![(ip("127.0.0.2"), 1)];
        assert_eq!(told(&survey, None), ["lo (underlay of vxlan0)"]);
    }

    #[test]
    fn address_on_the_loopback_of_a_fabric_is_no_wire() {
        let tunnel = Vtep { local: Some(ip("127.0.0.1")), peers: vec![ip("192.0.2.2")], ..Vtep::default() };
        let mut survey = host([vtep(4, "vxlan0", 1, tunnel)]);
        survey.routes = vec![(ip("192.0.2.2"), 3)];
        assert_eq!(told(&survey, None), ["eth1 (underlay of vxlan0)"]);
    }

    #[test]
    fn source_of_an_association_and_not_its_peer() {
        let mut survey = host([]);
        survey.sa_sources = Some(vec![ip("192.0.2.2"), ip("192.0.2.1")]);
        assert_eq!(told(&survey, None), ["eth1 (source of an IPsec SA, 192.0.2.1)"]);
    }

    #[test]
    fn data_path_of_a_swarm_whose_devices_are_in_other_namespaces() {
        assert_eq!(
            told(&host([]), Some(&swarm("192.0.2.1"))),
            ["eth1 (data path of the docker swarm, docker overlay \"insecure\", \"secure\")"]
        );
    }

    #[test]
    fn several_reasons_for_one_and_several_interfaces() {
        let bound = |underlay| Vtep { underlay: Some(underlay), ..Vtep::default() };
        let mut survey = host([
            vtep(4, "vxlan0", 1, bound(3)),
            vtep(5, "vxlan1", 2, bound(3)),
            vtep(6, "vxlan2", 3, bound(2)),
        ]);
        survey.sa_sources = Some(vec![ip("192.0.2.1")]);
        assert_eq!(
            told(&survey, None),
            [
                "eth0 (underlay of vxlan2)",
                "eth1 (underlay of vxlan0; underlay of vxlan1; source of an IPsec SA, 192.0.2.1)"
            ]
        );
    }

    #[test]
    fn tunnel_whose_socket_is_elsewhere_says_nothing_here() {
        let tunnel = Vtep { underlay: Some(3), foreign_socket: true, ..Vtep::default() };
        assert_eq!(told(&host([vtep(4, "vxlan0", 1, tunnel)]), None), ["eth0 (default route)"]);
    }

    #[test]
    fn underlay_that_is_down_cannot_be_captured_on() {
        let tunnel = Vtep { underlay: Some(3), ..Vtep::default() };
        let mut survey = host([vtep(4, "vxlan0", 1, tunnel)]);
        survey.links[2].up = false;
        assert_eq!(told(&survey, None), ["eth0 (default route)"]);
    }

    #[test]
    fn without_a_default_route_all_that_are_up_but_the_loopback() {
        let mut survey = host([]);
        survey.default_routes.clear();
        assert_eq!(told(&survey, None), ["eth0 (up)", "eth1 (up)"]);
        survey.links[1].up = false;
        survey.links[2].up = false;
        assert_eq!(told(&survey, None), ["lo (up)"]);
        survey.links[0].up = false;
        assert!(told(&survey, None).is_empty());
    }

    #[test]
    fn unknown_associations_are_no_reason() {
        let survey = Survey { sa_sources: None, ..host([]) };
        assert_eq!(told(&survey, None), ["eth0 (default route)"]);
    }

    #[test]
    fn hostile_names_are_escaped() {
        let tunnel = Vtep { underlay: Some(3), ..Vtep::default() };
        let survey = host([vtep(4, "vx\x1b]0;x\x07", 1, tunnel)]);
        assert_eq!(told(&survey, None), ["eth1 (underlay of vx\\u{1b}]0;x\\u{7})"]);
    }
}

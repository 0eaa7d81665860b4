//! Taking a survey: the answers of netlink, put together.

use std::net::IpAddr;

use super::{Error, Survey, Tunnelled, sockets};
use crate::host::associations;
use crate::host::namespace::Namespace;
use crate::netlink::route::table::{self, Route};
use crate::netlink::route::{Neighbour, address, forwarding, link, neighbour, nexthop};
use crate::netlink::{Family, Netlink, Refusal, fou};
use crate::packet::{IpVersion, MacAddress, Prefix};

/// The greatest number of VXLAN peers whose routes are asked for, and again of other ends of tunnels, of WireGuard's
/// endpoints and of the destinations that a caller wants.
pub(super) const MOST_PEERS: usize = 4096;

/// The greatest number of next-hop objects that are kept.
const MOST_NEXT_HOPS: usize = 1 << 16;

/// The greatest number of neighbours that are kept of each address family.
const MOST_NEIGHBOURS: usize = 4096;

impl Survey {
    /// Asks the kernel about a network namespace, or about that of this thread. Only entering a namespace needs a
    /// privilege.
    pub fn take(namespace: Option<&Namespace>) -> Result<Self, Error> {
        Self::take_toward(namespace, &[])
    }

    /// Does the same, and asks for the routes to these destinations as well, whoever's peers they are.
    pub fn take_toward(namespace: Option<&Namespace>, destinations: &[IpAddr]) -> Result<Self, Error> {
        Namespace::run(namespace, || {
            let mut survey = ask(destinations)?;
            survey.find_hardware(namespace.is_none());
            survey.sa_sources = associations::sources();
            Ok(survey)
        })?
    }

    /// Asks only for what tells the UDP ports of tunnels: links, forwarding entries, WireGuard's tunnels and the sockets.
    /// A host may have hundreds of namespaces, and some of them a million routes.
    pub fn take_tunnels(namespace: Option<&Namespace>) -> Result<Self, Error> {
        Namespace::run(namespace, || {
            let (mut survey, mut netlink) = links()?;
            survey.find_wireguard();
            survey.find_forwarding(&mut netlink);
            survey.udp_sockets = sockets::udp();
            let generic = Netlink::open(Family::Generic).map_err(Refusal::from);
            survey.fou_ports = generic.and_then(|mut netlink| fou::ports(&mut netlink)).unwrap_or_default();
            Ok(survey)
        })?
    }

    fn find_forwarding(&mut self, netlink: &mut Netlink) {
        if self.links.iter().any(|link| link.vtep.is_some()) {
            // A kernel without bridging has no such table, and no peers in it.
            self.add_forwarding(&forwarding::all(netlink).unwrap_or_default());
        }
    }

    fn add_addresses(&mut self, addresses: Vec<(u32, Prefix)>) {
        for (index, address) in addresses {
            if let Some(link) = self.links.iter_mut().find(|link| link.index == index) {
                link.addresses.push(address);
            }
        }
    }

    fn add_forwarding(&mut self, entries: &[forwarding::Entry]) {
        for entry in entries {
            let link = self.links.iter_mut().find(|link| link.index == entry.link);
            if let Some(vtep) = link.and_then(|link| link.vtep.as_mut()) {
                vtep.learn(entry, &self.next_hops);
            }
        }
    }

    fn add_neighbours(&mut self, neighbours: Vec<Neighbour>) {
        let (v4, v6): (Vec<_>, Vec<_>) =
            neighbours.into_iter().filter(is_host).partition(|neighbour| neighbour.address.is_ipv4());
        self.neighbours = v4.into_iter().take(MOST_NEIGHBOURS).collect();
        self.neighbours.extend(v6.into_iter().take(MOST_NEIGHBOURS));
    }

    fn add_routes(&mut self, mut routes: Vec<Route>) {
        for route in &mut routes {
            route.resolve(&self.next_hops);
        }
        for &index in default_route(&routes) {
            if !self.default_routes.contains(&index) {
                self.default_routes.push(index);
            }
        }
        let tunnels = routes.iter().filter_map(|route| Some((route.to, route.tunnel?)));
        let tunnelled = tunnels.map(|(to, (node, device))| Tunnelled { to, device, node });
        self.tunnelled.extend(tunnelled.take(MOST_PEERS));
        let detours = routes.iter().filter(|route| is_detour(route));
        self.detours.extend(detours.map(|route| (route.to, route.links.clone())));
    }

    /// Returns the destinations whose routes are asked for: those that are wanted, the peers of VXLAN devices, the other
    /// ends of tunnels, and the nodes that routes into tunnels lead to.
    fn destinations(&self, wanted: &[IpAddr]) -> Vec<IpAddr> {
        let tunnels = self.links.iter().filter_map(|link| link.vtep.as_ref());
        let here = tunnels.filter(|vtep| !vtep.foreign_socket);
        let peers = here.flat_map(|vtep| vtep.remote.iter().chain(&vtep.peers)).take(MOST_PEERS);
        let nodes = self.tunnelled.iter().map(|tunnelled| &tunnelled.node).take(MOST_PEERS);
        let ends = self.links.iter().filter_map(|link| link.remote.as_ref()).take(MOST_PEERS);
        let mut found: Vec<IpAddr> = Vec::new();
        for destination in wanted.iter().take(MOST_PEERS).chain(peers).chain(ends).chain(nodes) {
            if !found.contains(destination) {
                found.push(*destination);
            }
        }
        found
    }
}

/// Returns the addresses of all hosts in a namespace whose link-layer addresses are known. `None` if the kernel does not
/// list them.
pub fn neighbours(namespace: Option<&Namespace>) -> Option<Vec<IpAddr>> {
    let all = || neighbour::all(&mut Netlink::open(Family::Route).ok()?).ok();
    let found = Namespace::run(namespace, all).ok()??;
    Some(found.into_iter().filter(is_host).map(|neighbour| neighbour.address).collect())
}

/// Returns the indices of the links that packets to these destinations leave by, in their order; `None` where there is no
/// route. No more than some thousand are asked for.
pub fn leaving(namespace: Option<&Namespace>, destinations: &[IpAddr]) -> Vec<(IpAddr, Option<u32>)> {
    let all = || {
        let Ok(mut netlink) = Netlink::open(Family::Route) else { return Vec::new() };
        let link = |to: &IpAddr| (*to, table::outgoing(&mut netlink, *to).ok().flatten());
        destinations.iter().take(MOST_PEERS).map(link).collect()
    };
    Namespace::run(namespace, all).unwrap_or_default()
}

fn failed(operation: &'static str) -> impl Fn(Refusal) -> Error + Copy {
    move |cause| Error::Kernel { operation, cause }
}

/// Begins a survey with the links, by their indices. Also returns the conversation, for what else is to be asked.
fn links() -> Result<(Survey, Netlink), Error> {
    let failed = failed("list the network interfaces");
    let mut netlink = Netlink::open(Family::Route).map_err(Refusal::from).map_err(failed)?;
    let mut links = link::all(&mut netlink).map_err(failed)?;
    links.sort_by_key(|link| link.index);
    Ok((Survey { links, ..Survey::default() }, netlink))
}

fn ask(destinations: &[IpAddr]) -> Result<Survey, Error> {
    let (mut survey, mut netlink) = links()?;
    let addresses = failed("list the addresses of the network interfaces");
    survey.add_addresses(address::all(&mut netlink).map_err(addresses)?);
    survey.find_wireguard();
    // A kernel before 5.3 has no such objects, and refuses.
    survey.next_hops = nexthop::all(&mut netlink).unwrap_or_default();
    survey.next_hops.truncate(MOST_NEXT_HOPS);
    survey.find_forwarding(&mut netlink);
    if survey.links.iter().any(|link| link.vtep.is_some()) {
        survey.add_neighbours(neighbour::all(&mut netlink).unwrap_or_default());
    }
    for version in IpVersion::BOTH {
        // A kernel without IPv6 refuses, and has no such routes.
        survey.add_routes(table::all(&mut netlink, version).unwrap_or_default());
    }
    for destination in survey.destinations(destinations) {
        // The kernel answers with an error if there is no route.
        let link = table::outgoing(&mut netlink, destination).ok().flatten();
        survey.routes.extend(link.map(|link| (destination, link)));
    }
    survey.find_departures(&mut netlink);
    Ok(survey)
}

/// Returns true for a neighbour that is another host. Once something was sent to a subnet's broadcast address, the kernel
/// lists that address too (linux `net/ipv4/arp.c`, `arp_constructor`).
fn is_host(neighbour: &Neighbour) -> bool {
    let address = neighbour.address;
    let is_group = address.is_multicast() || neighbour.mac == MacAddress::BROADCAST;
    neighbour.mac != MacAddress::ZERO && !is_group && !address.is_unspecified()
}

/// Returns the links of the default route with the lowest metric in the main table.
fn default_route(routes: &[Route]) -> &[u32] {
    let defaults = routes.iter().filter(|route| route.to.length() == 0 && route.is_main());
    defaults.min_by_key(|route| route.metric).map_or(&[], |route| &route.links)
}

/// Returns true for a route with several next hops, and for one in a table that only a rule leads to.
fn is_detour(route: &Route) -> bool {
    route.several || route.is_by_rule() && !route.links.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broadcast_address_in_the_neighbour_table_is_no_host_to_probe() {
        let neighbour = |address: &str, mac| Neighbour {
            link: 3,
            address: address.parse().unwrap(),
            mac,
            permanent: false,
            stale: false,
        };
        let host = neighbour("10.7.0.2", MacAddress([2, 0, 0, 0, 0, 2]));
        let broadcast = neighbour("10.7.0.255", MacAddress::BROADCAST);
        let group = neighbour("ff02::1", MacAddress([0x33, 0x33, 0, 0, 0, 1]));
        let mut survey = Survey::default();
        survey.add_neighbours(vec![broadcast, group, host.clone()]);
        assert_eq!(survey.neighbours, [host]);
    }
}

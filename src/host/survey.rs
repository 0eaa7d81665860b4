//! The survey of a network namespace: its links and routes, as the kernel describes them.

mod hardware;
mod sockets;
mod take;
mod wireguard;

use std::net::{IpAddr, SocketAddr};

use super::namespace;
use crate::netlink::Refusal;
use crate::netlink::route::nexthop;
pub use crate::netlink::route::{Link, Neighbour, NextHop, Vtep};
pub use crate::netlink::wireguard::{Peer as WireGuardPeer, PublicKey, WireGuard};
use crate::packet::Prefix;
pub use sockets::UdpSocket;
pub use take::{leaving, neighbours};

/// One reading of a network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// All links, by index.
    pub links: Vec<Link>,
    /// The indices of the links of two default routes: the one for IPv4 and the one for IPv6 with the lowest metric.
    pub default_routes: Vec<u32>,
    /// The routes to the VXLAN peers, to the other ends of tunnels and to the destinations that were asked for: the
    /// destination, and the index of the link that a packet to it leaves by.
    pub routes: Vec<(IpAddr, u32)>,
    /// The routes that [`Self::routes`] may not show, because they have several next hops or stand in a table to
    /// which a rule leads some packets: their destinations, and the indices of their links.
    pub detours: Vec<(Prefix, Vec<u32>)>,
    /// The routes into tunnel devices in metadata mode.
    pub tunnelled: Vec<Tunnelled>,
    /// The links that the messages of WireGuard devices leave by: the index of the device, the endpoint of a peer, and
    /// the index of the link. They are asked for with the mark and the port of the device.
    pub departures: Vec<(u32, SocketAddr, u32)>,
    /// The next-hop objects, which a forwarding entry may name in place of a peer.
    pub next_hops: Vec<NextHop>,
    /// The neighbours on all links. They are read only if one of the links is a VXLAN device.
    pub neighbours: Vec<Neighbour>,
    /// The source addresses of the `IPsec` security associations. `None` if the kernel does not show them to this user.
    pub sa_sources: Option<Vec<IpAddr>>,
    /// The UDP sockets, which only [`Self::take_tunnels`] asks for. `None` if the kernel does not list them.
    pub udp_sockets: Option<Vec<UdpSocket>>,
    /// The UDP ports at which the kernel takes FOU and GUE. Only [`Self::take_tunnels`] asks for them.
    pub fou_ports: Vec<u16>,
}

/// A route into a tunnel device in metadata mode, which sends its packets to one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnelled {
    /// The destinations.
    pub to: Prefix,
    /// The index of the device.
    pub device: u32,
    /// The node's address.
    pub node: IpAddr,
}

/// The reasons for which there is no survey.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The namespace cannot be entered.
    #[error(transparent)]
    Namespace(#[from] namespace::Error),
    /// The kernel refused, or did not answer.
    #[error("{operation}: {cause}")]
    Kernel {
        /// The request.
        operation: &'static str,
        /// The kernel's reason.
        cause: Refusal,
    },
}

impl Survey {
    /// Returns the link with this index.
    pub fn link(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// Returns the link with this name.
    pub fn named(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// Returns the link that has this address.
    pub fn owner(&self, address: IpAddr) -> Option<&Link> {
        self.links.iter().find(|link| link.addresses.iter().any(|own| own.address() == address))
    }

    /// Returns the addresses that the next-hop object of this number leads to.
    pub fn gateways(&self, next_hop: u32) -> impl Iterator<Item = IpAddr> {
        nexthop::members(&self.next_hops, next_hop).filter_map(|hop| hop.gateway)
    }

    /// Returns the links that packets to this destination may leave by beside the one of [`Self::route`].
    pub fn detours(&self, destination: IpAddr) -> impl Iterator<Item = &Link> {
        let leads = move |(to, _): &&(Prefix, Vec<u32>)| to.contains(destination);
        self.detours.iter().filter(leads).flat_map(|(_, links)| links).filter_map(|index| self.link(*index))
    }

    /// Returns the links that the messages of a WireGuard device leave by. It is none if nothing is known of the device,
    /// if its socket is in another namespace, or if the only routes lead into the device itself or to this host.
    pub fn departures(&self, device: &Link) -> Vec<&Link> {
        let leaves = |link: &&Link| link.index != device.index && !link.loopback;
        let asked = self.departures.iter().filter(|(from, ..)| *from == device.index);
        let asked: Vec<&Link> = asked.filter_map(|(_, _, index)| self.link(*index)).filter(leaves).collect();
        if asked.is_empty() {
            return asked;
        }
        let endpoints = device.wireguard.iter().flat_map(WireGuard::endpoints);
        let detours = endpoints.flat_map(|endpoint| self.detours(endpoint.ip()));
        let mut found: Vec<&Link> = Vec::new();
        for link in asked.into_iter().chain(detours.filter(|link| link.up).filter(leaves)) {
            if found.iter().all(|known| known.index != link.index) {
                found.push(link);
            }
        }
        found
    }

    /// Returns the link that packets to this VXLAN peer, other end of a tunnel, or destination that was asked for leave by.
    pub fn route(&self, destination: IpAddr) -> Option<&Link> {
        let (_, index) = self.routes.iter().find(|(to, _)| *to == destination)?;
        self.link(*index)
    }
}

impl Link {
    /// Returns `up`, `no-carrier` or `down`.
    pub fn state(&self) -> &'static str {
        match (self.up, self.running) {
            (true, true) => "up",
            (true, false) => "no-carrier",
            (false, _) => "down",
        }
    }

    /// Returns the hardware type in a word.
    pub fn hardware_name(&self) -> &'static str {
        match self.hardware {
            1 => "ethernet",
            32 => "infiniband",
            512 => "ppp",
            768 | 769 => "ip-tunnel",
            772 => "loopback",
            776 => "sit",
            778 | 823 => "gre",
            801..=803 => "wireless",
            824 => "netlink",
            65534 => "ip",
            _ => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_paths_to_a_destination_are_known() {
        let link = |index| Link { index, ..Link::default() };
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let prefix = |text: &str| text.parse::<Prefix>().unwrap();
        let survey = Survey {
            links: vec![link(1), link(2), link(3)],
            detours: vec![(prefix("192.0.2.0/24"), vec![1, 2]), (prefix("2001:db8::/32"), vec![3])],
            ..Survey::default()
        };
        let detours = |to: &str| survey.detours(ip(to)).map(|link| link.index).collect::<Vec<_>>();
        assert_eq!(detours("192.0.2.7"), [1, 2]);
        assert_eq!(detours("2001:db8::1"), [3]);
        assert_eq!(detours("198.51.100.1"), [0; 0]);
    }
}

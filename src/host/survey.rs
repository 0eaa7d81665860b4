//! What can be captured on: the links of a network namespace, as the kernel describes them.

mod take;

use std::net::IpAddr;

use super::namespace;
use crate::netlink::Refusal;
pub use crate::netlink::route::{Link, Neighbour, Vxlan};
use crate::packet::Prefix;

/// What the kernel said about one network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// All links, by index.
    pub links: Vec<Link>,
    /// Indices of the links that the IPv4 and the IPv6 default route with the lowest metric leave by.
    pub default_routes: Vec<u32>,
    /// Which link a packet to each VXLAN peer, and to the other end of each tunnel, leaves by: whom, and the link's index.
    pub routes: Vec<(IpAddr, u32)>,
    /// Routes that the answer to a question for a route may leave out: those with several next hops, and those in tables
    /// that a rule leads some packets to. Their destination, and the links they leave by.
    pub detours: Vec<(Prefix, Vec<u32>)>,
    /// Who has which address on the links that are VXLAN devices or bridges.
    pub neighbours: Vec<Neighbour>,
    /// Source addresses of the `IPsec` security associations; `None` when we may not know.
    pub sa_sources: Option<Vec<IpAddr>>,
}

/// Why the kernel could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The namespace cannot be entered.
    #[error(transparent)]
    Namespace(#[from] namespace::Error),
    /// The kernel refused, or does not answer.
    #[error("{operation}: {cause}")]
    Kernel {
        /// What it was asked to do.
        operation: &'static str,
        /// Its word.
        cause: Refusal,
    },
}

impl Survey {
    /// The link with this index.
    pub fn link(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// The link with this name.
    pub fn named(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The link that owns this address.
    pub fn owner(&self, address: IpAddr) -> Option<&Link> {
        self.links.iter().find(|link| link.addresses.iter().any(|own| own.address() == address))
    }

    /// The links that packets to this destination may leave by beside the one of [`Self::route`].
    pub fn detours(&self, destination: IpAddr) -> impl Iterator<Item = &Link> {
        let leads = move |(to, _): &&(Prefix, Vec<u32>)| to.contains(destination);
        self.detours.iter().filter(leads).flat_map(|(_, links)| links).filter_map(|index| self.link(*index))
    }

    /// The link that packets to this VXLAN peer, or to the other end of a tunnel, leave by.
    pub fn route(&self, destination: IpAddr) -> Option<&Link> {
        let (_, index) = self.routes.iter().find(|(to, _)| *to == destination)?;
        self.link(*index)
    }
}

impl Link {
    /// `up`, `no-carrier` or `down`.
    pub fn state(&self) -> &'static str {
        match (self.up, self.running) {
            (true, true) => "up",
            (true, false) => "no-carrier",
            (false, _) => "down",
        }
    }

    /// The hardware type in a word.
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

//! What can be captured on: the links of a network namespace, as the kernel describes them.

use std::net::IpAddr;

use super::netlink;
use crate::packet::Vni;

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
    /// that a rule leads some packets to. Destination, length of its prefix, and the links they leave by.
    pub detours: Vec<(IpAddr, u8, Vec<u32>)>,
    /// Who has which address on the links that are VXLAN devices or bridges.
    pub neighbours: Vec<Neighbour>,
    /// Source addresses of the `IPsec` security associations; `None` when we may not know.
    pub sa_sources: Option<Vec<IpAddr>>,
}

/// An entry of a neighbour table: ARP's or that of IPv6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Index of the link.
    pub link: u32,
    /// The neighbour's address.
    pub address: IpAddr,
    /// Its link-layer address.
    pub mac: [u8; 6],
}

/// A network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The kernel's number of it.
    pub index: u32,
    /// Its name, which may hold bytes that steer a terminal: escape it before it is printed.
    pub name: String,
    /// Set up, by its administrator.
    pub up: bool,
    /// Has a carrier, or says nothing about one.
    pub running: bool,
    /// The loopback.
    pub loopback: bool,
    /// The hardware type, an `ARPHRD_*` number of `linux/if_arp.h`.
    pub hardware: u16,
    /// Its addresses with the lengths of their prefixes.
    pub addresses: Vec<(IpAddr, u8)>,
    /// What made it, as `ip -d link` says: `veth`, `bridge`, `vxlan`…; none for hardware.
    pub kind: Option<String>,
    /// Index of the bridge, bond or VRF it belongs to.
    pub master: Option<u32>,
    /// Index of the link that a link on top of another is on, in this network namespace.
    pub parent: Option<u32>,
    /// The other end, of an IP or GRE tunnel that has one.
    pub remote: Option<IpAddr>,
    /// What its administrator wrote down about it.
    pub alias: Option<String>,
    /// The tunnel, for a VXLAN device.
    pub vxlan: Option<Vxlan>,
}

/// A VXLAN device's tunnel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vxlan {
    /// Its network; none for a device that takes all of them.
    pub vni: Option<Vni>,
    /// The VTEP's own address.
    pub local: Option<IpAddr>,
    /// The group or the only peer.
    pub remote: Option<IpAddr>,
    /// UDP port.
    pub port: u16,
    /// Index of the link the tunnel is bound to.
    pub underlay: Option<u32>,
    /// The peers in the forwarding table.
    pub peers: Vec<IpAddr>,
    /// The forwarding table: which link-layer address is behind which peer.
    pub stations: Vec<([u8; 6], IpAddr)>,
    /// Links that entries of the forwarding table name, whatever the route says.
    pub ways: Vec<u32>,
    /// Networks that entries of the forwarding table name, beside the device's own.
    pub more_vnis: Vec<Vni>,
    /// The tunnel's own socket is in another namespace: `underlay`, `local` and the peers belong there.
    pub elsewhere: bool,
}

/// Links on top of one another that are followed.
const DEPTH: usize = 4;

/// Kinds of links that encrypt what passes them or may have it encrypted below, or hand it to a program that may.
const ENCRYPTING: [&str; 17] = [
    "wireguard",
    "macsec",
    "tun",
    "xfrm",
    "vti",
    "vti6",
    "ipsec",
    "gre",
    "ip6gre",
    "gretap",
    "ip6gretap",
    "ipip",
    "sit",
    "ip6tnl",
    "vxlan",
    "geneve",
    "erspan",
];

/// Why the kernel could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("list the network interfaces: {0}")]
pub struct Error(pub(super) String);

impl Survey {
    /// Asks the kernel about the current network namespace. Needs no privilege.
    pub fn take() -> Result<Self, Error> {
        netlink::survey()
    }

    /// The link with this index.
    pub fn link(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// The link that owns this address.
    pub fn owner(&self, address: IpAddr) -> Option<&Link> {
        self.links.iter().find(|link| link.addresses.iter().any(|(own, _)| *own == address))
    }

    /// The links that packets to this destination may leave by beside the one of [`Self::route`].
    pub fn detours(&self, destination: IpAddr) -> impl Iterator<Item = &Link> {
        let leads =
            move |(network, prefix, _): &&(IpAddr, u8, Vec<u32>)| in_prefix(destination, *network, *prefix);
        self.detours.iter().filter(leads).flat_map(|(.., links)| links).filter_map(|index| self.link(*index))
    }

    /// The links on whose wires is what this one sends: itself, or the last ones of those that it hands its packets to,
    /// wrapped or encrypted. A link whose wire the kernel does not tell stands for itself.
    pub fn wires<'s>(&'s self, link: &'s Link) -> Vec<&'s Link> {
        let mut found: Vec<&Link> = vec![link];
        for _ in 0..DEPTH {
            let mut next: Vec<&Link> = Vec::new();
            for link in found.iter().flat_map(|link| self.below(link).unwrap_or_else(|| vec![link])) {
                if next.iter().all(|known| known.index != link.index) {
                    next.push(link);
                }
            }
            if next == found {
                break;
            }
            found = next;
        }
        found
    }

    /// Whether what this link sends may be encrypted before it is on a wire.
    pub fn encloses(&self, link: &Link) -> bool {
        let parent = link.parent.and_then(|parent| self.link(parent));
        link.may_encrypt() || parent.is_some_and(Link::may_encrypt)
    }

    /// The links that another one hands its packets to, where the kernel tells it.
    fn below(&self, link: &Link) -> Option<Vec<&Link>> {
        let parent = || link.parent.and_then(|parent| self.link(parent));
        match link.kind.as_deref()? {
            // It shows what is sent before it is encrypted.
            "vrf" => {
                Some(self.links.iter().filter(|port| port.master == Some(link.index) && port.up).collect())
            }
            "macsec" | "xfrm" => parent().map(|parent| vec![parent]),
            "vlan" | "macvlan" | "ipvlan" => {
                parent().filter(|parent| parent.may_encrypt()).map(|parent| vec![parent])
            }
            "gre" | "ip6gre" | "ipip" | "sit" | "ip6tnl" | "vti" | "vti6" => {
                let remote = link.remote?;
                let detours = self.detours(remote).filter(|link| link.up);
                let ways: Vec<&Link> = self.route(remote).into_iter().chain(detours).collect();
                // A route that leads into the tunnel itself leads nowhere.
                Some(ways).filter(|ways| !ways.is_empty() && ways.iter().all(|way| way.index != link.index))
            }
            _ => None,
        }
    }

    /// The link that packets to this VXLAN peer, or to the other end of a tunnel, leave by.
    pub fn route(&self, destination: IpAddr) -> Option<&Link> {
        let (_, index) = self.routes.iter().find(|(to, _)| *to == destination)?;
        self.link(*index)
    }
}

/// Whether an address is in a network, given by one of its addresses and the length of its prefix.
pub fn in_prefix(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let ((address, len), (network, other)) = (bits(address), bits(network));
    let kept = u32::from(prefix).min(len);
    len == other && (kept == 0 || (address ^ network) >> (128 - kept) == 0)
}

impl Link {
    /// Whether what is clear on this link may be encrypted on every wire.
    pub fn may_encrypt(&self) -> bool {
        self.kind.as_deref().is_some_and(|kind| ENCRYPTING.contains(&kind))
    }

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
    fn a_prefix_holds_its_addresses() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(in_prefix(ip("192.0.2.1"), ip("0.0.0.0"), 0));
        assert!(in_prefix(ip("192.0.2.1"), ip("192.0.2.1"), 32));
        assert!(in_prefix(ip("192.0.2.77"), ip("192.0.2.64"), 26));
        assert!(!in_prefix(ip("192.0.2.1"), ip("192.0.2.64"), 26));
        assert!(!in_prefix(ip("192.0.2.1"), ip("::"), 0));
        assert!(in_prefix(ip("2001:db8::1"), ip("2001:db8::"), 32));
    }

    #[test]
    fn what_a_tunnel_sends_is_on_the_wire_of_the_link_below() {
        let link =
            |index, kind: &str| Link { index, up: true, kind: Some(kind.to_owned()), ..Link::default() };
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let port = |index| Link { master: Some(6), ..link(index, "veth") };
        let to = |remote: &str, link: Link| Link { remote: Some(ip(remote)), ..link };
        let survey = Survey {
            links: vec![
                link(1, "veth"),
                Link { parent: Some(1), ..link(2, "macsec") },
                to("192.0.2.2", link(3, "gre")),
                to("192.0.2.3", link(4, "ipip")),
                link(5, "gre"),
                link(6, "vrf"),
                port(7),
                port(8),
                to("192.0.2.4", link(9, "sit")),
                link(10, "xfrm"),
                Link { parent: Some(1), ..link(11, "vlan") },
                Link { parent: Some(2), ..link(12, "vlan") },
            ],
            routes: vec![(ip("192.0.2.2"), 2), (ip("192.0.2.3"), 3), (ip("192.0.2.4"), 9)],
            ..Survey::default()
        };
        let wires = |of: u32| {
            survey.wires(survey.link(of).unwrap()).iter().map(|link| link.index).collect::<Vec<_>>()
        };
        assert_eq!((wires(1), wires(2), wires(3), wires(4)), (vec![1], vec![1], vec![1], vec![1]));
        assert_eq!(wires(6), [7, 8]);
        // A VLAN's frames are on its own device as they are on the wire, unless they are encrypted below.
        assert_eq!((wires(11), wires(12)), (vec![11], vec![1]));
        // One that has many other ends, one whose route leads into itself, one of which the kernel says nothing.
        assert_eq!((wires(5), wires(9), wires(10)), (vec![5], vec![9], vec![10]));
        assert!([5, 9, 10].iter().all(|of| survey.link(*of).unwrap().may_encrypt()));
    }

    #[test]
    fn all_paths_to_a_destination_are_known() {
        let link = |index| Link { index, ..Link::default() };
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let survey = Survey {
            links: vec![link(1), link(2), link(3)],
            detours: vec![(ip("192.0.2.0"), 24, vec![1, 2]), (ip("2001:db8::"), 32, vec![3])],
            ..Survey::default()
        };
        let detours = |to: &str| survey.detours(ip(to)).map(|link| link.index).collect::<Vec<_>>();
        assert_eq!(detours("192.0.2.7"), [1, 2]);
        assert_eq!(detours("2001:db8::1"), [3]);
        assert_eq!(detours("198.51.100.1"), [0; 0]);
    }
}

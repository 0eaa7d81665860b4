//! The links on whose wires the packets of a link are. The device of a tunnel shows frames before they are wrapped or
//! encrypted, so its packets are on the wire of a link below it.

use std::net::IpAddr;

use super::survey::{Link, Survey};

/// The number of steps downwards from a link that are followed.
const DEPTH: usize = 6;

/// The kinds of links whose packets may be encrypted: by the link, by a policy below it, or by the program that it
/// hands them to.
const ENCRYPTING: [&str; 22] = [
    "wireguard",
    "macsec",
    "tun",
    "ovpn",
    "ovpn-dco",
    "xfrm",
    "vti",
    "vti6",
    "ipsec",
    "gre",
    "ip6gre",
    "gretap",
    "ip6gretap",
    "erspan",
    "ip6erspan",
    "ipip",
    "sit",
    "ip6tnl",
    "vxlan",
    "geneve",
    "bareudp",
    "gtp",
];

impl Survey {
    /// Returns the links on whose wires the packets of `link` are: the link itself, or the lowest of the links that
    /// it hands its packets to, wrapped or encrypted. If the kernel does not say what is below, the link stands for
    /// itself.
    pub fn wires<'s>(&'s self, link: &'s Link) -> Vec<&'s Link> {
        let mut passed = self.passes(link);
        passed.retain(|link| self.below(link).is_none());
        // Nothing is left of tunnels whose routes lead into each other.
        if passed.is_empty() && link.kind.as_deref() != Some("vrf") { vec![link] } else { passed }
    }

    /// Returns the links that the packets of `link` pass on their way to the wires, `link` itself first.
    pub fn passes<'s>(&'s self, link: &'s Link) -> Vec<&'s Link> {
        follow(link, |link| self.below(link).unwrap_or_default())
    }

    /// Returns true if frames are on this link as they are on its wire, as far as the kernel says.
    pub fn shows_its_wire(&self, link: &Link) -> bool {
        !link.may_encrypt() && self.below(link).is_none()
    }

    /// Returns true if the packets of this link may be encrypted before they are on a wire.
    pub fn encloses(&self, link: &Link) -> bool {
        self.passes(link).iter().any(|link| link.may_encrypt())
    }

    /// Returns the ports of a VRF, a bond or a bridge that are up.
    pub(super) fn ports(&self, master: u32) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(move |port| port.master == Some(master) && port.up)
    }

    /// Returns the links that `link` hands its packets to. `None` if the link shows packets as they are on its wire,
    /// or if the kernel does not say what is below.
    fn below(&self, link: &Link) -> Option<Vec<&Link>> {
        let carriers = self.carriers(link);
        let hides = |carrier: &&Link| {
            follow(carrier, |link| self.carriers(link)).iter().any(|link| link.may_encrypt())
        };
        match link.kind.as_deref()? {
            // A VRF shows packets before policies encrypt them, whatever its ports are.
            "vrf" => Some(carriers),
            "vlan" | "macvlan" | "ipvlan" | "macvtap" | "ipvtap" | "bond" | "team" => {
                Some(carriers).filter(|carriers| carriers.iter().any(hides))
            }
            // A bridge with at least one plain port may send by that port.
            "bridge" => Some(carriers).filter(|carriers| !carriers.is_empty() && carriers.iter().all(hides)),
            _ => Some(carriers).filter(|carriers| !carriers.is_empty()),
        }
    }

    /// Returns the links directly below another one.
    fn carriers(&self, link: &Link) -> Vec<&Link> {
        // A link may be bound to the loopback, but its packets do not leave there. It counts as not bound.
        let parent = || {
            let parent = link.parent.and_then(|parent| self.link(parent)).filter(|parent| !parent.loopback);
            parent.into_iter().collect::<Vec<_>>()
        };
        match link.kind.as_deref().unwrap_or("") {
            "vrf" | "bond" | "team" => self.ports(link.index).collect(),
            // Ports that lead to guests or containers lead to no wire.
            "bridge" => {
                let guest = |port: &&Link| matches!(port.kind.as_deref(), Some("veth" | "tun"));
                self.ports(link.index).filter(|port| !guest(port)).collect()
            }
            "vlan" | "macvlan" | "ipvlan" | "macvtap" | "ipvtap" | "macsec" | "xfrm" => parent(),
            "gre" | "ip6gre" | "ipip" | "sit" | "ip6tnl" | "vti" | "vti6" => match parent() {
                bound if !bound.is_empty() => bound,
                _ => self.outgoing(link, link.remote.as_slice()),
            },
            "vxlan" => {
                let Some(vxlan) = link.vxlan.as_ref().filter(|vxlan| !vxlan.foreign_socket) else {
                    return Vec::new();
                };
                if let Some(bound) = vxlan.underlay.and_then(|underlay| self.link(underlay)) {
                    return vec![bound];
                }
                let peers: Vec<IpAddr> = vxlan.remote.iter().chain(&vxlan.peers).copied().collect();
                self.outgoing(link, &peers)
            }
            _ => Vec::new(),
        }
    }

    /// Returns the links that a tunnel's own packets may leave by. A route that leads into the tunnel itself is left
    /// out.
    fn outgoing(&self, tunnel: &Link, remotes: &[IpAddr]) -> Vec<&Link> {
        let detours = |&remote: &IpAddr| self.detours(remote).filter(|link| link.up);
        let outgoing =
            remotes.iter().flat_map(|remote| self.route(*remote).into_iter().chain(detours(remote)));
        outgoing.filter(|link| link.index != tunnel.index).collect()
    }
}

/// Returns a link, the links below it, the links below these and so on, each once.
fn follow<'s>(link: &'s Link, below: impl Fn(&Link) -> Vec<&'s Link>) -> Vec<&'s Link> {
    let mut found = vec![link];
    let mut level = vec![link];
    for _ in 0..DEPTH {
        let mut next: Vec<&Link> = Vec::new();
        for link in level.iter().flat_map(|link| below(link)) {
            if found.iter().all(|known| known.index != link.index) {
                found.push(link);
                next.push(link);
            }
        }
        level = next;
    }
    found
}

impl Link {
    /// Returns true if packets that are clear on this link may be encrypted on every wire.
    pub fn may_encrypt(&self) -> bool {
        self.kind.as_deref().is_some_and(|kind| ENCRYPTING.contains(&kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::survey::Vxlan;

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
                    vxlan: Some(Vxlan { peers: vec![ip("192.0.2.3")], ..Vxlan::default() }),
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

    #[test]
    fn tunnels_that_lead_into_each_other_lead_nowhere() {
        let survey = Survey {
            links: vec![to("192.0.2.2", link(1, "gre")), to("192.0.2.3", link(2, "gre"))],
            routes: vec![(ip("192.0.2.2"), 2), (ip("192.0.2.3"), 1)],
            ..Survey::default()
        };
        assert_eq!(wires(&survey, 1), [1]);
    }
}

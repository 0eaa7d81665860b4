//! On which links' wires is what a link sends: a tunnel's own device shows frames before they are wrapped or encrypted.

use super::interfaces::{Link, Survey};

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

impl Survey {
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
            // An xfrm interface may be bound to no link that its ESP passes.
            "macsec" | "xfrm" => parent().filter(|parent| !parent.loopback).map(|parent| vec![parent]),
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
}

impl Link {
    /// Whether what is clear on this link may be encrypted on every wire.
    pub fn may_encrypt(&self) -> bool {
        self.kind.as_deref().is_some_and(|kind| ENCRYPTING.contains(&kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

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
}

//! The links on whose wires the packets of a link are. The device of a tunnel shows frames before they are wrapped or
//! encrypted, so its packets are on the wire of a link below it.
//!
//! WireGuard encrypts for certain, and where the kernel tells by which links its messages leave, they are seen there.
//!
//! The lists here name the kinds of links that leave frames as they are. Every other kind may encrypt them, also those
//! that nobody has heard of yet: it is followed to the links below as far as the kernel names them, and believed no
//! further.

use std::net::IpAddr;

use super::survey::{Link, Survey};

/// The number of steps downwards from a link that are followed.
const DEPTH: usize = 6;

/// The kinds of links that are an end of a wire, be it one inside of this machine. A link without a kind is hardware.
const WIRES: [&str; 5] = ["veth", "netkit", "dsa", "ipoib", "netdevsim"];

/// The kinds of links that hand frames on to their parent, as they are or with a tag.
const ON_A_PARENT: [&str; 6] = ["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "virt_wifi"];

/// The kinds of links that hand frames on to their ports. A VRF does so with packets, before policies encrypt them. The
/// kernel's part of Open vSwitch does so by flows, which lead to its ports alone: a tunnel among them shows its own packets
/// below it.
const OF_PORTS: [&str; 6] = ["bridge", "bond", "team", "batadv", "vrf", "openvswitch"];

/// The kinds of links without a wire. A dummy drops every frame, an ifb gives it back to the link that it took it from,
/// and the others carry neither IP nor Ethernet frames of this host.
const NO_WIRE: [&str; 7] = ["dummy", "ifb", "nlmon", "vsockmon", "can", "vcan", "vxcan"];

/// The kinds of tunnels of the kernel whose packets pass another link of their namespace, even if it is not known which.
const TUNNELS: [&str; 15] = [
    "gre",
    "ip6gre",
    "gretap",
    "ip6gretap",
    "erspan",
    "ip6erspan",
    "ipip",
    "sit",
    "ip6tnl",
    "vti",
    "vti6",
    "xfrm",
    "vxlan",
    "geneve",
    "bareudp",
];

/// The types of hardware without IP or Ethernet frames (`linux/if_arp.h`): CAN, three of monitors of a radio, whose
/// frames pass a link of their own as well, netlink monitors and vsock monitors.
const NO_FRAMES: [u16; 6] = [280, 801, 802, 803, 824, 826];

/// The meaning of a frame that is seen on a link, for what is on the wires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Frames on this link are as they are on its wire.
    Wire,
    /// The packets of this link are seen again on links below it, each with a role of its own, or are on no wire.
    Aside,
    /// The packets of this link may be encrypted or changed below it, and the kernel does not say where they leave. A
    /// clear frame here is no leak, and proves nothing.
    Hidden,
}

/// The ways in which a link hands frames on, as its kind tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nature {
    Wire,
    OnParent,
    OfPorts,
    NoWire,
    /// It may change or encrypt what it hands on.
    Changing,
}

impl Survey {
    /// Returns the role of a link among all links of the namespace.
    ///
    /// A tunnel with its socket in another namespace is aside if it is of an overlay, because its frames are then
    /// inside of that. A VLAN or the like on top of a link in another namespace is a wire, the only one of it here.
    pub fn role(&self, link: &Link) -> Role {
        let nature = link.nature();
        if !link.up || nature == Nature::NoWire {
            return Role::Aside;
        }
        if link.clear_below.is_some() || self.is_clear_for_a_card(link) {
            return Role::Hidden;
        }
        let overlay = || matches!(link.kind.as_deref(), Some("vxlan" | "geneve"));
        match nature {
            Nature::Wire => Role::Wire,
            Nature::OnParent if link.elsewhere => Role::Wire,
            Nature::OfPorts => Role::Aside,
            _ if link.elsewhere && overlay() => Role::Aside,
            _ if TUNNELS.contains(&link.kind.as_deref().unwrap_or_default()) && !link.elsewhere => {
                Role::Aside
            }
            _ if self.carriers(link).is_empty() || self.goes_in_circles(link) => Role::Hidden,
            _ => Role::Aside,
        }
    }

    /// Returns the links on whose wires the packets of `link` are: the link itself, or the lowest of the links that
    /// it hands its packets to, wrapped or encrypted. If the kernel does not say what is below, the link stands for
    /// itself.
    pub fn wires<'s>(&'s self, link: &'s Link) -> Vec<&'s Link> {
        let mut passed = self.passes(link);
        passed.retain(|link| self.below(link).is_none());
        // Nothing is left of tunnels whose routes lead into each other.
        if passed.is_empty() && link.kind.as_deref() != Some("vrf") { vec![link] } else { passed }
    }

    /// Returns the links on which the packets of `link` are seen last: as [`Self::wires`] does, except that a VLAN, a
    /// bond or a bridge stands for the links below it also if it shows its wire.
    pub fn lowest<'s>(&'s self, link: &'s Link) -> Vec<&'s Link> {
        let below = |link: &Link| match link.kind.as_deref() {
            Some("bridge") => self.ports(link.index).collect(),
            _ => self.carriers(link),
        };
        let mut passed = follow(link, below);
        passed.retain(|link| self.role(link) != Role::Aside);
        if passed.is_empty() { vec![link] } else { passed }
    }

    /// Returns the links that the packets of `link` pass on their way to the wires, `link` itself first.
    pub fn passes<'s>(&'s self, link: &'s Link) -> Vec<&'s Link> {
        follow(link, |link| self.below(link).unwrap_or_default())
    }

    /// Returns true if frames are on this link as they are on its wire, as far as the kernel says.
    pub fn shows_its_wire(&self, link: &Link) -> bool {
        !link.may_encrypt() && self.below(link).is_none() && !self.is_clear_for_a_card(link)
    }

    /// Returns true if the packets of this link may be encrypted before they are on a wire.
    pub fn encloses(&self, link: &Link) -> bool {
        self.passes(link).iter().any(|link| link.may_encrypt())
    }

    /// Returns true for a bridge without a port that leads out of this machine, and for a dummy.
    pub fn is_for_guests(&self, link: &Link) -> bool {
        match link.kind.as_deref() {
            Some("bridge") => self.uplinks(link.index).is_empty(),
            Some("dummy") => true,
            _ => false,
        }
    }

    /// Returns the ports of a VRF, a bond or a bridge that are up.
    pub(super) fn ports(&self, master: u32) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(move |port| port.master == Some(master) && port.up)
    }

    /// Returns true if the link shows frames in clear that the network card below it encrypts by MACsec.
    fn is_clear_for_a_card(&self, link: &Link) -> bool {
        let offloaded = self.links.iter().filter(|link| link.up).filter_map(|link| link.clear_below);
        let mut below = offloaded.filter_map(|index| self.link(index));
        below.any(|below| follow(below, |link| self.carriers(link)).iter().any(|l| l.index == link.index))
    }

    /// Returns true if all links below this one are tunnels that lead into each other.
    fn goes_in_circles(&self, link: &Link) -> bool {
        follow(link, |link| self.carriers(link)).iter().all(|link| !self.carriers(link).is_empty())
    }

    /// Returns the links that `link` hands its packets to. `None` if the link shows packets as they are on its wire,
    /// or if the kernel does not say what is below.
    fn below(&self, link: &Link) -> Option<Vec<&Link>> {
        let carriers = self.carriers(link);
        let hides = |carrier: &&Link| {
            follow(carrier, |link| self.carriers(link)).iter().any(|link| link.may_encrypt())
        };
        match (link.nature(), link.kind.as_deref()) {
            (Nature::Wire | Nature::NoWire, _) => None,
            // A VRF shows packets before policies encrypt them, whatever its ports are.
            (_, Some("vrf")) => Some(carriers),
            // A bridge with at least one plain port may send by that port.
            (_, Some("bridge")) => {
                Some(carriers).filter(|carriers| !carriers.is_empty() && carriers.iter().all(hides))
            }
            (Nature::OnParent | Nature::OfPorts, _) => {
                Some(carriers).filter(|carriers| carriers.iter().any(hides))
            }
            (Nature::Changing, _) => Some(carriers).filter(|carriers| !carriers.is_empty()),
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
            "bridge" => self.uplinks(link.index),
            "openvswitch" => self.switched(),
            kind if OF_PORTS.contains(&kind) => self.ports(link.index).collect(),
            kind if ON_A_PARENT.contains(&kind) => parent(),
            "macsec" | "xfrm" => parent(),
            "gre" | "ip6gre" | "gretap" | "ip6gretap" | "erspan" | "ip6erspan" | "ipip" | "sit"
            | "ip6tnl" | "vti" | "vti6" | "geneve" => match parent() {
                bound if !bound.is_empty() => bound,
                _ => self.outgoing(link, link.remote.as_slice()),
            },
            "wireguard" => self.departures(link),
            "vxlan" => {
                let Some(vtep) = link.vtep.as_ref().filter(|vtep| !vtep.foreign_socket) else {
                    return Vec::new();
                };
                if let Some(bound) = vtep.underlay.and_then(|underlay| self.link(underlay)) {
                    return vec![bound];
                }
                let peers: Vec<IpAddr> = vtep.remote.iter().chain(&vtep.peers).copied().collect();
                self.outgoing(link, &peers)
            }
            _ => Vec::new(),
        }
    }

    /// Returns the ports of a bridge that may lead out of this machine. Those of guests and containers lead to no wire,
    /// but the port of a program may be that of a VPN, if there is no other.
    fn uplinks(&self, bridge: u32) -> Vec<&Link> {
        let kind = |port: &Link| port.kind.clone().unwrap_or_default();
        let guests = ["veth", "tun"];
        let uplinks: Vec<&Link> =
            self.ports(bridge).filter(|port| !guests.contains(&kind(port).as_str())).collect();
        if uplinks.is_empty() {
            return self.ports(bridge).filter(|port| kind(port) == "tun").collect();
        }
        uplinks
    }

    /// Returns the ports of Open vSwitch that lead out of this machine as they are. The kernel does not say which of its
    /// datapaths one of its own ports belongs to, so these are the ports of all.
    fn switched(&self) -> Vec<&Link> {
        let kind = |link: &Link, kind: &str| link.kind.as_deref() == Some(kind);
        let switched = |port: &&Link| {
            port.master.and_then(|master| self.link(master)).is_some_and(|master| kind(master, "openvswitch"))
        };
        let ports = self.links.iter().filter(|port| port.up).filter(switched);
        ports
            .filter(|port| !port.may_encrypt() && !kind(port, "veth") && !kind(port, "openvswitch"))
            .collect()
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
    /// Returns true if packets that are clear on this link may be encrypted on every wire. That may be so for every
    /// kind that is not known to leave them as they are.
    pub fn may_encrypt(&self) -> bool {
        self.nature() == Nature::Changing
    }

    fn nature(&self) -> Nature {
        if self.loopback || NO_FRAMES.contains(&self.hardware) {
            return Nature::NoWire;
        }
        match self.kind.as_deref() {
            None if self.orphan => Nature::Changing,
            None => Nature::Wire,
            Some(kind) if WIRES.contains(&kind) => Nature::Wire,
            Some(kind) if ON_A_PARENT.contains(&kind) => Nature::OnParent,
            Some(kind) if OF_PORTS.contains(&kind) => Nature::OfPorts,
            Some(kind) if NO_WIRE.contains(&kind) => Nature::NoWire,
            Some(_) => Nature::Changing,
        }
    }
}

#[cfg(test)]
mod tests;

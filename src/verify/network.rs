//! The network that is judged: its VNIs, its nodes, and the device through which probes enter it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use strsim::levenshtein;

use crate::packet::{Form, GENEVE_PORT, MacAddress, Prefix, Tunnel, TunnelPorts, VXLAN_PORT, Vni};

/// A network, with everything that its sources and the command line say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The name. It may hold any character: escape it before it is printed.
    pub name: String,
    /// The source that knows the network.
    pub source: Source,
    /// The form of its packets; `None` if no source says so. It is then VXLAN or Geneve.
    pub form: Option<Form>,
    /// The VNIs. Docker gives one to each subnet.
    pub vnis: Vec<Vni>,
    /// True if packets of every VNI on [`Self::port`] are the network's, because its device is in metadata mode.
    pub any_vni: bool,
    /// The UDP port, where it is known for sure.
    pub port: Option<u16>,
    /// This node's underlay addresses.
    pub locals: Vec<IpAddr>,
    /// The other nodes.
    pub peers: Vec<Peer>,
    /// The underlay addresses that the kernel may send the network's frames to: those of the forwarding entries, the
    /// ones for flooding included, and the multicast group. Peers need not be among them.
    pub destinations: Vec<IpAddr>,
    /// The destinations to which forwarding entries send frames on a UDP port beside [`Self::port`].
    pub other_ports: Vec<(IpAddr, u16)>,
    /// True if the network is configured to be encrypted, false if not; `None` if no source says so.
    pub encrypted: Option<bool>,
    /// An option that looks like a misspelt `encrypted`.
    pub typo: Option<String>,
    /// The device through which probes enter the overlay.
    pub entry: Option<Entry>,
    /// The overlay addresses behind the peers of which the kernel has not heard for some time, so that maybe nobody has them now.
    #[serde(default)]
    pub stale: Vec<IpAddr>,
    /// The link-layer addresses that forwarding entries know behind the nodes.
    pub stations: Vec<MacAddress>,
    /// This node's own prefixes inside of a network of routed packets: those of its device and of its guests.
    pub inside: Vec<Prefix>,
    /// The subnets of this node's other links, those of guests included, in such a network. What is behind a peer by a shorter prefix and in one of
    /// these as well is not the network's.
    pub beside: Vec<Prefix>,
    /// The VXLAN, Geneve or WireGuard devices of the network.
    pub devices: Vec<Device>,
    /// The file of the underlay's network namespace; `None` for that of this process.
    pub underlay: Option<String>,
    /// The reason why Docker's engine could not be asked, where it might have known more. Escaped.
    pub engine_unread: Option<String>,
    /// The network namespaces that could not be looked into, where they may have shown more, and what would help. Escaped.
    #[serde(default)]
    pub namespaces_unread: Option<String>,
    /// Indices, in the underlay's namespace, of the links that lead to the peers, where the kernel says so.
    pub links: Vec<u32>,
}

/// A source that knows a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// `ovlsniff overlay`, which made the network.
    Ours,
    /// The Docker engine, or its answer saved to a file.
    Docker,
    /// The kernel, which has a device of this form. For [`Form::Routed`] that is a WireGuard device.
    Device(Form),
    /// The command line alone.
    #[default]
    Given,
}

impl Network {
    /// Returns the file of the network namespace that its first device is in. `None` for that of this process, and if no
    /// device of it is known.
    pub fn namespace(&self) -> Option<&str> {
        self.devices.first()?.namespace.as_deref()
    }

    /// Returns true if packets of the network are in this kind of tunnel, and have this VNI.
    pub fn is_in(&self, tunnel: Tunnel) -> bool {
        let either = || Form::Vxlan.is(tunnel) || Form::Geneve.is(tunnel);
        self.form.map_or_else(either, |form| form.is(tunnel))
            && tunnel.vni().is_some_and(|vni| self.has_vni(vni))
    }

    /// Returns true if a packet with this VNI is the network's, if it is in the right form and on the right port.
    pub fn has_vni(&self, vni: Vni) -> bool {
        self.any_vni || self.vnis.contains(&vni)
    }

    /// Returns true if the network's packets have no tunnel of their own.
    pub fn is_routed(&self) -> bool {
        self.form == Some(Form::Routed)
    }

    /// Returns the usual port of the network's form, if its own port is not known.
    pub fn port_or_usual(&self) -> u16 {
        self.port.unwrap_or(match self.form {
            Some(Form::Geneve) => GENEVE_PORT,
            _ => VXLAN_PORT,
        })
    }
}

impl Source {
    /// Returns the word for it in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ovlsniff overlay",
            Self::Docker => "docker overlay",
            Self::Device(Form::Vxlan) => "vxlan device",
            Self::Device(Form::Geneve) => "geneve device",
            Self::Device(Form::Routed) => "wireguard device",
            Self::Given => "given",
        }
    }
}

/// Another node of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Its underlay address.
    pub underlay: IpAddr,
    /// The overlay addresses behind it.
    pub overlay: Vec<IpAddr>,
    /// The destinations that are routed to it, where the kernel says so.
    pub behind: Vec<Prefix>,
}

impl Peer {
    /// Returns true if the kernel knows the address behind this node.
    pub(super) fn is_before(&self, address: IpAddr) -> bool {
        self.overlay.contains(&address) || self.prefix_of(address).is_some()
    }

    /// Returns the length of the longest prefix behind this node that holds the address. Of several nodes the one with the
    /// longest is meant.
    pub(super) fn prefix_of(&self, address: IpAddr) -> Option<u8> {
        let holding = self.behind.iter().filter(|prefix| prefix.contains(address));
        holding.map(|prefix| prefix.length()).max()
    }
}

/// A device through which packets enter the overlay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub device: String,
    /// The file of its network namespace; `None` for that of this process.
    pub namespace: Option<String>,
    /// Its addresses.
    pub addresses: Vec<Prefix>,
    /// The length in bytes of the longest packet that it takes; 0 if that is not known.
    pub mtu: u32,
    /// Its link-layer address.
    pub mac: Option<MacAddress>,
    /// True if probes go by the routes, as the packets of others do, and are not bound to the device.
    pub routed: bool,
    /// True if other nodes have the same address, as those of one of Docker's networks have that of the gateway. No reply to a
    /// probe from it comes back.
    #[serde(default)]
    pub shared: bool,
}

/// A VXLAN, Geneve or WireGuard device of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The file of its network namespace; `None` for that of this process.
    pub namespace: Option<String>,
    /// Its index there.
    pub index: u32,
}

/// Returns the UDP ports that are taken for VXLAN and Geneve in a capture of these networks.
pub fn tunnel_ports<'n>(networks: impl IntoIterator<Item = &'n Network>) -> TunnelPorts {
    let mut ports = TunnelPorts::default();
    for network in networks {
        match (network.form, network.port) {
            (Some(Form::Geneve), Some(port)) => ports.add_geneve(port),
            (Some(Form::Vxlan), Some(port)) => ports.add_vxlan(port),
            (None, Some(port)) if !ports.is_geneve(port) => ports.add_vxlan(port),
            _ => {}
        }
    }
    ports
}

/// The option that asks Docker for encryption. Only its presence counts: a network with `encrypted=false` is
/// encrypted too.
pub const ENCRYPTED: &str = "encrypted";

/// Returns the option among `keys` that was probably meant to be [`ENCRYPTED`]. Docker accepts options that it does
/// not know and ignores them, so a misspelt one leaves the network in clear without an error.
///
/// ```
/// use ovlsniff::verify::near_miss;
/// assert_eq!(near_miss(["mtu", "encrypt"]), Some("encrypt"));
/// assert_eq!(near_miss(["com.docker.network.driver.mtu"]), None);
/// ```
pub fn near_miss<'a>(keys: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |key: &&str| {
        let folded = key.trim().to_lowercase();
        *key != ENCRYPTED && (folded.starts_with("encry") || levenshtein(&folded, ENCRYPTED) <= 3)
    };
    keys.into_iter().find(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_options_are_found_and_others_left_alone() {
        for typo in ["encrypt", "Encrypted", "encryption", "encypted", "encrypted ", "crypted"] {
            assert_eq!(near_miss([typo]), Some(typo));
        }
        for other in ["encrypted", "", "mtu", "com.docker.network.driver.overlay.vxlanid_list", "attachable"]
        {
            assert_eq!(near_miss([other]), None, "{other}");
        }
    }
}

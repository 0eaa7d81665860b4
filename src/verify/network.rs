//! The network that is judged: its VNIs, its nodes, and the device through which probes enter it.

use std::net::IpAddr;

use strsim::levenshtein;

use crate::packet::{MacAddress, Prefix, TooManyPorts, TunnelPorts, Vni};

/// A network, with everything that its sources and the command line say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The name. It may hold any character: escape it before it is printed.
    pub name: String,
    /// The source that knows the network.
    pub source: Source,
    /// The VNIs. Docker gives one to each subnet.
    pub vnis: Vec<Vni>,
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
    /// The link-layer addresses that forwarding entries know behind the nodes.
    pub stations: Vec<MacAddress>,
    /// The VXLAN devices of the network.
    pub devices: Vec<Device>,
    /// The file of the underlay's network namespace; `None` for that of this process.
    pub underlay: Option<String>,
    /// The reason why Docker's engine could not be asked, where it might have known more. Escaped.
    pub engine_unread: Option<String>,
    /// Indices, in the underlay's namespace, of the links that lead to the peers, where the kernel says so.
    pub links: Vec<u32>,
}

/// A source that knows a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// `ovlsniff overlay`, which made the network.
    Ours,
    /// The Docker engine, or its answer saved to a file.
    Docker,
    /// The kernel, which has a VXLAN device.
    Device,
    /// The command line alone.
    #[default]
    Given,
}

impl Source {
    /// Returns the word for it in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ovlsniff overlay",
            Self::Docker => "docker overlay",
            Self::Device => "vxlan device",
            Self::Given => "given",
        }
    }
}

/// Another node of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its underlay address.
    pub underlay: IpAddr,
    /// The overlay addresses behind it.
    pub overlay: Vec<IpAddr>,
}

/// A device through which packets enter the overlay.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

/// A VXLAN device of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The file of its network namespace; `None` for that of this process.
    pub namespace: Option<String>,
    /// Its index there.
    pub index: u32,
}

/// Returns the UDP ports that are taken for VXLAN in a capture of these networks.
///
/// # Errors
/// [`TooManyPorts`] if the networks have more ports of their own than fit.
pub fn tunnel_ports<'n>(
    networks: impl IntoIterator<Item = &'n Network>,
) -> Result<TunnelPorts, TooManyPorts> {
    let mut ports = TunnelPorts::default();
    for port in networks.into_iter().filter_map(|network| network.port) {
        if !ports.is_vxlan(port) {
            ports.add_vxlan(port)?;
        }
    }
    Ok(ports)
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

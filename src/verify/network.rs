//! The network that is to be judged.

use std::net::IpAddr;

use strsim::levenshtein;

use crate::packet::{Prefix, TooManyPorts, TunnelPorts, Vni};

/// What is known of a network, from whoever knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Its name; may hold any character: escape it before it is printed.
    pub name: String,
    /// Who said so.
    pub source: Source,
    /// Its VNIs: Docker gives one to each subnet.
    pub vnis: Vec<Vni>,
    /// Its UDP port, where it is known for sure.
    pub port: Option<u16>,
    /// This node's underlay addresses.
    pub locals: Vec<IpAddr>,
    /// The other nodes.
    pub peers: Vec<Peer>,
    /// Whether it is configured to be encrypted, where somebody says so.
    pub encrypted: Option<bool>,
    /// An option that looks like a misspelt `encrypted`.
    pub typo: Option<String>,
    /// Where packets into the overlay can be sent from.
    pub entry: Option<Entry>,
    /// The file of the underlay's network namespace; none for the one this process is in.
    pub underlay: Option<String>,
    /// Indices, in the underlay's namespace, of the links that lead to the peers, where the kernel said so.
    pub links: Vec<u32>,
}

/// Who knows a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// `ovlsniff overlay` made it.
    Ours,
    /// The Docker engine, or what it once said.
    Docker,
    /// The kernel, which has a VXLAN device.
    Device,
    /// Only what was given on the command line.
    #[default]
    Given,
}

impl Source {
    /// How it is called in a report.
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
    /// Addresses in the overlay that are behind it.
    pub overlay: Vec<IpAddr>,
}

/// A device through which packets enter the overlay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub device: String,
    /// The file of its network namespace; none for the one this process is in.
    pub namespace: Option<String>,
    /// Its addresses.
    pub addresses: Vec<Prefix>,
}

/// The UDP ports that are taken for VXLAN in a capture of these networks.
///
/// # Errors
/// When they have too many of their own.
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

/// The option that asks for encryption. Docker looks only whether it is there, whatever its value.
pub const ENCRYPTED: &str = "encrypted";

/// The option among `keys` that was probably meant to be [`ENCRYPTED`].
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

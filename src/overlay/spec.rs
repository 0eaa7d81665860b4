//! The specification: networks as seen from one node. The command line and the file both lead to it.

use std::net::IpAddr;
use std::path::PathBuf;

use super::cipher::Cipher;
use super::mtu::Mtu;
use crate::packet::{Prefix, VXLAN_PORT, Vni};

/// The lowest port of encrypted networks. A network has port `ENCRYPTED_PORTS + VNI mod 16384` unless it is given
/// another: the same port on every node, below the ports that sockets are given at random, and away from every
/// well-known tunnel port.
pub const ENCRYPTED_PORTS: u16 = 14_789;

/// A network as one node has to build it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// The name of the network and of its device.
    pub name: String,
    /// The VXLAN network identifier.
    pub vni: Vni,
    /// The UDP port, the same on every node.
    pub port: u16,
    /// The cipher; `None` for a network in clear.
    pub cipher: Option<Cipher>,
    /// The file with the secret of an encrypted network.
    pub key: Option<PathBuf>,
    /// The device's MTU; `None` for the largest that fits the underlay.
    pub mtu: Option<Mtu>,
    /// This node's underlay address.
    pub local: IpAddr,
    /// This node's address in the network.
    pub address: Option<Prefix>,
    /// The other nodes.
    pub peers: Vec<Peer>,
    /// The network namespace that the device is put into, by its name in `/run/netns`; `None` for the host's.
    pub netns: Option<String>,
    /// The bridge that the device is made a port of. The address is then given to the bridge.
    pub bridge: Option<String>,
    /// True if the device learns addresses from the traffic, and floods frames for unknown ones. Otherwise all its
    /// entries are static.
    pub learn: bool,
}

/// Another node of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The peer's underlay address.
    pub underlay: IpAddr,
    /// The peer's address in the network, if it is known. No ARP request has to be flooded for a known address.
    pub overlay: Option<IpAddr>,
}

impl NetworkSpec {
    /// Returns the port that a network has unless it is given another.
    pub fn default_port(vni: Vni, encrypted: bool) -> u16 {
        if encrypted { ENCRYPTED_PORTS + (vni.value() % 16_384) as u16 } else { VXLAN_PORT }
    }

    /// Returns true if nothing ever has to be flooded: all addresses in the network are known, and none are
    /// learned.
    pub fn is_static(&self) -> bool {
        !self.learn && self.address.is_some() && self.peers.iter().all(|peer| peer.overlay.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_follows_from_the_vni_and_stays_out_of_the_ephemeral_range() {
        let port = |vni| NetworkSpec::default_port(Vni::new(vni).unwrap(), true);
        assert_eq!(port(4098), 18_887);
        assert!((0..1 << 24).step_by(97).all(|vni| (14_789..32_768).contains(&port(vni))));
        assert_eq!(NetworkSpec::default_port(Vni::new(4097).unwrap(), false), 4789);
    }
}

//! What is asked for: networks as seen from one node, whether flags or a file said so.

use std::net::IpAddr;
use std::path::PathBuf;

use super::cipher::Cipher;
use super::mtu::Mtu;
use crate::packet::{Prefix, VXLAN_PORT, Vni};

/// Encrypted networks get `ENCRYPTED_PORTS + VNI mod 16384` unless told otherwise: the same on every node without
/// talking, below the ports that sockets are given at random, and away from every well-known tunnel port.
pub const ENCRYPTED_PORTS: u16 = 14_789;

/// A network as one node has to build it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Also the name of the device.
    pub name: String,
    /// The VXLAN network identifier.
    pub vni: Vni,
    /// The UDP port, on every node the same.
    pub port: u16,
    /// `None` for a network in clear.
    pub cipher: Option<Cipher>,
    /// Where the secret of an encrypted network lies.
    pub key: Option<PathBuf>,
    /// Of the device; `None` for the largest that fits the underlay.
    pub mtu: Option<Mtu>,
    /// This node's underlay address.
    pub local: IpAddr,
    /// This node's address in the network.
    pub address: Option<Prefix>,
    /// The other nodes.
    pub peers: Vec<Peer>,
    /// The network namespace (by its name in `/run/netns`) the device is put into.
    pub netns: Option<String>,
    /// The bridge the device is made a port of; the address then is the bridge's.
    pub bridge: Option<String>,
    /// Learn addresses from the traffic and flood what is unknown, instead of static entries only.
    pub learn: bool,
}

/// Another node of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its underlay address.
    pub underlay: IpAddr,
    /// Its address in the network, where it is known: then no ARP request has to be flooded for it.
    pub overlay: Option<IpAddr>,
}

impl NetworkSpec {
    /// The port a network has unless told otherwise.
    pub fn default_port(vni: Vni, encrypted: bool) -> u16 {
        if encrypted { ENCRYPTED_PORTS + (vni.value() % 16_384) as u16 } else { VXLAN_PORT }
    }

    /// Whether every peer's address is known, so that nothing ever has to be flooded.
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

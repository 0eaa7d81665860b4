//! What is asked for: networks as seen from one node, whether flags or a file said so.

use super::mtu::Mtu;
use crate::packet::{Prefix, VXLAN_PORT, Vni};
use serde::{Serialize, Serializer};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Encrypted networks get `ENCRYPTED_PORTS + VNI mod 16384` unless told otherwise: the same on every node without
/// talking, below the ports that sockets are given at random, and away from every well-known tunnel port.
pub const ENCRYPTED_PORTS: u16 = 14_789;

/// A network as one node has to build it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
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

impl Network {
    /// The port a network has unless told otherwise.
    pub fn default_port(vni: Vni, encrypted: bool) -> u16 {
        if encrypted { ENCRYPTED_PORTS + (vni.value() % 16_384) as u16 } else { VXLAN_PORT }
    }

    /// Whether every peer's address is known, so that nothing ever has to be flooded.
    pub fn is_static(&self) -> bool {
        !self.learn && self.address.is_some() && self.peers.iter().all(|peer| peer.overlay.is_some())
    }
}

/// The AEAD algorithms an encrypted network may use, all with a 16-byte ICV.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cipher {
    /// AES-256-GCM (RFC 4106).
    #[default]
    Aes256Gcm,
    /// AES-128-GCM (RFC 4106).
    Aes128Gcm,
    /// ChaCha20-Poly1305 (RFC 7634).
    ChaCha20Poly1305,
}

impl Cipher {
    /// Every one, in the order they are offered.
    pub const ALL: [Self; 3] = [Self::Aes256Gcm, Self::Aes128Gcm, Self::ChaCha20Poly1305];

    /// As it is written in options, files and output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "aes-256-gcm",
            Self::Aes128Gcm => "aes-128-gcm",
            Self::ChaCha20Poly1305 => "chacha20-poly1305",
        }
    }

    /// As the kernel's crypto layer calls it.
    pub(super) fn kernel_name(self) -> &'static str {
        match self {
            Self::Aes256Gcm | Self::Aes128Gcm => "rfc4106(gcm(aes))",
            Self::ChaCha20Poly1305 => "rfc7539esp(chacha20,poly1305)",
        }
    }

    /// Key and 4-byte salt.
    pub(super) fn key_bytes(self) -> usize {
        match self {
            Self::Aes128Gcm => 16 + 4,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => 32 + 4,
        }
    }

    /// The integrity check value, the same for all.
    pub(super) const ICV_BYTES: u32 = 16;

    /// What the derivation of keys calls it; never to be changed.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Aes256Gcm => 1,
            Self::Aes128Gcm => 2,
            Self::ChaCha20Poly1305 => 3,
        }
    }
}

impl fmt::Display for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Cipher {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl FromStr for Cipher {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        Self::ALL.into_iter().find(|cipher| cipher.name() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::name);
            SpecError::Unknown {
                what: "cipher".into(),
                word: text.into(),
                hint: super::options::hint(text, &known),
            }
        })
    }
}

/// What is wrong with what was asked for. Nothing has been touched when one of these is returned.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// A word that means nothing here.
    #[error("{what} {word}: no such {what}{hint}")]
    Unknown {
        /// The kind of word: option, key, cipher, node.
        what: String,
        /// The word.
        word: String,
        /// `; did you mean …?`, or what there is.
        hint: String,
    },
    /// What `--opt` was given.
    #[error("--opt {word}: no such option{hint}")]
    Option {
        /// The word.
        word: String,
        /// `; did you mean …?`, or what there is.
        hint: String,
    },
    /// What an option of `--opt` was given.
    #[error("--opt {word}: {cause}")]
    Value {
        /// The option with its value.
        word: String,
        /// What the value should be.
        cause: String,
    },
    /// The file as a whole.
    #[error("{file}: {cause}")]
    File {
        /// The file.
        file: String,
        /// What is wrong with it.
        cause: String,
    },
    /// One network in itself.
    #[error("network {network}: {cause}")]
    Network {
        /// The network.
        network: String,
        /// What is wrong with it, and what to do.
        cause: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_follows_from_the_vni_and_stays_out_of_the_ephemeral_range() {
        let port = |vni| Network::default_port(Vni::new(vni).unwrap(), true);
        assert_eq!(port(4098), 18_887);
        assert!((0..1 << 24).step_by(97).all(|vni| (14_789..32_768).contains(&port(vni))));
        assert_eq!(Network::default_port(Vni::new(4097).unwrap(), false), 4789);
    }
}

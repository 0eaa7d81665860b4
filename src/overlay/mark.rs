//! The mark in a device's alias: it says that the device is ours, and what it is meant to be. The kernel keeps it,
//! so `status`, `down`, `rotate` and `verify` find a network without the file that describes it.

use std::fmt;

use super::cipher::Cipher;
use super::keys::KeyId;
use super::naming::is_device_name;
use crate::packet::{Prefix, Vni};

/// The intent behind a device of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A VXLAN device.
    Network {
        /// The network's name.
        name: String,
        /// The network's VNI.
        vni: Vni,
        /// This node's address in the network, if this program gave it to the device or to the device's bridge.
        address: Option<Prefix>,
        /// The encryption; `None` for a network in clear.
        encryption: Option<Encryption>,
    },
    /// A bridge that was made for a network.
    Bridge {
        /// The network's name.
        name: String,
    },
}

/// The intended encryption of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// The algorithm.
    pub cipher: Cipher,
    /// The public name of the secret.
    pub key: KeyId,
    /// The generation this node sends with.
    pub generation: u32,
}

impl Mark {
    /// Returns this node's address, if this program gave it to the device or to the device's bridge.
    pub(super) fn address(&self) -> Option<Prefix> {
        match self {
            Self::Network { address, .. } => *address,
            Self::Bridge { .. } => None,
        }
    }

    /// Returns the same mark with another generation.
    pub(super) fn in_generation(&self, generation: u32) -> Self {
        let mut mark = self.clone();
        if let Self::Network { encryption: Some(encryption), .. } = &mut mark {
            encryption.generation = generation;
        }
        mark
    }

    /// Parses a device's alias. Returns `None` if it is not a mark of ours.
    pub fn parse(alias: &str) -> Option<Self> {
        let words = alias.strip_prefix("ovlsniff ")?;
        let value = |key: &str| {
            words.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('=')).map(str::to_owned)
        };
        let named = |key| value(key).filter(|name| is_device_name(name));
        if let Some(name) = named("bridge-of") {
            return Some(Self::Bridge { name });
        }
        let encryption = match value("cipher") {
            None => None,
            Some(cipher) => Some(Encryption {
                cipher: cipher.parse().ok()?,
                key: KeyId::parse(&value("key")?)?,
                generation: value("generation")?.parse().ok()?,
            }),
        };
        Some(Self::Network {
            name: named("overlay")?,
            vni: Vni::new(value("vni")?.parse().ok()?)?,
            address: value("address").map(|text| text.parse()).transpose().ok()?,
            encryption,
        })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bridge { name } => write!(f, "ovlsniff bridge-of={name}"),
            Self::Network { name, vni, address, encryption } => {
                write!(f, "ovlsniff overlay={name} vni={vni}")?;
                address.map_or(Ok(()), |address| write!(f, " address={address}"))?;
                match encryption {
                    None => Ok(()),
                    Some(Encryption { cipher, key, generation }) => {
                        write!(f, " cipher={cipher} key={key} generation={generation}")
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_survives_the_kernel_and_strangers_are_not_ours() {
        let encryption =
            Some(Encryption { cipher: Cipher::Aes256Gcm, key: KeyId::parse("1f").unwrap(), generation: 3 });
        let vni = Vni::new(4098).unwrap();
        let marks = [
            Mark::Network {
                name: "a-name-of-15-by".into(),
                vni,
                address: Some("2001:db8:1111:2222:3333:4444:5555:6666/120".parse().unwrap()),
                encryption,
            },
            Mark::Network { name: "insecure".into(), vni, address: None, encryption: None },
            Mark::Bridge { name: "secure".into() },
        ];
        for mark in marks {
            assert!(mark.to_string().len() < 256, "the kernel's limit");
            assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
        }
        for alias in [
            "",
            "uplink",
            "ovlsniff",
            "ovlsniff overlay=x",
            "ovlsniff overlay=x vni=99999999",
            "ovlsniff overlay=\u{1b}[2J vni=1",
        ] {
            assert_eq!(Mark::parse(alias), None, "{alias}");
        }
    }
}

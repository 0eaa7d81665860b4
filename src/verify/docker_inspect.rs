//! The JSON of `docker network inspect`: the engine's answer, or a file that it was saved to.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use serde::Deserialize;

use super::network::{ENCRYPTED, Network, Peer, Source, near_miss};
use crate::escape::{escape, reason};
use crate::host::docker::VNIS;
use crate::packet::Vni;

/// A network as the engine describes it, with the fields that are read here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspected {
    name: String,
    id: Option<String>,
    driver: Option<String>,
    options: Option<BTreeMap<String, Option<String>>>,
    peers: Option<Vec<InspectedPeer>>,
    /// The local containers by their identifiers, and the load balancer of each Swarm service by its name.
    pub(super) containers: Option<BTreeMap<String, Endpoint>>,
}

#[derive(Debug, Deserialize)]
struct InspectedPeer {
    #[serde(rename = "IP")]
    ip: Option<String>,
}

/// A container's interface on the network.
#[derive(Debug, Deserialize)]
pub(super) struct Endpoint {
    /// The address with the length of its prefix.
    #[serde(rename = "IPv4Address")]
    pub(super) ipv4_address: Option<String>,
}

/// The errors of saved JSON. Names are escaped.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The file cannot be read.
    #[error("read {file}: {}", reason(.cause))]
    Unreadable {
        /// The path of the file.
        file: String,
        /// The error of the system.
        cause: std::io::Error,
    },
    /// The file does not hold the output of `docker network inspect`.
    #[error("read {file}: {cause}; it must hold what 'docker network inspect NAME' prints")]
    Format {
        /// The path of the file.
        file: String,
        /// The parser's message.
        cause: String,
    },
    /// The file has no network of this name.
    #[error("network {name}: not in {file}; there is: {there_is}")]
    Missing {
        /// The path of the file.
        file: String,
        /// The name that was asked for.
        name: String,
        /// The names of the networks in the file, or `none`.
        there_is: String,
    },
    /// No overlay network in the file has such a VNI.
    #[error(
        "vni {vnis}: no overlay network in {file} has it; see 'com.docker.network.driver.overlay.vxlanid_list' there"
    )]
    NoVni {
        /// The path of the file.
        file: String,
        /// The VNIs that were asked for.
        vnis: String,
    },
    /// The network is no overlay.
    #[error("network {name}: its driver is {driver}, not overlay: there is nothing to verify")]
    NoOverlay {
        /// The name that was asked for.
        name: String,
        /// The network's driver.
        driver: String,
    },
}

/// A file of saved JSON that was read. It may be asked for a network later, by a process that may not open it any more.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The path of the file, escaped.
    file: String,
    text: String,
}

impl Saved {
    /// Reads the file.
    ///
    /// # Errors
    /// [`InspectError::Unreadable`].
    pub fn read(path: &Path) -> Result<Self, InspectError> {
        let file = escape(&path.display().to_string()).into_owned();
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self { file, text }),
            Err(cause) => Err(InspectError::Unreadable { file, cause }),
        }
    }
}

/// Takes a network from a file of saved JSON, by its name or by at least ten characters from the beginning of its
/// identifier.
///
/// # Errors
/// [`InspectError`]: the file holds something else, has no such network, or the network is no
/// overlay.
pub(super) fn from_file(saved: &Saved, name: &str) -> Result<Network, InspectError> {
    let file = || saved.file.clone();
    from_json(&saved.text, name).map_err(|error| match error {
        Wrong::Format(cause) => InspectError::Format { file: file(), cause },
        Wrong::Missing(there_is) => {
            InspectError::Missing { file: file(), name: escape(name).into_owned(), there_is }
        }
        Wrong::Driver(driver) => InspectError::NoOverlay { name: escape(name).into_owned(), driver },
    })
}

/// Returns the network with one of these VNIs.
pub(super) fn of_vnis(saved: &Saved, vnis: &[Vni]) -> Result<Network, InspectError> {
    let format = |error: serde_json::Error| InspectError::Format {
        file: saved.file.clone(),
        cause: error.to_string(),
    };
    let networks: Vec<Inspected> = serde_json::from_str(&saved.text).map_err(format)?;
    let mut overlays = networks.iter().filter_map(|network| network.overlay().ok());
    let found = overlays.find(|network| network.vnis.iter().any(|vni| vnis.contains(vni)));
    found.ok_or_else(|| {
        let asked: Vec<String> = vnis.iter().map(ToString::to_string).collect();
        InspectError::NoVni { file: saved.file.clone(), vnis: asked.join(", ") }
    })
}

/// The errors of [`from_json`], which does not know the file: the parser's message, the names of the networks that
/// there are, or the driver of a network that is no overlay.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Format(String),
    Missing(String),
    Driver(String),
}

pub(super) fn from_json(text: &str, name: &str) -> Result<Network, Wrong> {
    let networks: Vec<Inspected> =
        serde_json::from_str(text).map_err(|error| Wrong::Format(error.to_string()))?;
    let has_id = |network: &Inspected| network.id.as_ref().is_some_and(|id| id.starts_with(name));
    let named = |network: &&Inspected| network.name == name || (name.len() >= 10 && has_id(network));
    let Some(found) = networks.iter().find(named) else {
        let there: Vec<_> = networks.iter().map(|network| escape(&network.name).into_owned()).collect();
        return Err(Wrong::Missing(if there.is_empty() { "none".to_owned() } else { there.join(", ") }));
    };
    found.overlay().map_err(|driver| Wrong::Driver(escape(driver).into_owned()))
}

impl Inspected {
    /// Returns the network, or as the error the name of its driver if that is not `overlay`.
    pub(super) fn overlay(&self) -> Result<Network, &str> {
        let driver = self.driver.as_deref().unwrap_or_default();
        if driver != "overlay" {
            return Err(driver);
        }
        let none = BTreeMap::new();
        let options = self.options.as_ref().unwrap_or(&none);
        let vnis = options.get(VNIS).and_then(Option::as_deref).unwrap_or_default();
        let encrypted = options.contains_key(ENCRYPTED);
        let peers = self.peers.iter().flatten().filter_map(|peer| peer.ip.as_ref()?.parse::<IpAddr>().ok());
        let typo = if encrypted { None } else { near_miss(options.keys().map(String::as_str)) };
        Ok(Network {
            name: self.name.clone(),
            source: Source::Docker,
            vnis: vnis.split(',').filter_map(|vni| Vni::new(vni.trim().parse().ok()?)).collect(),
            port: None,
            locals: Vec::new(),
            peers: peers.map(|underlay| Peer { underlay, overlay: Vec::new(), behind: Vec::new() }).collect(),
            encrypted: Some(encrypted),
            typo: typo.map(str::to_owned),
            ..Network::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SWARM: &str = include_str!("../../tests/fixtures/swarm/network-inspect.json");

    #[test]
    fn presence_of_the_key_counts_whatever_its_value() {
        let secure = from_json(SWARM, "secure").unwrap();
        assert_eq!(secure.encrypted, Some(true));
        assert_eq!(secure.vnis, [Vni::new(4098).unwrap()]);
        assert_eq!(secure.peers.len(), 2);
        assert_eq!(
            from_json(&SWARM.replace("\"encrypted\": \"\"", "\"encrypted\": \"false\""), "secure")
                .unwrap()
                .encrypted,
            Some(true)
        );
        assert_eq!(from_json(SWARM, "insecure").unwrap().encrypted, Some(false));
    }

    #[test]
    fn the_misspelt_option_is_named() {
        let typo = from_json(SWARM, "typo").unwrap();
        assert_eq!((typo.encrypted, typo.typo.as_deref()), (Some(false), Some("encrypt")));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(from_json("[]", "x").unwrap_err(), Wrong::Missing("none".to_owned()));
        assert!(matches!(from_json("{}", "x"), Err(Wrong::Format(_))));
        let bridge = r#"[{"Name":"bridge","Driver":"bridge","Options":null,"Peers":null}]"#;
        assert_eq!(from_json(bridge, "bridge").unwrap_err(), Wrong::Driver("bridge".to_owned()));
    }
    #[test]
    fn nulls_and_missing_fields_are_nothing_known() {
        let bare = from_json(r#"[{"Name":"secure","Driver":"overlay"}]"#, "secure").unwrap();
        let nulls = r#"[{"Name":"secure","Id":null,"Driver":"overlay","Options":null,"Peers":null,"Containers":null,
            "Labels":null}]"#;
        assert_eq!(from_json(nulls, "secure").unwrap(), bare);
        assert_eq!((bare.vnis, bare.peers, bare.encrypted), (Vec::new(), Vec::new(), Some(false)));
        let inside = r#"[{"Name":"secure","Driver":"overlay","Options":{"encrypted":null},
            "Peers":[{"Name":"node","IP":null},{"Name":"node"},{"IP":"none"},{"IP":"192.0.2.1"}],"Containers":{"a":{}}}]"#;
        let inside = from_json(inside, "secure").unwrap();
        assert_eq!((inside.peers.len(), inside.encrypted), (1, Some(true)));
        assert_eq!(
            from_json(r#"[{"Name":"x","Driver":null}]"#, "x").unwrap_err(),
            Wrong::Driver(String::new())
        );
    }
}

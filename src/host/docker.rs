//! The swarm that the Docker Engine of this host belongs to: the address of the data path, and the overlay networks; and
//! the [`names`] of all that has an address.

pub(crate) mod engine;
#[cfg(test)]
pub(crate) mod fake;
pub mod names;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;

use crate::packet::Vni;
pub use engine::EngineError;
use engine::Kept;
pub(crate) use engine::{Engine, converse, socket};

/// A swarm that this host is a node of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swarm {
    /// The address of this node. Its data path uses it too, unless it was given another address.
    pub address: IpAddr,
    /// The overlay networks that this node knows.
    pub networks: Vec<SwarmNetwork>,
}

/// An overlay network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwarmNetwork {
    /// Its name. It may hold bytes that steer a terminal.
    pub name: String,
    /// Its VNIs, one for each of its subnets.
    pub vnis: Vec<Vni>,
}

impl Swarm {
    /// Returns the name of the network with this VNI.
    pub fn network(&self, vni: Vni) -> Option<&str> {
        self.networks.iter().find(|network| network.vnis.contains(&vni)).map(|network| network.name.as_str())
    }
}

/// The longest wait for the engine. Without an engine there is no wait at all; one that hangs costs this much.
const PATIENCE: Duration = Duration::from_millis(500);

/// The path of the list of overlay networks. The filter is `{"driver":["overlay"]}`, encoded for a URL.
pub(crate) const NETWORKS: &str = "/networks?filters=%7B%22driver%22%3A%5B%22overlay%22%5D%7D";

/// The option of the driver that lists the VNIs of a network, separated by commas.
pub(crate) const VNIS: &str = "com.docker.network.driver.overlay.vxlanid_list";

/// Asks the engine of this host for its swarm.
///
/// Returns `None` whatever the reason is: no engine, no swarm, no permission, no answer in time. The engine is
/// optional.
pub fn swarm() -> Option<Swarm> {
    swarm_within(PATIENCE)
}

/// Asks the engine of this host for its swarm, as [`swarm`] does, and waits for at most `patience`.
pub(crate) fn swarm_within(patience: Duration) -> Option<Swarm> {
    converse(&socket()?, patience, ask).ok().flatten()
}

/// Asks the engine behind a socket for its swarm.
pub fn swarm_at(socket: &str) -> Option<Swarm> {
    converse(socket, PATIENCE, ask).ok().flatten()
}

/// The answer to `/info`, reduced to the part that is read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SystemInfo {
    swarm: Option<SwarmInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SwarmInfo {
    node_addr: Option<String>,
}

/// One network in the answer to [`NETWORKS`].
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    name: Option<String>,
    driver: Option<String>,
    options: Option<BTreeMap<String, Option<String>>>,
}

/// Returns `None` if the engine belongs to no swarm.
async fn ask(engine: Engine) -> Result<Option<Swarm>, EngineError> {
    let Some(address) = address(&engine).await? else { return Ok(None) };
    // The list of networks may fail, because the address alone is useful.
    let networks: Vec<Listed> = engine.get(NETWORKS).await.unwrap_or_default();
    let networks = networks.into_iter().filter(|network| network.driver.as_deref() == Some("overlay"));
    let networks = networks.filter_map(|network| {
        let vnis = network.options.unwrap_or_default().remove(VNIS).flatten().map(|list| vnis(&list));
        Some(SwarmNetwork { name: network.name?, vnis: vnis.unwrap_or_default() })
    });
    Ok(Some(Swarm { address, networks: networks.collect() }))
}

/// Asks for the address of this node in its swarm. Returns `None` if the engine belongs to no swarm.
pub(crate) async fn address(engine: &Engine) -> Result<Option<IpAddr>, EngineError> {
    Ok(data_path(&engine.get("/info").await?))
}

fn data_path(info: &SystemInfo) -> Option<IpAddr> {
    info.swarm.as_ref()?.node_addr.as_ref()?.parse().ok()
}

fn vnis(list: &str) -> Vec<Vni> {
    list.split(',').filter_map(|vni| Vni::new(vni.trim().parse().ok()?)).collect()
}

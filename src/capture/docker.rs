//! What the Docker Engine of this host says about its swarm: the address of the data path and the overlay networks.

use std::net::IpAddr;
use std::time::Duration;

use bollard::models::SystemInfo;
use bollard::query_parameters::ListNetworksOptionsBuilder;
use bollard::{API_DEFAULT_VERSION, Docker};

use crate::packet::Vni;

/// A swarm that this host is a node of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swarm {
    /// The node's address, which its data path uses unless it was given another.
    pub address: IpAddr,
    /// UDP port of the data path; a node that is no manager is not told, and 4789 is assumed.
    pub port: u16,
    /// The overlay networks that this node knows.
    pub networks: Vec<Network>,
}

/// An overlay network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its name, which may hold bytes that steer a terminal.
    pub name: String,
    /// One for each of its subnets.
    pub vnis: Vec<Vni>,
}

impl Swarm {
    /// The name of the network with this VNI.
    pub fn network(&self, vni: Vni) -> Option<&str> {
        self.networks.iter().find(|network| network.vnis.contains(&vni)).map(|network| network.name.as_str())
    }
}

/// Half a second in all: who has no Docker must not notice that it was asked for.
const PATIENCE: Duration = Duration::from_millis(500);

/// The driver's option that lists a network's VNIs, separated by commas.
const VNIS: &str = "com.docker.network.driver.overlay.vxlanid_list";

/// Asks the engine of this host.
///
/// `None` for every reason not to know: no engine, no swarm, no permission, no answer in time.
pub fn swarm() -> Option<Swarm> {
    swarm_at(&socket()?)
}

/// Asks the engine behind this socket.
pub fn swarm_at(socket: &str) -> Option<Swarm> {
    converse(socket, PATIENCE, ask)
}

/// Where the engine of this host is asked: behind `DOCKER_HOST`, else at `/var/run/docker.sock`. A `DOCKER_HOST` that is no
/// `unix://` speaks of another host's interfaces and is not asked.
pub(crate) fn socket() -> Option<String> {
    match std::env::var("DOCKER_HOST") {
        Ok(host) if !host.is_empty() => host.strip_prefix("unix://").map(str::to_owned),
        _ => Some("/var/run/docker.sock".to_owned()),
    }
}

/// Talks to the engine behind a socket, for so long at most.
pub(crate) fn converse<T>(
    socket: &str,
    patience: Duration,
    talk: impl AsyncFnOnce(Docker) -> Option<T>,
) -> Option<T> {
    // It counts in whole seconds what it waits for one answer: so the patience is what ends the waiting.
    let seconds = patience.as_secs() + 1;
    let docker = Docker::connect_with_socket(socket, seconds, API_DEFAULT_VERSION).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().ok()?;
    let talk = async { talk(docker.negotiate_version().await.ok()?).await };
    let said = runtime.block_on(async { tokio::time::timeout(patience, talk).await.ok()? });
    runtime.shutdown_background();
    said
}

async fn ask(docker: Docker) -> Option<Swarm> {
    let (address, port) = data_path(&docker.info().await.ok()?)?;
    let filters = std::collections::HashMap::from([("driver", vec!["overlay"])]);
    let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
    // The address alone is worth having.
    let networks = docker.list_networks(Some(options)).await.unwrap_or_default();
    let networks = networks.into_iter().filter(|network| network.driver.as_deref() == Some("overlay"));
    let networks = networks.filter_map(|network| {
        let vnis = network.options.unwrap_or_default().remove(VNIS).map(|list| vnis(&list));
        Some(Network { name: network.name?, vnis: vnis.unwrap_or_default() })
    });
    Some(Swarm { address, port, networks: networks.collect() })
}

fn data_path(info: &SystemInfo) -> Option<(IpAddr, u16)> {
    let swarm = info.swarm.as_ref()?;
    let address = swarm.node_addr.as_ref()?.parse().ok()?;
    let port = swarm.cluster.as_ref().and_then(|cluster| cluster.data_path_port);
    let port = port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0);
    Some((address, port.unwrap_or(4789)))
}

fn vnis(list: &str) -> Vec<Vni> {
    list.split(',').filter_map(|vni| Vni::new(vni.trim().parse().ok()?)).collect()
}

//! A Docker network as the engine of this host knows it.

use std::net::IpAddr;
use std::time::Duration;

use bollard::Docker;

use super::docker_inspect::from_json;
use super::network::Network;
use crate::capture::docker::{converse, socket};

/// Who has no Docker must not notice that it was asked for.
const PATIENCE: Duration = Duration::from_secs(3);
/// Containers that are asked where they are.
const MOST: usize = 8;

/// A network, and the local containers on it: the files of their network namespaces and their addresses there.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) network: Network,
    pub(super) members: Vec<(String, IpAddr)>,
}

/// The overlay network of this name; `None` for every reason not to know.
pub(super) fn find(name: &str) -> Option<Found> {
    let word = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if name.is_empty() || !name.chars().all(word) {
        return None;
    }
    converse(&socket()?, PATIENCE, async |docker| ask(docker, name).await)
}

async fn ask(docker: Docker, name: &str) -> Option<Found> {
    let inspected = docker.inspect_network(name, None).await.ok()?;
    let value = serde_json::to_value(&inspected).ok()?;
    let text = serde_json::Value::Array(vec![value.clone()]).to_string();
    let network = from_json(&text, inspected.name.as_deref().unwrap_or(name)).ok()?;
    let mut members = Vec::new();
    let containers = value.get("Containers").and_then(serde_json::Value::as_object);
    for (id, endpoint) in containers.into_iter().flatten().filter(|(id, _)| !id.starts_with("lb-")).take(MOST)
    {
        let address = endpoint.get("IPv4Address").and_then(serde_json::Value::as_str);
        let address = address.and_then(|address| address.split('/').next()?.parse().ok());
        let container = docker.inspect_container(id, None).await.ok();
        let sandbox = container.and_then(|container| container.network_settings?.sandbox_key);
        members.extend(sandbox.filter(|path| !path.is_empty()).zip(address));
    }
    Some(Found { network, members })
}

//! A Docker network as the engine of this host knows it. The engine is asked for the network, then for each local
//! container on it, because a probe can start in a container's network namespace.

use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;

use super::docker_inspect::{Endpoint, Inspected};
use super::network::Network;
use crate::host::docker::{self, Engine, EngineError, converse, socket, swarm_within};

/// The longest time to wait for an engine that hangs. It is long because the engine of a busy node has been seen to
/// take several seconds for an answer, and a slow one must not pass for one that knows nothing. Hosts without Docker do
/// not wait.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most containers whose network namespaces the engine is asked for.
const MOST: usize = 8;

/// A network, and the containers of this host on it: for each the file of its network namespace and its address
/// there.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) network: Network,
    pub(super) members: Vec<(String, IpAddr)>,
}

/// The answer to `/containers/ID/json`, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    network_settings: Option<NetworkSettings>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkSettings {
    sandbox_key: Option<String>,
}

/// Asks the engine for the overlay network of this name, and for the address of its data path.
///
/// # Errors
/// Every [`EngineError`]. A network that is no overlay, and a name that none can have, are [`EngineError::Unknown`].
pub(super) fn find(name: &str) -> Result<Found, EngineError> {
    let mut found = find_at(&socket().ok_or(EngineError::Absent)?, PATIENCE, name)?;
    if let Some(swarm) = swarm_within(PATIENCE) {
        found.network.locals = vec![swarm.address];
    }
    Ok(found)
}

fn find_at(socket: &str, patience: Duration, name: &str) -> Result<Found, EngineError> {
    if !is_word(name) {
        return Err(EngineError::Unknown);
    }
    converse(socket, patience, async |engine| inspect(&engine, name).await)
}

/// Returns true if the text consists only of the characters of Docker's names and identifiers. They need no encoding
/// in a URL.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// The most networks that are asked for at once.
const MOST_NETWORKS: usize = 256;

/// One network in the engine's list.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    name: Option<String>,
    driver: Option<String>,
}

/// Asks the engine for the names of its overlay networks, within `patience`.
///
/// # Errors
/// Every [`EngineError`] but [`EngineError::Unknown`].
pub(super) fn names(patience: Duration) -> Result<Vec<String>, EngineError> {
    let socket = socket().ok_or(EngineError::Absent)?;
    converse(&socket, patience, async |engine| listed(&engine).await)
}

async fn listed(engine: &Engine) -> Result<Vec<String>, EngineError> {
    let listed: Vec<Listed> = engine.get(docker::NETWORKS).await?;
    let overlays = listed.into_iter().filter(|network| network.driver.as_deref() == Some("overlay"));
    let names = overlays.filter_map(|network| network.name).filter(|name| is_word(name));
    Ok(names.take(MOST_NETWORKS).collect())
}

/// Asks the engine for all overlay networks that it knows, within `patience` for all together.
///
/// # Errors
/// Every [`EngineError`] but [`EngineError::Unknown`].
pub(super) fn all(patience: Duration) -> Result<Vec<Found>, EngineError> {
    all_at(&socket().ok_or(EngineError::Absent)?, patience)
}

fn all_at(socket: &str, patience: Duration) -> Result<Vec<Found>, EngineError> {
    converse(socket, patience, async |engine| {
        let names = listed(&engine).await?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let locals: Vec<IpAddr> = docker::address(&engine).await?.into_iter().collect();
        let mut networks = Vec::new();
        for name in names {
            match inspect(&engine, &name).await {
                Ok(mut found) => {
                    found.network.locals.clone_from(&locals);
                    networks.push(found);
                }
                // It was removed since it was listed.
                Err(EngineError::Unknown) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(networks)
    })
}

async fn inspect(engine: &Engine, name: &str) -> Result<Found, EngineError> {
    let inspected: Inspected = engine.get(&format!("/networks/{name}")).await?;
    let network = inspected.overlay().map_err(|_| EngineError::Unknown)?;
    let containers = inspected.containers.iter().flatten();
    let containers = containers.filter(|(id, _)| is_word(id) && !id.starts_with("lb-"));
    let mut members = Vec::new();
    for (id, endpoint) in containers.take(MOST) {
        // A container may be gone by now, and the others are enough.
        let container = engine.get::<Container>(&format!("/containers/{id}/json")).await.ok();
        let sandbox = container.and_then(|container| container.network_settings?.sandbox_key);
        members.extend(sandbox.filter(|path| !path.is_empty()).zip(address(endpoint)));
    }
    Ok(Found { network, members })
}

fn address(endpoint: &Endpoint) -> Option<IpAddr> {
    endpoint.ipv4_address.as_ref()?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::docker::fake::{Fake, say, say_nothing_known};

    const PATIENCE: Duration = Duration::from_secs(60);
    const VERSION: &str = r#"{"ApiVersion":"1.41"}"#;

    #[test]
    fn containers_are_found_where_the_engine_says() {
        let fake = Fake::new(|path, stream| match path {
            "/version" => say(stream, VERSION),
            "/v1.41/networks/secure" => say(
                stream,
                r#"{"Name":"secure","Id":"mkfo4ewzw16s","Driver":"overlay","Containers":{
                    "aa":{"Name":"c","IPv4Address":"10.0.2.4/24","IPv6Address":""},
                    "bb":{"IPv4Address":"10.0.2.5/24"}, "cc":{"IPv4Address":"10.0.2.6/24"},
                    "dd":{"IPv4Address":"10.0.2.7/24"}, "ee":{"IPv4Address":""}, "ff":{"IPv4Address":null},
                    "../x?y":{"IPv4Address":"10.0.2.8/24"},
                    "lb-secure":{"Name":"secure-endpoint","IPv4Address":"10.0.2.3/24"}},
                  "Options":{"com.docker.network.driver.overlay.vxlanid_list":"4098","encrypted":""},
                  "Peers":[{"Name":"7a83dcd2447b","IP":"192.0.2.2"}]}"#,
            ),
            "/v1.41/containers/bb/json" => say(stream, r#"{"NetworkSettings":{"SandboxKey":""}}"#),
            "/v1.41/containers/cc/json" => say(stream, r#"{"NetworkSettings":null}"#),
            "/v1.41/containers/dd/json" => say_nothing_known(stream),
            _ => say(stream, r#"{"Id":"aa","NetworkSettings":{"SandboxKey":"/var/run/docker/netns/1"}}"#),
        });
        let found = find_at(&fake.socket, PATIENCE, "secure").unwrap();
        assert_eq!(found.members, [("/var/run/docker/netns/1".to_owned(), IpAddr::from([10, 0, 2, 4]))]);
        assert_eq!((found.network.encrypted, found.network.peers.len()), (Some(true), 1));
        assert_eq!(fake.paths().len(), 8);
    }

    #[test]
    fn what_a_keeper_tells_of_the_answers_is_all_that_is_read_of_them() {
        let fake = Fake::new(|path, stream| match path {
            "/version" => say(stream, r#"{"ApiVersion":"1.43","MinAPIVersion":"1.42"}"#),
            "/v1.43/info" => say(stream, r#"{"Name":"n","Swarm":{"NodeAddr":"192.0.2.1"}}"#),
            "/v1.43/networks/secure" => say(
                stream,
                r#"{"Name":"secure","Id":"mkfo4ewzw16s","Driver":"overlay",
                  "Containers":{"aa":{"Name":"c","IPv4Address":"10.0.2.4/24"}},
                  "Options":{"com.docker.network.driver.overlay.vxlanid_list":"4098","encrypt":""},
                  "Peers":[{"Name":"7a83dcd2447b","IP":"192.0.2.2"}]}"#,
            ),
            path if path.starts_with("/v1.43/networks?") => {
                say(stream, r#"[{"Name":"secure","Driver":"overlay"}]"#);
            }
            _ => say(stream, r#"{"Id":"aa","NetworkSettings":{"SandboxKey":"/var/run/docker/netns/1"}}"#),
        });
        let found = |socket: &str| {
            let found = all_at(socket, PATIENCE).unwrap();
            found.into_iter().map(|found| (found.network, found.members)).collect::<Vec<_>>()
        };
        let through = found(&crate::keeping::kept(&fake.socket));
        assert_eq!(through, found(&fake.socket));
        assert_eq!((through[0].1.len(), through[0].0.typo.as_deref()), (1, Some("encrypt")));
    }

    #[test]
    fn a_network_without_containers_here_is_known() {
        let fake = Fake::new(|path, stream| match path {
            "/version" => say(stream, VERSION),
            _ => {
                say(
                    stream,
                    r#"{"Name":"typo","Driver":"overlay","Containers":null,"Options":{"encrypt":""}}"#,
                );
            }
        });
        let found = find_at(&fake.socket, PATIENCE, "typo").unwrap();
        assert_eq!((found.members.len(), found.network.typo.as_deref()), (0, Some("encrypt")));
    }

    #[test]
    fn other_networks_and_names_are_not_known() {
        let fake = Fake::new(|path, stream| match path {
            "/version" => say(stream, VERSION),
            "/v1.41/networks/bridge" => say(stream, r#"{"Name":"bridge","Driver":"bridge","Options":{}}"#),
            "/v1.41/networks/list" => say(stream, "[]"),
            _ => say_nothing_known(stream),
        });
        let error = |name| find_at(&fake.socket, PATIENCE, name).map(|found| found.network).unwrap_err();
        for name in ["bridge", "secuer", "", "../info", "a b"] {
            assert_eq!(error(name), EngineError::Unknown, "{name}");
        }
        assert!(matches!(error("list"), EngineError::Broken(_)), "this is no network's description");
    }

    #[test]
    fn all_overlays_are_found_in_one_conversation_and_one_that_was_removed_meanwhile_is_left_out() {
        let fake = Fake::new(|path, stream| match path {
            "/version" => say(stream, VERSION),
            "/v1.41/info" => say(stream, r#"{"Swarm":{"NodeAddr":"192.0.2.1"}}"#),
            "/v1.41/networks/secure" => say(stream, r#"{"Name":"secure","Driver":"overlay"}"#),
            path if path.starts_with("/v1.41/networks?") => say(
                stream,
                r#"[{"Name":"bridge","Driver":"bridge"},{"Name":"gone","Driver":"overlay"},
                    {"Name":"../info","Driver":"overlay"},{"Name":"secure","Driver":"overlay"},{"Driver":"overlay"}]"#,
            ),
            _ => say_nothing_known(stream),
        });
        let found = all_at(&fake.socket, PATIENCE).unwrap();
        let names: Vec<&str> = found.iter().map(|found| found.network.name.as_str()).collect();
        assert_eq!(names, ["secure"]);
        assert_eq!(found[0].network.locals, [IpAddr::from([192, 0, 2, 1])]);
    }

    #[test]
    fn an_engine_that_hangs_costs_its_time_limit_for_all_networks_together() {
        let fake = Fake::new(|path, stream| match path {
            "/version" => say(stream, VERSION),
            path if path.starts_with("/v1.41/networks?") => {
                say(stream, r#"[{"Name":"a","Driver":"overlay"},{"Name":"b","Driver":"overlay"}]"#);
            }
            _ => std::thread::sleep(Duration::from_secs(2)),
        });
        let limit = Duration::from_millis(300);
        let begun = std::time::Instant::now();
        assert_eq!(all_at(&fake.socket, limit).map(|found| found.len()), Err(EngineError::Late(limit)));
        assert!(begun.elapsed() < Duration::from_secs(2));
        assert!(matches!(all_at("/nonexistent/docker.sock", limit), Err(EngineError::Absent)));
    }

    #[test]
    fn an_engine_that_answers_late_is_waited_for() {
        let fake = Fake::new(|path, stream| {
            std::thread::sleep(Duration::from_millis(700));
            match path {
                "/version" => say(stream, VERSION),
                _ => say(stream, r#"{"Name":"slow","Driver":"overlay"}"#),
            }
        });
        assert_eq!(find_at(&fake.socket, PATIENCE, "slow").unwrap().network.name, "slow");
    }
}

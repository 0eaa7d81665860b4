//! The questions that make a table of names, and the parts of the answers that are read.
//!
//! Everything is optional in an answer. Podman leaves much out, old engines too, and a proxy before the socket may refuse
//! some questions. What is missing gives no names, and the rest does. What cannot be read is left out and counted.

use std::collections::HashMap;
use std::net::IpAddr;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::few::{Few, FewNamed, Text};
use super::name::of_task;
use super::table::{Draft, Source, Table};
use crate::escape::counted;
use crate::host::docker::{EngineError, Kept, VNIS, vnis};
use crate::packet::MacAddress;

/// The most elements of the lists of containers, services and tasks.
const MOST: usize = 1 << 16;
/// The most networks.
const NETWORKS: usize = 1 << 12;
/// The most networks that are asked for one by one.
const DETAILS: usize = 256;
/// The most networks of a container, addresses of a service, and names of a container.
const FEW: usize = 64;

/// One container in the answer to `/containers/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    #[serde(default)]
    names: Few<String, FEW>,
    network_settings: Option<Settings>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Settings {
    #[serde(default)]
    networks: FewNamed<Option<Endpoint>, FEW>,
}

/// A container's interface in a network.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    #[serde(rename = "NetworkID")]
    network_id: Option<String>,
    #[serde(rename = "IPAddress")]
    ip_address: Option<String>,
    #[serde(rename = "GlobalIPv6Address")]
    global_ipv6_address: Option<String>,
    mac_address: Option<String>,
}

/// One network in the answer to `/networks`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    name: Option<Text>,
    id: Option<String>,
    driver: Option<String>,
    #[serde(default)]
    options: FewNamed<Option<String>, FEW>,
}

/// The answer to `/networks/ID?verbose=true`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Detail {
    #[serde(default)]
    containers: FewNamed<Option<Member>, MOST>,
    /// By the name of the service, which is empty for containers that are not in one.
    #[serde(default)]
    services: FewNamed<Option<Reached>, MOST>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Member {
    name: Option<String>,
    mac_address: Option<String>,
    #[serde(rename = "IPv4Address")]
    ipv4_address: Option<String>,
    #[serde(rename = "IPv6Address")]
    ipv6_address: Option<String>,
}

/// A service as the nodes of a network tell it each other.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reached {
    #[serde(rename = "VIP")]
    vip: Option<String>,
    #[serde(default)]
    tasks: Few<ReachedTask, MOST>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReachedTask {
    name: Option<String>,
    #[serde(rename = "EndpointIP")]
    endpoint_ip: Option<String>,
}

/// One service in the answer to `/services`.
#[derive(Deserialize)]
struct Service {
    #[serde(rename = "ID")]
    id: Option<String>,
    #[serde(rename = "Spec")]
    spec: Option<Spec>,
    #[serde(rename = "Endpoint")]
    endpoint: Option<ServiceEndpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Spec {
    name: Option<String>,
}

#[derive(Deserialize)]
struct ServiceEndpoint {
    #[serde(rename = "VirtualIPs", default)]
    virtual_ips: Few<Virtual, FEW>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Virtual {
    #[serde(rename = "NetworkID")]
    network_id: Option<String>,
    addr: Option<String>,
}

/// One task in the answer to `/tasks`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Task {
    #[serde(rename = "ServiceID")]
    service_id: Option<String>,
    slot: Option<u64>,
    status: Option<TaskStatus>,
    #[serde(default)]
    networks_attachments: Few<Attachment, FEW>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TaskStatus {
    state: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attachment {
    network: Option<Attached>,
    #[serde(default)]
    addresses: Few<String, FEW>,
}

#[derive(Deserialize)]
struct Attached {
    #[serde(rename = "ID")]
    id: Option<String>,
}

/// The tasks that are to run. Those of the past are kept by managers too, with addresses that others have now. The filter
/// is `{"desired-state":["running"]}`, encoded for a URL.
const TASKS: &str = "/tasks?filters=%7B%22desired-state%22%3A%5B%22running%22%5D%7D";

/// The answers of an engine.
pub(crate) struct Asked {
    /// The names of what was told.
    pub(crate) table: Table,
    /// A sentence about what was not told, or cannot be read.
    pub(crate) missing: Option<String>,
    /// The error over which the connection was lost on the way.
    pub(crate) lost: Option<EngineError>,
}

/// Asks an engine for everything that has a name and an address. A part that is not told takes no other part away.
///
/// # Errors
/// Every [`EngineError`], if networks are not told, without which an address says nothing.
pub(crate) async fn table(engine: &mut Kept) -> Result<Asked, EngineError> {
    let mut draft = Draft::default();
    let networks = engine.get::<Few<Listed, NETWORKS>>("/networks").await?;
    let mut parts = Parts { engine, untold: None, lost: None };
    let mut unread = networks.left_out() + networks.0.iter().map(Listed::unread).sum::<usize>();
    let networks = networks.0;
    let containers: Few<Container, MOST> = parts.ask("containers", "/containers/json", |_| false).await;
    unread += containers.left_out() + containers.0.iter().map(Container::unread).sum::<usize>();
    let containers = containers.0;
    for network in &networks {
        let list = network.options.0.iter().find(|(name, _)| name == VNIS);
        let list = list.and_then(|(_, list)| list.as_deref()).filter(|_| network.is_overlay());
        let driver = network.driver.as_deref().unwrap_or_default();
        draft.network(network.id.as_deref(), network.name(), driver, &list.map(vnis).unwrap_or_default());
    }
    for container in &containers {
        container.add_to(&mut draft);
    }
    // Old versions of Podman list containers without their addresses.
    let incomplete = containers.is_empty() || containers.iter().any(|one| one.network_settings.is_none());
    let details = networks.iter().filter(|network| incomplete || network.is_overlay());
    for id in details.filter_map(Listed::key).take(DETAILS) {
        // A network may be removed meanwhile.
        let is_gone = |error: &EngineError| *error == EngineError::Unknown;
        let path = format!("/networks/{id}?verbose=true");
        let detail: Detail = parts.ask("containers and services of a network", &path, is_gone).await;
        unread += detail.containers.left_out() + detail.services.left_out();
        detail.add_to(&mut draft, id);
    }
    if networks.iter().any(Listed::is_overlay) {
        let services: Few<Service, MOST> = parts.ask("services", "/services", is_for_managers).await;
        let tasks: Few<Task, MOST> = parts.ask("tasks", TASKS, is_for_managers).await;
        unread += services.left_out() + tasks.left_out();
        add_services(&mut draft, &services.0, &tasks.0);
    }
    let Parts { untold, lost, .. } = parts;
    let unread = (unread > 0)
        .then(|| format!("{} of the engine's answers cannot be read", counted(unread, "entry", "entries")));
    let missing = untold.or(unread).map(|cause| format!("some names may be missing: {cause}"));
    Ok(Asked { table: draft.finish(), missing, lost })
}

/// The parts that are asked for one after the other.
struct Parts<'a> {
    engine: &'a mut Kept,
    /// The first part that was not told, and why.
    untold: Option<String>,
    /// The error over which the connection was lost. Nothing is asked any more then.
    lost: Option<EngineError>,
}

impl Parts<'_> {
    /// Asks for a part, which is empty if it is not told. Notes why, except for an error that is no fault.
    async fn ask<T: DeserializeOwned + Default>(
        &mut self,
        part: &str,
        path: &str,
        is_no_fault: fn(&EngineError) -> bool,
    ) -> T {
        if self.lost.is_some() {
            return T::default();
        }
        match self.engine.get(path).await {
            Ok(answer) => return answer,
            Err(error) if self.engine.is_lost() => self.lost = Some(error),
            Err(error) if is_no_fault(&error) => {}
            Err(error) => {
                self.untold.get_or_insert_with(|| format!("the engine does not tell its {part}: {error}"));
            }
        }
        T::default()
    }
}

/// Returns true for the answers of a node that is no manager: 404 of Podman, 406 of old engines, 503 of others.
fn is_for_managers(error: &EngineError) -> bool {
    match error {
        EngineError::Unknown => true,
        EngineError::Broken(cause) => matches!(cause.as_str(), "status 406" | "status 503"),
        _ => false,
    }
}

impl Listed {
    fn name(&self) -> Option<&str> {
        self.name.as_ref()?.0.as_deref()
    }

    /// Returns 1 if its name is no text. Its containers are named nevertheless.
    fn unread(&self) -> usize {
        usize::from(self.name.as_ref().is_some_and(|name| name.0.is_none()))
    }

    fn is_overlay(&self) -> bool {
        self.driver.as_deref() == Some("overlay")
    }

    /// Returns the word to ask for it, if it is one that needs no encoding in a URL.
    fn key(&self) -> Option<&str> {
        let is_word = |text: &&str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        };
        self.id.as_deref().or(self.name()).filter(is_word)
    }
}

impl Container {
    /// Returns the number of its names that are no text, if it has no other.
    fn unread(&self) -> usize {
        if self.names.0.is_empty() { self.names.left_out() } else { 0 }
    }

    fn add_to(&self, draft: &mut Draft) {
        // A name with a second slash is a link of another container to this one.
        let names = self.names.0.iter().map(|name| name.strip_prefix('/').unwrap_or(name));
        let Some(name) = names.min_by_key(|name| name.contains('/')) else { return };
        let networks = self.network_settings.iter().flat_map(|settings| &settings.networks.0);
        for (network, endpoint) in networks {
            let Some(endpoint) = endpoint else { continue };
            let network = endpoint.network_id.as_deref().filter(|id| !id.is_empty()).unwrap_or(network);
            let addresses = [&endpoint.ip_address, &endpoint.global_ipv6_address];
            let mac = endpoint.mac_address.as_deref();
            add(draft, network, &addresses, mac, of_task(name), Source::Containers);
        }
    }
}

impl Detail {
    fn add_to(&self, draft: &mut Draft, network: &str) {
        for member in self.containers.0.iter().filter_map(|(_, member)| member.as_ref()) {
            let Some(name) = member.name.as_deref() else { continue };
            let addresses = [&member.ipv4_address, &member.ipv6_address];
            let mac = member.mac_address.as_deref();
            add(draft, network, &addresses, mac, of_task(name), Source::Members);
        }
        for (name, service) in &self.services.0 {
            let Some(service) = service else { continue };
            add(draft, network, &[&service.vip], None, name, Source::Gossip);
            for task in &service.tasks.0 {
                let name = task.name.as_deref().map(of_task).unwrap_or_default();
                add(draft, network, &[&task.endpoint_ip], None, name, Source::Gossip);
            }
        }
    }
}

fn add_services(draft: &mut Draft, services: &[Service], tasks: &[Task]) {
    let entry = |service: &Service| Some((service.id.clone()?, service.spec.as_ref()?.name.clone()?));
    let names: HashMap<String, String> = services.iter().filter_map(entry).collect();
    for service in services {
        let name = service.id.as_ref().and_then(|id| names.get(id));
        let addresses = service.endpoint.iter().flat_map(|endpoint| &endpoint.virtual_ips.0);
        for address in addresses {
            if let (Some(name), Some(network)) = (name, address.network_id.as_deref()) {
                add(draft, network, &[&address.addr], None, name, Source::Managers);
            }
        }
    }
    let runs = |task: &&Task| {
        let state = task.status.as_ref().and_then(|status| status.state.as_deref());
        matches!(state, Some("starting" | "running"))
    };
    for task in tasks.iter().filter(runs) {
        let Some(service) = task.service_id.as_ref().and_then(|id| names.get(id)) else { continue };
        let name = match task.slot {
            Some(slot @ 1..) => format!("{service}.{slot}"),
            _ => service.clone(),
        };
        for attachment in &task.networks_attachments.0 {
            let network = attachment.network.as_ref().and_then(|network| network.id.as_deref());
            for address in &attachment.addresses.0 {
                let address = Some(address.clone());
                add(draft, network.unwrap_or_default(), &[&address], None, &name, Source::Managers);
            }
        }
    }
}

/// Gives a name to addresses in a network, and notes the Ethernet address of their interface. Addresses may have the
/// length of a prefix behind them, or be empty.
fn add(
    draft: &mut Draft,
    network: &str,
    addresses: &[&Option<String>],
    mac: Option<&str>,
    name: &str,
    source: Source,
) {
    let parsed = |text: &&Option<String>| text.as_ref()?.split('/').next()?.parse::<IpAddr>().ok();
    for address in addresses.iter().filter_map(parsed) {
        draft.name(network, address, name, source);
        if let Some(mac) = mac.and_then(mac_address) {
            draft.station(network, mac, address);
        }
    }
}

fn mac_address(text: &str) -> Option<MacAddress> {
    let mut bytes = [0; 6];
    let mut pairs = text.split(':');
    for byte in &mut bytes {
        *byte = u8::from_str_radix(pairs.next()?, 16).ok()?;
    }
    pairs.next().is_none().then_some(MacAddress(bytes))
}

#[cfg(test)]
mod tests;

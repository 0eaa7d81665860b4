//! Networks of Docker's that are known by their devices alone, because the engine did not describe them.
//!
//! Docker moves a network's VXLAN device into a sandbox, onto a bridge with the address of the gateway. Every node has that same
//! address, so that the reply to a probe from there goes to the other node's own bridge and never comes back. A container of this
//! host has an address of its own. It hangs on the bridge by a veth, whose two ends name each other by their indices.

use super::device;
use super::network::{Entry, Network};
use super::sources::entry_of;
use crate::host::namespaces::{Namespaces, Surveyed};
use crate::host::survey::Link;

/// The beginning of the file names of Docker's load balancers, which have an address on the network as well.
const BALANCER: &str = "lb_";

/// The reason why the engine did not describe a network that was asked for by its VNI.
pub(super) const BY_VNI: &str = "it was asked for by its VNI; give its name with --net";

/// Notes why the engine did not describe a network, and has probes enter the network from a container, if it is one of Docker's as
/// far as its device shows.
pub(super) fn undescribed(mut network: Network, namespaces: &Namespaces, why: &str) -> Network {
    if is_dockers(&network, namespaces) {
        network.engine_unread = Some(why.to_owned());
        match guest(&network, namespaces) {
            Some(guest) => network.entry = Some(guest),
            None => network.namespaces_unread = namespaces.unread(),
        }
    }
    network
}

/// Returns true if the network's first device is one of Docker's, as far as it shows.
fn is_dockers(network: &Network, namespaces: &Namespaces) -> bool {
    let Some(device) = network.devices.first() else { return false };
    let place = namespaces.all().find(|place| place.path == device.namespace);
    place.and_then(|place| place.survey.link(device.index)).is_some_and(device::may_be_dockers)
}

/// Returns the device of a container that hangs on the bridge by which the network would be entered otherwise.
fn guest(network: &Network, namespaces: &Namespaces) -> Option<Entry> {
    let entry = network.entry.as_ref().filter(|entry| entry.shared)?;
    let sandbox = namespaces.all().find(|place| place.path == entry.namespace)?;
    let bridge = sandbox.survey.named(&entry.device)?;
    let is_end = |link: &Link| {
        let mut ports = sandbox.survey.links.iter().filter(|port| port.master == Some(bridge.index));
        ports.any(|port| port.far_end == Some(link.index) && link.far_end == Some(port.index))
    };
    let address = |link: &Link| {
        let mut own = link.addresses.iter().map(|own| own.address());
        own.find(|address| bridge.addresses.iter().any(|subnet| subnet.contains(*address)))
    };
    let of_place = |place: &'_ Surveyed| {
        let mut links = place.survey.links.iter().filter(|link| link.up && is_end(link));
        links.find_map(address).and_then(|address| entry_of(place, address))
    };
    let is_balancer = |entry: &Entry| {
        let file = entry.namespace.as_deref().and_then(|path| path.rsplit('/').next());
        file.is_some_and(|file| file.starts_with(BALANCER))
    };
    let guests = namespaces.all().filter(|place| place.path != sandbox.path).filter_map(of_place);
    // Of equals it is the first one.
    guests.min_by_key(is_balancer)
}

#[cfg(test)]
mod tests;

//! The sources that may know a network, in the order in which they are asked: `ovlsniff overlay`, the Docker engine,
//! the kernel's VXLAN devices.

use std::net::IpAddr;

use super::device;
use super::docker;
use super::network::{Entry, Network, Peer};
use crate::host::docker::swarm;
use crate::host::namespaces::{Namespaces, Surveyed};
use crate::host::survey::{Link, Vxlan};
use crate::packet::Vni;

/// Finds the network of this name or, without a name, that of a VXLAN device with one of these VNIs. Returns `None`
/// if no source knows it.
pub(super) fn find(name: Option<&str>, vnis: &[Vni], namespaces: &Namespaces) -> Option<Network> {
    let Some(name) = name else {
        return device::find(namespaces, |_, vxlan| device::has_vni(vxlan, vnis));
    };
    let ours = |link: &Link, _: &Vxlan| device::alias(link).is_some_and(|alias| alias.network == name);
    let named = |link: &Link, _: &Vxlan| link.name == name;
    // Other namespaces come last, because there may be hundreds of them.
    device::find_near(namespaces, ours)
        .or_else(|| from_docker(name, namespaces))
        .or_else(|| device::find_near(namespaces, named))
        .or_else(|| device::find(namespaces, ours))
        .or_else(|| device::find(namespaces, named))
}

/// Puts a network together from two sources: the engine knows its options and nodes, the kernel the overlay addresses
/// behind each node.
fn from_docker(name: &str, namespaces: &Namespaces) -> Option<Network> {
    let found = docker::find(name)?;
    let mut network = found.network;
    if let Some(swarm) = swarm() {
        network.locals = vec![swarm.address];
    }
    network.underlay.clone_from(&namespaces.base.path);
    let devices = devices(namespaces, &network.vnis);
    network.port = devices.first().and_then(|device| device.port);
    let has = |peer: &Peer| network.peers.iter().any(|known| known.underlay == peer.underlay);
    if devices.iter().any(|device| !device.peers.is_empty())
        && !devices.iter().flat_map(|d| &d.peers).any(has)
    {
        // The engine names the addresses that engines talk to. Where the data path has addresses of its own, the
        // kernel has those, and they are the ones on the wire.
        network.peers.clear();
    }
    for device in &devices {
        merge_peers(&mut network, device);
    }
    for (sandbox, address) in found.members {
        network.entry = network.entry.or_else(|| member(namespaces, &sandbox, address));
    }
    Some(network)
}

/// Returns the device through which a container sends into the overlay.
fn member(namespaces: &Namespaces, sandbox: &str, address: IpAddr) -> Option<Entry> {
    let name = sandbox.rsplit('/').next()?;
    let place = namespaces.all().find(|place: &&Surveyed| {
        place.path.as_deref().and_then(|path| path.rsplit('/').next()).is_some_and(|path| path == name)
    })?;
    let link = place.survey.owner(address)?;
    Some(Entry {
        device: link.name.clone(),
        namespace: place.path.clone(),
        addresses: link.addresses.clone(),
        mtu: link.mtu,
    })
}

/// Reads again which addresses are behind which peer, because the kernel may have learnt of neighbours since.
pub(super) fn refresh(network: &mut Network, namespaces: &Namespaces) {
    for device in devices(namespaces, &network.vnis) {
        merge_peers(network, &device);
    }
}

/// Returns the network of the first VXLAN device of each of these VNIs, where there is one.
fn devices(namespaces: &Namespaces, vnis: &[Vni]) -> Vec<Network> {
    let of = |&vni: &Vni| device::find(namespaces, |_, vxlan| device::has_vni(vxlan, &[vni]));
    vnis.iter().filter_map(of).collect()
}

fn merge_peers(network: &mut Network, kernel: &Network) {
    for known in &kernel.peers {
        match network.peers.iter_mut().find(|peer| peer.underlay == known.underlay) {
            Some(peer) => {
                let new: Vec<IpAddr> =
                    known.overlay.iter().filter(|address| !peer.overlay.contains(address)).copied().collect();
                peer.overlay.extend(new);
            }
            None => network.peers.push(known.clone()),
        }
    }
}

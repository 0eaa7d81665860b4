//! The device of a network, with its bridge, addresses, forwarding entries and neighbours.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::check::{Obstacle, unchanged};
use super::{device_of, mac_of};
use crate::overlay::mark::{Encryption, Mark};
use crate::overlay::present::{Present, PresentDevice};
use crate::overlay::spec::NetworkSpec;
use crate::overlay::step::{Device, Step, Vxlan};
use crate::packet::MacAddress;

/// Plans the device of a network. `steps` takes the changes, and `drops` the removals that come at the end of the
/// plan.
pub(super) fn build(
    network: &NetworkSpec,
    present: &Present,
    mtu: u32,
    encryption: Option<Encryption>,
    steps: &mut Vec<Step>,
    drops: &mut Vec<Step>,
) -> Result<(), Obstacle> {
    let device = device_of(network);
    let (learning, proxy) = (network.learn, network.is_static());
    let nothing = PresentDevice::default();
    let there = present.devices.get(&device);
    let mark = mark(network, present, there.unwrap_or(&nothing), encryption);
    let mac = mac_of(network.vni, network.local);
    if let Some(there) = there {
        unchanged(network, there, &mark)?;
    } else {
        let (device, vni, port, local) = (device.clone(), network.vni, network.port, network.local);
        steps.push(Step::Vxlan(Vxlan { device, vni, port, local, mac, mtu, learning, proxy }));
    }
    let mut now = there.cloned().unwrap_or_default();
    if let Some(before) = now.mac.filter(|before| *before != mac) {
        steps.push(Step::Mac { device: device.clone(), mac, before });
        // The kernel removes a device's neighbours when its MAC changes (net/core/neighbour.c, `neigh_changeaddr`).
        now.neighbours.clear();
    }
    let now = &now;
    if now.unmarked || now.mark.as_ref() != Some(&mark) {
        steps.push(Step::Mark { device: device.clone(), alias: mark.to_string() });
    }
    if there.is_some() && now.mtu != mtu {
        steps.push(Step::Mtu { device: device.clone(), mtu, before: now.mtu });
    }
    let (front, front_now) = bridge(network, present, now, mtu, steps)?;
    // An address that this program gave before is removed if the network has another one, or if it belongs to
    // another device because a bridge came or went. This comes first: other addresses of the same prefix would go
    // with it.
    let before = now.mark.as_ref().and_then(Mark::address);
    for (place, now) in places(&device, now, &front, &front_now) {
        let stays = *place == front && before == network.address;
        if let Some(address) = before.filter(|address| !stays && now.addresses.contains(address)) {
            steps.push(Step::DropAddress { device: place.clone(), address });
        }
    }
    if let Some(address) = network.address.filter(|address| !front_now.addresses.contains(address)) {
        steps.push(Step::Address { device: front.clone(), address });
    }
    entries(network, &device, now, &front, &front_now, steps, drops);
    for (device, up) in [(&device, now.up), (&front, front_now.up)] {
        if !up && steps.last() != Some(&Step::Up { device: device.clone() }) {
            steps.push(Step::Up { device: device.clone() });
        }
    }
    Ok(())
}

/// Returns the mark of the device. Its address is recorded as given by this program, unless it was there before, on
/// a bridge of somebody else.
fn mark(
    network: &NetworkSpec,
    present: &Present,
    now: &PresentDevice,
    encryption: Option<Encryption>,
) -> Mark {
    let lent =
        present.devices.get(&front_of(network)).filter(|bridge| bridge.bridge && bridge.mark.is_none());
    let given = network.address.filter(|address| {
        let marked = now.mark.as_ref().is_some_and(|mark| mark.address() == Some(*address));
        marked || lent.is_none_or(|bridge| !bridge.addresses.contains(address))
    });
    Mark::Network { name: network.name.clone(), vni: network.vni, address: given, encryption }
}

/// Returns the device that has the address: the bridge if there is one, else the network's own device.
fn front_of(network: &NetworkSpec) -> Device {
    let name = network.bridge.as_ref().unwrap_or(&network.name).clone();
    Device { name, netns: network.netns.clone() }
}

/// Plans the bridge if there is to be one, and makes the device its port. Returns the device that has the address,
/// and its present state.
fn bridge(
    network: &NetworkSpec,
    present: &Present,
    now: &PresentDevice,
    mtu: u32,
    steps: &mut Vec<Step>,
) -> Result<(Device, PresentDevice), Obstacle> {
    let device = device_of(network);
    let Some(name) = &network.bridge else { return Ok((device, now.clone())) };
    let (bridge, mac) = (front_of(network), mac_of(network.vni, network.local));
    let mark = || {
        let alias = Mark::Bridge { name: network.name.clone() }.to_string();
        Step::Mark { device: bridge.clone(), alias }
    };
    match present.devices.get(&bridge) {
        Some(there) if !there.bridge => return Err(Obstacle::NoBridge(bridge)),
        // A process that made this bridge was killed before it marked it. A bridge of others could only have this
        // MAC if our device were its port.
        Some(there) if there.mark.is_none() && there.mac == Some(mac) && now.master.is_none() => {
            steps.push(mark());
        }
        Some(_) => {}
        None => {
            steps.push(Step::Bridge { device: bridge.clone(), mac, mtu });
            steps.push(mark());
        }
    }
    match &now.master {
        Some(master) if master != name => return Err(Obstacle::PortOf { device, master: master.clone() }),
        Some(_) => {}
        None => steps.push(Step::Port { device, bridge: name.clone() }),
    }
    Ok((bridge.clone(), present.devices.get(&bridge).cloned().unwrap_or_default()))
}

fn entries(
    network: &NetworkSpec,
    device: &Device,
    now: &PresentDevice,
    front: &Device,
    front_now: &PresentDevice,
    steps: &mut Vec<Step>,
    drops: &mut Vec<Step>,
) {
    let (mut fdb, mut neighbours) = (BTreeSet::new(), BTreeSet::new());
    for peer in &network.peers {
        let mac = mac_of(network.vni, peer.underlay);
        if !network.learn {
            fdb.insert((mac, peer.underlay));
        }
        if !network.is_static() {
            fdb.insert((MacAddress::ZERO, peer.underlay));
        }
        neighbours.extend(peer.overlay.filter(|_| !network.learn).map(|overlay| (overlay, mac)));
    }
    let other = |mac: &MacAddress| now.fdb.iter().find(|(there, _)| there == mac && *mac != MacAddress::ZERO);
    for (mac, vtep) in fdb.difference(&now.fdb) {
        let before = other(mac).map(|(_, vtep)| *vtep);
        steps.push(Step::Fdb { device: device.clone(), mac: *mac, vtep: *vtep, before });
    }
    // Forwarding entries to a node that is not in the specification are removed. So are neighbours with a node's
    // MAC and an address that is not in the specification. Other neighbours are not ours to judge.
    let stays = |vtep: &IpAddr| network.peers.iter().any(|peer| peer.underlay == *vtep);
    let gone: Vec<_> = now.fdb.iter().filter(|(_, vtep)| !stays(vtep)).collect();
    let peers = network.peers.iter().map(|peer| peer.underlay);
    let nodes: BTreeSet<MacAddress> =
        peers.chain(gone.iter().map(|(_, vtep)| *vtep)).map(|vtep| mac_of(network.vni, vtep)).collect();
    for (place, now) in places(device, now, front, front_now) {
        for (address, mac) in neighbours.difference(&now.neighbours) {
            let before = now.neighbours.iter().find(|(there, _)| there == address).map(|(_, mac)| *mac);
            steps.push(Step::Neighbour { device: place.clone(), address: *address, mac: *mac, before });
        }
        let stale = now.neighbours.iter().filter(|(address, mac)| {
            nodes.contains(mac) && !neighbours.iter().any(|(wanted, _)| wanted == address)
        });
        drops.extend(stale.map(|(address, mac)| Step::DropNeighbour {
            device: place.clone(),
            address: *address,
            mac: *mac,
        }));
    }
    let replaced = |mac: &MacAddress| *mac != MacAddress::ZERO && fdb.iter().any(|(wanted, _)| wanted == mac);
    let gone = gone.into_iter().filter(|(mac, _)| !replaced(mac));
    drops.extend(gone.map(|(mac, vtep)| Step::DropFdb { device: device.clone(), mac: *mac, vtep: *vtep }));
}

/// Returns the device, and the bridge if there is one. Both need the neighbours: the proxy answers from those of
/// the VXLAN device, and the host asks those of the device that has the address.
fn places<'a>(
    device: &'a Device,
    now: &'a PresentDevice,
    front: &'a Device,
    front_now: &'a PresentDevice,
) -> impl Iterator<Item = (&'a Device, &'a PresentDevice)> {
    let bridge = (front != device).then_some((front, front_now));
    [(device, now)].into_iter().chain(bridge)
}

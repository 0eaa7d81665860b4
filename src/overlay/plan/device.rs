//! The device of a network and all that hangs on it.

use super::check::unchanged;
use super::{device_of, mac_of};
use crate::overlay::mark::{Encryption, Mark};
use crate::overlay::present::{Present, PresentDevice};
use crate::overlay::spec::Network;
use crate::overlay::step::{Device, Mac, Step, Vxlan};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What has to be added, and what is to be removed at the end.
pub(super) fn build(
    network: &Network,
    present: &Present,
    mtu: u32,
    encryption: Option<Encryption>,
    steps: &mut Vec<Step>,
    drops: &mut Vec<Step>,
) -> Result<(), String> {
    let device = device_of(network);
    let mark = Mark::Network { name: network.name.clone(), vni: network.vni, encryption };
    let (learning, proxy) = (network.learn, network.is_static());
    let nothing = PresentDevice::default();
    let there = present.devices.get(&device);
    if let Some(there) = there {
        unchanged(network, there, &mark)?;
    } else {
        let vni = network.vni.value();
        let mac = mac_of(network.vni, network.local);
        let (device, port, local) = (device.clone(), network.port, network.local);
        steps.push(Step::Vxlan(Vxlan { device, vni, port, local, mac, mtu, learning, proxy }));
    }
    let now = there.unwrap_or(&nothing);
    if now.mark.as_ref() != Some(&mark) {
        steps.push(Step::Mark { device: device.clone(), alias: mark.to_string() });
    }
    if there.is_some() && now.mtu != mtu {
        steps.push(Step::Mtu { device: device.clone(), mtu, before: now.mtu });
    }
    let (front, front_now) = bridge(network, present, now, mtu, steps)?;
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

/// The device that has the address: the bridge where there is one.
fn bridge(
    network: &Network,
    present: &Present,
    now: &PresentDevice,
    mtu: u32,
    steps: &mut Vec<Step>,
) -> Result<(Device, PresentDevice), String> {
    let device = device_of(network);
    let Some(name) = &network.bridge else { return Ok((device, now.clone())) };
    let bridge = Device { name: name.clone(), netns: network.netns.clone() };
    match present.devices.get(&bridge) {
        Some(there) if !there.bridge => return Err(format!("device {bridge} is there and is no bridge")),
        Some(_) => {}
        None => {
            steps.push(Step::Bridge { device: bridge.clone(), mac: mac_of(network.vni, network.local), mtu });
            let alias = Mark::Bridge { name: network.name.clone() }.to_string();
            steps.push(Step::Mark { device: bridge.clone(), alias });
        }
    }
    match &now.master {
        Some(master) if master != name => return Err(format!("device {device} is a port of {master}")),
        Some(_) => {}
        None => steps.push(Step::Port { device, bridge: name.clone() }),
    }
    Ok((bridge.clone(), present.devices.get(&bridge).cloned().unwrap_or_default()))
}

fn entries(
    network: &Network,
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
            fdb.insert((Mac::ALL, peer.underlay));
        }
        neighbours.extend(peer.overlay.filter(|_| !network.learn).map(|overlay| (overlay, mac)));
    }
    let place = || device.clone();
    let missing = fdb.difference(&now.fdb);
    steps.extend(missing.map(|(mac, vtep)| Step::Fdb { device: place(), mac: *mac, vtep: *vtep }));
    // Peers that are no longer in the specification; entries for others than nodes are not ours to judge.
    let stays = |vtep: &IpAddr| network.peers.iter().any(|peer| peer.underlay == *vtep);
    let gone: Vec<_> = now.fdb.iter().filter(|(_, vtep)| !stays(vtep)).collect();
    let leavers: BTreeSet<Mac> = gone.iter().map(|(_, vtep)| mac_of(network.vni, *vtep)).collect();
    // The proxy answers from the device's own entries, the host asks those of the device with the address.
    let mut places = vec![(device, now)];
    if front != device {
        places.push((front, front_now));
    }
    for (place, now) in &places {
        for (address, mac) in neighbours.difference(&now.neighbours) {
            steps.push(Step::Neighbour { device: (*place).clone(), address: *address, mac: *mac });
        }
        for (address, mac) in now.neighbours.iter().filter(|(_, mac)| leavers.contains(mac)) {
            drops.push(Step::DropNeighbour { device: (*place).clone(), address: *address, mac: *mac });
        }
    }
    drops.extend(gone.iter().map(|(mac, vtep)| Step::DropFdb { device: place(), mac: *mac, vtep: *vtep }));
}

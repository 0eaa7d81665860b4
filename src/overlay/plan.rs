//! From what is asked for and what is to what has to be done: pure, and empty when all is as it should be.
//!
//! The order is what makes an encrypted network fail closed: what blocks, what requires ESP, the SAs (receiving before
//! sending), and only then the device; it goes up last.

use super::keys::{KeyId, Secret, sixteen};
use super::mark::{Encryption, Mark};
use super::mtu::inner_mtu;
use super::policy::{Policy, reqid};
use super::present::{Present, PresentDevice};
use super::security::{self, Sa};
use super::spec::{Network, SpecError};
use super::state::{Progress, State};
use super::step::{Device, Mac, Step, Vxlan};
use crate::packet::Vni;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The secrets of the encrypted networks.
pub type Secrets = BTreeMap<Vni, (KeyId, Secret)>;

/// What has to be done, and what has to be remembered before.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In this order; undone in the reverse one.
    pub steps: Vec<Step>,
    /// How far the networks will have come, to be kept before the first step.
    pub remember: Option<State>,
}

/// The address the device of a node has in a network: every node can tell it of every other.
pub fn mac_of(vni: Vni, underlay: IpAddr) -> Mac {
    let hash = Sha256::new()
        .chain_update(b"ovlsniff mac")
        .chain_update(vni.value().to_be_bytes())
        .chain_update(sixteen(underlay))
        .finalize();
    // Locally administered, unicast.
    Mac([0x02, hash[0], hash[1], hash[2], hash[3], hash[4]])
}

/// Plans all networks, or says why they cannot be built here.
pub fn plan(
    networks: &[Network],
    present: &Present,
    state: &State,
    secrets: &Secrets,
) -> Result<Plan, SpecError> {
    let mut plan = Plan::default();
    let (mut blocking, mut requiring, mut associations) = (Vec::new(), Vec::new(), Vec::new());
    let (mut devices, mut drops, mut remembered) = (Vec::new(), Vec::new(), 0);
    let mut after = state.clone();
    for network in networks {
        let wrong = |cause| SpecError::Network { network: network.name.clone(), cause };
        let mtu = check(network, present).map_err(wrong)?;
        let mut encryption = None;
        if let (Some(cipher), Some((key, secret))) = (network.cipher, secrets.get(&network.vni)) {
            let before = state.progress(*key, network.vni);
            let progress = advance(network, present, before, secret).map_err(wrong)?;
            encryption = Some(Encryption { cipher, key: *key, generation: progress.generation });
            let policies = Policy::of(network.vni, network.port, network.local);
            let missing = policies.into_iter().filter(|p| !present.policies.iter().any(|q| q.policy == *p));
            let (block, require): (Vec<_>, Vec<_>) =
                missing.partition(|policy| policy.action == super::policy::Action::Block);
            blocking.extend(block.into_iter().map(Step::Policy));
            requiring.extend(require.into_iter().map(Step::Policy));
            let planned = associations.len() + drops.len();
            secure(network, present, &progress, secret, &mut associations, &mut drops);
            // That a peer was heard changes nothing to be done, and is read from the kernel the next time, too.
            if planned != associations.len() + drops.len() {
                remembered += 1;
                after.note(*key, network.vni, progress);
            }
        }
        build(network, present, mtu, encryption, &mut devices, &mut drops).map_err(wrong)?;
    }
    distinct(&associations, present)?;
    if remembered > 0 {
        plan.steps.push(Step::Remember { networks: remembered });
        plan.remember = Some(after);
    }
    for mut steps in [blocking, requiring, associations, devices, drops] {
        plan.steps.append(&mut steps);
    }
    Ok(plan)
}

/// Everything that only the host can say is wrong. The MTU the device gets.
fn check(network: &Network, present: &Present) -> Result<u32, String> {
    let Some((underlay_mtu, underlay)) = present.own.get(&network.local) else {
        return Err(format!("{} is no address of this host; see: ip address", network.local));
    };
    if let Some(netns) = network.netns.as_ref().filter(|netns| !present.netns.contains(*netns)) {
        return Err(format!("there is no network namespace {netns}; make it: ip netns add {netns}"));
    }
    let fits = inner_mtu(*underlay_mtu, network.local, network.cipher);
    let mtu = network.mtu.unwrap_or(fits);
    if mtu > fits || mtu < 68 {
        let how = if network.cipher.is_some() { "VXLAN in ESP" } else { "VXLAN" };
        return Err(format!(
            "mtu {mtu} does not fit: {underlay} has {underlay_mtu}, {how} leaves {fits} of it"
        ));
    }
    let ours =
        |mark: &Option<Mark>| matches!(mark, Some(Mark::Network { name, .. }) if *name == network.name);
    for (place, device) in &present.devices {
        let Some(vxlan) = &device.vxlan else { continue };
        if ours(&device.mark) && place.name == network.name && place.netns == network.netns {
            continue;
        }
        if vxlan.vni == network.vni && (vxlan.port == network.port || device.mark.is_some()) {
            return Err(format!("device {place} already has vni {} on port {}", vxlan.vni, vxlan.port));
        }
        if vxlan.port == network.port && network.cipher.is_some() {
            return Err(format!(
                "port {} is that of device {place}; give this one another: --port N",
                vxlan.port
            ));
        }
    }
    let place = device_of(network);
    let up = present.devices.get(&place).is_some_and(|device| ours(&device.mark));
    if network.cipher.is_some() && !up && present.udp_ports.contains(&network.port) {
        return Err(format!("something is bound to udp port {}; give another: --port N", network.port));
    }
    let taken = present.policies.iter().find(|p| p.policy.port == network.port);
    match taken.filter(|p| network.cipher.is_none() || p.policy.reqid != reqid(network.vni)) {
        Some(_) => Err(format!("port {} is that of an encrypted network of this host", network.port)),
        None => Ok(mtu),
    }
}

/// How far the network will have come: peers that started again are noticed, and this node's counters are moved on
/// wherever an SA to send with is not there, because what it was used for before nobody knows.
fn advance(
    network: &Network,
    present: &Present,
    before: Option<&Progress>,
    secret: &Secret,
) -> Result<Progress, String> {
    let mut progress = before.cloned().ok_or("has no state")?;
    notice(network, present, &mut progress, secret);
    for peer in &network.peers {
        let mut towards = progress.peer(peer.underlay);
        let sending = security::sa(
            network,
            super::policy::Direction::Out,
            peer.underlay,
            progress.generation,
            towards.start,
            secret,
        );
        if towards.start == 0 || !has(present, &sending) {
            towards.start += 1;
        }
        progress.peers.insert(peer.underlay, towards);
    }
    Ok(progress)
}

/// Looks which of the accepted SAs were used: a higher start counter than the known one means the peer started again.
pub(super) fn notice(network: &Network, present: &Present, progress: &mut Progress, secret: &Secret) {
    let used: BTreeSet<_> =
        present.sas.iter().filter(|sa| sa.packets > 0).map(|sa| (sa.destination, sa.spi)).collect();
    for peer in &network.peers {
        let mut towards = progress.peer(peer.underlay);
        for generation in progress.oldest..=progress.generation + 1 {
            let highest = security::window(towards.seen_in(generation)).rev().find(|counter| {
                let direction = super::policy::Direction::In;
                let sa = security::sa(network, direction, peer.underlay, generation, *counter, secret);
                used.contains(&(network.local, sa.spi))
            });
            if let Some(counter) = highest {
                towards.seen.insert(generation, counter);
            }
        }
        towards.seen.retain(|generation, _| *generation >= progress.oldest);
        progress.peers.insert(peer.underlay, towards);
    }
}

fn has(present: &Present, sa: &Sa) -> bool {
    present.sas.iter().any(|there| {
        there.spi == sa.spi
            && there.destination == sa.association.receiver
            && there.source == sa.association.sender
            && there.reqid == sa.reqid
    })
}

/// The SAs to add, and those to remove because neither this node nor a peer needs them any more.
pub(super) fn secure(
    network: &Network,
    present: &Present,
    progress: &Progress,
    secret: &Secret,
    add: &mut Vec<Step>,
    drop: &mut Vec<Step>,
) {
    let security::Wanted { needed, kept } = security::wanted(network, progress, secret);
    let known: BTreeSet<_> = needed.iter().chain(&kept).map(|sa| (sa.association.receiver, sa.spi)).collect();
    add.extend(needed.into_iter().filter(|sa| !has(present, sa)).map(Step::Sa));
    for sa in present.sas.iter().filter(|sa| sa.reqid == reqid(network.vni)) {
        if !known.contains(&(sa.destination, sa.spi)) {
            drop.push(Step::DropSa {
                destination: sa.destination,
                spi: sa.spi.to_string(),
                what: format!("sa {} -> {} spi {}", sa.source, sa.destination, sa.spi),
            });
        }
    }
}

/// Derived numbers may meet by chance, once in millions: then it is said, and nothing is overwritten.
fn distinct(associations: &[Step], present: &Present) -> Result<(), SpecError> {
    let mut taken: BTreeSet<_> = present.sas.iter().map(|sa| (sa.destination, sa.spi)).collect();
    for step in associations {
        let Step::Sa(sa) = step else { continue };
        if !taken.insert((sa.association.receiver, sa.spi)) {
            return Err(SpecError::Network {
                network: format!("with vni {}", sa.association.vni),
                cause: format!(
                    "{sa} meets the SPI of another network by chance; give one of the two another VNI"
                ),
            });
        }
    }
    Ok(())
}

fn device_of(network: &Network) -> Device {
    Device { name: network.name.clone(), netns: network.netns.clone() }
}

/// The device and all that hangs on it.
fn build(
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

/// What a device cannot change while it is there.
fn unchanged(network: &Network, there: &PresentDevice, mark: &Mark) -> Result<(), String> {
    let name = &network.name;
    let Some(Mark::Network { name: marked, vni, encryption }) = &there.mark else {
        return Err(format!("a device {name} is there and is not ours; give the network another name"));
    };
    let Mark::Network { encryption: wanted, .. } = mark else { return Ok(()) };
    let differs = |what: &str| Err(format!("is up with another {what}; first: ovlsniff overlay down {name}"));
    let Some(vxlan) = &there.vxlan else { return differs("kind of device") };
    if marked != name || *vni != network.vni || vxlan.vni != network.vni {
        return differs("vni");
    }
    match (encryption, wanted) {
        (Some(is), Some(wanted)) if is.key != wanted.key => return differs("key"),
        (Some(is), Some(wanted)) if is.cipher != wanted.cipher => return differs("cipher"),
        (None, None) | (Some(_), Some(_)) => {}
        _ => return differs("encryption"),
    }
    if vxlan.port != network.port {
        return differs("port");
    }
    if vxlan.local != Some(network.local) {
        return differs("underlay address");
    }
    if (vxlan.learning, vxlan.proxy) != (network.learn, network.is_static()) {
        return differs("way to find addresses (--learn, addresses of peers)");
    }
    Ok(())
}

#[cfg(test)]
mod tests;

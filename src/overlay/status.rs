//! The status of our networks, read from the kernel alone: it needs neither the state nor a key.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Serialize;

use super::keys::is_of_generation;
use super::mark::{Encryption, Mark};
use super::mtu::inner_mtu;
use super::plan::mac_of;
use super::policy::{Policy, reqid, vni_of_reqid};
use super::present::{Present, PresentDevice, PresentVxlan};
use super::security::{LOOKAHEAD, SaDirection};
use super::xfrm::PresentSa;
use crate::escape::escape;
use crate::packet::MacAddress;

/// The status of one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NetworkStatus {
    /// The network's name; empty if its device is gone.
    pub name: String,
    /// The VNI.
    pub vni: u32,
    /// The UDP port; 0 if nothing in the kernel tells it.
    pub port: u16,
    /// The network namespace of the device; `None` for the host's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netns: Option<String>,
    /// This node's underlay address.
    pub local: Option<IpAddr>,
    /// The addresses of the device and of its bridge, without IPv6's link-local ones.
    pub addresses: Vec<String>,
    /// The device's MTU.
    pub mtu: u32,
    /// True if the device is up.
    pub up: bool,
    /// True if the device bears the mark that says what it is meant to be.
    pub marked: bool,
    /// The encryption; `None` for a network in clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<Encrypted>,
    /// The other nodes, as the forwarding entries and the SAs have them.
    pub peers: Vec<PeerStatus>,
    /// A text for each object that is missing or wrong. The list is empty when all is well.
    pub missing: Vec<String>,
}

/// The encryption of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Encrypted {
    /// The algorithm.
    pub cipher: &'static str,
    /// The public name of the secret.
    pub key: String,
    /// The generation this node sends with.
    pub generation: u32,
}

/// The status of one other node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PeerStatus {
    /// Its underlay address.
    pub underlay: IpAddr,
    /// The SPI of the SA that this node sends with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spi_out: Option<String>,
    /// The SPI of the SA that a packet was last received with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spi_in: Option<String>,
    /// The number of packets that were encrypted for the peer.
    pub sent: u64,
    /// The number of packets from the peer that were decrypted.
    pub received: u64,
    /// A hint for a person, if something looks wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'static str>,
}

/// Returns the status of every network of ours, in the order of their names, then of what is left of networks whose
/// device is gone.
pub fn status(present: &Present) -> Vec<NetworkStatus> {
    let mut found = Vec::new();
    let mut held = BTreeSet::new();
    for (place, device, vxlan, mark) in present.networks() {
        let Mark::Network { name, vni, encryption, .. } = mark else { continue };
        held.insert(*vni);
        let master = device.master.as_ref().and_then(|master| {
            let place = super::step::Device { name: master.clone(), netns: place.netns.clone() };
            present.devices.get(&place)
        });
        let mut missing = drift(present, device, vxlan, mark, master);
        let mut vteps = device.vteps();
        if vteps.is_empty() {
            missing.push("no forwarding entry leads to a peer".into());
        }
        vteps.extend(vxlan.local.into_iter().flat_map(|local| present.sa_peers(*vni, local)));
        if let (Some(_), Some(local)) = (encryption, vxlan.local) {
            for policy in Policy::of(*vni, vxlan.port, local) {
                match present.policy(&policy) {
                    None => missing.push(format!("policy: {policy}")),
                    Some(false) => missing.push(format!("policy as it was made: {policy}")),
                    Some(true) => {}
                }
            }
            let peers: Vec<_> = vteps.iter().copied().collect();
            if let Some(why) = present.overruled(vxlan.port, local, &peers) {
                missing.push(format!("protection: {why}"));
            }
        }
        let peers = vteps
            .into_iter()
            .map(|underlay| peer(present, reqid(*vni), underlay, vxlan.local, *encryption, &mut missing))
            .collect();
        let addresses = device.addresses.iter().chain(master.into_iter().flat_map(|m| &m.addresses));
        found.push(NetworkStatus {
            name: name.clone(),
            vni: vni.value(),
            port: vxlan.port,
            netns: place.netns.clone(),
            local: vxlan.local,
            addresses: addresses.filter(|a| !is_link_local(a.address())).map(ToString::to_string).collect(),
            mtu: device.mtu,
            up: device.up,
            marked: !device.unmarked,
            encrypted: encryption.map(|e| Encrypted {
                cipher: e.cipher.name(),
                key: e.key.to_string(),
                generation: e.generation,
            }),
            peers,
            missing,
        });
    }
    let left = present.sas.iter().map(|sa| sa.reqid).chain(present.policies.iter().map(|p| p.policy.reqid));
    for vni in left.filter_map(vni_of_reqid).collect::<BTreeSet<_>>().difference(&held) {
        let port =
            present.policies.iter().find(|p| p.policy.reqid == reqid(*vni)).map_or(0, |p| p.policy.port);
        found.push(NetworkStatus {
            name: String::new(),
            vni: vni.value(),
            port,
            netns: None,
            local: None,
            addresses: Vec::new(),
            mtu: 0,
            up: false,
            marked: false,
            encrypted: None,
            peers: Vec::new(),
            missing: vec![
                "the device is gone, SAs or policies are left; overlay up mends it, down removes it (or: down --all)".into(),
            ],
        });
    }
    found
}

/// Returns a text for everything about a device that is not as it was made.
fn drift(
    present: &Present,
    device: &PresentDevice,
    vxlan: &PresentVxlan,
    mark: &Mark,
    master: Option<&PresentDevice>,
) -> Vec<String> {
    let mut missing = Vec::new();
    if device.unmarked {
        missing.push("the mark that says what it is meant to be; overlay up mends it".into());
    }
    if !device.up {
        missing.push("the device is down".into());
    }
    let Mark::Network { address, encryption, .. } = mark else { return missing };
    if let Some(address) = address.filter(|address| !master.unwrap_or(device).addresses.contains(address)) {
        missing.push(format!("address {address}"));
    }
    let Some(local) = vxlan.local else { return missing };
    let known = mac_of(vxlan.vni, local);
    if let Some(mac) = device.mac.filter(|mac| *mac != known) {
        missing.push(format!("mac {known}, by which the peers know this node; it is {mac}"));
    }
    match present.own.get(&local) {
        None => missing.push(format!("the underlay address {local} is none of this host any more")),
        Some((underlay, link)) => {
            let fits = inner_mtu(*underlay, local, encryption.map(|encryption| encryption.cipher));
            if device.mtu > fits {
                let (mtu, link) = (device.mtu, escape(link));
                missing.push(format!("mtu {mtu} does not fit: {link} has {underlay}, which leaves {fits}"));
            }
        }
    }
    if !vxlan.learning {
        missing.append(&mut misdirected(present, device, vxlan, local));
    }
    missing
}

/// Returns a text for every missing forwarding entry or neighbour without which frames do not reach a node.
fn misdirected(
    present: &Present,
    device: &PresentDevice,
    vxlan: &PresentVxlan,
    local: IpAddr,
) -> Vec<String> {
    let mut missing = Vec::new();
    let mut nodes = present.sa_peers(vxlan.vni, local);
    nodes.extend(device.fdb.iter().filter(|(mac, _)| *mac == MacAddress::ZERO).map(|(_, vtep)| *vtep));
    for end in nodes {
        if !device.fdb.contains(&(mac_of(vxlan.vni, end), end)) {
            missing.push(format!("forwarding entry to {end}"));
        }
    }
    for (address, mac) in &device.neighbours {
        if !device.fdb.iter().any(|(there, _)| there == mac) {
            missing.push(format!("forwarding entry to {address} ({mac})"));
        }
    }
    for vtep in device.vteps().into_iter().filter(|_| vxlan.proxy) {
        let mac = mac_of(vxlan.vni, vtep);
        if !device.neighbours.iter().any(|(_, there)| *there == mac) {
            missing.push(format!("neighbour: the address of {vtep}"));
        }
    }
    missing
}

fn peer(
    present: &Present,
    reqid: u32,
    underlay: IpAddr,
    local: Option<IpAddr>,
    encryption: Option<Encryption>,
    missing: &mut Vec<String>,
) -> PeerStatus {
    let mut status = PeerStatus { underlay, spi_out: None, spi_in: None, sent: 0, received: 0, hint: None };
    let (Some(encryption), Some(local)) = (encryption, local) else { return status };
    let between = |direction| {
        let (from, to) = match direction {
            SaDirection::Out => (local, underlay),
            SaDirection::In => (underlay, local),
        };
        let sas = present.sas.iter();
        sas.filter(move |sa| sa.reqid == reqid && sa.source == from && sa.destination == to)
            .collect::<Vec<_>>()
    };
    let (out, inward) = (between(SaDirection::Out), between(SaDirection::In));
    let sums = |sas: &[&PresentSa]| sas.iter().map(|sa| sa.packets).sum();
    let current = out.iter().find(|sa| is_of_generation(sa.spi, encryption.generation));
    let last = inward.iter().filter(|sa| sa.packets > 0).max_by_key(|sa| sa.last_used);
    if current.is_none() {
        missing.push(format!("sa to send to {underlay} with"));
    }
    for generation in [encryption.generation, encryption.generation.wrapping_add(1)] {
        let accepted = inward.iter().filter(|sa| is_of_generation(sa.spi, generation)).count();
        let wanted = 1 + LOOKAHEAD as usize;
        if accepted < wanted {
            let lacking = wanted - accepted;
            missing.push(format!(
                "{lacking} of {wanted} sas to receive generation {generation} from {underlay} with"
            ));
        }
    }
    (status.sent, status.received) = (sums(&out), sums(&inward));
    status.spi_out = current.map(|sa| sa.spi.to_string());
    status.spi_in = last.map(|sa| sa.spi.to_string());
    if status.sent > 0 && status.received == 0 {
        status.hint = Some(
            "nothing of this peer was understood: is it up, with the same key and generation? if it lost its state: rotate",
        );
    }
    status
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

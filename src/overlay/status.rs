//! What the kernel says of our networks. Nothing of it is remembered, and no key is needed to read it.

use super::mark::{Encryption, Mark};
use super::policy::{Direction, Policy, reqid, vni_of_reqid};
use super::present::Present;
use super::xfrm::PresentSa;
use serde::Serialize;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// One network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NetworkStatus {
    /// Its name.
    pub name: String,
    /// The network identifier.
    pub vni: u32,
    /// The UDP port.
    pub port: u16,
    /// The network namespace of the device, where it is not the host's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netns: Option<String>,
    /// This node's underlay address.
    pub local: Option<IpAddr>,
    /// The device's addresses, or its bridge's.
    pub addresses: Vec<String>,
    /// The device's MTU.
    pub mtu: u32,
    /// Whether the device is up.
    pub up: bool,
    /// How it is encrypted; absent for a network in clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<Encrypted>,
    /// The other nodes, as the forwarding entries have them.
    pub peers: Vec<PeerStatus>,
    /// What should be there and is not, in words. Empty when all is well.
    pub missing: Vec<String>,
}

/// How a network is encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Encrypted {
    /// The algorithm.
    pub cipher: &'static str,
    /// The public name of the secret.
    pub key: String,
    /// The generation this node sends with.
    pub generation: u32,
}

/// One other node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PeerStatus {
    /// Its underlay address.
    pub underlay: IpAddr,
    /// The SPI that is sent with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spi_out: Option<String>,
    /// The SPI that was last received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spi_in: Option<String>,
    /// Packets encrypted for it.
    pub sent: u64,
    /// Packets of it that were understood.
    pub received: u64,
    /// A hint for a person, when something looks wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'static str>,
}

/// Every network of ours, by name, then what is left of networks whose device is gone.
pub fn status(present: &Present) -> Vec<NetworkStatus> {
    let mut found = Vec::new();
    let mut held = BTreeSet::new();
    for (place, device, vxlan, mark) in present.networks() {
        let Mark::Network { name, vni, encryption } = mark else { continue };
        held.insert(*vni);
        let master = device.master.as_ref().and_then(|master| {
            let place = super::step::Device { name: master.clone(), netns: place.netns.clone() };
            present.devices.get(&place)
        });
        let mut missing = Vec::new();
        if !device.up {
            missing.push("the device is down".to_owned());
        }
        let vteps = device.vteps();
        if vteps.is_empty() {
            missing.push("no forwarding entry leads to a peer".into());
        }
        if let (Some(_), Some(local)) = (encryption, vxlan.local) {
            for policy in Policy::of(*vni, vxlan.port, local) {
                if !present.policies.iter().any(|there| there.policy == policy) {
                    missing.push(format!("policy: {policy}"));
                }
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
            addresses: addresses.filter(|a| !is_link_local(a.address)).map(ToString::to_string).collect(),
            mtu: device.mtu,
            up: device.up,
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
            encrypted: None,
            peers: Vec::new(),
            missing: vec![
                "the device is gone, SAs or policies are left; overlay up mends it, down removes it".into(),
            ],
        });
    }
    found
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
            Direction::Out => (local, underlay),
            Direction::In => (underlay, local),
        };
        let sas = present.sas.iter();
        sas.filter(move |sa| sa.reqid == reqid && sa.source == from && sa.destination == to)
            .collect::<Vec<_>>()
    };
    let (out, inward) = (between(Direction::Out), between(Direction::In));
    let sums = |sas: &[&PresentSa]| sas.iter().map(|sa| sa.packets).sum();
    // The low bits of an SPI of ours are its generation.
    let current = out.iter().find(|sa| sa.spi.0 >> 4 & 3 == encryption.generation & 3);
    let last = inward.iter().filter(|sa| sa.packets > 0).max_by_key(|sa| sa.last_used);
    if current.is_none() {
        missing.push(format!("sa to send to {underlay} with"));
    }
    if inward.is_empty() {
        missing.push(format!("sa to receive from {underlay} with"));
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

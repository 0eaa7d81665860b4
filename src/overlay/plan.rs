//! The plan: the steps that lead from the kernel's state to the networks that are asked for. Planning is pure, and
//! the plan is empty when all is as it should be.
//!
//! The order of the steps makes an encrypted network fail closed: the policies that block, the policies that
//! require ESP, the device, and only when the device is up the SAs, those to receive with before those to send
//! with. If a frame were decrypted while no device takes it, the kernel would answer with an ICMP error that quotes
//! it in clear (net/ipv4/udp.c, `__udp4_lib_rcv`).

mod associations;
mod check;
mod device;

use std::collections::BTreeMap;
use std::net::IpAddr;

use sha2::{Digest, Sha256};

use super::keys::{KeyId, Secret, sixteen};
use super::mark::Encryption;
use super::policy::{Action, Policy, reqid};
use super::present::Present;
use super::security::Sa;
use super::spec::NetworkSpec;
use super::spec_error::SpecError;
use super::state::State;
use super::step::{Device, Step};
use crate::packet::{MacAddress, Vni};
use check::{Obstacle, check};
use device::build;

pub(super) use associations::{advance, distinct, drop_sa, secure};

/// The secrets of the encrypted networks, each with its public name.
pub type Secrets = BTreeMap<Vni, (KeyId, Secret)>;

/// The steps to be done, and the state to be kept before them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The steps in the order in which they are done. They are undone in reverse.
    pub steps: Vec<Step>,
    /// The state as it will be after the steps. It is put on the disk before the first step. `None` if no progress
    /// has to be kept.
    pub remember: Option<State>,
}

/// Returns the MAC of a node's device in a network. It is derived, so every node knows the MACs of all others.
pub fn mac_of(vni: Vni, underlay: IpAddr) -> MacAddress {
    let hash = Sha256::new()
        .chain_update(b"ovlsniff mac")
        .chain_update(vni.value().to_be_bytes())
        .chain_update(sixteen(underlay))
        .finalize();
    // The bits of the first byte say: locally administered, unicast.
    MacAddress([0x02, hash[0], hash[1], hash[2], hash[3], hash[4]])
}

/// Plans all networks, or returns the reason why they cannot be built on this host.
pub fn plan(
    networks: &[NetworkSpec],
    present: &Present,
    state: &State,
    secrets: &Secrets,
) -> Result<Plan, SpecError> {
    let mut plan = Plan::default();
    let (mut blocking, mut requiring, mut associations) = (Vec::new(), Vec::new(), Vec::new());
    let (mut devices, mut drops, mut remembered) = (Vec::new(), Vec::new(), 0);
    let mut generations = BTreeMap::new();
    let mut after = state.clone();
    for network in networks {
        let wrong = |cause: String| SpecError::Network { network: network.name.clone(), cause };
        let obstacle = |obstacle: Obstacle| wrong(obstacle.to_string());
        let mtu = check(network, present).map_err(obstacle)?;
        let mut encryption = None;
        if let (Some(cipher), Some((key, secret))) = (network.cipher, secrets.get(&network.vni)) {
            let before = state.progress(*key, network.vni);
            let before = before.ok_or_else(|| wrong("has no state".into()))?;
            let progress = advance(network, present, before, secret);
            encryption = Some(Encryption { cipher, key: *key, generation: progress.generation });
            generations.insert(network.vni, progress.generation);
            let policies = Policy::of(network.vni, network.port, network.local);
            for policy in policies {
                let phase = if policy.action == Action::Block { &mut blocking } else { &mut requiring };
                match present.policy(&policy) {
                    None => phase.push(Step::Policy(policy)),
                    Some(false) => phase.push(Step::MendPolicy(policy)),
                    Some(true) => {}
                }
            }
            let planned = associations.len() + drops.len();
            secure(network, present, &progress, secret, &mut associations, &mut drops);
            // Progress that leads to no step is not kept. It only says that a peer was heard, and the kernel will
            // say so again.
            if planned != associations.len() + drops.len() {
                remembered += 1;
                after.note(*key, network.vni, progress);
            }
        }
        build(network, present, mtu, encryption, &mut devices, &mut drops).map_err(obstacle)?;
    }
    // SAs of the next generation can be left out for now, because nobody sends with them yet.
    let ahead =
        |sa: &Sa| generations.get(&sa.association.vni).is_some_and(|at| sa.association.generation > *at);
    distinct(&mut associations, present, ahead)?;
    if remembered > 0 {
        plan.steps.push(Step::Remember { networks: remembered });
        plan.remember = Some(after);
    }
    // A trial of ESP leaves its SA behind if its process is killed. Its VNI is 0, which no network has.
    let trial = present.sas.iter().filter(|sa| sa.reqid == reqid(Vni::from_be_bytes([0; 3])));
    drops.extend(trial.map(drop_sa));
    for mut steps in [blocking, requiring, devices, associations, drops] {
        plan.steps.append(&mut steps);
    }
    Ok(plan)
}

fn device_of(network: &NetworkSpec) -> Device {
    Device { name: network.name.clone(), netns: network.netns.clone() }
}

#[cfg(test)]
mod tests;

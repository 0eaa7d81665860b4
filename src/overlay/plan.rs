//! From what is asked for and what is to what has to be done: pure, and empty when all is as it should be.
//!
//! The order is what makes an encrypted network fail closed: what blocks, what requires ESP, then the device, and only
//! when it is up the SAs, receiving before sending. A frame that is decrypted while there is no device to take it is
//! answered by the kernel with an ICMP error, in clear, that quotes it (net/ipv4/udp.c, `__udp4_lib_rcv`).

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
use check::check;
use device::build;

pub(super) use associations::{advance, distinct, drop_sa, secure};

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
pub fn mac_of(vni: Vni, underlay: IpAddr) -> MacAddress {
    let hash = Sha256::new()
        .chain_update(b"ovlsniff mac")
        .chain_update(vni.value().to_be_bytes())
        .chain_update(sixteen(underlay))
        .finalize();
    // Locally administered, unicast.
    MacAddress([0x02, hash[0], hash[1], hash[2], hash[3], hash[4]])
}

/// Plans all networks, or says why they cannot be built here.
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
        let wrong = |cause| SpecError::Network { network: network.name.clone(), cause };
        let mtu = check(network, present).map_err(wrong)?;
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
            // That a peer was heard changes nothing to be done, and is read from the kernel the next time, too.
            if planned != associations.len() + drops.len() {
                remembered += 1;
                after.note(*key, network.vni, progress);
            }
        }
        build(network, present, mtu, encryption, &mut devices, &mut drops).map_err(wrong)?;
    }
    // What nobody sends with yet.
    let ahead =
        |sa: &Sa| generations.get(&sa.association.vni).is_some_and(|at| sa.association.generation > *at);
    distinct(&mut associations, present, ahead)?;
    if remembered > 0 {
        plan.steps.push(Step::Remember { networks: remembered });
        plan.remember = Some(after);
    }
    // What a trial of ESP left whose maker was killed: no network has this number.
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

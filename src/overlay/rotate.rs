//! Rotation: new keys without losing a packet, and without the nodes talking to each other.
//!
//! Every node always accepts the generation it sends with and the next one. From generation g to g+1 it takes three
//! steps:
//!
//! 1. *Prepare*: it accepts g and g+1. That is always so, and `prepare` only makes sure of it.
//! 2. *Send*: it may send with g+1 as soon as every peer was seen to send with g or later, because such a peer
//!    accepts g+1. From then on it accepts g, g+1 and g+2.
//! 3. *Drop*: it stops accepting g once every peer was seen to send with g+1 or later, because then nobody sends
//!    with g.
//!
//! Each node takes these steps by itself, when its own timer or its administrator says so. Two nodes are never more
//! than one generation apart. In each generation, start counters begin at 1.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::keys::{KeyId, Secret};
use super::mark::{Encryption, Mark};
use super::plan::{self, Plan, Secrets};
use super::present::Present;
use super::spec::{NetworkSpec, Peer};
use super::state::{Progress, State};
use super::step::{Device, Step};
use crate::packet::Vni;

/// A step of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationStep {
    /// Accept the keys that peers may send with next. Nothing changes in what this node sends.
    Prepare,
    /// Send with the next generation.
    Send,
    /// Stop accepting the old generation.
    Drop,
    /// Send or drop, whichever comes next.
    Next,
    /// For a timer: drop as soon as possible, else send with the next generation if a peer does so already, or if
    /// the present one has been in use for this long.
    Due(Duration),
}

/// An encrypted network of ours, as it is in the kernel.
#[derive(Debug)]
pub struct Rotatable {
    device: Device,
    network: NetworkSpec,
    mark: Mark,
    encryption: Encryption,
}

impl Rotatable {
    /// Returns the network's name.
    pub fn name(&self) -> &str {
        &self.network.name
    }

    /// Returns the network's VNI.
    pub fn vni(&self) -> Vni {
        self.network.vni
    }

    /// Returns the network as the kernel has it. Values that only the specification has are missing, such as the
    /// key file and the addresses in the network.
    pub fn network(&self) -> &NetworkSpec {
        &self.network
    }

    /// Returns the public name of the secret that the network was built with.
    pub fn key(&self) -> KeyId {
        self.encryption.key
    }

    /// Returns the file that held the secret when the network was built.
    pub fn key_file<'a>(&self, state: &'a State) -> Option<&'a PathBuf> {
        state.progress(self.encryption.key, self.network.vni).map(|progress| &progress.key)
    }
}

/// Returns the encrypted networks of ours that are in the kernel.
pub fn rotatable(present: &Present) -> Vec<Rotatable> {
    let mut found = Vec::new();
    for (place, device, vxlan, mark) in present.networks() {
        let Mark::Network { name, vni, encryption: Some(encryption), .. } = mark else { continue };
        let Some(local) = vxlan.local else { continue };
        // A peer whose forwarding entry somebody removed is still a peer, and its SAs tell so.
        let mut peers = present.sa_peers(*vni, local);
        peers.append(&mut device.vteps());
        let peers = peers.into_iter().map(|underlay| Peer { underlay, overlay: None }).collect();
        let network = NetworkSpec {
            name: name.clone(),
            vni: *vni,
            port: vxlan.port,
            cipher: Some(encryption.cipher),
            key: None,
            mtu: None,
            local,
            address: None,
            peers,
            netns: place.netns.clone(),
            bridge: None,
            learn: vxlan.learning,
        };
        let (device, mark) = (place.clone(), mark.clone());
        found.push(Rotatable { device, network, mark, encryption: *encryption });
    }
    found
}

/// The outcome for one network.
#[derive(Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The network's name.
    pub name: String,
    /// The generation that this node sends with after the step.
    pub generation: u32,
    /// The outcome in words: the part that was done, or the peer that is waited for.
    pub what: String,
    /// True if the step could not be taken: a peer was not heard yet, or the last rotation is not finished.
    pub waiting: bool,
}

/// Plans one step of the rotation for all given networks. With `force`, it does not wait for peers.
pub fn rotate(
    networks: &[Rotatable],
    present: &Present,
    state: &State,
    secrets: &Secrets,
    step: RotationStep,
    force: bool,
    now: u64,
) -> (Plan, Vec<Rotated>) {
    let (mut after, mut changed, mut outcomes) = (state.clone(), 0, Vec::new());
    let (mut add, mut marks, mut drop) = (Vec::new(), Vec::new(), Vec::new());
    for Rotatable { device, network, mark, encryption } in networks {
        let Some((key, secret)) = secrets.get(&network.vni) else { continue };
        let Some(before) = state.progress(*key, network.vni) else { continue };
        let network = &with_peers(network, before);
        let mut progress = plan::advance(network, present, before, secret);
        let (what, waiting) = match take(network, &mut progress, step, force, now) {
            Ok(what) => (what.to_owned(), false),
            Err(not_yet) => (not_yet.to_string(), true),
        };
        outcomes.push(Rotated { name: network.name.clone(), generation: progress.generation, what, waiting });
        plan::secure(network, present, &progress, secret, &mut add, &mut drop);
        if encryption.generation != progress.generation {
            let mark = mark.in_generation(progress.generation);
            marks.push(Step::Mark { device: device.clone(), alias: mark.to_string() });
        }
        if progress != *before {
            changed += 1;
            after.note(*key, network.vni, progress);
        }
    }
    // If an SA to send with is left out, the next call gives it the next start counter. Until then the old one is
    // used.
    let _ = plan::distinct(&mut add, present, |_| true);
    let mut plan = Plan::default();
    if changed > 0 {
        plan.steps.push(Step::Remember { networks: changed });
        plan.remember = Some(after);
    }
    for mut steps in [add, marks, drop] {
        plan.steps.append(&mut steps);
    }
    (plan, outcomes)
}

/// Returns the network with only those peers that an `up` has named. Somebody else may have made further forwarding
/// entries, and a rotation must not wait for their nodes.
fn with_peers(network: &NetworkSpec, progress: &Progress) -> NetworkSpec {
    let mut network = network.clone();
    network.peers.retain(|peer| progress.peers.contains_key(&peer.underlay));
    network
}

/// The reasons why a step cannot be taken yet.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum NotYet {
    #[error(
        "nothing from {peer} was seen with generation {generation} yet; rotate there, or send something, or: --force"
    )]
    Silent { peer: IpAddr, generation: u32 },
    #[error("a rotation is under way; first: ovlsniff overlay rotate --step drop")]
    Unfinished,
}

fn take(
    network: &NetworkSpec,
    progress: &mut Progress,
    step: RotationStep,
    force: bool,
    now: u64,
) -> Result<&'static str, NotYet> {
    let settled = progress.oldest == progress.generation;
    let silent = |progress: &Progress| {
        let generation = progress.generation;
        network
            .peers
            .iter()
            .find(|peer| !force && !heard(progress, peer, generation))
            .map(|peer| peer.underlay)
    };
    let ahead = network.peers.iter().any(|peer| heard(progress, peer, progress.generation + 1));
    let step = match step {
        RotationStep::Next if settled => RotationStep::Send,
        RotationStep::Next => RotationStep::Drop,
        RotationStep::Due(_) if !settled => RotationStep::Drop,
        RotationStep::Due(every) if ahead || age(progress, now) >= every => RotationStep::Send,
        RotationStep::Due(_) => return Ok("nothing is due"),
        step => step,
    };
    if matches!(step, RotationStep::Drop) && settled {
        return Ok("there are no old keys");
    }
    if let Some(peer) = silent(progress).filter(|_| matches!(step, RotationStep::Send | RotationStep::Drop)) {
        return Err(NotYet::Silent { peer, generation: progress.generation });
    }
    match step {
        RotationStep::Send if !settled => Err(NotYet::Unfinished),
        RotationStep::Send => {
            for towards in progress.peers.values_mut() {
                towards.before = Some((progress.generation, towards.start));
                towards.start = 1;
            }
            progress.generation += 1;
            progress.since = now;
            Ok("sends with new keys, still accepts the old ones")
        }
        RotationStep::Drop => {
            progress.oldest = progress.generation;
            for towards in progress.peers.values_mut() {
                towards.before = None;
                towards.seen.retain(|generation, _| *generation >= progress.generation);
            }
            Ok("accepts the old keys no more")
        }
        RotationStep::Prepare | RotationStep::Next | RotationStep::Due(_) => {
            Ok("accepts the keys that come next")
        }
    }
}

/// Returns how long this node has been sending with the present generation.
fn age(progress: &Progress, now: u64) -> Duration {
    Duration::from_secs(now.saturating_sub(progress.since))
}

fn heard(progress: &Progress, peer: &Peer, generation: u32) -> bool {
    progress.peer(peer.underlay).seen.iter().any(|(seen, start)| *seen >= generation && *start > 0)
}

/// Returns true if the network was built with this secret.
pub fn same_secret(rotatable: &Rotatable, secret: &Secret) -> bool {
    rotatable.encryption.key == secret.id()
}

#[cfg(test)]
mod tests {
    use super::super::cipher::Cipher;
    use super::super::state::PeerProgress;
    use super::*;
    use std::path::Path;

    fn network() -> NetworkSpec {
        NetworkSpec {
            name: "secure".into(),
            vni: Vni::new(4098).unwrap(),
            port: 18_887,
            cipher: Some(Cipher::Aes256Gcm),
            key: None,
            mtu: None,
            local: "192.0.2.1".parse().unwrap(),
            address: None,
            peers: vec![Peer { underlay: "192.0.2.2".parse().unwrap(), overlay: None }],
            netns: None,
            bridge: None,
            learn: false,
        }
    }

    fn at(generation: u32, oldest: u32, seen: &[(u32, u32)]) -> Progress {
        let mut progress = Progress::new("secure", Path::new("/k"), generation, 1000);
        progress.oldest = oldest;
        let towards = PeerProgress { start: 2, before: None, seen: seen.iter().copied().collect() };
        progress.peers.insert("192.0.2.2".parse().unwrap(), towards);
        progress
    }

    fn taken(mut progress: Progress, step: RotationStep) -> Result<(u32, u32), NotYet> {
        take(&network(), &mut progress, step, false, 1000).map(|_| (progress.generation, progress.oldest))
    }

    #[test]
    fn nobody_is_left_behind_by_more_than_one_generation() {
        assert_eq!(taken(at(1, 1, &[(1, 1)]), RotationStep::Send), Ok((2, 1)));
        let silent = |generation| Err(NotYet::Silent { peer: "192.0.2.2".parse().unwrap(), generation });
        assert_eq!(taken(at(1, 1, &[]), RotationStep::Send), silent(1));
        assert_eq!(taken(at(2, 1, &[(1, 1)]), RotationStep::Drop), silent(2));
        assert_eq!(taken(at(2, 1, &[(1, 1), (2, 1)]), RotationStep::Drop), Ok((2, 2)));
        assert_eq!(taken(at(2, 1, &[(2, 1)]), RotationStep::Send), Err(NotYet::Unfinished));
    }

    #[test]
    fn a_timer_follows_a_peer_that_went_ahead_and_otherwise_waits_for_its_time() {
        let hourly = RotationStep::Due(Duration::from_secs(3600));
        assert_eq!(taken(at(1, 1, &[(1, 1)]), hourly), Ok((1, 1)));
        assert_eq!(taken(at(1, 1, &[(1, 1)]), RotationStep::Due(Duration::ZERO)), Ok((2, 1)));
        assert_eq!(taken(at(1, 1, &[(1, 1), (2, 1)]), hourly), Ok((2, 1)));
        assert_eq!(taken(at(2, 1, &[(2, 1)]), hourly), Ok((2, 2)));
    }

    /// Plans `prepare` for one network that is in the kernel. Its SA to send with is there or missing, and its
    /// forwarding entries lead to `vteps`.
    fn rotated(sending: bool, vteps: &[&str]) -> (Plan, Secrets) {
        use super::super::present::{PresentDevice, PresentVxlan};
        use super::super::{keys::Secret, security, xfrm::PresentSa};
        use crate::packet::MacAddress;
        let (network, secret) = (network(), Secret::generate().unwrap());
        let (key, progress) = (secret.id(), at(1, 1, &[(1, 1)]));
        let mut state = State::default();
        state.note(key, network.vni, progress.clone());
        let mut present = Present::default();
        for sa in security::wanted(&network, &progress, &secret).needed {
            if sending || sa.direction == security::SaDirection::In {
                let (source, destination) = (sa.association.sender, sa.association.receiver);
                let (spi, reqid, packets) = (
                    sa.spi,
                    sa.reqid,
                    u64::from((sa.association.generation, sa.association.counter) == (1, 1)),
                );
                present.sas.push(PresentSa {
                    spi,
                    source,
                    destination,
                    reqid,
                    packets,
                    last_used: 0,
                    larval: false,
                });
            }
        }
        let encryption = Some(Encryption { cipher: Cipher::Aes256Gcm, key, generation: 1 });
        let mark = Some(Mark::Network { name: "secure".into(), vni: network.vni, address: None, encryption });
        let local = Some(network.local);
        let vxlan =
            Some(PresentVxlan { vni: network.vni, port: 18_887, local, learning: false, proxy: false });
        let fdb = vteps.iter().map(|vtep| (MacAddress::ZERO, vtep.parse().unwrap())).collect();
        let device = PresentDevice { mark, vxlan, fdb, ..PresentDevice::default() };
        present.devices.insert(Device { name: "secure".into(), netns: None }, device);
        let secrets = Secrets::from([(network.vni, (key, secret))]);
        let networks = rotatable(&present);
        let (plan, _) = rotate(&networks, &present, &state, &secrets, RotationStep::Prepare, false, 1000);
        (plan, secrets)
    }

    #[test]
    fn an_sa_to_send_with_that_vanished_comes_back_with_a_key_never_used_before() {
        assert_eq!(rotated(true, &["192.0.2.2"]).0, Plan::default());
        let (plan, _) = rotated(false, &["192.0.2.2"]);
        let added: Vec<u32> = plan
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Sa(sa) => Some(sa.association.counter),
                _ => None,
            })
            .collect();
        assert_eq!(added, [3], "it was sent with start 2");
        assert!(plan.remember.is_some());
    }

    #[test]
    fn a_forwarding_entry_that_somebody_changed_neither_takes_a_peers_keys_nor_gives_a_stranger_any() {
        assert_eq!(rotated(true, &["192.0.2.9"]).0, Plan::default());
        assert_eq!(rotated(true, &[]).0, Plan::default());
    }

    #[test]
    fn a_new_generation_counts_from_one_and_remembers_what_was_sent_with() {
        let mut progress = at(1, 1, &[(1, 1)]);
        take(&network(), &mut progress, RotationStep::Send, false, 5000).unwrap();
        let towards = progress.peer("192.0.2.2".parse().unwrap());
        assert_eq!((towards.start, towards.before, progress.since), (1, Some((1, 2)), 5000));
    }
}

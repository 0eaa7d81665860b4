//! The security associations of a network: those to add, those to remove, and how far the counters have come.

use std::collections::BTreeSet;

use crate::overlay::keys::Secret;
use crate::overlay::policy::reqid;
use crate::overlay::present::Present;
use crate::overlay::security::{self, Sa, SaDirection};
use crate::overlay::spec::NetworkSpec;
use crate::overlay::spec_error::SpecError;
use crate::overlay::state::Progress;
use crate::overlay::step::Step;
use crate::overlay::xfrm::PresentSa;

/// How far the network will have come before anything is turned: peers that started again are noticed, and this node's
/// counters are moved on wherever an SA to send with is not there, because what it was used for before nobody knows.
pub(in crate::overlay) fn advance(
    network: &NetworkSpec,
    present: &Present,
    before: &Progress,
    secret: &Secret,
) -> Progress {
    let mut progress = before.clone();
    notice(network, present, &mut progress, secret);
    for peer in &network.peers {
        let mut towards = progress.peer(peer.underlay);
        let sending = security::sa(
            network,
            SaDirection::Out,
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
    progress
}

/// Looks which of the accepted SAs were used: a higher start counter than the known one means the peer started again.
fn notice(network: &NetworkSpec, present: &Present, progress: &mut Progress, secret: &Secret) {
    let used: BTreeSet<_> =
        present.sas.iter().filter(|sa| sa.packets > 0).map(|sa| (sa.destination, sa.spi)).collect();
    for peer in &network.peers {
        let mut towards = progress.peer(peer.underlay);
        for generation in progress.oldest..=progress.generation + 1 {
            let highest = security::window(towards.seen_in(generation)).rev().find(|counter| {
                let direction = SaDirection::In;
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
pub(in crate::overlay) fn secure(
    network: &NetworkSpec,
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
            drop.push(drop_sa(sa));
        }
    }
}

/// The step that removes one.
pub(in crate::overlay) fn drop_sa(sa: &PresentSa) -> Step {
    let what = format!("sa {} -> {} spi {}", sa.source, sa.destination, sa.spi);
    Step::DropSa { destination: sa.destination, spi: sa.spi, what }
}

/// Two derived SPIs of one receiver may meet by chance: with ten networks once in a million plans, with a thousand in one of
/// a hundred. Nothing is overwritten then. An SA that can be spared is left out, so that the others are not kept from
/// their turn, and the next generation meets no more; for another it is said.
pub(in crate::overlay) fn distinct(
    associations: &mut Vec<Step>,
    present: &Present,
    spared: impl Fn(&Sa) -> bool,
) -> Result<(), SpecError> {
    let mut taken: BTreeSet<_> = present.sas.iter().map(|sa| (sa.destination, sa.spi)).collect();
    let mut met = None;
    associations.retain(|step| {
        let Step::Sa(sa) = step else { return true };
        let free = taken.insert((sa.association.receiver, sa.spi));
        if !free && !spared(sa) {
            met.get_or_insert_with(|| sa.clone());
        }
        free
    });
    met.map_or(Ok(()), |sa| {
        Err(SpecError::Network {
            network: format!("with vni {}", sa.association.vni),
            cause: format!(
                "{sa} meets the SPI of another network by chance; give one of the two another VNI"
            ),
        })
    })
}

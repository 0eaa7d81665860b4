//! The security associations of a network: those to add, those to remove, and the progress of the counters.

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

/// Returns the progress of a network as it is before any step of a rotation. Peers that started again are noticed.
/// This node's start counter towards a peer goes up if the SA to send with is missing, because nobody knows what
/// its key was used for.
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

/// Notes which of the accepted SAs were used. A start counter above the known one means that the peer started
/// again.
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

/// Plans the SAs to add, and the removal of those that neither this node nor a peer needs.
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

pub(in crate::overlay) fn drop_sa(sa: &PresentSa) -> Step {
    let what = format!("sa {} -> {} spi {}", sa.source, sa.destination, sa.spi);
    Step::DropSa { destination: sa.destination, spi: sa.spi, what }
}

/// Leaves out the SAs whose SPI another SA of the same receiver has. SPIs are derived, so two may be equal by
/// chance: with ten networks in one of a million plans, with a thousand in one of a hundred. The SA that is there
/// is never overwritten.
///
/// If `spared` returns true for an SA that is left out, the others go on without it, and the next generation has
/// other SPIs. If it returns false for one, the result is an error.
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

//! Which security associations a network needs on this node, given how far it and its peers have come.
//!
//! There is no channel between nodes but the traffic itself, so a receiver is always ahead of its senders: it accepts
//! the next generation of keys before anybody sends with it, and the next [`LOOKAHEAD`] start counters of every peer.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use serde::Serialize;

use super::keys::{Association, Secret};
use super::policy::reqid;
use super::spec::NetworkSpec;
use super::state::Progress;
use crate::packet::Spi;

/// How many starts of a peer after the last one seen are understood.
pub const LOOKAHEAD: u32 = 4;

/// The way that an association's packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SaDirection {
    /// To this node.
    In,
    /// From this node.
    Out,
}

/// One security association, without its key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Sa {
    /// Seen from this node.
    pub direction: SaDirection,
    /// What its key is derived from.
    #[serde(flatten)]
    pub association: Association,
    /// Derived, too.
    #[serde(serialize_with = "spi_text")]
    pub spi: Spi,
    /// The UDP port it is for.
    pub port: u16,
    /// Ours, of one network.
    pub reqid: u32,
}

impl Sa {
    pub(super) fn new(direction: SaDirection, association: Association, port: u16, secret: &Secret) -> Self {
        let spi = secret.spi(&association);
        Self { direction, spi, port, reqid: reqid(association.vni), association }
    }

    /// The other end.
    pub fn peer(&self) -> IpAddr {
        match self.direction {
            SaDirection::In => self.association.sender,
            SaDirection::Out => self.association.receiver,
        }
    }
}

impl fmt::Display for Sa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Association { sender, receiver, cipher, generation, counter, .. } = &self.association;
        let spi = self.spi;
        write!(f, "sa {sender} -> {receiver} {cipher} spi {spi} (generation {generation}, start {counter})")
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // the shape serde asks for
pub(super) fn spi_text<S: serde::Serializer>(spi: &Spi, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(spi)
}

/// Everything a network may have in the kernel: what must be there, and what may stay for now.
pub(super) struct Wanted {
    /// Must be there: receiving before sending.
    pub(super) needed: Vec<Sa>,
    /// The SA that was sent with before the last rotation. Packets may still be under way through it, so it stays
    /// until the old generation is dropped.
    pub(super) kept: Vec<Sa>,
}

/// The SAs of a network.
pub(super) fn wanted(network: &NetworkSpec, progress: &Progress, secret: &Secret) -> Wanted {
    let (mut needed, mut sending, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for peer in &network.peers {
        let towards = progress.peer(peer.underlay);
        for generation in progress.oldest..=progress.generation + 1 {
            for counter in window(towards.seen_in(generation)) {
                needed.push(sa(network, SaDirection::In, peer.underlay, generation, counter, secret));
            }
        }
        sending.push(sa(
            network,
            SaDirection::Out,
            peer.underlay,
            progress.generation,
            towards.start,
            secret,
        ));
        if let Some((generation, counter)) = towards.before.filter(|_| progress.oldest < progress.generation)
        {
            kept.push(sa(network, SaDirection::Out, peer.underlay, generation, counter, secret));
        }
    }
    needed.append(&mut sending);
    Wanted { needed, kept }
}

/// The start counters of a peer that are accepted when this one was the highest seen; 0 for none.
pub(super) fn window(seen: u32) -> RangeInclusive<u32> {
    let first = seen.max(1);
    first..=first + LOOKAHEAD
}

/// The SA of a network with one peer.
pub(super) fn sa(
    network: &NetworkSpec,
    direction: SaDirection,
    peer: IpAddr,
    generation: u32,
    counter: u32,
    secret: &Secret,
) -> Sa {
    let (sender, receiver) = match direction {
        SaDirection::In => (peer, network.local),
        SaDirection::Out => (network.local, peer),
    };
    let cipher = network.cipher.unwrap_or_default();
    let association = Association { vni: network.vni, sender, receiver, cipher, generation, counter };
    Sa::new(direction, association, network.port, secret)
}

//! The security associations that a network needs on this node, given how far this node and its peers have come.
//!
//! The nodes have no channel but the traffic itself. So a receiver is always ahead of its senders: it accepts the
//! next generation of keys before anybody sends with it, and the next [`LOOKAHEAD`] start counters of every peer.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use serde::Serialize;

use super::keys::{Association, Secret};
use super::policy::reqid;
use super::spec::NetworkSpec;
use super::state::Progress;
use crate::packet::Spi;

/// The number of start counters that are accepted of a peer beyond the last one seen.
pub const LOOKAHEAD: u32 = 4;

/// The direction of an association's packets, seen from this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SaDirection {
    /// From the peer to this node.
    In,
    /// From this node to the peer.
    Out,
}

/// One security association, without its key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Sa {
    /// The direction, seen from this node.
    pub direction: SaDirection,
    /// The values that its key is derived from.
    #[serde(flatten)]
    pub association: Association,
    /// The SPI, derived from the same values.
    #[serde(serialize_with = "spi_text")]
    pub spi: Spi,
    /// The UDP destination port that its selector matches.
    pub port: u16,
    /// The request number, which marks it as ours and names its network.
    pub reqid: u32,
}

impl Sa {
    pub(super) fn new(direction: SaDirection, association: Association, port: u16, secret: &Secret) -> Self {
        let spi = secret.spi(&association);
        Self { direction, spi, port, reqid: reqid(association.vni), association }
    }

    /// Returns the peer's underlay address.
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

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for this signature
pub(super) fn spi_text<S: serde::Serializer>(spi: &Spi, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(spi)
}

/// The SAs that a network may have in the kernel. All others of the network are removed.
pub(super) struct Wanted {
    /// The SAs that must be there: those to receive with, then those to send with.
    pub(super) needed: Vec<Sa>,
    /// The SAs that were sent with before the last rotation, one for each peer. Packets may still be under way
    /// through them, so they stay until the old generation is dropped.
    pub(super) kept: Vec<Sa>,
}

/// Returns the SAs of a network.
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

/// Returns the start counters of a peer that are accepted, given the highest one that was seen, or 0 if none was.
pub(super) fn window(seen: u32) -> RangeInclusive<u32> {
    let first = seen.max(1);
    first..=first + LOOKAHEAD
}

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

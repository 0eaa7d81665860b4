//! The senders of frames: the nodes of the network, this node, and strangers.
//!
//! Anybody on the wire can send a frame with the network's VNI, an ICMP error that quotes one, or ESP that does not
//! encrypt. Only the nodes' own packets say if the nodes encrypt. A stranger's are a finding, so that nobody can raise
//! the alarm from outside.
//!
//! If no source names the nodes, every host is one that this node sends to.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Captured, Pair, Tally};
use crate::packet::Direction;
use crate::verify::evidence::Sighting;
use crate::verify::places::Places;

/// The kinds of frames that a stranger sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::verify) enum Deed {
    /// A clear frame of the network.
    Clear,
    /// A frame of the network that was authenticated only.
    Wrapped,
    /// An ICMP error that quotes a frame of the network.
    Quoted,
    /// Bytes of the network in a carrier that is not decoded here.
    Carried,
    /// A frame that arrived with an address of this host as its source.
    Forged,
}

/// Frames of the network from hosts that are no nodes of it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(in crate::verify) struct Strangers {
    pub(in crate::verify) count: u64,
    /// Frames with the canary among them. Whoever sent these has read a probe.
    pub(in crate::verify) canaries: u64,
    pub(in crate::verify) first: Option<(IpAddr, Deed, Sighting)>,
}

impl Strangers {
    pub(super) fn add(&mut self, from: IpAddr, deed: Deed, sighting: Sighting) {
        self.count += 1;
        self.canaries += u64::from(sighting.canary);
        self.first.get_or_insert((from, deed, sighting));
    }
}

/// The frames that have this node's underlay address as their source.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::verify) struct Senders {
    /// Frames of which the capture says that they left the capturing host.
    pub(in crate::verify) left: u64,
    /// Frames of which the capture says that they arrived at it. If there are only such frames, the capture was made on
    /// another host.
    pub(in crate::verify) arrived: u64,
    /// The places that they passed.
    pub(in crate::verify) on: Places,
}

impl Tally {
    /// Returns true if the sender is known not to be a node of the network.
    pub(super) fn is_stranger(&self, sender: IpAddr) -> bool {
        let peers = &self.question.network.peers;
        !peers.is_empty()
            && !self.joined.contains(&sender)
            && !peers.iter().any(|peer| peer.underlay == sender)
    }

    /// Returns true if the host is no node of the network, as far as it is known: it was not named, and if nobody was, this
    /// node does not send to it.
    pub(super) fn is_no_node(&self, host: IpAddr) -> bool {
        let unnamed = self.question.network.peers.is_empty();
        let sends = self
            .pairs
            .get(&host)
            .is_some_and(|pair| pair.out.shows_the_network() || pair.out.esp_packets > 0);
        self.is_stranger(host) || unnamed && !sends
    }

    /// Returns true if nobody was named, and this node sends to other hosts but not to this one. Its own frames then make
    /// it no node of the network.
    pub(in crate::verify) fn is_never_sent_to(&self, pair: &Pair) -> bool {
        let sends_to = |pair: &Pair| pair.out.shows_the_network() || pair.out.esp_packets > 0;
        self.question.network.peers.is_empty() && !sends_to(pair) && self.pairs.values().any(sends_to)
    }

    /// Makes a host a node of the network, because the kernel was told that it is one during the watch.
    pub fn joins(&mut self, node: IpAddr) {
        if self.joined.len() < super::MOST_STRANGERS {
            self.joined.insert(node);
        }
    }

    /// Adds addresses of this host. It may have got new ones during the watch.
    pub fn owns(&mut self, addresses: impl Iterator<Item = IpAddr>) {
        for address in addresses {
            if !self.question.own.contains(&address) {
                self.question.own.push(address);
            }
        }
    }

    /// Counts a frame by its sender, if that is this node by its address.
    pub(super) fn note_sender(&mut self, captured: &Captured<'_>) {
        let Some(ip) = captured.packet.outermost().ip else { return };
        if self.question.network.locals.contains(&ip.source) {
            self.senders.on.add(captured.frame);
            match captured.direction {
                Some(Direction::Out) => self.senders.left += 1,
                Some(Direction::In) => self.senders.arrived += 1,
                None => {}
            }
        }
    }

    /// Returns true if the frames were captured as they passed, and not read from a file.
    pub(in crate::verify) fn is_live(&self) -> bool {
        !self.question.own.is_empty()
    }

    /// Returns true if this node may have sent a frame: it left, or its outermost address is this node's.
    pub(super) fn may_have_sent(&self, captured: &Captured<'_>) -> bool {
        let outermost = captured.packet.outermost().ip;
        captured.direction == Some(Direction::Out) || outermost.is_none_or(|ip| self.is_own(ip.source))
    }

    /// Returns true if a frame of a file may be this node's under another address, as far as the file says.
    pub(super) fn may_be_ours(&self, captured: &Captured<'_>) -> bool {
        match captured.direction {
            Some(direction) => direction == Direction::Out,
            None => captured.frame.sender().is_none() || !self.senders.on.excludes(captured.frame),
        }
    }

    /// Returns true if the address is one of this host.
    pub(in crate::verify) fn is_own(&self, address: IpAddr) -> bool {
        self.question.own.contains(&address) || self.question.network.locals.contains(&address)
    }
}

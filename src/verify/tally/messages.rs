//! WireGuard's messages to and from the nodes, in the tunnels that carry the network.
//!
//! Nobody can read them. A message is counted for a node if it passes between this node and the endpoint of the node's
//! tunnel. If a handshake is seen, `mac1` tells from public keys alone whom it is for, and with that whose the sessions
//! are that it makes: each end names the index by which it wants to be called. A session of somebody else between the
//! same addresses and ports is left out.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Captured, Tally, View};
use crate::packet::{Direction, Opaque, Ports, Spi, Transport, WireGuardMessage};
use crate::verify::carrier::Carrier;
use crate::verify::kept::{FrameKind, Looked};
use crate::verify::lengths::Passed;
use crate::verify::way::Way;
use crate::verify::wireguard::is_for;

/// The most sessions of a node that are told apart. A session lasts for three minutes at the most.
const MOST_SESSIONS: usize = 64;
/// The most messages that are remembered, so that one that is captured twice counts once.
const MOST_NUMBERS: usize = 256;
/// The most messages whose lengths are kept.
const MOST_LENGTHS: usize = 65_536;
/// The length of a data message without a packet inside: a sign of life, in bytes.
const SIGN_OF_LIFE: usize = 32;

/// The messages of one leg.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::verify) struct Messages {
    /// Data messages with a packet inside.
    pub(in crate::verify) data: u64,
    /// Messages of handshakes.
    pub(in crate::verify) handshakes: u64,
    /// Data messages of sessions that are not the node's.
    pub(in crate::verify) foreign: u64,
    /// The lengths of [`Self::data`] in bytes, from the message's type on. The session's index stands for the SPI.
    #[serde(with = "crate::verify::kept::lengths")]
    pub(in crate::verify) lengths: Vec<Passed>,
    /// The sessions, by the index that their receiver chose.
    pub(in crate::verify) sessions: BTreeMap<u32, Session>,
    #[serde(skip)]
    numbers: VecDeque<(u32, u64)>,
}

/// A session in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::verify) struct Session {
    /// Data messages.
    pub(in crate::verify) messages: u64,
    /// True if its handshake was seen and was for the node's key, and false if it was for another one.
    pub(in crate::verify) tied: Option<bool>,
}

impl Messages {
    /// Returns the number of sessions whose handshakes show that they are the node's.
    pub(in crate::verify) fn tied(&self) -> usize {
        self.sessions.values().filter(|session| session.tied == Some(true) && session.messages > 0).count()
    }

    fn session(&mut self, index: u32) -> Option<&mut Session> {
        if self.sessions.len() >= MOST_SESSIONS && !self.sessions.contains_key(&index) {
            return None;
        }
        Some(self.sessions.entry(index).or_default())
    }

    fn tie(&mut self, index: u32, is_theirs: bool) {
        if let Some(session) = self.session(index) {
            // A forged handshake may name the index of a session that goes on already.
            if session.messages == 0 {
                session.tied = session.tied.or(Some(is_theirs));
            }
        }
    }

    fn data(&mut self, receiver: u32, counter: u64, passed: Passed) {
        if self.numbers.contains(&(receiver, counter)) {
            return;
        }
        if self.numbers.len() >= MOST_NUMBERS {
            self.numbers.pop_front();
        }
        self.numbers.push_back((receiver, counter));
        if let Some(session) = self.session(receiver) {
            session.messages += 1;
            if session.tied == Some(false) {
                self.foreign += 1;
                return;
            }
        }
        if passed.len as usize > SIGN_OF_LIFE {
            self.data += 1;
            if self.lengths.len() < MOST_LENGTHS {
                self.lengths.push(passed);
            }
        }
    }
}

impl Tally {
    /// Counts a message of WireGuard for the nodes that its tunnel leads to.
    pub(super) fn message(&mut self, captured: &Captured<'_>) {
        let Captured { frame, packet, view, .. } = *captured;
        let Some(Opaque::WireGuard(message)) = packet.opaque else { return };
        if view != View::Wire || self.question.carriers.is_empty() {
            return;
        }
        let len = u32::try_from(packet.payload.len()).unwrap_or(u32::MAX);
        for at in 0..self.question.carriers.len() {
            let Some(carrier) = self.question.carriers.get(at) else { break };
            let Some(way) = self.way_of(captured, carrier) else { continue };
            let (node, key, own_key) = (carrier.node, carrier.key, carrier.own_key);
            // The receiver of a handshake on the way out is the other end.
            let theirs = match way {
                Way::Out => is_for(packet.payload, &key),
                Way::Back => own_key.is_some_and(|own| is_for(packet.payload, &own)),
            };
            self.looked =
                Some(Looked { kind: FrameKind::Opaque, leg: Some((node, way)), vni: None, canary: false });
            let pair = self.pairs.entry(node).or_default();
            let (along, against) = match way {
                Way::Out => (&mut pair.out.messages, &mut pair.back.messages),
                Way::Back => (&mut pair.back.messages, &mut pair.out.messages),
            };
            match message {
                WireGuardMessage::Data { receiver, counter } => {
                    along.data(receiver, counter, Passed { time: frame.time.nanos, len, spi: Spi(receiver) });
                }
                // The sender is called by this index on the way back to it.
                WireGuardMessage::Initiation { sender } | WireGuardMessage::Response { sender, .. } => {
                    along.handshakes += 1;
                    against.tie(sender, theirs);
                }
                WireGuardMessage::Cookie { .. } | WireGuardMessage::Cut(_) => along.handshakes += 1,
            }
        }
    }

    /// Returns the way of a message between this node and the endpoint of a tunnel; `None` if it passes between others.
    fn way_of(&self, captured: &Captured<'_>, carrier: &Carrier) -> Option<Way> {
        let Captured { packet, direction, .. } = *captured;
        let (ip, Transport::Udp(ports)) = (packet.headers.ip?, packet.headers.transport) else { return None };
        let endpoint = carrier.endpoint?;
        let is_end = |address: IpAddr, port: u16| address == endpoint.ip() && port == endpoint.port();
        let Ports { source, destination } = ports;
        let out = is_end(ip.destination, destination) && source == carrier.port && self.is_own(ip.source);
        let back = is_end(ip.source, source) && destination == carrier.port && self.is_own(ip.destination);
        match direction {
            Some(Direction::Out) | None if out => Some(Way::Out),
            Some(Direction::In) | None if back => Some(Way::Back),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(len: u32) -> Passed {
        Passed { time: 1, len, spi: Spi(7) }
    }

    #[test]
    fn a_message_counts_once_and_a_sign_of_life_not() {
        let mut messages = Messages::default();
        messages.data(7, 1, passed(64));
        messages.data(7, 1, passed(64));
        messages.data(7, 2, passed(32));
        assert_eq!((messages.data, messages.lengths.len(), messages.sessions[&7].messages), (1, 1, 2));
    }

    #[test]
    fn the_session_of_another_key_is_left_out() {
        let mut messages = Messages::default();
        messages.tie(7, true);
        messages.tie(8, false);
        // The handshake that came first counts.
        messages.tie(7, false);
        for index in [7, 8, 9] {
            messages.data(index, 1, passed(64));
        }
        assert_eq!((messages.data, messages.foreign, messages.tied()), (2, 1, 1));
    }

    #[test]
    fn a_flood_of_sessions_is_bounded() {
        let mut messages = Messages::default();
        (0..10_000).for_each(|index| messages.data(index, 1, passed(64)));
        assert_eq!((messages.sessions.len(), messages.numbers.len()), (MOST_SESSIONS, MOST_NUMBERS));
    }
}

//! The sessions of WireGuard on ports that are not known as its own.
//!
//! A session is the messages of one direction with one receiver index. The handshake names the indices of both
//! directions, and a message whose form leaves no doubt shows that of its own. From then on the session's messages are
//! known by the index and by a counter that goes on, whatever their lengths are. Without any of these, as when a capture
//! begins amid bulk traffic, the second message in a row with the same index and a greater counter shows the session. The
//! first one is then taken for readable.
//!
//! The tables have a fixed size. A direction has two places in it, of 16,384, and replaces what is there if both are taken:
//! rather what may be a session than what is one.

use crate::packet::pairs::{End, fold};

/// The direction of a session: sender and receiver.
pub(super) type Way = (End, End);

/// The greatest step back of a counter: the size of the window in which WireGuard's receivers take messages that were
/// overtaken (linux `drivers/net/wireguard/messages.h`, `COUNTER_BITS_TOTAL`).
const BACK: u32 = 8192;
/// The greatest step forward. A capture may have lost the messages between.
const FORWARD: u32 = 1 << 20;

/// The logarithm of the number of places: some 2 MB in all, which are there once there is a session.
const BITS: u32 = 14;

/// The sessions that are known, and those that may be.
#[derive(Clone, Debug)]
pub(in crate::packet) struct Sessions {
    /// Empty until the first session.
    slots: Vec<Option<Session>>,
    /// The ends between which a session was known. Empty until the first one.
    ends: Vec<Option<Way>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Session {
    way: Way,
    receiver: u32,
    /// The greatest counter so far.
    counter: u32,
    /// True if it is a session beyond doubt.
    known: bool,
}

impl Sessions {
    const SLOTS: usize = 1 << BITS;

    pub(in crate::packet) fn new() -> Self {
        Self { slots: Vec::new(), ends: Vec::new() }
    }

    /// Remembers a session by a handshake. Its first message has the counter 0.
    pub(super) fn open(&mut self, way: Way, receiver: u32) {
        self.set(Session { way, receiver, counter: 0, known: true });
    }

    /// Takes a data message. `certain` says that its form leaves no doubt. Returns true if it belongs to a session.
    pub(super) fn data(&mut self, way: Way, receiver: u32, counter: u32, certain: bool) -> bool {
        let same = |session: &Session| session.way == way && session.receiver == receiver;
        let found = places(receiver).into_iter().find_map(|place| self.at(place).filter(same));
        let Some(session) = found else {
            self.set(Session { way, receiver, counter, known: certain });
            return certain;
        };
        let (back, forward) =
            (session.counter.saturating_sub(counter), counter.saturating_sub(session.counter));
        let goes_on = if session.known { back <= BACK } else { forward > 0 } && forward <= FORWARD;
        if certain || goes_on {
            self.set(Session { counter: session.counter.max(counter), known: true, ..session });
        } else if !session.known {
            self.set(Session { counter, ..session });
        }
        certain || goes_on
    }

    /// Returns true if a session between these ends was known, in either direction.
    pub(super) fn knows(&self, way: Way) -> bool {
        let (from, to) = way;
        let known = self.ends.get(place_of(way)).copied().flatten();
        known.is_some_and(|known| known == way || known == (to, from))
    }

    fn at(&self, place: usize) -> Option<Session> {
        self.slots.get(place).copied().flatten()
    }

    fn set(&mut self, session: Session) {
        self.slots.resize(Self::SLOTS, None);
        let same = |old: &Session| old.way == session.way && old.receiver == session.receiver;
        let cost = |place: &usize| match self.at(*place) {
            Some(old) if same(&old) => 0,
            None => 1,
            Some(old) if !old.known => 2,
            Some(_) => 3,
        };
        let place = places(session.receiver).into_iter().min_by_key(cost);
        if let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) {
            *slot = Some(session);
        }
        if session.known {
            self.ends.resize(Self::SLOTS, None);
            if let Some(ends) = self.ends.get_mut(place_of(session.way)) {
                *ends = Some(session.way);
            }
        }
    }
}

/// Returns the two places of a receiver index.
fn places(receiver: u32) -> [usize; 2] {
    let first = slot(receiver);
    [first, first ^ 1]
}

/// Returns the first place of a receiver index, which is a random number.
fn slot(receiver: u32) -> usize {
    (receiver.wrapping_mul(0x9e37_79b9) >> (32 - BITS)) as usize
}

/// Returns the place of two ends, which is the same for both directions.
fn place_of((from, to): Way) -> usize {
    slot(fold(from).wrapping_add(fold(to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way() -> Way {
        (("192.0.2.1".parse().unwrap(), 40000), ("192.0.2.2".parse().unwrap(), 443))
    }

    #[test]
    fn a_message_that_is_certain_makes_those_behind_it_known() {
        let mut sessions = Sessions::new();
        assert!(sessions.data(way(), 7, 100, true));
        assert!(sessions.data(way(), 7, 101, false) && sessions.data(way(), 7, 99, false));
        // Overtaken as far as WireGuard allows it, and lost in the capture.
        assert!(!sessions.data(way(), 7, 101 + FORWARD + 1, false) && sessions.data(way(), 7, 90_000, false));
        assert!(
            !sessions.data(way(), 7, 90_000 - BACK - 1, false)
                && sessions.data(way(), 7, 90_000 - BACK, false)
        );
        // Another index, and the other direction, are other sessions.
        let (from, to) = way();
        assert!(!sessions.data(way(), 8, 102, false) && !sessions.data((to, from), 7, 102, false));
    }

    #[test]
    fn without_a_certain_message_it_takes_a_counter_that_goes_on() {
        let mut sessions = Sessions::new();
        for counter in [500, 500, 499] {
            assert!(!sessions.data(way(), 7, counter, false), "{counter}");
        }
        assert!(sessions.data(way(), 7, 500, false));
    }

    #[test]
    fn a_handshake_opens_a_session_that_a_flood_of_other_messages_does_not_close() {
        let mut sessions = Sessions::new();
        sessions.open(way(), 7);
        let (from, to) = way();
        assert!(sessions.knows(way()) && sessions.knows((to, from)));
        assert!(sessions.data(way(), 7, 3, false));
        (0..100_000).for_each(|receiver| _ = sessions.data(way(), receiver, 9, false));
        assert!(sessions.data(way(), 7, 4, false));
        // A flood of handshakes does, and takes no more space.
        (0..100_000).for_each(|receiver| sessions.open((from, from), receiver));
        assert!(!sessions.data(way(), 7, 5, false));
        assert_eq!(sessions.slots.len(), Sessions::SLOTS);
    }

    #[test]
    fn a_hub_of_thousands_of_peers_is_followed() {
        let mut sessions = Sessions::new();
        let peers = (0..2000_u32).map(|peer| (way(), peer.wrapping_mul(0x85eb_ca6b)));
        peers.clone().for_each(|(way, receiver)| sessions.open(way, receiver));
        let followed = peers.filter(|(way, receiver)| sessions.data(*way, *receiver, 1, false)).count();
        assert!(followed > 1950, "{followed}");
    }
}

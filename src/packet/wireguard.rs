//! WireGuard messages (the protocol's white paper, section 5.4), recognised by their form.
//!
//! ```text
//! type (1) | zero (3) | …                                               length
//! 1 initiation: sender (4), keys and time (108), mac1 (16), mac2 (16)   148
//! 2 response:   sender (4), receiver (4), key (48), mac1, mac2           92
//! 3 cookie:     receiver (4), nonce (24), cookie (32)                    64
//! 4 data:       receiver (4), counter (8), ciphertext, tag (16)          32 + n
//! ```
//!
//! Numbers are little-endian. `n` is a multiple of 16, because packets are padded, *but never beyond the MTU of the
//! tunnel*: a full packet under the usual MTU of 1420 makes a message of 1452 bytes, and 1452 is no multiple of 16. So
//! the length says nothing of a data message on a port of WireGuard's. On other ports a data message is known by a length
//! that is a multiple of 16 and a counter below 2^32, or by a session that goes on (`sessions`).
//!
//! *The price of a wrong guess.* Another protocol whose messages begin with 04 00 00 00 may have a number in place of the
//! counter, and zeros behind it: a 32-bit type, an identifier and a 64-bit sequence number, all of them little-endian. Its
//! messages with a length that fits, or from the second one on, are then taken for WireGuard's. They count as opaque and
//! are not searched. They never prove that anything is encrypted. The opposite mistake is smaller: the first message of a
//! capture that begins amid bulk traffic is taken for readable, and its ciphertext is searched.

mod sessions;

use std::net::IpAddr;

use super::{Ports, TunnelPorts};
pub(super) use sessions::Sessions;

/// The length of the fields in front of the ciphertext, and of the tag behind it.
const AROUND: usize = 32;

/// A message of WireGuard, with the indices by which the two ends name a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireGuardMessage {
    /// The first message of a handshake (1).
    Initiation {
        /// The index that its sender wants to be called by.
        sender: u32,
    },
    /// The answer (2), after which the session has keys.
    Response {
        /// The index that its sender wants to be called by.
        sender: u32,
        /// The index of the initiation.
        receiver: u32,
    },
    /// The answer of a receiver under load (3).
    Cookie {
        /// The index of the message that it answers.
        receiver: u32,
    },
    /// A packet, or nothing but a sign of life, under encryption (4).
    Data {
        /// The index that its receiver chose in the handshake.
        receiver: u32,
        /// The number of the message in its session and direction.
        counter: u64,
    },
    /// A message of this type, cut off by the snaplen before its indices end.
    Cut(u8),
}

impl WireGuardMessage {
    /// Returns the number of the type, which is the first byte.
    pub fn number(self) -> u8 {
        match self {
            Self::Initiation { .. } => 1,
            Self::Response { .. } => 2,
            Self::Cookie { .. } => 3,
            Self::Data { .. } => 4,
            Self::Cut(kind) => kind,
        }
    }

    /// Reads a message of this type. `rest` follows the type and its three zeros.
    fn read(kind: u8, rest: &[u8]) -> Self {
        let (first, rest) = match rest.split_first_chunk::<4>() {
            Some((first, rest)) => (u32::from_le_bytes(*first), rest),
            None => return Self::Cut(kind),
        };
        let second = || rest.first_chunk().copied().map(u32::from_le_bytes);
        let counter = || rest.first_chunk().copied().map(u64::from_le_bytes);
        let whole = match kind {
            1 => Some(Self::Initiation { sender: first }),
            2 => second().map(|receiver| Self::Response { sender: first, receiver }),
            3 => Some(Self::Cookie { receiver: first }),
            4 => counter().map(|counter| Self::Data { receiver: first, counter }),
            _ => None,
        };
        whole.unwrap_or(Self::Cut(kind))
    }
}

/// Returns the message, if a UDP payload of this length by its header is one on a port of WireGuard's.
#[inline]
pub(super) fn on_its_port(
    known: &TunnelPorts,
    ports: Ports,
    payload: &[u8],
    declared: usize,
) -> Option<WireGuardMessage> {
    let (kind, rest) = start(payload)?;
    let fits = kind == 4 && declared >= AROUND || is_handshake(kind, declared);
    (fits && known.is_wireguard(ports)).then(|| WireGuardMessage::read(kind, rest))
}

/// Returns the message, if a UDP payload on any port is one beyond doubt, or belongs to a session of such.
///
/// In a data message, the upper half of the counter must still be zero. Its length must be a multiple of 16, or its
/// session must go on. In a handshake message, the last field (`mac2`) must be zero, as it is unless the receiver is under
/// load, or there must be a session between the two ends.
pub(super) fn on_any_port(
    sessions: &mut Sessions,
    (source, destination): (IpAddr, IpAddr),
    ports: Ports,
    payload: &[u8],
    declared: usize,
) -> Option<WireGuardMessage> {
    let (kind, rest) = start(payload)?;
    let (from, to) = ((source, ports.source), (destination, ports.destination));
    let way = (from, to);
    let message = WireGuardMessage::read(kind, rest);
    let known = match message {
        WireGuardMessage::Data { receiver, counter } => {
            let counter = u32::try_from(counter).ok().filter(|_| declared >= AROUND)?;
            sessions.data(way, receiver, counter, declared % 16 == 0)
        }
        WireGuardMessage::Cut(_) => false,
        _ if !is_handshake(message.number(), declared) => false,
        WireGuardMessage::Cookie { .. } => sessions.knows(way),
        WireGuardMessage::Initiation { sender } | WireGuardMessage::Response { sender, .. } => {
            let certain = payload.len() == declared && payload.ends_with(&[0; 16]);
            let known = certain || sessions.knows(way);
            if known {
                sessions.open((to, from), sender);
            }
            if let WireGuardMessage::Response { receiver, .. } = message {
                if known {
                    sessions.open(way, receiver);
                }
            }
            known
        }
    };
    known.then_some(message)
}

/// Returns true if a UDP payload begins as a message does. On a port that is not known it may tell of others.
#[inline]
pub(super) fn may_be_message(payload: &[u8]) -> bool {
    start(payload).is_some()
}

#[inline]
fn start(payload: &[u8]) -> Option<(u8, &[u8])> {
    match payload {
        [kind @ 1..=4, 0, 0, 0, rest @ ..] => Some((*kind, rest)),
        _ => None,
    }
}

fn is_handshake(kind: u8, declared: usize) -> bool {
    matches!((kind, declared), (1, 148) | (2, 92) | (3, 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Ports = Ports { source: 40000, destination: 51820 };

    /// Makes a message of this type and length, whose other bytes count up from 1. Its `mac2` is zero.
    fn message(kind: u8, len: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = [kind, 0, 0, 0].into_iter().chain((1..=255).cycle().take(len - 4)).collect();
        if kind < 3 {
            bytes[len - 16..].fill(0);
        }
        bytes
    }

    fn known(bytes: &[u8], declared: usize) -> Option<WireGuardMessage> {
        on_its_port(&TunnelPorts::default(), KNOWN, bytes, declared)
    }

    /// Takes a message between two hosts of 192.0.2.0/24.
    fn on(
        sessions: &mut Sessions,
        from: u8,
        to: u8,
        bytes: &[u8],
        declared: usize,
    ) -> Option<WireGuardMessage> {
        let host = |last| IpAddr::from([192, 0, 2, last]);
        let ports = Ports { source: 4433, destination: 4433 };
        on_any_port(sessions, (host(from), host(to)), ports, bytes, declared)
    }

    fn alone(bytes: &[u8], declared: usize) -> Option<WireGuardMessage> {
        on(&mut Sessions::new(), 1, 2, bytes, declared)
    }

    #[test]
    fn each_message_has_its_indices() {
        let (first, second) = (0x0403_0201, 0x0807_0605);
        for (len, right) in [
            (148, WireGuardMessage::Initiation { sender: first }),
            (92, WireGuardMessage::Response { sender: first, receiver: second }),
            (64, WireGuardMessage::Cookie { receiver: first }),
            (32, WireGuardMessage::Data { receiver: first, counter: 0x0c0b_0a09_0807_0605 }),
        ] {
            let bytes = message(right.number(), len);
            assert_eq!(known(&bytes, len), Some(right));
            let cut = known(&bytes[..7], len).unwrap();
            assert_eq!((cut, cut.number()), (WireGuardMessage::Cut(right.number()), right.number()));
            assert_eq!(known(&bytes[..3], len), None);
            assert_eq!(known(&bytes, len - 1), None);
        }
        assert_eq!(known(&message(5, 64), 64), None);
        assert_eq!(known(&[&[4, 0, 0, 1][..], &[0; 60]].concat(), 64), None);
    }

    #[test]
    fn on_its_own_port_data_may_have_any_length() {
        // 1452 is a full packet under the MTU of 1420, whose padding ends at the MTU.
        for len in [32, 33, 47, 48, 1452, 1500, 65_507] {
            assert!(known(&message(4, len), len).is_some(), "{len}");
        }
        assert_eq!(known(&message(4, 31), 31), None);
        assert!(known(&message(4, 1452)[..96], 1452).is_some(), "cut by the snaplen");
    }

    #[test]
    fn elsewhere_the_form_must_leave_no_doubt() {
        let data = |len: usize| {
            let mut bytes = message(4, len);
            bytes[12..16].fill(0);
            bytes
        };
        assert!(alone(&data(1456), 1456).is_some());
        assert_eq!(alone(&data(1452), 1452), None);
        assert_eq!(alone(&message(4, 1456), 1456), None, "a counter beyond 32 bits");
        for (kind, len) in [(1, 148), (2, 92)] {
            let mut bytes = message(kind, len);
            assert!(alone(&bytes, len).is_some());
            assert_eq!(alone(&bytes[..len - 1], len), None);
            bytes[len - 1] = 1;
            assert_eq!(alone(&bytes, len), None);
        }
        assert_eq!(alone(&message(3, 64), 64), None);
    }

    /// Makes a data message with 1452 bytes, as full packets have under an MTU of 1420.
    fn full(receiver: u32, counter: u64) -> Vec<u8> {
        [&[4, 0, 0, 0][..], &receiver.to_le_bytes(), &counter.to_le_bytes(), &[0xa5; 1436]].concat()
    }

    #[test]
    fn a_handshake_tells_of_the_bulk_traffic_behind_it_in_both_directions() {
        let mut sessions = Sessions::new();
        let mut take = |from, to, bytes: &[u8]| on(&mut sessions, from, to, bytes, bytes.len());
        assert_eq!(take(1, 2, &full(0x0403_0201, 0)), None, "before the handshake");
        // The initiator is called 0x04030201, and the one who answers is so in the response's first field as well.
        assert!(take(1, 2, &message(1, 148)).is_some());
        let mut response = message(2, 92);
        response[4..12].copy_from_slice(&[9, 9, 9, 9, 1, 2, 3, 4]);
        assert!(take(2, 1, &response).is_some());
        assert!(take(2, 1, &full(0x0403_0201, 0)).is_some() && take(1, 2, &full(0x0909_0909, 5)).is_some());
        assert_eq!(take(1, 3, &full(0x0909_0909, 6)), None, "another flow");
        // Under load mac2 is not zero, and a cookie comes back.
        let mut loaded = message(1, 148);
        loaded[147] = 1;
        assert!(take(1, 2, &loaded).is_some() && take(2, 1, &message(3, 64)).is_some());
        assert_eq!((take(1, 3, &loaded), take(1, 3, &message(3, 64))), (None, None));
    }

    #[test]
    fn a_capture_that_begins_amid_bulk_traffic_misses_the_first_message() {
        let mut sessions = Sessions::new();
        let seen = [70, 71, 73, 72, 4_294_967_295, 4_294_967_296].map(|counter| {
            let bytes = full(7, counter);
            // The snaplen leaves the counter.
            on(&mut sessions, 1, 2, &bytes[..16], bytes.len()).is_some()
        });
        assert_eq!(seen, [false, true, true, true, false, false]);
        let text = [&[4, 0, 0, 0][..], &[b'x'; 60]].concat();
        assert_eq!((on(&mut sessions, 1, 2, &text, 64), on(&mut sessions, 1, 2, &text, 64)), (None, None));
    }

    #[test]
    fn a_port_of_its_own_may_be_added_and_counts_on_both_ends() {
        let bytes = message(4, 1452);
        let mut ports = TunnelPorts::default();
        let at = |ports: &TunnelPorts, source, destination| {
            on_its_port(ports, Ports { source, destination }, &bytes, 1452).is_some()
        };
        assert!(!at(&ports, 443, 40000) && at(&ports, 51871, 40000) && at(&ports, 40000, 51821));
        ports.add_wireguard(443);
        assert!(at(&ports, 443, 40000) && at(&ports, 40000, 443) && !at(&ports, 40000, 40001));
    }
}

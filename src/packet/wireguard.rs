//! WireGuard messages (the protocol's white paper, section 5.4), told by their shape.
//!
//! ```text
//! type (1): 1 initiation, 2 response, 3 cookie, 4 data | zero (3) | …
//! lengths:     148            92          64       32 + a multiple of 16
//! ```

use super::Ports;

/// Ports that are WireGuard's by habit: its own, Calico's and Flannel's for IPv6, Cilium's.
const PORTS: [u16; 3] = [51820, 51821, 51871];

/// The message type, when a UDP payload of this length by its header is one.
///
/// On other ports the shape must leave no doubt: in a data message the upper half of the 64-bit counter is still zero,
/// in a handshake message the cookie field (`mac2`) at the end is, as it is unless the receiver is under load.
pub(super) fn message(ports: Ports, payload: &[u8], declared: usize) -> Option<u8> {
    let (&[kind, 0, 0, 0], rest) = payload.split_first_chunk::<4>()? else { return None };
    let shape = match kind {
        1 => declared == 148,
        2 => declared == 92,
        3 => declared == 64,
        4 => declared >= 32 && declared % 16 == 0,
        _ => false,
    };
    if !shape {
        return None;
    }
    let usual = PORTS.contains(&ports.source) || PORTS.contains(&ports.destination);
    let certain = || match kind {
        1 | 2 => payload.len() == declared && payload.ends_with(&[0; 16]),
        // Receiver index (4), then the counter, little-endian.
        4 => rest.get(8..12) == Some(&[0; 4]),
        _ => false,
    };
    (usual || certain()).then_some(kind)
}

//! WireGuard messages (the protocol's white paper, section 5.4), recognised by their form.
//!
//! ```text
//! type (1): 1 initiation, 2 response, 3 cookie, 4 data | zero (3) | …
//! lengths:     148            92          64       32 + a multiple of 16
//! ```

use super::Ports;

/// The usual ports: WireGuard's own, Calico's and Flannel's for IPv6, and Cilium's.
const PORTS: [u16; 3] = [51820, 51821, 51871];

/// Returns the message type, if a UDP payload of this length by its header is a WireGuard message.
///
/// On other ports the form must leave no doubt. In a data message, the upper half of the 64-bit counter must still be
/// zero. In a handshake message, the last field (`mac2`) must be zero, as it is unless the receiver is under load.
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
        // The receiver index (4), then the counter, little-endian.
        4 => rest.get(8..12) == Some(&[0; 4]),
        _ => false,
    };
    (usual || certain()).then_some(kind)
}

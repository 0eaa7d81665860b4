//! Logical link control (IEEE 802.2) with SNAP (IEEE 802), and the one-byte network protocol numbers of ISO/IEC TR 9577.
//!
//! ```text
//! DSAP (1) | SSAP (1) | control (1) | …
//! SNAP: aa aa 03 | organisation (3) | protocol (2) | …
//! ```
//!
//! Sources: IEEE 802.2, RFC 1042 (IP), RFC 2427 section 4 and RFC 2684 section 5 (bridged Ethernet).

use super::ethernet::{IPV4, IPV6};
use super::{Why, leaf};

/// The payload of a link layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// The protocol of this Ethernet type.
    Type(u16),
    /// An Ethernet frame, which was bridged.
    Ethernet,
    /// A PPP frame.
    Ppp,
    /// A protocol that carries no packets of others, such as spanning tree or IS-IS.
    Leaf,
}

/// The unnumbered information of a frame without a connection.
const UI: u8 = 3;

/// Splits a frame into its payload's kind and the rest. Bridged frames have `padding` bytes in front of them: two over
/// ATM (RFC 2684), none elsewhere.
pub(super) fn split(bytes: &[u8], padding: usize) -> Result<(Payload, &[u8]), Why> {
    let (&header, rest) = bytes.split_first_chunk::<3>().ok_or(Why::Truncated)?;
    match header {
        [0xaa, 0xaa, UI] => snap(rest, padding),
        // IP has a number of its own, which few ever used.
        [0x06, 0x06, UI] => Ok((Payload::Type(IPV4), rest)),
        // RFC 2684 section 5.2: the numbers of ISO name IP as well.
        [0xfe, 0xfe, UI] => match rest.first().copied().and_then(network) {
            Some(ether_type) => Ok((Payload::Type(ether_type), rest.get(1..).unwrap_or(&[]))),
            None if leaf::is_llc(0xfe, UI, rest) => Ok((Payload::Leaf, rest)),
            None if rest.is_empty() => Err(Why::Truncated),
            None => Err(Why::Unsupported),
        },
        [service, _, control] if leaf::is_llc(service, control, rest) => Ok((Payload::Leaf, rest)),
        _ => Err(Why::Unsupported),
    }
}

/// Splits what follows `aa aa 03`.
pub(super) fn snap(bytes: &[u8], padding: usize) -> Result<(Payload, &[u8]), Why> {
    let (&[o0, o1, o2, high, low], rest) = bytes.split_first_chunk::<5>().ok_or(Why::Truncated)?;
    let protocol = u16::from_be_bytes([high, low]);
    match ([o0, o1, o2], protocol) {
        // An Ethernet type, by RFC 1042 or by IEEE 802.1H.
        ([0, 0, 0 | 0xf8], _) => Ok((Payload::Type(protocol), rest)),
        // Bridged Ethernet, with its check sequence or without.
        ([0, 0x80, 0xc2], 1 | 7) => Ok((Payload::Ethernet, rest.get(padding..).ok_or(Why::Truncated)?)),
        (organisation, _) if leaf::is_snap(organisation, protocol) => Ok((Payload::Leaf, rest)),
        _ => Err(Why::Unsupported),
    }
}

/// Returns the Ethernet type of IP by its number in ISO/IEC TR 9577.
pub(super) fn network(number: u8) -> Option<u16> {
    match number {
        0xcc => Some(IPV4),
        0x8e => Some(IPV6),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ip_is_found_by_snap_and_by_the_older_numbers() {
        for (bytes, payload) in [
            (&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45][..], Payload::Type(IPV4)),
            (&[0xaa, 0xaa, 3, 0, 0, 0xf8, 0x86, 0xdd, 0x60], Payload::Type(IPV6)),
            (&[6, 6, 3, 0x45], Payload::Type(IPV4)),
            (&[0xfe, 0xfe, 3, 0xcc, 0x45], Payload::Type(IPV4)),
            (&[0xfe, 0xfe, 3, 0x83], Payload::Leaf),
            (&[0x42, 0x42, 3, 0], Payload::Leaf),
            (&[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, 1], Payload::Leaf),
        ] {
            assert_eq!(split(bytes, 0), Ok((payload, &bytes[bytes.len() - 1..])), "{bytes:02x?}");
        }
    }

    #[test]
    fn a_bridged_frame_begins_behind_its_padding() {
        let bytes = [0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7, 1, 2, 3];
        assert_eq!(split(&bytes, 0), Ok((Payload::Ethernet, &bytes[8..])));
        assert_eq!(split(&bytes, 2), Ok((Payload::Ethernet, &bytes[10..])));
        assert_eq!(split(&bytes[..9], 2), Err(Why::Truncated));
    }

    #[test]
    fn what_is_not_known_is_not_decoded() {
        assert_eq!(split(&[0x12, 0x12, 3, 1], 0), Err(Why::Unsupported));
        assert_eq!(split(&[0xfe, 0xfe, 3, 0x10], 0), Err(Why::Unsupported));
        assert_eq!(split(&[0xaa, 0xaa, 3, 1, 2, 3, 8, 0], 0), Err(Why::Unsupported));
    }

    #[test]
    fn a_header_that_ends_early_is_cut() {
        for len in 0..8 {
            assert_eq!(split(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..len], 0), Err(Why::Truncated), "{len}");
        }
    }
}

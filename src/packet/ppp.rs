//! PPP (RFC 1661), with or without the address and control bytes of RFC 1662 and with a compressed protocol field.
//!
//! ```text
//! [address ff, control 03] | protocol (1 or 2) | …
//! ```
//!
//! Source: RFC 1661 section 2, and IANA's registry of PPP protocols.

use super::Why;
use super::ethernet::{IPV4, IPV6, MPLS, MPLS_UPSTREAM};

/// The payload of a PPP frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// The protocol of this Ethernet type.
    Type(u16),
    /// A protocol that is known and carries no packets of others: control and authentication, and some old networks.
    Leaf,
}

/// Splits a frame into its payload's kind and the rest.
///
/// Compressed and encrypted payloads are [`Why::Unsupported`], as are multilink's pieces.
pub(super) fn split(bytes: &[u8]) -> Result<(Payload, &[u8]), Why> {
    let bytes = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
    // RFC 1661 section 2: the low bit of the last byte of a protocol number is 1, that of the first of two is 0.
    let (protocol, rest) = match bytes {
        // Only the address byte was captured, without the control byte.
        [0xff] => return Err(Why::Truncated),
        [low, rest @ ..] if low & 1 == 1 => (u16::from(*low), rest),
        [high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
        _ => return Err(Why::Truncated),
    };
    Ok((payload(protocol)?, rest))
}

fn payload(protocol: u16) -> Result<Payload, Why> {
    match protocol {
        0x0021 => Ok(Payload::Type(IPV4)),
        0x0057 => Ok(Payload::Type(IPV6)),
        // OSI, XNS, DECnet, AppleTalk, IPX, VINES, NetBIOS, Cisco's discovery. From 0x8000 on, network control protocols
        // (IPCP), and from 0xc000 on, those of the link (LCP, PAP, CHAP).
        0x0023 | 0x0025 | 0x0027 | 0x0029 | 0x002b | 0x0035 | 0x003f | 0x0207 | 0x8000.. => Ok(Payload::Leaf),
        0x0281 => Ok(Payload::Type(MPLS)),
        0x0283 => Ok(Payload::Type(MPLS_UPSTREAM)),
        // 0x002d and 0x002f (Van Jacobson's header compression), 0x003d (multilink), 0x0053 and 0x0055 (encrypted), 0x00fb
        // and 0x00fd (compressed, and Microsoft's encryption), and all that is not known.
        _ => Err(Why::Unsupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocol_has_one_or_two_bytes_behind_the_framing_or_without_it() {
        for (bytes, payload) in [
            (&[0xff, 3, 0, 0x21, 0x45][..], Payload::Type(IPV4)),
            (&[0xff, 3, 0x21, 0x45], Payload::Type(IPV4)),
            (&[0, 0x57, 0x60], Payload::Type(IPV6)),
            (&[0x57, 0x60], Payload::Type(IPV6)),
            (&[2, 0x81, 0], Payload::Type(MPLS)),
            (&[2, 0x83, 0], Payload::Type(MPLS_UPSTREAM)),
            (&[0xc0, 0x21, 1], Payload::Leaf),
            (&[0xff, 3, 0x80, 0x21, 1], Payload::Leaf),
            (&[0x2b, 1], Payload::Leaf),
        ] {
            assert_eq!(split(bytes).unwrap(), (payload, &bytes[bytes.len() - 1..]), "{bytes:02x?}");
        }
    }

    #[test]
    fn what_is_compressed_encrypted_or_in_pieces_is_not_decoded() {
        for protocol in [0x2d, 0x2f, 0x3d, 0x53, 0x55, 0xfb, 0xfd] {
            assert_eq!(split(&[0xff, 3, 0, protocol, 1]), Err(Why::Unsupported), "{protocol:#x}");
        }
    }

    #[test]
    fn a_frame_without_its_whole_protocol_is_cut() {
        for bytes in [&[][..], &[0xff], &[0xff, 3], &[0xff, 3, 0], &[0]] {
            assert_eq!(split(bytes), Err(Why::Truncated), "{bytes:02x?}");
        }
    }
}

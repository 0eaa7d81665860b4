//! GTP-U, the tunnels of mobile networks (3GPP TS 29.281 section 5), version 1 in UDP to port 2152.
//!
//! ```text
//! version (3 bits): 1 | 1 | 0 | E S N | type (1): 255 | length (2) | TEID (4) |
//! [sequence (2) | N-PDU number (1) | next extension (1)], when E, S or N is set |
//! extensions: length (1, in 4 bytes) | … | next extension (1)
//! ```
//!
//! The length counts what follows the first eight bytes. Only the type 255 (G-PDU) carries a packet. The other types are
//! messages of the two ends to one another. No field names the kind of packet: it is that of the session.

use super::Why;

/// The header of a message that carries a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The tunnel endpoint identifier, which the receiver chose.
    pub(super) teid: u32,
    /// The length of the packet inside.
    pub(super) payload_len: usize,
}

const G_PDU: u8 = 255;
/// The version, and the bit that tells GTP from GTP' (charging).
const VERSION: u8 = 0xf0;
/// The flags E, S and N, any of which makes four more bytes follow.
const LONG: u8 = 0x07;
const EXTENDED: u8 = 0x04;

/// Splits a datagram of this length into its header and the packet. Returns `None` if it is no G-PDU.
pub(super) fn split(datagram: &[u8], declared: usize) -> Option<Result<(Header, &[u8]), Why>> {
    let (&[flags, G_PDU, l0, l1, t0, t1, t2, t3], rest) = datagram.split_first_chunk::<8>()? else {
        return None;
    };
    let len = usize::from(u16::from_be_bytes([l0, l1]));
    if flags & VERSION != 0x30 || len + 8 > declared {
        return None;
    }
    let teid = u32::from_be_bytes([t0, t1, t2, t3]);
    let payload = optional(flags, rest, len);
    Some(payload.map(|(rest, payload_len)| (Header { teid, payload_len }, rest)))
}

/// Skips the optional fields. Returns the rest, and its length by the header.
fn optional(flags: u8, rest: &[u8], len: usize) -> Result<(&[u8], usize), Why> {
    if flags & LONG == 0 {
        return Ok((rest, len));
    }
    let mut len = len.checked_sub(4).ok_or(Why::Malformed)?;
    let (&[_, _, _, mut next], mut rest) = rest.split_first_chunk::<4>().ok_or(Why::Truncated)?;
    // Without E, the field for the next extension means nothing.
    while flags & EXTENDED != 0 && next != 0 {
        let extension = usize::from(*rest.first().ok_or(Why::Truncated)?) * 4;
        len = len.checked_sub(extension).filter(|_| extension > 0).ok_or(Why::Malformed)?;
        let (skipped, after) = rest.split_at_checked(extension).ok_or(Why::Truncated)?;
        next = skipped.last().copied().unwrap_or(0);
        rest = after;
    }
    Ok((rest, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(flags: u8, kind: u8, body: &[u8]) -> Vec<u8> {
        [&[flags, kind, 0, body.len() as u8, 0, 0, 0xab, 0xcd], body].concat()
    }

    fn read(bytes: &[u8]) -> Option<Result<(Header, &[u8]), Why>> {
        split(bytes, bytes.len())
    }

    #[test]
    fn optional_fields_and_extensions_are_skipped() {
        let found = Header { teid: 0xabcd, payload_len: 2 };
        for (flags, body) in [
            (0x30, &[0x45, 9][..]),
            // Each of the flags brings all four bytes, and a next extension counts with E only.
            (0x32, &[0, 1, 0, 0x85, 0x45, 9]),
            (0x31, &[0, 0, 7, 0, 0x45, 9]),
            (0x34, &[0, 0, 0, 0x85, 1, 0, 9, 0, 0x45, 9]),
            (0x36, &[0, 1, 0, 0x85, 1, 0, 9, 0xc0, 2, 0, 0, 0, 0, 0, 0, 0, 0x45, 9]),
        ] {
            assert_eq!(read(&message(flags, 255, body)), Some(Ok((found, &[0x45, 9][..]))), "{flags:x}");
        }
    }

    #[test]
    fn other_messages_and_other_datagrams_are_no_tunnels() {
        assert_eq!(read(&message(0x32, 1, &[0, 1, 0, 0])), None, "an echo request");
        assert_eq!(read(&message(0x30, 254, &[])), None, "an end marker");
        for flags in [0x10, 0x20, 0x50, 0x48] {
            assert_eq!(read(&message(flags, 255, &[0x45])), None, "{flags:x}");
        }
        let long = message(0x30, 255, &[0x45, 0]);
        assert_eq!(split(&long[..9], 9), None, "a length beyond the datagram");
        assert_eq!(read(b"text on the port"), None);
    }

    #[test]
    fn extensions_end() {
        assert_eq!(read(&message(0x34, 255, &[0, 0, 0, 0x85, 0, 0, 0, 0])), Some(Err(Why::Malformed)));
        assert_eq!(read(&message(0x34, 255, &[0, 0, 0, 0x85, 9, 0, 0, 0])), Some(Err(Why::Malformed)));
        let whole = message(0x34, 255, &[0, 0, 0, 0x85, 1, 0, 9, 0, 0x45]);
        for len in 8..16 {
            assert_eq!(split(&whole[..len], whole.len()), Some(Err(Why::Truncated)), "{len}");
        }
        assert_eq!(split(&whole[..7], whole.len()), None);
    }
}

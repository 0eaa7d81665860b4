//! Cisco's HDLC framing (RFC 1547, section 4.3.1).
//!
//! ```text
//! address 0f or 8f (1) | control 00 (1) | Ethernet type (2) | …
//! ```

use super::Why;
use super::llc::Payload;

/// Returns true for the first bytes of such frames: to one station, or to all.
pub(super) fn is_address(byte: u8) -> bool {
    matches!(byte, 0x0f | 0x8f)
}

pub(super) fn split(bytes: &[u8]) -> Result<(Payload, &[u8]), Why> {
    let (&[_, _, high, low], rest) = bytes.split_first_chunk::<4>().ok_or(Why::Truncated)?;
    let payload = match u16::from_be_bytes([high, low]) {
        // Cisco's discovery, keep-alives (SLARP, with the number of RARP), and ISO's protocols.
        0x2000 | 0x8035 | 0xfefe => Payload::Leaf,
        ether_type => Payload::Type(ether_type),
    };
    Ok((payload, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_that_of_ethernet_or_one_of_the_framings_own() {
        assert_eq!(split(&[0x0f, 0, 8, 0, 0x45]), Ok((Payload::Type(0x0800), &[0x45][..])));
        assert_eq!(split(&[0x8f, 0, 0x80, 0x35, 0]), Ok((Payload::Leaf, &[0][..])));
        assert_eq!(split(&[0x0f, 0, 8]), Err(Why::Truncated));
    }
}

//! IP over ATM: frames of RFC 2684, of Linux' classical IP, and with the header of Sun's cards.
//!
//! ```text
//! RFC 2684: LLC …, or 03 | network protocol number (1) | …
//! Linux:    LLC/SNAP …, or IP …
//! Sun:      out (1 bit), kind (1) | VPI (1) | VCI (2) | LLC …, or LAN emulation: LECID (2) | Ethernet …
//! ```
//!
//! Sources: RFC 2684, RFC 2225, tcpdump.org `LINKTYPE_ATM_RFC1483`, `LINKTYPE_ATM_CLIP`, `LINKTYPE_SUNATM`.

use super::llc::{self, Payload};
use super::{Direction, Why};

/// The padding in front of a bridged Ethernet frame.
const PADDING: usize = 2;

pub(super) fn split(bytes: &[u8]) -> Result<(Payload, &[u8]), Why> {
    match bytes {
        [3, number, rest @ ..] => match llc::network(*number) {
            Some(ether_type) => Ok((Payload::Type(ether_type), rest)),
            None => Ok((Payload::Leaf, rest)),
        },
        _ => llc::split(bytes, PADDING),
    }
}

/// Splits a frame of Linux. `None` is IP without a header in front of it.
pub(super) fn split_linux(bytes: &[u8]) -> Result<(Option<Payload>, &[u8]), Why> {
    // No version of IP begins with the number of LLC/SNAP.
    if bytes.first() == Some(&0xaa) {
        let (payload, rest) = llc::split(bytes, PADDING)?;
        return Ok((Some(payload), rest));
    }
    Ok((None, bytes))
}

pub(super) fn split_sun(bytes: &[u8]) -> Result<(Direction, Payload, &[u8]), Why> {
    let (&[kind, vpi, c0, c1], rest) = bytes.split_first_chunk::<4>().ok_or(Why::Truncated)?;
    let direction = if kind & 0x80 != 0 { Direction::Out } else { Direction::In };
    let (payload, rest) = match (kind & 0x0f, vpi, u16::from_be_bytes([c0, c1])) {
        // Channels below 32 are for signalling, operation and maintenance.
        (_, 0, 0..32) | (5 | 6, ..) => (Payload::Leaf, rest),
        (1, ..) => (Payload::Ethernet, rest.get(2..).ok_or(Why::Truncated)?),
        (2, ..) => split(rest)?,
        _ => return Err(Why::Unsupported),
    };
    Ok((direction, payload, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAP: [u8; 9] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45];

    #[test]
    fn ip_comes_behind_llc_or_a_number() {
        let v4 = Payload::Type(0x0800);
        assert_eq!(split(&SNAP), Ok((v4, &[0x45][..])));
        assert_eq!(split(&[3, 0xcc, 0x45]), Ok((v4, &[0x45][..])));
        assert_eq!(split_linux(&SNAP), Ok((Some(v4), &[0x45][..])));
        assert_eq!(split_linux(&[0x45, 0]), Ok((None, &[0x45, 0][..])));
    }

    #[test]
    fn the_header_of_sun_tells_direction_and_kind() {
        let llc = [&[0x82, 0, 0, 100][..], &SNAP].concat();
        assert_eq!(split_sun(&llc), Ok((Direction::Out, Payload::Type(0x0800), &[0x45][..])));
        let lane = [1, 0, 0, 100, 0, 1, 0xff];
        assert_eq!(split_sun(&lane), Ok((Direction::In, Payload::Ethernet, &[0xff][..])));
        assert_eq!(split_sun(&[6, 0, 0, 5, 9]), Ok((Direction::In, Payload::Leaf, &[9][..])));
        assert_eq!(split_sun(&[4, 0, 0, 100, 9]), Err(Why::Unsupported));
        assert_eq!(split_sun(&[0x82, 0, 0]), Err(Why::Truncated));
    }
}

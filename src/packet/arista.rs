//! Arista's time stamps, which its switches put between an Ethernet header and what it named: behind Ethernet type 0xd28b.
//!
//! ```text
//! 0001: time stamp (2) | version (2) | seconds and nanoseconds (8, or 6) | type (2) | …
//! ```
//!
//! The versions 0x0010 (TAI) and 0x0110 (UTC) have 8 bytes of time, 0x0020 and 0x0120 have 6. Source: tcpdump's
//! `print-arista.c`.

use super::Why;

/// Returns the Ethernet type of the payload, and the rest.
pub(super) fn split(bytes: &[u8]) -> Result<(u16, &[u8]), Why> {
    let (&[0, 1, _, version], rest) = bytes.split_first_chunk::<4>().ok_or(Why::Truncated)? else {
        return Err(Why::Unsupported);
    };
    let time = match version {
        0x10 => 8,
        0x20 => 6,
        _ => return Err(Why::Unsupported),
    };
    let (&[high, low], rest) =
        rest.get(time..).and_then(|rest| rest.split_first_chunk::<2>()).ok_or(Why::Truncated)?;
    Ok((u16::from_be_bytes([high, low]), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_stands_behind_a_time_of_eight_or_six_bytes() {
        let long = [0, 1, 0, 0x10, 1, 2, 3, 4, 5, 6, 7, 8, 8, 0, 0x45];
        let short = [0, 1, 1, 0x20, 1, 2, 3, 4, 5, 6, 0x88, 0x47, 0];
        assert_eq!(split(&long), Ok((0x0800, &[0x45][..])));
        assert_eq!(split(&short), Ok((0x8847, &[0][..])));
        for len in 0..14 {
            assert_eq!(split(&long[..len]), Err(Why::Truncated), "{len}");
        }
        assert_eq!(split(&[0, 2, 0, 0x10, 8, 0]), Err(Why::Unsupported), "another kind");
        assert_eq!(split(&[0, 1, 0, 0x11, 8, 0]), Err(Why::Unsupported), "another version");
    }
}

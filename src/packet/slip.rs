//! SLIP (RFC 1055), as BSD systems capture it.
//!
//! ```text
//! direction: 0 in, 1 out (1) | the header as it was on the line, perhaps compressed (15) | IP …
//! ```
//!
//! The IP packet is whole again: headers that RFC 1144 compressed are there in full. Source: tcpdump.org `LINKTYPE_SLIP`.

use super::{Direction, Why};

pub(super) fn split(bytes: &[u8]) -> Result<(Option<Direction>, &[u8]), Why> {
    let (&[direction, ..], rest) = bytes.split_first_chunk::<16>().ok_or(Why::Truncated)?;
    let direction = match direction {
        0 => Some(Direction::In),
        1 => Some(Direction::Out),
        _ => None,
    };
    Ok((direction, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ip_begins_behind_sixteen_bytes() {
        let bytes = [&[1][..], &[0; 15], &[0x45]].concat();
        assert_eq!(split(&bytes), Ok((Some(Direction::Out), &[0x45][..])));
        assert_eq!(split(&bytes[..15]), Err(Why::Truncated));
    }
}

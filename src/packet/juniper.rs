//! Juniper's header in front of a frame.
//!
//! ```text
//! 4d 47 43 (3) | flags (1) | [length of extensions (2) | extensions …] | frame …
//! ```
//!
//! The flags: 1 in, 2 no link layer, 0x80 extensions. Without a link layer, IP follows behind four more bytes.
//! Source: tcpdump's `print-juniper.c`.

use super::{Direction, Why};

/// A header of Juniper's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) direction: Direction,
    /// False if IP follows, and true for the frame of the link type.
    pub(super) framed: bool,
}

pub(super) fn split(bytes: &[u8]) -> Result<(Header, &[u8]), Why> {
    let (&[m0, m1, m2, flags], mut rest) = bytes.split_first_chunk::<4>().ok_or(Why::Truncated)?;
    if [m0, m1, m2] != *b"MGC" {
        return Err(Why::Malformed);
    }
    if flags & 0x80 != 0 {
        let (&len, extensions) = rest.split_first_chunk::<2>().ok_or(Why::Truncated)?;
        rest = extensions.get(usize::from(u16::from_be_bytes(len))..).ok_or(Why::Truncated)?;
    }
    let framed = flags & 2 == 0;
    if !framed {
        rest = rest.get(4..).ok_or(Why::Truncated)?;
    }
    let direction = if flags & 1 != 0 { Direction::In } else { Direction::Out };
    Ok((Header { direction, framed }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_begins_behind_the_extensions() {
        let framed = Header { direction: Direction::In, framed: true };
        assert_eq!(split(b"MGC\x01\xff"), Ok((framed, &[0xff][..])));
        assert_eq!(split(b"MGC\x81\x00\x02ab\xff"), Ok((framed, &[0xff][..])));
        let bare = Header { direction: Direction::Out, framed: false };
        assert_eq!(split(b"MGC\x02abcd\x45"), Ok((bare, &[0x45][..])));
        assert_eq!(split(b"MGC\x81\x00\x02a"), Err(Why::Truncated));
        assert_eq!(split(b"MGD\x01"), Err(Why::Malformed));
    }
}

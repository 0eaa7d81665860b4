//! ERSPAN: a switch's copies of frames, in GRE (draft-foschiano-erspan).
//!
//! ```text
//! type I,   GRE protocol 0x88be without a sequence number: nothing before the frame
//! type II,  0x88be with one: version 1 (4 bits), VLAN (12) | COS (3), En (2), T, session (10) | reserved (12), index (20)
//! type III, 0x22eb:          version 2 (4 bits), VLAN (12) | COS (3), BSO (2), T, session (10) | timestamp (4) |
//!                            security group (2) | P, frame type (5), hardware (6), D, granularity (2), O | [O: subheader (8)]
//! ```
//!
//! T says that the switch cut the frame off. A payload of which less is there than its own headers say counts as cut here.

use super::Why;

/// The GRE protocol of types I and II.
pub(super) const TYPE_2: u16 = 0x88be;
/// The GRE protocol of type III.
pub(super) const TYPE_3: u16 = 0x22eb;

/// The mirrored frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    Ethernet,
    Ip,
    Other,
}

/// An ERSPAN header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The mirroring session, 10 bits. Type I has none.
    pub(super) session: Option<u16>,
    pub(super) payload: Payload,
}

/// Splits what follows a GRE header of this protocol, with or without a sequence number.
pub(super) fn split(protocol: u16, sequenced: bool, bytes: &[u8]) -> Result<(Header, &[u8]), Why> {
    match (protocol, sequenced) {
        (TYPE_3, _) => type_3(bytes),
        (_, true) => type_2(bytes),
        (_, false) => Ok((Header { session: None, payload: Payload::Ethernet }, bytes)),
    }
}

fn type_2(bytes: &[u8]) -> Result<(Header, &[u8]), Why> {
    let (&[version, _, s0, s1, ..], rest) = bytes.split_first_chunk::<8>().ok_or(Why::Truncated)?;
    if version >> 4 != 1 {
        return Err(Why::Unsupported);
    }
    Ok((Header { session: Some(session(s0, s1)), payload: Payload::Ethernet }, rest))
}

fn type_3(bytes: &[u8]) -> Result<(Header, &[u8]), Why> {
    let (&[version, _, s0, s1, .., kind, options], rest) =
        bytes.split_first_chunk::<12>().ok_or(Why::Truncated)?;
    if version >> 4 != 2 {
        return Err(Why::Unsupported);
    }
    let rest = if options & 1 == 1 { rest.get(8..).ok_or(Why::Truncated)? } else { rest };
    let payload = match kind >> 2 & 0x1f {
        0 => Payload::Ethernet,
        2 => Payload::Ip,
        _ => Payload::Other,
    };
    Ok((Header { session: Some(session(s0, s1)), payload }, rest))
}

fn session(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low]) & 0x03ff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_1_is_the_frame_itself_and_the_others_have_a_session() {
        let type_2 = [0x10, 5, 0xfb, 0xff, 0, 0, 0, 1, 9];
        let type_3 =
            |kind, options| [&[0x20, 5, 0xfb, 0xff, 0, 0, 0, 1, 0, 0, kind, options][..], &[9; 9]].concat();
        let header = |session, payload| Header { session, payload };
        assert_eq!(split(TYPE_2, false, &type_2), Ok((header(None, Payload::Ethernet), &type_2[..])));
        assert_eq!(split(TYPE_2, true, &type_2), Ok((header(Some(0x3ff), Payload::Ethernet), &[9][..])));
        for (kind, payload) in [(0x80, Payload::Ethernet), (0x08, Payload::Ip), (0x1c, Payload::Other)] {
            let header = header(Some(0x3ff), payload);
            assert_eq!(split(TYPE_3, true, &type_3(kind, 0)), Ok((header, &[9; 9][..])));
            assert_eq!(split(TYPE_3, false, &type_3(kind, 1)), Ok((header, &[9][..])));
        }
    }

    #[test]
    fn another_version_is_not_decoded_and_a_cut_header_is_cut() {
        assert_eq!(split(TYPE_2, true, &[0x20; 8]), Err(Why::Unsupported));
        assert_eq!(split(TYPE_3, true, &[0x10; 12]), Err(Why::Unsupported));
        for len in 0..20 {
            let header = [0x20, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
            assert_eq!(split(TYPE_3, true, &header[..len]), Err(Why::Truncated), "{len}");
        }
    }
}

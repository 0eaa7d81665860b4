//! IEEE 802.11, the frames of wireless networks.
//!
//! ```text
//! version, type, subtype (1) | flags (1) | duration (2) | address 1 (6) | address 2 (6) | address 3 (6) | sequence (2)
//! | [address 4 (6)] | [QoS (2)] | [HT control (4)] | [padding] | [mesh control (6, 12 or 18)] | LLC …
//! aggregated: destination (6) | source (6) | length (2) | LLC … | padding to 4 bytes | the next one …
//! ```
//!
//! Numbers are little-endian, but for the length in an aggregate. Address 4 is there if a frame goes from one station of
//! a distribution system to another. The flag "protected" says that the payload is encrypted (WEP, TKIP, CCMP, GCMP).
//! Source: IEEE 802.11, 9.2 and 9.3.

use super::{MacAddress, Macs, Why};

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The two ends, where the frame names both.
    pub(super) macs: Option<Macs>,
    pub(super) body: Body,
}

/// The kinds of what follows a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// LLC.
    Data,
    /// LLC of a frame whose other pieces are elsewhere.
    FirstPiece,
    /// Subframes, each with an Ethernet header whose length is that of its LLC.
    Aggregate,
    /// A later piece of a frame, without LLC.
    Piece,
    /// A frame of management or control, or no payload at all.
    Leaf,
    /// Ciphertext.
    Sealed,
}

const TO_SYSTEM: u8 = 1;
const FROM_SYSTEM: u8 = 2;
const MORE_PIECES: u8 = 4;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;

/// Splits a frame, whose header is padded to a multiple of four bytes if `padded` is true.
pub(super) fn split(bytes: &[u8], padded: bool) -> Result<(Header, &[u8]), Why> {
    let (&[control, flags], _) = bytes.split_first_chunk::<2>().ok_or(Why::Truncated)?;
    match (control & 3, control >> 2 & 3) {
        (0, 0) => management(bytes, flags),
        (0, 1) => Ok(short(bytes, control)?),
        (0, 2) => data(bytes, control, flags, padded),
        _ => Err(Why::Unsupported),
    }
}

fn address(bytes: &[u8], at: usize) -> Option<MacAddress> {
    bytes.get(at..)?.first_chunk().map(|&address| MacAddress(address))
}

fn management(bytes: &[u8], flags: u8) -> Result<(Header, &[u8]), Why> {
    let len = if flags & ORDER != 0 { 28 } else { 24 };
    let rest = bytes.get(len..).ok_or(Why::Truncated)?;
    let macs =
        address(bytes, 10).zip(address(bytes, 4)).map(|(source, destination)| Macs { source, destination });
    Ok((Header { macs, body: if flags & PROTECTED != 0 { Body::Sealed } else { Body::Leaf } }, rest))
}

/// Splits a frame of control. Those that end and answer (CTS, ACK, and the wrapper) have no sender.
fn short(bytes: &[u8], control: u8) -> Result<(Header, &[u8]), Why> {
    let lone = matches!(control >> 4, 7 | 12 | 13);
    let rest = bytes.get(if lone { 10 } else { 16 }..).ok_or(Why::Truncated)?;
    let source = if lone { None } else { address(bytes, 10) };
    let macs = source.zip(address(bytes, 4)).map(|(source, destination)| Macs { source, destination });
    Ok((Header { macs, body: Body::Leaf }, rest))
}

fn data(bytes: &[u8], control: u8, flags: u8, padded: bool) -> Result<(Header, &[u8]), Why> {
    let (to, from) = (flags & TO_SYSTEM != 0, flags & FROM_SYSTEM != 0);
    let sequence = *bytes.get(22..24).and_then(<[u8]>::first).ok_or(Why::Truncated)?;
    let (destination, source, mut len) = match (to, from) {
        (false, false) => (4, 10, 24),
        (false, true) => (4, 16, 24),
        (true, false) => (16, 10, 24),
        (true, true) => (16, 24, 30),
    };
    let mut qos = [0; 2];
    if control & 0x80 != 0 {
        qos = *bytes.get(len..).and_then(<[u8]>::first_chunk).ok_or(Why::Truncated)?;
        len += if flags & ORDER != 0 { 6 } else { 2 };
    }
    if padded {
        len = len.next_multiple_of(4);
    }
    let mut rest = bytes.get(len..).ok_or(Why::Truncated)?;
    let body = if control & 0x40 != 0 {
        Body::Leaf
    } else if flags & PROTECTED != 0 {
        Body::Sealed
    } else if sequence & 0x0f != 0 {
        Body::Piece
    } else if qos[0] & 0x80 != 0 {
        Body::Aggregate
    } else {
        if from && qos[1] & 1 != 0 {
            rest = behind_mesh_control(rest);
        }
        if flags & MORE_PIECES != 0 { Body::FirstPiece } else { Body::Data }
    };
    // The frames in an aggregate have addresses of their own.
    let macs =
        if body == Body::Aggregate { None } else { address(bytes, source).zip(address(bytes, destination)) };
    let macs = macs.map(|(source, destination)| Macs { source, destination });
    Ok((Header { macs, body }, rest))
}

/// Skips mesh control. Outside of meshes, the bit that announces it means something else, so LLC has to follow it.
fn behind_mesh_control(bytes: &[u8]) -> &[u8] {
    let addresses = bytes.first().map_or(0, |flags| usize::from(flags & 3));
    match bytes.get(6 + 6 * addresses..) {
        Some(rest) if is_llc(rest) && !is_llc(bytes) => rest,
        _ => bytes,
    }
}

fn is_llc(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xaa, 0xaa, 3])
}

/// Finds LLC/SNAP in a protected payload that is not encrypted. Some cards decrypt frames, and leave the flag and the
/// eight bytes of CCMP's or TKIP's header in front of the payload, or the flag only.
pub(super) fn decrypted_by_card(bytes: &[u8]) -> Option<&[u8]> {
    const SNAP: [u8; 6] = [0xaa, 0xaa, 3, 0, 0, 0];
    [0, 8].into_iter().filter_map(|at| bytes.get(at..)).find(|rest| rest.starts_with(&SNAP))
}

/// Splits the first subframe of an aggregate into its ends, the length of its LLC, and the rest. The length in the
/// aggregate up to the next subframe is the second number.
pub(super) fn first_subframe(bytes: &[u8]) -> Result<(Macs, usize, usize, &[u8]), Why> {
    let (&[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, l0, l1], rest) =
        bytes.split_first_chunk::<14>().ok_or(Why::Truncated)?;
    let source = MacAddress([s0, s1, s2, s3, s4, s5]);
    let macs = Macs { source, destination: MacAddress([d0, d1, d2, d3, d4, d5]) };
    let len = usize::from(u16::from_be_bytes([l0, l1]));
    Ok((macs, len, (14 + len).next_multiple_of(4) - 14, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

    fn mac(last: u8) -> MacAddress {
        MacAddress([2, 0, 0, 0, 0, last])
    }

    /// Makes a header of 24 bytes whose addresses end with 1, 2 and 3.
    fn header(control: u8, flags: u8, sequence: u8) -> Vec<u8> {
        let addresses = [1, 2, 3].map(|last| mac(last).0).concat();
        [&[control, flags, 0, 0][..], &addresses, &[sequence, 0]].concat()
    }

    #[test]
    fn the_ends_are_where_the_flags_say() {
        for (flags, source, destination) in [(0, 2, 1), (FROM_SYSTEM, 3, 1), (TO_SYSTEM, 2, 3)] {
            let bytes = [&header(0x08, flags, 0)[..], &SNAP].concat();
            let (header, rest) = split(&bytes, false).unwrap();
            let macs = Macs { source: mac(source), destination: mac(destination) };
            assert_eq!((header, rest), (Header { macs: Some(macs), body: Body::Data }, &SNAP[..]), "{flags}");
        }
        let four = [&header(0x08, TO_SYSTEM | FROM_SYSTEM, 0)[..], &mac(4).0, &SNAP].concat();
        let macs = Macs { source: mac(4), destination: mac(3) };
        assert_eq!(split(&four, false), Ok((Header { macs: Some(macs), body: Body::Data }, &SNAP[..])));
    }

    #[test]
    fn qos_ht_control_padding_and_mesh_control_are_skipped() {
        let from = FROM_SYSTEM;
        for (flags, between, padded) in [
            (from, &[0, 0][..], false),
            (from | ORDER, &[0, 0, 1, 2, 3, 4], false),
            (from, &[0, 0, 0xff, 0xff], true),
            (from, &[0, 1, 0, 31, 0, 0, 0, 0], false),
            (from, &[0, 1, 1, 31, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9], false),
            // The same bit of an access point that is in no mesh.
            (from, &[0, 1], false),
        ] {
            let bytes = [&header(0x88, flags, 0)[..], between, &SNAP].concat();
            let (header, rest) = split(&bytes, padded).unwrap();
            assert_eq!((header.body, rest), (Body::Data, &SNAP[..]), "{between:?}");
        }
    }

    #[test]
    fn the_body_is_what_flags_and_subtype_say() {
        for (control, flags, sequence, body) in [
            (0x08, PROTECTED, 0, Body::Sealed),
            (0x08, PROTECTED, 1, Body::Sealed),
            (0x08, MORE_PIECES, 0, Body::FirstPiece),
            (0x08, 0, 1, Body::Piece),
            (0x48, PROTECTED, 0, Body::Leaf),
            (0x48, 0, 0, Body::Leaf),
            (0x80, 0, 0, Body::Leaf),
            (0xd0, PROTECTED, 0, Body::Sealed),
            (0xb4, 0, 0, Body::Leaf),
        ] {
            assert_eq!(split(&header(control, flags, sequence), false).unwrap().0.body, body, "{control:#x}");
        }
        let aggregate = [&header(0x88, 0, 0)[..], &[0x80, 0]].concat();
        assert_eq!(split(&aggregate, false).unwrap().0.body, Body::Aggregate);
        assert_eq!(split(&header(0x0c, 0, 0), false), Err(Why::Unsupported), "an extension");
        assert_eq!(split(&header(0x09, 0, 0), false), Err(Why::Unsupported), "another version");
    }

    #[test]
    fn an_acknowledgement_has_ten_bytes() {
        let ack = &header(0xd4, 0, 0)[..10];
        assert_eq!(split(ack, false).unwrap().0, Header { macs: None, body: Body::Leaf });
        assert_eq!(split(&ack[..9], false), Err(Why::Truncated));
    }

    #[test]
    fn a_header_that_ends_early_is_cut() {
        let bytes =
            [&header(0x88, TO_SYSTEM | FROM_SYSTEM | ORDER, 0)[..], &mac(4).0, &[0, 0, 1, 2, 3, 4]].concat();
        for len in 0..bytes.len() {
            assert_eq!(split(&bytes[..len], false), Err(Why::Truncated), "{len}");
        }
        assert!(split(&bytes, false).is_ok());
    }

    #[test]
    fn a_card_may_have_decrypted_the_frame() {
        let behind = [&[1, 0, 0, 0x20, 0, 0, 0, 0][..], &SNAP].concat();
        assert_eq!(decrypted_by_card(&behind), Some(&SNAP[..]));
        assert_eq!(decrypted_by_card(&SNAP), Some(&SNAP[..]));
        assert_eq!(decrypted_by_card(&[0xa5; 40]), None);
    }

    #[test]
    fn the_next_subframe_begins_at_a_multiple_of_four() {
        let bytes = [&mac(1).0[..], &mac(2).0, &[0, 9], &SNAP, &[1]].concat();
        let (macs, len, step, rest) = first_subframe(&bytes).unwrap();
        assert_eq!((macs.source, macs.destination), (mac(2), mac(1)));
        assert_eq!((len, step, rest.len()), (9, 10, 9));
        assert_eq!(first_subframe(&bytes[..13]), Err(Why::Truncated));
    }
}

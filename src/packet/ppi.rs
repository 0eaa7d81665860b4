//! PPI: per-packet information in front of a frame of another link type.
//!
//! ```text
//! version 0 (1) | flags (1) | length (2) | link type (4) | fields: type (2) | length (2) | value … | frame …
//! ```
//!
//! All numbers are little-endian. With bit 0 of the flags, fields are padded to 4 bytes. Field 2 is what all of 802.11 has
//! in common; bit 0 of its flags, behind eight bytes of time, says that the frame ends with its check sequence.
//! Source: tcpdump.org `LINKTYPE_PPI`.

use super::Why;

/// A header of PPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// libpcap's number for the link type of the frame.
    pub(super) dlt: u32,
    /// An 802.11 frame ends with its check sequence.
    pub(super) fcs: bool,
}

const WIRELESS_COMMON: u16 = 2;

pub(super) fn split(bytes: &[u8]) -> Result<(Header, &[u8]), Why> {
    let (&[version, flags, l0, l1, d0, d1, d2, d3], _) =
        bytes.split_first_chunk::<8>().ok_or(Why::Truncated)?;
    if version != 0 {
        return Err(Why::Unsupported);
    }
    let len = usize::from(u16::from_le_bytes([l0, l1]));
    let (header, rest) = bytes.split_at_checked(len).ok_or(Why::Truncated)?;
    let mut fields = header.get(8..).ok_or(Why::Malformed)?;
    let mut fcs = false;
    while let Some((&[t0, t1, l0, l1], value)) = fields.split_first_chunk::<4>() {
        let len = usize::from(u16::from_le_bytes([l0, l1]));
        if let (WIRELESS_COMMON, Some(&[_, _, _, _, _, _, _, _, low, _, ..])) =
            (u16::from_le_bytes([t0, t1]), value.get(..len))
        {
            fcs = low & 1 != 0;
        }
        let step = if flags & 1 != 0 { len.next_multiple_of(4) } else { len };
        fields = value.get(step..).unwrap_or(&[]);
    }
    Ok((Header { dlt: u32::from_le_bytes([d0, d1, d2, d3]), fcs }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_has_the_link_type_that_the_header_names() {
        let bytes = [0, 0, 8, 0, 1, 0, 0, 0, 0xff];
        assert_eq!(split(&bytes), Ok((Header { dlt: 1, fcs: false }, &[0xff][..])));
        assert_eq!(split(&[0, 0, 9, 0, 1, 0, 0, 0]), Err(Why::Truncated));
        assert_eq!(split(&[0, 0, 7, 0, 1, 0, 0, 0]), Err(Why::Malformed));
        assert_eq!(split(&[1, 0, 8, 0, 1, 0, 0, 0]), Err(Why::Unsupported));
    }

    #[test]
    fn a_field_says_that_a_check_sequence_follows() {
        let common = [&[2, 0, 20, 0][..], &[0; 8], &[1, 0], &[0; 10]].concat();
        let bytes = [&[0, 0, 40, 0, 105, 0, 0, 0, 5, 0, 4, 0, 1, 2, 3, 4][..], &common, &[0x88]].concat();
        assert_eq!(split(&bytes), Ok((Header { dlt: 105, fcs: true }, &[0x88][..])));
    }
}

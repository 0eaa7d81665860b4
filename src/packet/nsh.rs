//! The network service header (RFC 8300): behind Ethernet type 0x894f, in VXLAN-GPE, GRE and IP.
//!
//! ```text
//! version (2 bits), O, U, time to live (6), length (6, in 4 bytes) | U (4), metadata type (4) | next protocol (1) |
//! service path (3) | service index (1) | metadata
//! ```

use super::Why;

/// The next protocols, which VXLAN-GPE has as well (RFC 8300 section 2.2, draft-ietf-nvo3-vxlan-gpe section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    Ip,
    Ethernet,
    Nsh,
    Mpls,
    Other,
}

impl From<u8> for Payload {
    fn from(number: u8) -> Self {
        match number {
            1 | 2 => Self::Ip,
            3 => Self::Ethernet,
            4 => Self::Nsh,
            5 => Self::Mpls,
            _ => Self::Other,
        }
    }
}

/// A network service header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The service path, 24 bits.
    pub(super) path: u32,
    /// The place on it, from 255 downwards.
    pub(super) index: u8,
    pub(super) payload: Payload,
}

pub(super) fn split(bytes: &[u8]) -> Result<(Header, &[u8]), Why> {
    let (&[flags, len, _, next, p0, p1, p2, index], _) =
        bytes.split_first_chunk::<8>().ok_or(Why::Truncated)?;
    if flags >> 6 != 0 {
        return Err(Why::Unsupported);
    }
    let len = usize::from(len & 0x3f) * 4;
    if len < 8 {
        return Err(Why::Malformed);
    }
    let rest = bytes.get(len..).ok_or(Why::Truncated)?;
    Ok((Header { path: u32::from_be_bytes([0, p0, p1, p2]), index, payload: next.into() }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_counts_the_metadata_too() {
        let header = |payload| Header { path: 0x2a_002a, index: 255, payload };
        for (len, next, payload) in [
            (2, 1, Payload::Ip),
            (6, 2, Payload::Ip),
            (6, 3, Payload::Ethernet),
            (63, 4, Payload::Nsh),
            (2, 5, Payload::Mpls),
            (2, 6, Payload::Other),
        ] {
            let bytes = [&[0x0f, 0xc0 | len, 1, next, 0x2a, 0, 0x2a, 255][..], &[0; 244]].concat();
            assert_eq!(split(&bytes), Ok((header(payload), &bytes[usize::from(len) * 4..])));
        }
    }

    #[test]
    fn a_length_below_that_of_the_header_is_wrong_and_another_version_is_not_decoded() {
        assert_eq!(split(&[0, 1, 1, 1, 0, 0, 1, 255, 9]), Err(Why::Malformed));
        assert_eq!(split(&[0x40, 2, 1, 1, 0, 0, 1, 255]), Err(Why::Unsupported));
        for len in 0..24 {
            assert_eq!(
                split(&[0, 6, 1, 1, 0, 0, 1, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..len]),
                Err(Why::Truncated)
            );
        }
    }
}

//! Apple's PKTAP: which interface and process a frame belongs to, in front of it.
//!
//! ```text
//! length (4) | kind of record (4) | link type (4) | interface (24) | flags (4) | … | frame …
//! ```
//!
//! In the byte order of the capturing host, which is little-endian on all systems of today. The flags: 1 in, 2 out.
//! Source: tcpdump.org `LINKTYPE_PKTAP`.

use super::{Direction, Why};

/// A header of PKTAP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// libpcap's number for the link type of the frame.
    pub(super) dlt: u32,
    pub(super) direction: Option<Direction>,
}

/// The length of the fields that every header has.
const LEN: usize = 108;

pub(super) fn split(bytes: &[u8]) -> Result<(Header, &[u8]), Why> {
    let (&[l0, l1, l2, l3, k0, k1, k2, k3, d0, d1, d2, d3], _) =
        bytes.split_first_chunk::<12>().ok_or(Why::Truncated)?;
    let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if len < LEN {
        return Err(Why::Malformed);
    }
    // Only records of kind 1 hold a frame.
    if u32::from_le_bytes([k0, k1, k2, k3]) != 1 {
        return Err(Why::Unsupported);
    }
    let rest = bytes.get(len..).ok_or(Why::Truncated)?;
    let direction = match bytes.get(36).map(|flags| flags & 3) {
        Some(1) => Some(Direction::In),
        Some(2) => Some(Direction::Out),
        _ => None,
    };
    Ok((Header { dlt: u32::from_le_bytes([d0, d1, d2, d3]), direction }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_has_the_link_type_that_the_header_names() {
        let mut bytes = [0; 109];
        (bytes[0], bytes[4], bytes[8], bytes[36], bytes[108]) = (108, 1, 1, 2, 0xff);
        let header = Header { dlt: 1, direction: Some(Direction::Out) };
        assert_eq!(split(&bytes), Ok((header, &[0xff][..])));
        assert_eq!(split(&bytes[..107]), Err(Why::Truncated));
        bytes[4] = 2;
        assert_eq!(split(&bytes), Err(Why::Unsupported));
        bytes[0] = 107;
        assert_eq!(split(&bytes), Err(Why::Malformed));
    }
}

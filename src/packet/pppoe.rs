//! PPPoE (RFC 2516): behind the Ethernet types 0x8863 (discovery) and 0x8864 (session), and link type 51 without Ethernet.
//!
//! ```text
//! version 1, type 1 (1) | code (1) | session (2) | length (2) | PPP's protocol …
//! ```
//!
//! The length is that of what follows the six bytes. Source: RFC 2516 section 4.

use super::Why;

/// A PPPoE header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The session, if a PPP frame of it follows; none in the stages of discovery.
    pub(super) session: Option<u16>,
    /// Length of what follows, in bytes.
    pub(super) payload_len: usize,
}

pub(super) fn split(bytes: &[u8]) -> Result<(Header, &[u8]), Why> {
    let (&[version_type, code, s0, s1, l0, l1], rest) =
        bytes.split_first_chunk::<6>().ok_or(Why::Truncated)?;
    if version_type != 0x11 {
        return Err(Why::Unsupported);
    }
    let session = (code == 0).then_some(u16::from_be_bytes([s0, s1]));
    Ok((Header { session, payload_len: usize::from(u16::from_be_bytes([l0, l1])) }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_code_zero_and_discovery_another() {
        let session = [0x11, 0, 0x12, 0x34, 0, 3, 0xc0, 0x21, 9, 0, 0];
        let header = Header { session: Some(0x1234), payload_len: 3 };
        assert_eq!(split(&session), Ok((header, &session[6..])));
        let (discovery, _) = split(&[0x11, 0x09, 0, 0, 0, 4, 1, 1, 0, 0]).unwrap();
        assert_eq!(discovery, Header { session: None, payload_len: 4 });
    }

    #[test]
    fn another_version_is_not_decoded_and_a_cut_header_is_cut() {
        assert_eq!(split(&[0x21, 0, 0, 1, 0, 0]), Err(Why::Unsupported));
        for len in 0..6 {
            assert_eq!(split(&[0x11, 0, 0, 1, 0, 0][..len]), Err(Why::Truncated), "{len}");
        }
    }
}

//! Cisco's metadata tag (TrustSec's inline tagging): behind Ethernet type 0x8909, in Ethernet and in GRE.
//!
//! ```text
//! Ethernet: version 1 (1) | length 1 (1) | option: length and kind (2) | security group (2) | type (2) | …
//! GRE:      type (2) | version 1 (1) | length 1 (1) | option: length and kind (2) | security group (2) | …
//! ```
//!
//! Source: Wireshark's `packet-cisco-metadata.c`, and captures. No document of Cisco's describes it, so only this form is
//! taken.

use super::Why;

/// Returns the Ethernet type of the payload, and the rest.
pub(super) fn split(bytes: &[u8]) -> Result<(u16, &[u8]), Why> {
    let (&tag, rest) = bytes.split_first_chunk::<8>().ok_or(Why::Truncated)?;
    match tag {
        [1, 1, _, _, _, _, high, low] => Ok((u16::from_be_bytes([high, low]), rest)),
        _ => Err(Why::Unsupported),
    }
}

/// As [`split`], for the tag in GRE.
pub(super) fn split_in_gre(bytes: &[u8]) -> Result<(u16, &[u8]), Why> {
    let (&tag, rest) = bytes.split_first_chunk::<8>().ok_or(Why::Truncated)?;
    match tag {
        [high, low, 1, 1, _, _, _, _] => Ok((u16::from_be_bytes([high, low]), rest)),
        _ => Err(Why::Unsupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_the_payload_stands_behind_the_one_option_or_in_front() {
        assert_eq!(split(&[1, 1, 0, 1, 0, 7, 8, 0, 0x45]), Ok((0x0800, &[0x45][..])));
        assert_eq!(split_in_gre(&[8, 0, 1, 1, 0, 1, 0, 7, 0x45]), Ok((0x0800, &[0x45][..])));
        for split in [split, split_in_gre] {
            assert_eq!(split(&[1, 2, 1, 2, 0, 7, 8, 0, 0x45]), Err(Why::Unsupported));
            assert_eq!(split(&[1, 1, 1, 1, 0, 7, 8]), Err(Why::Truncated));
        }
    }
}

//! Provider backbone bridging (IEEE 802.1Q clause 9.7, once 802.1ah): the I-TAG after the Ethernet type 0x88e7, and a
//! customer's frame behind it.
//!
//! ```text
//! priority, DEI, UCA, reserved (1) | I-SID (3) | destination (6) | source (6) | type (2) | …
//! ```

use super::Why;

/// Splits a tag into the number of the service instance and the customer's frame.
pub(super) fn split(bytes: &[u8]) -> Result<(u32, &[u8]), Why> {
    let (&[_, i0, i1, i2], rest) = bytes.split_first_chunk::<4>().ok_or(Why::Truncated)?;
    Ok((u32::from_be_bytes([0, i0, i1, i2]), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_instance_has_24_bits_behind_the_priority() {
        assert_eq!(split(&[0xe8, 1, 2, 3, 9]), Ok((0x01_0203, &[9][..])));
        assert_eq!(split(&[0xe8, 1, 2]), Err(Why::Truncated));
    }
}

//! Provider backbone bridging (IEEE 802.1Q clause 9.7, once 802.1ah): the I-TAG after the Ethernet type 0x88e7, and a
//! customer's frame behind it.
//!
//! ```text
//! priority, DEI, UCA, reserved (1) | I-SID (3) | destination (6) | source (6) | type (2) | …
//! ```

use super::{Vni, Why};

/// Splits a tag into the number of the service instance, which has 24 bits as a VNI has, and the customer's frame.
pub(super) fn split(bytes: &[u8]) -> Result<(Vni, &[u8]), Why> {
    let (&[_, i0, i1, i2], rest) = bytes.split_first_chunk::<4>().ok_or(Why::Truncated)?;
    Ok((Vni::from_be_bytes([i0, i1, i2]), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_instance_has_24_bits_behind_the_priority() {
        assert_eq!(split(&[0xe8, 1, 2, 3, 9]), Ok((Vni::new(0x01_0203).unwrap(), &[9][..])));
        assert_eq!(split(&[0xe8, 1, 2]), Err(Why::Truncated));
    }
}

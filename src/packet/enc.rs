//! OpenBSD's `enc` devices: packets before IPsec encrypts them, or after it has decrypted them.
//!
//! ```text
//! address family (4, the capturing host's byte order) | SPI (4) | flags (4) | IP …
//! ```
//!
//! Source: tcpdump.org `LINKTYPE_ENC`.

use super::{Why, loopback};

/// Returns the Ethernet type for the address family, and the rest.
pub(super) fn split(bytes: &[u8]) -> Result<(u16, &[u8]), Why> {
    let (ether_type, rest) = loopback::split(bytes)?;
    Ok((ether_type, rest.get(8..).ok_or(Why::Truncated)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ip_begins_behind_twelve_bytes_in_either_byte_order() {
        for family in [[2, 0, 0, 0], [0, 0, 0, 2]] {
            let bytes = [&family[..], &[0, 0, 1, 2], &[0, 0, 0, 1], &[0x45]].concat();
            assert_eq!(split(&bytes), Ok((0x0800, &[0x45][..])));
            assert_eq!(split(&bytes[..11]), Err(Why::Truncated));
        }
    }
}

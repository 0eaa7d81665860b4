//! Apple's IP over IEEE 1394.
//!
//! ```text
//! destination (8) | source (8) | Ethernet type (2) | …
//! ```
//!
//! Source: tcpdump.org `LINKTYPE_APPLE_IP_OVER_IEEE1394`.

use super::Why;

/// Returns the Ethernet type and the rest.
pub(super) fn split(bytes: &[u8]) -> Result<(u16, &[u8]), Why> {
    let (&[.., high, low], rest) = bytes.split_first_chunk::<18>().ok_or(Why::Truncated)?;
    Ok((u16::from_be_bytes([high, low]), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_follows_the_addresses() {
        let bytes = [&[1; 16][..], &[0x86, 0xdd, 0x60]].concat();
        assert_eq!(split(&bytes), Ok((0x86dd, &[0x60][..])));
        assert_eq!(split(&bytes[..17]), Err(Why::Truncated));
    }
}

//! IP over InfiniBand (RFC 4391), behind the place of a global routing header.
//!
//! ```text
//! routing header, or the receiver's address (40) | Ethernet type (2) | reserved (2) | …
//! ```
//!
//! Source: tcpdump.org `LINKTYPE_IPOIB`.

use super::Why;

/// Returns the Ethernet type and the rest.
pub(super) fn split(bytes: &[u8]) -> Result<(u16, &[u8]), Why> {
    let (&[.., high, low, _, _], rest) = bytes.split_first_chunk::<44>().ok_or(Why::Truncated)?;
    Ok((u16::from_be_bytes([high, low]), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_in_the_last_four_bytes() {
        let bytes = [&[0; 40][..], &[8, 0, 0, 0, 0x45]].concat();
        assert_eq!(split(&bytes), Ok((0x0800, &[0x45][..])));
        assert_eq!(split(&bytes[..43]), Err(Why::Truncated));
    }
}

//! IPComp, RFC 3173: a compressed payload of IP, protocol 108.
//!
//! ```text
//! next header (1) | flags (1): 0 | CPI (2) | compressed payload
//! ```
//!
//! Nothing here expands it, so nobody is told what is in it. That is no encryption: everybody can expand it.

/// Returns the compression parameter index, which names the algorithm: 2 is DEFLATE. `None` if it was cut off.
pub(super) fn cpi(packet: &[u8]) -> Option<u16> {
    let &[_, _, high, low] = packet.first_chunk()?;
    Some(u16::from_be_bytes([high, low]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_in_the_last_two_bytes_of_the_header() {
        assert_eq!(cpi(&[6, 0, 0x12, 0x34, 9]), Some(0x1234));
        assert_eq!(cpi(&[6, 0, 0x12]), None);
    }
}

//! IP over Fibre Channel (RFC 2625): the network header, then LLC.
//!
//! ```text
//! kind (2) | destination (6) | kind (2) | source (6) | LLC …
//! ```

use super::{MacAddress, Macs, Why};

pub(super) fn split(bytes: &[u8]) -> Result<(Macs, &[u8]), Why> {
    let (&[_, _, d0, d1, d2, d3, d4, d5, _, _, s0, s1, s2, s3, s4, s5], rest) =
        bytes.split_first_chunk::<16>().ok_or(Why::Truncated)?;
    let source = MacAddress([s0, s1, s2, s3, s4, s5]);
    Ok((Macs { source, destination: MacAddress([d0, d1, d2, d3, d4, d5]) }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_stand_behind_their_kinds() {
        let bytes = [0x10, 0, 2, 0, 0, 0, 0, 11, 0x10, 0, 2, 0, 0, 0, 0, 10, 0xaa];
        let (macs, rest) = split(&bytes).unwrap();
        assert_eq!(macs.destination, MacAddress([2, 0, 0, 0, 0, 11]));
        assert_eq!((macs.source, rest), (MacAddress([2, 0, 0, 0, 0, 10]), &[0xaa][..]));
        assert_eq!(split(&bytes[..15]), Err(Why::Truncated));
    }
}

//! FDDI (ANSI INCITS 239).
//!
//! ```text
//! frame control (1) | destination (6) | source (6) | LLC …
//! ```
//!
//! The bits of each byte of an address are in the order of the ring, the lowest one first: they are reversed here.

use super::{MacAddress, Macs, Why};

/// Returns the addresses, the rest, and true if that is LLC.
pub(super) fn split(bytes: &[u8]) -> Result<(Macs, bool, &[u8]), Why> {
    let (&[control, d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5], rest) =
        bytes.split_first_chunk::<13>().ok_or(Why::Truncated)?;
    let canonical = |address: [u8; 6]| MacAddress(address.map(u8::reverse_bits));
    let macs = Macs {
        source: canonical([s0, s1, s2, s3, s4, s5]),
        destination: canonical([d0, d1, d2, d3, d4, d5]),
    };
    // Bits 4 and 5 are the kind of frame, of which 01 is LLC; bits 6 and 7 are the class and the length of the addresses.
    Ok((macs, control & 0x30 == 0x10, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_are_in_the_order_that_ethernet_uses() {
        let bytes = [0x50, 0x40, 0, 0, 0, 0, 0xd0, 0x40, 0, 0, 0, 0, 0x50, 0xaa];
        let (macs, llc, rest) = split(&bytes).unwrap();
        assert_eq!(macs.source, MacAddress([2, 0, 0, 0, 0, 10]));
        assert_eq!(macs.destination, MacAddress([2, 0, 0, 0, 0, 11]));
        assert_eq!((llc, rest), (true, &[0xaa][..]));
        assert!(!split(&[0x41; 13]).unwrap().1, "station management");
        assert_eq!(split(&bytes[..12]), Err(Why::Truncated));
    }
}

//! Token Ring (IEEE 802.5).
//!
//! ```text
//! access control (1) | frame control (1) | destination (6) | source (6) | [route (2 to 30)] | LLC …
//! ```
//!
//! The first bit of the source address says that there is a route. Its length in bytes is in the low five bits of its
//! first byte.

use super::{MacAddress, Macs, Why};

/// Returns the addresses, the rest, and true if that is LLC.
pub(super) fn split(bytes: &[u8]) -> Result<(Macs, bool, &[u8]), Why> {
    let (&[_, control, d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5], mut rest) =
        bytes.split_first_chunk::<14>().ok_or(Why::Truncated)?;
    if s0 & 0x80 != 0 {
        let len = usize::from(rest.first().ok_or(Why::Truncated)? & 0x1f);
        if len < 2 {
            return Err(Why::Malformed);
        }
        rest = rest.get(len..).ok_or(Why::Truncated)?;
    }
    let macs = Macs {
        source: MacAddress([s0 & 0x7f, s1, s2, s3, s4, s5]),
        destination: MacAddress([d0, d1, d2, d3, d4, d5]),
    };
    Ok((macs, control >> 6 == 1, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_skipped() {
        let header =
            |source: u8| [&[0x10, 0x40][..], &[2, 0, 0, 0, 0, 11], &[source, 0, 0, 0, 0, 10]].concat();
        let plain = [&header(2)[..], &[0xaa]].concat();
        let routed = [&header(0x82)[..], &[6, 0x30, 1, 2, 3, 4, 0xaa]].concat();
        for bytes in [&plain, &routed] {
            let (macs, llc, rest) = split(bytes).unwrap();
            assert_eq!(macs.source, MacAddress([2, 0, 0, 0, 0, 10]));
            assert_eq!((llc, rest), (true, &[0xaa][..]));
        }
        assert_eq!(split(&routed[..18]), Err(Why::Truncated));
        assert_eq!(split(&[&header(0x82)[..], &[0, 0]].concat()), Err(Why::Malformed));
    }
}

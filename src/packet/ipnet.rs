//! Solaris' observability devices (`ipnet`), which show IP packets.
//!
//! ```text
//! version (1) | address family (1) | kind: 1 out, 2 in (2) | packet's length (4) | interface (4) | group (4)
//! | source zone (4) | destination zone (4) | IP …
//! ```
//!
//! In network byte order. Source: libpcap's `pcap/ipnet.h`.

use super::ethernet::{IPV4, IPV6};
use super::{Direction, Why};

/// Returns the direction, the Ethernet type for the address family, and the rest.
pub(super) fn split(bytes: &[u8]) -> Result<(Option<Direction>, u16, &[u8]), Why> {
    let (&[_, family, k0, k1, ..], rest) = bytes.split_first_chunk::<24>().ok_or(Why::Truncated)?;
    let direction = match u16::from_be_bytes([k0, k1]) {
        1 => Some(Direction::Out),
        2 => Some(Direction::In),
        _ => None,
    };
    match family {
        2 => Ok((direction, IPV4, rest)),
        26 => Ok((direction, IPV6, rest)),
        _ => Err(Why::Unsupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_is_that_of_solaris() {
        let bytes = |family| [&[1, family, 0, 2][..], &[0; 20], &[0x60]].concat();
        assert_eq!(split(&bytes(26)), Ok((Some(Direction::In), IPV6, &[0x60][..])));
        assert_eq!(split(&bytes(2)), Ok((Some(Direction::In), IPV4, &[0x60][..])));
        assert_eq!(split(&bytes(10)), Err(Why::Unsupported));
        assert_eq!(split(&bytes(2)[..23]), Err(Why::Truncated));
    }
}

//! BSD loopback: four bytes of address family, in the byte order of the capturing host (NULL) or the network's (LOOP).

use super::Why;
use super::ethernet::{IPV4, IPV6};

/// Returns the Ethernet type for the address family, and the rest.
pub(super) fn split(bytes: &[u8]) -> Result<(u16, &[u8]), Why> {
    let (&family, rest) = bytes.split_first_chunk::<4>().ok_or(Why::Truncated)?;
    // The number fits one byte, so its position tells the byte order. AF_INET6 differs by system: 10 Linux, 24 NetBSD
    // and OpenBSD, 28 FreeBSD, 30 macOS.
    let ([0, 0, 0, family] | [family, 0, 0, 0]) = family else { return Err(Why::Unsupported) };
    Ok((ether_type(family).ok_or(Why::Unsupported)?, rest))
}

/// Returns the Ethernet type for an address family.
pub(super) fn ether_type(family: u8) -> Option<u16> {
    match family {
        2 => Some(IPV4),
        10 | 24 | 28 | 30 => Some(IPV6),
        _ => None,
    }
}

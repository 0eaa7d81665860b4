//! The log of the BSDs' packet filter.
//!
//! ```text
//! length (1) | address family (1) | action (1) | reason (1) | interface (16) | ruleset (16) | rule (4) | subrule (4)
//! | [uid, pid, rule's uid, rule's pid (4 each)] | direction (1) | … | padding to 4 bytes | IP …
//! ```
//!
//! Old systems have no uids and pids; new ones have more behind the direction, such as the addresses before a
//! translation. Source: tcpdump.org `LINKTYPE_PFLOG`, OpenBSD's and FreeBSD's `net/if_pflog.h`.

use super::{Direction, Why, loopback};

/// The least length, which is that of the old systems, up to the direction.
const OLD_LEN: usize = 45;
/// The length of a header with uids and pids, up to the direction.
const LEN: usize = 61;

/// Returns the direction, the Ethernet type for the address family, and the rest.
pub(super) fn split(bytes: &[u8]) -> Result<(Option<Direction>, u16, &[u8]), Why> {
    let &[len, family, ..] = bytes else { return Err(Why::Truncated) };
    let len = usize::from(len);
    if len < OLD_LEN {
        return Err(Why::Malformed);
    }
    let rest = bytes.get(len.next_multiple_of(4)..).ok_or(Why::Truncated)?;
    let direction = match bytes.get(if len < LEN { OLD_LEN - 1 } else { LEN - 1 }) {
        Some(1) => Some(Direction::In),
        Some(2) => Some(Direction::Out),
        _ => None,
    };
    Ok((direction, loopback::ether_type(family).ok_or(Why::Unsupported)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_padded_and_gives_the_place_of_the_direction() {
        for (len, direction) in [(45, 44), (61, 60), (64, 60), (69, 60), (100, 60)] {
            let mut bytes = vec![0; usize::from(len)];
            (bytes[0], bytes[1], bytes[direction]) = (len, 24, 2);
            bytes.resize(usize::from(len).next_multiple_of(4), 0);
            bytes.push(0x60);
            assert_eq!(split(&bytes), Ok((Some(Direction::Out), 0x86dd, &[0x60][..])), "{len}");
            let cut = bytes.len() - 2;
            assert_eq!(split(&bytes[..cut]), Err(Why::Truncated), "{len}");
        }
        assert_eq!(split(&[44, 2, 0]), Err(Why::Malformed));
    }
}

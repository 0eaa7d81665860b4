//! Frame Relay: the address of Q.922, then RFC 2427's encapsulation or Cisco's.
//!
//! ```text
//! address (2 to 4, the last one has bit 0 set) | 03 | [00] | network protocol number (1) | …
//! address (2 to 4)                             | Ethernet type (2) | …
//! ```

use super::Why;
use super::ethernet::FIRST_TYPE;
use super::llc::{self, Payload};

pub(super) fn split(bytes: &[u8]) -> Result<(Payload, &[u8]), Why> {
    let address = match bytes {
        // The first byte never is the last one of an address.
        [first, ..] if first & 1 == 1 => return Err(Why::Malformed),
        [_, second, ..] if second & 1 == 1 => 2,
        [_, _, third, ..] if third & 1 == 1 => 3,
        [_, _, _, fourth, ..] if fourth & 1 == 1 => 4,
        [_, _, _, _, ..] => return Err(Why::Malformed),
        _ => return Err(Why::Truncated),
    };
    let rest = bytes.get(address..).unwrap_or(&[]);
    let numbered = match rest {
        [3, 0, numbered @ ..] | [3, numbered @ ..] => numbered,
        // Cisco's. Types that the link's own management uses are below those of Ethernet.
        [high, low, rest @ ..] => {
            let ether_type = u16::from_be_bytes([*high, *low]);
            let payload = if ether_type < FIRST_TYPE { Payload::Leaf } else { Payload::Type(ether_type) };
            return Ok((payload, rest));
        }
        _ => return Err(Why::Truncated),
    };
    match numbered {
        [0x80, rest @ ..] => llc::snap(rest, 0),
        [0xcf, rest @ ..] => Ok((Payload::Ppp, rest)),
        // Q.933 (08), the older management interface (09), ISO's CLNP, ES-IS and IS-IS.
        [0x08 | 0x09 | 0x81..=0x83, rest @ ..] => Ok((Payload::Leaf, rest)),
        [number, rest @ ..] => {
            let ether_type = llc::network(*number).ok_or(Why::Unsupported)?;
            Ok((Payload::Type(ether_type), rest))
        }
        [] => Err(Why::Truncated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ip_comes_by_number_by_snap_and_by_ciscos_type() {
        for (bytes, payload) in [
            (&[0x18, 0x41, 3, 0xcc, 0x45][..], Payload::Type(0x0800)),
            (&[0x18, 0x41, 3, 0, 0xcc, 0x45], Payload::Type(0x0800)),
            (&[0x18, 0x40, 0x11, 3, 0x8e, 0x60], Payload::Type(0x86dd)),
            (&[0x18, 0x40, 0x10, 0x11, 8, 0, 0x45], Payload::Type(0x0800)),
            (&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0, 0x45], Payload::Type(0x0800)),
            (&[0x18, 0x41, 3, 0, 0x80, 0, 0x80, 0xc2, 0, 7, 1], Payload::Ethernet),
            (&[0x18, 0x41, 3, 0xcf, 0x21], Payload::Ppp),
            (&[0, 1, 3, 8, 0], Payload::Leaf),
        ] {
            assert_eq!(split(bytes), Ok((payload, &bytes[bytes.len() - 1..])), "{bytes:02x?}");
        }
    }

    #[test]
    fn pieces_and_compressed_frames_are_not_decoded() {
        for number in [0xb0, 0xb1, 0xff] {
            assert_eq!(split(&[0x18, 0x41, 3, number, 1]), Err(Why::Unsupported), "{number:#x}");
        }
    }

    #[test]
    fn an_address_without_an_end_is_no_address() {
        assert_eq!(split(&[0x18, 0x40, 0x10, 0x10, 3]), Err(Why::Malformed));
        assert_eq!(split(&[0x19, 0x41, 3, 0xcc]), Err(Why::Malformed));
        for len in 0..5 {
            assert_eq!(split(&[0x18, 0x41, 3, 0, 0xcc][..len]), Err(Why::Truncated), "{len}");
        }
    }
}

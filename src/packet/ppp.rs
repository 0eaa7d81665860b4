//! PPP (RFC 1661), with or without the address and control bytes of RFC 1662 and with a compressed protocol field.

use super::Why;
use super::ethernet::{IPV4, IPV6};

/// Returns the Ethernet type of PPP's payload, and the rest.
pub(super) fn split(bytes: &[u8]) -> Result<(u16, &[u8]), Why> {
    let bytes = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
    // RFC 1661 section 2: the low bit of the last byte of a protocol number is 1, that of the first of two is 0.
    let (protocol, rest) = match bytes {
        // Only the address byte was captured, without the control byte.
        [0xff] => return Err(Why::Truncated),
        [low, rest @ ..] if low & 1 == 1 => (u16::from(*low), rest),
        [high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
        _ => return Err(Why::Truncated),
    };
    match protocol {
        0x0021 => Ok((IPV4, rest)),
        0x0057 => Ok((IPV6, rest)),
        _ => Err(Why::Unsupported),
    }
}

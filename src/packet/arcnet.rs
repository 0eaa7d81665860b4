//! ARCNET (RFC 1201, RFC 1051), as BSD systems and as Linux capture it.
//!
//! ```text
//! BSD:   source (1) | destination (1) | type (1) | [split flag (1) | sequence (2)] | …
//!        with a split flag of ff, 4 more bytes: padding (3) | split flag (1) | sequence (2) in place of the sequence
//! Linux: source (1) | destination (1) | offset (2) | type (1) | [split flag (1) | sequence (2)] | …
//! ```
//!
//! RFC 1051's types have no split flag. Sources: tcpdump.org `LINKTYPE_ARCNET_BSD`, `LINKTYPE_ARCNET_LINUX`.

use super::Why;
use super::ethernet::{ARP, IPV4, IPV6};
use super::llc::Payload;

pub(super) fn split_bsd(bytes: &[u8]) -> Result<(Payload, &[u8]), Why> {
    let (&[_, _, kind], rest) = bytes.split_first_chunk::<3>().ok_or(Why::Truncated)?;
    let mut rest = rest;
    if has_flag(kind) {
        let (&[mut flag, _, _], after) = rest.split_first_chunk::<3>().ok_or(Why::Truncated)?;
        rest = after;
        if flag == 0xff {
            let (&[_, second, _, _], after) = rest.split_first_chunk::<4>().ok_or(Why::Truncated)?;
            (flag, rest) = (second, after);
        }
        // Even numbers are those of a packet's later pieces.
        if flag != 0 && flag & 1 == 0 {
            return Err(Why::Unsupported);
        }
    }
    Ok((payload(kind)?, rest))
}

/// Splits a frame of Linux, which puts the pieces of a packet together before they are captured.
pub(super) fn split_linux(bytes: &[u8]) -> Result<(Payload, &[u8]), Why> {
    let (&[_, _, _, _, kind], rest) = bytes.split_first_chunk::<5>().ok_or(Why::Truncated)?;
    let rest = if has_flag(kind) { rest.get(3..).ok_or(Why::Truncated)? } else { rest };
    Ok((payload(kind)?, rest))
}

/// Returns false for the types of RFC 1051 and for diagnosis.
fn has_flag(kind: u8) -> bool {
    !matches!(kind, 0xf0 | 0xf1 | 0x80)
}

fn payload(kind: u8) -> Result<Payload, Why> {
    match kind {
        0xd4 | 0xf0 => Ok(Payload::Type(IPV4)),
        0xc4 => Ok(Payload::Type(IPV6)),
        0xd5 | 0xf1 => Ok(Payload::Type(ARP)),
        // RARP, AppleTalk, Banyan, IPX, diagnosis.
        0xd6 | 0xdd | 0xf7 | 0xfa | 0x80 => Ok(Payload::Leaf),
        _ => Err(Why::Unsupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ip_begins_behind_a_header_whose_length_its_type_gives() {
        let v4 = Payload::Type(IPV4);
        for bytes in [
            &[1, 2, 0xf0, 0x45][..],
            &[1, 2, 0xd4, 0, 0, 1, 0x45],
            &[1, 2, 0xd4, 0xff, 0, 0, 0, 0, 0, 1, 0x45],
        ] {
            assert_eq!(split_bsd(bytes), Ok((v4, &[0x45][..])), "{bytes:02x?}");
        }
        for bytes in [&[1, 2, 0, 0, 0xf0, 0x45][..], &[1, 2, 0, 0, 0xd4, 0, 0, 1, 0x45]] {
            assert_eq!(split_linux(bytes), Ok((v4, &[0x45][..])), "{bytes:02x?}");
        }
        assert_eq!(split_bsd(&[1, 2, 0xd4, 2, 0, 1, 0x45]), Err(Why::Unsupported), "a later piece");
        assert_eq!(split_bsd(&[1, 2, 0xd4, 0, 0]), Err(Why::Truncated));
        assert_eq!(split_linux(&[1, 2, 0, 0, 0xd4, 0, 0]), Err(Why::Truncated));
    }
}

//! Geneve, RFC 8926.
//!
//! ```text
//! version (2 bits), options length (6 bits, in 4 bytes) | O C reserved (1) | protocol type (2) | VNI (3) | reserved (1) | options
//! ```

use super::{Vni, Why};

/// Splits a datagram into the VNI, the Ethernet type of its payload, and the rest after the options.
pub(super) fn split(bytes: &[u8]) -> Result<(Vni, u16, &[u8]), Why> {
    let (&[version_len, _, p0, p1, v0, v1, v2, _], rest) =
        bytes.split_first_chunk::<8>().ok_or(Why::Truncated)?;
    if version_len >> 6 != 0 {
        return Err(Why::Unsupported);
    }
    let options = usize::from(version_len & 0x3f) * 4;
    let rest = rest.get(options..).ok_or(Why::Truncated)?;
    Ok((Vni::from_be_bytes([v0, v1, v2]), u16::from_be_bytes([p0, p1]), rest))
}

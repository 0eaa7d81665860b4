//! MACsec, IEEE 802.1AE: the SecTAG after the Ethernet type 0x88e5.
//!
//! ```text
//! V ES SC SCB E C AN(2) | short length (1) | packet number (4) | [SCI (8), when SC=1] | …
//! ```
//!
//! E=1: the rest is encrypted. E=0: it is in clear, the original Ethernet type first, and an ICV (16 bytes as a rule) at
//! the end.

use super::{Sci, Why};

pub(super) struct SecTag {
    /// The secure channel identifier, when the tag carries it.
    pub(super) sci: Option<Sci>,
    /// True if the rest is encrypted.
    pub(super) encrypted: bool,
    /// The length of the rest up to the ICV, if it is below 48 bytes.
    pub(super) short_len: Option<usize>,
}

pub(super) fn split(bytes: &[u8]) -> Result<(SecTag, &[u8]), Why> {
    let (&[tci, short_len, _, _, _, _], mut rest) = bytes.split_first_chunk::<6>().ok_or(Why::Truncated)?;
    if tci & 0x80 != 0 {
        return Err(Why::Unsupported);
    }
    let sci = if tci & 0x20 != 0 {
        let (&sci, after) = rest.split_first_chunk::<8>().ok_or(Why::Truncated)?;
        rest = after;
        Some(Sci(sci))
    } else {
        None
    };
    let short_len = Some(usize::from(short_len & 0x3f)).filter(|&len| len > 0);
    Ok((SecTag { sci, encrypted: tci & 0x08 != 0, short_len }, rest))
}

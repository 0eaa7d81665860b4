//! VXLAN (RFC 7348), its group policy extension (draft-smith-vxlan-group-policy) and VXLAN-GPE
//! (draft-ietf-nvo3-vxlan-gpe).
//!
//! ```text
//! VXLAN:     G R R R I R R R | reserved or group policy (3) | VNI (3) | reserved (1)
//! VXLAN-GPE: R R V V I P B O | reserved (2) | next protocol (1) | VNI (3) | reserved (1)
//! ```

use super::{Vni, Why, nsh};

/// The I flag: the VNI is valid. RFC 7348 section 5 wants it set, and the other flags ignored.
const VNI_VALID: u8 = 0x08;
const GPE_VERSION: u8 = 0x30;
const GPE_NEXT_PROTOCOL: u8 = 0x04;

pub(super) fn split(bytes: &[u8]) -> Result<(Vni, &[u8]), Why> {
    let (&[flags, _, _, _, v0, v1, v2, _], rest) = bytes.split_first_chunk::<8>().ok_or(Why::Truncated)?;
    if !has_vni(flags) {
        return Err(Why::Malformed);
    }
    Ok((Vni::from_be_bytes([v0, v1, v2]), rest))
}

/// Returns true if the flags, the first byte of the header, say that the VNI is valid.
#[inline]
pub(super) fn has_vni(flags: u8) -> bool {
    flags & VNI_VALID != 0
}

pub(super) fn split_gpe(bytes: &[u8]) -> Result<(Vni, nsh::Payload, &[u8]), Why> {
    let (&[flags, _, _, next, v0, v1, v2, _], rest) = bytes.split_first_chunk::<8>().ok_or(Why::Truncated)?;
    if flags & GPE_VERSION != 0 {
        return Err(Why::Unsupported);
    }
    if flags & VNI_VALID == 0 {
        return Err(Why::Malformed);
    }
    let next = if flags & GPE_NEXT_PROTOCOL != 0 { next.into() } else { nsh::Payload::Ethernet };
    Ok((Vni::from_be_bytes([v0, v1, v2]), next, rest))
}

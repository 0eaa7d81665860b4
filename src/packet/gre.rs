//! GRE (RFC 2784 with the key and sequence number of RFC 2890) and NVGRE (RFC 7637).
//!
//! ```text
//! C R K S … version (2) | protocol type (2) | [checksum, reserved (4)] | [key (4)] | [sequence (4)]
//! ```

use super::ethernet::TRANSPARENT_BRIDGING;
use super::{Tunnel, Vni, Why};

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const VERSION: u16 = 0x0007;

/// Splits a packet into the tunnel, the Ethernet type of its payload, and the rest.
pub(super) fn split(bytes: &[u8]) -> Result<(Tunnel, u16, &[u8]), Why> {
    let (&[f0, f1, p0, p1], mut rest) = bytes.split_first_chunk::<4>().ok_or(Why::Truncated)?;
    let flags = u16::from_be_bytes([f0, f1]);
    let protocol = u16::from_be_bytes([p0, p1]);
    // Version 1 is PPTP's (RFC 2637); routing is RFC 1701's and was withdrawn.
    if flags & (VERSION | ROUTING) != 0 {
        return Err(Why::Unsupported);
    }
    if flags & CHECKSUM != 0 {
        rest = rest.get(4..).ok_or(Why::Truncated)?;
    }
    let mut key = None;
    if flags & KEY != 0 {
        let (&bytes, after) = rest.split_first_chunk::<4>().ok_or(Why::Truncated)?;
        key = Some(bytes);
        rest = after;
    }
    if flags & SEQUENCE != 0 {
        rest = rest.get(4..).ok_or(Why::Truncated)?;
    }
    Ok((tunnel(flags, protocol, key), protocol, rest))
}

/// NVGRE is GRE with a key, no checksum, no sequence number, and Ethernet inside (RFC 7637 section 3.2). An ordinary
/// GRE tunnel with Ethernet inside looks the same; virtual subnets start at 0x1000, which small keys do not reach.
fn tunnel(flags: u16, protocol: u16, key: Option<[u8; 4]>) -> Tunnel {
    if let Some([v0, v1, v2, _]) = key {
        let subnet = Vni::from_be_bytes([v0, v1, v2]);
        let plain = flags & (CHECKSUM | SEQUENCE) == 0;
        if plain && protocol == TRANSPARENT_BRIDGING && subnet.value() >= 0x1000 {
            return Tunnel::Nvgre(subnet);
        }
    }
    Tunnel::Gre { key: key.map(u32::from_be_bytes) }
}

//! GRE (RFC 2784 with the key and sequence number of RFC 2890), NVGRE (RFC 7637) and PPTP's GRE (RFC 2637).
//!
//! ```text
//! C R K S … version (2) | protocol type (2) | [checksum, reserved (4)] | [key (4)] | [sequence (4)]
//! version 1: the same bits, and A in the low byte | protocol type (2) | payload length (2) | call (2) | [sequence (4)] |
//!            [acknowledgement (4)]
//! ```
//!
//! In version 1 the protocol is PPP, or Ethernet in MikroTik's EoIP, whose tunnel number is little-endian.

use super::ethernet::TRANSPARENT_BRIDGING;
use super::{Tunnel, Vni, Why};

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGEMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

/// PPP in GRE (RFC 2637, and in version 0 by usage).
pub(super) const PPP: u16 = 0x880b;
/// Cisco's redirection to web caches.
pub(super) const WCCP: u16 = 0x883e;
/// The first and the last number that Aruba's access points use for 802.11 frames: each sixteenth (Wireshark's `packet-gre.h`).
const ARUBA: (u16, u16) = (0x8200, 0x8370);
/// MikroTik's Ethernet over IP, in version 1.
const EOIP: u16 = 0x6400;

/// A GRE header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) tunnel: Tunnel,
    /// The Ethernet type of the payload, or GRE's own number for it.
    pub(super) protocol: u16,
    /// True if there is a sequence number.
    pub(super) sequenced: bool,
    /// The length of the payload in bytes, where the header has one.
    pub(super) payload_len: Option<usize>,
}

/// Returns true if a protocol of GRE is 802.11, without a checksum at the end of the frame.
pub(super) fn is_wireless(protocol: u16) -> bool {
    (ARUBA.0..=ARUBA.1).contains(&protocol) && protocol % 16 == 0
}

/// Splits a packet into its header and the rest.
pub(super) fn split(bytes: &[u8]) -> Result<(Header, &[u8]), Why> {
    let (&[f0, f1, p0, p1], mut rest) = bytes.split_first_chunk::<4>().ok_or(Why::Truncated)?;
    let flags = u16::from_be_bytes([f0, f1]);
    let protocol = u16::from_be_bytes([p0, p1]);
    // Routing is RFC 1701's and was withdrawn.
    match flags & (VERSION | ROUTING) {
        0 => {}
        1 => return split_version_1(flags, protocol, rest),
        _ => return Err(Why::Unsupported),
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
    let sequenced = flags & SEQUENCE != 0;
    Ok((Header { tunnel: tunnel(flags, protocol, key), protocol, sequenced, payload_len: None }, rest))
}

fn split_version_1(flags: u16, protocol: u16, bytes: &[u8]) -> Result<(Header, &[u8]), Why> {
    if flags & (CHECKSUM | KEY) != KEY {
        return Err(Why::Malformed);
    }
    let (&[l0, l1, c0, c1], mut rest) = bytes.split_first_chunk::<4>().ok_or(Why::Truncated)?;
    let (tunnel, protocol) = match protocol {
        PPP => (Tunnel::Pptp { call: u16::from_be_bytes([c0, c1]) }, PPP),
        EOIP => (Tunnel::Gre { key: Some(u16::from_le_bytes([c0, c1]).into()) }, TRANSPARENT_BRIDGING),
        _ => return Err(Why::Unsupported),
    };
    let sequenced = flags & SEQUENCE != 0;
    for present in [sequenced, flags & ACKNOWLEDGEMENT != 0] {
        if present {
            rest = rest.get(4..).ok_or(Why::Truncated)?;
        }
    }
    let payload_len = Some(usize::from(u16::from_be_bytes([l0, l1])));
    Ok((Header { tunnel, protocol, sequenced, payload_len }, rest))
}

/// Returns what a web cache is sent, behind the header of four bytes that version 2 of WCCP puts in front of it. Version 1 has
/// none, and begins with the first byte of IPv4 (linux `net/ipv4/gre_demux.c`).
pub(super) fn redirected(bytes: &[u8]) -> Result<&[u8], Why> {
    match bytes {
        [] => Err(Why::Truncated),
        [0x40..=0x4f, ..] => Ok(bytes),
        _ => bytes.get(4..).ok_or(Why::Truncated),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_carries_ppp_of_a_call_or_ethernet_of_a_tunnel() {
        let header =
            |tunnel, protocol, sequenced| Header { tunnel, protocol, sequenced, payload_len: Some(2) };
        let pptp = Tunnel::Pptp { call: 0x1234 };
        let both = [0x30, 0x81, 0x88, 0x0b, 0, 2, 0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 3];
        assert_eq!(split(&both), Ok((header(pptp, PPP, true), &[0xff, 3][..])));
        let acknowledgement = [0x20, 0x81, 0x88, 0x0b, 0, 2, 0x12, 0x34, 0, 0, 0, 2];
        assert_eq!(split(&acknowledgement), Ok((header(pptp, PPP, false), &[][..])));
        let eoip = Tunnel::Gre { key: Some(0x3412) };
        let frame = [0x20, 1, 0x64, 0, 0, 2, 0x12, 0x34, 8, 9];
        assert_eq!(split(&frame), Ok((header(eoip, TRANSPARENT_BRIDGING, false), &[8, 9][..])));
        for len in 0..16 {
            assert_eq!(split(&both[..len]), Err(Why::Truncated), "{len}");
        }
        assert_eq!(split(&[0, 1, 0x88, 0x0b, 0, 2, 0x12, 0x34]), Err(Why::Malformed), "without a call");
        assert_eq!(split(&[0x20, 1, 8, 0, 0, 2, 0x12, 0x34]), Err(Why::Unsupported), "IPv4");
        assert_eq!(split(&[0x20, 2, 0x88, 0x0b, 0, 2, 0x12, 0x34]), Err(Why::Unsupported), "version 2");
    }

    #[test]
    fn the_header_of_a_redirection_is_told_from_an_ip_header() {
        assert_eq!(redirected(&[0x45, 0]), Ok(&[0x45, 0][..]));
        assert_eq!(redirected(&[0, 0, 0, 0, 0x45, 0]), Ok(&[0x45, 0][..]));
        assert_eq!((redirected(&[]), redirected(&[0, 0, 0])), (Err(Why::Truncated), Err(Why::Truncated)));
    }
}

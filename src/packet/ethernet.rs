//! Ethernet II and IEEE 802.3 frames, and their 802.1Q tags.
//!
//! ```text
//! destination (6) | source (6) | type or length (2) | …
//! tag: priority, DEI, VLAN identifier (2) | type or length (2) | …
//! 802.3: length ≤ 1500, then LLC: service (1) | service (1) | control (1, or 2), and SNAP behind aa aa 03: 00 00 00, type (2)
//! ```

use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use super::{MacAddress, Macs, Why};

pub(super) const IPV4: u16 = 0x0800;
pub(super) const ARP: u16 = 0x0806;
pub(super) const IPV6: u16 = 0x86dd;
pub(super) const MACSEC: u16 = 0x88e5;
pub(super) const MPLS: u16 = 0x8847;
pub(super) const MPLS_UPSTREAM: u16 = 0x8848;
pub(super) const TRANSPARENT_BRIDGING: u16 = 0x6558;
pub(super) const PPPOE_DISCOVERY: u16 = 0x8863;
pub(super) const PPPOE_SESSION: u16 = 0x8864;
pub(super) const PBB: u16 = 0x88e7;
pub(super) const CISCO_METADATA: u16 = 0x8909;
pub(super) const NSH: u16 = 0x894f;
pub(super) const ARISTA: u16 = 0xd28b;

/// Values below this in the type field are the length of an IEEE 802.3 frame (IEEE 802.3, 3.2.6).
pub(super) const FIRST_TYPE: u16 = 0x0600;

/// Splits a frame into its addresses, its type (or length) and the rest.
pub(super) fn split(bytes: &[u8]) -> Result<(Macs, u16, &[u8]), Why> {
    let header = Ethernet2HeaderSlice::from_slice(bytes).map_err(|_| Why::Truncated)?;
    let macs = Macs { source: MacAddress(header.source()), destination: MacAddress(header.destination()) };
    Ok((macs, header.ether_type().0, bytes.get(14..).unwrap_or(&[])))
}

/// Returns true for the types of a VLAN tag: 802.1Q, 802.1ad, and three numbers from before the standard.
pub(super) fn is_tag(ether_type: u16) -> bool {
    matches!(ether_type, 0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300)
}

/// Returns true for the type of a tunnel, or of a header that is skipped, which stands behind an Ethernet type, of its own
/// or GRE's.
pub(super) fn is_tunnel(ether_type: u16) -> bool {
    matches!(
        ether_type,
        PPPOE_DISCOVERY
            | PPPOE_SESSION
            | MPLS
            | MPLS_UPSTREAM
            | PBB
            | CISCO_METADATA
            | NSH
            | ARISTA
            | TRANSPARENT_BRIDGING
    )
}

/// Splits a VLAN tag into its identifier, the type after it, and the rest.
pub(super) fn split_tag(bytes: &[u8]) -> Result<(u16, u16, &[u8]), Why> {
    let tag = SingleVlanHeaderSlice::from_slice(bytes).map_err(|_| Why::Truncated)?;
    Ok((tag.vlan_identifier().value(), tag.ether_type().0, bytes.get(4..).unwrap_or(&[])))
}

/// Returns true if a type field is the length of an IEEE 802.3 frame instead.
pub(super) fn is_length(ether_type: u16) -> bool {
    ether_type < FIRST_TYPE
}

/// Returns the length of an ARP message. It has no length field of its own, so the length follows from those of its
/// addresses.
pub(super) fn arp_len(bytes: &[u8]) -> Option<usize> {
    let (&[_, _, _, _, hardware, protocol], _) = bytes.split_first_chunk::<6>()?;
    Some(8 + 2 * usize::from(hardware) + 2 * usize::from(protocol))
}

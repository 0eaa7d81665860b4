//! Linux cooked captures: what `-i any` gives instead of an Ethernet header.
//!
//! ```text
//! SLL:  packet type (2) | ARPHRD (2) | address length (2) | address (8) | protocol (2)
//! SLL2: protocol (2) | reserved (2) | interface index (4) | ARPHRD (2) | packet type (1) | address length (1) | address (8)
//! ```
//!
//! All in network byte order. Source: tcpdump.org `LINKTYPE_LINUX_SLL` and `LINKTYPE_LINUX_SLL2`.

use super::{Direction, MacAddress, Why};

/// The direction, the protocol (an Ethernet type, or one of Linux' own numbers below 0x0600), and the rest.
type Cooked<'a> = (Option<Direction>, u16, &'a [u8]);

pub(super) fn split_sll(bytes: &[u8]) -> Result<Cooked<'_>, Why> {
    let (header, rest) = bytes.split_first_chunk::<16>().ok_or(Why::Truncated)?;
    let &[k0, k1, .., p0, p1] = header;
    Ok((direction(u16::from_be_bytes([k0, k1])), u16::from_be_bytes([p0, p1]), rest))
}

pub(super) fn split_sll2(bytes: &[u8]) -> Result<Cooked<'_>, Why> {
    let (header, rest) = bytes.split_first_chunk::<20>().ok_or(Why::Truncated)?;
    let &[p0, p1, _, _, _, _, _, _, _, _, kind, ..] = header;
    Ok((direction(u16::from(kind)), u16::from_be_bytes([p0, p1]), rest))
}

/// Returns the kernel's number of the interface in an SLL2 header.
pub(super) fn interface(bytes: &[u8]) -> Option<u32> {
    let (&[_, _, _, _, i0, i1, i2, i3], _) = bytes.split_first_chunk::<8>()?;
    Some(u32::from_be_bytes([i0, i1, i2, i3]))
}

/// Returns the ARPHRD number in an SLL header.
pub(super) fn hardware_sll(bytes: &[u8]) -> Option<u16> {
    let (&[_, _, h0, h1], _) = bytes.split_first_chunk::<4>()?;
    Some(u16::from_be_bytes([h0, h1]))
}

/// Returns the ARPHRD number in an SLL2 header.
pub(super) fn hardware_sll2(bytes: &[u8]) -> Option<u16> {
    let (&[.., h0, h1], _) = bytes.split_first_chunk::<10>()?;
    Some(u16::from_be_bytes([h0, h1]))
}

/// Returns the sender's address in an SLL header, if it has the length of a MAC address.
pub(super) fn sender_sll(bytes: &[u8]) -> Option<MacAddress> {
    let (&[_, _, _, _, 0, 6, a, b, c, d, e, f], _) = bytes.split_first_chunk::<12>()? else { return None };
    Some(MacAddress([a, b, c, d, e, f]))
}

/// Returns the sender's address in an SLL2 header, if it has the length of a MAC address.
pub(super) fn sender_sll2(bytes: &[u8]) -> Option<MacAddress> {
    let (&[_, _, _, _, _, _, _, _, _, _, _, 6, a, b, c, d, e, f], _) = bytes.split_first_chunk::<18>()?
    else {
        return None;
    };
    Some(MacAddress([a, b, c, d, e, f]))
}

/// Returns the packet type as in the kernel's `if_packet.h`: 0 to us, 1 broadcast, 2 multicast, 3 to another host, 4 outgoing.
fn direction(packet_type: u16) -> Option<Direction> {
    match packet_type {
        0..=3 => Some(Direction::In),
        4 => Some(Direction::Out),
        _ => None,
    }
}

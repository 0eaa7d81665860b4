//! Linux cooked captures: what `-i any` gives instead of an Ethernet header.
//!
//! ```text
//! SLL:  packet type (2) | ARPHRD (2) | address length (2) | address (8) | protocol (2)
//! SLL2: protocol (2) | reserved (2) | interface index (4) | ARPHRD (2) | packet type (1) | address length (1) | address (8)
//! ```
//!
//! All in network byte order. Source: tcpdump.org `LINKTYPE_LINUX_SLL` and `LINKTYPE_LINUX_SLL2`.

use super::{Direction, LinkType, MacAddress, Why};

/// A cooked header.
pub(super) struct Header<'a> {
    pub(super) direction: Option<Direction>,
    /// The kind of the device, an `ARPHRD_*` number.
    pub(super) hardware: u16,
    /// An Ethernet type, or one of Linux' own numbers below 0x0600.
    pub(super) protocol: u16,
    pub(super) rest: &'a [u8],
}

pub(super) fn split_sll(bytes: &[u8]) -> Result<Header<'_>, Why> {
    let (header, rest) = bytes.split_first_chunk::<16>().ok_or(Why::Truncated)?;
    let &[k0, k1, h0, h1, .., p0, p1] = header;
    let direction = direction(u16::from_be_bytes([k0, k1]));
    let (hardware, protocol) = (u16::from_be_bytes([h0, h1]), u16::from_be_bytes([p0, p1]));
    Ok(Header { direction, hardware, protocol, rest })
}

pub(super) fn split_sll2(bytes: &[u8]) -> Result<Header<'_>, Why> {
    let (header, rest) = bytes.split_first_chunk::<20>().ok_or(Why::Truncated)?;
    let &[p0, p1, _, _, _, _, _, _, h0, h1, kind, ..] = header;
    let direction = direction(u16::from(kind));
    let (hardware, protocol) = (u16::from_be_bytes([h0, h1]), u16::from_be_bytes([p0, p1]));
    Ok(Header { direction, hardware, protocol, rest })
}

/// The payload of a header whose protocol is no Ethernet type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rare {
    /// A frame of this link type.
    Frame(LinkType),
    /// LLC.
    Llc,
    /// A protocol that carries no packets of others.
    Leaf,
    Unknown,
}

const FRAME_RELAY: u16 = 770;
const IEEE80211: u16 = 801;
const PRISM: u16 = 802;
const RADIOTAP: u16 = 803;
const NETLINK: u16 = 824;

/// Returns true for a range of hardware that has all kinds of devices without Ethernet types: from Frame Relay to netlink.
pub(super) fn may_ignore_protocol(hardware: u16) -> bool {
    (FRAME_RELAY..=NETLINK).contains(&hardware)
        && matches!(hardware, FRAME_RELAY | IEEE80211..=RADIOTAP | NETLINK)
}

/// Says what follows, by the kind of device and by the numbers of `linux/if_ether.h` below 0x0600.
pub(super) fn rare(hardware: u16, protocol: u16) -> Rare {
    match (hardware, protocol) {
        (NETLINK, _) => Rare::Leaf,
        (FRAME_RELAY, _) => Rare::Frame(LinkType::FRELAY),
        (IEEE80211, _) => Rare::Frame(LinkType::IEEE802_11),
        (PRISM, _) => Rare::Frame(LinkType::IEEE802_11_PRISM),
        (RADIOTAP, _) => Rare::Frame(LinkType::IEEE802_11_RADIOTAP),
        // 802.2, also on Token Ring.
        (_, 0x0004 | 0x0011) => Rare::Llc,
        (_, 0x0007) => Rare::Frame(LinkType::PPP),
        // Novell's IPX without LLC, AppleTalk, CAN and its kin, infrared, Econet, Phonet, MCTP.
        (_, 0x0001 | 0x0009 | 0x000c..=0x000e | 0x0010 | 0x0017 | 0x0018 | 0x00f5 | 0x00fa) => Rare::Leaf,
        _ => Rare::Unknown,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_device_goes_before_the_protocol() {
        assert!([770, 801, 802, 803, 824].into_iter().all(may_ignore_protocol));
        assert!(![1, 512, 768, 769, 772, 776, 778, 823, 65534].into_iter().any(may_ignore_protocol));
        assert_eq!(rare(803, 0x0800), Rare::Frame(LinkType::IEEE802_11_RADIOTAP));
        assert_eq!(rare(824, 0), Rare::Leaf, "netlink");
        assert_eq!(rare(1, 4), Rare::Llc);
        assert_eq!(rare(280, 0x000c), Rare::Leaf, "CAN");
        assert_eq!(rare(804, 0x00f6), Rare::Unknown, "802.15.4 may carry IPv6");
    }
}

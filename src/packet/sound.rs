//! The forms by which bytes are taken for a packet where no header in front of them names one.
//!
//! Each must hold for bytes of something else about once in 2^16 at the most. A check needs the header whole, so that
//! bytes that the snaplen cut are taken for nothing. `declared` is the number of bytes by the headers in front.

use super::ethernet::{self, ARP, IPV4, IPV6};
use super::{ipv4, ppp};

/// Returns true for a whole IPv4 or IPv6 packet: its length is all there is, or less and IPv4's checksum is right.
pub(super) fn is_ip(bytes: &[u8], declared: usize) -> bool {
    is_ipv4(bytes, declared) || is_ipv6(bytes, declared)
}

/// Returns true for what may be an IP packet where nothing but its first bytes tells: a version, and a length that fits.
/// This is weaker than [`is_ip`], and for places behind a header that has its own form.
pub(super) fn may_be_ip(bytes: &[u8], declared: usize) -> bool {
    match *bytes {
        [0x45..=0x4f, _, high, low, ..] => {
            let len = usize::from(u16::from_be_bytes([high, low]));
            // The length of a super-frame of segmentation offload is zero.
            declared >= 20 && (len == 0 || (20..=declared).contains(&len))
        }
        [0x60..=0x6f, _, _, _, high, low, ..] => {
            40 + usize::from(u16::from_be_bytes([high, low])) <= declared
        }
        // Cut off.
        [0x45..=0x4f | 0x60..=0x6f, ..] => bytes.len() < declared,
        _ => false,
    }
}

/// Returns true for an IPv4 packet.
pub(super) fn is_ipv4(bytes: &[u8], declared: usize) -> bool {
    let Some((&[first @ 0x45..=0x4f, _, high, low, ..], _)) = bytes.split_first_chunk::<20>() else {
        return false;
    };
    let len = usize::from(u16::from_be_bytes([high, low]));
    let header = usize::from(first & 0x0f) * 4;
    len >= header && (len == declared || len < declared && ipv4::has_sound_checksum(bytes))
}

/// Returns true for an IPv6 packet that fills the bytes.
pub(super) fn is_ipv6(bytes: &[u8], declared: usize) -> bool {
    ipv6_len(bytes) == Some(declared)
}

/// Returns the length of an IPv6 packet whose first header is there.
pub(super) fn ipv6_len(bytes: &[u8]) -> Option<usize> {
    match bytes.first_chunk::<40>()? {
        [0x60..=0x6f, _, _, _, high, low, ..] => Some(40 + usize::from(u16::from_be_bytes([*high, *low]))),
        _ => None,
    }
}

/// Returns true for an Ethernet frame with IP or ARP, behind VLAN tags or not, or with a protocol that bridges keep to
/// themselves (IEEE 802.1Q, table 8-1), such as STP or LLDP.
pub(super) fn is_ethernet(bytes: &[u8], declared: usize) -> bool {
    let Ok((_, mut ether_type, mut rest)) = ethernet::split(bytes) else { return false };
    if let [0x01, 0x80, 0xc2, 0, 0, 0..=0x0f, ..] = bytes {
        return true;
    }
    for _ in 0..2 {
        if ethernet::is_tag(ether_type) {
            let Ok((_, behind, after)) = ethernet::split_tag(rest) else { return false };
            (ether_type, rest) = (behind, after);
        }
    }
    let Some(left) = declared.checked_sub(bytes.len() - rest.len()) else { return false };
    match ether_type {
        IPV4 => is_ipv4(rest, left),
        // A short frame is padded.
        IPV6 => ipv6_len(rest).is_some_and(|len| len <= left),
        ARP => matches!(rest, [0, 1, 8, 0, 6, 4, 0, 1..=2, ..]) && left >= 28,
        _ => false,
    }
}

/// Returns true for PPP (RFC 1661) with IP, with a protocol that controls the link, or with one that compresses or
/// encrypts.
pub(super) fn is_ppp(bytes: &[u8], declared: usize) -> bool {
    let behind = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
    match ppp::split(bytes) {
        Ok(
            (ppp::Payload::Type(IPV4), packet @ [0x45..=0x4f, ..])
            | (ppp::Payload::Type(IPV6), packet @ [0x60..=0x6f, ..]),
        ) => may_be_ip(packet, declared.saturating_sub(bytes.len() - packet.len())),
        // Network control and link control.
        Ok((ppp::Payload::Leaf, _)) => {
            matches!(behind, [0x80 | 0xc0 | 0xc2, low, _, _, _, _, ..] if low & 1 == 1)
        }
        Ok(_) => false,
        // Compression, encryption and multilink.
        Err(_) => matches!(behind, [0, 0x3d | 0x53 | 0xfb | 0xfd, ..]),
    }
}

/// Returns true for GRE (RFC 2784, RFC 2890) of version 0 without routing, around Ethernet, IP or MPLS.
pub(super) fn is_gre(bytes: &[u8]) -> bool {
    let Some(&[flags, 0, high, low]) = bytes.first_chunk::<4>() else { return false };
    let known = [IPV4, IPV6, ethernet::TRANSPARENT_BRIDGING, 0x8847, 0x8848];
    flags & 0x4f == 0 && known.contains(&u16::from_be_bytes([high, low]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv4 packet of 24 bytes with its checksum.
    const PACKET: [u8; 24] =
        [0x45, 0, 0, 24, 0, 0, 0, 0, 64, 99, 0xf6, 0x7f, 192, 0, 2, 1, 192, 0, 2, 2, 0, 0, 0, 0];

    #[test]
    fn ip_fills_its_bytes_or_has_a_right_checksum() {
        assert!(is_ip(&PACKET, 24) && is_ip(&PACKET, 46));
        let mut broken = PACKET;
        broken[10] ^= 1;
        assert!(is_ip(&broken, 24) && !is_ip(&broken, 46));
        assert!(!is_ip(&PACKET, 23) && !is_ip(&PACKET[..19], 24));
        let mut six = [0; 48];
        (six[0], six[5]) = (0x60, 8);
        assert!(is_ip(&six, 48) && !is_ip(&six, 49) && !is_ip(&six[..39], 48));
    }

    #[test]
    fn behind_a_header_a_version_and_a_length_that_fits_are_enough() {
        assert!(may_be_ip(&PACKET, 24) && may_be_ip(&PACKET, 99) && may_be_ip(&PACKET[..3], 24));
        assert!(!may_be_ip(&PACKET, 23) && !may_be_ip(&[0x45, 0, 0], 3));
        assert!(!may_be_ip(b"neither this nor that, and longer than a header", 47));
        assert!(!may_be_ip(b"Every text begins with a letter", 31) && !may_be_ip(&[], 20));
    }

    #[test]
    fn a_frame_is_known_by_what_it_carries() {
        let frame = |types: &[u8], inside: &[u8]| [&[2; 12][..], types, inside].concat();
        for types in [&[8, 0][..], &[0x81, 0, 0, 5, 8, 0], &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0]] {
            let bytes = frame(types, &PACKET);
            assert!(is_ethernet(&bytes, bytes.len()) && is_ethernet(&bytes, 60), "{types:?}");
        }
        let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[0; 20]].concat();
        assert!(is_ethernet(&frame(&[8, 6], &arp), 60));
        assert!(!is_ethernet(&frame(&[8, 6], &PACKET), 60));
        assert!(!is_ethernet(&frame(&[0x88, 0xb5], &PACKET), 60));
        assert!(is_ethernet(&[&[1, 0x80, 0xc2, 0, 0, 0x0e][..], &[2; 20]].concat(), 60));
    }

    #[test]
    fn ppp_and_gre_are_known_by_their_protocol() {
        for sound in [
            &[0xff, 3, 0, 0x21, 0x45][..],
            &[0x21, 0x45],
            &[0x57, 0x60],
            &[0xc0, 0x21, 1, 1, 0, 4],
            &[0, 0xfd, 9],
        ] {
            assert!(is_ppp(sound, 50), "{sound:?}");
        }
        for other in [&[0xff, 3][..], &[0, 0x21, 0x60], &[0x12, 0x34, 5], &[0xc0, 0x20, 1, 1, 0, 4], &[]] {
            assert!(!is_ppp(other, 50), "{other:?}");
        }
        assert!(is_gre(&[0xb0, 0, 8, 0]) && is_gre(&[0, 0, 0x65, 0x58]));
        for other in [[0x40, 0, 8, 0], [0, 1, 8, 0], [0, 0, 9, 9]] {
            assert!(!is_gre(&other), "{other:?}");
        }
    }
}

//! Recognising ESP that is not encrypted, NULL (RFC 2410) and GMAC (RFC 4543), by its inside.
//!
//! RFC 5879 asks whether a packet *might* be unencrypted. Here the answer must be certain enough to print the inside.
//! So every test by which an SA is recognised at first would pass far less than one in 2^30 random ciphertexts:
//! lengths agree to the byte, a checksum is right, a header has a fixed form. The later packets of the SA are tested
//! less strictly. No test uses statistics of the bytes.

use std::net::IpAddr;

use etherparse::checksum::Sum16BitWords;

use super::layout::{Clear, Layout, Learned};
use crate::packet::ports::TunnelPorts;
use crate::packet::protocol::{
    AH, DESTINATION_OPTIONS, ESP, FRAGMENT, GRE, HOP_BY_HOP, ICMP, ICMPV6, IPV4, IPV6, NO_NEXT_HEADER,
    ROUTING, SCTP, TCP, UDP,
};
use crate::packet::{Spi, ethernet, geneve, ipv4, ipv6, transport, vxlan};

/// The possible offsets of the payload: after the header, after an IV of 8 bytes (GMAC), or after an IV of 16 bytes.
const OFFSETS: [usize; 3] = [8, 16, 24];
/// The lengths of integrity check values that are in use, and 0 for none.
const ICVS: [usize; 6] = [0, 8, 12, 16, 24, 32];
/// The length of the trailer without its padding: padding length and next header.
const TRAILER: usize = 2;

/// The addresses that checksums in transport mode cover, and the ports that identify VXLAN.
pub(crate) struct Around<'a> {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) ports: &'a TunnelPorts,
}

/// Finds the payload of an ESP packet, if it is certain that it is not encrypted.
///
/// `esp` is what was captured from the SPI on, `declared` its length by the IP (or UDP) header.
pub(crate) fn recognise(
    esp: &[u8],
    declared: usize,
    spi: Spi,
    around: &Around<'_>,
    learned: &mut Learned,
) -> Option<Clear> {
    if let Some(layout) = learned.layout(around.destination, spi) {
        // `tunnel_at` is for packets that the snaplen cut.
        let found = by_layout(esp, declared, layout, around)
            .or_else(|| tunnel_at(esp, declared, layout.offset, around));
        if found.is_some() {
            return found;
        }
        // The layout may be wrong: an SPI may be used again, and anybody may forge one packet to hide all others.
    }
    if !may_be_clear(esp, declared, around.ports) {
        return None;
    }
    let found = OFFSETS
        .iter()
        .find_map(|&offset| tunnel_at(esp, declared, offset, around))
        .or_else(|| ICVS.iter().find_map(|&icv| by_trailer(esp, declared, icv, around)))?;
    learned.learn(around.destination, spi, found.layout);
    Some(found)
}

/// A quick test that little ciphertext passes: a port of VXLAN or Geneve at one of its possible places, or the end of a trailer
/// that `recognise` examines.
#[inline]
pub(crate) fn may_be_clear(esp: &[u8], declared: usize, ports: &TunnelPorts) -> bool {
    /// The end of the destination port behind the last of [`OFFSETS`].
    const START: usize = 28;
    /// The number of bytes from the last one of the padding to the packet's end, with the longest of [`ICVS`].
    const END: usize = 35;
    let Some(start) = esp.first_chunk::<START>() else { return true };
    let tunnel = |offset: usize| match start.get(offset + 2..) {
        Some(&[high, low, ..]) => ports.is_overlay(u16::from_be_bytes([high, low])),
        _ => false,
    };
    if OFFSETS.into_iter().any(tunnel) {
        return true;
    }
    // If the packet was cut, only the ports could be tested. A packet shorter than `END` is left to `recognise`.
    let Some(whole) = esp.get(..declared) else { return false };
    whole.last_chunk::<END>().is_none_or(|end| {
        ICVS.iter().any(|icv| match end.get(END - TRAILER - 1 - icv..) {
            // The last byte of the padding 1, 2, 3, … is the number of its bytes. One random trailer of 5,500 passes, and
            // without this it were one of 43.
            Some(&[last, padding, next_header, ..]) => {
                is_looked_into(next_header) && (padding == 0 || padding == last)
            }
            _ => false,
        })
    })
}

/// Returns true for the next headers whose payloads `recognise` examines.
#[inline]
fn is_looked_into(next_header: u8) -> bool {
    matches!(next_header, IPV4 | IPV6 | TCP | UDP | ICMP | ICMPV6)
}

/// Returns padding length and next header, if the padding is the sequence of RFC 4303 section 2.4 and the next header
/// is one that is examined.
fn trailer(esp: &[u8], declared: usize, icv: usize) -> Option<(usize, u8)> {
    if esp.len() < declared {
        return None;
    }
    let end = declared.checked_sub(icv)?;
    let (before, &[padding, next_header]) = esp.get(..end)?.split_last_chunk::<TRAILER>()?;
    // This is tested before the padding, since ciphertext passes it with one byte in 43.
    if !is_looked_into(next_header) {
        return None;
    }
    let start = before.len().checked_sub(usize::from(padding))?;
    let sequence = before.get(start..)?.iter().zip(1..=u8::MAX).all(|(&byte, n)| byte == n);
    sequence.then_some((usize::from(padding), next_header))
}

/// Returns the frame in VXLAN, if the header is as senders make it.
fn in_vxlan(bytes: &[u8]) -> Option<&[u8]> {
    let (&[flags, _, _, _, _, _, _, reserved], _) = bytes.split_first_chunk::<8>()?;
    let (_, inner) = vxlan::split(bytes).ok()?;
    // The flag I, or I with the group policy's G.
    (matches!(flags, 0x08 | 0x88) && reserved == 0).then_some(inner)
}

/// Returns the frame in Geneve, if the header is as senders make it.
fn in_geneve(bytes: &[u8]) -> Option<&[u8]> {
    let (&[_, flags, _, _, _, _, _, reserved], _) = bytes.split_first_chunk::<8>()?;
    let (_, inside, inner) = geneve::split(bytes).ok()?;
    // The flags O and C; the rest is reserved.
    (flags << 2 == 0 && reserved == 0 && inside == ethernet::TRANSPARENT_BRIDGING).then_some(inner)
}

/// Recognises UDP to a port of VXLAN or Geneve at this offset, with a length that agrees with the packet's, and the header
/// of that tunnel after it. The trailer is not needed, so packets that the snaplen cut are recognised too.
fn tunnel_at(esp: &[u8], declared: usize, offset: usize, around: &Around<'_>) -> Option<Clear> {
    let udp = esp.get(offset..)?;
    let (ports, Some(inner_len), rest) = transport::udp(udp).ok()? else { return None };
    let inner = if around.ports.is_vxlan(ports.destination) {
        in_vxlan(rest)?
    } else if around.ports.is_geneve(ports.destination) {
        in_geneve(rest)?
    } else {
        return None;
    };
    let (_, ether_type, _) = ethernet::split(inner).ok()?;
    if !matches!(ether_type, ethernet::IPV4 | ethernet::IPV6 | ethernet::ARP) && !ethernet::is_tag(ether_type)
    {
        return None;
    }
    let payload_len = inner_len + 8;
    let behind = declared.checked_sub(offset + payload_len)?;
    let icv = if esp.len() < declared {
        // ESP aligns to 4 bytes, so the length of the ICV gives that of the padding.
        ICVS.iter().copied().find(|icv| behind.checked_sub(icv + TRAILER).is_some_and(|padding| padding < 4))
    } else {
        ICVS.iter().copied().find(|&icv| {
            trailer(esp, declared, icv) == behind.checked_sub(icv + TRAILER).map(|padding| (padding, UDP))
        })
    }?;
    Some(Clear { layout: Layout { offset, icv }, next_header: UDP, payload_len })
}

/// Recognises a packet with an ICV of this length by its trailer: at one of the offsets there must be a payload that
/// fits the next header and that ends where the trailer begins.
fn by_trailer(esp: &[u8], declared: usize, icv: usize, around: &Around<'_>) -> Option<Clear> {
    let (padding, next_header) = trailer(esp, declared, icv)?;
    let end = declared.checked_sub(icv + TRAILER + padding)?;
    OFFSETS.iter().find_map(|&offset| {
        let payload = esp.get(offset..end)?;
        let certain = match next_header {
            IPV4 => is_ipv4(payload),
            IPV6 => is_ipv6(payload),
            TCP => is_tcp(payload, around),
            UDP => is_udp(payload, around),
            ICMP | ICMPV6 => is_echo(payload, next_header, around),
            _ => false,
        };
        certain.then_some(Clear { layout: Layout { offset, icv }, next_header, payload_len: payload.len() })
    })
}

/// Finds the payload of a packet whose security association is known to be unencrypted. The trailer and the lengths
/// inside must still fit, since the SPI may be used again for an association that encrypts.
fn by_layout(esp: &[u8], declared: usize, layout: Layout, around: &Around<'_>) -> Option<Clear> {
    if esp.len() < declared {
        return None;
    }
    let (padding, next_header) = trailer(esp, declared, layout.icv)?;
    let end = declared.checked_sub(layout.icv + TRAILER + padding)?;
    let payload = esp.get(layout.offset..end)?;
    let fits = match next_header {
        IPV4 => ipv4::split(payload).is_ok_and(|(header, rest)| header.payload_len == rest.len()),
        IPV6 => ipv6::split(payload).is_ok_and(|(header, rest)| header.payload_len == rest.len()),
        UDP => transport::udp(payload).is_ok_and(|(_, len, rest)| len == Some(rest.len())),
        // The reserved bits are zero, and the header lies within the segment.
        TCP => transport::tcp(payload).is_ok_and(|(.., len)| {
            len <= payload.len() && payload.get(12).is_some_and(|byte| byte & 0x0e == 0)
        }),
        _ => payload.len() >= 8 && message_checksum_fits(payload, next_header, around),
    };
    fits.then_some(Clear { layout, next_header, payload_len: payload.len() })
}

/// Recognises tunnel mode by version, header length, total length and header checksum.
fn is_ipv4(payload: &[u8]) -> bool {
    let Ok((header, rest)) = ipv4::split(payload) else { return false };
    rest.len() == header.payload_len && Sum16BitWords::new().add_slice(header.bytes).ones_complement() == 0
}

/// Recognises tunnel mode by version, payload length, plausible addresses, a hop limit and a known protocol. If that
/// is TCP, UDP or ICMPv6, its checksum must be right too.
fn is_ipv6(payload: &[u8]) -> bool {
    let Ok((header, rest)) = ipv6::split(payload) else { return false };
    let (IpAddr::V6(source), IpAddr::V6(destination)) = (header.ip.source, header.ip.destination) else {
        return false;
    };
    let &[_, _, _, _, _, _, _, hop_limit, ..] = payload else { return false };
    // Global unicast 2000::/3, unique local fc00::/7 or link-local fe80::/10, or the unspecified address as a source.
    let usable = |first: u16| first >> 13 == 1 || first >> 9 == 0x7e || first >> 6 == 0x3fa;
    let source_fits = source.is_unspecified() || usable(source.segments()[0]);
    let destination_fits = destination.is_multicast() || usable(destination.segments()[0]);
    rest.len() == header.payload_len
        && source_fits
        && destination_fits
        && hop_limit > 0
        && is_usual(header.ip.protocol)
        && (!matches!(header.ip.protocol, TCP | UDP | ICMPV6)
            || checksum_fits(rest, header.ip.protocol, header.ip.source, header.ip.destination))
}

/// Returns true for the protocols that are usual in IPv6, its extension headers included.
fn is_usual(protocol: u8) -> bool {
    matches!(
        protocol,
        HOP_BY_HOP
            | TCP
            | UDP
            | ROUTING
            | FRAGMENT
            | GRE
            | ESP
            | AH
            | ICMPV6
            | NO_NEXT_HEADER
            | DESTINATION_OPTIONS
            | SCTP
    )
}

/// Recognises TCP in transport mode by its checksum, and by an option at its usual place (time stamps, or the MSS of
/// a SYN).
fn is_tcp(payload: &[u8], around: &Around<'_>) -> bool {
    let Ok((_, flags, len)) = transport::tcp(payload) else { return false };
    let Some(options) = payload.get(20..len) else { return false };
    let syn = flags.0 & 0x02 != 0;
    let form = match options {
        [1, 1, 8, 10, ..] => !syn,
        [2, 4, ..] => syn,
        _ => false,
    };
    form && checksum_fits(payload, TCP, around.source, around.destination)
}

/// Recognises UDP in transport mode by its length, and by a checksum that is present and right.
fn is_udp(payload: &[u8], around: &Around<'_>) -> bool {
    let Ok((_, len, rest)) = transport::udp(payload) else { return false };
    let checksummed = !matches!(payload, [_, _, _, _, _, _, 0, 0, ..]);
    len == Some(rest.len()) && checksummed && checksum_fits(payload, UDP, around.source, around.destination)
}

/// Recognises a ping in transport mode by its type, code and checksum.
fn is_echo(payload: &[u8], protocol: u8, around: &Around<'_>) -> bool {
    let form = match payload {
        [0 | 8, 0, _, _, _, _, _, _, ..] => protocol == ICMP,
        [128 | 129, 0, _, _, _, _, _, _, ..] => protocol == ICMPV6,
        _ => false,
    };
    form && message_checksum_fits(payload, protocol, around)
}

/// Checks the checksum of ICMP, which covers the message, or of ICMPv6, which covers the addresses too.
fn message_checksum_fits(payload: &[u8], protocol: u8, around: &Around<'_>) -> bool {
    match protocol {
        ICMP => Sum16BitWords::new().add_slice(payload).ones_complement() == 0,
        _ => checksum_fits(payload, protocol, around.source, around.destination),
    }
}

/// Returns true if the Internet checksum (RFC 1071) over pseudo header and segment, checksum field included, is zero.
fn checksum_fits(segment: &[u8], protocol: u8, source: IpAddr, destination: IpAddr) -> bool {
    let mut sum = Sum16BitWords::new();
    sum = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            sum.add_4bytes(source.octets()).add_4bytes(destination.octets())
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            sum.add_16bytes(source.octets()).add_16bytes(destination.octets())
        }
        _ => return false,
    };
    let len = segment.len() as u32;
    sum.add_4bytes(len.to_be_bytes()).add_2bytes([0, protocol]).add_slice(segment).ones_complement() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));
    const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    /// Makes ESP NULL with an ICV of 12 bytes around VXLAN around an ARP frame.
    fn null() -> Vec<u8> {
        let mut esp = vec![0, 0, 0x10, 1, 0, 0, 0, 1];
        let inner = [&[2; 12][..], &[8, 6], &[0; 28]].concat();
        let len = (16 + inner.len()) as u16;
        esp.extend([0x80, 0, 0x12, 0xb5]);
        esp.extend(len.to_be_bytes());
        esp.extend([0, 0, 8, 0, 0, 0, 0, 16, 1, 0]);
        esp.extend(inner);
        esp.extend([1, 2, 2, UDP]);
        esp.extend([0xee; 12]);
        esp
    }

    fn recognised(esp: &[u8], declared: usize, learned: &mut Learned) -> Option<Clear> {
        let ports = TunnelPorts::default();
        let around = Around { source: FROM, destination: TO, ports: &ports };
        recognise(esp, declared, Spi(0x1001), &around, learned)
    }

    #[test]
    fn a_cut_packet_is_recognised_before_and_after_its_association_is_known() {
        let (esp, mut learned) = (null(), Learned::new());
        let cut = &esp[..60];
        assert_eq!(recognised(cut, esp.len(), &mut learned).map(|clear| clear.payload_len), Some(58));
        let whole = recognised(&esp, esp.len(), &mut learned);
        assert_eq!(whole.map(|clear| clear.layout), Some(Layout { offset: 8, icv: 12 }));
        assert_eq!(recognised(cut, esp.len(), &mut learned).map(|clear| clear.payload_len), Some(58));
    }

    #[test]
    fn the_quick_test_passes_every_trailer_that_is_examined() {
        let ports = TunnelPorts::default();
        for (icv, padding) in ICVS.into_iter().flat_map(|icv| (0..=255u8).map(move |padding| (icv, padding)))
        {
            let mut esp = [0xa5, 0x5a].repeat(20);
            esp.extend(1..=padding);
            esp.extend([padding, TCP]);
            esp.extend(vec![0xee; icv]);
            let found = trailer(&esp, esp.len(), icv);
            assert_eq!(found, Some((usize::from(padding), TCP)));
            assert!(may_be_clear(&esp, esp.len(), &ports), "{icv} {padding}");
            let last = esp.len() - icv - 3;
            esp[last] = 0xa5;
            assert_eq!(may_be_clear(&esp, esp.len(), &ports), padding == 0 || padding == 0xa5);
        }
    }

    #[test]
    fn a_forged_packet_does_not_hide_the_clear_ones_of_its_association() {
        let (esp, mut learned) = (null(), Learned::new());
        let forged = [&esp[..8], &[0; 8], &esp[8..esp.len() - 12], &[0xee; 32]].concat();
        let layout = recognised(&forged, forged.len(), &mut learned).map(|clear| clear.layout);
        assert_eq!(layout, Some(Layout { offset: 16, icv: 32 }));
        let layout = recognised(&esp, esp.len(), &mut learned).map(|clear| clear.layout);
        assert_eq!(layout, Some(Layout { offset: 8, icv: 12 }));
    }

    #[test]
    fn ciphertext_with_the_trailer_of_a_message_needs_its_checksum_too() {
        let (esp, mut learned) = (null(), Learned::new());
        assert!(recognised(&esp, esp.len(), &mut learned).is_some());
        for next_header in [ICMP, ICMPV6] {
            let ciphertext = [&esp[..8], &[0xa5; 64], &[1, 2, 2, next_header], &[0xee; 12]].concat();
            assert_eq!(recognised(&ciphertext, ciphertext.len(), &mut learned), None);
        }
    }

    #[test]
    fn an_spi_that_is_used_again_to_encrypt_is_not_taken_for_clear() {
        let (mut esp, mut learned) = (null(), Learned::new());
        assert!(recognised(&esp, esp.len(), &mut learned).is_some());
        let trailer = esp.len() - 16;
        esp[8..trailer].fill(0xa5);
        assert_eq!(recognised(&esp, esp.len(), &mut learned), None);
    }
}

//! Recognising ESP that is not encrypted: NULL (RFC 2410) and GMAC (RFC 4543), by what is inside.
//!
//! RFC 5879 asks whether a packet *might* be unencrypted. Here the answer must be certain enough to print the inside, so
//! every test that an SA is first recognised by leaves far less than one chance in 2^30 to ciphertext: lengths that agree
//! to the byte, a checksum, a fixed header form. What is known to be laid out so is asked less. Nothing is taken from
//! statistics of the bytes.

use std::net::IpAddr;

use etherparse::checksum::Sum16BitWords;

use super::layout::{Clear, Layout, Learned};
use crate::packet::ports::TunnelPorts;
use crate::packet::protocol::{
    AH, DESTINATION_OPTIONS, ESP, FRAGMENT, GRE, HOP_BY_HOP, ICMP, ICMPV6, IPV4, IPV6, NO_NEXT_HEADER,
    ROUTING, SCTP, TCP, UDP,
};
use crate::packet::{Spi, ethernet, ipv4, ipv6, transport, vxlan};

/// Where the payload may begin: right behind the header, behind an IV of 8 (GMAC), of 16 bytes.
const OFFSETS: [usize; 3] = [8, 16, 24];
/// Lengths of the integrity check value in use, none included.
const ICVS: [usize; 6] = [0, 8, 12, 16, 24, 32];
/// Padding length, next header.
const TRAILER: usize = 2;

/// The addresses that transport-mode checksums cover, and the ports that tell VXLAN.
pub(crate) struct Around<'a> {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) ports: &'a TunnelPorts,
}

/// What an ESP packet carries in clear, if it is certain that it does.
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
        // The second for what the snaplen cut.
        let found = by_layout(esp, declared, layout, around)
            .or_else(|| vxlan_at(esp, declared, layout.offset, around));
        if found.is_some() {
            return found;
        }
        // An SPI is used again, and anybody may forge one packet that hides all others.
    }
    if !may_be_clear(esp, declared, around.ports) {
        return None;
    }
    let found = OFFSETS
        .iter()
        .find_map(|&offset| vxlan_at(esp, declared, offset, around))
        .or_else(|| ICVS.iter().find_map(|&icv| by_trailer(esp, declared, icv, around)))?;
    learned.learn(around.destination, spi, found.layout);
    Some(found)
}

/// A glance that most ciphertext does not pass: a VXLAN port where one may be, or a next header that is looked into.
#[inline]
pub(crate) fn may_be_clear(esp: &[u8], declared: usize, ports: &TunnelPorts) -> bool {
    /// What ends behind the destination port at the last of [`OFFSETS`].
    const START: usize = 28;
    /// What begins with the next header before the longest of [`ICVS`].
    const END: usize = 33;
    let Some(start) = esp.first_chunk::<START>() else { return true };
    let vxlan = |offset: usize| match start.get(offset + 2..) {
        Some(&[high, low, ..]) => ports.is_vxlan(u16::from_be_bytes([high, low])),
        _ => false,
    };
    if OFFSETS.into_iter().any(vxlan) {
        return true;
    }
    // Without its end a packet shows its ports only; one without so many bytes is not worth a glance.
    let Some(whole) = esp.get(..declared) else { return false };
    whole.last_chunk::<END>().is_none_or(|end| {
        ICVS.iter().any(|icv| end.get(END - 1 - icv).is_some_and(|&next_header| is_looked_into(next_header)))
    })
}

/// Next headers whose payload can tell what it is.
fn is_looked_into(next_header: u8) -> bool {
    matches!(next_header, IPV4 | IPV6 | TCP | UDP | ICMP | ICMPV6)
}

/// The padding length and next header of a trailer whose padding is the sequence of RFC 4303 section 2.4 and whose next
/// header is a protocol that is looked into.
fn trailer(esp: &[u8], declared: usize, icv: usize) -> Option<(usize, u8)> {
    if esp.len() < declared {
        return None;
    }
    let end = declared.checked_sub(icv)?;
    let (before, &[padding, next_header]) = esp.get(..end)?.split_last_chunk::<TRAILER>()?;
    // Before the padding is looked at: of ciphertext one byte in 43 passes this.
    if !is_looked_into(next_header) {
        return None;
    }
    let start = before.len().checked_sub(usize::from(padding))?;
    let sequence = before.get(start..)?.iter().zip(1u8..).all(|(&byte, n)| byte == n);
    sequence.then_some((usize::from(padding), next_header))
}

/// UDP to a VXLAN port at this offset, its length in agreement with the packet's, and a VXLAN header behind it.
/// The trailer is not needed, so a packet that the snaplen cut is recognised too.
fn vxlan_at(esp: &[u8], declared: usize, offset: usize, around: &Around<'_>) -> Option<Clear> {
    let udp = esp.get(offset..)?;
    let (ports, Some(inner_len), rest) = transport::udp(udp).ok()? else { return None };
    if !around.ports.is_vxlan(ports.destination) {
        return None;
    }
    let (&[flags, _, _, _, _, _, _, reserved], _) = rest.split_first_chunk::<8>()?;
    let (_, inner) = vxlan::split(rest).ok()?;
    // I, or I with the group policy's G.
    if !matches!(flags, 0x08 | 0x88) || reserved != 0 {
        return None;
    }
    let (_, ether_type, _) = ethernet::split(inner).ok()?;
    if !matches!(ether_type, ethernet::IPV4 | ethernet::IPV6 | ethernet::ARP) && !ethernet::is_tag(ether_type)
    {
        return None;
    }
    let payload_len = inner_len + 8;
    let behind = declared.checked_sub(offset + payload_len)?;
    let icv = if esp.len() < declared {
        // ESP aligns to 4 bytes, so with an ICV of a known length the padding follows.
        ICVS.iter().copied().find(|icv| behind.checked_sub(icv + TRAILER).is_some_and(|padding| padding < 4))
    } else {
        ICVS.iter().copied().find(|&icv| {
            trailer(esp, declared, icv) == behind.checked_sub(icv + TRAILER).map(|padding| (padding, UDP))
        })
    }?;
    Some(Clear { layout: Layout { offset, icv }, next_header: UDP, payload_len })
}

/// A trailer for an ICV of this length, and at one of the offsets a payload that its next header describes and that
/// ends just where the trailer begins.
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

/// The payload of a packet whose security association is known to be unencrypted: the trailer and the lengths inside must
/// still fit, since an SPI may be used again for one that encrypts.
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
        // Three reserved bits, and a header that lies within the segment.
        TCP => transport::tcp(payload).is_ok_and(|(.., len)| {
            len <= payload.len() && payload.get(12).is_some_and(|byte| byte & 0x0e == 0)
        }),
        _ => payload.len() >= 8 && message_checksum_fits(payload, next_header, around),
    };
    fits.then_some(Clear { layout, next_header, payload_len: payload.len() })
}

/// Tunnel mode: version, header length, total length and header checksum.
fn is_ipv4(payload: &[u8]) -> bool {
    let Ok((header, rest)) = ipv4::split(payload) else { return false };
    rest.len() == header.payload_len && Sum16BitWords::new().add_slice(header.bytes).ones_complement() == 0
}

/// Tunnel mode: version, payload length, addresses that can be a packet's, a hop limit, a protocol that exists here.
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

/// What IPv6 carries anywhere, its extension headers included.
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

/// Transport mode TCP: the checksum, and an option that stands at its usual place (time stamps, or a SYN's MSS).
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

/// Transport mode UDP: the length, and a checksum that is there and right.
fn is_udp(payload: &[u8], around: &Around<'_>) -> bool {
    let Ok((_, len, rest)) = transport::udp(payload) else { return false };
    let checksummed = !matches!(payload, [_, _, _, _, _, _, 0, 0, ..]);
    len == Some(rest.len()) && checksummed && checksum_fits(payload, UDP, around.source, around.destination)
}

/// Transport mode ping: type and code of an echo and the checksum.
fn is_echo(payload: &[u8], protocol: u8, around: &Around<'_>) -> bool {
    let form = match payload {
        [0 | 8, 0, _, _, _, _, _, _, ..] => protocol == ICMP,
        [128 | 129, 0, _, _, _, _, _, _, ..] => protocol == ICMPV6,
        _ => false,
    };
    form && message_checksum_fits(payload, protocol, around)
}

/// The checksum of ICMP, which covers the message, or of ICMPv6, which covers the addresses too.
fn message_checksum_fits(payload: &[u8], protocol: u8, around: &Around<'_>) -> bool {
    match protocol {
        ICMP => Sum16BitWords::new().add_slice(payload).ones_complement() == 0,
        _ => checksum_fits(payload, protocol, around.source, around.destination),
    }
}

/// The Internet checksum (RFC 1071) over the pseudo header and the segment, the checksum field included, is zero.
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

    /// ESP NULL with an ICV of 12 bytes around VXLAN around an ARP frame.
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

//! MPLS (RFC 3032): behind the Ethernet types 0x8847 and 0x8848, in PPP, GRE and IP (RFC 4023), and on UDP port 6635
//! (RFC 7510).
//!
//! ```text
//! label (20 bits) | traffic class (3) | S: bottom of the stack (1) | time to live (8), once or more, then the payload
//! ```
//!
//! No field names the payload. Routers take the first four bits for the version of an IP header, and so does [`payload`].
//! A pseudowire (RFC 4448) carries an Ethernet frame, as a rule behind a control word that begins with four zero bits
//! (RFC 4385). It is taken for one only if its Ethernet type and what stands behind that agree, since everything else may be
//! in a pseudowire too.

use super::Why;
use super::ethernet::{self, IPV4, IPV6};

/// The label of RFC 6790 that announces an entropy label, which is a random number for load balancing.
const ENTROPY_INDICATOR: u32 = 7;
/// The bytes that are enough to recognise a payload, unless there are many tags: control word, Ethernet header, two tags,
/// and the beginning of what follows.
const ENOUGH: usize = 32;
const CONTROL_WORD: usize = 4;

/// A stack of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stack {
    /// The innermost label that is no entropy label, 20 bits.
    pub(super) label: u32,
    /// The number of labels, 255 also for more.
    pub(super) labels: u8,
}

/// Splits the stack from its payload.
pub(super) fn split(bytes: &[u8]) -> Result<(Stack, &[u8]), Why> {
    let mut rest = bytes;
    let mut stack = Stack { label: 0, labels: 0 };
    let mut is_entropy = false;
    loop {
        let (&entry, after) = rest.split_first_chunk::<4>().ok_or(Why::Truncated)?;
        let entry = u32::from_be_bytes(entry);
        let (label, is_bottom) = (entry >> 12, entry & 0x100 != 0);
        rest = after;
        stack.labels = stack.labels.saturating_add(1);
        let is_indicator = label == ENTROPY_INDICATOR && !is_bottom;
        if !is_indicator && !is_entropy {
            stack.label = label;
        }
        is_entropy = is_indicator;
        if is_bottom {
            return Ok((stack, rest));
        }
    }
}

/// The payload of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// IP, with its Ethernet type.
    Ip(u16),
    /// An Ethernet frame, behind so many bytes of control word.
    Ethernet(usize),
    /// Nothing that is known.
    Unknown,
}

/// Guesses the payload from its bytes. It is `declared` bytes long, by the headers in front of the stack.
pub(super) fn payload(bytes: &[u8], declared: usize) -> Result<Payload, Why> {
    if let Some(payload) = recognise(bytes, declared) {
        return Ok(payload);
    }
    if bytes.len() < declared.min(ENOUGH) {
        return Err(Why::Truncated);
    }
    Ok(match bytes {
        [0x40..=0x4f, ..] => Payload::Ip(IPV4),
        [0x60..=0x6f, ..] => Payload::Ip(IPV6),
        _ => Payload::Unknown,
    })
}

/// Returns the payload if more than its first bits fits.
pub(super) fn recognise(bytes: &[u8], declared: usize) -> Option<Payload> {
    match bytes {
        // An address of Ethernet's may begin with a 4 or a 6 too. Hardly ever is it followed by a fitting length.
        [0x45..=0x4f, _, high, low, ..] if fits(*high, *low, 0, declared) => Some(Payload::Ip(IPV4)),
        [0x60..=0x6f, _, _, _, high, low, ..] if fits(*high, *low, 40, declared) => Some(Payload::Ip(IPV6)),
        [0, frg, _, _, frame @ ..]
            if frg & 0xc0 == 0 && is_ethernet(frame, declared.saturating_sub(CONTROL_WORD)) =>
        {
            Some(Payload::Ethernet(CONTROL_WORD))
        }
        frame if is_ethernet(frame, declared) => Some(Payload::Ethernet(0)),
        _ => None,
    }
}

fn fits(high: u8, low: u8, header: usize, declared: usize) -> bool {
    usize::from(u16::from_be_bytes([high, low])) + header <= declared
}

/// Returns true if these bytes are an Ethernet frame of a usual protocol.
fn is_ethernet(frame: &[u8], declared: usize) -> bool {
    /// More tags are not looked through.
    const MOST_TAGS: usize = 4;
    let Some(([_, _, _, _, _, _, sender, .., high, low], rest)) = frame.split_first_chunk::<14>() else {
        return false;
    };
    // Nobody sends from a group's address.
    if sender & 1 == 1 {
        return false;
    }
    let (mut ether_type, mut rest) = (u16::from_be_bytes([*high, *low]), rest);
    for _ in 0..MOST_TAGS {
        match ethernet::split_tag(rest) {
            Ok((_, next, after)) if ethernet::is_tag(ether_type) => (ether_type, rest) = (next, after),
            _ => break,
        }
    }
    match (ether_type, rest) {
        (IPV4, [first, ..]) => first >> 4 == 4,
        (IPV6, [first, ..]) => first >> 4 == 6,
        (ethernet::ARP, [0, hardware, 8, 0, ..]) => matches!(hardware, 1 | 6),
        // MPLS, PPPoE, EAPOL, MACsec, LLDP, slow protocols, CFM, PTP, the loopback test.
        (
            0x8847 | 0x8848 | 0x8863 | 0x8864 | 0x888e | 0x88e5 | 0x88cc | 0x8809 | 0x8902 | 0x88f7 | 0x9000,
            _,
        ) => true,
        // A length, and the LLC header of spanning tree, SNAP or IS-IS.
        (3..=1500, [0x42, 0x42, 3, ..] | [0xaa, 0xaa, 3, ..] | [0xfe, 0xfe, 3, ..]) => {
            usize::from(ether_type) + 14 <= declared
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(labels: &[u32]) -> Vec<u8> {
        let (bottom, above) = labels.split_last().unwrap();
        let entries = above.iter().map(|label| label << 12 | 64).chain([bottom << 12 | 0x100 | 64]);
        entries.flat_map(u32::to_be_bytes).collect()
    }

    #[test]
    fn the_label_is_the_innermost_that_is_no_entropy_label() {
        for (labels, label) in [
            (&[16][..], 16),
            (&[0], 0),
            (&[16, 17, 0xf_ffff], 0xf_ffff),
            (&[16, 7, 99], 16),
            (&[16, 7, 99, 18], 18),
            (&[16, 7], 7),
            (&[7, 99], 0),
        ] {
            let bytes = [&stack(labels)[..], b"payload"].concat();
            let expected = Stack { label, labels: labels.len() as u8 };
            assert_eq!(split(&bytes), Ok((expected, &b"payload"[..])), "{labels:?}");
        }
    }

    #[test]
    fn a_stack_of_a_thousand_labels_has_an_end_and_one_without_its_bottom_is_cut() {
        let bomb = stack(&[16; 1000]);
        assert_eq!(split(&bomb), Ok((Stack { label: 16, labels: 255 }, &[][..])));
        for len in 0..4000 {
            assert_eq!(split(&bomb[..len]), Err(Why::Truncated), "{len}");
        }
    }

    fn ethernet(head: &[u8], ether_type: u16, body: &[u8]) -> Vec<u8> {
        let macs = [0x02, 0, 0, 0, 0, 0x0b, 0x02, 0, 0, 0, 0, 0x0a];
        [head, &macs, &ether_type.to_be_bytes(), body].concat()
    }

    #[test]
    fn the_payload_is_told_by_its_first_bits_and_an_ethernet_frame_by_its_type() {
        let ipv4 = [&[0x45, 0, 0, 28][..], &[0; 24]].concat();
        let ipv6 = [&[0x60, 0, 0, 0, 0, 8][..], &[0; 42]].concat();
        let tagged = [&[0, 5, 8, 0][..], &ipv4].concat();
        let spanning_tree = [&[0x42, 0x42, 3][..], &[0; 35]].concat();
        // A station whose address begins like an IP header.
        let mut like_ip = ethernet(&[], IPV4, &ipv4);
        like_ip[..6].copy_from_slice(&[0x46, 0x11, 0x90, 0x33, 0x44, 0x55]);
        for (bytes, expected) in [
            (ipv4.clone(), Payload::Ip(IPV4)),
            (ipv6.clone(), Payload::Ip(IPV6)),
            (ethernet(&[], IPV4, &ipv4), Payload::Ethernet(0)),
            (ethernet(&[], IPV6, &ipv6), Payload::Ethernet(0)),
            (ethernet(&[], 0x8100, &tagged), Payload::Ethernet(0)),
            (ethernet(&[], 38, &spanning_tree), Payload::Ethernet(0)),
            (ethernet(&[0, 0, 0, 1], IPV4, &ipv4), Payload::Ethernet(4)),
            (ethernet(&[0, 0x2a, 0, 0], 0x0806, &[0, 1, 8, 0, 6, 4]), Payload::Ethernet(4)),
            (like_ip, Payload::Ethernet(0)),
            // The associated channel (RFC 5586), an unknown pseudowire, and a fragment of one.
            (vec![0x10; 40], Payload::Unknown),
            (ethernet(&[], 0x1234, &[0; 20]), Payload::Unknown),
            (ethernet(&[0, 0x80, 0, 0], IPV4, &ipv4), Payload::Unknown),
            (vec![], Payload::Unknown),
        ] {
            assert_eq!(payload(&bytes, bytes.len()), Ok(expected), "{bytes:02x?}");
        }
    }

    #[test]
    fn a_cut_payload_is_the_same_or_cut() {
        let ipv4 = [&[0x45, 0, 0, 60][..], &[0; 56]].concat();
        for whole in
            [ipv4.clone(), ethernet(&[], IPV4, &ipv4), ethernet(&[0; 4], IPV4, &ipv4), vec![0x99; 60]]
        {
            let expected = payload(&whole, whole.len());
            for len in 0..whole.len() {
                let cut = payload(&whole[..len], whole.len());
                assert!(cut == Err(Why::Truncated) || cut == expected, "{len} of {whole:02x?}: {cut:?}");
            }
        }
    }
}

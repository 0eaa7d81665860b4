//! Generic UDP Encapsulation (draft-ietf-intarea-gue; linux `net/ipv4/fou_core.c`), in UDP to port 6080, and its
//! forerunner FOU, whose ports nobody registered.
//!
//! ```text
//! variant 0: 00 | C | length (5 bits, in 4 bytes) | protocol (1) | flags (2) | fields | payload
//! variant 1: 01 … the first bits of an IPv4 or IPv6 packet
//! FOU:       the payload of the IP protocol that the port is for: GRE or IP
//! ```
//!
//! With C, the message is one of control. Linux knows a single flag (`GUE_FLAGS_ALL` in `include/net/gue.h`) and drops
//! datagrams with others. A payload that is not sound as one of its protocol is taken for another service's.

use super::protocol::{ESP, GRE, IPV4, IPV6, TCP, UDP};
use super::{sound, transport};

/// The flag of private fields.
const PRIVATE: u16 = 0x0001;

/// Splits a datagram of this length into the IP protocol of its payload and the payload. Returns `None` if it has another
/// form.
pub(super) fn split(datagram: &[u8], declared: usize) -> Option<(u8, &[u8])> {
    let &[first, protocol, f0, f1, ref rest @ ..] = datagram else { return None };
    match first >> 5 {
        0 if u16::from_be_bytes([f0, f1]) & !PRIVATE == 0 => {
            let rest = rest.get(usize::from(first & 0x1f) * 4..)?;
            let left = declared.checked_sub(datagram.len() - rest.len())?;
            is_sound(protocol, rest, left).then_some((protocol, rest))
        }
        2 | 3 => split_ip(datagram, declared),
        _ => None,
    }
}

/// Splits a datagram of FOU in the same way.
pub(super) fn split_fou(datagram: &[u8], declared: usize) -> Option<(u8, &[u8])> {
    split_ip(datagram, declared).or_else(|| sound::is_gre(datagram).then_some((GRE, datagram)))
}

fn split_ip(datagram: &[u8], declared: usize) -> Option<(u8, &[u8])> {
    [IPV4, IPV6]
        .into_iter()
        .find(|&version| is_sound(version, datagram, declared))
        .map(|found| (found, datagram))
}

fn is_sound(protocol: u8, payload: &[u8], declared: usize) -> bool {
    match protocol {
        IPV4 => sound::is_ipv4(payload, declared),
        IPV6 => sound::is_ipv6(payload, declared),
        GRE => sound::is_gre(payload),
        UDP => transport::udp(payload).is_ok_and(|(_, len, _)| len.is_some_and(|len| len + 8 == declared)),
        TCP => transport::tcp(payload).is_ok_and(|(.., len)| len <= declared),
        // ESP is a multiple of four bytes (RFC 4303 section 2.4), and SPIs below 256 are reserved.
        ESP => {
            declared % 4 == 0 && payload.first_chunk::<8>().is_some_and(|head| head.get(..3) != Some(&[0; 3]))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: [u8; 24] =
        [0x45, 0, 0, 24, 0, 0, 0, 0, 64, 99, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0, 0, 0, 0];

    fn read(bytes: &[u8]) -> Option<(u8, &[u8])> {
        split(bytes, bytes.len())
    }

    #[test]
    fn both_variants_name_their_payload() {
        assert_eq!(read(&[&[0, 4, 0, 0][..], &PACKET].concat()), Some((IPV4, &PACKET[..])));
        assert_eq!(read(&[&[2, 4, 0, 1][..], &[9; 8], &PACKET].concat()), Some((IPV4, &PACKET[..])));
        assert_eq!(read(&PACKET), Some((IPV4, &PACKET[..])));
        let gre = [&[0, 0, 8, 0][..], &PACKET].concat();
        assert_eq!(read(&[&[0, 47, 0, 0][..], &gre].concat()), Some((GRE, &gre[..])));
        let udp = [0, 1, 0, 2, 0, 9, 0, 0, 7];
        assert_eq!(read(&[&[0, 17, 0, 0][..], &udp].concat()), Some((UDP, &udp[..])));
        assert_eq!(split_fou(&gre, 28), Some((GRE, &gre[..])));
        assert_eq!(split_fou(&PACKET, 24), Some((IPV4, &PACKET[..])));
    }

    #[test]
    fn other_datagrams_on_the_port_are_none() {
        for other in [
            &[0x20, 4, 0, 0][..],
            &[0, 4, 0x80, 0],
            &[0x80, 4, 0, 0],
            &[0x1f, 4, 0, 0],
            &[0, 6, 0, 0],
            &[0, 99, 0, 0],
            &[0, 50, 0, 0, 0, 0, 0, 9],
        ] {
            assert_eq!(read(&[other, &PACKET].concat()), None, "{other:?}");
        }
        assert_eq!(read(b"text"), None);
        assert_eq!(split(&PACKET, 23), None);
        assert_eq!(split_fou(b"text", 4), None);
        assert_eq!(read(&[]), None);
    }
}

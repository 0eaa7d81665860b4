//! Packets that a rule of Linux' packet filter logged (`NFLOG` in iptables, `log group` in nft).
//!
//! ```text
//! address family (1) | version 0 (1) | resource (2)
//! | attributes: length (2) | type (2) | value | padding to 4 bytes …
//! ```
//!
//! The lengths count the four bytes in front of the value. Lengths and types are in the capturing host's byte order, and
//! the values in the network's. Sources: tcpdump.org `LINKTYPE_NFLOG`, linux `uapi/linux/netfilter/nfnetlink_log.h`.

use super::ethernet::{IPV4, IPV6};
use super::{Direction, MacAddress, Macs, Why};

/// The attributes of one packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Logged<'a> {
    /// The Ethernet type of the packet.
    pub(super) ether_type: u16,
    /// The way that the packet went, by the hook that it was logged at.
    pub(super) direction: Option<Direction>,
    /// The addresses of the Ethernet header that it arrived with.
    pub(super) macs: Option<Macs>,
    /// The packet, from its network header on, as far as it was captured.
    pub(super) payload: &'a [u8],
    /// The length of the packet by its attribute, in bytes.
    pub(super) payload_len: usize,
}

const PACKET_HEADER: u16 = 1;
const PAYLOAD: u16 = 9;
const HARDWARE_TYPE: u16 = 15;
const HARDWARE_HEADER: u16 = 16;

pub(super) fn split(bytes: &[u8]) -> Result<Logged<'_>, Why> {
    let (&[family, version, _, _], mut rest) = bytes.split_first_chunk::<4>().ok_or(Why::Truncated)?;
    if version != 0 {
        return Err(Why::Unsupported);
    }
    let mut logged = Logged::default();
    let (mut ethernet, mut header) = (false, None);
    loop {
        let (&[l0, l1, t0, t1], value) = rest.split_first_chunk::<4>().ok_or(Why::Truncated)?;
        // All types are below 256, so the zero byte of a type tells the byte order.
        let (len, kind) = if t0 == 0 {
            (u16::from_be_bytes([l0, l1]), u16::from(t1))
        } else if t1 == 0 {
            (u16::from_le_bytes([l0, l1]), u16::from(t0))
        } else {
            return Err(Why::Malformed);
        };
        let len = usize::from(len).checked_sub(4).ok_or(Why::Malformed)?;
        let captured = value.get(..len);
        match (kind, captured) {
            (PACKET_HEADER, Some(&[high, low, hook, ..])) => {
                logged.ether_type = u16::from_be_bytes([high, low]);
                logged.direction = direction(hook);
            }
            (HARDWARE_TYPE, Some(&[0, kind])) => ethernet = kind == 1,
            (HARDWARE_HEADER, Some(bytes)) => header = bytes.first_chunk::<14>(),
            (PAYLOAD, _) => {
                (logged.payload, logged.payload_len) = (captured.unwrap_or(value), len);
                break;
            }
            _ => {}
        }
        rest = value.get(len.next_multiple_of(4)..).ok_or(Why::Truncated)?;
    }
    // The addresses' families name the packet as well, where a hook's number does not.
    match family {
        2 => logged.ether_type = IPV4,
        10 => logged.ether_type = IPV6,
        _ => {}
    }
    if let (true, Some(&[d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, ..])) = (ethernet, header) {
        let source = MacAddress([s0, s1, s2, s3, s4, s5]);
        logged.macs = Some(Macs { source, destination: MacAddress([d0, d1, d2, d3, d4, d5]) });
    }
    Ok(logged)
}

/// Returns the way of a packet at a hook of `linux/netfilter.h`: 0 before routing, 1 input, 2 forwarded, 3 output, 4 after
/// routing.
fn direction(hook: u8) -> Option<Direction> {
    match hook {
        0 | 1 => Some(Direction::In),
        3 | 4 => Some(Direction::Out),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8], number: fn(u16) -> [u8; 2]) -> Vec<u8> {
        let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
        [&number(4 + value.len() as u16)[..], &number(kind), value, &padding].concat()
    }

    fn log(number: fn(u16) -> [u8; 2]) -> Vec<u8> {
        let header = [2, 0, 0, 0, 0, 11, 2, 0, 0, 0, 0, 10, 8, 0];
        [
            vec![7, 0, 0, 5],
            attribute(PACKET_HEADER, &[8, 0, 3, 0], number),
            attribute(10, b"prefix\0", number),
            attribute(HARDWARE_TYPE, &[0, 1], number),
            attribute(HARDWARE_HEADER, &header, number),
            attribute(PAYLOAD, b"packet", number),
        ]
        .concat()
    }

    #[test]
    fn the_attributes_are_read_in_either_byte_order() {
        for number in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
            let bytes = log(number);
            let logged = split(&bytes).unwrap();
            assert_eq!((logged.ether_type, logged.direction), (IPV4, Some(Direction::Out)));
            assert_eq!(logged.macs.unwrap().source, MacAddress([2, 0, 0, 0, 0, 10]));
            assert_eq!((logged.payload, logged.payload_len), (&b"packet"[..], 6));
        }
    }

    #[test]
    fn the_family_of_the_rule_names_the_packet() {
        let mut bytes = log(u16::to_le_bytes);
        bytes[0] = 10;
        assert_eq!(split(&bytes).unwrap().ether_type, IPV6);
    }

    #[test]
    fn a_packet_that_was_cut_keeps_its_length_and_without_one_the_log_is_cut() {
        let bytes = log(u16::to_le_bytes);
        let payload = bytes.len() - 8;
        for len in 0..bytes.len() {
            match split(&bytes[..len]) {
                Ok(logged) => {
                    assert_eq!((logged.payload.len(), logged.payload_len), ((len - payload).min(6), 6));
                }
                Err(why) => assert!(why == Why::Truncated && len < payload, "{len}"),
            }
        }
    }

    #[test]
    fn a_length_of_less_than_itself_is_no_length() {
        assert_eq!(split(&[2, 0, 0, 0, 3, 0, 9, 0]), Err(Why::Malformed));
        assert_eq!(split(&[2, 0, 0, 0, 4, 0, 9, 9]), Err(Why::Malformed));
        assert_eq!(split(&[2, 1, 0, 0]), Err(Why::Unsupported));
    }
}

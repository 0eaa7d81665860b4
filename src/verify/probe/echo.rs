//! The messages of a probe: an ICMP echo request with the canary in it, and what answers one.
//!
//! The layouts are those of RFC 792 (ICMP) and RFC 4443 section 4 (ICMPv6). Numbers are in network byte order.

use crate::packet::IpVersion;

/// The type of an ICMP echo request.
const ECHO: u8 = 8;
/// The type of an ICMP echo reply.
const ECHO_REPLY: u8 = 0;
/// The type of ICMP's destination unreachable.
const UNREACHABLE: u8 = 3;
/// The type of an ICMPv6 echo request.
const ECHO6: u8 = 128;
/// The type of an ICMPv6 echo reply.
const ECHO_REPLY6: u8 = 129;

/// Makes an echo request whose data is `len` bytes long and starts with a line of HTTP around the canary. The data is
/// longer than `len` if the line is.
pub(super) fn request(
    version: IpVersion,
    identifier: u16,
    sequence: u16,
    canary: &[u8],
    len: usize,
) -> Vec<u8> {
    let kind = match version {
        IpVersion::V4 => ECHO,
        IpVersion::V6 => ECHO6,
    };
    let mut message = vec![kind, 0, 0, 0];
    message.extend(identifier.to_be_bytes());
    message.extend(sequence.to_be_bytes());
    message.extend(b"GET /");
    message.extend(canary);
    message.extend(b" HTTP/1.1\r\n");
    let text = b"is this network encrypted? ".iter().cycle();
    message.extend(text.take((8 + len).saturating_sub(message.len())));
    if version == IpVersion::V4 {
        // The kernel fills in the checksum of ICMPv6 only.
        let sum = checksum(&message).to_be_bytes();
        message[2..4].copy_from_slice(&sum);
    }
    message
}

/// Returns the sequence number of the probe that this packet answers. An answer is an echo reply, or the target's own
/// message that it refuses pings: both show that the probe arrived. A raw socket of IPv4 shows the IP header, one of
/// IPv6 does not.
pub(super) fn answered(packet: &[u8], version: IpVersion, identifier: u16, canary: &[u8]) -> Option<u16> {
    let (message, wanted) = match version {
        IpVersion::V4 => (behind_ip(packet)?, ECHO_REPLY),
        IpVersion::V6 => (packet, ECHO_REPLY6),
    };
    if version == IpVersion::V4 && message.first() == Some(&UNREACHABLE) {
        // The message quotes the probe (RFC 792). It counts only if the target sent it: from a router it does not
        // show that the probe arrived.
        let probe = message.get(8..)?;
        let from_target = packet.get(12..16)? == probe.get(16..20)?;
        return sequence(behind_ip(probe).filter(|_| from_target)?, ECHO, identifier, canary);
    }
    sequence(message, wanted, identifier, canary)
}

fn behind_ip(packet: &[u8]) -> Option<&[u8]> {
    packet.get(usize::from(packet.first()? & 0x0f) * 4..)
}

fn sequence(message: &[u8], wanted: u8, identifier: u16, canary: &[u8]) -> Option<u16> {
    let &[kind, 0, _, _, i0, i1, s0, s1, ref data @ ..] = message else { return None };
    let ours = kind == wanted && u16::from_be_bytes([i0, i1]) == identifier;
    (ours && data.get(5..)?.starts_with(canary)).then_some(u16::from_be_bytes([s0, s1]))
}

/// Computes the Internet checksum of RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &[u8] = b"ovlsniff-canary-00112233445566778899";
    const LEN: usize = 72;

    /// Returns a probe with identifier 7 and sequence number 5.
    fn probe() -> Vec<u8> {
        request(IpVersion::V4, 7, 5, CANARY, LEN)
    }

    #[test]
    fn only_replies_to_our_probes_count() {
        let mut message = probe();
        assert_eq!(checksum(&message), 0);
        assert_eq!(message.len(), 8 + LEN);
        message[0] = ECHO_REPLY;
        let mut packet = vec![0x45; 20];
        packet.extend(&message);
        assert_eq!(answered(&packet, IpVersion::V4, 7, CANARY), Some(5));
        assert_eq!(answered(&packet, IpVersion::V4, 8, CANARY), None);
        packet[20] = ECHO;
        assert_eq!(answered(&packet, IpVersion::V4, 7, CANARY), None);
        for len in 0..40 {
            assert_eq!(answered(&packet[..len], IpVersion::V4, 7, CANARY), None);
        }
    }

    #[test]
    fn a_target_that_refuses_pings_was_reached_and_a_router_that_does_says_nothing() {
        let mut sent = vec![0x45; 20];
        sent[16..].copy_from_slice(&[10, 0, 0, 2]);
        sent.extend(probe());
        let refusal = |from: [u8; 4]| {
            let mut packet = vec![0x45; 20];
            packet[12..16].copy_from_slice(&from);
            packet.extend([UNREACHABLE, 10, 0, 0, 0, 0, 0, 0]);
            packet.extend(&sent);
            packet
        };
        let read = |packet: &[u8]| answered(packet, IpVersion::V4, 7, CANARY);
        assert_eq!(read(&refusal([10, 0, 0, 2])), Some(5));
        assert_eq!(read(&refusal([10, 0, 0, 1])), None);
        for len in 0..70 {
            assert_eq!(read(&refusal([10, 0, 0, 2])[..len]), None);
        }
    }

    #[test]
    fn an_ipv6_reply_comes_without_its_header() {
        let mut message = request(IpVersion::V6, 7, 5, CANARY, LEN);
        assert_eq!(answered(&message, IpVersion::V6, 7, CANARY), None, "the request itself is no answer");
        message[0] = ECHO_REPLY6;
        assert_eq!(answered(&message, IpVersion::V6, 7, CANARY), Some(5));
        assert_eq!(answered(&message, IpVersion::V6, 7, b"ovlsniff-canary-99"), None);
    }
}

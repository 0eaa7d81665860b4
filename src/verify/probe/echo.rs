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
/// The code of [`UNREACHABLE`] for a packet that is too long for the next link and may not be cut (RFC 1191).
const TOO_LONG: u8 = 4;
/// The type of an ICMPv6 echo request.
const ECHO6: u8 = 128;
/// The type of an ICMPv6 echo reply.
const ECHO_REPLY6: u8 = 129;
/// The type of ICMPv6's packet too big.
const TOO_BIG6: u8 = 2;

/// The length of the part of a message that is compared, in bytes. It holds identifier, sequence number and canary.
const COMPARED: usize = 512;

/// Makes an echo request whose data is `len` bytes long: a line of HTTP with the canary, and text. Short data is the
/// beginning of that.
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
    message.truncate(8 + len);
    if version == IpVersion::V4 {
        // The kernel fills in the checksum of ICMPv6 only.
        let sum = checksum(&message).to_be_bytes();
        message[2..4].copy_from_slice(&sum);
    }
    message
}

/// The meaning of a message that a probe brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard<'a> {
    /// The probe arrived. An echo reply says so, and the target's own message that it refuses pings.
    Answer(Quoted<'a>),
    /// The probe was not sent, because it is longer than the way allows. The device may say so itself.
    TooLong {
        probe: Quoted<'a>,
        /// The length of the longest packet, in bytes from the IP header on.
        most: u32,
    },
}

/// A probe's message as it comes back: from the identifier on, and perhaps cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quoted<'a>(&'a [u8]);

impl Quoted<'_> {
    pub(super) fn sequence(self) -> Option<u16> {
        self.0.get(2..4).and_then(|bytes| bytes.try_into().ok()).map(u16::from_be_bytes)
    }

    /// Returns true if this is the message that was sent. An error message may quote only its beginning.
    pub(super) fn is(self, sent: &[u8]) -> bool {
        let sent = sent.get(4..).unwrap_or(&[]);
        let sent = sent.get(..COMPARED).unwrap_or(sent);
        self.0.len() >= 4 && (self.0.starts_with(sent) || sent.starts_with(self.0))
    }
}

/// Reads what a raw socket received. A raw socket of IPv4 shows the IP header, one of IPv6 does not. Returns `None` if
/// it cannot be about a probe.
pub(super) fn heard(packet: &[u8], version: IpVersion) -> Option<Heard<'_>> {
    match version {
        IpVersion::V4 => heard_v4(packet, behind_ip(packet)?),
        IpVersion::V6 => heard_v6(packet),
    }
}

fn heard_v4<'a>(packet: &[u8], message: &'a [u8]) -> Option<Heard<'a>> {
    match *message {
        [ECHO_REPLY, 0, _, _, ref rest @ ..] => Some(Heard::Answer(Quoted(rest))),
        [UNREACHABLE, code, _, _, _, _, m0, m1, ref probe @ ..] => {
            let quoted = quoted(behind_ip(probe)?, ECHO)?;
            if code == TOO_LONG {
                let most = u32::from(u16::from_be_bytes([m0, m1]));
                return Some(Heard::TooLong { probe: quoted, most });
            }
            // The message counts only if the target sent it: from a router it does not show that the probe arrived.
            let from_target = packet.get(12..16)? == probe.get(16..20)?;
            from_target.then_some(Heard::Answer(quoted))
        }
        _ => None,
    }
}

fn heard_v6(message: &[u8]) -> Option<Heard<'_>> {
    match *message {
        [ECHO_REPLY6, 0, _, _, ref rest @ ..] => Some(Heard::Answer(Quoted(rest))),
        [TOO_BIG6, _, _, _, m0, m1, m2, m3, ref probe @ ..] => {
            let probe = quoted(probe.get(40..)?, ECHO6)?;
            Some(Heard::TooLong { probe, most: u32::from_be_bytes([m0, m1, m2, m3]) })
        }
        _ => None,
    }
}

/// Returns the probe that an error message quotes.
fn quoted(message: &[u8], kind: u8) -> Option<Quoted<'_>> {
    match message {
        [found, 0, _, _, rest @ ..] if *found == kind => Some(Quoted(rest)),
        _ => None,
    }
}

fn behind_ip(packet: &[u8]) -> Option<&[u8]> {
    packet.get(usize::from(packet.first()? & 0x0f) * 4..)
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

    /// Returns the sequence number if the packet answers the probe.
    fn answers(packet: &[u8], version: IpVersion) -> Option<u16> {
        match heard(packet, version)? {
            Heard::Answer(message) if message.is(&probe()) => message.sequence(),
            _ => None,
        }
    }

    #[test]
    fn only_replies_to_our_probes_count() {
        let mut message = probe();
        assert_eq!(checksum(&message), 0);
        assert_eq!(message.len(), 8 + LEN);
        message[0] = ECHO_REPLY;
        let mut packet = vec![0x45; 20];
        packet.extend(&message);
        assert_eq!(answers(&packet, IpVersion::V4), Some(5));
        packet[25] = 8;
        assert_eq!(answers(&packet, IpVersion::V4), None, "another identifier");
        packet[25] = 7;
        packet[20] = ECHO;
        assert_eq!(answers(&packet, IpVersion::V4), None);
        for len in 0..28 {
            assert_eq!(answers(&packet[..len], IpVersion::V4), None);
        }
    }

    #[test]
    fn a_probe_without_data_is_known_by_its_numbers() {
        let sent = request(IpVersion::V4, 7, 5, CANARY, 0);
        assert_eq!(sent.len(), 8);
        let reply = [&[0x45; 20][..], &[ECHO_REPLY, 0, 0, 0], &sent[4..]].concat();
        let Some(Heard::Answer(message)) = heard(&reply, IpVersion::V4) else { panic!("no answer") };
        assert!(message.is(&sent) && message.sequence() == Some(5));
        assert!(!message.is(&request(IpVersion::V4, 7, 6, CANARY, 0)));
    }

    #[test]
    fn a_target_that_refuses_pings_was_reached_and_a_router_that_does_says_nothing() {
        let refusal = refusal(10);
        let read = |packet: &[u8]| answers(packet, IpVersion::V4);
        assert_eq!(read(&refusal([10, 0, 0, 2])), Some(5));
        assert_eq!(read(&refusal([10, 0, 0, 1])), None);
        for len in 0..52 {
            assert_eq!(read(&refusal([10, 0, 0, 2])[..len]), None);
        }
    }

    /// Returns a function that makes a message of this code about the probe to 10.0.0.2, from the given address.
    fn refusal(code: u8) -> impl Fn([u8; 4]) -> Vec<u8> {
        let mut sent = vec![0x45; 20];
        sent[16..].copy_from_slice(&[10, 0, 0, 2]);
        sent.extend(probe());
        move |from: [u8; 4]| {
            let mut packet = vec![0x45; 20];
            packet[12..16].copy_from_slice(&from);
            packet.extend([UNREACHABLE, code, 0, 0, 0, 0, 5, 0xdc]);
            packet.extend(&sent);
            packet
        }
    }

    #[test]
    fn a_probe_that_is_too_long_did_not_arrive_whoever_says_so() {
        for from in [[10, 0, 0, 2], [10, 0, 0, 1]] {
            let packet = refusal(TOO_LONG)(from);
            let Some(Heard::TooLong { probe: quoted, most: 1500 }) = heard(&packet, IpVersion::V4) else {
                panic!("{from:?}")
            };
            assert!(quoted.is(&probe()));
        }
        let sent = request(IpVersion::V6, 7, 5, CANARY, LEN);
        let packet = [&[TOO_BIG6, 0, 0, 0, 0, 0, 5, 0xdc][..], &[0x60; 40], &sent].concat();
        assert!(
            matches!(heard(&packet, IpVersion::V6), Some(Heard::TooLong { probe, most: 1500 }) if probe.is(&sent))
        );
    }

    #[test]
    fn an_ipv6_reply_comes_without_its_header() {
        let mut message = request(IpVersion::V6, 7, 5, CANARY, LEN);
        assert_eq!(answers(&message, IpVersion::V6), None, "the request itself is no answer");
        message[0] = ECHO_REPLY6;
        assert_eq!(answers(&message, IpVersion::V6), Some(5));
        message[20] ^= 1;
        assert_eq!(answers(&message, IpVersion::V6), None, "another canary");
    }
}

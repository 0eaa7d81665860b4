//! ESP in TCP, RFC 9329 (formerly RFC 8229; linux `net/xfrm/espintcp.c`): IKE and ESP messages in a stream on port 4500.
//!
//! ```text
//! "IKETCP", once | length (2) | SPI (4), sequence (4), … | length (2) | 0 (4), IKE … | length (2) | …
//! ```
//!
//! The length counts itself. A message may begin anywhere in a segment and end in a later one, and one that is missed in
//! a capture leaves the rest of the stream without a beginning. So a segment is recognised in two ways. Either messages
//! fill it to the byte, which a segment of something else does by chance once in 2^16; text never does, because its first
//! two bytes are a greater number. Or its stream is known by the prefix, or by a message of IKE. Then each segment that is
//! not IKE's is opaque, and no more is known of it. In other streams on the port nothing is taken for ESP.

use std::net::IpAddr;

use super::pairs::{Pairs, pair};
use super::{Ports, Spi, TcpFlags};

const PREFIX: &[u8] = b"IKETCP";
/// The length field.
const LENGTH: usize = 2;
/// The shortest ESP message: its length, SPI and sequence number, and a trailer up to a multiple of 4 bytes.
const SHORTEST: usize = LENGTH + 12;
/// SPIs below are reserved (RFC 4303 section 2.1).
const FIRST_SPI: u32 = 256;

/// The streams that are known to carry IKE and ESP.
pub(super) type Streams = Pairs<64>;

/// A segment with opaque messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// The SPI of the first ESP message, if messages fill the segment.
    pub(super) spi: Option<Spi>,
}

/// The messages of a segment whose first byte begins one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Messages {
    /// True if the last one ends where the segment does.
    whole: bool,
    /// The SPI of the first ESP message.
    spi: Option<Spi>,
    /// True if one is IKE's beyond doubt, because the length in its header agrees.
    ike: bool,
}

impl Streams {
    /// Takes the payload of a segment between these ends, of this length by the IP header. Returns `None` if it is empty,
    /// IKE, or of a stream that is not known to carry ESP.
    pub(super) fn segment(
        &mut self,
        ends: (IpAddr, IpAddr),
        (ports, flags): (Ports, TcpFlags),
        payload: &[u8],
        declared: usize,
    ) -> Option<Segment> {
        /// The flag of the segment that opens a stream.
        const SYN: u8 = 0x02;
        let stream = pair(ends, ports);
        if flags.0 & SYN != 0 {
            self.forget(stream);
        }
        let (prefix, rest) = match payload.strip_prefix(PREFIX) {
            Some(rest) => (true, rest),
            None => (false, payload),
        };
        let found = messages(rest, if prefix { declared.saturating_sub(PREFIX.len()) } else { declared });
        if prefix || found.ike {
            self.learn(stream);
        }
        if rest.is_empty() || found.whole && found.spi.is_none() {
            return None;
        }
        if found.whole {
            return Some(Segment { spi: found.spi });
        }
        self.knows(stream).then_some(Segment { spi: None })
    }
}

fn messages(segment: &[u8], declared: usize) -> Messages {
    let mut found = Messages::default();
    let (mut rest, mut left) = (segment, declared);
    while let Some((&[high, low], body)) = rest.split_first_chunk::<LENGTH>() {
        let len = usize::from(u16::from_be_bytes([high, low]));
        match *body {
            // The SPI, the version 2 and the length of IKE (RFC 7296 section 3.1) are at fixed places behind the zeros.
            [0, 0, 0, 0, ref ike @ ..] if len > LENGTH + 4 => {
                let length =
                    ike.get(24..28).and_then(<[u8]>::first_chunk).map(|&bytes| u32::from_be_bytes(bytes));
                let version = ike.get(17).is_some_and(|version| version >> 4 == 2);
                found.ike |= version && length.is_some_and(|length| length as usize + LENGTH + 4 == len);
            }
            [0xff, ..] if len == LENGTH + 1 => {}
            [s0, s1, s2, s3, ..] if len >= SHORTEST => {
                let spi = u32::from_be_bytes([s0, s1, s2, s3]);
                if spi < FIRST_SPI {
                    return found;
                }
                found.spi = found.spi.or(Some(Spi(spi)));
            }
            _ => return found,
        }
        if len >= left {
            found.whole = len == left;
            return found;
        }
        left -= len;
        rest = rest.get(len..).unwrap_or(&[]);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &[u8]) -> Vec<u8> {
        [&(body.len() as u16 + 2).to_be_bytes()[..], body].concat()
    }

    fn esp(len: usize) -> Vec<u8> {
        message(&[&[0, 0, 0x20, 1, 0, 0, 0, 7][..], &vec![0xa5; len - 8]].concat())
    }

    fn ike() -> Vec<u8> {
        let mut body = vec![0; 4 + 40];
        (body[4 + 17], body[4 + 27]) = (0x20, 40);
        message(&body)
    }

    fn take(streams: &mut Streams, port: u16, flags: u8, payload: &[u8]) -> Option<Segment> {
        let ends = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let ports = Ports { source: port, destination: 4500 };
        streams.segment(ends, (ports, TcpFlags(flags)), payload, payload.len())
    }

    const KNOWN: Option<Segment> = Some(Segment { spi: Some(Spi(0x2001)) });
    const OPAQUE: Option<Segment> = Some(Segment { spi: None });

    #[test]
    fn messages_that_fill_a_segment_show_their_spi() {
        let mut streams = Streams::new();
        let two = [esp(40), esp(1400)].concat();
        assert_eq!(take(&mut streams, 40_000, 0x18, &esp(100)), KNOWN);
        assert_eq!(take(&mut streams, 40_000, 0x18, &two), KNOWN);
        assert_eq!(take(&mut streams, 40_000, 0x18, &[ike(), esp(100)].concat()), KNOWN);
        // A packet that the snaplen cut has its length all the same.
        let ends = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let ports = Ports { source: 4500, destination: 9 };
        assert_eq!(streams.segment(ends, (ports, TcpFlags(0x10)), &esp(900)[..60], 902), KNOWN);
    }

    #[test]
    fn a_segment_out_of_the_middle_is_opaque_in_a_known_stream_only() {
        let middle = &esp(1400)[700..];
        let mut streams = Streams::new();
        assert_eq!(take(&mut streams, 40_000, 0x10, middle), None);
        assert_eq!(take(&mut streams, 40_000, 0x18, b"IKETCP"), None);
        assert_eq!(take(&mut streams, 40_000, 0x10, middle), OPAQUE);
        assert_eq!(take(&mut streams, 40_001, 0x10, middle), None);
        // IKE stays readable as it is in UDP, and so does a keep-alive.
        assert_eq!(take(&mut streams, 40_000, 0x18, &ike()), None);
        assert_eq!(take(&mut streams, 40_000, 0x18, &[0, 3, 0xff]), None);
        // A new stream between the same ends is not known yet.
        assert_eq!(take(&mut streams, 40_000, 0x02, b""), None);
        assert_eq!(take(&mut streams, 40_000, 0x10, middle), None);
        assert_eq!(
            take(&mut streams, 40_000, 0x18, &[b"IKETCP", &ike()[..], &esp(1400)[..500]].concat()),
            OPAQUE
        );
        assert_eq!(take(&mut streams, 40_000, 0x10, middle), OPAQUE);
    }

    #[test]
    fn another_service_on_the_port_stays_readable() {
        let mut streams = Streams::new();
        for text in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"SSH-2.0-x\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
            b"",
            b"\0",
        ] {
            assert_eq!(take(&mut streams, 40_000, 0x18, text), None, "{text:?}");
        }
        let mut reserved = esp(100);
        reserved[4] = 0;
        assert_eq!(take(&mut streams, 40_000, 0x18, &reserved), None);
        assert_eq!(take(&mut streams, 40_000, 0x18, &message(&[9; 8])), None);
    }

    #[test]
    fn any_bytes_end() {
        let mut streams = Streams::new();
        for byte in 0..=255 {
            for len in 0..80 {
                take(&mut streams, 40_000, 0x10, &vec![byte; len]);
            }
        }
    }
}

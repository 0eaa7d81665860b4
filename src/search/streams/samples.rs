//! Conversations for tests, and what is told of them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write;

use super::table::Streams;
use super::{Begun, Follower, Limits, Overlap, Piece, Way};
use crate::packet::{Decoder, Frame, InterfaceNumber, LinkType, Timestamp, TunnelPorts};
use crate::search::context::Side;

/// The sequence numbers of the first bytes: of A's, and of B's.
pub(super) const A: u32 = 1000;
pub(super) const B: u32 = 5000;
pub(super) const SECOND: i64 = 1_000_000_000;

/// A segment. Its sequence number is relative to the sender's first byte, its acknowledgement number to the other's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent<'a> {
    /// The ports of the sender and the receiver. A has 40000, and B has 80.
    pub(super) ports: (u16, u16),
    pub(super) sequence: u32,
    pub(super) acknowledgement: u32,
    /// The letters of the flags.
    pub(super) flags: &'a str,
    pub(super) window: u16,
    pub(super) options: &'a [u8],
    pub(super) data: &'a [u8],
    /// The bytes that the snaplen cuts off.
    pub(super) cut: usize,
    /// Added to the right checksum.
    pub(super) checksum: u16,
    pub(super) ttl: u8,
    /// The urgent pointer, which is behind the urgent byte.
    pub(super) urgent: u16,
}

/// A segment of A's.
pub(super) fn a<'a>(flags: &'a str, sequence: u32, data: &'a str) -> Sent<'a> {
    let acknowledgement = if flags.contains('A') { B } else { 0 };
    Sent {
        ports: (40_000, 80),
        sequence: A.wrapping_add(sequence),
        acknowledgement,
        flags,
        window: 64_000,
        options: &[],
        data: data.as_bytes(),
        cut: 0,
        checksum: 0,
        ttl: 64,
        urgent: 0,
    }
}

/// A segment of B's.
pub(super) fn b<'a>(flags: &'a str, sequence: u32, data: &'a str) -> Sent<'a> {
    let acknowledgement = if flags.contains('A') { A } else { 0 };
    Sent { ports: (80, 40_000), sequence: B.wrapping_add(sequence), acknowledgement, ..a(flags, 0, data) }
}

impl<'a> Sent<'a> {
    /// Acknowledges this many bytes of the other side's.
    pub(super) fn ack(self, number: u32) -> Self {
        Self { acknowledgement: self.acknowledgement.wrapping_add(number), ..self }
    }

    pub(super) fn with(self, options: &'a [u8]) -> Self {
        Self { options, ..self }
    }

    /// Writes an IPv4 packet.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let flag = |letter: char| match letter {
            'F' => 1,
            'S' => 2,
            'R' => 4,
            'P' => 8,
            'A' => 16,
            'U' => 32,
            other => panic!("{other}"),
        };
        let flags: u8 = self.flags.chars().map(flag).sum();
        let ends = if self.ports.0 == 80 { [2, 1] } else { [1, 2] };
        let addresses = ends.map(|end| [10, 0, 0, end]).concat();
        let header = 20 + self.options.len();
        let mut segment = [self.ports.0.to_be_bytes(), self.ports.1.to_be_bytes()].concat();
        segment.extend(self.sequence.to_be_bytes());
        segment.extend(self.acknowledgement.to_be_bytes());
        segment.extend([(header as u8 / 4) << 4, flags]);
        segment.extend(self.window.to_be_bytes());
        segment.extend([0, 0]);
        segment.extend(self.urgent.to_be_bytes());
        segment.extend(self.options);
        segment.extend(self.data);
        let pseudo = [&addresses[..], &[0, 6], &(segment.len() as u16).to_be_bytes(), &segment].concat();
        let words =
            pseudo.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
        let mut sum: u32 = words.sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        let checksum = (!(sum as u16)).wrapping_add(self.checksum);
        segment[16..18].copy_from_slice(&checksum.to_be_bytes());
        let mut packet = vec![0x45, 0];
        packet.extend((20 + segment.len() as u16).to_be_bytes());
        packet.extend([0, 0, 0x40, 0, self.ttl, 6, 0, 0]);
        packet.extend(addresses);
        packet.extend(segment);
        packet
    }
}

/// A follower that holds nothing.
#[derive(Debug, Default)]
pub(super) struct Nothing;

impl Follower for Nothing {
    fn footprint(&self) -> usize {
        0
    }
}

/// A capture, and what is told of it: for each connection and source port, one line.
pub(super) struct Capture {
    pub(super) streams: Streams<Nothing>,
    decoder: Decoder,
    number: u64,
    now: i64,
    told: BTreeMap<(u64, Side), Line>,
}

/// The bytes that were told of one direction.
#[derive(Default)]
struct Line {
    text: String,
    /// The place behind the last piece.
    end: u64,
}

impl Default for Capture {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Capture {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            streams: Streams::new(limits),
            decoder: Decoder::new(TunnelPorts::default()),
            number: 0,
            now: 1_700_000_000 * SECOND,
            told: BTreeMap::new(),
        }
    }

    /// Begins with a handshake.
    pub(super) fn connected() -> Self {
        let mut capture = Self::default();
        capture.handshake();
        capture
    }

    pub(super) fn handshake(&mut self) {
        self.take(a("S", u32::MAX, "")).take(b("SA", u32::MAX, "")).take(a("A", 0, ""));
    }

    /// Takes these segments.
    pub(super) fn of(segments: &[Sent<'_>]) -> Self {
        let mut capture = Self::default();
        for segment in segments {
            capture.take(*segment);
        }
        capture
    }

    pub(super) fn take(&mut self, sent: Sent<'_>) -> &mut Self {
        let bytes = sent.bytes();
        self.frame(LinkType::RAW, &bytes[..bytes.len() - sent.cut], bytes.len())
    }

    pub(super) fn frame(&mut self, link: LinkType, bytes: &[u8], wire_len: usize) -> &mut Self {
        self.number += 1;
        self.now += 1000;
        let frame = Frame {
            number: self.number,
            time: Timestamp { nanos: self.now, digits: 9, known: true },
            link,
            interface: InterfaceNumber(0),
            direction: None,
            wire_len: wire_len as u32,
            bytes,
        };
        let packet = self.decoder.decode(&frame);
        let Self { streams, told, .. } = self;
        let Ok(()) = streams.tick(frame.time, &mut write(told));
        let Ok(_) = streams.take(&frame, &packet, &mut write(told));
        self
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, nanos: i64) -> &mut Self {
        self.now += nanos;
        self
    }

    /// Ends the capture.
    pub(super) fn finish(&mut self) -> &mut Self {
        let Self { streams, told, .. } = self;
        let Ok(()) = streams.finish(&mut write(told));
        self
    }

    /// Returns what was told of the bytes from a port in a connection: `text`, `{text=}` or `{text!}` where segments overlap,
    /// `(text)` for what came again, `[3 lost]` for gaps, `<fin>` at the end, and `~`
    /// in front of all if the beginning was missed.
    pub(super) fn told_of(&self, connection: u64, port: u16) -> &str {
        // A's address is the lower one.
        let from = if port == 80 { Side::High } else { Side::Low };
        self.told.get(&(connection, from)).map_or("", |line| &line.text)
    }

    /// Returns what was told of A's bytes in the first connection.
    pub(super) fn of_a(&self) -> &str {
        self.told_of(1, 40_000)
    }

    /// Returns what was told of B's bytes in the first connection.
    pub(super) fn of_b(&self) -> &str {
        self.told_of(1, 80)
    }
}

fn write(
    told: &mut BTreeMap<(u64, Side), Line>,
) -> impl FnMut(&mut Nothing, &Way, Piece<'_>) -> Result<(), Infallible> {
    move |_, way, piece| {
        let line = told.entry((way.connection, way.from)).or_default();
        let text = String::from_utf8_lossy;
        if line.text.is_empty() && way.begun == Begun::Midway {
            line.text.push('~');
        }
        let (offset, len) = match piece {
            Piece::Bytes { offset, bytes, frame, overlap } => {
                assert!(frame.bytes.windows(bytes.len()).any(|window| window == bytes));
                match overlap {
                    Overlap::None => line.text.push_str(&text(bytes)),
                    Overlap::Same => write!(line.text, "{{{}=}}", text(bytes)).unwrap(),
                    Overlap::Differs => write!(line.text, "{{{}!}}", text(bytes)).unwrap(),
                }
                (offset, bytes.len() as u64)
            }
            Piece::Again { offset, bytes } => {
                write!(line.text, "({})", text(bytes)).unwrap();
                assert!(offset + bytes.len() as u64 <= line.end);
                return Ok(());
            }
            Piece::Gap { offset, len, why } => {
                write!(line.text, "[{len} {}]", why.name()).unwrap();
                (offset, len)
            }
            Piece::End { why } => {
                write!(line.text, "<{}>", why.name()).unwrap();
                return Ok(());
            }
        };
        assert_eq!(offset, line.end, "a piece begins where the one before it ends");
        assert!(len > 0);
        line.end += len;
        Ok(())
    }
}

//! The classic pcap format (draft-ietf-opsawg-pcap), and its older and odder variants.
//!
//! ```text
//! file    magic(4) major(2) minor(2) reserved(8) snaplen(4) link(4) [bytes of all records(4)]
//! record  seconds(4) fraction(4) captured length(4) wire length(4) [interface(4) protocol(2) type(1) 0(1)] bytes
//! ```
//!
//! All numbers are in the byte order of the machine that wrote the file. The magic number shows which one that is.
//!
//! The two lengths of a record changed places in version 2.3, but some programs wrote 2.3 and the old order. As in libpcap
//! (`sf-pcap.c`), the lengths of 2.3 are exchanged where more bytes were captured than there were. DG/UX has the old order
//! too, and the version 543.0. AIX says 2.2, has nanoseconds, and numbers links by their `ifType` (RFC 1573); Wireshark
//! (`wiretap/libpcap.c`) recognises it by those numbers. Records of Alexey Kuznetzov's patch of the 1990s have a longer
//! header, and Ixia's file header is longer.

use super::buffer::Buffer;
use super::error::Fault;
use super::foreign::Foreign;
use super::magic::{
    IXIA_MICROSECONDS, IXIA_NANOSECONDS, KUZNETZOV, MICROSECONDS, NANOSECONDS, SECTION_HEADER, is_classic,
};
use super::{Interface, MAX_FRAME, Record};
use crate::packet::{Direction, InterfaceNumber, LinkType, Timestamp};

const FILE_HEADER: usize = 24;
/// The length of a usual record's header.
const HEAD: usize = 16;

/// The properties that the file's header gives to all its records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    big_endian: bool,
    /// True if the header of a record is 16 bytes long and has the captured length first, as in nearly all files.
    usual: bool,
    lengths: Lengths,
    /// Nanoseconds in a unit of a record's fraction of a second.
    unit: u32,
    digits: u8,
    link: LinkType,
    /// Bytes of frame check sequence (FCS) at the end of every frame.
    fcs: u32,
    /// Length of a record's header: 16, or 24 in Kuznetzov's variant.
    head: usize,
}

/// The order of a record's two lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    WireFirst,
    /// The captured length is the smaller one.
    Either,
}

impl Header {
    /// Reads the file's header.
    pub(super) fn open(buffer: &mut Buffer, magic: [u8; 4]) -> Result<(Self, Interface), Fault> {
        let big_endian = matches!(magic, [0xa1, ..] | [0x1c, 0, 1, _]);
        let number = if big_endian { u32::from_be_bytes(magic) } else { u32::from_le_bytes(magic) };
        let (mut unit, mut digits, head, size) = match number {
            MICROSECONDS => (1000, 6, 16, FILE_HEADER),
            NANOSECONDS => (1, 9, 16, FILE_HEADER),
            KUZNETZOV => (1000, 6, 24, FILE_HEADER),
            IXIA_MICROSECONDS => (1000, 6, 16, FILE_HEADER + 4),
            IXIA_NANOSECONDS => (1, 9, 16, FILE_HEADER + 4),
            _ => return Err(Fault::Foreign(Foreign::of(buffer.available()))),
        };
        if !buffer.fill(size)? {
            return Err(Fault::CutFileHeader { len: buffer.available().len() });
        }
        let Some(header) = buffer.head::<FILE_HEADER>() else { return Err(Fault::Empty) };
        let [_, _, _, _, m0, m1, n0, n1, _, _, _, _, _, _, _, _, s0, s1, s2, s3, l0, l1, l2, l3] = header;
        let u16_of = |b| if big_endian { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) };
        let u32_of = |b| if big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) };
        let version = (u16_of([m0, m1]), u16_of([n0, n1]));
        let lengths = match version {
            (2, 0..=2) | (543, 0) => Lengths::WireFirst,
            (2, 3) => Lengths::Either,
            (2, _) => Lengths::CapturedFirst,
            (major, minor) => {
                let what = format!("its pcap version {major}.{minor} is not known (2.0 to 2.4 are)");
                return Err(Fault::NotACapture { what });
            }
        };
        buffer.consume(size);
        // In the link type's upper half, bit 26 says that the upper four bits count the 16-bit words of the FCS.
        let number_of_link = u32_of([l0, l1, l2, l3]);
        let fcs = if number_of_link & (1 << 26) != 0 { (number_of_link >> 28) * 2 } else { 0 };
        let mut link = LinkType::from_file((number_of_link & 0xffff) as u16);
        if let (MICROSECONDS, (2, 2), Some(of_aix)) = (number, version, aix(number_of_link)) {
            (link, unit, digits) = (of_aix, 1, 9);
        }
        let snaplen = u32_of([s0, s1, s2, s3]);
        let interface = Interface { name: None, link, snaplen, digits, filter: None };
        let usual = head == 16 && lengths == Lengths::CapturedFirst;
        Ok((Self { big_endian, usual, lengths, unit, digits, link, fcs, head }, interface))
    }

    /// Takes the next record, if its header is a usual one and the whole of it is in the buffer.
    #[inline]
    pub(super) fn whole(&self, buffer: &mut Buffer) -> Option<Record> {
        let fields = if self.usual { self.whole_fields(buffer.available())? } else { return None };
        Some(self.take(buffer, fields, None))
    }

    /// Returns true if the header of a record is 16 bytes long and has the captured length first, as in nearly all files.
    pub(super) fn is_usual(&self) -> bool {
        self.usual
    }

    /// Returns the fields of the usual record that `bytes` begin with, if the whole of it is there and may be a frame.
    #[inline]
    fn whole_fields(&self, bytes: &[u8]) -> Option<[u32; 4]> {
        let (head, frame) = bytes.split_first_chunk()?;
        let fields = self.fields(head);
        let captured = fields[2];
        // An empty record may be the header of another file, so `next` looks at it.
        ((1..=MAX_FRAME).contains(&captured) && captured as usize <= frame.len()).then_some(fields)
    }

    /// Returns the usual record that `bytes` begin with, if the whole of it is there and may be a frame, and the number of its
    /// bytes. The frame starts at an index in `bytes`, and its frame check sequence is left out.
    #[inline]
    pub(super) fn whole_in(&self, bytes: &[u8]) -> Option<(Record, usize)> {
        let fields = self.whole_fields(bytes)?;
        Some((self.record(fields, HEAD, None), HEAD + fields[2] as usize))
    }

    /// Returns the fields of the usual record whose header `bytes` begin with.
    #[inline]
    pub(super) fn head(&self, bytes: &[u8]) -> Option<[u32; 4]> {
        bytes.first_chunk().map(|head| self.fields(head))
    }

    /// Returns true if this may be the fraction of a second.
    #[inline]
    pub(super) fn is_fraction(&self, fraction: u32) -> bool {
        u64::from(fraction) * u64::from(self.unit) < 1_000_000_000
    }

    /// Takes the next record, and reads more if need be. `None` at the file's end.
    pub(super) fn next(&self, buffer: &mut Buffer) -> Result<Option<Record>, Fault> {
        let Some(header) = buffer.peek::<16>()? else { return end(buffer) };
        let fields = self.in_order(&header);
        let captured = fields[2];
        // The reserved fields of a file's header stand where a record has its lengths. They are zero.
        let [magic @ .., _, _, _, _, _, _, _, _, _, _, _, _] = header;
        if fields[2..] == [0, 0] && is_classic(magic) || magic == SECTION_HEADER && captured > MAX_FRAME {
            return Err(Fault::another(buffer.offset()));
        }
        if captured > MAX_FRAME {
            return Err(Fault::absurd(buffer.offset(), captured));
        }
        if !buffer.fill(self.head + captured as usize)? {
            return Err(cut_in_frame(buffer, self.head, captured));
        }
        let direction = if self.head == 16 { None } else { packet_type(buffer.available()) };
        Ok(Some(self.take(buffer, fields, direction)))
    }

    /// Takes a record of which all is in the buffer. `fields` has the captured length before the wire length.
    #[inline]
    fn take(&self, buffer: &mut Buffer, fields: [u32; 4], direction: Option<Direction>) -> Record {
        let record = self.record(fields, buffer.start() + self.head, direction);
        buffer.consume(self.head + fields[2] as usize);
        record
    }

    /// Makes a record of its fields, the captured length before the wire length. Its frame begins at `start`.
    #[inline]
    fn record(&self, fields: [u32; 4], start: usize, direction: Option<Direction>) -> Record {
        let [seconds, fraction, captured, wire] = fields;
        let nanos = i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * i64::from(self.unit);
        let (wire_len, len) = without_fcs(wire, captured as usize, self.fcs);
        let time = Timestamp { nanos, digits: self.digits, known: true };
        Record { time, link: self.link, interface: InterfaceNumber(0), direction, wire_len, start, len }
    }

    /// Returns true if a whole record is in the buffer.
    pub(super) fn ready(&self, buffer: &Buffer) -> bool {
        let Some(header) = buffer.head::<16>() else { return false };
        let [_, _, captured, _] = self.in_order(&header);
        buffer.available().len() >= self.head + captured as usize
    }

    #[inline]
    fn fields(&self, header: &[u8; 16]) -> [u32; 4] {
        let &[s0, s1, s2, s3, f0, f1, f2, f3, a0, a1, a2, a3, b0, b1, b2, b3] = header;
        // `map` on arrays of four is a loop of calls here.
        let little = [
            u32::from_le_bytes([s0, s1, s2, s3]),
            u32::from_le_bytes([f0, f1, f2, f3]),
            u32::from_le_bytes([a0, a1, a2, a3]),
            u32::from_le_bytes([b0, b1, b2, b3]),
        ];
        if !self.big_endian {
            return little;
        }
        let [seconds, fraction, a, b] = little;
        [seconds.swap_bytes(), fraction.swap_bytes(), a.swap_bytes(), b.swap_bytes()]
    }

    /// Returns the fields with the captured length before the wire length, in whatever order the file has them.
    fn in_order(&self, header: &[u8; 16]) -> [u32; 4] {
        let [seconds, fraction, a, b] = self.fields(header);
        match self.lengths {
            Lengths::WireFirst => [seconds, fraction, b, a],
            Lengths::Either if a > b => [seconds, fraction, b, a],
            Lengths::Either | Lengths::CapturedFirst => [seconds, fraction, a, b],
        }
    }
}

/// Returns the length of a usual record of these fields, its header included. `None` if it may be no frame.
#[inline]
pub(super) fn record_len(fields: [u32; 4]) -> Option<usize> {
    let captured = fields[2];
    (1..=MAX_FRAME).contains(&captured).then_some(HEAD + captured as usize)
}

/// Returns the link type that AIX means by an `ifType`: Ethernet, Token Ring or loopback. It also has FDDI (15), with
/// padding in front of each frame, which is not read here.
fn aix(if_type: u32) -> Option<LinkType> {
    match if_type {
        6 => Some(LinkType::ETHERNET),
        9 => Some(LinkType(6)),
        24 => Some(LinkType::NULL),
        _ => None,
    }
}

/// Returns the wire length and the captured length of a frame without its FCS. A frame that the snaplen cut has lost
/// some or all of the FCS already.
#[inline]
pub(super) fn without_fcs(wire: u32, captured: usize, fcs: u32) -> (u32, usize) {
    // A capture cannot hold more bytes than were on the wire. If a file says so, its captured bytes are believed.
    let wire = wire.max(captured as u32);
    let wire = if fcs == 0 { wire } else { wire.saturating_sub(fcs) };
    (wire, captured.min(wire as usize))
}

/// Reads the direction from the Linux packet type (`if_packet.h`) in the record header of Kuznetzov's variant.
fn packet_type(header: &[u8]) -> Option<Direction> {
    match header.get(22)? {
        0..=2 => Some(Direction::In),
        4 => Some(Direction::Out),
        _ => None,
    }
}

#[cold]
fn end(buffer: &Buffer) -> Result<Option<Record>, Fault> {
    let rest = buffer.available().len();
    let begin = buffer.offset();
    if rest == 0 {
        // Behind the end of a file that was cut there is nothing to read, as at the end of a whole one.
        return match buffer.cut_to() {
            Some(len) => Err(Fault::Damaged {
                offset: begin,
                what: format!("it was cut to {len} bytes while it was read"),
            }),
            None => Ok(None),
        };
    }
    Err(Fault::Cut { offset: begin + rest as u64, what: format!("the header of the record at byte {begin}") })
}

#[cold]
fn cut_in_frame(buffer: &Buffer, head: usize, captured: u32) -> Fault {
    let rest = buffer.available().len();
    let offset = buffer.offset() + rest as u64;
    let begin = buffer.offset();
    let what = if rest < head {
        format!("the header of the record at byte {begin}")
    } else {
        let here = rest - head;
        format!("a frame of which {here} of {captured} bytes are there (its record begins at byte {begin})")
    };
    Fault::Cut { offset, what }
}

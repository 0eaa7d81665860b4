//! The classic pcap format (draft-ietf-opsawg-pcap), and its variant from Alexey Kuznetzov's patch of the 1990s,
//! which has a longer record header.
//!
//! ```text
//! file    magic(4) major(2) minor(2) reserved(8) snaplen(4) link(4)
//! record  seconds(4) fraction(4) captured length(4) wire length(4) [interface(4) protocol(2) type(1) 0(1)] bytes
//! ```
//!
//! All numbers are in the byte order of the machine that wrote the file. The magic number shows which one that is.

use super::buffer::Buffer;
use super::error::Fault;
use super::{Interface, MAX_FRAME, Record};
use crate::packet::{Direction, InterfaceNumber, LinkType, Timestamp};

const FILE_HEADER: usize = 24;
const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const KUZNETZOV: u32 = 0xa1b2_cd34;

/// The properties that the file's header gives to all its records.
#[derive(Debug)]
pub(super) struct Header {
    big_endian: bool,
    /// Nanoseconds in a unit of a record's fraction of a second.
    unit: u32,
    digits: u8,
    link: LinkType,
    /// Bytes of frame check sequence (FCS) at the end of every frame.
    fcs: u32,
    /// Length of a record's header: 16, or 24 in Kuznetzov's variant.
    head: usize,
}

impl Header {
    /// Reads the file's header.
    pub(super) fn open(buffer: &mut Buffer, magic: [u8; 4]) -> Result<(Self, Interface), Fault> {
        let big_endian = magic[0] == 0xa1;
        let number = if big_endian { u32::from_be_bytes(magic) } else { u32::from_le_bytes(magic) };
        let (unit, digits, head) = match number {
            MICROSECONDS => (1000, 6, 16),
            NANOSECONDS => (1, 9, 16),
            KUZNETZOV => (1000, 6, 24),
            _ => return Err(Fault::NotACapture { what: unknown(magic) }),
        };
        let Some(header) = buffer.peek::<FILE_HEADER>()? else {
            return Err(Fault::CutFileHeader { len: buffer.available().len() });
        };
        let [_, _, _, _, m0, m1, n0, n1, _, _, _, _, _, _, _, _, s0, s1, s2, s3, l0, l1, l2, l3] = header;
        let u16_of = |b| if big_endian { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) };
        let u32_of = |b| if big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) };
        let (major, minor) = (u16_of([m0, m1]), u16_of([n0, n1]));
        if major != 2 {
            let what = format!("its pcap version {major}.{minor} is not known (2.4 is)");
            return Err(Fault::NotACapture { what });
        }
        buffer.consume(FILE_HEADER);
        // In the link type's upper half, bit 26 says that the upper four bits count the 16-bit words of the FCS.
        let link = u32_of([l0, l1, l2, l3]);
        let fcs = if link & (1 << 26) != 0 { (link >> 28) * 2 } else { 0 };
        let link = LinkType::from_file((link & 0xffff) as u16);
        let snaplen = u32_of([s0, s1, s2, s3]);
        let interface = Interface { name: None, link, snaplen, digits, filter: None };
        Ok((Self { big_endian, unit, digits, link, fcs, head }, interface))
    }

    /// Takes the next record, if the whole of it is in the buffer.
    #[inline]
    pub(super) fn whole(&self, buffer: &mut Buffer) -> Option<Record> {
        let available = buffer.available();
        let [seconds, fraction, captured, wire] = self.fields(available.first_chunk()?);
        let whole = self.head + captured as usize;
        if whole > available.len() || captured > MAX_FRAME {
            return None;
        }
        let direction = if self.head == 16 { None } else { packet_type(available) };
        let start = buffer.start() + self.head;
        buffer.consume(whole);
        let nanos = i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * i64::from(self.unit);
        let (wire_len, len) = without_fcs(wire, captured as usize, self.fcs);
        let time = Timestamp { nanos, digits: self.digits };
        Some(Record { time, link: self.link, interface: InterfaceNumber(0), direction, wire_len, start, len })
    }

    /// Takes the next record, and reads more if need be. `None` at the file's end.
    pub(super) fn next(&self, buffer: &mut Buffer) -> Result<Option<Record>, Fault> {
        let Some(header) = buffer.peek::<16>()? else { return end(buffer) };
        let [_, _, captured, _] = self.fields(&header);
        if captured > MAX_FRAME {
            return Err(Fault::absurd(buffer.offset(), captured));
        }
        if !buffer.fill(self.head + captured as usize)? {
            return Err(cut_in_frame(buffer, self.head, captured));
        }
        Ok(self.whole(buffer))
    }

    /// Returns true if a whole record is in the buffer.
    pub(super) fn ready(&self, buffer: &Buffer) -> bool {
        let Some(header) = buffer.head::<16>() else { return false };
        let [_, _, captured, _] = self.fields(&header);
        buffer.available().len() >= self.head + captured as usize
    }

    #[inline]
    fn fields(&self, header: &[u8; 16]) -> [u32; 4] {
        let words = [0, 4, 8, 12].map(|at| [header[at], header[at + 1], header[at + 2], header[at + 3]]);
        if self.big_endian { words.map(u32::from_be_bytes) } else { words.map(u32::from_le_bytes) }
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

/// Describes a file that begins with these bytes.
#[cold]
fn unknown(magic: [u8; 4]) -> String {
    let packer = match magic {
        [0xfd, b'7', b'z', b'X'] => "xz",
        [b'B', b'Z', b'h', _] => "bzip2",
        [0x04, 0x22, 0x4d, 0x18] => "lz4",
        [a, b, c, d] => {
            return format!(
                "it begins with {a:02x} {b:02x} {c:02x} {d:02x}, which is neither pcap nor pcapng"
            );
        }
    };
    format!("it is packed with {packer}; give what `{packer} -dc` makes of it to -r -")
}

#[cold]
fn end(buffer: &Buffer) -> Result<Option<Record>, Fault> {
    let rest = buffer.available().len();
    if rest == 0 {
        return Ok(None);
    }
    let begin = buffer.offset();
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

//! The pcapng format (draft-ietf-opsawg-pcapng): blocks, in sections. Each section has its own byte order and its own
//! interfaces.
//!
//! ```text
//! block           type(4) total length(4) body total length(4)
//! section header  byte-order magic(4) major(2) minor(2) section length(8) options
//! enhanced packet interface(4) time high(4) time low(4) captured(4) wire(4) bytes, padded to 4; options
//! old packet      interface(2) drops(2) then as above
//! simple packet   wire(4) bytes, padded to 4
//! statistics      interface(4) time(8) options
//! ```
//!
//! Frame numbers are those of Wireshark (4.0 was asked): it also numbers some records that are no packets, entries of a system's journal
//! among them. A simple packet has no time.

mod counts;
mod description;
mod fields;

use super::buffer::Buffer;
use super::classic::without_fcs;
use super::error::Fault;
use super::magic::is_classic;
use super::{Interface, MAX_FRAME, MAX_INTERFACES, Record};
use crate::packet::{Direction, InterfaceNumber, Timestamp};
use counts::Said;
use description::Description;
use fields::{Endian, Fields};

pub(super) use counts::Counts;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// The types of the blocks that Wireshark numbers although they hold no packet: an entry of systemd's journal, sysdig's
/// events in three versions, and custom blocks, which may be copied by programs that do not know them or may not.
const NUMBERED: [u32; 6] = [9, 0x204, 0x216, 0x221, 0x0bad, 0x4000_0bad];

/// The length of a block without its body: the type and two lengths.
const AROUND: u32 = 12;
/// The longest block that is read as a whole, in bytes: a frame, with space for its options.
const MAX_BLOCK: u32 = MAX_FRAME + (1 << 20);
/// The longest statistics block that is read, in bytes.
const MAX_STATISTICS: u32 = 1 << 16;

#[derive(Debug, Default)]
pub(super) struct Section {
    endian: Endian,
    /// The section's interfaces, in the order of their numbers.
    interfaces: Vec<Description>,
}

/// The fixed fields of a packet block.
struct Fixed {
    interface: usize,
    ticks: u64,
    captured: u32,
    wire: u32,
    /// The offset of the frame's bytes in the body.
    at: usize,
}

#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Wrong {
    #[error("a packet block is too short for its fields")]
    TooShort,
    #[error("a packet names interface {0}, which was not declared")]
    Interface(usize),
    #[error("a packet of {captured} bytes is in a block with room for {room}")]
    Room { captured: usize, room: usize },
}

impl Section {
    /// Reads the header of the first section.
    pub(super) fn open(buffer: &mut Buffer, interfaces: &mut [Interface]) -> Result<Self, Fault> {
        debug_assert!(interfaces.is_empty());
        let mut section = Self::default();
        match section.begin(buffer) {
            Err(Fault::Cut { offset, .. }) => Err(Fault::CutFileHeader { len: offset as usize }),
            other => other.map(|()| section),
        }
    }

    /// Takes the next packet, if an enhanced packet block comes next and the whole of it is in the buffer.
    #[inline]
    pub(super) fn whole(&self, buffer: &mut Buffer, counts: &mut Counts) -> Option<Record> {
        let [kind, total] = self.endian.two(*buffer.available().first_chunk()?);
        if kind != ENHANCED_PACKET || total < AROUND || total % 4 != 0 || total > MAX_BLOCK {
            return None;
        }
        let block = buffer.available().get(..total as usize)?;
        if self.endian.u32(*block.last_chunk()?) != total {
            return None;
        }
        self.packet(buffer, kind, total, counts).ok()
    }

    /// Takes the next packet block, and reads more if need be. `None` at the file's end. Adds to `number` the records
    /// before it that are numbered and are no packets.
    pub(super) fn next(
        &mut self,
        buffer: &mut Buffer,
        interfaces: &mut Vec<Interface>,
        counts: &mut Counts,
        number: &mut u64,
    ) -> Result<Option<Record>, Fault> {
        loop {
            let Some(head) = buffer.peek::<8>()? else { return end(buffer) };
            let [kind, total] = self.endian.two(head);
            if kind == SECTION {
                self.begin(buffer)?;
                continue;
            }
            if head.first_chunk().is_some_and(|magic| is_classic(*magic)) {
                return Err(Fault::another(buffer.offset()));
            }
            check_length(buffer, total, AROUND)?;
            match kind {
                ENHANCED_PACKET | OLD_PACKET | SIMPLE_PACKET => {
                    self.whole_block(buffer, total)?;
                    return match self.packet(buffer, kind, total, counts) {
                        Ok(record) => Ok(Some(record)),
                        Err(wrong) => {
                            Err(Fault::Damaged { offset: buffer.offset(), what: wrong.to_string() })
                        }
                    };
                }
                INTERFACE => {
                    self.whole_block(buffer, total)?;
                    self.interface(buffer, total, interfaces)?;
                    counts.declare();
                }
                STATISTICS if total <= MAX_STATISTICS => {
                    self.whole_block(buffer, total)?;
                    self.statistics(buffer, total, counts);
                }
                _ => {
                    let begin = buffer.offset();
                    if !buffer.skip(u64::from(total))? {
                        return Err(cut(begin, buffer));
                    }
                    *number += u64::from(NUMBERED.contains(&kind));
                }
            }
        }
    }

    /// Takes the description of the first interface, if it comes next. What is wrong with it is told by [`Self::next`].
    pub(super) fn first_interface(
        &mut self,
        buffer: &mut Buffer,
        interfaces: &mut Vec<Interface>,
        counts: &mut Counts,
    ) {
        let Ok(Some(head)) = buffer.peek::<8>() else { return };
        let [kind, total] = self.endian.two(head);
        let sound = kind == INTERFACE && check_length(buffer, total, AROUND).is_ok();
        if sound
            && self.whole_block(buffer, total).is_ok()
            && self.interface(buffer, total, interfaces).is_ok()
        {
            counts.declare();
        }
    }

    /// Returns true if a whole block is in the buffer.
    pub(super) fn ready(&self, buffer: &Buffer) -> bool {
        let Some(head) = buffer.head::<8>() else { return false };
        let [_, total] = self.endian.two(head);
        buffer.available().len() >= total as usize
    }

    /// Takes a section header block. From here on, its byte order and its own interfaces hold.
    fn begin(&mut self, buffer: &mut Buffer) -> Result<(), Fault> {
        let Some(head) = buffer.peek::<16>()? else { return Err(cut(buffer.offset(), buffer)) };
        let [_, _, _, _, l0, l1, l2, l3, magic @ .., m0, m1, _, _] = head;
        self.endian = Endian::of(magic).ok_or_else(|| Fault::Damaged {
            offset: buffer.offset(),
            what: "a pcapng section's byte-order magic is none".into(),
        })?;
        self.interfaces.clear();
        let major = self.endian.u16([m0, m1]);
        if major != 1 {
            let what = format!("a pcapng section of version {major}, which is not known (1 is)");
            return Err(Fault::Damaged { offset: buffer.offset(), what });
        }
        let total = self.endian.u32([l0, l1, l2, l3]);
        check_length(buffer, total, AROUND + 16)?;
        let begin = buffer.offset();
        if buffer.skip(u64::from(total))? { Ok(()) } else { Err(cut(begin, buffer)) }
    }

    /// Reads until the whole block is in the buffer, and checks that its two lengths agree.
    fn whole_block(&self, buffer: &mut Buffer, total: u32) -> Result<(), Fault> {
        if total > MAX_BLOCK {
            return Err(Fault::absurd(buffer.offset(), total));
        }
        if !buffer.fill(total as usize)? {
            return Err(cut(buffer.offset(), buffer));
        }
        let again = buffer.slice(buffer.start() + total as usize - 4, 4);
        match again.first_chunk().map(|b| self.endian.u32(*b)) {
            Some(again) if again == total => Ok(()),
            again => Err(Fault::Damaged {
                offset: buffer.offset(),
                what: format!(
                    "a block is {total} bytes long by its first length and {} by its last",
                    again.unwrap_or(0)
                ),
            }),
        }
    }

    fn interface(
        &mut self,
        buffer: &mut Buffer,
        total: u32,
        interfaces: &mut Vec<Interface>,
    ) -> Result<(), Fault> {
        let offset = buffer.offset();
        if interfaces.len() >= MAX_INTERFACES {
            return Err(Fault::Damaged {
                offset,
                what: format!("it declares more than {MAX_INTERFACES} interfaces"),
            });
        }
        let body = self.body(buffer, total);
        let Some((mut description, interface)) = Description::read(body) else {
            return Err(Fault::Damaged { offset, what: "an interface description is too short".into() });
        };
        buffer.consume(total as usize);
        description.number = interfaces.len() as u32;
        self.interfaces.push(description);
        interfaces.push(interface);
        Ok(())
    }

    /// Takes an interface's statistics.
    fn statistics(&self, buffer: &mut Buffer, total: u32, counts: &mut Counts) {
        let body = self.body(buffer, total);
        let of = body.u32(0).and_then(|interface| self.interfaces.get(interface as usize));
        if let Some(counted) = of.and_then(|of| counts.of(of.number)) {
            counted.statistics(body.from(12));
        }
        buffer.consume(total as usize);
    }

    /// Takes a packet block, all of which is in the buffer.
    #[inline]
    fn packet(
        &self,
        buffer: &mut Buffer,
        kind: u32,
        total: u32,
        counts: &mut Counts,
    ) -> Result<Record, Wrong> {
        let body = self.body(buffer, total);
        let fixed = Fixed::read(body, kind).ok_or(Wrong::TooShort)?;
        let interface = self.interfaces.get(fixed.interface).ok_or(Wrong::Interface(fixed.interface))?;
        let room = (body.len() - fixed.at).min(MAX_FRAME as usize);
        let captured = if kind == SIMPLE_PACKET {
            // A simple packet has no captured length: it is the whole frame, or as much as the snaplen allowed.
            let limit = if interface.snaplen == 0 { u32::MAX } else { interface.snaplen };
            fixed.wire.min(limit) as usize
        } else {
            fixed.captured as usize
        };
        if captured > room {
            return Err(Wrong::Room { captured, room });
        }
        let options = body.from(fixed.at + captured.next_multiple_of(4));
        let said = match kind {
            ENHANCED_PACKET if options.len() >= 8 => Said::enhanced(options),
            OLD_PACKET => Said::old(options, body.u16(2)),
            _ => Said::default(),
        };
        let (direction, fcs) =
            said.flags.map_or((None, interface.fcs), |flags| meaning(flags, interface.fcs));
        if let Some(counted) = counts.of(interface.number) {
            counted.frame();
            if let Some(lost) = said.lost {
                counted.lost_between(lost);
            }
        }
        let (wire_len, len) = without_fcs(fixed.wire, captured, fcs);
        let time = if kind == SIMPLE_PACKET {
            Timestamp { nanos: 0, digits: 0, known: false }
        } else {
            interface.time(fixed.ticks)
        };
        let start = buffer.start() + 8 + fixed.at;
        buffer.consume(total as usize);
        Ok(Record {
            time,
            link: interface.link,
            interface: InterfaceNumber(interface.number),
            direction,
            wire_len,
            start,
            len,
        })
    }

    /// Returns the body of a block, all of which is in the buffer.
    #[inline]
    fn body<'a>(&self, buffer: &'a Buffer, total: u32) -> Fields<'a> {
        Fields::new(buffer.slice(buffer.start() + 8, total as usize - AROUND as usize), self.endian)
    }
}

impl Fixed {
    #[inline]
    fn read(body: Fields<'_>, kind: u32) -> Option<Self> {
        if kind == SIMPLE_PACKET {
            return Some(Self { interface: 0, ticks: 0, captured: 0, wire: body.u32(0)?, at: 4 });
        }
        let [id, high, low, captured, wire] = body.words()?;
        let interface = if kind == OLD_PACKET { u32::from(body.u16(0)?) } else { id };
        Some(Self {
            interface: interface as usize,
            ticks: (u64::from(high) << 32) | u64::from(low),
            captured,
            wire,
            at: 20,
        })
    }
}

/// Reads a packet's flags: the direction (bits 0 and 1) and the length of the FCS (bits 5 to 8, 0 for unknown).
fn meaning(flags: u32, fcs: u32) -> (Option<Direction>, u32) {
    let direction = match flags & 3 {
        1 => Some(Direction::In),
        2 => Some(Direction::Out),
        _ => None,
    };
    let own = (flags >> 5) & 0xf;
    (direction, if own == 0 { fcs } else { own })
}

#[inline]
fn check_length(buffer: &Buffer, total: u32, least: u32) -> Result<(), Fault> {
    if total >= least && total % 4 == 0 {
        return Ok(());
    }
    Err(Fault::Damaged { offset: buffer.offset(), what: format!("a block cannot be {total} bytes long") })
}

#[cold]
fn end(buffer: &Buffer) -> Result<Option<Record>, Fault> {
    if buffer.available().is_empty() { Ok(None) } else { Err(cut(buffer.offset(), buffer)) }
}

#[cold]
fn cut(begin: u64, buffer: &Buffer) -> Fault {
    let offset = buffer.offset() + buffer.available().len() as u64;
    Fault::Cut { offset, what: format!("the block at byte {begin}") }
}

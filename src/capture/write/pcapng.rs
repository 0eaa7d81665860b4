//! The pcapng format, little-endian, in one section. `savefile/pcapng.rs` shows its layout.

use std::collections::HashMap;
use std::io::{self, Write};

use super::Counters;
use crate::capture::savefile::{Filtered, Interface};
use crate::packet::{Direction, Frame, LinkType, Timestamp};

/// The name of this program, which readers show.
const PROGRAM: &str = concat!("ovlsniff ", env!("CARGO_PKG_VERSION"));

/// The comment on a packet that had to be given a time, because a simple packet block cannot hold it.
const NO_TIME: &[u8] = b"captured without a time";

#[derive(Debug, Default)]
pub(super) struct State {
    /// The system that frames are captured on.
    pub(super) system: Option<String>,
    numbers: HashMap<Interface, u32>,
    /// The interface of the last frame, which is mostly that of the next one too.
    last: Option<(Interface, u32)>,
}

impl State {
    /// Returns the number of `interface` with this link type. Writes its description first if it is new, and the
    /// section's header before the first description.
    pub(super) fn declare(
        &mut self,
        out: &mut impl Write,
        link: LinkType,
        interface: &Interface,
    ) -> io::Result<u32> {
        match &self.last {
            Some((last, number)) if last.link == link && same_but_link(last, interface) => {
                return Ok(*number);
            }
            _ => {}
        }
        let interface = Interface { link, ..interface.clone() };
        let number = if let Some(number) = self.numbers.get(&interface) {
            *number
        } else {
            if self.numbers.is_empty() {
                section(out, self.system.as_deref())?;
            }
            description(out, &interface)?;
            let number = self.numbers.len() as u32;
            self.numbers.insert(interface.clone(), number);
            number
        };
        self.last = Some((interface, number));
        Ok(number)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }
}

/// Writes a packet: `prefix`, then the frame. The time is in microseconds, or in nanoseconds if the interface has more
/// than 6 digits.
pub(super) fn write(
    out: &mut impl Write,
    frame: &Frame<'_>,
    prefix: &[u8],
    number: u32,
    interface: &Interface,
    comment: Option<&str>,
) -> io::Result<()> {
    let captured = (prefix.len() + frame.bytes.len()) as u32;
    let wire = frame.wire_len.saturating_add(prefix.len() as u32);
    if !frame.time.known {
        let limit = if interface.snaplen == 0 { u32::MAX } else { interface.snaplen };
        let bare = frame.direction.is_none() && comment.is_none();
        if number == 0 && bare && captured == wire.min(limit) {
            return simple(out, frame, prefix, captured, wire);
        }
    }
    let (high, low) = if frame.time.known { ticks(frame.time, interface.digits) } else { (0, 0) };
    let mut options = Vec::new();
    if let Some(direction) = frame.direction {
        option(&mut options, 2, &if direction == Direction::In { 1u32 } else { 2 }.to_le_bytes())?;
    }
    if !frame.time.known {
        option(&mut options, 1, NO_TIME)?;
    }
    if let Some(comment) = comment {
        text(&mut options, 1, comment)?;
    }
    if !options.is_empty() {
        option(&mut options, 0, &[])?;
    }
    let total = 32 + captured.next_multiple_of(4) + options.len() as u32;
    for word in [6, total, number, high, low, captured, wire] {
        out.write_all(&word.to_le_bytes())?;
    }
    padded(out, frame, prefix, captured)?;
    out.write_all(&options)?;
    out.write_all(&total.to_le_bytes())
}

/// Writes a simple packet block, which has no time.
#[cold]
fn simple(
    out: &mut impl Write,
    frame: &Frame<'_>,
    prefix: &[u8],
    captured: u32,
    wire: u32,
) -> io::Result<()> {
    let total = 16 + captured.next_multiple_of(4);
    for word in [3, total, wire] {
        out.write_all(&word.to_le_bytes())?;
    }
    padded(out, frame, prefix, captured)?;
    out.write_all(&total.to_le_bytes())
}

fn padded(out: &mut impl Write, frame: &Frame<'_>, prefix: &[u8], captured: u32) -> io::Result<()> {
    out.write_all(prefix)?;
    out.write_all(frame.bytes)?;
    out.write_all(&[0u8; 3][..(captured.next_multiple_of(4) - captured) as usize])
}

/// Writes an interface statistics block.
pub(super) fn statistics(
    out: &mut impl Write,
    number: u32,
    digits: u8,
    counters: &Counters,
) -> io::Result<()> {
    let time = |at| {
        let (high, low) = ticks(at, digits);
        [high.to_le_bytes(), low.to_le_bytes()].concat()
    };
    let mut options = Vec::new();
    option(&mut options, 2, &time(counters.from))?;
    option(&mut options, 3, &time(counters.to))?;
    for (code, count) in [
        (4, Some(counters.received)),
        (5, counters.lost_by_interface),
        (7, Some(counters.lost_by_system)),
        (8, counters.delivered),
    ] {
        if let Some(count) = count {
            option(&mut options, code, &count.to_le_bytes())?;
        }
    }
    option(&mut options, 0, &[])?;
    let total = 24 + options.len() as u32;
    for word in [5, total, number] {
        out.write_all(&word.to_le_bytes())?;
    }
    out.write_all(&time(counters.to))?;
    out.write_all(&options)?;
    out.write_all(&total.to_le_bytes())
}

/// Returns the upper and the lower half of a time stamp. Times before 1970 become 1970.
fn ticks(time: Timestamp, digits: u8) -> (u32, u32) {
    let nanos = u64::try_from(time.nanos).unwrap_or(0);
    let ticks = if digits > 6 { nanos } else { nanos / 1000 };
    ((ticks >> 32) as u32, ticks as u32)
}

fn same_but_link(a: &Interface, b: &Interface) -> bool {
    a.name == b.name && a.snaplen == b.snaplen && a.digits == b.digits && a.filter == b.filter
}

/// Writes a section header block of unknown length, with the names of the system and of this program.
fn section(out: &mut impl Write, system: Option<&str>) -> io::Result<()> {
    let mut options = Vec::new();
    if let Some(system) = system {
        text(&mut options, 3, system)?;
    }
    text(&mut options, 4, PROGRAM)?;
    option(&mut options, 0, &[])?;
    let total = 28 + options.len() as u32;
    for word in [0x0a0d_0d0a_u32, total, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX] {
        out.write_all(&word.to_le_bytes())?;
    }
    out.write_all(&options)?;
    out.write_all(&total.to_le_bytes())
}

/// Writes an interface description block with name, resolution and capture filter.
fn description(out: &mut impl Write, interface: &Interface) -> io::Result<()> {
    let mut options = Vec::new();
    if let Some(name) = &interface.name {
        text(&mut options, 2, name)?;
    }
    option(&mut options, 9, &[if interface.digits > 6 { 9 } else { 6 }])?;
    match &interface.filter {
        Some(Filtered::Expression(text)) if text.len() < usize::from(u16::MAX) => {
            option(&mut options, 11, &[&[0], text.as_bytes()].concat())?;
        }
        // A BPF program of no instruction: the copy still says that there was a filter.
        Some(_) => option(&mut options, 11, &[1])?,
        None => {}
    }
    option(&mut options, 0, &[])?;
    let total = 20 + options.len() as u32;
    for word in [1, total, u32::from(interface.link.0), interface.snaplen] {
        out.write_all(&word.to_le_bytes())?;
    }
    out.write_all(&options)?;
    out.write_all(&total.to_le_bytes())
}

/// Writes an option with a text, at most 1 KiB of it. The length of an option has 16 bits, and no name comes near that.
fn text(out: &mut impl Write, code: u16, text: &str) -> io::Result<()> {
    option(out, code, text.get(..1024).unwrap_or(text).as_bytes())
}

/// Writes an option, padded to 4 bytes. `value` has at most 65,535 bytes.
fn option(out: &mut impl Write, code: u16, value: &[u8]) -> io::Result<()> {
    out.write_all(&code.to_le_bytes())?;
    out.write_all(&(value.len() as u16).to_le_bytes())?;
    out.write_all(value)?;
    out.write_all(&[0u8; 3][..value.len().next_multiple_of(4) - value.len()])
}

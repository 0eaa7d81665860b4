//! The pcapng format, little-endian, in one section. `savefile/pcapng.rs` shows its layout.

use std::collections::HashMap;
use std::io::{self, Write};

use crate::capture::savefile::{Filtered, Interface};
use crate::packet::{Direction, Frame, LinkType};

#[derive(Debug, Default)]
pub(super) struct State {
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
                section(out)?;
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

/// Writes an enhanced packet block: `prefix`, then the frame. The time is in microseconds, or in nanoseconds if
/// `digits` is above 6.
pub(super) fn write(
    out: &mut impl Write,
    frame: &Frame<'_>,
    prefix: &[u8],
    interface: u32,
    digits: u8,
) -> io::Result<()> {
    let nanos = u64::try_from(frame.time.nanos).unwrap_or(0);
    let ticks = if digits > 6 { nanos } else { nanos / 1000 };
    let captured = (prefix.len() + frame.bytes.len()) as u32;
    let padding = captured.next_multiple_of(4) - captured;
    let direction = frame.direction.map(|d| if d == Direction::In { 1u32 } else { 2 });
    let options = if direction.is_some() { 12 } else { 0 };
    let total = 32 + captured + padding + options;
    for word in [
        6,
        total,
        interface,
        (ticks >> 32) as u32,
        ticks as u32,
        captured,
        frame.wire_len.saturating_add(prefix.len() as u32),
    ] {
        out.write_all(&word.to_le_bytes())?;
    }
    out.write_all(prefix)?;
    out.write_all(frame.bytes)?;
    out.write_all(&[0u8; 3][..padding as usize])?;
    if let Some(direction) = direction {
        option(out, 2, &direction.to_le_bytes())?;
        option(out, 0, &[])?;
    }
    out.write_all(&total.to_le_bytes())
}

fn same_but_link(a: &Interface, b: &Interface) -> bool {
    a.name == b.name && a.snaplen == b.snaplen && a.digits == b.digits && a.filter == b.filter
}

/// Writes a section header block without options, of unknown length.
fn section(out: &mut impl Write) -> io::Result<()> {
    for word in [0x0a0d_0d0a_u32, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28] {
        out.write_all(&word.to_le_bytes())?;
    }
    Ok(())
}

/// Writes an interface description block with name, resolution and capture filter.
fn description(out: &mut impl Write, interface: &Interface) -> io::Result<()> {
    let mut options = Vec::new();
    if let Some(name) = &interface.name {
        // The length of an option has 16 bits. No name comes near that.
        let name = name.as_bytes();
        option(&mut options, 2, name.get(..1024).unwrap_or(name))?;
    }
    option(&mut options, 9, &[if interface.digits > 6 { 9 } else { 6 }])?;
    match &interface.filter {
        Some(Filtered::Expression(text)) => option(&mut options, 11, &[&[0], text.as_bytes()].concat())?,
        // A BPF program of no instruction: the copy still says that there was a filter.
        Some(Filtered::Unread) => option(&mut options, 11, &[1])?,
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

/// Writes an option, padded to 4 bytes. `value` has at most 65,535 bytes.
fn option(out: &mut impl Write, code: u16, value: &[u8]) -> io::Result<()> {
    out.write_all(&code.to_le_bytes())?;
    out.write_all(&(value.len() as u16).to_le_bytes())?;
    out.write_all(value)?;
    out.write_all(&[0u8; 3][..value.len().next_multiple_of(4) - value.len()])
}

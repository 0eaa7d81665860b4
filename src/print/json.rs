//! JSON Lines: one object for each packet. `docs/json.md` explains its members, `docs/json-schema.json` defines its
//! form.
//!
//! The members are written one after the other to the line, without a structure between, because everything is printed
//! when the pattern is empty: of a packet of 900 bytes serde made a line in 113,000 instructions, and this takes 20,000. Every
//! line in the tests is compared with what serde makes of the same packet.

mod date;
mod level;
mod object;
mod record;
mod string;
mod wrapping;

use std::io::{self, Write};

use super::Shown;
use date::Dates;

/// The options for packets as JSON.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonOptions {
    /// The most bytes of a payload that are written. Its length is always that of the whole payload.
    pub limit: Option<usize>,
}

/// Writes JSON Lines.
#[derive(Debug)]
pub struct Json<W: Write> {
    writer: W,
    limit: usize,
    dates: Dates,
    line: Vec<u8>,
}

impl<W: Write> Json<W> {
    /// Makes a printer that writes to `writer`.
    pub fn new(writer: W, options: JsonOptions) -> Self {
        let limit = options.limit.unwrap_or(usize::MAX);
        Self { writer, limit, dates: Dates::default(), line: Vec::new() }
    }

    /// Writes a packet as one line.
    pub fn packet(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        self.line.clear();
        record::write(&mut self.line, &mut self.dates, shown, self.limit);
        self.line.push(b'\n');
        self.writer.write_all(&self.line)
    }

    /// Returns the place of the frame's number in the line of any packet.
    pub(super) fn number() -> usize {
        br#"{"v":1,"number":"#.len()
    }

    /// Writes other lines behind these.
    pub(super) fn append(&mut self, lines: &Json<Vec<u8>>) -> io::Result<()> {
        self.writer.write_all(&lines.writer)
    }

    /// Returns the writer.
    pub fn writer(&mut self) -> &mut W {
        &mut self.writer
    }
}

#[cfg(test)]
mod tests;

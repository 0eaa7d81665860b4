//! ngrep's blocks of text, and its marks.

use std::io::{self, Write};

use super::clock::Clock;
use super::header::header;
use super::ink::Replacement;
use super::numbers::decimal;
use super::payload::{Layout, Shape};
use super::{Mark, Outcome, Shown, Times};

/// How packets are written as text.
#[derive(Clone, Debug)]
pub struct TextOptions {
    /// How the payload is laid out.
    pub shape: Shape,
    /// Columns of a line, for [`Shape::Normal`]: the terminal's, or 80.
    pub columns: usize,
    /// What stands for a byte that cannot be printed.
    pub replacement: Replacement,
    /// Bytes of a payload that are printed at most.
    pub limit: Option<usize>,
    /// Valid UTF-8 is printed as it is, save for what is not for terminals; not in a hexdump.
    pub utf8: bool,
    /// Matches are coloured: see [`super::use_color`].
    pub color: bool,
    /// Time stamps in the headers.
    pub times: Times,
    /// Marks for packets that are not shown.
    pub marks: Marks,
    /// Headers only.
    pub headers_only: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self {
            shape: Shape::default(),
            columns: 80,
            replacement: Replacement::default(),
            limit: None,
            utf8: false,
            color: false,
            times: Times::default(),
            marks: Marks::default(),
            headers_only: false,
        }
    }
}

/// Which marks are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Marks {
    /// `#` for a packet that nobody can read, `.` for one that was read and did not match, none for one that is shown.
    #[default]
    Opaque,
    /// `#` for every packet, also before one that is shown.
    Ngrep,
    /// None.
    None,
}

/// Writes text.
#[derive(Debug)]
pub struct Text<W: Write> {
    writer: W,
    layout: Layout,
    clock: Clock,
    limit: usize,
    marks: Marks,
    headers_only: bool,
    /// The block that is being made.
    block: Vec<u8>,
    /// Whether marks stand on the current line.
    marked: bool,
}

impl<W: Write> Text<W> {
    /// Into `writer`, which should have a buffer: a mark is a single byte.
    pub fn new(writer: W, options: &TextOptions) -> Self {
        let TextOptions { shape, columns, replacement, utf8, color, .. } = *options;
        Self {
            writer,
            layout: Layout::new(shape, columns, replacement, utf8, color),
            clock: Clock::new(options.times),
            limit: options.limit.unwrap_or(usize::MAX),
            marks: options.marks,
            headers_only: options.headers_only,
            block: Vec::new(),
            marked: false,
        }
    }

    /// A header line and the payload, if it can be read. A line of marks is ended before.
    pub fn packet(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        self.block.clear();
        if self.marks == Marks::Ngrep {
            self.block.push(b'#');
            self.marked = true;
        }
        if std::mem::take(&mut self.marked) {
            self.block.push(b'\n');
        }
        header(&mut self.block, shown, &mut self.clock);
        if self.layout.shape != Shape::Single {
            self.block.extend_from_slice(b" #");
            decimal(&mut self.block, shown.frame.number);
            self.block.push(b'\n');
        }
        let sealed = shown.packet.opaque.is_some() || self.headers_only;
        let payload = if sealed { &[] } else { shown.packet.payload };
        let payload = payload.get(..self.limit).unwrap_or(payload);
        if !payload.is_empty() {
            if self.layout.shape == Shape::Single {
                self.block.push(b' ');
            }
            let spans = if shown.outcome == Outcome::Match { shown.spans } else { &[] };
            self.layout.write(&mut self.block, payload, spans);
        } else if self.layout.shape == Shape::Single {
            self.block.push(b'\n');
        }
        self.writer.write_all(&self.block)
    }

    /// One character for a packet that is not shown.
    pub fn mark(&mut self, mark: Mark) -> io::Result<()> {
        let character = match (self.marks, mark) {
            (Marks::None, _) => return Ok(()),
            (Marks::Opaque, Mark::Clear) => b".",
            (Marks::Opaque, Mark::Opaque) | (Marks::Ngrep, _) => b"#",
        };
        self.marked = true;
        self.writer.write_all(character)
    }

    /// Ends a line of marks, if there is one.
    pub fn end_line(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.marked) { self.writer.write_all(b"\n") } else { Ok(()) }
    }

    /// The writer.
    pub fn writer(&mut self) -> &mut W {
        &mut self.writer
    }
}

#[cfg(test)]
mod tests;

//! Text in ngrep's form: a block for each packet that is shown, a mark for each one that is not.

use std::io::{self, Write};

use super::clock::Clock;
use super::header::header;
use super::ink::Replacement;
use super::numbers::decimal;
use super::palette::Palette;
use super::payload::{Layout, Shape};
use super::{Mark, Outcome, Shown, Times};

/// The options for packets as text.
#[derive(Clone, Debug)]
pub struct TextOptions {
    /// The layout of the payload.
    pub shape: Shape,
    /// The columns of a line, for [`Shape::Normal`]: those of the terminal, or 80.
    pub columns: usize,
    /// The character for unprintable bytes.
    pub replacement: Replacement,
    /// The most bytes of a payload that are printed.
    pub limit: Option<usize>,
    /// Print valid UTF-8 as it is, except for characters that are not fit for terminals. A hexdump is always ASCII.
    pub utf8: bool,
    /// Colour the matches, and the headers too: see [`super::use_color`].
    pub color: bool,
    /// Leave a blank line between a packet and what follows it, for those who read on a terminal. [`Shape::Single`] and
    /// headers alone are lists, which have none.
    pub spaced: bool,
    /// The time stamps in the headers.
    pub times: Times,
    /// The marks for packets that are not shown.
    pub marks: Marks,
    /// Print headers without payloads.
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
            spaced: false,
            times: Times::default(),
            marks: Marks::default(),
            headers_only: false,
        }
    }
}

/// The marks that are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Marks {
    /// `#` for a packet that nobody can read, `.` for one that was read and did not match, `?` for one that is not
    /// decoded to its end and did not match, none for one that is shown.
    #[default]
    Opaque,
    /// `#` for every packet, even before one that is shown.
    Ngrep,
    /// None.
    None,
}

impl Marks {
    /// Returns the character for a packet that is not shown.
    #[inline]
    fn character(self, mark: Mark) -> Option<u8> {
        match (self, mark) {
            (Self::None, _) => None,
            (Self::Opaque, Mark::Clear) => Some(b'.'),
            (Self::Opaque, Mark::NotDecoded) => Some(b'?'),
            (Self::Opaque, Mark::Opaque) | (Self::Ngrep, _) => Some(b'#'),
        }
    }
}

/// Writes packets as text.
#[derive(Debug)]
pub struct Text<W: Write> {
    writer: W,
    layout: Layout,
    clock: Clock,
    limit: usize,
    marks: Marks,
    headers_only: bool,
    heading: Palette,
    spaced: bool,
    block: Vec<u8>,
    /// True if the current line has marks.
    marked: bool,
    /// True if a blank line is due before anything else is written.
    due: bool,
    /// The place of the frame's number in the last block, if it was written.
    number: Option<usize>,
    /// The first thing that was written, if anything was.
    first: Option<First>,
}

/// Writes the number of the first and of the last frame that a match in a stream came in.
#[cold]
fn numbers(out: &mut Vec<u8>, (first, last): (u64, u64)) {
    decimal(out, first);
    if last != first {
        out.push(b'-');
        decimal(out, last);
    }
}

/// The first thing of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Packet,
    Mark,
}

impl<W: Write> Text<W> {
    /// Makes a printer that writes to `writer`, which should have a buffer: a mark is a single byte.
    pub fn new(writer: W, options: &TextOptions) -> Self {
        let TextOptions { shape, columns, replacement, utf8, color, headers_only, .. } = *options;
        let list = headers_only || shape == Shape::Single;
        Self {
            writer,
            layout: Layout::new(shape, columns, replacement, utf8, color),
            clock: Clock::new(options.times),
            limit: options.limit.unwrap_or(usize::MAX),
            marks: options.marks,
            headers_only,
            // A list of headers has nothing that they could stand out from.
            heading: Palette::header(color && !headers_only),
            spaced: options.spaced && !list,
            block: Vec::new(),
            marked: false,
            due: false,
            number: None,
            first: None,
        }
    }

    /// Writes a header line, and the payload if it can be read. A line of marks is ended first.
    pub fn packet(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        self.block.clear();
        self.first.get_or_insert(First::Packet);
        if std::mem::take(&mut self.due) {
            self.block.push(b'\n');
        }
        if self.marks == Marks::Ngrep {
            self.block.push(b'#');
            self.marked = true;
        }
        if std::mem::take(&mut self.marked) {
            self.block.push(b'\n');
        }
        let coloured = !self.heading.start.is_empty();
        if coloured {
            self.block.extend_from_slice(&self.heading.start);
        }
        header(&mut self.block, shown, &mut self.clock);
        if self.layout.shape != Shape::Single {
            self.block.extend_from_slice(b" #");
            self.number = Some(self.block.len());
            match shown.stream {
                None => decimal(&mut self.block, shown.frame.number),
                Some(stretch) => numbers(&mut self.block, stretch.frames),
            }
        }
        if coloured {
            self.block.extend_from_slice(&self.heading.stop);
        }
        if self.layout.shape != Shape::Single {
            self.block.push(b'\n');
        }
        let payload = if self.headers_only { &[] } else { shown.packet.readable() };
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
        // A payload in lines may end with an empty one.
        self.due = self.spaced && !self.block.ends_with(b"\n\n");
        self.writer.write_all(&self.block)
    }

    /// Writes one character for a packet that is not shown.
    pub fn mark(&mut self, mark: Mark) -> io::Result<()> {
        let Some(character) = self.marks.character(mark) else { return Ok(()) };
        if !self.marked {
            self.begin_marks()?;
        }
        self.writer.write_all(&[character])
    }

    /// Writes one character for each of these packets, none of which is shown.
    pub fn marks(&mut self, outcomes: &[Outcome]) -> io::Result<()> {
        if self.marks == Marks::None || outcomes.is_empty() {
            return Ok(());
        }
        if !self.marked {
            self.begin_marks()?;
        }
        let marks = self.marks;
        self.block.clear();
        self.block.extend(outcomes.iter().filter_map(|&outcome| marks.character(outcome.into())));
        self.writer.write_all(&self.block)
    }

    /// Begins a line of marks, behind the blank line that may be due.
    #[cold]
    fn begin_marks(&mut self) -> io::Result<()> {
        self.marked = true;
        self.first.get_or_insert(First::Mark);
        if std::mem::take(&mut self.due) { self.writer.write_all(b"\n") } else { Ok(()) }
    }

    /// Ends a line of marks, if there is one, and writes a blank line that is due, since other words follow.
    pub fn end_line(&mut self) -> io::Result<()> {
        let (marked, due) = (std::mem::take(&mut self.marked), std::mem::take(&mut self.due));
        if marked || due { self.writer.write_all(b"\n") } else { Ok(()) }
    }

    /// Returns the place of the frame's number in the block of the last packet, if it has one.
    pub(super) fn number(&self) -> Option<usize> {
        self.number
    }

    /// Writes a text of the same options behind this one, as if its packets and marks had been written here. Times that
    /// depend on an earlier packet stay as they are.
    pub(super) fn append(&mut self, text: &Text<Vec<u8>>) -> io::Result<()> {
        let Some(first) = text.first else { return Ok(()) };
        // A packet with ngrep's marks has ended the line already, since it has a mark of its own.
        let ends_line = first == First::Packet && self.marked && self.marks != Marks::Ngrep;
        if self.due || ends_line {
            self.writer.write_all(b"\n")?;
        }
        self.first.get_or_insert(first);
        (self.marked, self.due) = (text.marked, text.due);
        self.writer.write_all(&text.writer)
    }

    /// Returns the writer.
    pub fn writer(&mut self) -> &mut W {
        &mut self.writer
    }
}

impl Text<Vec<u8>> {
    /// Forgets everything that was written.
    pub(super) fn clear(&mut self) {
        self.writer.clear();
        (self.marked, self.due, self.first) = (false, false, None);
    }
}

#[cfg(test)]
mod tests;

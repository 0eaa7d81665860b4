//! Values to text, hexdump, JSON and closing words.
//!
//! A [`Printer`] takes decoded packets and writes bytes to whatever implements [`Write`]; it neither reads a clock nor
//! looks at a terminal. Whether to colour and how wide a line may be are told to it.
//!
//! Nothing that a packet or a name holds reaches the output as a control character.

mod clock;
mod glyphs;
mod header;
mod hexdump;
mod ink;
mod json;
mod numbers;
mod palette;
mod payload;
pub mod report;
mod summary;
mod text;

#[cfg(test)]
mod samples;

pub use clock::Times;
pub use ink::Replacement;
pub use json::{Json, JsonOptions};
pub use palette::{ColorChoice, use_color};
pub use payload::Shape;
pub use summary::{OpaqueCounts, Summary, match_line};
pub use text::{Marks, Text, TextOptions};

use std::io::{self, Write};
use std::ops::Range;

use crate::packet::{Frame, Packet};
pub use crate::search::Outcome;

/// One packet to print, with what the search found out about it.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The frame it came in.
    pub frame: &'a Frame<'a>,
    /// The frame decoded.
    pub packet: &'a Packet<'a>,
    /// Where the pattern matched: byte ranges of the packet's payload, in order, not overlapping, none empty. A range
    /// beyond the payload's end is cut.
    pub spans: &'a [Range<usize>],
    /// Why it is printed.
    pub outcome: Outcome,
    /// The name of the interface it was captured on; text prints it, so give it where there are several.
    pub interface: Option<&'a str>,
    /// The file it was read from, where there are several.
    pub file: Option<&'a str>,
}

/// A packet that is not shown, as one character on a line of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// `#`: nobody without a key can read it.
    Opaque,
    /// `.`: it was read and did not match.
    Clear,
}

/// Where packets go, in the form that was asked for.
#[derive(Debug)]
pub enum Printer<W: Write> {
    /// ngrep's blocks and marks.
    Text(Text<W>),
    /// JSON Lines.
    Json(Json<W>),
}

impl<W: Write> Printer<W> {
    /// Writes one packet, in one piece: a block of text, or a line of JSON.
    pub fn packet(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        match self {
            Self::Text(text) => text.packet(shown),
            Self::Json(json) => json.packet(shown),
        }
    }

    /// Writes the mark of a packet that is not shown; JSON has none.
    pub fn mark(&mut self, mark: Mark) -> io::Result<()> {
        match self {
            Self::Text(text) => text.mark(mark),
            Self::Json(_) => Ok(()),
        }
    }

    /// Ends a line of marks, so that what is written next, here or on standard error, begins a line.
    pub fn end_line(&mut self) -> io::Result<()> {
        match self {
            Self::Text(text) => text.end_line(),
            Self::Json(_) => Ok(()),
        }
    }

    /// Flushes the writer.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer().flush()
    }

    /// The writer.
    pub fn writer(&mut self) -> &mut W {
        match self {
            Self::Text(text) => text.writer(),
            Self::Json(json) => json.writer(),
        }
    }
}

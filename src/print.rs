//! Packets and reports as bytes: ngrep's text, hexdumps, JSON Lines and the closing words.
//!
//! A [`Printer`] takes decoded packets and writes to any [`Write`]. It neither reads the time nor looks at a
//! terminal: the caller says whether to colour, and how wide a line may be. Each packet is put together in one buffer
//! and written in one piece.
//!
//! The text is ngrep's, with a header line, the payload in rows, and marks for the packets that are not shown. It
//! differs where ngrep is ambiguous or wrong: an IPv6 address with a port has brackets, a first fragment is marked as
//! one, the last row is not padded, and relative time starts at zero. The header adds the wrappings around the
//! packet. For scripts that read ngrep's output, [`ngrep`] writes that to the byte.
//!
//! Nothing that a packet or a name holds reaches the output as a control character. The only escape sequences are the
//! colours of the palette.
//!
//! # What surprised us
//!
//! - ngrep's time goes into formatting, not into matching: it formats both addresses of every packet before it knows
//!   whether the payload matches, and prints each byte by a call of its own. Here a packet that is not shown costs a
//!   mark of one byte, numbers are written without the formatting machinery, and payloads are mapped in runs.
//! - ngrep keeps the width in 8 bits, and loops forever on a terminal of 261 columns. Here any width is right, even
//!   0.
//! - Valid UTF-8 can still lead a reader astray: text can be turned around, characters can be invisible, and accents
//!   can pile up over the lines above. Only what can be seen is printed as it is, with at most four marks on a
//!   character.
//! - JSON allows DEL, the C1 controls and bidirectional controls in its strings. A terminal would act on them, so
//!   they are escaped.
//! - A JSON number is exact only up to 2^53 for most readers, so nanoseconds are written as a string.

mod clock;
mod glyphs;
mod header;
mod hexdump;
mod ink;
mod json;
pub mod merged;
pub mod ngrep;
mod numbers;
mod palette;
mod payload;
pub mod report;
mod summary;
mod text;
mod undecoded;
mod utf8;

#[cfg(test)]
mod samples;

pub use clock::Times;
pub use ink::Replacement;
pub use json::{Json, JsonOptions};
pub use ngrep::{Ngrep, NgrepOptions};
pub use palette::{ColorChoice, knows_colors, use_color};
pub use payload::Shape;
pub use summary::{OpaqueCounts, Summary, match_line};
pub use text::{Marks, Text, TextOptions};
pub use undecoded::UndecodedCounts;

use std::io::{self, Write};
use std::ops::Range;

use crate::host::docker::names::{Ends, Table};
use crate::packet::{Frame, Packet, Tunnel};
pub use crate::search::Outcome;
use crate::search::Stretch;

/// A packet to print, with the result of the search.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The frame that the packet came in.
    pub frame: &'a Frame<'a>,
    /// The decoded packet.
    pub packet: &'a Packet<'a>,
    /// The byte ranges of the payload where the pattern matched: in order, not overlapping, none empty. A range is
    /// cut at the payload's end.
    pub spans: &'a [Range<usize>],
    /// The result of the search, which is the reason why it is printed.
    pub outcome: Outcome,
    /// The name of the interface that it was captured on. Text prints the name, so leave it out if there is one
    /// interface only.
    pub interface: Option<&'a str>,
    /// The file that it was read from, if there are several.
    pub file: Option<&'a str>,
    /// The names to print beside addresses and virtual networks.
    pub names: Option<&'a Table>,
    /// The place of the payload in its stream, if it is a stretch of one.
    pub stream: Option<&'a Stretch<'a>>,
}

impl<'a> Shown<'a> {
    /// Returns the names of the ends of a level: 0 for the packet itself, then the wrappings from the inside out. `None` if
    /// nothing has a name.
    #[inline]
    fn ends(&self, level: usize) -> Option<Ends<'a>> {
        self.names.map(|names| names.ends(self.packet, level))
    }

    /// Returns the name of the virtual network of a wrapping.
    #[inline]
    fn network(&self, tunnel: Tunnel) -> Option<&'a str> {
        match tunnel {
            Tunnel::Vxlan(vni) => self.names?.network(vni),
            _ => None,
        }
    }
}

/// A packet that is not shown, as one character on a line of marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// `#`: nobody without a key can read the packet.
    Opaque,
    /// `.`: the packet was read and did not match.
    Clear,
    /// `?`: the packet is not decoded to its end, and its bytes did not match.
    NotDecoded,
}

/// Returns the mark for a packet that did not match.
impl From<Outcome> for Mark {
    #[inline]
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Opaque => Self::Opaque,
            Outcome::NotDecoded => Self::NotDecoded,
            Outcome::Match | Outcome::Clear => Self::Clear,
        }
    }
}

/// The output of packets, in the form that was asked for.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // There are few, and none is moved for a packet.
pub enum Printer<W: Write> {
    /// ngrep's blocks and marks.
    Text(Text<W>),
    /// JSON Lines.
    Json(Json<W>),
    /// ngrep's own output, to the byte.
    Ngrep(Ngrep<W>),
}

impl<W: Write> Printer<W> {
    /// Writes one packet: a block of text, or a line of JSON.
    pub fn packet(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        match self {
            Self::Text(text) => text.packet(shown),
            Self::Json(json) => json.packet(shown),
            Self::Ngrep(ngrep) => ngrep.packet(shown),
        }
    }

    /// Writes the mark of a packet that is not shown. JSON has no marks, and ngrep's are all the same.
    pub fn mark(&mut self, mark: Mark) -> io::Result<()> {
        match self {
            Self::Text(text) => text.mark(mark),
            Self::Json(_) => Ok(()),
            Self::Ngrep(ngrep) => ngrep.mark(),
        }
    }

    /// Writes the marks of packets in a row that are not shown. JSON has no marks.
    pub fn marks(&mut self, outcomes: &[Outcome]) -> io::Result<()> {
        match self {
            Self::Text(text) => text.marks(outcomes),
            Self::Json(_) => Ok(()),
            Self::Ngrep(ngrep) => ngrep.marks(outcomes.len()),
        }
    }

    /// Returns the place of the frame's number in what [`Self::packet`] wrote last, if it is there. It is counted in bytes from
    /// the beginning of the block or line. ngrep's output has none of these: see [`Ngrep::piece`].
    pub fn number(&self) -> Option<usize> {
        match self {
            Self::Text(text) => text.number(),
            Self::Json(_) => Some(Json::<W>::number()),
            Self::Ngrep(_) => None,
        }
    }

    /// Writes what was printed elsewhere with the same options behind what was printed here, as if it had been printed here.
    /// Times that depend on an earlier packet stay as they are.
    pub fn append(&mut self, behind: &Printer<Vec<u8>>) -> io::Result<()> {
        match (self, behind) {
            (Self::Text(text), Printer::Text(behind)) => text.append(behind),
            (Self::Json(json), Printer::Json(behind)) => json.append(behind),
            (Self::Ngrep(ngrep), Printer::Ngrep(behind)) => ngrep.append(behind),
            _ => Err(io::Error::other("two forms of output do not mix")),
        }
    }

    /// Ends a line of marks, so that the next output, here or on standard error, begins a line. ngrep's output is not touched,
    /// since others read it to the byte.
    pub fn end_line(&mut self) -> io::Result<()> {
        match self {
            Self::Text(text) => text.end_line(),
            Self::Json(_) | Self::Ngrep(_) => Ok(()),
        }
    }

    /// Flushes the writer.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer().flush()
    }

    /// Returns the writer.
    pub fn writer(&mut self) -> &mut W {
        match self {
            Self::Text(text) => text.writer(),
            Self::Json(json) => json.writer(),
            Self::Ngrep(ngrep) => ngrep.writer(),
        }
    }
}

impl Printer<Vec<u8>> {
    /// Forgets everything that was printed.
    pub fn clear(&mut self) {
        match self {
            Self::Text(text) => text.clear(),
            Self::Json(json) => json.writer().clear(),
            Self::Ngrep(ngrep) => ngrep.clear(),
        }
    }
}

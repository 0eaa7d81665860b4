//! A payload in the shapes of `-W` and `-x`: one pass into the block's buffer, a run at a time.

use std::ops::Range;

use super::glyphs::{self, Cell};
use super::hexdump;
use super::palette::Palette;

/// How a payload is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Rows as wide as the terminal, indented by two blanks.
    #[default]
    Normal,
    /// Lines as they are in the payload, then one more line end.
    ByLine,
    /// On the header's line, which then has no `#N`.
    Single,
    /// On one line of its own.
    None,
    /// 16 bytes a row in hex and as text.
    Hex,
}

/// The character that stands for a byte that cannot be printed: itself printable ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Replacement(u8);

impl Replacement {
    /// `None` for anything but a blank or a visible ASCII character.
    pub fn new(character: char) -> Option<Self> {
        matches!(character, ' '..='~').then_some(Self(character as u8))
    }
}

impl Default for Replacement {
    /// ngrep's dot.
    fn default() -> Self {
        Self(b'.')
    }
}

/// Visible ASCII, and the blank.
fn is_printable(byte: u8) -> bool {
    byte.wrapping_sub(b' ') <= b'~' - b' '
}

/// The parts of a payload that matched, consumed from left to right.
#[derive(Clone, Copy)]
pub(super) struct Spans<'a>(pub(super) &'a [Range<usize>]);

impl Spans<'_> {
    /// Cuts `range` where a match begins or ends, and calls `each` with every piece and whether it matched.
    pub(super) fn runs(&mut self, range: Range<usize>, mut each: impl FnMut(Range<usize>, bool)) {
        let Range { start: mut at, end } = range;
        while at < end {
            self.skip(at);
            let (until, matched) = match self.0.first() {
                Some(span) if span.start <= at => (span.end.min(end), true),
                Some(span) => (span.start.min(end), false),
                None => (end, false),
            };
            each(at..until, matched);
            at = until;
        }
    }

    /// Whether a match has a byte in `range`.
    pub(super) fn touches(&mut self, range: &Range<usize>) -> bool {
        self.skip(range.start);
        self.0.first().is_some_and(|span| span.start < range.end)
    }

    fn skip(&mut self, at: usize) {
        while let Some((first, rest)) = self.0.split_first() {
            if first.end > at {
                break;
            }
            self.0 = rest;
        }
    }
}

/// Everything that is the same for every payload.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) shape: Shape,
    /// Bytes, or columns of UTF-8, in a row of [`Shape::Normal`].
    row: usize,
    utf8: bool,
    replacement: u8,
    pub(super) palette: Palette,
}

impl Layout {
    /// ngrep's rows leave five of the terminal's columns free.
    pub(super) fn new(
        shape: Shape,
        columns: usize,
        replacement: Replacement,
        utf8: bool,
        color: bool,
    ) -> Self {
        let row = columns.saturating_sub(5).max(1);
        Self { shape, row, utf8, replacement: replacement.0, palette: Palette::new(color) }
    }

    /// The payload, not empty, with the line ends that its shape puts after it.
    pub(super) fn write(&self, out: &mut Vec<u8>, payload: &[u8], spans: &[Range<usize>]) {
        let mut spans = Spans(if self.palette.start.is_empty() { &[] } else { spans });
        match self.shape {
            Shape::Hex => hexdump::write(out, self, payload, spans),
            _ if self.utf8 => self.utf8(out, payload, spans),
            Shape::Normal => {
                for start in (0..payload.len()).step_by(self.row) {
                    out.extend_from_slice(b"  ");
                    self.bytes(out, payload, start..payload.len().min(start + self.row), &mut spans);
                    out.push(b'\n');
                }
            }
            Shape::ByLine => {
                let mut start = 0;
                for line in payload.split(|&byte| byte == b'\n') {
                    let end = start + line.len();
                    self.bytes(out, payload, start..end, &mut spans);
                    out.push(b'\n');
                    start = end + 1;
                }
            }
            Shape::Single | Shape::None => {
                self.bytes(out, payload, 0..payload.len(), &mut spans);
                out.push(b'\n');
            }
        }
    }

    /// A byte as it is printed: a comparison and a choice, which the compiler makes of 16 bytes at once, where a table
    /// is read byte by byte.
    #[inline]
    pub(super) fn shown(&self, byte: u8) -> u8 {
        if is_printable(byte) { byte } else { self.replacement }
    }

    /// A piece of a line, byte by byte.
    pub(super) fn bytes(
        &self,
        out: &mut Vec<u8>,
        payload: &[u8],
        piece: Range<usize>,
        spans: &mut Spans<'_>,
    ) {
        spans.runs(piece, |run, matched| {
            let shown = payload[run].iter().map(|&byte| self.shown(byte));
            if matched {
                out.extend_from_slice(&self.palette.start);
                out.extend(shown);
                out.extend_from_slice(&self.palette.stop);
            } else {
                out.extend(shown);
            }
        });
    }

    /// As the other shapes, with characters in place of bytes and columns in place of their number.
    fn utf8(&self, out: &mut Vec<u8>, payload: &[u8], mut spans: Spans<'_>) {
        let row = if self.shape == Shape::Normal { self.row } else { usize::MAX };
        let (mut column, mut coloured) = (0, false);
        let color = |out: &mut Vec<u8>, on: bool, coloured: &mut bool| {
            if on != *coloured {
                out.extend_from_slice(if on { &self.palette.start } else { &self.palette.stop });
                *coloured = on;
            }
        };
        if self.shape == Shape::Normal {
            out.extend_from_slice(b"  ");
        }
        for (range, cell) in glyphs::cells(payload) {
            if self.shape == Shape::ByLine && cell == Cell::LineEnd {
                color(out, false, &mut coloured);
                out.push(b'\n');
                continue;
            }
            let width = cell.width();
            if column > 0 && width > row.saturating_sub(column) {
                color(out, false, &mut coloured);
                out.extend_from_slice(b"\n  ");
                column = 0;
            }
            column += width;
            color(out, spans.touches(&range), &mut coloured);
            match cell {
                Cell::Shown { .. } => out.extend_from_slice(&payload[range]),
                Cell::LineEnd | Cell::Unprintable => out.push(self.replacement),
            }
        }
        color(out, false, &mut coloured);
        out.push(b'\n');
    }
}

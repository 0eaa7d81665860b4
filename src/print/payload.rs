//! A payload in the shapes of `-W` and `-x`: one pass into the block's buffer, a run at a time.

use std::ops::Range;

use super::glyphs::{self, Cell};
use super::hexdump;
use super::ink::{Ink, Replacement, Spans};

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

/// Everything that is the same for every payload.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) shape: Shape,
    /// Bytes, or columns of UTF-8, in a row of [`Shape::Normal`].
    row: usize,
    utf8: bool,
    ink: Ink,
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
        Self { shape, row, utf8, ink: Ink::new(replacement, color) }
    }

    /// The payload, not empty, with the line ends that its shape puts after it.
    pub(super) fn write(&self, out: &mut Vec<u8>, payload: &[u8], spans: &[Range<usize>]) {
        let mut spans = self.ink.spans(spans);
        match self.shape {
            Shape::Hex => hexdump::write(out, &self.ink, payload, spans),
            _ if self.utf8 => self.utf8(out, payload, spans),
            Shape::Normal => {
                for start in (0..payload.len()).step_by(self.row) {
                    out.extend_from_slice(b"  ");
                    self.ink.bytes(out, payload, start..payload.len().min(start + self.row), &mut spans);
                    out.push(b'\n');
                }
            }
            Shape::ByLine => {
                let mut start = 0;
                for line in payload.split(|&byte| byte == b'\n') {
                    let end = start + line.len();
                    self.ink.bytes(out, payload, start..end, &mut spans);
                    out.push(b'\n');
                    start = end + 1;
                }
            }
            Shape::Single | Shape::None => {
                self.ink.bytes(out, payload, 0..payload.len(), &mut spans);
                out.push(b'\n');
            }
        }
    }

    /// As the other shapes, with characters in place of bytes and columns in place of their number.
    fn utf8(&self, out: &mut Vec<u8>, payload: &[u8], mut spans: Spans<'_>) {
        let row = if self.shape == Shape::Normal { self.row } else { usize::MAX };
        let (mut column, mut coloured) = (0, false);
        let color = |out: &mut Vec<u8>, on: bool, coloured: &mut bool| {
            if on != *coloured {
                out.extend_from_slice(if on { &self.ink.palette.start } else { &self.ink.palette.stop });
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
                Cell::LineEnd | Cell::Unprintable => out.push(self.ink.replacement),
            }
        }
        color(out, false, &mut coloured);
        out.push(b'\n');
    }
}

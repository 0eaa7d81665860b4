//! Payloads in the shapes of `-W` and `-x`.
//!
//! A payload is mapped once to the bytes that are printed, in one go that the compiler makes fast code of. Rows, lines and
//! what is between two matches are then copies of pieces of it.

use std::ops::Range;

use super::glyphs::{self, Glyph};
use super::hexdump;
use super::ink::{Ink, Replacement, Spans};

/// The layout of a payload.
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
    /// 16 bytes a row, in hex and as text.
    Hex,
}

/// The properties that are the same for every payload.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) shape: Shape,
    /// The number of bytes, or of columns of UTF-8, in a row of [`Shape::Normal`].
    row: usize,
    utf8: bool,
    ink: Ink,
    /// The payload as it is printed, byte for byte.
    shown: Vec<u8>,
}

impl Layout {
    /// Makes a layout. Rows leave five of the terminal's columns free, as in ngrep.
    pub(super) fn new(
        shape: Shape,
        columns: usize,
        replacement: Replacement,
        utf8: bool,
        color: bool,
    ) -> Self {
        let row = columns.saturating_sub(5).max(1);
        Self { shape, row, utf8, ink: Ink::new(replacement, color), shown: Vec::new() }
    }

    /// Returns the number of bytes in a row of [`Shape::Normal`].
    pub(super) fn row(&self) -> usize {
        self.row
    }

    /// Writes a payload, which must not be empty, with the line ends that belong to its shape.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, payload: &[u8], spans: &[Range<usize>]) {
        let mut spans = self.ink.spans(spans);
        if self.shape == Shape::Normal && !self.utf8 && spans.is_empty() && payload.len() <= self.row {
            // One row has nothing to be cut from.
            out.extend_from_slice(b"  ");
            self.ink.map(out, payload);
            out.push(b'\n');
            return;
        }
        self.shown.clear();
        self.ink.map(&mut self.shown, payload);
        match self.shape {
            Shape::Hex => hexdump::write(out, &self.ink, payload, &self.shown, spans),
            Shape::Normal if self.utf8 => {
                out.extend_from_slice(b"  ");
                self.characters(out, payload, 0..payload.len(), self.row, &mut spans);
                out.push(b'\n');
            }
            Shape::Normal if spans.is_empty() => self.rows(out, payload.len()),
            Shape::Normal => {
                for start in (0..payload.len()).step_by(self.row) {
                    out.extend_from_slice(b"  ");
                    self.ink.bytes(out, &self.shown, start..payload.len().min(start + self.row), &mut spans);
                    out.push(b'\n');
                }
            }
            Shape::ByLine => {
                let mut start = 0;
                for end in memchr::memchr_iter(b'\n', payload).chain([payload.len()]) {
                    self.line(out, payload, start..end, &mut spans);
                    start = end + 1;
                }
            }
            Shape::Single | Shape::None => self.line(out, payload, 0..payload.len(), &mut spans),
        }
    }

    /// Writes the rows of a payload of `len` bytes without a match. They are put into place, between blanks that are there
    /// already, which takes half of the instructions that it takes to append them piece by piece.
    fn rows(&self, out: &mut Vec<u8>, len: usize) {
        let start = out.len();
        out.resize(start + len + len.div_ceil(self.row) * 3, b' ');
        for (row, line) in self.shown[..len].chunks(self.row).zip(out[start..].chunks_mut(self.row + 3)) {
            line[2..2 + row.len()].copy_from_slice(row);
            line[2 + row.len()] = b'\n';
        }
    }

    /// Writes a piece of a payload as one line, however long it is.
    fn line(&self, out: &mut Vec<u8>, payload: &[u8], piece: Range<usize>, spans: &mut Spans<'_>) {
        if self.utf8 {
            self.characters(out, payload, piece, usize::MAX, spans);
        } else {
            self.ink.bytes(out, &self.shown, piece, spans);
        }
        out.push(b'\n');
    }

    /// Writes a piece of a payload by characters and their columns instead of bytes, in rows of `row` columns.
    ///
    /// Most bytes are one column wide, whether they are ASCII or nothing at all, and are copied in runs.
    fn characters(
        &self,
        out: &mut Vec<u8>,
        payload: &[u8],
        piece: Range<usize>,
        row: usize,
        spans: &mut Spans<'_>,
    ) {
        let payload = &payload[..piece.end];
        let (mut at, mut column, mut coloured) = (piece.start, 0, false);
        let mut color = |out: &mut Vec<u8>, on: bool| {
            if on != coloured {
                out.extend_from_slice(if on { &self.ink.palette.start } else { &self.ink.palette.stop });
                coloured = on;
            }
        };
        let mut marks = glyphs::MARKS;
        while at < payload.len() {
            let (wide, c) = glyphs::next_wide(payload, at);
            glyphs::pass(&payload[at..wide.start], &mut marks);
            while at < wide.start {
                if column >= row {
                    color(out, false);
                    out.extend_from_slice(b"\n  ");
                    column = 0;
                }
                let run = at..at + (wide.start - at).min(row - column);
                column += run.len();
                at = run.end;
                spans.runs(run, |run, matched| {
                    color(out, matched);
                    out.extend_from_slice(&self.shown[run]);
                });
            }
            let Some(c) = c else { break };
            let glyph = glyphs::glyph(c, &mut marks);
            let width = glyph.width();
            if column > 0 && width > row.saturating_sub(column) {
                color(out, false);
                out.extend_from_slice(b"\n  ");
                column = 0;
            }
            column += width;
            color(out, spans.touches(&wide));
            at = wide.end;
            match glyph {
                Glyph::Shown { .. } => out.extend_from_slice(&payload[wide]),
                Glyph::Unprintable => out.push(self.ink.replacement),
            }
        }
        color(out, false);
    }
}

#[cfg(test)]
mod tests;

//! A payload with the first hit in colour, as ngrep colours it: byte by byte in rows, and at once elsewhere.

use std::ops::Range;

use super::super::ink::{Ink, Replacement};
use super::super::numbers::hex;
use super::super::palette::Palette;
use super::{HEX_ROW, Shape};

/// The layout of a payload with a hit.
#[derive(Debug)]
pub(super) struct Hit {
    shape: Shape,
    row: usize,
    ink: Ink,
    palette: Palette,
}

impl Hit {
    pub(super) fn new(shape: Shape, row: usize, replacement: Replacement) -> Self {
        Self { shape, row, ink: Ink::new(replacement, false), palette: Palette::ngrep() }
    }

    /// Writes a payload that is not empty, with a hit that ends in it.
    pub(super) fn write(&self, out: &mut Vec<u8>, payload: &[u8], hit: Range<usize>) {
        match self.shape {
            Shape::Normal => {
                for start in (0..payload.len()).step_by(self.row) {
                    out.extend_from_slice(b"  ");
                    self.text(out, payload, start..start + self.row, &hit);
                    out.push(b'\n');
                }
            }
            Shape::Hex => {
                for start in (0..payload.len()).step_by(HEX_ROW) {
                    out.extend_from_slice(b"  ");
                    self.digits(out, payload, start..start + HEX_ROW, &hit);
                    self.text(out, payload, start..start + HEX_ROW, &hit);
                    out.push(b'\n');
                }
            }
            Shape::ByLine => self.whole(out, payload, hit, |byte| byte == b'\n'),
            Shape::Single | Shape::None => self.whole(out, payload, hit, |_| false),
        }
    }

    /// Writes the text of a row, with blanks behind the payload's end.
    fn text(&self, out: &mut Vec<u8>, payload: &[u8], row: Range<usize>, hit: &Range<usize>) {
        for at in row {
            let shown = payload.get(at).map_or(b' ', |&byte| self.ink.byte(byte));
            self.coloured(out, hit.contains(&at), &[shown]);
        }
    }

    /// Writes the digits of a row of a hexdump. The gaps behind a byte have its colour.
    fn digits(&self, out: &mut Vec<u8>, payload: &[u8], row: Range<usize>, hit: &Range<usize>) {
        for at in row {
            let [high, low] = payload.get(at).map_or([b' '; 2], |&byte| hex(byte));
            let cell = [high, low, b' ', b' ', b' ', b' '];
            let cell = if at % 8 == 7 { &cell[..] } else { &cell[..3] };
            self.coloured(out, hit.contains(&at), cell);
        }
    }

    fn coloured(&self, out: &mut Vec<u8>, coloured: bool, bytes: &[u8]) {
        if coloured {
            out.extend_from_slice(&self.palette.start);
            out.extend_from_slice(bytes);
            out.extend_from_slice(&self.palette.stop);
        } else {
            out.extend_from_slice(bytes);
        }
    }

    /// Writes the payload as it is, but for its unprintable bytes, of which some are `kept`.
    fn whole(&self, out: &mut Vec<u8>, payload: &[u8], hit: Range<usize>, kept: impl Fn(u8) -> bool) {
        for (at, &byte) in payload.iter().enumerate() {
            if at == hit.start {
                out.extend_from_slice(&self.palette.start);
            }
            out.push(if kept(byte) { byte } else { self.ink.byte(byte) });
            if at + 1 == hit.end {
                out.extend_from_slice(&self.palette.stop);
            }
        }
        out.push(b'\n');
    }
}

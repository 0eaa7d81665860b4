//! Bytes as they are printed: unprintable bytes are replaced, and matches are coloured.

use std::ops::Range;

use super::palette::Palette;

/// The character that is printed for an unprintable byte. It is printable ASCII itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Replacement(u8);

impl Replacement {
    /// Makes a replacement. `None` for anything but a blank or a visible ASCII character.
    pub fn new(character: char) -> Option<Self> {
        matches!(character, ' '..='~').then_some(Self(character as u8))
    }
}

impl Default for Replacement {
    /// Returns the dot, as in ngrep.
    fn default() -> Self {
        Self(b'.')
    }
}

/// Returns true for visible ASCII and the blank.
#[inline]
pub(super) fn is_printable(byte: u8) -> bool {
    byte.wrapping_sub(b' ') <= b'~' - b' '
}

/// The spans of a payload that matched, consumed from left to right.
#[derive(Clone, Copy)]
pub(super) struct Spans<'a>(&'a [Range<usize>]);

impl Spans<'_> {
    /// Returns true if nothing more is to be coloured.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Cuts `range` where a match begins or ends, and calls `each` with every piece and whether it matched.
    #[inline]
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

    /// Returns true if a match has a byte in `range`.
    #[inline]
    pub(super) fn touches(&mut self, range: &Range<usize>) -> bool {
        self.skip(range.start);
        self.0.first().is_some_and(|span| span.start < range.end)
    }

    #[inline]
    fn skip(&mut self, at: usize) {
        while let Some((first, rest)) = self.0.split_first() {
            if first.end > at {
                break;
            }
            self.0 = rest;
        }
    }
}

/// The replacement for unprintable bytes, and the colours of matches.
#[derive(Debug)]
pub(super) struct Ink {
    pub(super) replacement: u8,
    pub(super) palette: Palette,
}

impl Ink {
    pub(super) fn new(replacement: Replacement, color: bool) -> Self {
        Self { replacement: replacement.0, palette: Palette::matches(color) }
    }

    /// Returns the spans to colour: none if there are no colours.
    pub(super) fn spans<'a>(&self, spans: &'a [Range<usize>]) -> Spans<'a> {
        Spans(if self.palette.start.is_empty() { &[] } else { spans })
    }

    /// Returns a byte as it is printed.
    #[inline]
    pub(super) fn byte(&self, byte: u8) -> u8 {
        if is_printable(byte) { byte } else { self.replacement }
    }

    /// Writes the bytes of a payload as they are printed. The compiler turns the comparison and the choice into code for 16
    /// bytes at once, while a table would be read byte by byte, and so would be what remains of a payload behind the last 16.
    pub(super) fn map(&self, out: &mut Vec<u8>, payload: &[u8]) {
        const STEP: usize = 16;
        let start = out.len();
        out.extend_from_slice(payload);
        out.extend_from_slice(&[0; STEP]);
        for step in out[start..].chunks_exact_mut(STEP) {
            for byte in step {
                *byte = self.byte(*byte);
            }
        }
        out.truncate(start + payload.len());
    }

    /// Writes a piece of a payload, which is in `shown` as it is printed.
    #[inline]
    pub(super) fn bytes(&self, out: &mut Vec<u8>, shown: &[u8], piece: Range<usize>, spans: &mut Spans<'_>) {
        spans.runs(piece, |run, matched| {
            if matched {
                out.extend_from_slice(&self.palette.start);
                out.extend_from_slice(&shown[run]);
                out.extend_from_slice(&self.palette.stop);
            } else {
                out.extend_from_slice(&shown[run]);
            }
        });
    }
}

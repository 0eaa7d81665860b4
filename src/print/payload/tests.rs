//! Payloads as a slow writer writes them, which takes one byte or character after the other and asks every span about it.

use proptest::prelude::*;

use super::*;
use crate::print::palette::Palette;

/// A piece of a payload as it is printed, and where it was.
struct Piece {
    at: Range<usize>,
    text: Vec<u8>,
    width: usize,
    line_end: bool,
}

struct Plain {
    shape: Shape,
    columns: usize,
    utf8: bool,
    color: bool,
}

impl Plain {
    fn shown(byte: u8) -> u8 {
        if (b' '..=b'~').contains(&byte) { byte } else { b'~' }
    }

    /// Cuts a payload into bytes, or into characters.
    fn pieces(&self, payload: &[u8]) -> Vec<Piece> {
        let byte = |at: usize| Piece {
            at: at..at + 1,
            text: vec![Self::shown(payload[at])],
            width: 1,
            line_end: payload[at] == b'\n',
        };
        if !self.utf8 {
            return (0..payload.len()).map(byte).collect();
        }
        let (mut all, mut at, mut marks) = (Vec::new(), 0, glyphs::MARKS);
        for chunk in payload.utf8_chunks() {
            for c in chunk.valid().chars() {
                let range = at..at + c.len_utf8();
                at = range.end;
                if c.is_ascii() {
                    marks = if c == ' ' || c.is_ascii_graphic() { 0 } else { glyphs::MARKS };
                    all.push(byte(range.start));
                    continue;
                }
                let glyph = glyphs::glyph(c, &mut marks);
                let shown = matches!(glyph, Glyph::Shown { .. });
                let text = if shown { payload[range.clone()].to_vec() } else { vec![b'~'] };
                all.push(Piece { at: range, text, width: glyph.width(), line_end: false });
            }
            for _ in chunk.invalid() {
                marks = glyphs::MARKS;
                all.push(byte(at));
                at += 1;
            }
        }
        all
    }

    fn write(&self, payload: &[u8], spans: &[Range<usize>]) -> Vec<u8> {
        if self.shape == Shape::Hex {
            return self.dump(payload, spans);
        }
        let palette = Palette::matches(self.color);
        let row =
            if self.shape == Shape::Normal { self.columns.saturating_sub(5).max(1) } else { usize::MAX };
        let indent: &[u8] = if self.shape == Shape::Normal { b"  " } else { b"" };
        let mut out = indent.to_vec();
        // The span that is coloured, if one is.
        let (mut column, mut inside) = (0, None);
        for piece in self.pieces(payload) {
            let ends = self.shape == Shape::ByLine && piece.line_end;
            let wraps = column > 0 && piece.width > row.saturating_sub(column);
            let span = spans.iter().position(|span| span.start < piece.at.end && piece.at.start < span.end);
            let span = span.filter(|_| self.color && !ends);
            // Characters have one colour as long as each has a match, bytes have one for each match.
            let goes_on = span.is_some() && inside.is_some() && (self.utf8 || span == inside);
            if inside.is_some() && (wraps || !goes_on) {
                out.extend(&palette.stop);
                inside = None;
            }
            if wraps {
                out.extend([b"\n", indent].concat());
                column = 0;
            }
            if ends {
                out.push(b'\n');
                continue;
            }
            if span.is_some() && inside.is_none() {
                out.extend(&palette.start);
            }
            inside = span;
            column += piece.width;
            out.extend(&piece.text);
        }
        if inside.is_some() {
            out.extend(&palette.stop);
        }
        out.push(b'\n');
        out
    }

    fn dump(&self, payload: &[u8], spans: &[Range<usize>]) -> Vec<u8> {
        let palette = Palette::matches(self.color);
        let span = |at: usize| spans.iter().position(|span| self.color && span.contains(&at));
        let mut out = Vec::new();
        for start in (0..payload.len()).step_by(16) {
            let row = start..payload.len().min(start + 16);
            let (mut digits, mut text, mut columns) = (Vec::new(), Vec::new(), 0);
            for at in row.clone() {
                let begins = at == start || span(at) != span(at - 1);
                let ends = at + 1 == row.end || span(at) != span(at + 1);
                let gap: &[u8] = if at == start {
                    b""
                } else if at - start == 8 {
                    b"    "
                } else {
                    b" "
                };
                digits.extend(gap);
                columns += gap.len() + 2;
                if span(at).is_some() && begins {
                    digits.extend(&palette.start);
                    text.extend(&palette.start);
                }
                digits.extend(format!("{:02x}", payload[at]).bytes());
                text.push(Self::shown(payload[at]));
                if span(at).is_some() && ends {
                    digits.extend(&palette.stop);
                    text.extend(&palette.stop);
                }
            }
            out.extend([b"  ", &digits[..], &b" ".repeat(54 - columns), &text[..], b"\n"].concat());
        }
        out
    }
}

/// Compares a payload in every shape, with colours and without.
fn compare(payload: &[u8], spans: &[Range<usize>], columns: usize) {
    for shape in [Shape::Normal, Shape::ByLine, Shape::Single, Shape::None, Shape::Hex] {
        for (utf8, color) in [(false, false), (false, true), (true, false), (true, true)] {
            let plain = Plain { shape, columns, utf8, color };
            let mut layout = Layout::new(shape, columns, Replacement::new('~').unwrap(), utf8, color);
            let mut out = b"before".to_vec();
            layout.write(&mut out, b"another payload, longer than most of those that follow", &[]);
            out.truncate(6);
            layout.write(&mut out, payload, spans);
            let (found, expected) = (&out[6..], plain.write(payload, spans));
            assert!(
                found == expected,
                "{shape:?} {columns} {utf8} {color} {spans:?} {payload:x?}:\n{}\n{}",
                String::from_utf8_lossy(found),
                String::from_utf8_lossy(&expected),
            );
        }
    }
}

#[test]
fn every_byte_is_written_at_every_place_of_a_row() {
    for byte in 0..=u8::MAX {
        for before in [0, 5, 10, 17] {
            let payload =
                [&b"a\xc3\xbc".repeat(before)[..], &[byte], b"\xe4\xb8\x96bcdefghijklmnopqrstuvwxyz"]
                    .concat();
            compare(&payload, &[before..before + 1], 21);
        }
    }
}

#[test]
#[allow(clippy::single_range_in_vec_init)]
fn spans_at_both_ends_and_long_payloads_are_written_as_short_ones() {
    for len in [1, 2, 15, 16, 17, 75, 76, 150, 5_000] {
        for payload in [b"a\xc3\xa9\n".repeat(len), b"\xe2\x82".repeat(len), b"\n".repeat(len)] {
            let end = payload.len();
            compare(&payload, &[], 80);
            compare(&payload, &[0..1], 80);
            compare(&payload, &[end - 1..end], 80);
            compare(&payload, &[0..1, 1..end, end..end + 9], usize::MAX);
            compare(&payload, &[0..end], 0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn any_payload_is_written_as_the_slow_writer_writes_it(
        pieces in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..20),
                prop::collection::vec(prop::sample::select(b"a\n\x80\xbf\xc2\xe0\xed\xa0\xf0\xf4\x90\xff".to_vec()), 0..12),
                ".{0,8}".prop_map(String::into_bytes),
                "[a-z \n]{0,40}".prop_map(String::into_bytes),
                "[世ü\u{301}\u{202e}\u{3000}]{0,9}".prop_map(String::into_bytes),
            ],
            1..6,
        ),
        steps in prop::collection::vec((0..9_usize, 1..9_usize), 0..12),
        columns in prop_oneof![Just(0), Just(usize::MAX), 0..60_usize],
    ) {
        let payload = pieces.concat();
        prop_assume!(!payload.is_empty());
        let mut at = 0;
        let mut next = |(skip, len)| { at += skip + len; at - len..at };
        let spans: Vec<_> = steps.into_iter().map(&mut next).collect();
        compare(&payload, &spans, columns);
    }
}

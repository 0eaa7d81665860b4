//! Payloads as UTF-8 text that cannot lead a terminal or a reader astray.

use std::ops::Range;

use unicode_width::UnicodeWidthChar;

use crate::escape::is_plain;

/// The most combining marks on one character. More would run over the lines around it.
const MARKS: u8 = 4;

/// The form in which a piece of the payload is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// The bytes as they are. Their width in columns is 0 for a mark that goes onto the character before it.
    Shown { width: usize },
    /// A line feed.
    LineEnd,
    /// The replacement, one column wide, for a byte that is not UTF-8 or a character that is not fit for terminals.
    Unprintable,
}

impl Cell {
    pub(super) fn width(self) -> usize {
        match self {
            Self::Shown { width } => width,
            Self::LineEnd | Self::Unprintable => 1,
        }
    }
}

/// Splits the payload into pieces from left to right. Every byte is in one piece.
pub(super) fn cells(payload: &[u8]) -> impl Iterator<Item = (Range<usize>, Cell)> {
    let mut start = 0;
    let mut marks = MARKS;
    let pieces = payload.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid().chars().map(|c| (c.len_utf8(), Some(c)));
        valid.chain(chunk.invalid().iter().map(|_| (1, None)))
    });
    pieces.map(move |(len, c)| {
        let range = start..start + len;
        start = range.end;
        (range, c.map_or(Cell::Unprintable, |c| cell(c, &mut marks)))
    })
}

/// Chooses the form of a character. `marks` is the number of marks on the current character, or [`MARKS`] where none
/// may stand.
fn cell(c: char, marks: &mut u8) -> Cell {
    if matches!(c, ' '..='~') {
        *marks = 0;
        return Cell::Shown { width: 1 };
    }
    if c != '\n' && is_mark(c) && *marks < MARKS {
        *marks += 1;
        return Cell::Shown { width: 0 };
    }
    match c.width() {
        Some(width @ 1..) if is_plain(c) || c == IDEOGRAPHIC_SPACE => {
            *marks = 0;
            Cell::Shown { width }
        }
        _ => {
            *marks = MARKS;
            if c == '\n' { Cell::LineEnd } else { Cell::Unprintable }
        }
    }
}

/// The blank of Chinese and Japanese text, two columns wide.
const IDEOGRAPHIC_SPACE: char = '\u{3000}';

/// Returns true for an accent or a vowel sign. The standard library's `str` escapes such a character only where
/// nothing precedes it. The ones that cannot be seen (joiners, fillers, variation selectors) could hide text, and are
/// excluded.
fn is_mark(c: char) -> bool {
    let invisible = matches!(c,
        '\u{034f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}');
    if invisible || c.is_ascii() || c.width() != Some(0) {
        return false;
    }
    let mut text = [b'a'; 5];
    let len = 1 + c.encode_utf8(&mut text[1..]).len();
    std::str::from_utf8(&text[..len]).is_ok_and(|text| text.escape_debug().eq(text.chars()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let piece = |(range, cell): (Range<usize>, Cell)| match cell {
            Cell::Shown { .. } => text[range].to_string(),
            Cell::LineEnd => "|".into(),
            Cell::Unprintable => ".".into(),
        };
        cells(text.as_bytes()).map(piece).collect()
    }

    #[test]
    fn text_of_all_scripts_is_shown() {
        for text in
            ["grüße, C:\\ \"x\" 'y'", "こんにちは\u{3000}世界", "e\u{301}", "สวัสดี", "नमस्ते", "привет", "🙂"]
        {
            assert_eq!(shown(text), text);
        }
        let width = |text: &str| cells(text.as_bytes()).map(|(_, cell)| cell.width()).sum::<usize>();
        assert_eq!((width("世界"), width("e\u{301}x"), width("🙂")), (4, 2, 2));
    }

    #[test]
    fn what_is_not_seen_or_turns_text_around_is_replaced() {
        for c in "\u{0}\u{7}\u{9}\u{d}\u{1b}\u{7f}\u{80}\u{85}\u{9b}\u{ad}\u{a0}\u{61c}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\
                  \u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{feff}\
                  \u{fff9}\u{e000}\u{f0000}\u{10ffff}\u{e0001}\u{e0041}\u{34f}\u{fe0f}\u{e0100}\u{3164}\u{378}"
            .chars()
        {
            assert_eq!(shown(&format!("a{c}b")), "a.b", "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn marks_need_a_character_and_do_not_pile_up() {
        assert_eq!(shown("\u{301}a"), ".a");
        assert_eq!(shown(&format!("a{}", "\u{301}".repeat(6))), format!("a{}..", "\u{301}".repeat(4)));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced_one_by_one() {
        let found: Vec<_> = cells(b"a\xff\xe2\x82z").map(|(range, cell)| (range, cell.width())).collect();
        assert_eq!(found, [(0..1, 1), (1..2, 1), (2..3, 1), (3..4, 1), (4..5, 1)]);
    }
}

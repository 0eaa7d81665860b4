//! Payloads as UTF-8 text that cannot lead a terminal or a reader astray.

use std::ops::Range;

use unicode_width::UnicodeWidthChar;

use super::ink::is_printable;
use super::utf8::{first, is_lead};
use crate::escape::is_plain;

/// The most combining marks on one character. More would run over the lines around it.
pub(super) const MARKS: u8 = 4;

/// The form in which a character beyond ASCII is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glyph {
    /// The bytes as they are. Their width in columns is 0 for a mark that goes onto the character before it.
    Shown { width: usize },
    /// The replacement, one column wide, for a character that is not fit for terminals.
    Unprintable,
}

impl Glyph {
    pub(super) fn width(self) -> usize {
        match self {
            Self::Shown { width } => width,
            Self::Unprintable => 1,
        }
    }
}

/// Finds the next character beyond ASCII from `from` on, and its bytes. All bytes before it are one column wide: they are
/// ASCII, or not UTF-8. Without such a character, the range is empty and at the end.
pub(super) fn next_wide(payload: &[u8], from: usize) -> (Range<usize>, Option<char>) {
    let mut at = from;
    loop {
        at += narrow(&payload[at..]);
        if at == payload.len() {
            return (at..at, None);
        }
        let (len, c) = first(&payload[at..]);
        if c.is_some() {
            return (at..at + len, c);
        }
        at += len;
    }
}

/// Returns the number of bytes in front of the first one that could begin a character beyond ASCII.
fn narrow(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    // All 16 are looked at, since the compiler makes code of that which looks at all of them at once.
    while let Some((step, behind)) = rest.split_first_chunk::<16>() {
        if step.iter().fold(false, |found, &byte| found | is_lead(byte)) {
            break;
        }
        rest = behind;
    }
    let lead = rest.iter().position(|&byte| is_lead(byte)).unwrap_or(rest.len());
    bytes.len() - rest.len() + lead
}

/// Returns the number of marks on a byte that is one column wide, or [`MARKS`] if none may stand on it.
pub(super) fn marks_after(byte: u8) -> u8 {
    if is_printable(byte) { 0 } else { MARKS }
}

/// Chooses the form of a character beyond ASCII. `marks` is the number of marks on the current character, or [`MARKS`]
/// where none may stand.
pub(super) fn glyph(c: char, marks: &mut u8) -> Glyph {
    // Latin letters and Chinese characters are most of what occurs.
    let known = match c {
        '\u{c0}'..='\u{24f}' => Some(1),
        '\u{4e00}'..='\u{9fff}' => Some(2),
        _ => None,
    };
    if let Some(width) = known {
        *marks = 0;
        return Glyph::Shown { width };
    }
    match c.width() {
        Some(0) if *marks < MARKS && is_mark(c) => {
            *marks += 1;
            Glyph::Shown { width: 0 }
        }
        Some(width @ 1..) if is_plain(c) || c == IDEOGRAPHIC_SPACE => {
            *marks = 0;
            Glyph::Shown { width }
        }
        _ => {
            *marks = MARKS;
            Glyph::Unprintable
        }
    }
}

/// The blank of Chinese and Japanese text, two columns wide.
const IDEOGRAPHIC_SPACE: char = '\u{3000}';

/// Returns true for an accent or a vowel sign, given a character without a width. The standard library's `str` escapes such a character only where
/// nothing precedes it. The ones that cannot be seen (joiners, fillers, variation selectors) could hide text, and are
/// excluded.
fn is_mark(c: char) -> bool {
    let invisible = matches!(c,
        '\u{034f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}');
    if invisible {
        return false;
    }
    let mut text = [b'a'; 5];
    let len = 1 + c.encode_utf8(&mut text[1..]).len();
    std::str::from_utf8(&text[..len]).is_ok_and(|text| text.escape_debug().eq(text.chars()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the pieces of a payload with their widths: `None` for bytes that are not UTF-8 and what is not shown.
    fn cells(payload: &[u8]) -> Vec<(Range<usize>, Option<usize>)> {
        let (mut all, mut at, mut marks) = (Vec::new(), 0, MARKS);
        while at < payload.len() {
            let (wide, c) = next_wide(payload, at);
            for at in at..wide.start {
                marks = marks_after(payload[at]);
                all.push((at..at + 1, Some(1).filter(|_| marks == 0)));
            }
            at = wide.end;
            if let Some(c) = c {
                let width = match glyph(c, &mut marks) {
                    Glyph::Shown { width } => Some(width),
                    Glyph::Unprintable => None,
                };
                all.push((wide, width));
            }
        }
        all
    }

    fn shown(text: &str) -> String {
        cells(text.as_bytes()).into_iter().map(|(range, width)| width.map_or(".", |_| &text[range])).collect()
    }

    /// Chooses the form of a character as [`glyph`] does without its short ways.
    fn slow(c: char, marks: &mut u8) -> Option<usize> {
        if c.width() == Some(0) && is_mark(c) && *marks < MARKS {
            *marks += 1;
            return Some(0);
        }
        let width = c.width().filter(|&width| width > 0 && (is_plain(c) || c == IDEOGRAPHIC_SPACE));
        *marks = if width.is_some() { 0 } else { MARKS };
        width
    }

    #[test]
    fn every_character_is_shown_as_the_tables_say() {
        for c in (0x80..=u32::from(char::MAX)).filter_map(char::from_u32) {
            for before in [0, MARKS] {
                let (mut marks, mut expected) = (before, before);
                let width = match glyph(c, &mut marks) {
                    Glyph::Shown { width } => Some(width),
                    Glyph::Unprintable => None,
                };
                assert_eq!((width, marks), (slow(c, &mut expected), expected), "U+{:04X}", u32::from(c));
            }
        }
    }

    #[test]
    fn text_of_all_scripts_is_shown() {
        for text in
            ["grüße, C:\\ \"x\" 'y'", "こんにちは\u{3000}世界", "e\u{301}", "สวัสดี", "नमस्ते", "привет", "🙂"]
        {
            assert_eq!(shown(text), text);
        }
        let width =
            |text: &str| cells(text.as_bytes()).iter().map(|(_, width)| width.unwrap_or(1)).sum::<usize>();
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
        let expected = [(0..1, Some(1)), (1..2, None), (2..3, None), (3..4, None), (4..5, Some(1))];
        assert_eq!(cells(b"a\xff\xe2\x82z"), expected);
    }
}

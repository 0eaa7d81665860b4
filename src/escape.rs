//! Escaping of names and texts from outside, so that they are safe on a terminal and in one line of a log; and what
//! else every message needs.
//!
//! Every part of the program that puts an interface name, a file name, the name of a network or another program's
//! error text into a message passes it through here.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io;

/// Escapes every character that a terminal would act on or would not show: control characters, bidirectional and
/// other format characters, private and unassigned ones. Quotes and backslashes stay as they are, because the result
/// is meant for people and is not parsed back.
///
/// ```
/// assert_eq!(ovlsniff::escape::escape("eth0\x1b[2J"), r"eth0\u{1b}[2J");
/// ```
pub fn escape(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        push(&mut safe, c);
    }
    Cow::Owned(safe)
}

/// Makes one line of a JSON value, in which these characters are spelled as JSON spells them (`\\u009b`). A reader gets the same
/// strings, and a terminal shows them.
///
/// ```
/// let value = serde_json::json!({ "name": "eth0\u{9b}2J" });
/// assert_eq!(ovlsniff::escape::json(&value), r#"{"name":"eth0\u009b2J"}"#);
/// ```
pub fn json(value: &impl fmt::Display) -> String {
    let text = value.to_string();
    if text.chars().all(is_plain) {
        return text;
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_plain(c) {
            safe.push(c);
        } else {
            // A character beyond U+FFFF is a pair.
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        }
    }
    safe
}

/// Escapes like [`escape`], for names that need not be UTF-8. Each byte that is not UTF-8 becomes `\x` and two hex
/// digits.
pub fn escape_bytes(bytes: &[u8]) -> String {
    let mut safe = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push(&mut safe, c);
        }
        for byte in chunk.invalid() {
            let _ = write!(safe, "\\x{byte:02x}");
        }
    }
    safe
}

fn push(safe: &mut String, c: char) {
    match c {
        '\n' => safe.push_str("\\n"),
        '\r' => safe.push_str("\\r"),
        '\t' => safe.push_str("\\t"),
        c if is_plain(c) => safe.push(c),
        c => {
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
        }
    }
}

/// Returns the system's text for an error in the form that continues a sentence: without a capital at the start, and
/// without the error's number at the end.
///
/// ```
/// let error = std::io::Error::from_raw_os_error(28);
/// assert_eq!(ovlsniff::escape::reason(&error), "no space left on device");
/// ```
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().into_iter().flat_map(char::to_lowercase).chain(chars).collect()
}

/// Returns a number with its noun, `1 packet` or `2 packets`.
///
/// ```
/// assert_eq!(ovlsniff::escape::counted(1_u64, "policy", "policies"), "1 policy");
/// assert_eq!(ovlsniff::escape::counted(0_usize, "policy", "policies"), "0 policies");
/// ```
pub fn counted<N: fmt::Display + Copy + PartialEq + From<u8>>(count: N, one: &str, many: &str) -> String {
    format!("{count} {}", if count == N::from(1) { one } else { many })
}

/// Returns a word as it is typed in a shell: escaped like [`escape`], and in quotes if it needs them.
///
/// ```
/// use ovlsniff::escape::quoted;
/// assert_eq!([quoted("a-b.pcap"), quoted("GET /"), quoted("it's")], ["a-b.pcap", "'GET /'", r"'it'\''s'"]);
/// ```
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:,=@%+".contains(c);
    let word = escape(word);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Returns true if a character shows as itself, and by itself. The standard library's table of printable characters
/// decides. It leaves out all control, format, private, unassigned and combining characters, and every blank but the
/// plain one.
pub fn is_plain(c: char) -> bool {
    // These ranges need no look into the table: they are most of what occurs, in text and in bytes that are none.
    match c {
        ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{2ff}' | char::REPLACEMENT_CHARACTER
        // Greek, Cyrillic, Armenian, Hebrew, Arabic, Syriac and N'Ko letters.
        | '\u{3a3}'..='\u{482}' | '\u{48a}'..='\u{52f}' | '\u{531}'..='\u{556}' | '\u{559}'..='\u{58a}'
        | '\u{5d0}'..='\u{5ea}' | '\u{620}'..='\u{64a}' | '\u{671}'..='\u{6d5}' | '\u{712}'..='\u{72f}'
        | '\u{74d}'..='\u{7a5}' | '\u{7c0}'..='\u{7ea}'
        // Kana, Chinese characters, Yi and Hangul.
        | '\u{3041}'..='\u{3096}' | '\u{309b}'..='\u{30ff}' | '\u{3220}'..='\u{a48c}' | '\u{ac00}'..='\u{d7a3}' => true,
        // Control characters, accents, and characters for private use.
        '\0'..='\u{a0}' | '\u{300}'..='\u{36f}' | '\u{e000}'..='\u{f8ff}' => false,
        c => c.escape_debug().len() == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_names_are_not_copied() {
        assert!(matches!(escape("vxlan0 \"grün\" C:\\x"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_a_terminal_would_act_on_is_spelled_out() {
        assert_eq!(escape("a\u{1b}]0;x\u{7}b\u{9b}31m\u{7f}\n"), r"a\u{1b}]0;x\u{7}b\u{9b}31m\u{7f}\n");
        assert_eq!(escape("exe\u{202e}gpj\u{200b}\u{feff}"), r"exe\u{202e}gpj\u{200b}\u{feff}");
        assert_eq!(escape_bytes(b"eth\xff\x1b\xc2\x9b"), r"eth\xff\u{1b}\u{9b}");
    }

    #[test]
    fn the_ranges_are_those_of_the_table() {
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let table = matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1;
            assert_eq!(is_plain(c), table, "U+{:04X}", u32::from(c));
        }
    }

    proptest! {
        #[test]
        fn no_control_character_survives(text in ".*", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let object = serde_json::json!({ text.clone(): [text.clone()] });
            prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(&json(&object)).unwrap(), &object);
            for safe in [escape(&text).into_owned(), escape_bytes(&bytes), json(&object)] {
                prop_assert!(!safe.chars().any(char::is_control));
                prop_assert!(safe.chars().all(is_plain));
            }
        }
    }
}

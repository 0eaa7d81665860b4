//! Names and texts from outside, made safe for a terminal and for one line of a log.
//!
//! Every room that puts an interface name, a file name, a network's name or somebody else's error text into a
//! message passes it through here.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

/// The text with every character escaped that a terminal would act on or not show: control characters, bidirectional
/// and other format characters, private and unassigned ones. Quotes and backslashes stay as they are: the result is to
/// be read by people, not to be parsed back.
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

/// As [`escape`], for names that need not be UTF-8: what is not becomes `\x` and two hex digits a byte.
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

/// The system's words for an error, to go on a sentence with: no capital in front, no number of its own behind.
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

/// Whether a character shows as itself, alone: the standard library's table of what is printable, which leaves out all
/// control, format, private, unassigned and combining characters and every blank but the plain one.
pub fn is_plain(c: char) -> bool {
    match c {
        ' '..='~' => true,
        c if c.is_ascii() => false,
        // Most of what is met, without a look into the table: Latin letters, Chinese characters, what stands for no UTF-8.
        '\u{c0}'..='\u{24f}' | '\u{4e00}'..='\u{9fff}' | char::REPLACEMENT_CHARACTER => true,
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

    proptest! {
        #[test]
        fn no_control_character_survives(text in ".*", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            for safe in [escape(&text).into_owned(), escape_bytes(&bytes)] {
                prop_assert!(!safe.chars().any(char::is_control));
                prop_assert!(safe.chars().all(is_plain));
            }
        }
    }
}

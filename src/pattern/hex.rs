//! Patterns of bytes in hex.

use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir};

use super::Error;
use crate::escape::escape;

/// Parses bytes in hex as ngrep takes them, without wildcards.
pub(super) fn parse_ngrep(pattern: &str) -> Result<Hir, Error> {
    if pattern.contains('?') {
        let problem = "not hex; a byte is two of 0-9 a-f";
        return Err(Error::Hex { pattern: escape(pattern).into_owned(), problem });
    }
    parse(pattern)
}

/// Parses bytes in hex such as `47 45 54 ?? 2f`. A `0x` in front of digits and blanks between bytes are allowed, and
/// `??` is any byte.
pub(super) fn parse(pattern: &str) -> Result<Hir, Error> {
    let wrong = |problem| Error::Hex { pattern: escape(pattern).into_owned(), problem };
    let mut parts = Vec::new();
    for word in pattern.split_ascii_whitespace() {
        let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")).unwrap_or(word).as_bytes();
        if digits.is_empty() {
            return Err(wrong("0x without digits after it"));
        }
        for pair in digits.chunks(2) {
            let &[high, low] = pair else {
                return Err(wrong("an odd number of digits; a byte has two"));
            };
            parts.push(
                byte(high, low).ok_or_else(|| wrong("not hex; a byte is two of 0-9 a-f, or ?? for any"))?,
            );
        }
    }
    if parts.is_empty() {
        return Err(wrong("no bytes; give two hex digits for each"));
    }
    Ok(Hir::concat(parts))
}

fn byte(high: u8, low: u8) -> Option<Hir> {
    if (high, low) == (b'?', b'?') {
        return Some(Hir::class(Class::Bytes(ClassBytes::new([ClassBytesRange::new(0, 255)]))));
    }
    let digit = |d: u8| char::from(d).to_digit(16).map(|d| d as u8);
    Some(Hir::literal([(digit(high)? << 4) | digit(low)?]))
}

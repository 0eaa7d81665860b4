//! The literal that every match of an expression contains.

use regex_syntax::hir::{Hir, HirKind};

/// Returns the most selective such literal, if there is one. A payload without it cannot match.
pub(super) fn literal(hir: &Hir) -> Option<Vec<u8>> {
    find(hir).map(<[u8]>::to_vec)
}

fn find(hir: &Hir) -> Option<&[u8]> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(&literal.0),
        HirKind::Capture(capture) => find(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => find(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().filter_map(find).max_by_key(|l| weight(l)),
        // The branches of an alternation rarely share a literal. Where they share a prefix or a suffix, the parser
        // has already factored it out if it could.
        HirKind::Alternation(_)
        | HirKind::Repetition(_)
        | HirKind::Empty
        | HirKind::Class(_)
        | HirKind::Look(_) => None,
    }
}

/// Returns true if searching for the literal first is worth the time: most payloads should not contain it.
pub(super) fn is_selective(literal: &[u8]) -> bool {
    weight(literal) >= 5
}

/// Rates how selective a literal is: 1 to 5 for each byte, more for bytes that are rarer in traffic.
fn weight(literal: &[u8]) -> u32 {
    let byte = |byte: &u8| match byte {
        0 | 0xff => 1,
        b' ' | b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b'\r' | b'\n' => 2,
        b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b':' | b'"' => 3,
        b'A'..=b'Z' | b'=' | b'<' | b'>' | b',' | b'_' => 4,
        _ => 5,
    };
    literal.iter().map(byte).fold(0, u32::saturating_add)
}

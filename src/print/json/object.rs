//! Objects of JSON, member by member. A name is given as it stands in the line, with the comma before and the colon
//! behind: `,"vni":`. Values that are strings here hold nothing that needs an escape.

use std::fmt::Display;

use super::string::string;
use crate::print::numbers::{decimal, text};

/// Writes an object with the members that `members` writes.
#[inline]
pub(super) fn object(out: &mut Vec<u8>, members: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    members(out);
    // The brace takes the place of the first member's comma.
    match out.get_mut(start) {
        Some(comma) => *comma = b'{',
        None => out.push(b'{'),
    }
    out.push(b'}');
}

/// Writes a member that is a number, if there is one.
#[inline]
pub(super) fn number(out: &mut Vec<u8>, name: &str, value: impl Into<Option<u64>>) {
    if let Some(value) = value.into() {
        out.extend_from_slice(name.as_bytes());
        decimal(out, value);
    }
}

/// Writes a member that is a word of ours, if there is one.
#[inline]
pub(super) fn word(out: &mut Vec<u8>, name: &str, value: impl Into<Option<&'static str>>) {
    if let Some(value) = value.into() {
        out.extend_from_slice(name.as_bytes());
        quoted(out, |out| out.extend_from_slice(value.as_bytes()));
    }
}

/// Writes a member that is the name of something, if there is one.
#[inline]
pub(super) fn named(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        out.extend_from_slice(name.as_bytes());
        string(out, value.as_bytes());
    }
}

/// Writes a member that is true or false, if it is known.
pub(super) fn truth(out: &mut Vec<u8>, name: &str, value: impl Into<Option<bool>>) {
    if let Some(value) = value.into() {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(if value { b"true" } else { b"false" });
    }
}

/// Writes a member that is the text of a value, if there is one.
pub(super) fn displayed(out: &mut Vec<u8>, name: &str, value: Option<impl Display>) {
    if let Some(value) = value {
        out.extend_from_slice(name.as_bytes());
        quoted(out, |out| text(out, &value));
    }
}

/// Writes quotes around a text.
#[inline]
pub(super) fn quoted(out: &mut Vec<u8>, text: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    text(out);
    out.push(b'"');
}

/// Writes a list, each element by `each`.
#[inline]
pub(super) fn list<T>(
    out: &mut Vec<u8>,
    elements: impl IntoIterator<Item = T>,
    each: impl Fn(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (n, element) in elements.into_iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        each(out, element);
    }
    out.push(b']');
}

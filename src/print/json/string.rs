//! Strings of JSON, in which everything that is not plain text is escaped. JSON allows DEL, the C1 controls and format
//! characters such as bidirectional controls in strings as they are, but a terminal would act on them.
//!
//! Payloads are nearly all of a line, and half of them are no text. So 16 bytes at a time are taken as they are if nothing
//! among them needs an escape, and else each goes through a table, which has the text of every byte that means the same
//! wherever it stands. Only a byte that begins a character of several bytes needs a look at those behind it.

use crate::escape::is_plain;
use crate::print::numbers::hex;
use crate::print::utf8::first;

/// The number of bytes that are looked at in one step.
const STEP: usize = 16;
/// More than one step can write: a byte becomes six at most, and the last may begin a character that becomes twelve. It is a
/// power of two, so that a place in it needs no check.
const ROOM: usize = 128;

/// The text of a byte, filled up to eight bytes, the last of which is its length: 0 for a byte that begins a character.
type Entry = [u8; 8];

static TABLE: [Entry; 256] = {
    let mut table = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = entry(byte as u8);
        byte += 1;
    }
    table
};

const fn entry(byte: u8) -> Entry {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' | b'\\' => [b'\\', byte, 0, 0, 0, 0, 0, 2],
        b' '..=b'~' => [byte, 0, 0, 0, 0, 0, 0, 1],
        8 => *b"\\b\0\0\0\0\0\x02",
        b'\t' => *b"\\t\0\0\0\0\0\x02",
        b'\n' => *b"\\n\0\0\0\0\0\x02",
        12 => *b"\\f\0\0\0\0\0\x02",
        b'\r' => *b"\\r\0\0\0\0\0\x02",
        0..=0x7f => {
            let (high, low) = (DIGITS[(byte >> 4) as usize], DIGITS[(byte & 15) as usize]);
            [b'\\', b'u', b'0', b'0', high, low, 0, 6]
        }
        0xc2..=0xf4 => [0; 8],
        // U+FFFD.
        _ => *b"\xef\xbf\xbd\0\0\0\0\x03",
    }
}

/// Writes a string with quotes around it. Each piece that is not UTF-8 becomes U+FFFD.
pub(super) fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    let mut rest = text;
    while let Some((step, behind)) = rest.split_first_chunk::<STEP>() {
        if is_clean(step) {
            out.extend_from_slice(step);
            rest = behind;
        } else {
            rest = escaped(out, rest, STEP);
        }
    }
    escaped(out, rest, rest.len());
    out.push(b'"');
}

/// Returns true if the bytes are written as they are. It looks at all of them, because then the compiler makes code of it that
/// looks at all of them at once.
#[inline]
fn is_clean(bytes: &[u8; STEP]) -> bool {
    let dirty = |byte: u8| byte.wrapping_sub(b' ') > b'~' - b' ' || byte == b'"' || byte == b'\\';
    !bytes.iter().fold(false, |found, &byte| found | dirty(byte))
}

/// Writes the characters that begin in the first `len` bytes of `text`, at most [`STEP`], and returns the rest.
#[inline]
fn escaped<'a>(out: &mut Vec<u8>, text: &'a [u8], len: usize) -> &'a [u8] {
    let mut room = [0; ROOM + 12];
    let (mut at, mut end) = (0, 0);
    while at < len {
        let entry = TABLE[usize::from(text[at])];
        let place = end % ROOM;
        room[place..place + 8].copy_from_slice(&entry);
        if entry[7] > 0 {
            at += 1;
            end += usize::from(entry[7]);
        } else {
            let (taken, c) = first(&text[at..]);
            at += taken;
            end += match c {
                Some(c) => character(&mut room[place..], c),
                None => invalid(&mut room[place..]),
            };
        }
    }
    out.extend_from_slice(&room[..end]);
    &text[at..]
}

/// Writes U+FFFD to the beginning of `room`, and returns the number of bytes.
#[inline]
fn invalid(room: &mut [u8]) -> usize {
    room[..3].copy_from_slice(b"\xef\xbf\xbd");
    3
}

/// Writes a character that is not ASCII to the beginning of `room`, and returns the number of bytes.
fn character(room: &mut [u8], c: char) -> usize {
    if is_plain(c) {
        return c.encode_utf8(room).len();
    }
    let mut end = 0;
    for unit in c.encode_utf16(&mut [0; 2]) {
        let [high, low] = unit.to_be_bytes().map(hex);
        room[end..end + 6].copy_from_slice(&[b'\\', b'u', high[0], high[1], low[0], low[1]]);
        end += 6;
    }
    end
}

/// The two digits of every 12 bits.
static PAIRS: [[u8; 2]; 4096] = {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut pairs = [[0; 2]; 4096];
    let mut bits = 0;
    while bits < 4096 {
        pairs[bits] = [DIGITS[bits >> 6], DIGITS[bits & 63]];
        bits += 1;
    }
    pairs
};

/// Writes bytes as base64 (RFC 4648, section 4) with padding, and with quotes around it.
pub(super) fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().saturating_sub(2) / 6 * 8, 0);
    let (mut rest, mut digits) = (bytes, &mut out[start..]);
    // Of eight bytes, which are read at once, six are written.
    while let (Some(eight), Some((place, behind))) = (rest.first_chunk(), digits.split_first_chunk_mut::<8>())
    {
        let bits = u64::from_be_bytes(*eight);
        for (pair, shift) in place.chunks_exact_mut(2).zip([52, 40, 28, 16]) {
            pair.copy_from_slice(&PAIRS[(bits >> shift) as usize % 4096]);
        }
        (rest, digits) = (&rest[6..], behind);
    }
    for last in rest.chunks(3) {
        let byte = |n: usize| u32::from(last.get(n).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let [a, b] = [12, 0].map(|shift| PAIRS[(bits >> shift) as usize % 4096]);
        let digits = [a[0], a[1], b[0], b[1]];
        out.extend_from_slice(&digits[..=last.len()]);
        out.extend_from_slice(&b"=="[..3 - last.len()]);
    }
    out.push(b'"');
}

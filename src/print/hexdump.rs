//! The hexdump of `-x`: 16 bytes a row, in hex and as text, with a wider gap after the eighth byte and after the
//! last.

use super::ink::{Ink, Spans};
use super::numbers::hex;

const ROW: usize = 16;
/// The number of columns from the first digit of a row to its text.
const WIDTH: usize = ROW * 3 + 6;

/// Writes a payload, which is in `shown` as it is printed.
pub(super) fn write(out: &mut Vec<u8>, ink: &Ink, payload: &[u8], shown: &[u8], mut spans: Spans<'_>) {
    for start in (0..payload.len()).step_by(ROW) {
        let row = start..payload.len().min(start + ROW);
        let mut as_text = spans;
        if let (Ok(bytes), Ok(text), false) =
            (payload[row.clone()].try_into(), shown[row.clone()].try_into(), spans.touches(&row))
        {
            plain(out, bytes, text);
            continue;
        }
        out.extend_from_slice(b"  ");
        spans.runs(row.clone(), |run, matched| {
            for at in run.clone() {
                out.extend_from_slice(gap(at - start));
                if matched && at == run.start {
                    out.extend_from_slice(&ink.palette.start);
                }
                out.extend_from_slice(&hex(payload[at]));
            }
            if matched {
                out.extend_from_slice(&ink.palette.stop);
            }
        });
        out.resize(out.len() + WIDTH - width(row.len()), b' ');
        ink.bytes(out, shown, row, &mut as_text);
        out.push(b'\n');
    }
}

/// Writes a whole row without a match, which is what most rows are. Every digit goes straight to its column.
#[inline]
fn plain(out: &mut Vec<u8>, bytes: &[u8; ROW], text: &[u8; ROW]) {
    let mut line = [b' '; 2 + WIDTH + ROW + 1];
    for (n, &byte) in bytes.iter().enumerate() {
        let at = 2 + n * 3 + if n >= 8 { 3 } else { 0 };
        line[at..at + 2].copy_from_slice(&hex(byte));
    }
    line[2 + WIDTH..2 + WIDTH + ROW].copy_from_slice(text);
    line[2 + WIDTH + ROW] = b'\n';
    out.extend_from_slice(&line);
}

/// Returns the gap in front of the digits of a row's byte `n`.
fn gap(n: usize) -> &'static [u8] {
    match n {
        0 => b"",
        8 => b"    ",
        _ => b" ",
    }
}

/// Returns the number of columns that the digits of `n` bytes take, with the gaps between them.
fn width(n: usize) -> usize {
    n * 3 - 1 + if n > 8 { 3 } else { 0 }
}

//! JSON Lines: one object for each packet. `docs/json.md` explains its members, `docs/json-schema.json` defines its
//! form.

mod numbers;
mod record;

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::Shown;
use crate::escape::is_plain;
use record::Record;

/// The options for packets as JSON.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonOptions {
    /// The most bytes of a payload that are written. Its length is always that of the whole payload.
    pub limit: Option<usize>,
}

/// Writes JSON Lines.
#[derive(Debug)]
pub struct Json<W: Write> {
    writer: W,
    limit: usize,
    line: Vec<u8>,
}

impl<W: Write> Json<W> {
    /// Makes a printer that writes to `writer`.
    pub fn new(writer: W, options: JsonOptions) -> Self {
        Self { writer, limit: options.limit.unwrap_or(usize::MAX), line: Vec::new() }
    }

    /// Writes a packet as one line.
    pub fn packet(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        self.line.clear();
        let mut serializer = Serializer::with_formatter(&mut self.line, Ascii);
        Record::new(shown, self.limit).serialize(&mut serializer)?;
        self.line.push(b'\n');
        self.writer.write_all(&self.line)
    }

    /// Returns the place of the frame's number in the line of any packet.
    pub(super) fn number() -> usize {
        br#"{"v":1,"number":"#.len()
    }

    /// Writes other lines behind these.
    pub(super) fn append(&mut self, lines: &Json<Vec<u8>>) -> io::Result<()> {
        self.writer.write_all(&lines.writer)
    }

    /// Returns the writer.
    pub fn writer(&mut self) -> &mut W {
        &mut self.writer
    }
}

/// A formatter that escapes everything that is not plain text. JSON allows DEL, the C1 controls and format characters
/// such as bidirectional controls in strings as they are, but a terminal would act on them.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|&(_, c)| !is_plain(c)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests;

//! JSON Lines: one object for each packet. `docs/json.md` says what its members mean, `docs/json-schema.json` holds its
//! form.

mod record;

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::Shown;
use crate::escape::is_plain;
use record::Record;

/// How packets are written as JSON.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonOptions {
    /// Bytes of a payload that are written at most; its length is always that of the whole.
    pub limit: Option<usize>,
}

/// Writes JSON Lines.
#[derive(Debug)]
pub struct Json<W: Write> {
    writer: W,
    limit: usize,
    /// The line that is being made.
    line: Vec<u8>,
}

impl<W: Write> Json<W> {
    /// Into `writer`.
    pub fn new(writer: W, options: JsonOptions) -> Self {
        Self { writer, limit: options.limit.unwrap_or(usize::MAX), line: Vec::new() }
    }

    /// One line.
    pub fn packet(&mut self, shown: &Shown<'_>) -> io::Result<()> {
        self.line.clear();
        let mut serializer = Serializer::with_formatter(&mut self.line, Ascii);
        Record::new(shown, self.limit).serialize(&mut serializer)?;
        self.line.push(b'\n');
        self.writer.write_all(&self.line)
    }

    /// The writer.
    pub fn writer(&mut self) -> &mut W {
        &mut self.writer
    }
}

/// JSON lets DEL, the C1 controls and the bidirectional and other format characters stand in a string as they are; a
/// terminal that the lines are printed on would act on them. All that is not plain text is escaped.
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

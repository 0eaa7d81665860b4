//! ngrep's text, taken to pieces and put together again.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::bytes::Regex;

/// The beginning of a packet: a line break, and a header line with its arrow.
static HEADER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?-u)\n[TUIG?](\([0-9]+\))? [^\n]*? -> ").unwrap());

/// ngrep's output.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    /// What stands in front of the first packet.
    pub(crate) head: Vec<u8>,
    pub(crate) packets: Vec<Shown>,
}

/// A packet that is shown, and the marks behind it.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// From the line break in front of its header to the end of its payload.
    pub(crate) block: Vec<u8>,
    /// The marks behind it, and ngrep's last line.
    pub(crate) marks: Vec<u8>,
}

impl Text {
    pub(crate) fn of(out: &[u8]) -> Self {
        let starts: Vec<usize> = HEADER.find_iter(out).map(|found| found.start()).collect();
        let head = out[..starts.first().copied().unwrap_or(out.len())].to_vec();
        let ends = starts.iter().skip(1).copied().chain([out.len()]);
        let packets = starts.iter().zip(ends).map(|(&start, end)| Shown::of(&out[start..end])).collect();
        Self { head, packets }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        for packet in &self.packets {
            bytes.extend(&packet.block);
            bytes.extend(&packet.marks);
        }
        bytes
    }

    /// What stands in front of the marks.
    pub(crate) fn preamble(&self) -> &[u8] {
        let marks = marks_at(&self.head);
        &self.head[..marks]
    }
}

/// Where the marks begin at the end of a piece of text, `exit` included.
fn marks_at(text: &[u8]) -> usize {
    let text = text.strip_suffix(b"exit\n").unwrap_or(text);
    text.len() - text.iter().rev().take_while(|&&byte| byte == b'#').count()
}

impl Shown {
    fn of(text: &[u8]) -> Self {
        let (block, marks) = text.split_at(marks_at(text));
        Self { block: block.to_vec(), marks: marks.to_vec() }
    }

    /// The header line, or in `-W single` the whole line.
    pub(crate) fn header(&self) -> String {
        let line = self.block[1..].split(|&byte| byte == b'\n').next().unwrap_or_default();
        String::from_utf8_lossy(line).into_owned()
    }

    /// The number at the end of the header line.
    pub(crate) fn number(&self) -> Option<usize> {
        self.header().rsplit_once(" #")?.1.parse().ok()
    }

    /// The first word, and the two ends.
    pub(crate) fn flow(&self) -> (String, BTreeSet<String>) {
        let header = self.header();
        let (before, behind) = header.split_once(" -> ").unwrap_or_default();
        let source = before.rsplit(' ').next().unwrap_or_default().to_owned();
        let destination = behind.split(' ').next().unwrap_or_default().to_owned();
        let protocol = header.split(' ').next().unwrap_or_default().to_owned();
        (protocol, [source, destination].into())
    }

    /// Replaces the header line's text.
    pub(crate) fn rewrite(&mut self, change: impl FnOnce(&str) -> String) {
        let end =
            self.block[1..].iter().position(|&byte| byte == b'\n').map_or(self.block.len(), |at| at + 1);
        let changed = change(&String::from_utf8_lossy(&self.block[1..end]));
        self.block.splice(1..end, changed.into_bytes());
    }
}

/// Where the ends and what belongs to them are over, in a header of this protocol: behind the flags, or the type and code.
pub(crate) fn ends(header: &str, protocol: u8) -> usize {
    let arrow = header.find(" -> ").map_or(0, |at| at + 4);
    let word = |from: usize| header[from..].find(' ').map_or(header.len(), |at| from + at);
    let destination = word(arrow);
    match protocol {
        6 if header[destination..].starts_with(" [") => word(destination + 1),
        1 | 2 | 58 => word(destination + 1),
        _ => destination,
    }
}

//! What is wrong with a line of a file of SAs.

/// A line that cannot be read, and why; the reason never quotes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadLine {
    /// From 1.
    pub(super) line: usize,
    pub(super) what: &'static str,
}

impl BadLine {
    pub(super) fn new(line: usize, what: &'static str) -> Self {
        Self { line, what }
    }
}

//! The error of a file of SAs: a line that cannot be read.

/// A line that cannot be read, and the reason. The reason never quotes the line, because the line may hold a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadLine {
    /// The number of the line, from 1.
    pub(super) line: usize,
    pub(super) what: &'static str,
}

impl BadLine {
    pub(super) fn new(line: usize, what: &'static str) -> Self {
        Self { line, what }
    }
}

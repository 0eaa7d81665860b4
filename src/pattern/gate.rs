//! A test of a whole frame before it is decoded.

use super::needle::Needle;

/// The words without one of which nothing can match.
#[derive(Clone, Debug)]
pub struct Gate(Needle);

impl Gate {
    pub(super) fn new(needle: Needle) -> Self {
        Self(needle)
    }

    /// Returns true if these bytes contain a word that every match has. The payload may be anywhere in them.
    #[inline]
    pub fn is_open(&self, bytes: &[u8]) -> bool {
        self.find(bytes).is_some()
    }

    /// Returns the start of the leftmost such word. The bytes may hold many frames: nothing matches in those that end
    /// before it.
    #[inline]
    pub fn find(&self, bytes: &[u8]) -> Option<usize> {
        self.0.find(bytes)
    }
}

//! A test of a whole frame before it is decoded.

use memchr::memmem::Finder;

/// The literal without which nothing can match.
#[derive(Clone, Debug)]
pub struct Gate(Finder<'static>);

impl Gate {
    pub(super) fn new(literal: &[u8]) -> Self {
        Self(Finder::new(literal).into_owned())
    }

    /// Returns true if these bytes contain the literal of every match. The payload may be anywhere in them.
    #[inline]
    pub fn is_open(&self, bytes: &[u8]) -> bool {
        self.find(bytes).is_some()
    }

    /// Returns the place where the literal begins for the first time.
    #[inline]
    pub fn find(&self, bytes: &[u8]) -> Option<usize> {
        self.0.find(bytes)
    }
}

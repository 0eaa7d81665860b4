//! A look at a whole frame before it is decoded.

use memchr::memmem::Finder;

/// Bytes without which nothing can match.
#[derive(Clone, Debug)]
pub struct Gate(Finder<'static>);

impl Gate {
    pub(super) fn new(literal: &[u8]) -> Self {
        Self(Finder::new(literal).into_owned())
    }

    /// Whether these bytes hold what every match holds, wherever in them the payload may be.
    #[inline]
    pub fn is_open(&self, bytes: &[u8]) -> bool {
        self.0.find(bytes).is_some()
    }
}

//! The progress through a file, for those who wait for its end.

use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes of a file that were read, as the system counts them: of a compressed file, the compressed ones. Another thread may
/// look at it at any time.
#[derive(Debug)]
pub struct Reading {
    bytes: AtomicU64,
    total: Option<u64>,
}

impl Reading {
    /// Makes the count of a file of this length, if it is known, that is read from here on.
    pub fn new(at: u64, total: Option<u64>) -> Self {
        Self { bytes: AtomicU64::new(at), total }
    }

    /// Returns the number of bytes that were read.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns the length of the file in bytes when it was opened. `None` if it is no plain file.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Counts bytes that were read in one go.
    pub(super) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Goes on at this offset.
    pub(super) fn set(&self, offset: u64) {
        self.bytes.store(offset, Ordering::Relaxed);
    }
}

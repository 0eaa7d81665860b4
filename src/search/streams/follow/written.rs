//! The frames that were written, so that none is written twice.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

use super::stretch::Copied;

/// The most frames that are known.
const MOST: usize = 1 << 14;

/// The frames that were written last. A frame may be of several matches, also in parts that come one by one.
#[derive(Debug, Default)]
pub(super) struct Written {
    hashing: RandomState,
    known: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Written {
    /// Returns true if a frame was not written, and takes it for written from now on. Of a frame with several inner packets,
    /// each may be written.
    pub(super) fn add(&mut self, copied: &Copied) -> bool {
        let frame = copied.frame();
        let key = self.hashing.hash_one((frame.number, frame.bytes));
        if !self.known.insert(key) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > MOST {
            let oldest = self.order.pop_front();
            oldest.map(|oldest| self.known.remove(&oldest));
        }
        true
    }

    /// Forgets all, since another file begins.
    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.order.clear();
    }
}

//! One direction of a connection, as far as its search has come.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::card::Card;
use super::memory::{taken, taken_with_holes};
use super::stretch::Copied;
use crate::pattern::{Edge, Progress};
use crate::search::{Begun, Overlap};

/// The memory of an entry in the list of directions, which may have grown to twice its length, and of the place in the table.
const PLACE: usize = 2 * size_of::<Option<Box<Direction>>>() + 16;
/// That of an entry in the queue of those that wait for quiet.
const QUEUED: usize = 2 * size_of::<(u32, u64, i64)>();

/// The search in one direction.
#[derive(Debug)]
pub(super) struct Direction {
    pub(super) progress: Progress,
    /// The bytes that are held, and the place of the first one.
    pub(super) held: Vec<u8>,
    pub(super) start: u64,
    /// The frames that they came in, in the order of the stream.
    pub(super) parts: VecDeque<Part>,
    /// The memory that the copies of frames take.
    pub(super) copied: usize,
    /// The matches that are not told yet, since their lines have not come.
    pub(super) block: Option<Box<Block>>,
    /// The packet that brought the last bytes, where a match may have ended with them.
    pub(super) card: Option<Arc<Card>>,
    /// The place behind what was told.
    pub(super) told: u64,
    /// True if what was told ended in front of the end of its line.
    pub(super) lacks_newline: bool,
    pub(super) begun: Begun,
    pub(super) gap_before: bool,
    /// The connection's number.
    pub(super) connection: u64,
    /// The number of the frame that brought bytes which others waited for.
    pub(super) brought_by: u64,
    /// The time of the last bytes.
    pub(super) touched: i64,
    /// True if the queue of those that wait for quiet has it.
    pub(super) is_queued: bool,
}

/// The bytes of one frame.
#[derive(Debug)]
pub(super) struct Part {
    /// The place of the first one.
    pub(super) from: u64,
    pub(super) number: u64,
    pub(super) overlap: Overlap,
    /// The copies of the frame, and of fragments, that are still to be written.
    /// `None` if no match has begun in it.
    pub(super) copies: Option<Vec<Copied>>,
}

/// Matches that are told together, since they stand in the same lines.
#[derive(Debug)]
pub(super) struct Block {
    /// The place where the first line begins.
    pub(super) from: u64,
    /// The matches, in order.
    pub(super) spans: Vec<Range<u64>>,
    /// The packet with which the last one was complete.
    pub(super) card: Arc<Card>,
}

impl Part {
    /// Returns the memory that its copies take.
    pub(super) fn footprint(&self) -> usize {
        self.copies.iter().flatten().map(Copied::footprint).sum()
    }
}

impl Block {
    /// Returns the place behind the last match.
    pub(super) fn end(&self) -> u64 {
        self.spans.last().map_or(self.from, |span| span.end)
    }
}

impl Direction {
    pub(super) fn new(connection: u64, offset: u64, begun: Begun) -> Self {
        let known = begun == Begun::Syn && offset == 0;
        Self {
            progress: Progress::new(offset, if known { Edge::Stream } else { Edge::Unknown }),
            held: Vec::new(),
            start: offset,
            parts: VecDeque::new(),
            copied: 0,
            block: None,
            card: None,
            told: offset,
            lacks_newline: false,
            begun,
            gap_before: false,
            connection,
            brought_by: 0,
            touched: 0,
            is_queued: false,
        }
    }

    /// Goes on behind a gap.
    pub(super) fn resume(&mut self, offset: u64) {
        self.progress = Progress::new(offset, Edge::Unknown);
        self.held.clear();
        self.parts.clear();
        (self.copied, self.card) = (0, None);
        (self.start, self.told, self.gap_before) = (offset, offset, true);
        self.lacks_newline = false;
    }

    /// Returns the place behind the last byte.
    pub(super) fn end(&self) -> u64 {
        self.start + self.held.len() as u64
    }

    /// Adds the bytes of a frame. Of most directions, those of one frame are held, and there are many directions.
    pub(super) fn push(&mut self, part: Part) {
        if self.parts.is_empty() {
            self.parts.reserve_exact(1);
        }
        self.parts.push_back(part);
    }

    /// Holds the bytes of what is held and of the piece that are needed, which are those from this place on.
    pub(super) fn hold(&mut self, from: u64, piece: &[u8]) {
        let middle = self.end();
        let from = from.clamp(self.start, middle + piece.len() as u64);
        if let Some(skipped) = from.checked_sub(middle) {
            self.held.clear();
            self.held.extend_from_slice(&piece[skipped as usize..]);
        } else {
            self.held.drain(..(from - self.start) as usize);
            self.held.extend_from_slice(piece);
        }
        self.start = from;
        // The memory that a long match took is given back.
        if self.held.capacity() > 4096 && self.held.len() < self.held.capacity() / 4 {
            self.held.shrink_to(self.held.len());
        }
        while self.parts.get(1).is_some_and(|second| second.from <= from) {
            let gone = self.parts.pop_front();
            self.copied -= gone.map_or(0, |part| part.footprint());
        }
        if self.held.is_empty() {
            self.parts.clear();
            self.copied = 0;
        }
        if self.parts.capacity() > 64 && self.parts.len() < self.parts.capacity() / 4 {
            self.parts.shrink_to_fit();
        }
    }

    /// Takes bytes for a place that was told before. If others are held for it, nobody knows which ones the receiver has.
    pub(super) fn compare(&mut self, offset: u64, bytes: &[u8]) {
        let (from, to) = (offset.max(self.start), (offset + bytes.len() as u64).min(self.end()));
        if from >= to {
            return;
        }
        let held = &self.held[(from - self.start) as usize..(to - self.start) as usize];
        let again = &bytes[(from - offset) as usize..(to - offset) as usize];
        let overlap = if held == again { Overlap::Same } else { Overlap::Differs };
        for at in parts(&self.parts, from, to) {
            let part = &mut self.parts[at];
            part.overlap = part.overlap.max(overlap);
        }
    }

    /// Returns true if something is to be told when the stream is quiet.
    pub(super) fn waits(&self) -> bool {
        self.block.is_some() || self.card.is_some()
    }

    /// Returns the memory that it takes.
    pub(super) fn footprint(&self) -> usize {
        let block = self.block.as_ref().map_or(0, |block| {
            let spans = block.spans.capacity() * size_of::<Range<u64>>();
            taken(size_of::<Block>()) + block.card.footprint() + taken_with_holes(spans)
        });
        let card = self.card.as_ref().map_or(0, |card| card.footprint());
        let parts = taken_with_holes(self.parts.capacity() * size_of::<Part>());
        let queued = if self.is_queued { QUEUED } else { 0 };
        let held = taken_with_holes(self.held.capacity());
        PLACE + taken(size_of::<Self>()) + held + parts + self.copied + block + card + queued
    }
}

/// Returns the places in the list of those parts that have bytes between two places.
pub(super) fn parts(parts: &VecDeque<Part>, from: u64, to: u64) -> Range<usize> {
    let first = parts.partition_point(|part| part.from <= from).saturating_sub(1);
    let end = parts.partition_point(|part| part.from < to);
    first..end.max(first)
}

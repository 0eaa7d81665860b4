//! The search in the streams of TCP: each direction is searched as its receiver reads it.
//!
//! Each piece of a direction goes to the pattern's automaton ([`StreamPattern`]), which keeps its state from one piece to the
//! next. What it finds is told as a packet of its own: the headers of the packet with which the match was complete, and as the
//! payload the lines around the match. Matches in the same line are told together.
//!
//! - *Lines.* A match is told when the end of its line has come, or 256 bytes behind it. On the wire, it is told as well when
//!   nothing more comes for a second, and so is one that may still grow. In a file, no match depends on when the bytes came.
//! - *Memory.* Of a direction, the bytes are held from where a match may have begun, and those of the line before, 256 at
//!   most. Each direction that was ever told of something has a slot in a list. The table of connections knows the place of
//!   the slot, and the memory behind it, so that it can make way for others.
//! - *The packet in hand* may bring bytes that others waited for. Then it is the one with which the match is complete. Where
//!   bytes come because a gap was given up, the frame that waited is decoded once more.

mod card;
mod direction;
mod lines;
mod memory;
mod reader;
mod stretch;
mod telling;
mod with;
mod written;

pub use stretch::{Copied, Copies, Stretch};

use super::{Follower, Limits, StreamCounts, Streams};
use crate::dissect::{Dissected, Dissector};
use crate::packet::Timestamp;
use crate::pattern::StreamPattern;
use crate::search::Found;
use card::Hand;
use reader::Reader;
use with::Telling;

/// The longest windows for which there is memory.
const WINDOWS: usize = 16;

/// The options of a search in streams.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamOptions {
    /// The number of lines to show before that of a match.
    pub before: usize,
    /// The number of lines to show after that of a match.
    pub after: usize,
    /// The frames of matches that are to be copied.
    pub copies: Copies,
    /// The wait for what follows a match.
    pub patience: Patience,
}

/// The wait for what follows a match that may still grow, or of which the line is not over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patience {
    /// As long as the stream goes on, as in a file: matches do not depend on when the bytes came.
    #[default]
    Endless,
    /// A second by the capture's clock, as on the wire, where somebody wants to see the match.
    Second,
}

/// The search in all streams.
#[derive(Debug)]
pub(in crate::search) struct Follow {
    streams: Streams<Slot>,
    reader: Reader,
}

/// The place of a direction, as the table of connections knows it.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// The place in the list, counted from 1.
    place: u32,
    footprint: u32,
}

impl Follower for Slot {
    fn footprint(&self) -> usize {
        self.footprint as usize
    }
}

/// The matches so far, and how many there may be.
#[derive(Debug)]
pub(in crate::search) struct Tally<'a> {
    pub(in crate::search) matched: &'a mut u64,
    pub(in crate::search) limit: Option<u64>,
}

impl Tally<'_> {
    fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| *self.matched >= limit)
    }
}

impl Follow {
    pub(in crate::search) fn new(pattern: StreamPattern, options: StreamOptions) -> Self {
        let defaults = Limits::default();
        // Half of it is for what is held. There must be room for one long match and for others beside it.
        let memory = defaults.memory.max(WINDOWS * pattern.window());
        let streams = Streams::new(Limits { memory, ..defaults });
        Self { streams, reader: Reader::new(pattern, options) }
    }

    pub(in crate::search) fn counts(&self) -> StreamCounts {
        StreamCounts { cut_short: self.reader.pattern.cut_short(), ..self.streams.counts() }
    }

    /// Returns the memory that connections take, with what waits and what is held of their streams.
    pub(in crate::search) fn footprint(&self) -> usize {
        self.streams.footprint()
    }

    /// Returns true if a match waits for quiet.
    pub(in crate::search) fn waits(&self) -> bool {
        self.reader.waits()
    }

    /// Takes a packet, and tells the matches that are complete with it. Returns false if it is no segment of TCP.
    ///
    /// # Errors
    /// The error of the sink.
    #[cold]
    pub(in crate::search) fn take<E>(
        &mut self,
        dissector: &mut Dissector,
        dissected: Dissected<'_>,
        tally: Tally<'_>,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let Self { streams, reader } = self;
        let hand = Hand { dissected };
        let mut telling = Telling { dissector, tally, sink };
        streams.take(dissected.frame, dissected.packet, &mut |slot, way, piece| {
            reader.piece(slot, way, piece, Some(&hand), dissected.frame.time, &mut telling)
        })
    }

    /// Lets time pass without a packet.
    ///
    /// # Errors
    /// The error of the sink.
    #[cold]
    pub(in crate::search) fn tick<E>(
        &mut self,
        now: Timestamp,
        dissector: &mut Dissector,
        tally: Tally<'_>,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { streams, reader } = self;
        let mut telling = Telling { dissector, tally, sink };
        while reader.is_due(now) {
            reader.quiet(now, &mut telling)?;
        }
        streams.tick(now, &mut |slot, way, piece| reader.piece(slot, way, piece, None, now, &mut telling))
    }

    /// Ends all streams, at the end of a file or of the capture.
    ///
    /// # Errors
    /// The error of the sink.
    pub(in crate::search) fn finish<E>(
        &mut self,
        dissector: &mut Dissector,
        tally: Tally<'_>,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { streams, reader } = self;
        let mut telling = Telling { dissector, tally, sink };
        let now = Timestamp::new(0, 0, 0);
        streams.finish(&mut |slot, way, piece| reader.piece(slot, way, piece, None, now, &mut telling))?;
        reader.forget();
        Ok(())
    }
}

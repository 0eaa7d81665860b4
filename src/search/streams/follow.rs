//! The search in the streams of TCP: each direction is searched as its receiver reads it.
//!
//! Each piece of a direction goes to the pattern's automaton ([`StreamPattern`]), which keeps its state from one piece to the
//! next. What it finds is told as a packet of its own: the headers of the packet with which the match was complete, and as the
//! payload the lines around the match. Matches in the same line are told together.
//!
//! - *Lines.* A match is told when the end of its line has come, or 256 bytes behind it, or when nothing more comes for a
//!   second. The same goes for a match that may still grow. By the capture's clock, a file gives the same result as the wire.
//! - *Memory.* Of a direction, the bytes are held from where a match may have begun, and those of the line before, 256 at
//!   most. Each direction that was ever told of something has a slot in a list. The table of connections knows the place of
//!   the slot, and the memory behind it, so that it can make way for others.
//! - *The packet in hand* may bring bytes that others waited for. Then it is the one with which the match is complete. Where
//!   bytes come because a gap was given up, the frame that waited is decoded once more.

mod card;
mod direction;
mod lines;
mod stretch;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

pub use stretch::{Copied, Copies, Stretch};

use super::{EndWhy, Follower, Limits, Piece, StreamCounts, Streams, Way};
use crate::dissect::{Dissected, Dissector};
use crate::packet::{Frame, Timestamp};
use crate::pattern::{AtHand, Edge, MAX_SPANS, StreamPattern};
use crate::search::{Found, Outcome};
use card::{Card, Hand, copies};
use direction::{Block, Direction, Part, parts};
use lines::Lines;

/// The time, in nanoseconds by the capture's clock, after which a match does not wait for more of its stream.
const QUIET: i64 = 1_000_000_000;
/// The most bytes of a block with several matches, more or less.
const MOST_BYTES: u64 = 64 << 10;

/// The options of a search in streams.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamOptions {
    /// The number of lines to show before that of a match.
    pub before: usize,
    /// The number of lines to show after that of a match.
    pub after: usize,
    /// The frames of matches that are to be copied.
    pub copies: Copies,
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

/// What reads the streams.
#[derive(Debug)]
struct Reader {
    pattern: StreamPattern,
    lines: Lines,
    copies: Copies,
    directions: Vec<Option<Box<Direction>>>,
    free: Vec<u32>,
    /// The slots of directions that may wait for quiet, with the connection and the time until which they do.
    waiting: VecDeque<(u32, u64, i64)>,
    payload: Vec<u8>,
}

/// The parts of a search that a match is told with.
struct Telling<'a, F> {
    dissector: &'a mut Dissector,
    tally: Tally<'a>,
    sink: &'a mut F,
}

impl Follow {
    pub(in crate::search) fn new(pattern: StreamPattern, options: StreamOptions) -> Self {
        let StreamOptions { before, after, copies } = options;
        Self {
            streams: Streams::new(Limits::default()),
            reader: Reader {
                pattern,
                lines: Lines { before, after },
                copies,
                directions: Vec::new(),
                free: Vec::new(),
                waiting: VecDeque::new(),
                payload: Vec::new(),
            },
        }
    }

    pub(in crate::search) fn counts(&self) -> StreamCounts {
        self.streams.counts()
    }

    /// Returns true if a match waits for quiet.
    pub(in crate::search) fn waits(&self) -> bool {
        !self.reader.waiting.is_empty()
    }

    /// Takes a packet, and tells the matches that are complete with it. Returns false if it is no segment of TCP.
    ///
    /// # Errors
    /// The error of the sink.
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
    #[inline]
    pub(in crate::search) fn tick<E>(
        &mut self,
        now: Timestamp,
        dissector: &mut Dissector,
        tally: Tally<'_>,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { streams, reader } = self;
        let mut telling = Telling { dissector, tally, sink };
        while reader.waiting.front().is_some_and(|(.., until)| *until <= now.nanos) {
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
        reader.waiting.clear();
        Ok(())
    }
}

impl Reader {
    fn piece<E, F: FnMut(Found<'_>) -> Result<(), E>>(
        &mut self,
        slot: &mut Slot,
        way: &Way,
        piece: Piece<'_>,
        hand: Option<&Hand<'_>>,
        now: Timestamp,
        telling: &mut Telling<'_, F>,
    ) -> Result<(), E> {
        let offset = match piece {
            Piece::Bytes { offset, .. } | Piece::Again { offset, .. } | Piece::Gap { offset, .. } => offset,
            Piece::End { .. } => 0,
        };
        if slot.place == 0 {
            slot.place = self.open(Direction::new(way.connection, offset, way.begun));
        }
        let place = slot.place;
        let Some(mut direction) = self.directions[place as usize - 1].take() else { return Ok(()) };
        let done = match piece {
            Piece::Bytes { bytes, frame, overlap, .. } => {
                let is_in_hand = |hand: &&Hand<'_>| {
                    let number = hand.dissected.frame.number;
                    frame.number == number || direction.brought_by == number
                };
                let hand = hand.filter(is_in_hand);
                let part = Part { from: offset, number: frame.number, overlap, copies: None };
                direction.brought_by = hand.map_or(0, |hand| hand.dissected.frame.number);
                direction.touched = now.nanos;
                self.bytes(&mut direction, bytes, part, frame, hand, telling)
            }
            Piece::Again { bytes, .. } => {
                direction.compare(offset, bytes);
                Ok(())
            }
            Piece::Gap { len, .. } => {
                let done = self.last(&mut direction, Edge::Unknown, None, telling);
                direction.resume(offset + len);
                done
            }
            Piece::End { why } => {
                let edge = match why {
                    EndWhy::Fin | EndWhy::Reset | EndWhy::Reused | EndWhy::Capture => Edge::Stream,
                    EndWhy::Idle | EndWhy::Evicted => Edge::Unknown,
                };
                let done = self.last(&mut direction, edge, Some(why), telling);
                *slot = Slot::default();
                self.free.push(place);
                return done;
            }
        };
        if direction.waits() && !direction.is_queued {
            direction.is_queued = true;
            self.waiting.push_back((place, direction.connection, direction.touched.saturating_add(QUIET)));
        }
        slot.footprint = direction.footprint() as u32;
        self.directions[place as usize - 1] = Some(direction);
        done
    }

    fn open(&mut self, direction: Direction) -> u32 {
        let direction = Some(Box::new(direction));
        if let Some(place) = self.free.pop() {
            self.directions[place as usize - 1] = direction;
            return place;
        }
        self.directions.push(direction);
        self.directions.len() as u32
    }

    /// Searches bytes.
    fn bytes<E, F: FnMut(Found<'_>) -> Result<(), E>>(
        &mut self,
        direction: &mut Direction,
        bytes: &[u8],
        part: Part,
        frame: &Frame<'_>,
        hand: Option<&Hand<'_>>,
        telling: &mut Telling<'_, F>,
    ) -> Result<(), E> {
        if telling.tally.is_full() {
            return Ok(());
        }
        if part.from != direction.end() {
            direction.resume(part.from);
        }
        direction.card = None;
        direction.parts.push_back(part);
        let held = std::mem::take(&mut direction.held);
        let at_hand = AtHand::new(direction.start, &held, bytes);
        let mut done = Ok(());
        while let Some(found) = self.pattern.next(&mut direction.progress, &at_hand) {
            self.keep(direction, frame, hand, telling.dissector);
            done = self.found(direction, found, &at_hand, telling);
            if done.is_err() || telling.tally.is_full() {
                break;
            }
        }
        let mut from = direction.progress.needed();
        if direction.progress.has_begun(at_hand.end()) {
            self.keep(direction, frame, hand, telling.dissector);
        } else {
            direction.card = None;
        }
        if let Some(end) = direction.block.as_ref().and_then(|block| self.lines.end(&at_hand, block.end())) {
            done = done.and_then(|()| self.tell(direction, &at_hand, end, None, telling));
        }
        if let Some(begin) = direction.progress.begin() {
            from = from.min(self.lines.start(&at_hand, begin.min(at_hand.end())));
        }
        if let Some(block) = &direction.block {
            from = from.min(block.from);
        }
        direction.held = held;
        direction.hold(from, bytes);
        done
    }

    /// Keeps what a match is told with that ends in this frame, or has begun up to its end.
    fn keep(
        &self,
        direction: &mut Direction,
        frame: &Frame<'_>,
        hand: Option<&Hand<'_>>,
        dissector: &mut Dissector,
    ) {
        if direction.card.is_none() {
            direction.card = Some(Card::of(hand, frame, dissector));
        }
        if let Some(part) = direction.parts.back_mut().filter(|part| part.copies.is_none()) {
            part.copies = copies(self.copies, hand, frame, dissector);
        }
    }

    /// Searches what is held, now that nothing follows it, and tells all that waits.
    fn last<E, F: FnMut(Found<'_>) -> Result<(), E>>(
        &mut self,
        direction: &mut Direction,
        edge: Edge,
        closed: Option<EndWhy>,
        telling: &mut Telling<'_, F>,
    ) -> Result<(), E> {
        let held = std::mem::take(&mut direction.held);
        let at_hand = AtHand::new(direction.start, &held, &[]);
        while !telling.tally.is_full() {
            let Some(found) = self.pattern.last(&mut direction.progress, &at_hand, edge) else { break };
            self.found(direction, found, &at_hand, telling)?;
        }
        self.tell_rest(direction, &at_hand, closed, telling)
    }

    /// Tells what waits of a direction in which nothing has come for a second.
    fn quiet<E, F: FnMut(Found<'_>) -> Result<(), E>>(
        &mut self,
        now: Timestamp,
        telling: &mut Telling<'_, F>,
    ) -> Result<(), E> {
        let Some((place, connection, _)) = self.waiting.pop_front() else { return Ok(()) };
        let slot = &mut self.directions[place as usize - 1];
        // The place may be that of another one meanwhile.
        let Some(mut direction) = slot.take_if(|direction| direction.connection == connection) else {
            return Ok(());
        };
        let until = direction.touched.saturating_add(QUIET);
        direction.is_queued = until > now.nanos && direction.waits();
        let mut done = Ok(());
        if direction.is_queued {
            self.waiting.push_back((place, connection, until));
        } else {
            let held = std::mem::take(&mut direction.held);
            let at_hand = AtHand::new(direction.start, &held, &[]);
            while done.is_ok() && !telling.tally.is_full() {
                let Some(found) = self.pattern.settled(&mut direction.progress, &at_hand) else { break };
                done = self.found(&mut direction, found, &at_hand, telling);
            }
            done = done.and_then(|()| self.tell_rest(&mut direction, &at_hand, None, telling));
            direction.held = held;
        }
        self.directions[place as usize - 1] = Some(direction);
        done
    }

    /// Takes a match, to be told with others of its line.
    fn found<E, F: FnMut(Found<'_>) -> Result<(), E>>(
        &mut self,
        direction: &mut Direction,
        found: Range<u64>,
        at_hand: &AtHand<'_>,
        telling: &mut Telling<'_, F>,
    ) -> Result<(), E> {
        let Some(card) = direction.card.clone() else { return Ok(()) };
        *telling.tally.matched += 1;
        if let Some(block) = &mut direction.block {
            let end = self.lines.end(at_hand, block.end());
            let is_full = block.spans.len() >= MAX_SPANS || found.end - block.from > MOST_BYTES;
            if end.is_some_and(|end| end <= found.start) || is_full {
                let end = end.unwrap_or(found.start).clamp(block.end(), found.start);
                self.tell(direction, at_hand, end, None, telling)?;
            } else {
                block.spans.push(found.clone());
                block.card = Arc::clone(&card);
            }
        }
        if direction.block.is_none() {
            let start = self.lines.start(at_hand, found.start);
            let from = if direction.told > found.start { start } else { start.max(direction.told) };
            direction.block = Some(Box::new(Block { from, spans: vec![found], card }));
        }
        if telling.tally.is_full() { self.tell_rest(direction, at_hand, None, telling) } else { Ok(()) }
    }

    fn tell_rest<E, F: FnMut(Found<'_>) -> Result<(), E>>(
        &mut self,
        direction: &mut Direction,
        at_hand: &AtHand<'_>,
        closed: Option<EndWhy>,
        telling: &mut Telling<'_, F>,
    ) -> Result<(), E> {
        let Some(block) = &direction.block else { return Ok(()) };
        let end = self.lines.end(at_hand, block.end()).unwrap_or(at_hand.end());
        self.tell(direction, at_hand, end, closed, telling)
    }

    /// Tells the matches that wait, with the bytes around them up to `end`.
    fn tell<E, F: FnMut(Found<'_>) -> Result<(), E>>(
        &mut self,
        direction: &mut Direction,
        at_hand: &AtHand<'_>,
        end: u64,
        closed: Option<EndWhy>,
        telling: &mut Telling<'_, F>,
    ) -> Result<(), E> {
        let Some(block) = direction.block.take() else { return Ok(()) };
        let Block { from, spans, card } = *block;
        direction.told = end;
        self.payload.clear();
        at_hand.copy(from, end, &mut self.payload);
        let (offset, behind) =
            (spans.first().map_or(from, |span| span.start), spans.last().map_or(from, |span| span.end));
        let spans: Vec<Range<usize>> =
            spans.iter().map(|span| (span.start - from) as usize..(span.end - from) as usize).collect();
        let around = parts(&direction.parts, from, end);
        let overlap = direction.parts.range(around).map(|part| part.overlap).max().unwrap_or_default();
        let own = parts(&direction.parts, offset, behind);
        let mut numbers: Vec<u64> = direction.parts.range(own.clone()).map(|part| part.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut written: Vec<Copied> = direction
            .parts
            .range_mut(own)
            .filter_map(|part| part.copies.as_mut())
            .flat_map(std::mem::take)
            .collect();
        written.sort_by_key(|copied| copied.frame().number);
        written.dedup_by_key(|copied| copied.frame().number);
        let frame = card.frame();
        let stretch = Stretch {
            connection: direction.connection,
            frames: (
                numbers.first().copied().unwrap_or(frame.number),
                numbers.last().copied().unwrap_or(frame.number),
            ),
            offset,
            len: behind - offset,
            begun: direction.begun,
            gap_before: direction.gap_before,
            overlap,
            closed,
            captured_len: card.captured_len,
            written: &written,
        };
        let packet = card.with(&self.payload, numbers.len() as u32);
        (telling.sink)(Found {
            frame: &frame,
            packet: &packet,
            outcome: Outcome::Match,
            spans: &spans,
            earlier: &[],
            show: true,
            recalled: false,
            stream: Some(&stretch),
        })
    }
}

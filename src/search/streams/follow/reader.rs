//! The reading of streams: from pieces to matches.

use std::collections::VecDeque;

use super::card::{Card, Hand, copies};
use super::direction::{Direction, Part};
use super::lines::Lines;
use super::with::Telling;
use super::written::Written;
use super::{Copies, Patience, Slot, StreamOptions};
use crate::dissect::Dissector;
use crate::packet::{Frame, Timestamp};
use crate::pattern::{AtHand, Edge, StreamPattern};
use crate::search::Found;
use crate::search::streams::{EndWhy, Piece, Way};

/// The time, in nanoseconds by the capture's clock, after which a match does not wait for more of its stream.
const QUIET: i64 = 1_000_000_000;

/// The reader of the streams.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) pattern: StreamPattern,
    pub(super) lines: Lines,
    pub(super) copies: Copies,
    patience: Patience,
    directions: Vec<Option<Box<Direction>>>,
    free: Vec<u32>,
    /// The slots of directions that may wait for quiet, with the connection and the time until which they do.
    waiting: VecDeque<(u32, u64, i64)>,
    pub(super) payload: Vec<u8>,
    pub(super) written: Written,
}

impl Reader {
    pub(super) fn new(pattern: StreamPattern, options: StreamOptions) -> Self {
        let StreamOptions { before, after, copies, patience } = options;
        Self {
            lines: Lines { before, after, most: pattern.window() as u64 },
            pattern,
            copies,
            patience,
            directions: Vec::new(),
            free: Vec::new(),
            waiting: VecDeque::new(),
            payload: Vec::new(),
            written: Written::default(),
        }
    }

    /// Returns true if a match waits for quiet.
    pub(super) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Returns true if [`Self::quiet`] has something to do.
    #[inline]
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.waiting.front().is_some_and(|(.., until)| *until <= now.nanos)
    }

    /// Forgets those that wait, and the frames that were written, since all streams have ended.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
        self.written.clear();
    }

    /// Takes a piece of a direction. `hand` is the packet in hand, if there is one.
    pub(super) fn piece<E, F: FnMut(Found<'_>) -> Result<(), E>>(
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
        if self.patience == Patience::Second && direction.waits() && !direction.is_queued {
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
        direction.push(part);
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
            direction.copied += part.footprint();
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
    pub(super) fn quiet<E, F: FnMut(Found<'_>) -> Result<(), E>>(
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
}

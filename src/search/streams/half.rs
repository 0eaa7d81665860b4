//! One direction of a connection: the numbers that its receiver has, and the segments that wait.

mod drain;

use super::waiting::{Fin, Part, Waiting};
use super::{Begun, EndWhy, GapWhy, Overlap, Piece, StreamCounts};
use crate::packet::{Frame, TcpSegment};
use drain::Patience;

/// The most bytes of memory that segments of one direction wait in.
const MOST_WAITING: usize = 1 << 20;
/// The number of segments that wait at the beginning of a stream without a handshake, because they may be out of order.
const TO_JOIN: usize = 3;
/// The place of the first segment that is seen of a stream without a handshake, until it is known which byte is the first.
const SOMEWHERE: u64 = 1 << 32;
/// The window where none was seen, and the most that TCP can offer (RFC 7323 section 2.3).
const MOST_WINDOW: u32 = 1 << 30;

/// The receiver's view of one direction.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// The place in the stream of the next byte that is told.
    place: u64,
    /// The sequence number of that byte.
    next: u32,
    /// The number that the receiver acknowledged last.
    acknowledged: Option<u32>,
    /// The window that the receiver offered last.
    window: Option<u32>,
    pub(super) stage: Stage,
    pub(super) begun: Begun,
    waiting: Option<Box<Waiting>>,
    /// The number of the urgent byte that is to come.
    urgent: Option<u32>,
    /// The urgent bytes that were left out, and the place of the last one.
    left_out: u64,
    left_out_at: u64,
}

/// The stage of a direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing is known of its numbers.
    #[default]
    Unseen,
    /// There was data, but no handshake, and it is not known yet which byte is the first.
    Joining,
    /// Its bytes are told.
    Flowing,
    /// It is over.
    Over,
}

/// Returns how far a sequence number is ahead of another one: negative if it is behind.
fn ahead(of: u32, sequence: u32) -> i64 {
    let ahead = i64::from(sequence.wrapping_sub(of));
    if ahead < 1 << 31 { ahead } else { ahead - (1 << 32) }
}

fn signed(place: u64) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}

fn unsigned(place: i64) -> u64 {
    u64::try_from(place).unwrap_or(0)
}

impl Half {
    /// Begins with the sequence number of a SYN.
    pub(super) fn begin(&mut self, isn: u32) {
        let Self { acknowledged, window, .. } = *self;
        *self = Self {
            next: isn.wrapping_add(1),
            acknowledged,
            window,
            stage: Stage::Flowing,
            begun: Begun::Syn,
            ..Self::default()
        };
    }

    /// Returns the sequence number of the next byte.
    pub(super) fn next(&self) -> u32 {
        self.next
    }

    /// Returns true if a SYN with this number is the one that the stream began with.
    pub(super) fn began_with(&self, isn: u32) -> bool {
        self.place_of(isn.wrapping_add(1)) == 0
    }

    /// Returns true if a segment has bytes that were not told.
    pub(super) fn is_beyond(&self, segment: &TcpSegment<'_>) -> bool {
        segment.declared > 0 && self.place_of(segment.sequence) >= signed(self.place)
    }

    /// Returns true if there was data.
    pub(super) fn has_begun(&self) -> bool {
        self.place > 0 || self.waiting.is_some()
    }

    /// Returns true if a SYN may be answered with this number, which acknowledges it and data that came with it.
    pub(super) fn may_be_answered(&self, number: u32) -> bool {
        self.stage == Stage::Unseen || (0..1 << 16).contains(&self.place_of(number))
    }

    /// Returns true if a segment of the other side's acknowledges something near to what was seen.
    pub(super) fn is_answered_by(&self, segment: &TcpSegment<'_>) -> bool {
        let ahead = ahead(self.next, segment.acknowledgement);
        self.stage != Stage::Unseen && (ahead == 0 || !segment.has_syn() && ahead.abs() < 1 << 22)
    }

    /// Returns true if a number acknowledges more than what was seen, of a direction that was seen.
    pub(super) fn is_sent_beyond(&self, number: u32) -> bool {
        let waiting = self.waiting.as_ref().map_or(0, |waiting| waiting.end());
        self.stage != Stage::Unseen && self.place_of(number) > signed(self.place.max(waiting))
    }

    /// Returns true if a segment with this number is not ahead of what was told.
    pub(super) fn awaits(&self, sequence: u32) -> bool {
        self.stage != Stage::Flowing || ahead(sequence, self.next) >= 0
    }

    /// Returns the memory that segments wait in.
    pub(super) fn footprint(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.footprint())
    }

    /// Returns the place of a sequence number, which is negative before the stream's first byte.
    fn place_of(&self, sequence: u32) -> i64 {
        signed(self.place).saturating_add(ahead(self.next, sequence))
    }

    fn acknowledged_place(&self) -> Option<i64> {
        self.acknowledged.map(|number| self.place_of(number))
    }

    /// Returns true if the receiver of a segment with this number looks at it.
    pub(super) fn is_near(&self, sequence: u32, len: usize) -> bool {
        match self.stage {
            Stage::Unseen => return true,
            Stage::Joining => {
                let from_first = self.place_of(sequence) - signed(SOMEWHERE);
                return from_first.abs() <= signed(MOST_WAITING as u64);
            }
            Stage::Flowing | Stage::Over => {}
        }
        let (start, window) = (self.place_of(sequence), i64::from(self.window.unwrap_or(MOST_WINDOW)));
        let place = signed(self.place);
        let furthest = self.acknowledged_place().map_or(place, |acknowledged| place.max(acknowledged));
        // A window may have been offered and taken back, or be offered in a segment that was not captured. A probe of a window
        // of 0 is one byte beyond it.
        let slack = window.max(1 << 16);
        // Acknowledged bytes are not sent again, so that nothing comes from further behind than a window.
        start <= furthest + window + slack && start + signed(len as u64) >= place - (window + slack)
    }

    /// Returns true if a reset with this number ends the connection (RFC 5961 section 3.2): it is that of the next byte as we
    /// have it, or as the receiver said last.
    pub(super) fn accepts_reset(&self, sequence: u32) -> bool {
        match self.stage {
            Stage::Unseen => false,
            Stage::Joining => self.is_near(sequence, 0),
            Stage::Flowing | Stage::Over => sequence == self.next || self.acknowledged == Some(sequence),
        }
    }

    /// Takes what the receiver says: the number that it waits for, and its window.
    pub(super) fn hear<E>(
        &mut self,
        number: u32,
        window: u32,
        now: i64,
        counts: &mut StreamCounts,
        tell: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.acknowledged = Some(number);
        self.window = Some(window.min(MOST_WINDOW));
        let Some(waiting) = &mut self.waiting else { return Ok(()) };
        waiting.hear_time(now, None);
        self.join_if_due();
        self.drain(Patience::Waits, counts, tell)
    }

    /// Takes a segment's payload and FIN. It may be doubtful that the receiver takes it.
    pub(super) fn take<E>(
        &mut self,
        segment: &TcpSegment<'_>,
        frame: &Frame<'_>,
        is_doubtful: bool,
        counts: &mut StreamCounts,
        tell: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        // The SYN has a number of its own, in front of the first byte.
        let sequence = segment.sequence.wrapping_add(segment.has_syn().into());
        match self.stage {
            Stage::Over => return Ok(()),
            Stage::Unseen => self.meet(sequence),
            Stage::Joining | Stage::Flowing => {}
        }
        if let Some(urgent) = segment.urgent().filter(|_| !is_doubtful) {
            if ahead(self.next, urgent) >= 0 && self.urgent.is_none_or(|known| ahead(known, urgent) > 0) {
                self.urgent = Some(urgent);
            }
        }
        let start = self.place_of(sequence);
        let end = start.saturating_add(signed(segment.declared as u64));
        if end < 0 {
            return Ok(());
        }
        let before = usize::try_from(-start.min(0)).unwrap_or(usize::MAX);
        let captured = segment.payload.get(..segment.declared).unwrap_or(segment.payload);
        let part = Part {
            start: unsigned(start),
            end: unsigned(end),
            bytes: captured.get(before..).unwrap_or(&[]),
            is_doubtful,
            // Receivers leave out the byte that the pointer is at, unless they ask for it (`SO_OOBINLINE`).
            overlap: if segment.is_urgent() { Overlap::Differs } else { Overlap::None },
        };
        self.place_part(part, segment.has_fin() && !is_doubtful, frame, counts, tell)
    }

    /// Begins without a handshake.
    fn meet(&mut self, sequence: u32) {
        self.next = sequence;
        let awaited = self.acknowledged == Some(sequence);
        (self.place, self.stage) = if awaited { (0, Stage::Flowing) } else { (SOMEWHERE, Stage::Joining) };
    }

    fn place_part<E>(
        &mut self,
        part: Part<'_>,
        has_fin: bool,
        frame: &Frame<'_>,
        counts: &mut StreamCounts,
        tell: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut part = part;
        let is_new = self.stage == Stage::Joining || part.end > self.place;
        let begins = part.start;
        let is_next = self.stage == Stage::Flowing && part.start <= self.place;
        if let Some(fin) = self.waiting.as_mut().and_then(|waiting| waiting.fin_behind(&part, is_next)) {
            part.end = part.end.min(fin);
            let len = part.end.saturating_sub(part.start);
            part.bytes = part.bytes.get(..len as usize).unwrap_or(part.bytes);
        }
        if self.stage == Stage::Flowing && part.start < self.place {
            let old = (self.place - part.start) as usize;
            let known = part.bytes.get(..old).unwrap_or(part.bytes);
            // A probe for a peer that is still there has one byte, which may be any.
            let is_probe = part.start + 1 == part.end && part.end == self.place;
            let is_told = self.left_out == 0 || part.start > self.left_out_at;
            if !known.is_empty() && !is_probe && !part.is_doubtful && is_told {
                tell(Piece::Again { offset: part.start - self.left_out, bytes: known })?;
            }
            part.bytes = part.bytes.get(old..).unwrap_or(&[]);
            part.start = self.place;
        }
        if is_new && part.start < part.end {
            if self.stage == Stage::Flowing && part.start == self.place && !part.is_doubtful {
                let overlap = match &mut self.waiting {
                    Some(waiting) => waiting.claim(&part),
                    None => part.overlap,
                };
                counts.ambiguous += u64::from(overlap == Overlap::Differs);
                self.tell_part(&Part { overlap, ..part }, frame, counts, tell)?;
            } else {
                let overlap = self.waiting.get_or_insert_default().insert(&part, frame);
                counts.ambiguous += u64::from(overlap == Overlap::Differs);
            }
        }
        if has_fin && (self.stage == Stage::Joining || part.end >= self.place) {
            if self.waiting.is_none() && part.end == self.place {
                return self.end_by_fin(counts, tell);
            }
            self.waiting.get_or_insert_default().take_fin(Fin { place: part.end, origin: begins });
        }
        if self.waiting.is_none() {
            return Ok(());
        }
        if let Some(waiting) = &mut self.waiting {
            waiting.hear_time(
                frame.time.nanos,
                Some(part.end.saturating_sub(part.start)).filter(|len| *len > 0),
            );
        }
        self.join_if_due();
        self.drain(Patience::Waits, counts, tell)?;
        self.relieve(counts, tell)
    }

    /// Tells bytes at the present place, and goes on behind them.
    #[inline]
    fn tell_part<E>(
        &mut self,
        part: &Part<'_>,
        frame: &Frame<'_>,
        counts: &mut StreamCounts,
        tell: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(urgent) = self.urgent {
            let at = ahead(self.next, urgent);
            if at < 0 {
                self.urgent = None;
            } else if let Some(at) = usize::try_from(at).ok().filter(|at| *at < part.bytes.len()) {
                return self.leave_out(part, at, frame, counts, tell);
            }
        }
        let offset = self.place - self.left_out;
        let captured = part.bytes.len() as u64;
        self.advance(captured);
        if captured > 0 {
            tell(Piece::Bytes { offset, bytes: part.bytes, frame, overlap: part.overlap })?;
        }
        if part.end > self.place { self.skip(part.end, GapWhy::Snaplen, counts, tell) } else { Ok(()) }
    }

    /// Tells bytes without the urgent one among them, as receivers have them that do not ask for it (`SO_OOBINLINE`).
    #[cold]
    fn leave_out<E>(
        &mut self,
        part: &Part<'_>,
        at: usize,
        frame: &Frame<'_>,
        counts: &mut StreamCounts,
        tell: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.urgent = None;
        let place = self.place + at as u64;
        let before = part.bytes.get(..at).unwrap_or(&[]);
        self.tell_part(
            &Part { end: place, bytes: before, overlap: Overlap::Differs, ..*part },
            frame,
            counts,
            tell,
        )?;
        self.advance(1);
        self.left_out += 1;
        self.left_out_at = place;
        let behind = part.bytes.get(at + 1..).unwrap_or(&[]);
        let rest = Part { start: place + 1, bytes: behind, overlap: Overlap::Differs, ..*part };
        self.tell_part(&rest, frame, counts, tell)
    }

    fn advance(&mut self, len: u64) {
        self.place += len;
        self.next = self.next.wrapping_add(len as u32);
    }

    /// Goes on at a later place.
    fn skip<E>(
        &mut self,
        to: u64,
        why: GapWhy,
        counts: &mut StreamCounts,
        tell: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (offset, len) = (self.place - self.left_out, to - self.place);
        self.advance(len);
        counts.gaps += 1;
        counts.lost += len;
        tell(Piece::Gap { offset, len, why })
    }

    /// Goes on at a sequence number that does not fit to those before. A gap whose length is not known counts as one byte.
    pub(super) fn join_anew<E>(
        &mut self,
        sequence: u32,
        counts: &mut StreamCounts,
        tell: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.join();
        if let Some(waiting) = &mut self.waiting {
            waiting.fin = None;
        }
        self.drain(Patience::Ends(GapWhy::Lost), counts, tell)?;
        let forward = sequence.wrapping_sub(self.next);
        let len = if forward > MOST_WINDOW.wrapping_neg() { 1 } else { u64::from(forward.max(1)) };
        let offset = self.place - self.left_out;
        self.place += len;
        (self.next, self.acknowledged) = (sequence, None);
        counts.gaps += 1;
        counts.lost += len;
        tell(Piece::Gap { offset, len, why: GapWhy::Lost })
    }

    /// Decides which byte is the first, if it is time to.
    fn join_if_due(&mut self) {
        let (Stage::Joining, Some(waiting)) = (self.stage, &self.waiting) else { return };
        let first = waiting.first().map_or(SOMEWHERE, |(first, _)| first);
        let taken = self.acknowledged_place().is_some_and(|place| place > signed(first));
        if taken || waiting.len() >= TO_JOIN || waiting.fin.is_some() {
            self.join();
        }
    }

    fn join(&mut self) {
        if self.stage != Stage::Joining {
            return;
        }
        self.stage = Stage::Flowing;
        let first = self.waiting.as_ref().and_then(|waiting| waiting.first());
        let first = first.map_or(self.place, |(first, _)| first);
        self.next = self.next.wrapping_add(first.wrapping_sub(self.place) as u32);
        self.place = 0;
        if let Some(waiting) = &mut self.waiting {
            waiting.shift(first);
        }
    }

    fn end_by_fin<E>(
        &mut self,
        counts: &mut StreamCounts,
        tell: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        // The FIN has a number of its own.
        self.next = self.next.wrapping_add(1);
        self.is_over(counts);
        tell(Piece::End { why: EndWhy::Fin })
    }

    fn is_over(&mut self, counts: &mut StreamCounts) {
        self.stage = Stage::Over;
        // No receiver takes what is behind the end.
        counts.refused += self.waiting.take().map_or(0, |waiting| waiting.len() as u64);
    }

    /// Ends the direction. What waits is told, with the gaps in front of it: the capture may have lost what the receiver has.
    pub(super) fn end<E>(
        &mut self,
        why: EndWhy,
        counts: &mut StreamCounts,
        tell: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.stage == Stage::Over {
            return Ok(());
        }
        self.join();
        self.drain(Patience::Ends(GapWhy::End), counts, tell)?;
        if self.stage == Stage::Over {
            return Ok(());
        }
        self.is_over(counts);
        tell(Piece::End { why })
    }
}

#[cfg(test)]
mod tests;

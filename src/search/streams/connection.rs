//! A connection: both directions, and what a segment of one says of the other.
//!
//! A sender can show one stream to us and another one to the receiver. The tests of this file have the ways that are public, by
//! their names. This is what is known of the receiver, and what is not:
//!
//! | the segment | the view |
//! |---|---|
//! | data without ACK, far outside of the window, behind a FIN | refused (RFC 9293), as every receiver does |
//! | RST with another number than the next one, or a wrong checksum | refused (RFC 5961) |
//! | SYN with another number, or an answer to one that was not sent | refused, until both sides say so and data fits the new numbers only, or after a minute of silence |
//! | segments far outside of the window, in a row | refused, until the receiver acknowledges them, or for 32 of them (8 where the other side is not captured): then the stream is joined anew behind a gap (`stray.rs`) |
//! | wrong checksum, in a direction that has shown right ones | *doubtful* |
//! | older timestamp (PAWS), if both sides have them | *doubtful* |
//! | data in a SYN | *doubtful* |
//! | other bytes for a place, among segments that wait | Linux's rule, and told as bytes that differ |
//! | other bytes for a place that was told | told as such, for whoever has kept the first ones to compare |
//! | urgent data | the urgent byte is left out, as Linux does, and what is around it told as bytes that differ: receivers may ask for it (`SO_OOBINLINE`) |
//! | low TTL | not known: it is taken. Its bytes differ from those that the receiver gets in the end |
//! | a FIN that waits, where a segment in order has a byte at its number | dropped, as Linux does |
//! | an acknowledgement of what the other side was not seen to send | *doubtful*, while the other side is seen |
//! | a signature (MD5, AO), where the SYN had none | *doubtful* |
//! | a hole that the receiver acknowledges | lost after three more segments, 64 KiB, or 100 ms: the two directions of a capture are not always in order |
//! | RST with a low TTL | it ends the connection. If its sender goes on, that is told as another connection, even if no receiver reads it |
//! | FIN with a low TTL | not known |
//!
//! A doubtful segment waits. If the receiver acknowledges it, it is told; if another one comes for its place, it was not taken.
//! So whatever joins segments and leaves the checksum of the first one loses nothing: it is only told later. A checksum that is
//! not finished, because the card is to do so, is never a reason for doubt.

use super::half::{Half, Stage};
use super::stray::Strays;
use super::{EndWhy, Follower, Piece, StreamCounts, Way};
use crate::packet::{Frame, TcpChecksum, TcpSegment};
use crate::search::context::Side;

/// The scale of a window where the handshake was not seen: the largest (RFC 7323 section 2.3).
const MOST_SCALE: u8 = 14;
/// The number of segments without a right checksum after which a direction's are not added up any more.
const TRIES: u8 = 8;
/// The time of silence, in nanoseconds, after which a SYN begins a new connection in any case.
const SILENCE: i64 = 60_000_000_000;
/// The number of segments in one direction after which it is not doubted any more what they acknowledge.
const UNHEARD: u8 = 16;

/// A connection, with the states of whoever follows its directions.
#[derive(Debug)]
pub(super) struct Connection<S> {
    low: Line<S>,
    high: Line<S>,
    /// The side that reset it.
    reset_by: Option<Side>,
}

/// One direction, with what its sender has shown.
#[derive(Debug)]
struct Line<S> {
    half: Half,
    state: Option<Box<S>>,
    /// The number of a SYN that is not that of this connection, until the other side says whether it takes it.
    suitor: Option<u32>,
    /// Segments that were refused, and follow one another.
    strays: Option<Strays>,
    /// The newest timestamp that came in order.
    timestamp: Option<u32>,
    /// The scale of the windows that the sender offers.
    scale: Option<u8>,
    checksums: Checksums,
    /// True if a segment of it was seen.
    is_seen: bool,
    /// The segments of it since one of the other side's was seen.
    unheard: u8,
    /// True if its SYN was signed (RFC 2385, RFC 5925).
    is_signed: bool,
    /// The place behind the last piece.
    #[cfg(debug_assertions)]
    end: u64,
}

/// Asserts that a piece begins where the one before it ended.
#[cfg(debug_assertions)]
fn assert_joins(end: &mut u64, piece: Piece<'_>) {
    let (offset, len) = match piece {
        Piece::Bytes { offset, bytes, .. } => (offset, bytes.len() as u64),
        Piece::Gap { offset, len, .. } => (offset, len),
        Piece::Again { offset, bytes, .. } => {
            assert!(!bytes.is_empty() && offset + bytes.len() as u64 <= *end, "{offset} is not old at {end}");
            return;
        }
        Piece::End { .. } => return,
    };
    assert!(offset == *end && len > 0, "{len} bytes at {offset}, and not at {end}");
    *end += len;
}

/// The checksums of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checksums {
    /// None was right so far, of this many.
    NotRight(u8),
    /// They are finished where the capture is.
    Right,
}

/// The stage of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It goes on.
    GoesOn,
    /// The segment begins another connection with its ports.
    Renewed,
    /// It belongs to another connection, which began with these numbers: the sender's SYN, and that of the other side.
    Succeeded([u32; 2]),
}

/// A segment, with its frame and its sender.
#[derive(Clone, Copy)]
pub(super) struct Arrival<'a> {
    pub(super) segment: &'a TcpSegment<'a>,
    pub(super) frame: &'a Frame<'a>,
    pub(super) from: Side,
    /// The time since the connection's segment before, in nanoseconds.
    pub(super) silence: i64,
}

impl<S> Default for Line<S> {
    fn default() -> Self {
        Self {
            half: Half::default(),
            state: None,
            suitor: None,
            strays: None,
            timestamp: None,
            scale: None,
            checksums: Checksums::NotRight(0),
            is_seen: false,
            unheard: 0,
            is_signed: false,
            #[cfg(debug_assertions)]
            end: 0,
        }
    }
}

impl<S> Default for Connection<S> {
    fn default() -> Self {
        Self { low: Line::default(), high: Line::default(), reset_by: None }
    }
}

impl<S: Follower> Line<S> {
    /// Returns the half, and what tells its pieces to the sink.
    fn parts<'l, E>(
        &'l mut self,
        number: u64,
        from: Side,
        sink: &'l mut impl FnMut(&mut S, &Way, Piece<'_>) -> Result<(), E>,
    ) -> (&'l mut Half, impl FnMut(Piece<'_>) -> Result<(), E> + 'l) {
        let state = &mut self.state;
        let way = Way { connection: number, begun: self.half.begun, from };
        #[cfg(debug_assertions)]
        let end = &mut self.end;
        let tell = move |piece: Piece<'_>| {
            #[cfg(debug_assertions)]
            assert_joins(end, piece);
            let is_end = matches!(piece, Piece::End { .. });
            // There is nothing to end where nothing was told.
            if is_end && state.is_none() {
                return Ok(());
            }
            let done = sink(state.get_or_insert_default(), &way, piece);
            if is_end {
                *state = None;
            }
            done
        };
        (&mut self.half, tell)
    }

    /// Returns true if data fits the connection that both sides seem to have begun, and not this one.
    fn fits_suitors(&self, other: &Self, segment: &TcpSegment<'_>) -> bool {
        let ahead =
            |number: u32, isn: Option<u32>| number.wrapping_sub(isn.unwrap_or_default()).wrapping_sub(1);
        let (sent, acknowledged) =
            (ahead(segment.sequence, self.suitor), ahead(segment.acknowledgement, other.suitor));
        let is_next = self.half.next() == segment.sequence;
        let is_first = sent == 0 && acknowledged == 0 && !is_next;
        segment.declared > 0
            && sent < 1 << 16
            && acknowledged < 1 << 16
            && (is_first || !self.half.is_near(segment.sequence, segment.declared))
    }

    fn footprint(&self) -> usize {
        let state = self.state.as_ref().map_or(0, |state| size_of::<S>() + 16 + state.footprint());
        state + self.half.footprint()
    }

    /// Returns true if the receiver may discard the segment: its checksum is wrong where others are right, or its timestamp is
    /// older than that of one before (RFC 7323 section 5). A SYN's data may be ignored as well (RFC 7413).
    fn doubts(&mut self, segment: &TcpSegment<'_>, other_has_timestamps: bool) -> bool {
        let is_wrong = match self.checksums {
            Checksums::NotRight(TRIES..) => false,
            Checksums::NotRight(tries) => {
                let is_right = segment.checksum() == TcpChecksum::Right;
                self.checksums = if is_right { Checksums::Right } else { Checksums::NotRight(tries + 1) };
                false
            }
            Checksums::Right => {
                let says_much = segment.declared > 0 || segment.has_fin() || segment.has_syn();
                says_much && segment.checksum() == TcpChecksum::Wrong
            }
        };
        if is_wrong {
            return true;
        }
        let is_old = match (segment.timestamp(), self.timestamp) {
            // Linux lets them be older by one (`TCP_PAWS_WINDOW`).
            (Some(now), Some(newest)) => {
                other_has_timestamps && (2..1 << 31).contains(&newest.wrapping_sub(now))
            }
            _ => false,
        };
        if let Some(now) = segment.timestamp().filter(|_| !is_old && self.half.awaits(segment.sequence)) {
            self.timestamp = Some(now);
        }
        let is_signed = self.scale.is_some() && !self.is_signed && !segment.has_syn() && segment.is_signed();
        is_old || is_signed || segment.has_syn() && segment.declared > 0
    }
}

impl<S: Follower> Connection<S> {
    fn lines(&mut self, from: Side) -> (&mut Line<S>, &mut Line<S>) {
        match from {
            Side::Low => (&mut self.low, &mut self.high),
            Side::High => (&mut self.high, &mut self.low),
        }
    }

    /// Returns the memory that it takes beside its own size.
    pub(super) fn footprint(&self) -> usize {
        self.low.footprint() + self.high.footprint()
    }

    /// Returns true if the numbers of a segment show that it belongs to this connection: if it is the first one of its
    /// direction, it acknowledges what the other one sent, and else it is the next one.
    pub(super) fn goes_on_with(&self, segment: &TcpSegment<'_>, from: Side, is_first: bool) -> bool {
        let (own, other) = match from {
            Side::Low => (&self.low.half, &self.high.half),
            Side::High => (&self.high.half, &self.low.half),
        };
        if is_first {
            segment.has_ack() && other.is_answered_by(segment)
        } else {
            own.stage == Stage::Flowing && own.next() == segment.sequence
        }
    }

    /// Returns true if nothing is lost with it: there was no data yet, or it is over.
    pub(super) fn is_bare(&self) -> bool {
        self.low.is_bare() && self.high.is_bare()
    }

    /// Returns a connection that began with these SYNs.
    pub(super) fn begun(from: Side, [isn, other_isn]: [u32; 2]) -> Self {
        let mut connection = Self::default();
        let (own, other) = connection.lines(from);
        own.half.begin(isn);
        other.half.begin(other_isn);
        connection
    }

    /// Takes a segment.
    pub(super) fn take<E>(
        &mut self,
        number: u64,
        arrival: Arrival<'_>,
        counts: &mut StreamCounts,
        sink: &mut impl FnMut(&mut S, &Way, Piece<'_>) -> Result<(), E>,
    ) -> Result<Outcome, E> {
        let Arrival { segment, frame, from, .. } = arrival;
        if segment.has_rst() {
            return self.reset(number, arrival, counts, sink);
        }
        if segment.has_syn() {
            if self.is_another(arrival) {
                self.end(number, EndWhy::Reused, counts, sink)?;
                return Ok(Outcome::Renewed);
            }
            let (own, other) = self.lines(from);
            let is_known = match own.half.stage {
                Stage::Unseen if segment.has_ack() => other.half.may_be_answered(segment.acknowledgement),
                Stage::Unseen => !other.half.has_begun(),
                _ => own.half.began_with(segment.sequence),
            };
            if !is_known {
                counts.refused += 1;
                return Ok(Outcome::GoesOn);
            }
        } else if !segment.has_ack() {
            // RFC 9293 section 3.10.7.4: "if the ACK bit is off, drop the segment".
            counts.refused += 1;
            return Ok(Outcome::GoesOn);
        }
        let is_reset = self.reset_by == Some(from);
        let (own, other) = self.lines(from);
        if is_reset && !segment.has_syn() && own.half.is_beyond(segment) {
            // Whoever resets a connection sends nothing on it. So the reset was another's, and may not have been heard.
            return Ok(Outcome::Renewed);
        }
        if own.suitor.is_some() && other.suitor.is_some() && own.fits_suitors(other, segment) {
            let isns = [own.suitor, other.suitor].map(Option::unwrap_or_default);
            self.end(number, EndWhy::Reused, counts, sink)?;
            return Ok(Outcome::Succeeded(isns));
        }
        let is_near = own.half.is_near(segment.sequence, segment.declared);
        if segment.has_ack() && other.strays.is_some() {
            Strays::hear(&mut other.strays, segment.acknowledgement, is_near);
        }
        if !is_near {
            let is_row = own.half.stage != Stage::Over && !segment.has_syn() && segment.declared > 0;
            let is_seen = other.is_seen;
            if !is_row || !Strays::add(&mut own.strays, segment.sequence, segment.declared, is_seen) {
                counts.refused += 1;
                return Ok(Outcome::GoesOn);
            }
            own.timestamp = None;
            let (half, mut tell) = own.parts(number, from, sink);
            half.join_anew(segment.sequence, counts, &mut tell)?;
        }
        let is_doubtful = own.doubts(segment, other.timestamp.is_some());
        // The receiver has not sent that, or the capture has lost it. Whoever was not heard of for long may not be captured.
        let is_ahead = segment.has_ack()
            && other.is_seen
            && own.unheard < UNHEARD
            && other.half.is_sent_beyond(segment.acknowledgement);
        own.is_seen = true;
        own.unheard = own.unheard.saturating_add(1);
        other.unheard = 0;
        if segment.has_syn() {
            own.scale = Some(segment.window_scale().unwrap_or(0));
            own.is_signed = segment.is_signed();
            if own.half.stage == Stage::Unseen {
                own.half.begin(segment.sequence);
            }
        }
        if segment.has_ack() && !is_doubtful {
            if segment.has_syn() && other.half.stage == Stage::Unseen {
                other.half.begin(segment.acknowledgement.wrapping_sub(1));
            }
            // A window is scaled if both sides have the option, and never that of a SYN.
            let scale = match (own.scale, other.scale) {
                _ if segment.has_syn() => 0,
                (Some(0), _) | (_, Some(0)) => 0,
                (Some(scale), _) => scale,
                (None, _) => MOST_SCALE,
            };
            let window = u32::from(segment.window) << scale;
            let (half, mut tell) = other.parts(number, from.other(), sink);
            half.hear(segment.acknowledgement, window, frame.time.nanos, counts, &mut tell)?;
        }
        if segment.declared > 0 || segment.has_fin() {
            let (half, mut tell) = own.parts(number, from, sink);
            half.take(segment, frame, is_doubtful || is_ahead, counts, &mut tell)?;
        }
        Ok(Outcome::GoesOn)
    }

    /// Returns true if a SYN begins another connection than this one: if this one is over or has been silent for long, or if both
    /// sides say so. A SYN alone does not end a connection (RFC 5961 section 4.2).
    fn is_another(&mut self, arrival: Arrival<'_>) -> bool {
        let Arrival { segment, from, silence, .. } = arrival;
        let (own, other) = self.lines(from);
        let known = match own.half.stage {
            Stage::Unseen => other.suitor.is_some() || other.half.has_begun() && !segment.has_ack(),
            _ => !own.half.began_with(segment.sequence),
        };
        if !known {
            return false;
        }
        let is_over = |line: &Line<S>| matches!(line.half.stage, Stage::Over | Stage::Unseen);
        if is_over(own) && is_over(other) || silence > SILENCE {
            return true;
        }
        let is_answer = other.suitor.is_some_and(|isn| segment.acknowledgement == isn.wrapping_add(1));
        if is_answer || !segment.has_ack() {
            own.suitor = Some(segment.sequence);
        }
        if !segment.has_ack() {
            other.suitor = None;
        }
        // Both may be forged. So this one goes on until data fits the other one only.
        own.half.stage == Stage::Unseen && is_answer
    }

    fn reset<E>(
        &mut self,
        number: u64,
        arrival: Arrival<'_>,
        counts: &mut StreamCounts,
        sink: &mut impl FnMut(&mut S, &Way, Piece<'_>) -> Result<(), E>,
    ) -> Result<Outcome, E> {
        let Arrival { segment, from, .. } = arrival;
        let (own, other) = self.lines(from);
        // The answer to a SYN has no number of its own (RFC 9293 section 3.10.7.3).
        let answers = segment.has_ack() && segment.acknowledgement == other.half.next();
        let is_meant = own.half.accepts_reset(segment.sequence)
            || own.half.stage == Stage::Unseen && (answers || other.half.stage == Stage::Unseen);
        let is_sound = own.checksums != Checksums::Right || segment.checksum() != TcpChecksum::Wrong;
        if is_meant && is_sound {
            self.reset_by = Some(from);
            self.end(number, EndWhy::Reset, counts, sink)?;
        } else {
            counts.refused += 1;
        }
        Ok(Outcome::GoesOn)
    }

    /// Ends both directions.
    pub(super) fn end<E>(
        &mut self,
        number: u64,
        why: EndWhy,
        counts: &mut StreamCounts,
        sink: &mut impl FnMut(&mut S, &Way, Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for (line, from) in [(&mut self.low, Side::Low), (&mut self.high, Side::High)] {
            let (half, mut tell) = line.parts(number, from, sink);
            half.end(why, counts, &mut tell)?;
        }
        Ok(())
    }
}

impl<S> Line<S> {
    fn is_bare(&self) -> bool {
        self.state.is_none() && self.half.footprint() == 0
    }
}

#[cfg(test)]
mod tests;

//! The segments of one direction that wait: for bytes before them, or for a sign that the receiver took them.
//!
//! Overlapping segments are decided as Linux decides them (`tcp_data_queue_ofo` and `tcp_ofo_queue` in
//! `net/ipv4/tcp_input.c`, since 4.9; the same in 6.12): a segment that lies within a waiting one is dropped; one that begins
//! where a waiting one does, and is longer, takes its place; of two that overlap in part the one that begins first counts; and
//! a segment that begins where a waiting one ends becomes one with it (`tcp_ooo_try_coalesce`; the kernel itself does not always
//! do so, since it depends on the shape of a tree, and on how the card has laid out memory). In short: **the bytes of a place are
//! those of the segment that begins first; of two that begin at the same place, those of the longer one; and else those that
//! came first.**
//! Windows and BSD decide otherwise, so that an overlap with other bytes is told as such.
//!
//! So each piece knows where its segment began (`origin`), although its front may have gone to another one. Pieces never
//! overlap: a byte that another segment has won never comes back, since whatever takes the place of the winner covers it too.

use std::collections::BTreeMap;

use super::Overlap;
use crate::packet::Frame;

/// The bytes that it takes to keep a piece beside those of its frame.
const PIECE: usize = 256;
/// The bytes of the map's first node.
const NODE: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// By the place of their first byte. A node of the map has room for eleven, so that it would be large without the boxes.
    pieces: BTreeMap<u64, Box<Waits>>,
    bytes: usize,
    /// The place of the FIN, if it came.
    pub(super) fin: Option<Fin>,
    trial: Option<Trial>,
    /// The time of the segment that came last.
    now: i64,
}

/// The place of a FIN.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fin {
    pub(super) place: u64,
    /// The place where its segment began.
    pub(super) origin: u64,
}

/// The wait for a hole that the receiver does not have.
///
/// Its acknowledgement may come before what it acknowledges, where a card has several queues. So a hole is lost to the
/// capture only if it is not filled soon.
#[derive(Clone, Copy, Debug)]
struct Trial {
    /// The place up to which the receiver acknowledged, when it began.
    until: u64,
    since: i64,
    segments: u64,
    bytes: u64,
}

impl Trial {
    const TIME: i64 = 100_000_000;
    const SEGMENTS: u64 = 3;
    const BYTES: u64 = 64 << 10;
}

/// A piece of a segment, with its frame.
#[derive(Debug)]
pub(super) struct Waits {
    /// The place behind the last byte, captured or not.
    pub(super) end: u64,
    /// The place where its segment began, or the one that it became one with.
    origin: u64,
    /// True if the receiver may not have taken it.
    pub(super) is_doubtful: bool,
    pub(super) overlap: Overlap,
    /// The frame without its bytes.
    frame: Frame<'static>,
    frame_bytes: Box<[u8]>,
    /// The place of the first byte of the payload.
    begins: u64,
    payload: Payload,
}

/// The captured bytes of a segment's payload.
#[derive(Debug)]
enum Payload {
    /// In the frame, from this byte on, and of this length.
    At(u32, u32),
    /// Apart from the frame: of a reassembled datagram, or of ESP that a key has opened.
    Apart(Box<[u8]>),
}

/// A segment's payload, at its place in the stream.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) start: u64,
    /// The place behind the last byte, captured or not.
    pub(super) end: u64,
    /// The captured bytes, from `start` on.
    pub(super) bytes: &'a [u8],
    pub(super) is_doubtful: bool,
    pub(super) overlap: Overlap,
}

impl Part<'_> {
    fn from(&self, place: u64) -> &[u8] {
        usize::try_from(place - self.start).ok().and_then(|skip| self.bytes.get(skip..)).unwrap_or(&[])
    }
}

impl Waits {
    fn new(part: &Part<'_>, frame: &Frame<'_>, origin: u64, overlap: Overlap) -> Self {
        let (inside, whole) = (part.bytes.as_ptr_range(), frame.bytes.as_ptr_range());
        let payload = if whole.start <= inside.start && inside.end <= whole.end {
            Payload::At((inside.start as usize - whole.start as usize) as u32, part.bytes.len() as u32)
        } else {
            Payload::Apart(part.bytes.into())
        };
        Self {
            end: part.end,
            origin,
            is_doubtful: part.is_doubtful,
            overlap,
            frame: Frame { bytes: &[], ..*frame },
            frame_bytes: frame.bytes.into(),
            begins: part.start,
            payload,
        }
    }

    pub(super) fn frame(&self) -> Frame<'_> {
        Frame { bytes: &self.frame_bytes, ..self.frame }
    }

    /// Returns the captured bytes from a place on.
    pub(super) fn from(&self, place: u64) -> &[u8] {
        let all = match &self.payload {
            Payload::At(at, len) => {
                let (from, len) = (*at as usize, *len as usize);
                self.frame_bytes.get(from..from + len).unwrap_or(&[])
            }
            Payload::Apart(bytes) => bytes,
        };
        let skip = usize::try_from(place.saturating_sub(self.begins)).unwrap_or(usize::MAX);
        all.get(skip..).unwrap_or(&[])
    }

    fn size(&self) -> usize {
        let apart = if let Payload::Apart(bytes) = &self.payload { bytes.len() } else { 0 };
        self.frame_bytes.len() + apart + PIECE
    }
}

/// Compares what two segments have for the same place, up to `end`. Bytes that were not captured are taken for the same.
fn compare(one: &[u8], other: &[u8], len: u64) -> Overlap {
    let len = one.len().min(other.len()).min(usize::try_from(len).unwrap_or(usize::MAX));
    if one[..len] == other[..len] { Overlap::Same } else { Overlap::Differs }
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Returns the place behind the last piece, and the FIN.
    pub(super) fn end(&self) -> u64 {
        let last = self.pieces.last_key_value().map_or(0, |(_, piece)| piece.end);
        self.fin.map_or(last, |fin| last.max(fin.place + 1))
    }

    /// Notes the time, and the length of a segment of this direction.
    pub(super) fn hear_time(&mut self, now: i64, len: Option<u64>) {
        self.now = now;
        if let (Some(trial), Some(len)) = (&mut self.trial, len) {
            trial.segments += 1;
            trial.bytes += len;
        }
    }

    /// Returns true if a hole of this length in front of a place need not be waited for any more, where the receiver has
    /// acknowledged it. A large one is none that the next frames fill.
    pub(super) fn has_waited(&mut self, start: u64, hole: u64, acknowledged: u64) -> bool {
        if hole > Trial::BYTES {
            return true;
        }
        if let Some(trial) = self.trial.filter(|trial| start <= trial.until) {
            return trial.segments >= Trial::SEGMENTS
                || trial.bytes >= Trial::BYTES
                || self.now.saturating_sub(trial.since) >= Trial::TIME;
        }
        self.trial = Some(Trial { until: acknowledged, since: self.now, segments: 0, bytes: 0 });
        false
    }

    /// Returns the place of the FIN, if it counts beside this segment. The FIN has a number of its own: if a segment in order,
    /// or one that begins before that of the FIN, has a byte there, Linux drops the FIN (`tcp_ofo_queue`).
    pub(super) fn fin_behind(&mut self, part: &Part<'_>, is_next: bool) -> Option<u64> {
        let fin = self.fin?;
        let is_covered = part.end > fin.place && (is_next || part.start <= fin.origin);
        if is_covered && !part.is_doubtful {
            self.fin = None;
        }
        self.fin.map(|fin| fin.place)
    }

    /// Takes a FIN, unless a segment that begins before its own has a byte in its place.
    pub(super) fn take_fin(&mut self, fin: Fin) {
        let at = self.pieces.range(..=fin.place).next_back();
        let is_covered = at.is_some_and(|(_, piece)| {
            piece.end > fin.place && piece.origin <= fin.origin && !piece.is_doubtful
        });
        if !is_covered && self.fin.is_none_or(|known| fin.place < known.place) {
            self.fin = Some(fin);
        }
    }

    /// Returns the bytes of memory that it all takes.
    pub(super) fn footprint(&self) -> usize {
        self.bytes + size_of::<Self>() + NODE
    }

    /// Returns the place of the first piece, and the piece.
    pub(super) fn first(&self) -> Option<(u64, &Waits)> {
        self.pieces.first_key_value().map(|(start, piece)| (*start, &**piece))
    }

    /// Takes out the first piece.
    pub(super) fn pop(&mut self) -> Option<(u64, Box<Waits>)> {
        let (start, piece) = self.pieces.pop_first()?;
        self.bytes -= piece.size();
        Some((start, piece))
    }

    /// Drops the piece that is furthest on.
    pub(super) fn drop_last(&mut self) {
        if let Some((_, piece)) = self.pieces.pop_last() {
            self.bytes -= piece.size();
        }
    }

    /// Moves all so that `place` becomes the beginning.
    pub(super) fn shift(&mut self, place: u64) {
        let back = |Fin { place: at, origin }| Fin {
            place: at.saturating_sub(place),
            origin: origin.saturating_sub(place),
        };
        self.fin = self.fin.map(back);
        let pieces = std::mem::take(&mut self.pieces);
        let shift = |(start, piece): (u64, Box<Waits>)| {
            let Waits { end, origin, begins, .. } = *piece;
            let [end, origin, begins] = [end, origin, begins].map(|at| at.saturating_sub(place));
            (start - place, Box::new(Waits { end, origin, begins, ..*piece }))
        };
        self.pieces = pieces.into_iter().map(shift).collect();
    }

    /// Takes a segment that counts in all of its place. What waits there gives way. Returns what that had.
    pub(super) fn claim(&mut self, part: &Part<'_>) -> Overlap {
        let mut overlap = part.overlap;
        let before = self.pieces.range(..part.start).next_back().map(|(start, _)| *start);
        let from = before.unwrap_or(part.start);
        while let Some((&start, piece)) =
            self.pieces.range(from..part.end).find(|(_, piece)| piece.end > part.start)
        {
            let both = start.max(part.start);
            let len = piece.end.min(part.end) - both;
            overlap = overlap.max(compare(part.from(both), piece.from(both), len)).max(piece.overlap);
            let Some(mut piece) = self.pieces.remove(&start) else { break };
            // What lies outside of the segment stays. Its frame is kept whole, so that its size is the same.
            if start < part.start {
                (piece.end, piece.overlap) = (part.start, overlap);
                self.pieces.insert(start, piece);
                continue;
            }
            if piece.end > part.end {
                piece.overlap = overlap;
                self.pieces.insert(part.end, piece);
                break;
            }
            self.bytes -= piece.size();
        }
        overlap
    }

    /// Keeps a segment, or what of it counts. Returns what others have for its place.
    pub(super) fn insert(&mut self, part: &Part<'_>, frame: &Frame<'_>) -> Overlap {
        let mut overlap = part.overlap;
        let mut from = part.start;
        while from < part.end {
            let Some((&start, piece)) =
                self.pieces.range(..=from).next_back().filter(|(_, piece)| piece.end > from)
            else {
                break;
            };
            let (end, origin) = (piece.end, piece.origin);
            let counts = match (piece.is_doubtful, part.is_doubtful) {
                (false, true) => true,
                (true, false) => false,
                _ => origin < part.start || origin == part.start && self.reaches(start, part.end),
            };
            if !counts {
                break;
            }
            let len = end.min(part.end) - from;
            if let Some(piece) = self.pieces.get_mut(&start) {
                let same = compare(part.from(from), piece.from(from), len);
                overlap = overlap.max(same);
                piece.overlap = piece.overlap.max(same);
            }
            from = end;
        }
        if from >= part.end {
            return overlap;
        }
        let mut rest = Part { start: from, bytes: part.from(from), ..*part };
        if part.is_doubtful {
            // It yields to all that is sound. What is behind that does not wait.
            let sound = self.pieces.range(from..part.end).find(|(_, piece)| !piece.is_doubtful);
            if let Some((&start, piece)) = sound {
                let len = piece.end.min(part.end) - start;
                overlap = overlap.max(compare(part.from(start), piece.from(start), len));
                rest.end = start;
                rest.bytes = rest.bytes.get(..(start - from) as usize).unwrap_or(rest.bytes);
            }
            if rest.end == rest.start {
                return overlap;
            }
        }
        // One whose place is free up to its front, and not taken from one that begins with it.
        let may_join = from == part.start && !part.is_doubtful && !self.pieces.contains_key(&from);
        overlap = overlap.max(self.claim(&rest));
        let joined = self.pieces.range(..part.start).next_back();
        let joined = joined.filter(|(_, piece)| may_join && piece.end == part.start && !piece.is_doubtful);
        let origin = joined.map_or(part.start, |(_, piece)| piece.origin);
        let piece = Box::new(Waits::new(&rest, frame, origin, overlap));
        self.bytes += piece.size();
        self.pieces.insert(rest.start, piece);
        overlap
    }

    /// Returns true if the segment that this piece is of, with those that became one with it, reaches up to `end`.
    fn reaches(&self, start: u64, end: u64) -> bool {
        let Some(origin) = self.pieces.get(&start).map(|piece| piece.origin) else { return false };
        let mut reached = start;
        for (start, piece) in self.pieces.range(start..) {
            if *start != reached || piece.origin != origin {
                break;
            }
            reached = piece.end;
            if reached >= end {
                return true;
            }
        }
        false
    }
}

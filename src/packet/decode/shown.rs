//! The things that frames have shown of later ones, and the decoding of a piece of a capture before that which comes before it.
//!
//! A decoder that begins with what the frames up to some place have shown ([`Decoder::begin_piece`]) decodes the frames of a
//! piece further on. When all before the piece is decoded, [`Decoder::join`] decides whether the frames in between made a
//! difference. If they did not, the packets of the piece are those that would have come in order, and what they have shown is
//! taken over.
//!
//! Decoding depends on nothing but the frame's own bytes and the answers to its questions, step by step. So if each question
//! had the same answer here, each step was the same:
//!
//! - The layouts of unencrypted ESP are asked for by every ESP packet, and at the first glance. They have to be all the same.
//! - Streams and neighbours are asked whether they have a pair of ends. The piece notes the pair, unless the piece itself has
//!   written the pair's slot before: that answer is its own in any case. Writing a slot is no question. Where a slot now
//!   differs from what the piece began with, no pair in either may be among those that were noted. Any other question has
//!   the same answer.
//! - Sessions of WireGuard stay where they are, since each message changes them and a table is large. A piece with a message
//!   that asks for them cannot be joined.
//!
//! Taken over are the slots that were written, also those in which the same pair stood before: in between, another one may have
//! taken its place.

use super::Decoder;
use crate::packet::esp::Learned;
use crate::packet::esp_in_tcp::Streams;
use crate::packet::neighbours::Neighbours;

/// The things that frames have shown of later ones, without the sessions of WireGuard.
#[derive(Clone, Debug)]
pub struct Shown {
    pub(in crate::packet) learned: Learned,
    pub(in crate::packet) streams: Streams,
    pub(in crate::packet) neighbours: Neighbours,
}

impl Shown {
    pub(super) fn new() -> Self {
        Self { learned: Learned::new(), streams: Streams::new(), neighbours: Neighbours::new() }
    }

    /// Returns a copy for the frames of a piece, which has noted no question.
    fn unused(&self) -> Self {
        let Self { learned, streams, neighbours } = self;
        Self { learned: learned.clone(), streams: streams.unused(), neighbours: neighbours.unused() }
    }

    fn answers(&self, begun: &Self, piece: &Self) -> bool {
        self.learned == begun.learned
            && self.streams.answers(&begun.streams, &piece.streams)
            && self.neighbours.answers(&begun.neighbours, &piece.neighbours)
    }

    fn follow(&mut self, piece: &Self) {
        self.learned.clone_from(&piece.learned);
        self.streams.follow(&piece.streams);
        self.neighbours.follow(&piece.neighbours);
    }
}

impl Decoder {
    /// Returns what the frames so far have shown.
    pub fn shown(&self) -> &Shown {
        &self.shown
    }

    /// Begins with the frames of a piece. `shown` is what the frames up to some place before it have shown.
    pub fn begin_piece(&mut self, shown: &Shown) {
        self.shown = shown.unused();
        self.sessions = None;
        self.wants_sessions = false;
    }

    /// Returns what was shown up to the end of a piece. `None` if that depends on sessions of WireGuard.
    pub fn end_piece(&self) -> Option<Shown> {
        (!self.wants_sessions).then(|| self.shown.clone())
    }

    /// Goes on behind a piece, at whose beginning this decoder is, and which began as `begun` and ended as `piece`. Returns false,
    /// and leaves everything as it is, if some frame of the piece may have to be decoded otherwise.
    pub fn join(&mut self, begun: &Shown, piece: &Shown) -> bool {
        let same = self.shown.answers(begun, piece);
        if same {
            self.shown.follow(piece);
        }
        same
    }
}

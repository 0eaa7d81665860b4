//! The search through pieces of a capture, each for itself, as several threads do it.
//!
//! A piece is searched as if nothing before it mattered, except for what the search through the capture knew when it last went
//! in order ([`Knowledge`]). Mostly nothing does: a packet is what its own bytes say. If a frame of the piece changed that
//! knowledge, or a fragment in it still waits at its end, the piece has no result ([`OfPieces::alone`]). It must then be
//! searched again, in order. The same is to be done where the limit of matches falls into a piece ([`Search::join`]).
//!
//! The whole is correct because of this: as long as pieces are joined, one behind the other, the knowledge of the search in
//! order is the one that they began with. So each frame met what it would have met in order. Where fragments wait from before
//! (one that was lost keeps its others waiting for 30 seconds), a piece with any fragment has no result, and neither has one
//! in which the time of those is over.

use super::{Found, KeptOut, Search, SearchOptions, Told};
use crate::capture::savefile::Records;
use crate::packet::{Decoder, Frame};

/// The knowledge from which frames are decoded: what earlier frames have shown of later ones.
#[derive(Debug)]
pub struct Knowledge {
    decoder: Decoder,
    /// The time until which fragments wait, in nanoseconds since the epoch.
    idle_until: i64,
}

/// A search through pieces of a capture.
#[derive(Debug)]
pub struct OfPieces {
    search: Search,
    /// The number of changes that the decoder had seen when the piece began.
    changes: u64,
}

/// The numbers of a piece on which nothing depends, and which depends on nothing, but their order.
#[derive(Debug)]
pub struct Alone {
    matched: u64,
    kept_out: KeptOut,
}

impl Search {
    /// Makes a search for the same in pieces of the capture. `None` if packets are shown because of others, or ESP is opened
    /// with keys, whose windows follow the packets.
    pub fn of_pieces(&mut self) -> Option<OfPieces> {
        let options = self.selection.options();
        if options.before > 0 || options.after > 0 || self.dissector.opener().is_some() {
            return None;
        }
        let options = SearchOptions { limit: None, ..self.selection.options().clone() };
        let ports = self.dissector.tunnel_ports().clone();
        let search = Self::new(self.pattern().clone(), ports, options);
        Some(OfPieces { changes: search.dissector.decoder().changes(), search })
    }

    /// Returns the knowledge to search pieces with.
    pub fn knowledge(&self) -> Knowledge {
        Knowledge { decoder: self.dissector.decoder().clone(), idle_until: self.dissector.idle_until() }
    }

    /// Takes the next piece, whose packets were told. Returns false, and takes nothing, if the piece must be searched again,
    /// because the limit of matches is reached in it, or because it matters in which order its packets come.
    pub fn join(&mut self, piece: &Alone) -> bool {
        let matched = self.matched() + piece.matched;
        let over = self.selection.options().limit.is_some_and(|limit| matched >= limit);
        let kept_out = self.selection.kept_out().and(&piece.kept_out);
        match kept_out {
            Some(kept_out) if !over => self.selection.set_counts(matched, kept_out),
            _ => return false,
        }
        true
    }
}

impl OfPieces {
    /// Begins a piece.
    pub fn begin(&mut self, known: &Knowledge) {
        let &Knowledge { ref decoder, idle_until } = known;
        let dissector = &mut self.search.dissector;
        let changes = decoder.changes();
        if dissector.decoder().changes() == changes
            && self.changes == changes
            && !dissector.has_had_fragments()
        {
            dissector.begin_until(idle_until);
        } else {
            dissector.begin_with(decoder.clone(), idle_until);
            self.changes = changes;
        }
        self.search.selection.set_counts(0, KeptOut::default());
    }

    /// Takes all of these records, as [`Search::records`] does some of them.
    ///
    /// # Errors
    /// The error of the sink.
    pub fn records<E>(
        &mut self,
        records: &mut Records<'_>,
        sink: &mut impl FnMut(Told<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.records_that(records, &mut |_| true, sink)
    }

    /// Takes all of these records, as [`Search::records_that`] does some of them.
    ///
    /// # Errors
    /// The error of the sink.
    pub fn records_that<E>(
        &mut self,
        records: &mut Records<'_>,
        admits: &mut impl FnMut(&Frame<'_>) -> bool,
        sink: &mut impl FnMut(Told<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let before = records.taken();
            self.search.records_that(records, admits, sink)?;
            if records.taken() == before {
                return Ok(());
            }
        }
    }

    /// As [`Search::frame`].
    ///
    /// # Errors
    /// The error of the sink.
    pub fn frame<E>(
        &mut self,
        frame: &Frame<'_>,
        sink: &mut impl FnMut(Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.search.frame(frame, sink)
    }

    /// Ends the piece. `None` if it depends on others, or others may depend on it.
    pub fn alone(&self) -> Option<Alone> {
        let Search { dissector, selection, .. } = &self.search;
        let alone = dissector.decoder().changes() == self.changes && dissector.is_complete();
        alone.then(|| Alone { matched: selection.matched(), kept_out: selection.kept_out().clone() })
    }
}

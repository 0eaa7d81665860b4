//! The search through pieces of a capture, each for itself, as several threads do it.
//!
//! A piece is searched with what the search in order knew at some place before it ([`Knowledge`]). Mostly that does not even
//! matter: a packet is what its own bytes say. When the search in order has come to the beginning of the piece, [`Search::join`]
//! takes the result, if it is the one that the search would have come to by itself. Otherwise the piece must be searched again,
//! in order.
//!
//! A search depends on earlier packets in four ways, and each is looked after:
//!
//! - *What frames have shown of others*: the decoder notes what it asked of that, and the result counts only if each question
//!   would have had the same answer here ([`Shown`]). What the piece itself has shown is taken over.
//! - *Fragments.* All fragments of the piece must be put together at its end, or it has no result. Where some wait from before
//!   (one that was lost keeps its others waiting for 30 seconds), a piece with any fragment has no result, and neither has one
//!   in which the time of those is over. So no piece that counts changes what waits, and it may be searched as if nothing
//!   waited. That holds for the place where its knowledge is from: from there on, all pieces were joined.
//! - *The limit of matches.* A piece in which it falls is searched again.
//! - *The numbers*: those of a piece are added, and where that depends on the order ([`KeptOut`]), it is searched again.
//!
//! So the output of each piece is what it would have been in order, and the search goes on behind it as if it had been.

use std::sync::Arc;

use super::{Found, KeptOut, Search, SearchOptions, Told};
use crate::capture::savefile::Records;
use crate::packet::{Frame, Shown};

/// The knowledge that a search in order has of later frames at some place.
#[derive(Debug)]
pub struct Knowledge {
    shown: Shown,
    /// The time until which fragments wait, in nanoseconds since the epoch.
    idle_until: i64,
}

/// A search through pieces of a capture.
#[derive(Debug)]
pub struct OfPieces {
    search: Search,
    /// The knowledge that the piece began with.
    begun: Arc<Knowledge>,
}

/// The result of a piece that was searched alone.
#[derive(Debug)]
pub struct Alone {
    begun: Arc<Knowledge>,
    shown: Box<Shown>,
    matched: u64,
    kept_out: KeptOut,
}

impl Search {
    /// Makes a search for the same in pieces of the capture. `None` if packets are shown because of others, ESP is opened
    /// with keys, whose windows follow the packets, or streams are followed.
    pub fn of_pieces(&mut self) -> Option<OfPieces> {
        let options = self.selection.options();
        if options.before > 0
            || options.after > 0
            || self.dissector.opener().is_some()
            || self.streams.is_some()
        {
            return None;
        }
        let options = SearchOptions { limit: None, ..self.selection.options().clone() };
        let ports = self.dissector.tunnel_ports().clone();
        let search = Self::new(self.pattern().clone(), ports, options);
        Some(OfPieces { begun: Arc::new(search.knowledge()), search })
    }

    /// Returns the knowledge to search pieces with that lie behind.
    pub fn knowledge(&self) -> Knowledge {
        Knowledge { shown: self.dissector.decoder().shown().clone(), idle_until: self.dissector.idle_until() }
    }

    /// Takes the next piece, whose packets were told. Between the place that its knowledge is from and this one, there must have
    /// been none but pieces that were joined. Returns false, and takes nothing, if the piece must be searched again: because
    /// the limit of matches is reached in it, or because of what comes before it.
    pub fn join(&mut self, piece: &Alone) -> bool {
        let matched = self.matched() + piece.matched;
        if self.selection.options().limit.is_some_and(|limit| matched >= limit) {
            return false;
        }
        let Some(kept_out) = self.selection.kept_out().and(&piece.kept_out) else { return false };
        let joins = self.dissector.decoder_mut().join(&piece.begun.shown, &piece.shown);
        if joins {
            self.selection.set_counts(matched, kept_out);
        }
        joins
    }
}

impl OfPieces {
    /// Begins a piece.
    pub fn begin(&mut self, known: &Arc<Knowledge>) {
        self.search.dissector.begin_piece(&known.shown, known.idle_until);
        self.search.selection.set_counts(0, KeptOut::default());
        self.begun = Arc::clone(known);
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

    /// Ends the piece. `None` if it is certain that it must be searched in order.
    pub fn alone(&self) -> Option<Alone> {
        let Search { dissector, selection, .. } = &self.search;
        let shown = dissector.decoder().end_piece().filter(|_| dissector.is_complete())?;
        Some(Alone {
            begun: Arc::clone(&self.begun),
            shown: Box::new(shown),
            matched: selection.matched(),
            kept_out: selection.kept_out().clone(),
        })
    }
}

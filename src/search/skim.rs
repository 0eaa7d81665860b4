//! Skimming: the fast way through the records of a file, or through a block of a ring, for frames that need not be decoded.
//!
//! Most frames of most files are of no interest: the pattern's literal does not occur in them, and their first headers tell
//! what they are. For these the whole decoder, called for each, would be most of the work. So one tight loop takes the
//! header of the record, has a [`Glance`](crate::packet::Glance) at the frame, and goes on to the next one, until it comes
//! upon a frame that must be decoded:
//!
//! - one that contains the literal;
//! - one that may matter to others: a fragment, ESP that may not be encrypted, ESP in UDP or TCP, what may be WireGuard;
//! - one whose headers are odd or rare, or, where marks are wanted, that the snaplen cut;
//! - one that comes later than an incomplete datagram may wait;
//! - one that is shown as the context of a match before it, or whose conversation more than a glance tells.
//!
//! That frame goes to [`Search::frame`](super::Search::frame) as every frame would. A glance changes nothing of what the
//! decoder knows, and neither would the decoder, had it seen the frame. So the results are the same, one by one.
//!
//! If a network or an inner flow is asked for, the first headers tell which one a frame belongs to, and frames of others
//! are passed over without a look for the literal. If the context of matches is asked for, they tell the conversation,
//! by which the frame is kept.
//!
//! # The literal
//!
//! To set up a search for a literal takes as long as to search some hundred bytes, and frames are short. Therefore the search
//! runs ahead over many records at once, their headers included. Until it finds something, no frame in that stretch has
//! the literal; what it finds is looked for once more in the frame alone, since it may lie across two records. The stretch
//! grows with each search that finds nothing, up to what the first-level cache holds, so that the glances find the headers
//! there. It is short again behind a frame whose bytes did not matter, as those of ESP do not: to search them is to waste
//! time.

use std::ops::Range;

use super::Outcome;
use super::selection::Selection;
use crate::capture::Batch;
use crate::dissect::Dissector;
use crate::packet::{Frame, LinkType, Worth};
use crate::pattern::Gate;

/// The shortest and the longest stretch that is searched at once, in bytes. A record is always searched whole.
const STRETCH: (usize, usize) = (64, 32 << 10);

/// A run over some records.
#[derive(Debug)]
pub(super) struct Skim {
    marks: bool,
    /// True if the selection is to be asked about frames that cannot match.
    selects: bool,
    /// The length of the next stretch.
    stretch: usize,
    /// The records that end here or before do not have the literal, from the last one on that was searched.
    clean: usize,
    /// True if the literal begins at `clean`.
    found: bool,
}

impl Skim {
    /// Begins a run over records of which none was taken. With `marks`, the results of all frames are wanted, and otherwise
    /// only matches. With `selects`, networks or inner flows are asked for, for which there must be marks, or the context of
    /// matches.
    pub(super) fn new(marks: bool, selects: bool) -> Self {
        Self { marks, selects, stretch: STRETCH.0, clean: 0, found: false }
    }

    /// Returns true if all frames that are returned were admitted, and otherwise none was asked about.
    pub(super) fn asks_if_admitted(&self) -> bool {
        self.marks || self.selects
    }

    /// Takes frames up to the next one that is to be decoded, and returns that one, or `None` if there is none left. Adds the
    /// results of the others to `outcomes`, if marks are wanted. `selection` keeps those that may be the context of a match,
    /// and refuses those of other networks and inner flows, which have no result.
    ///
    /// The knowledge of `dissector` is that of all frames so far. A frame that comes later than it is idle is returned too.
    /// If marks are wanted or frames are selected, those that `admits` refuses are passed over. Otherwise it is not asked:
    /// it is dearer than the gate, and those that are returned are few.
    #[inline]
    pub(super) fn next<'r>(
        &mut self,
        batch: &mut impl Batch<'r>,
        gate: &Gate,
        dissector: &Dissector,
        admits: &mut impl FnMut(&Frame<'_>) -> bool,
        selection: &mut Selection,
        outcomes: &mut Vec<Outcome>,
    ) -> Option<Frame<'r>> {
        match (self.marks, self.selects) {
            (true, true) => self.run::<true, true>(batch, gate, dissector, admits, selection, outcomes),
            (true, false) => self.run::<true, false>(batch, gate, dissector, admits, selection, outcomes),
            (false, true) => self.run::<false, true>(batch, gate, dissector, admits, selection, outcomes),
            (false, false) => self.run::<false, false>(batch, gate, dissector, admits, selection, outcomes),
        }
    }

    fn run<'r, const MARKS: bool, const SELECTS: bool>(
        &mut self,
        batch: &mut impl Batch<'r>,
        gate: &Gate,
        dissector: &Dissector,
        admits: &mut impl FnMut(&Frame<'_>) -> bool,
        selection: &mut Selection,
        outcomes: &mut Vec<Outcome>,
    ) -> Option<Frame<'r>> {
        let (glance, idle_until) = (dissector.glance(), dissector.idle_until());
        loop {
            let start = batch.taken();
            let frame = batch.next()?;
            if (MARKS || SELECTS) && !admits(&frame) {
                continue;
            }
            if idle_until < i64::MAX && frame.time.nanos > idle_until {
                return Some(frame);
            }
            // Of other link types a glance knows what a frame is good for, and not what the selection asks.
            if SELECTS && frame.link != LinkType::ETHERNET {
                return Some(frame);
            }
            let outcome = match if MARKS { glance.result(&frame) } else { glance.worth(&frame) } {
                Worth::Match => {
                    if MARKS && SELECTS && !selection.wants_at_a_glance(&frame, glance) {
                        self.skip(start);
                        continue;
                    }
                    let end = batch.taken();
                    if end > self.clean && self.occurs(gate, batch.bytes(), start..end, frame.bytes) {
                        return Some(frame);
                    }
                    Outcome::Clear
                }
                needless => {
                    self.skip(start);
                    if needless == Worth::Others {
                        return Some(frame);
                    }
                    Outcome::Opaque
                }
            };
            if SELECTS && !selection.passes_over(&frame, batch.offset(), dissector) {
                return Some(frame);
            }
            if MARKS {
                outcomes.push(outcome);
            }
        }
    }

    /// Makes the next stretch a short one, if the last one was searched up to a frame at `start` whose bytes do not matter.
    #[inline]
    fn skip(&mut self, start: usize) {
        if start < self.clean {
            self.stretch = STRETCH.0;
        }
    }

    /// Returns true if the literal occurs in the frame, whose record is at `record` and reaches beyond `clean`.
    #[inline(never)]
    fn occurs(&mut self, gate: &Gate, records: &[u8], record: Range<usize>, frame: &[u8]) -> bool {
        if !self.found || self.clean < record.start {
            let until = record.end.max(record.start + self.stretch).min(records.len());
            let found = gate.find(records.get(record.start..until).unwrap_or_default());
            self.found = found.is_some();
            self.clean = found.map_or(until, |at| record.start + at);
            self.stretch = STRETCH.1.min(self.stretch * 2);
        }
        self.clean < record.end && gate.is_open(frame)
    }
}

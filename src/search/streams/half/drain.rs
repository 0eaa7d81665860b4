//! The end of waiting: what is told, and what is given up.

use super::super::waiting::Part;
use super::super::{GapWhy, Piece, StreamCounts};
use super::{Half, MOST_WAITING, Stage, ahead, signed};

/// The treatment of holes that nobody acknowledged.
#[derive(Clone, Copy)]
pub(super) enum Patience {
    /// Whatever is behind a hole waits.
    Waits,
    /// One hole is given up.
    EndsOnce(GapWhy),
    /// All are.
    Ends(GapWhy),
}

impl Half {
    /// Tells what need not wait any more.
    pub(super) fn drain<E>(
        &mut self,
        patience: Patience,
        counts: &mut StreamCounts,
        tell: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.stage != Stage::Flowing {
            return Ok(());
        }
        let mut patience = patience;
        while let Some(waiting) = &mut self.waiting {
            let fin = waiting.fin.map(|fin| fin.place);
            let next = waiting.first().map(|(start, piece)| (start, piece.end, piece.is_doubtful));
            // The FIN is a place as well. No segment is told that is beyond it.
            let next = next.filter(|(start, ..)| fin.is_none_or(|fin| *start < fin));
            let Some((start, end, is_doubtful)) = next.or(fin.map(|fin| (fin, fin, false))) else { break };
            let acknowledged =
                self.acknowledged.map(|number| signed(self.place).saturating_add(ahead(self.next, number)));
            let taken = |place: u64| acknowledged.is_some_and(|acknowledged| acknowledged >= signed(place));
            let given_up = match patience {
                Patience::Waits => None,
                Patience::EndsOnce(why) | Patience::Ends(why) => Some(why),
            };
            if start > self.place {
                let hole = start - self.place;
                let lost =
                    taken(start) && waiting.has_waited(start, hole, acknowledged.unwrap_or(0).unsigned_abs());
                let Some(why) = lost.then_some(GapWhy::Lost).or(given_up) else { break };
                if why != GapWhy::Lost && matches!(patience, Patience::EndsOnce(_)) {
                    patience = Patience::Waits;
                }
                self.skip(start, why, counts, tell)?;
            } else if next.is_none() {
                return self.end_by_fin(counts, tell);
            } else if is_doubtful && !taken(end) && given_up.is_none() {
                break;
            } else {
                if is_doubtful && !taken(end) && matches!(patience, Patience::EndsOnce(_)) {
                    patience = Patience::Waits;
                }
                let Some((_, piece)) = waiting.pop() else { break };
                let end = fin.map_or(piece.end, |fin| fin.min(piece.end));
                let bytes = piece.from(self.place);
                let len = end.saturating_sub(self.place) as usize;
                let bytes = bytes.get(..len).unwrap_or(bytes);
                let part = Part { start: self.place, end, bytes, is_doubtful, overlap: piece.overlap };
                self.tell_part(&part, &piece.frame(), counts, tell)?;
            }
        }
        self.waiting = self.waiting.take().filter(|waiting| !waiting.is_empty() || waiting.fin.is_some());
        Ok(())
    }

    /// Gives something up, if too much waits.
    pub(super) fn relieve<E>(
        &mut self,
        counts: &mut StreamCounts,
        tell: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while self.footprint() > MOST_WAITING {
            let is_hole =
                |waiting: &super::Waiting| waiting.first().is_some_and(|(start, _)| start > self.place);
            let missing = self.waiting.as_deref().is_some_and(is_hole);
            let missing =
                missing && self.acknowledged_place().is_some_and(|place| place <= signed(self.place));
            if self.stage == Stage::Joining {
                self.join();
            } else if let Some(waiting) = self.waiting.as_mut().filter(|_| missing) {
                // The receiver has a hole there too, and will be sent what is furthest once more.
                waiting.drop_last();
                counts.given_up += 1;
                continue;
            }
            self.drain(Patience::EndsOnce(GapWhy::Limit), counts, tell)?;
        }
        Ok(())
    }
}

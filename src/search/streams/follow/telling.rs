//! The telling of matches, with the lines around them.

use std::ops::Range;
use std::sync::Arc;

use super::direction::{Block, Direction, parts};
use super::lines::Lines;
use super::reader::Reader;
use super::stretch::{Copied, Stretch};
use super::with::Telling;
use crate::pattern::{AtHand, MAX_SPANS};
use crate::search::streams::EndWhy;
use crate::search::{Found, Outcome};

/// The most bytes of a block with several matches, more or less.
const MOST_BYTES: u64 = 64 << 10;

impl Reader {
    /// Takes a match, to be told with others of its line.
    pub(super) fn found<E, F: FnMut(Found<'_>) -> Result<(), E>>(
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
            let from = match start.max(direction.told) {
                told if told > found.start => start,
                told if told == direction.told && direction.lacks_newline => {
                    Lines::skip_newline(at_hand, told).min(found.start)
                }
                from => from,
            };
            direction.block = Some(Box::new(Block { from, spans: vec![found], card }));
        }
        if telling.tally.is_full() { self.tell_rest(direction, at_hand, None, telling) } else { Ok(()) }
    }

    /// Tells the matches that wait, though the end of their lines has not come.
    pub(super) fn tell_rest<E, F: FnMut(Found<'_>) -> Result<(), E>>(
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
    pub(super) fn tell<E, F: FnMut(Found<'_>) -> Result<(), E>>(
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
        let match_end = spans.last().map_or(from, |span| span.end);
        direction.lacks_newline = !self.lines.ends_in_match(at_hand, match_end, end);
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
        direction.copied -= written.iter().map(Copied::footprint).sum::<usize>();
        written.sort_by_key(|copied| copied.frame().number);
        written.retain(|copied| self.written.add(copied));
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

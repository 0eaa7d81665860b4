//! The search for a pattern in streams, which come piece by piece.
//!
//! Matches are those that the whole stream has as one payload: leftmost first, each found once, none overlapping another. A
//! state of the automaton is kept between two pieces, so that no byte is searched twice only because it came in a piece of its
//! own. While the automaton is in a state in which no match has begun, nothing is held of the stream. Otherwise the caller
//! holds the bytes from the place where the oldest possible match would begin.
//!
//! - The forward automaton says where a match ends, and that it cannot grow: it is *final*. A second one, which runs backwards
//!   over the bytes that are held, says where it begins.
//! - A match is at most as long as the *window*. One that could still grow is cut there. A match that would be longer, and has
//!   no end within the window, is none.
//! - The window is full when half of one more has been held without a match. Then matches that began too long ago are given up,
//!   and the last window is searched once more, so that each byte is searched three times for that.
//! - Where a pattern has an alternative to fall back to (`a.*b|a`), the automaton looks ahead for the one that is preferred, up
//!   to a window for each match. Those who send could so make a search of the bytes one of their square. Therefore each byte
//!   earns that eight are searched again. Where these are used up, the match at hand is told as it stands, and that is counted.
//!   Where the pieces are cut has no part in it.
//! - Where no match has begun, bytes are skipped up to a literal that a match begins with, if there is such a literal.
//!
//! # What surprised us
//!
//! - The automaton tells of a match when it has seen the next byte, on which `\b` and `$` depend. A word at the end of a piece
//!   would wait for the next piece. Therefore a state is asked what any next byte would lead to.
//! - What is compiled lazily may be thrown away and begun anew, when it takes too much memory. All states of all streams are
//!   then void. Those of streams in which a match has begun are made again from the bytes that are held.
//! - Beside bytes that were lost, nobody knows the next one. It is taken for one that ends no line, so that `^` and `$` do not
//!   match there. A match counts if it is one whether that byte is a part of a word or not: neither `\b` nor `\B` matches.

mod at_hand;
mod engine;

pub use at_hand::AtHand;

use std::ops::Range;

use super::{Error, Expressions, hex, parse};
use crate::escape::escape;
use engine::{Engine, Outlook, State};

/// The bytes that stand for one that nobody knows. Neither ends a line, and the second one is a part of a word.
const UNKNOWN: u8 = 0;
const WORD: u8 = b'a';

/// The times that a byte may be searched again, in vain, for a match that is preferred to the one at hand.
const AGAIN: u64 = 8;

/// A pattern to be searched for in streams, with the memory in which its automata work.
#[derive(Debug)]
pub struct StreamPattern {
    engine: Engine,
    window: u64,
    /// The searches for a better match that ended early.
    cut_short: u64,
    /// The bytes that were searched, each as often as it was.
    #[cfg(test)]
    searched: u64,
}

/// The place that the search in one stream has come to.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The place before which no match begins any more.
    from: u64,
    /// The place of the next byte to search.
    at: u64,
    /// The state of the automaton there, if it runs.
    state: Option<State>,
    /// The end of a match that may still grow.
    seen: Option<u64>,
    /// The place at which such a match is cut.
    until: u64,
    /// The place of the first byte, before which nothing is known.
    first: u64,
    /// The edge before the first byte.
    beginning: Edge,
    /// The byte that is taken for the one before the first, if nobody knows it.
    guess: u8,
    /// True if nothing matches any more, as behind the first bytes if the pattern begins with `^`.
    over: bool,
    /// The place up to which bytes were searched once at least.
    searched: u64,
    /// The number of bytes that may be searched once more.
    spare: u64,
}

/// An edge of the bytes that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The stream begins or ends here.
    Stream,
    /// There are more bytes, which nobody knows.
    Unknown,
}

impl Progress {
    /// Begins at this place, before which there is nothing, or nobody knows what.
    pub fn new(first: u64, beginning: Edge) -> Self {
        Self {
            from: first,
            at: first,
            state: None,
            seen: None,
            until: 0,
            first,
            beginning,
            guess: UNKNOWN,
            over: false,
            searched: first,
            spare: 0,
        }
    }

    /// Returns the place from which on bytes must be held: that of the byte before the first possible match.
    pub fn needed(&self) -> u64 {
        if self.over { u64::MAX } else { self.from.saturating_sub(1).max(self.first) }
    }

    /// Returns the place from which on a match may begin, `None` if there is none any more.
    pub fn begin(&self) -> Option<u64> {
        (!self.over).then_some(self.from)
    }

    /// Returns true if a match may have begun before this place.
    pub fn has_begun(&self, end: u64) -> bool {
        !self.over && self.from < end
    }

    /// Searches once more from this place on, in which no match has begun that is to be found.
    fn rewind(&mut self, from: u64) {
        (self.from, self.at, self.seen, self.state) = (from, from, None, None);
    }

    /// Takes the bytes up to a place for searched, each of which earns that some are searched again.
    fn earn(&mut self, to: u64, window: u64) {
        let new = to.saturating_sub(self.searched);
        self.searched += new;
        // The steps that were saved up bound the time that a single piece takes.
        self.spare = (self.spare + AGAIN * new).min(AGAIN * window);
    }

    /// Returns the place up to which a better match is looked for than the one at hand, or none.
    fn limit(&self, window: u64) -> u64 {
        let Some(seen) = self.seen else { return self.from + window + window.div_ceil(2) };
        // Two bytes tell that a match does not grow. Behind what was searched before, each byte earns more than it costs.
        let reach = seen + 2 + self.spare;
        if reach < self.searched { self.until.min(reach) } else { self.until }
    }

    /// Returns the byte before a place, `None` if the stream begins there.
    fn before(&self, at_hand: &AtHand<'_>, at: u64) -> Option<u8> {
        if at > self.first {
            return Some(at.checked_sub(1).and_then(|at| at_hand.byte(at)).unwrap_or(UNKNOWN));
        }
        (self.beginning == Edge::Unknown).then_some(self.guess)
    }

    /// Goes on behind a match that depends on the unknown byte before the first one: tries the other guess, and after that from
    /// the next byte on.
    fn guess_again(&mut self) {
        if self.guess == UNKNOWN {
            self.guess = WORD;
            self.rewind(self.first);
        } else {
            self.rewind(self.first + 1);
        }
    }
}

impl StreamPattern {
    /// Compiles the expressions for matches of at most `window` bytes.
    ///
    /// # Errors
    /// Those of [`super::Pattern::new`], a pattern with a Unicode word boundary (`(?u:\b)`), for which there is no automaton,
    /// and one that never matches: all of its matches are empty, or longer than the window.
    pub fn new(expressions: &Expressions, window: usize) -> Result<Self, Error> {
        let parse = |pattern: &String| {
            if expressions.hex { hex::parse(pattern) } else { parse::parse(pattern, expressions) }
        };
        let parsed = expressions.patterns.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let shown = expressions.patterns.join(" | ");
        let (any, window) = (parse::any_of(&parsed), window.max(1));
        let unmatchable =
            |problem: String| Error::Unsupported { pattern: escape(&shown).to_string(), problem };
        let lengths = any.properties();
        if lengths.maximum_len() == Some(0) {
            return Err(unmatchable(
                "matches only where there are no bytes, and in a stream a match has one at least; write what stands there"
                    .to_owned(),
            ));
        }
        if let Some(shortest) = lengths.minimum_len().filter(|shortest| *shortest > window) {
            return Err(unmatchable(format!(
                "its shortest match has {shortest} bytes, and the window {window}; use a larger --window or a shorter pattern"
            )));
        }
        Ok(Self {
            engine: Engine::new(&any, &shown)?,
            window: window as u64,
            cut_short: 0,
            #[cfg(test)]
            searched: 0,
        })
    }

    /// Returns the length in bytes of the longest match.
    pub fn window(&self) -> usize {
        self.window as usize
    }

    /// Returns how often a match was told as it stood, or given up, though one that is preferred might have begun at its place:
    /// the bytes behind it had been searched too many times.
    pub fn cut_short(&self) -> u64 {
        self.cut_short
    }

    /// Searches what is at hand, from where `progress` is. Returns the next match that is final, as places in the stream, or
    /// `None` if that needs more bytes. Call it until it returns `None`. The bytes from [`Progress::needed`] on must be at hand.
    pub fn next(&mut self, progress: &mut Progress, at_hand: &AtHand<'_>) -> Option<Range<u64>> {
        loop {
            if let Some(found) = self.step(progress, at_hand)? {
                return Some(found);
            }
        }
    }

    /// Returns the next match of a stream of which no more bytes come, as [`Self::next`] does: because it ends, or because
    /// what follows is not known.
    pub fn last(&mut self, progress: &mut Progress, at_hand: &AtHand<'_>, end: Edge) -> Option<Range<u64>> {
        loop {
            if let Some(found) = self.next(progress, at_hand) {
                return Some(found);
            }
            if progress.over {
                return None;
            }
            let state = self.state(progress, at_hand)?;
            if self.engine.ends(state, end) {
                progress.seen = Some(progress.at);
            }
            if let Some(found) = self.take(progress, at_hand, progress.seen?, end) {
                return Some(found);
            }
        }
    }

    /// Returns the next match without waiting for it to grow, as for a stream in which nothing comes. A match that depends on
    /// the next byte is none yet.
    pub fn settled(&mut self, progress: &mut Progress, at_hand: &AtHand<'_>) -> Option<Range<u64>> {
        loop {
            if let Some(found) = self.next(progress, at_hand) {
                return Some(found);
            }
            let state = self.state(progress, at_hand).filter(|_| !progress.over)?;
            if matches!(self.engine.outlook(state), Outlook::Grows | Outlook::Final) {
                progress.seen = Some(progress.at);
            }
            if let Some(found) = self.take(progress, at_hand, progress.seen?, Edge::Unknown) {
                return Some(found);
            }
        }
    }

    /// Searches on, up to something that changes the course. `None` if there are no bytes left.
    #[allow(clippy::option_option)] // No more bytes; no match, but go on; a match.
    fn step(&mut self, progress: &mut Progress, at_hand: &AtHand<'_>) -> Option<Option<Range<u64>>> {
        if progress.over {
            return None;
        }
        let mut state = self.state(progress, at_hand)?;
        let mut limit = progress.limit(self.window);
        let mut end = at_hand.end().min(limit);
        while progress.at < end {
            let bytes = at_hand.behind(progress.at);
            let bytes = &bytes[..bytes.len().min((end - progress.at) as usize)];
            let run = self.engine.run(state, bytes);
            state = run.state;
            if let Some(idle) = run.idle {
                progress.from = progress.at + idle as u64;
            }
            progress.at += run.len as u64;
            #[cfg(test)]
            {
                self.searched += run.len as u64;
            }
            progress.state = Some(state);
            if state.is_dead() {
                progress.over = progress.seen.is_none();
                return Some(self.take(progress, at_hand, progress.seen?, Edge::Unknown));
            }
            if state.is_match() {
                let seen = progress.at - 1;
                if progress.seen.replace(seen).is_none() {
                    self.see(progress, at_hand, seen);
                    return Some(None);
                }
                limit = progress.limit(self.window);
                end = at_hand.end().min(limit);
            }
        }
        if progress.at < limit {
            // A match that ends with the last byte does not wait for the next one if it is the same with any.
            let (end, behind) = match self.engine.outlook(state) {
                Outlook::Final => (progress.at, 2),
                Outlook::Closed => (progress.seen?, 1),
                Outlook::Open | Outlook::Grows => return None,
            };
            // With more bytes at hand, the automaton would come so far. It must not matter where the pieces are cut.
            progress.at += behind;
            return Some(self.take(progress, at_hand, end, Edge::Unknown));
        }
        if let Some(seen) = progress.seen {
            let is_early = limit < progress.until && self.engine.outlook(state) != Outlook::Closed;
            self.cut_short += u64::from(is_early);
            return Some(self.take(progress, at_hand, seen, Edge::Unknown));
        }
        progress.earn(progress.at, self.window);
        progress.rewind(progress.at - self.window);
        Some(None)
    }

    /// Finds out how far a match may grow of which the first end was seen.
    fn see(&mut self, progress: &mut Progress, at_hand: &AtHand<'_>, seen: u64) {
        let start = if seen == progress.from {
            seen
        } else {
            self.start(progress, at_hand, seen, Edge::Unknown).unwrap_or(seen)
        };
        if seen - start > self.window {
            self.shorten(progress, seen);
        } else {
            // The end of a match is known when the next byte was searched.
            progress.until = start + self.window + 1;
        }
    }

    /// Takes the match that ends here, and goes on behind it. `None` if it has no bytes, or too many.
    fn take(
        &mut self,
        progress: &mut Progress,
        at_hand: &AtHand<'_>,
        end: u64,
        edge: Edge,
    ) -> Option<Range<u64>> {
        let start = self.start(progress, at_hand, end, edge).unwrap_or(end);
        if start == progress.first && self.depends(progress, at_hand, end, edge) {
            progress.guess_again();
            return None;
        }
        if end - start > self.window {
            self.shorten(progress, end);
            return None;
        }
        progress.earn(progress.at, self.window);
        progress.spare = progress.spare.saturating_sub(progress.at.saturating_sub(end + 2));
        if start == end {
            // An empty match stands here. The next one begins behind the next byte.
            progress.rewind(end + 1);
            return None;
        }
        progress.rewind(end);
        Some(start..end)
    }

    /// Gives up a match that is longer than the window, and looks for one that begins later and ends at the same place.
    fn shorten(&mut self, progress: &mut Progress, end: u64) {
        progress.earn(end + 2, self.window);
        if let Some(spare) = progress.spare.checked_sub(self.window) {
            progress.spare = spare;
            progress.rewind(end - self.window);
        } else {
            self.cut_short += 1;
            progress.rewind(end);
        }
    }

    /// Returns true if the match that begins with the first byte is none with another byte before, which nobody knows.
    fn depends(&mut self, progress: &Progress, at_hand: &AtHand<'_>, end: u64, edge: Edge) -> bool {
        if progress.beginning == Edge::Stream || !self.engine.asks_for_words() {
            return false;
        }
        let guess = if progress.guess == UNKNOWN { WORD } else { UNKNOWN };
        let other = Progress { guess, ..progress.clone() };
        self.start(&other, at_hand, end, edge) != Some(progress.first)
    }

    /// Returns the place where the match begins that ends here, if there is one.
    fn start(&mut self, progress: &Progress, at_hand: &AtHand<'_>, end: u64, edge: Edge) -> Option<u64> {
        match (at_hand.byte(end), edge) {
            (None, Edge::Unknown) if self.engine.asks_for_words() => {
                let starts =
                    [UNKNOWN, WORD].map(|byte| self.start_before(progress, at_hand, end, Some(byte)));
                starts[0].zip(starts[1]).map(|(one, other)| one.max(other))
            }
            (None, Edge::Unknown) => self.start_before(progress, at_hand, end, Some(UNKNOWN)),
            (byte, _) => self.start_before(progress, at_hand, end, byte),
        }
    }

    /// Returns the place where the match begins that ends here, in front of this byte or of the end of the stream.
    fn start_before(
        &mut self,
        progress: &Progress,
        at_hand: &AtHand<'_>,
        end: u64,
        behind: Option<u8>,
    ) -> Option<u64> {
        let mut state = self.engine.begin_backwards(behind);
        let (mut at, mut start) = (end, None);
        while at > progress.from {
            let bytes = at_hand.before(at);
            let bytes = &bytes[bytes.len().saturating_sub((at - progress.from) as usize)..];
            if bytes.is_empty() {
                return start;
            }
            let (last, dead) = self.engine.run_backwards(&mut state, bytes);
            let part = at - bytes.len() as u64;
            start = last.map(|last| part + last as u64).or(start);
            if dead {
                return start;
            }
            at = part;
        }
        let before = progress.before(at_hand, at);
        if self.engine.begins(state, before) { Some(at) } else { start }
    }

    /// Returns the state at this place. It is made again if it is void. `None` if the pattern cannot be searched for from here.
    fn state(&mut self, progress: &mut Progress, at_hand: &AtHand<'_>) -> Option<State> {
        if let Some(state) = progress.state.filter(|state| self.engine.knows(*state)) {
            return Some(state);
        }
        if progress.from > at_hand.end() {
            return None;
        }
        let before = progress.before(at_hand, progress.from);
        (progress.at, progress.seen) = (progress.from, None);
        progress.state = self.engine.begin(before);
        progress.state
    }
}

#[cfg(test)]
mod tests;

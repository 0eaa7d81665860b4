//! The two automata of a stream's pattern, and the literals that a match begins with.

use std::collections::HashMap;

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::alphabet::Unit;
use regex_automata::util::prefilter::Prefilter;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind, Span};
use regex_syntax::hir::{Hir, HirKind};

use super::{Edge, UNKNOWN, WORD};
use crate::escape::escape;
use crate::pattern::needle::Needle;
use crate::pattern::{Error, required};

/// The most bytes of memory that one automaton may take before it is compiled anew, and its plan.
const CACHE: usize = 8 << 20;
const SIZE_LIMIT: usize = 4 << 20;
/// The most states whose outlook is remembered.
const OUTLOOKS: usize = 4096;

/// A state of the forward automaton.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    id: LazyStateID,
    /// The number of times that all states were void before it was made.
    epoch: u32,
}

impl State {
    pub(super) fn is_dead(self) -> bool {
        self.id.is_dead() || self.id.is_quit()
    }

    /// Returns true if a match ends before the byte that led here.
    pub(super) fn is_match(self) -> bool {
        self.id.is_match()
    }
}

/// The result of a run over bytes.
pub(super) struct Run {
    pub(super) state: State,
    /// The number of bytes that were searched.
    pub(super) len: usize,
    /// The last place in them at which no match had begun.
    pub(super) idle: Option<usize>,
}

/// The certain properties of a state, whatever the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// Nothing.
    Open,
    /// A match ends with the last byte that was searched, and it may grow.
    Grows,
    /// A match ends with the last byte, and does not grow.
    Final,
    /// The match that was seen before does not grow.
    Closed,
}

#[derive(Debug)]
pub(super) struct Engine {
    forward: DFA,
    forward_cache: Cache,
    backward: DFA,
    backward_cache: Cache,
    ahead: Option<Ahead>,
    /// The outlooks of states, all of the present epoch.
    outlooks: HashMap<LazyStateID, Outlook>,
    outlooks_epoch: u32,
}

impl Engine {
    pub(super) fn new(hir: &Hir, shown: &str) -> Result<Self, Error> {
        let forward = compile(hir, shown, false)?;
        let backward = compile(hir, shown, true)?;
        let mut engine = Self {
            forward_cache: forward.create_cache(),
            backward_cache: backward.create_cache(),
            forward,
            backward,
            ahead: Ahead::new(hir),
            outlooks: HashMap::new(),
            outlooks_epoch: 0,
        };
        engine.prime();
        Ok(engine)
    }

    /// Makes the states in which no match has begun, so that they are known by that when they come up again.
    fn prime(&mut self) {
        for before in [None, Some(UNKNOWN), Some(WORD), Some(b'\n'), Some(b'\r')] {
            let config = start::Config::new().anchored(Anchored::No).look_behind(before);
            let _ = self.forward.start_state(&mut self.forward_cache, &config);
        }
    }

    fn epoch(&self) -> u32 {
        self.forward_cache.clear_count() as u32
    }

    /// Returns true if the state is not void.
    pub(super) fn knows(&self, state: State) -> bool {
        state.epoch == self.epoch()
    }

    /// Returns the state to begin with behind this byte, or at the beginning of the stream.
    pub(super) fn begin(&mut self, before: Option<u8>) -> Option<State> {
        let config = start::Config::new().anchored(Anchored::No).look_behind(before);
        let id = self.forward.start_state(&mut self.forward_cache, &config).ok()?;
        Some(State { id, epoch: self.epoch() })
    }

    /// Runs over the bytes, up to the first one that leads to the end of a match, or to the state behind which there is none.
    pub(super) fn run(&mut self, state: State, bytes: &[u8]) -> Run {
        let Self { forward, forward_cache: cache, ahead, .. } = self;
        let (mut id, mut at, mut idle) = (state.id, 0, None);
        let voided = cache.clear_count();
        while at < bytes.len() {
            if let Some(ahead) = ahead.as_ref().filter(|_| id.is_start()) {
                idle = Some(at);
                let skipped = ahead.skip(&bytes[at..]);
                if skipped > 0 {
                    at += skipped;
                    idle = Some(at);
                    let config = start::Config::new().anchored(Anchored::No).look_behind(Some(bytes[at - 1]));
                    let Ok(behind) = forward.start_state(cache, &config) else { break };
                    id = behind;
                    if at == bytes.len() {
                        break;
                    }
                }
            }
            // The error would say that the automaton is not worth its memory, which it is never asked.
            let Ok(next) = forward.next_state(cache, id, bytes[at]) else { break };
            (id, at) = (next, at + 1);
            if id.is_tagged() {
                if !id.is_start() {
                    break;
                }
                idle = Some(at);
            }
        }
        let epoch = cache.clear_count();
        if epoch != voided {
            self.prime();
        }
        // To make them again may void the state once more, of which nobody knows then.
        Run { state: State { id, epoch: epoch as u32 }, len: at, idle }
    }

    /// Returns true if the pattern depends on where words begin or end.
    pub(super) fn asks_for_words(&self) -> bool {
        self.forward.get_nfa().look_set_any().contains_word()
    }

    /// Returns true if a match ends here, at this edge: whatever follows, if nobody knows.
    pub(super) fn ends(&mut self, state: State, edge: Edge) -> bool {
        let Self { forward, forward_cache: cache, .. } = self;
        if edge == Edge::Stream {
            return forward.next_eoi_state(cache, state.id).is_ok_and(|next| next.is_match());
        }
        let voided = cache.clear_count();
        [UNKNOWN, WORD].into_iter().all(|byte| {
            // The first step may void the state. It is asked for no more then.
            let is_known = cache.clear_count() == voided;
            is_known && forward.next_state(cache, state.id, byte).is_ok_and(|next| next.is_match())
        })
    }

    /// Returns the outlook of a state.
    pub(super) fn outlook(&mut self, state: State) -> Outlook {
        // Most pieces end where no match has begun, or in the midst of one.
        let idle = state.id.is_start() || !state.is_match() && !self.ends(state, Edge::Stream);
        if idle || !self.knows(state) {
            return Outlook::Open;
        }
        if self.outlooks_epoch != state.epoch || self.outlooks.len() >= OUTLOOKS {
            self.outlooks.clear();
            self.outlooks_epoch = state.epoch;
        }
        if let Some(known) = self.outlooks.get(&state.id) {
            return *known;
        }
        let outlook = self.look_out(state.id).unwrap_or(Outlook::Open);
        if self.epoch() != state.epoch {
            return Outlook::Open;
        }
        self.outlooks.insert(state.id, outlook);
        outlook
    }

    fn look_out(&mut self, id: LazyStateID) -> Option<Outlook> {
        let next = self.successors(id)?;
        if next.iter().all(LazyStateID::is_dead) {
            return Some(Outlook::Closed);
        }
        if !next.iter().all(LazyStateID::is_match) {
            return None;
        }
        for next in next {
            if !self.successors(next)?.iter().all(LazyStateID::is_dead) {
                return Some(Outlook::Grows);
            }
        }
        Some(Outlook::Final)
    }

    /// Returns the states to which any byte leads, each once.
    fn successors(&mut self, id: LazyStateID) -> Option<Vec<LazyStateID>> {
        let Self { forward, forward_cache: cache, .. } = self;
        let mut found = Vec::new();
        for byte in forward.byte_classes().representatives(0..=u8::MAX).filter_map(Unit::as_u8) {
            let next = forward.next_state(cache, id, byte).ok()?;
            if !found.contains(&next) {
                found.push(next);
            }
        }
        Some(found)
    }

    /// Returns the state to begin with in front of this byte, or at the end of the stream.
    pub(super) fn begin_backwards(&mut self, behind: Option<u8>) -> LazyStateID {
        let config = start::Config::new().anchored(Anchored::Yes).look_behind(behind);
        self.backward.start_state(&mut self.backward_cache, &config).unwrap_or_default()
    }

    /// Runs over the bytes from the last to the first. Returns the lowest place at which a match begins behind the first byte,
    /// and true if there is none before.
    pub(super) fn run_backwards(&mut self, state: &mut LazyStateID, bytes: &[u8]) -> (Option<usize>, bool) {
        let mut start = None;
        for (at, byte) in bytes.iter().enumerate().rev() {
            let next = self.backward.next_state(&mut self.backward_cache, *state, *byte);
            let Ok(next) = next else { return (start, true) };
            *state = next;
            if next.is_match() {
                start = Some(at + 1);
            } else if next.is_dead() || next.is_quit() {
                return (start, true);
            }
        }
        (start, false)
    }

    /// Returns true if a match begins here, behind this byte or at the beginning of the stream.
    pub(super) fn begins(&mut self, state: LazyStateID, before: Option<u8>) -> bool {
        let next = match before {
            None => self.backward.next_eoi_state(&mut self.backward_cache, state),
            Some(byte) => self.backward.next_state(&mut self.backward_cache, state, byte),
        };
        next.is_ok_and(|next| next.is_match())
    }
}

/// The search for the literals that a match begins with.
#[derive(Debug)]
struct Ahead {
    literals: Literals,
    longest: usize,
}

#[derive(Debug)]
enum Literals {
    One(Needle),
    Several(Prefilter),
}

impl Ahead {
    fn new(hir: &Hir) -> Option<Self> {
        if let HirKind::Literal(literal) = hir.kind() {
            let longest = literal.0.len();
            return Some(Self { literals: Literals::One(Needle::literal(&literal.0)), longest });
        }
        if let Some(bytes) = required::caseless(hir) {
            return Some(Self { longest: bytes.len(), literals: Literals::One(Needle::caseless(bytes)) });
        }
        let found = Prefilter::from_hir_prefix(MatchKind::LeftmostFirst, hir)?;
        found.is_fast().then(|| Self { longest: found.max_needle_len(), literals: Literals::Several(found) })
    }

    /// Returns the number of bytes in which no match begins.
    fn skip(&self, bytes: &[u8]) -> usize {
        let found = match &self.literals {
            Literals::One(needle) => needle.find(bytes),
            Literals::Several(literals) => {
                literals.find(bytes, Span { start: 0, end: bytes.len() }).map(|found| found.start)
            }
        };
        // A literal may begin with the last bytes and end in the next piece.
        found.unwrap_or_else(|| (bytes.len() + 1).saturating_sub(self.longest.max(1)))
    }
}

fn compile(hir: &Hir, shown: &str, reverse: bool) -> Result<DFA, Error> {
    let refused = |problem: &dyn ToString| Error::Unsupported {
        pattern: escape(shown).into_owned(),
        problem: escape(&problem.to_string()).into_owned(),
    };
    let config = thompson::Config::new()
        .utf8(false)
        .reverse(reverse)
        .which_captures(thompson::WhichCaptures::None)
        .nfa_size_limit(Some(SIZE_LIMIT));
    let nfa = thompson::Compiler::new().configure(config).build_from_hir(hir);
    let nfa = nfa.map_err(|error| match error.size_limit() {
        Some(limit) => Error::TooLarge { pattern: escape(shown).into_owned(), limit },
        None => refused(&error),
    })?;
    if nfa.look_set_any().contains_word_unicode() {
        return Err(refused(&r"in a stream, a word boundary is that of ASCII; write (?-u:\b)"));
    }
    let config = DFA::config()
        .match_kind(if reverse { MatchKind::All } else { MatchKind::LeftmostFirst })
        .specialize_start_states(!reverse)
        .cache_capacity(CACHE)
        .skip_cache_capacity_check(true);
    DFA::builder().configure(config).build_from_nfa(nfa).map_err(|error| refused(&error))
}

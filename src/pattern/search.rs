//! The search for one expression in payloads.

use std::ops::Range;

use regex_automata::meta::{BuildError, Regex};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::gate::Gate;
use super::needle::Needle;
use super::required::{self, Required};
use super::{Error, MAX_SPANS};
use crate::escape::escape;

/// The most bytes of memory that one compiled expression may take.
const SIZE_LIMIT: usize = 4 << 20;

/// The cheapest way to tell whether a payload matches an expression.
#[derive(Clone, Debug)]
pub(super) enum Search {
    /// Every payload matches.
    Anything(Matches),
    /// A literal of so many bytes, of either case or not.
    Literal(Needle, usize),
    /// An expression that matches nothing but these words.
    Words(Needle, Regex),
    /// An expression all of whose matches have one of these words.
    Containing(Needle, Regex),
    /// Any other expression. The engine itself looks for literals that a match begins with.
    Expression(Regex),
}

/// The matches of an expression that matches every payload.
#[derive(Clone, Debug)]
pub(super) enum Matches {
    /// None has a byte.
    Empty,
    /// Each is one byte.
    EachByte,
    /// It is the whole payload.
    Whole,
    /// The engine finds them.
    Some(Regex),
}

impl Search {
    pub(super) fn new(hir: &Hir, shown: &str) -> Result<Self, Error> {
        if matches!(hir.kind(), HirKind::Empty) {
            return Ok(Self::Anything(Matches::Empty));
        }
        if let HirKind::Literal(literal) = hir.kind() {
            return Ok(Self::Literal(Needle::literal(&literal.0), literal.0.len()));
        }
        if let Some(bytes) = required::caseless(hir) {
            let len = bytes.len();
            return Ok(Self::Literal(Needle::caseless(bytes), len));
        }
        let regex = compile(hir, shown)?;
        if is_anything(hir) {
            return Ok(Self::Anything(Matches::new(hir, regex)));
        }
        let required = Required::of(hir);
        let needle = required.as_ref().and_then(Needle::of);
        Ok(match (needle, required) {
            (Some(needle), Some(words)) if required::are_all(&words, hir) => Self::Words(needle, regex),
            (Some(needle), Some(words)) if words.is_selective() => Self::Containing(needle, regex),
            _ => Self::Expression(regex),
        })
    }

    #[inline]
    pub(super) fn is_match(&self, payload: &[u8]) -> bool {
        match self {
            Self::Literal(needle, _) | Self::Words(needle, _) => needle.find(payload).is_some(),
            Self::Anything(_) => !payload.is_empty(),
            Self::Containing(needle, regex) => needle.find(payload).is_some() && regex.is_match(payload),
            Self::Expression(regex) => !payload.is_empty() && regex.is_match(payload),
        }
    }

    /// Adds the matches that have at least one byte to `out`, no more than [`MAX_SPANS`].
    pub(super) fn spans(&self, payload: &[u8], out: &mut Vec<Range<usize>>) {
        match self {
            Self::Literal(needle, len) => {
                out.extend(needle.find_all(payload, *len).map(|at| at..at + len).take(MAX_SPANS));
            }
            Self::Anything(Matches::Empty) => {}
            Self::Anything(Matches::EachByte) => {
                out.extend((0..payload.len().min(MAX_SPANS)).map(|at| at..at + 1))
            }
            Self::Anything(Matches::Whole) => out.extend((!payload.is_empty()).then_some(0..payload.len())),
            Self::Anything(Matches::Some(regex))
            | Self::Words(_, regex)
            | Self::Containing(_, regex)
            | Self::Expression(regex) => {
                let found = regex.find_iter(payload).map(|m| m.range()).filter(|r| !r.is_empty());
                out.extend(found.take(MAX_SPANS));
            }
        }
    }

    /// Makes a test for frames that are not decoded yet.
    pub(super) fn gate(&self, hir: &Hir) -> Option<Gate> {
        match self {
            Self::Anything(_) => None,
            Self::Literal(needle, _) | Self::Containing(needle, _) => Some(Gate::new(needle.clone())),
            Self::Words(..) | Self::Expression(_) => {
                let required = Required::of(hir).filter(Required::is_rare)?;
                Needle::of(&required).map(Gate::new)
            }
        }
    }
}

impl Matches {
    fn new(hir: &Hir, regex: Regex) -> Self {
        match hir.kind() {
            HirKind::Class(_) => Self::EachByte,
            HirKind::Repetition(repetition)
                if is_any_byte(&repetition.sub) && repetition.greedy && repetition.max.is_none() =>
            {
                Self::Whole
            }
            _ => Self::Some(regex),
        }
    }
}

/// Returns true if the expression matches every payload that has a byte, though it may match no more than that byte.
fn is_anything(hir: &Hir) -> bool {
    let anywhere = hir.properties().look_set().is_empty();
    anywhere && hir.properties().minimum_len() == Some(0) || takes_any_byte(hir)
}

fn is_any_byte(hir: &Hir) -> bool {
    let HirKind::Class(Class::Bytes(class)) = hir.kind() else { return false };
    matches!(class.ranges(), [all] if (all.start(), all.end()) == (0, 0xff))
}

fn takes_any_byte(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(_) => is_any_byte(hir),
        HirKind::Repetition(repetition) => repetition.min <= 1 && takes_any_byte(&repetition.sub),
        HirKind::Alternation(branches) => branches.iter().any(takes_any_byte),
        _ => false,
    }
}

/// Compiles an expression for the engine behind the `regex` crate, which takes it as it was parsed.
fn compile(hir: &Hir, pattern: &str) -> Result<Regex, Error> {
    let config = Regex::config()
        // An empty match may stand between any two bytes.
        .utf8_empty(false)
        .nfa_size_limit(Some(SIZE_LIMIT))
        .hybrid_cache_capacity(1 << 20);
    Regex::builder().configure(config).build_from_hir(hir).map_err(|error| refused(&error, pattern))
}

fn refused(error: &BuildError, pattern: &str) -> Error {
    let pattern = escape(pattern).into_owned();
    match error.size_limit() {
        Some(limit) => Error::TooLarge { pattern, limit },
        None => Error::Unsupported { pattern, problem: escape(&error.to_string()).into_owned() },
    }
}

//! Regex or hex bytes to match spans.
//!
//! Regular expressions are those of the `regex` crate, on bytes: `.` is any byte, `\w` and `\b` are ASCII, unless the
//! expression says `(?u)`. `^` and `$` are the ends of the payload.
//!
//! [`Pattern::is_match`] is asked for every packet, so it does the least that gives the answer: a plain literal is one
//! substring search; of anything else a literal that every match must contain is looked for first, and the regex engine
//! runs only on payloads that have it.

mod gate;
mod hex;
mod parse;
mod required;

pub use gate::Gate;
use std::fmt;

use std::ops::Range;

use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::{Capture, Hir, HirKind, Repetition};

use crate::escape::escape;

/// What was asked for on the command line.
#[derive(Clone, Debug, Default)]
pub struct Expressions {
    /// Regular expressions, or hex bytes with `hex`; a payload that matches any of them matches.
    pub patterns: Vec<String>,
    /// Upper and lower case are the same.
    pub ignore_case: bool,
    /// A match is not next to another word byte (ASCII letter, digit, underscore), as with `grep -w`.
    pub word: bool,
    /// The patterns are bytes in hex, `??` any byte.
    pub hex: bool,
}

/// Why a pattern cannot be searched for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a regular expression.
    #[error("pattern '{pattern}': {problem} at column {column}")]
    Syntax {
        /// The expression, escaped.
        pattern: String,
        /// The regex parser's words.
        problem: String,
        /// The byte, from 1, at which it goes wrong.
        column: usize,
    },
    /// A regular expression that would need too much memory.
    #[error("pattern '{pattern}': needs more than {limit} bytes as an automaton; use smaller repeat counts")]
    TooLarge {
        /// The expression, escaped.
        pattern: String,
        /// The limit.
        limit: usize,
    },
    /// The regex engine refused for another reason.
    #[error("pattern '{pattern}': {problem}")]
    Unsupported {
        /// The expression, escaped.
        pattern: String,
        /// The engine's words, escaped.
        problem: String,
    },
    /// Not bytes in hex.
    #[error("hex pattern '{pattern}': {problem}")]
    Hex {
        /// The pattern, escaped.
        pattern: String,
        /// What is wrong, and what would be right.
        problem: &'static str,
    },
    /// Options that mean nothing for bytes.
    #[error("hex bytes have no case and no words: leave out -y and -w beside -X")]
    HexOptions,
}

/// Memory one compiled expression may take.
const SIZE_LIMIT: usize = 4 << 20;

/// Spans reported of one payload; what matches beyond them is not marked.
pub const MAX_SPANS: usize = 4096;

/// What is looked for in payloads.
#[derive(Clone, Debug)]
pub struct Pattern {
    search: Search,
    /// One for each expression that can match a byte, to find every span of each.
    each: Vec<Regex>,
    required: Option<Vec<u8>>,
    shown: String,
}

/// The cheapest way to say whether a payload matches.
#[derive(Clone, Debug)]
enum Search {
    /// Every payload.
    Anything,
    /// A plain literal.
    Literal(Finder<'static>),
    /// An expression all of whose matches contain this literal.
    Containing(Finder<'static>, Regex),
    /// Anything else: the engine looks for literals that a match begins with by itself.
    Expression(Regex),
}

impl Pattern {
    /// Compiles the expressions; none at all match as the empty one does, which is every payload.
    pub fn new(expressions: &Expressions) -> Result<Self, Error> {
        if expressions.hex && (expressions.ignore_case || expressions.word) {
            return Err(Error::HexOptions);
        }
        let mut parsed = Vec::with_capacity(expressions.patterns.len());
        for pattern in &expressions.patterns {
            parsed.push(if expressions.hex {
                hex::parse(pattern)?
            } else {
                parse::parse(pattern, expressions)?
            });
        }
        let shown = expressions.patterns.join(" | ");
        let prefix = if expressions.hex { "0x" } else { "" };
        let whole = parse::any_of(&parsed);
        let search = Search::new(&whole, &shown)?;
        let mut each = Vec::with_capacity(parsed.len());
        for (hir, pattern) in parsed.iter().zip(&expressions.patterns) {
            if hir.properties().maximum_len() != Some(0) {
                each.push(compile(hir, pattern)?);
            }
        }
        let required = match search {
            Search::Anything => None,
            _ => required::literal(&whole),
        };
        Ok(Self { search, each, required, shown: format!("{prefix}{}", escape(&shown)) })
    }

    /// Whether any expression matches somewhere in the payload. A payload of no bytes never matches.
    #[inline]
    pub fn is_match(&self, payload: &[u8]) -> bool {
        match &self.search {
            Search::Literal(literal) => literal.find(payload).is_some(),
            Search::Anything => !payload.is_empty(),
            Search::Containing(literal, regex) => literal.find(payload).is_some() && regex.is_match(payload),
            Search::Expression(regex) => !payload.is_empty() && regex.is_match(payload),
        }
    }

    /// The matches of all expressions in `payload`, into `out`, which is emptied first: byte ranges in order, none
    /// empty, none overlapping another. Overlapping matches of different expressions become one span. At most
    /// [`MAX_SPANS`].
    pub fn spans(&self, payload: &[u8], out: &mut Vec<Range<usize>>) {
        out.clear();
        for regex in &self.each {
            let found = regex.find_iter(payload).map(|m| m.range()).filter(|r| !r.is_empty()).take(MAX_SPANS);
            out.extend(found);
        }
        if self.each.len() > 1 {
            out.sort_unstable_by_key(|r| (r.start, r.end));
            out.dedup_by(|next, kept| {
                let overlaps = next.start < kept.end;
                if overlaps {
                    kept.end = kept.end.max(next.end);
                }
                overlaps
            });
            out.truncate(MAX_SPANS);
        }
    }

    /// Bytes that every matching payload contains, if the expressions have such.
    #[cfg(test)]
    pub(crate) fn required_literal(&self) -> Option<&[u8]> {
        self.required.as_deref()
    }

    /// A quick look at a frame that is not decoded yet, if the expressions allow one.
    pub fn gate(&self) -> Option<Gate> {
        self.required.as_deref().map(Gate::new)
    }

    /// Whether every payload with a byte in it matches.
    pub fn matches_everything(&self) -> bool {
        matches!(self.search, Search::Anything)
    }
}

/// What is looked for, as it was typed, safe for a terminal; hex with `0x` in front; several with ` | ` between.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Search {
    fn new(hir: &Hir, shown: &str) -> Result<Self, Error> {
        if matches!(hir.kind(), HirKind::Empty) {
            return Ok(Self::Anything);
        }
        if let HirKind::Literal(literal) = hir.kind() {
            return Ok(Self::Literal(Finder::new(&literal.0).into_owned()));
        }
        let regex = compile(hir, shown)?;
        if let Some(literal) = required::literal(hir).filter(|l| required::is_selective(l)) {
            return Ok(Self::Containing(Finder::new(&literal).into_owned(), regex));
        }
        Ok(Self::Expression(regex))
    }
}

/// By way of its text, which says the same: the engine takes no parsed expressions.
fn compile(hir: &Hir, pattern: &str) -> Result<Regex, Error> {
    RegexBuilder::new(&grouped(hir.clone()).to_string())
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(1 << 20)
        // The text has more groups than the expression had, whose nesting is bounded.
        .nest_limit(10 * parse::NESTING)
        .build()
        .map_err(|error| refused(&error, pattern))
}

/// The same with a group around what is repeated twice over: `(?:a{2})?` would be written as `a{2}?`, which is another
/// expression.
fn grouped(hir: Hir) -> Hir {
    let all = |parts: Vec<Hir>| parts.into_iter().map(grouped).collect();
    match hir.into_kind() {
        HirKind::Repetition(repetition) => {
            let mut sub = Box::new(grouped(*repetition.sub));
            if matches!(sub.kind(), HirKind::Repetition(_)) {
                sub = Box::new(Hir::capture(Capture { index: 0, name: None, sub }));
            }
            Hir::repetition(Repetition { sub, ..repetition })
        }
        HirKind::Capture(capture) => {
            Hir::capture(Capture { sub: Box::new(grouped(*capture.sub)), ..capture })
        }
        HirKind::Concat(parts) => Hir::concat(all(parts)),
        HirKind::Alternation(parts) => Hir::alternation(all(parts)),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class),
        HirKind::Look(look) => Hir::look(look),
        HirKind::Empty => Hir::empty(),
    }
}

fn refused(error: &regex::Error, pattern: &str) -> Error {
    let pattern = escape(pattern).into_owned();
    match error {
        regex::Error::CompiledTooBig(limit) => Error::TooLarge { pattern, limit: *limit },
        other => Error::Unsupported { pattern, problem: escape(&other.to_string()).into_owned() },
    }
}

#[cfg(test)]
mod tests;

//! Patterns: regular expressions or bytes in hex, searched for in payloads.
//!
//! Regular expressions are those of the `regex` crate, on bytes: `.` is any byte, and `\w` and `\b` are ASCII, unless
//! the expression says `(?u)`. `^` and `$` are the ends of the payload. A letter that is not ASCII means its UTF-8
//! bytes. [`Pattern::ngrep`] takes the expressions of ngrep, which are PCRE2's, and brings them to the same engine.
//!
//! [`Pattern::is_match`] is called for every packet, so it does the least that gives the answer:
//!
//! - A literal, with its case or without, is one substring search, and so are a few words of which each is a match.
//! - For other expressions, words are looked for first of which every match has one. The regex engine runs only on
//!   payloads that have one.
//! - An expression without such words, such as `[0-9]{4}`, goes straight to the engine.
//! - What matches every payload, such as `.`, needs no search.
//!
//! [`Gate`] looks for the words one step earlier, in the whole frame, before it is decoded, or in many frames at once.
//! A pattern is cloned for each thread that searches: the clones share what is compiled, and each has the memory of its
//! own in which the engine works.
//!
//! # What surprised us
//!
//! - A call of the regex engine costs 15 ns a packet more than a bare search for literals, which counts when a
//!   payload has 22 bytes.
//! - The literals that a match begins with can be a poor filter. Bodies are full of `GET it` and `POSTed`, while
//!   `HTTP/1.` occurred in one packet of a hundred. So the words to look for are chosen by how rare their bytes are in
//!   traffic.
//! - Zeros are the most frequent bytes of traffic, and among the rarest of text. A search that is made for files goes by
//!   the zeros of `00 00 47`.
//! - To ignore case costs little in a copy with bit 0x20 set everywhere. A search for both cases of one letter stops all
//!   the time, and one for all sixteen spellings of `http` takes twice as long.
//! - A letter may have a case with other bytes: the Kelvin sign (U+212A) is a `k`, if the expression is Unicode's.
//! - `regex` takes text only, and a parsed expression that is written out as text may mean another: `(?:a{2})?` becomes
//!   `a{2}?`. Its engine, `regex-automata`, takes the parsed expression itself.
//! - ngrep's word search misses a payload that is exactly the word. Half boundaries, as in ripgrep, find it.
//! - PCRE2 and this parser read much of what both accept differently, without a word: `a++`, `[a&&b]`, `\<`, `\v`, `(?R)`.
//! - An empty payload never matches, not even `^$`: a bare TCP acknowledgement is no hit.

mod gate;
mod hex;
mod needle;
mod parse;
mod pcre;
mod required;
mod search;
mod share;
mod stream;

pub use gate::Gate;
pub use stream::{AtHand, Edge, Progress, StreamPattern};

use std::fmt;
use std::ops::Range;

use regex_syntax::hir::{Hir, HirKind};

use crate::escape::escape;
use search::Search;

/// The patterns and options of the command line.
#[derive(Clone, Debug, Default)]
pub struct Expressions {
    /// Regular expressions, or bytes in hex with `hex`. A payload that matches any of them matches.
    pub patterns: Vec<String>,
    /// Take upper and lower case for the same.
    pub ignore_case: bool,
    /// A match must not be next to another word byte (ASCII letter, digit, underscore), as with `grep -w`.
    pub word: bool,
    /// The patterns are bytes in hex; `??` is any byte.
    pub hex: bool,
}

/// The bytes that `.` matches in an expression of ngrep's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dot {
    /// Any byte.
    #[default]
    Any,
    /// Any byte but a newline: `-M`.
    NotNewline,
}

/// The error of a pattern that cannot be searched for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pattern is not a regular expression.
    #[error("pattern '{pattern}': {problem} at column {column}")]
    Syntax {
        /// The expression, escaped.
        pattern: String,
        /// The regex parser's message.
        problem: String,
        /// The column, counted in bytes from 1, at which the expression goes wrong.
        column: usize,
    },
    /// The expression has a construct of PCRE2 without a counterpart here.
    #[error(
        "pattern '{pattern}': {construct} at column {column} is not supported; write the expression without it"
    )]
    Construct {
        /// The expression, escaped.
        pattern: String,
        /// The name of the construct.
        construct: &'static str,
        /// The column, counted in bytes from 1, at which it begins.
        column: usize,
    },
    /// The regular expression would need too much memory.
    #[error("pattern '{pattern}': needs more than {limit} bytes as an automaton; use smaller repeat counts")]
    TooLarge {
        /// The expression, escaped.
        pattern: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The regex engine refused the expression for another reason.
    #[error("pattern '{pattern}': {problem}")]
    Unsupported {
        /// The expression, escaped.
        pattern: String,
        /// The engine's message, escaped.
        problem: String,
    },
    /// The pattern is not bytes in hex.
    #[error("hex pattern '{pattern}': {problem}")]
    Hex {
        /// The pattern, escaped.
        pattern: String,
        /// The mistake, and the remedy.
        problem: &'static str,
    },
    /// The options make no sense for bytes in hex.
    #[error("hex bytes have no case and no words: leave out -y and -w beside -X")]
    HexOptions,
}

/// The most spans that are reported of one payload. Matches beyond them are not marked.
pub const MAX_SPANS: usize = 4096;

/// A compiled pattern, which is searched for in payloads.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// All expressions as one.
    whole: Search,
    /// Each of several expressions that can match at least one byte, to find the spans of every one.
    each: Vec<Search>,
    /// An expression of ngrep's with `$`, for what is in front of a newline at the payload's end.
    without_newline: Option<Box<Search>>,
    gate: Option<Gate>,
    is_empty: bool,
    shown: String,
}

impl Pattern {
    /// Compiles the expressions. No expression at all matches like the empty one, which is every payload.
    pub fn new(expressions: &Expressions) -> Result<Self, Error> {
        let parse = |pattern: &str| parse::parse(pattern, expressions);
        Self::parsed(expressions, parse, hex::parse)
    }

    /// Compiles expressions of ngrep's dialect: that of PCRE2 on bytes, in which a repetition takes as little as it can, and
    /// `$` is also the place in front of a newline at the payload's end. Bytes in hex have no wildcards.
    pub fn ngrep(expressions: &Expressions, dot: Dot) -> Result<Self, Error> {
        let parse = |pattern: &str| parse::parse_ngrep(pattern, expressions, dot);
        let mut made = Self::parsed(expressions, parse, hex::parse_ngrep)?;
        if let ([pattern], false) = (&expressions.patterns[..], expressions.hex) {
            let without = parse::parse_ngrep_without_newline(pattern, expressions, dot)?;
            made.without_newline = without.map(|hir| Search::new(&hir, pattern)).transpose()?.map(Box::new);
        }
        Ok(made)
    }

    fn parsed(
        expressions: &Expressions,
        parse: impl Fn(&str) -> Result<Hir, Error>,
        hex: impl Fn(&str) -> Result<Hir, Error>,
    ) -> Result<Self, Error> {
        if expressions.hex && (expressions.ignore_case || expressions.word) {
            return Err(Error::HexOptions);
        }
        let mut parsed = Vec::with_capacity(expressions.patterns.len());
        for pattern in &expressions.patterns {
            parsed.push(if expressions.hex { hex(pattern)? } else { parse(pattern)? });
        }
        let shown = expressions.patterns.join(" | ");
        let prefix = if expressions.hex { "0x" } else { "" };
        let any = parse::any_of(&parsed);
        let whole = Search::new(&any, &shown)?;
        let mut each = Vec::new();
        if parsed.len() > 1 {
            for (hir, pattern) in parsed.iter().zip(&expressions.patterns) {
                if hir.properties().maximum_len() != Some(0) {
                    each.push(Search::new(hir, pattern)?);
                }
            }
        }
        Ok(Self {
            gate: whole.gate(&any),
            whole,
            each,
            without_newline: None,
            is_empty: matches!(any.kind(), HirKind::Empty),
            shown: format!("{prefix}{}", escape(&shown)),
        })
    }

    /// Returns true if any expression matches somewhere in the payload. A payload of no bytes never matches.
    #[inline]
    pub fn is_match(&self, payload: &[u8]) -> bool {
        self.whole.is_match(payload)
    }

    /// Writes the matches of all expressions in `payload` to `out`, which is emptied first: byte ranges in order,
    /// none empty, none overlapping another. Overlapping matches of different expressions become one span. There are
    /// at most [`MAX_SPANS`].
    pub fn spans(&self, payload: &[u8], out: &mut Vec<Range<usize>>) {
        out.clear();
        if self.each.is_empty() {
            self.whole.spans(payload, out);
            if let Some(search) = &self.without_newline {
                leave_newline(search, payload, out);
            }
            return;
        }
        for search in &self.each {
            search.spans(payload, out);
        }
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

    /// Returns a quick test for frames that are not decoded yet, if the expressions allow one.
    pub fn gate(&self) -> Option<Gate> {
        self.gate.clone()
    }

    /// Returns true if every payload with at least one byte matches, because one of the expressions is empty or there are
    /// none.
    pub fn matches_everything(&self) -> bool {
        self.is_empty
    }
}

/// Takes the newline at the payload's end away from the last match, if it stands for `$` there.
fn leave_newline(search: &Search, payload: &[u8], spans: &mut Vec<Range<usize>>) {
    let (Some((b'\n', before)), Some(last)) = (payload.split_last(), spans.last_mut()) else { return };
    if last.end <= before.len() {
        return;
    }
    let mut found = Vec::new();
    search.spans(before, &mut found);
    if found.last() == Some(&(last.start..before.len())) {
        last.end = before.len();
    } else if last.start == before.len() && search.is_match(before) {
        spans.pop();
    }
}

/// Prints the pattern as it was typed, safe for a terminal: hex with `0x` in front, several expressions with ` | `
/// between them.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests;

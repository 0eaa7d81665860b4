//! The expressions of ngrep, which are PCRE2's on bytes, rewritten for the parser that reads all others.
//!
//! Constructs that the two dialects write differently are written anew: `{"` is no repetition, `[[]` has no class in it, `\<` is no boundary,
//! `\v` is a set, `\Q…\E` is literal. What would match other bytes without a word, or would need an engine that goes back and
//! tries again, is an error that names the construct and its column: `a++` would else be a repetition of a repetition.
//!
//! `$` is the payload's end, or a newline that ends it. Such a newline belongs to the match here, as it does not in PCRE2, and
//! is taken away from it where a match is shown.

mod class;
mod escapes;

use super::Error;
use crate::escape::escape;

/// An expression in the parser's own dialect.
pub(super) struct Rewritten {
    /// ASCII only.
    pub(super) text: String,
    /// Places in the text, and the places in the original that they come from.
    from: Vec<(usize, usize)>,
}

impl Rewritten {
    /// Returns the same for payloads that have no newline at their end. `None` if it would be no other.
    pub(super) fn without_newline(&self) -> Option<Self> {
        let text = self.text.contains(END).then(|| self.text.replace(END, r"\z"))?;
        Some(Self { text, from: Vec::new() })
    }

    /// Returns the place in the original, in bytes, that a place in the text comes from.
    pub(super) fn original(&self, place: usize) -> usize {
        let after = self.from.partition_point(|&(text, _)| text <= place);
        after.checked_sub(1).and_then(|n| self.from.get(n)).map_or(0, |&(_, original)| original)
    }
}

/// Rewrites an expression.
pub(super) fn rewrite(pattern: &str) -> Result<Rewritten, Error> {
    let mut rewriter = Rewriter {
        pattern: pattern.as_bytes(),
        at: 0,
        out: Rewritten { text: String::with_capacity(pattern.len() + 16), from: Vec::new() },
        groups: vec![Mode::default()],
        numbered: count_groups(pattern.as_bytes()),
    };
    rewriter.expression().map_err(|wrong| {
        let pattern = escape(pattern).into_owned();
        match wrong {
            Wrong::Missing(construct, at) => Error::Construct { pattern, construct, column: at + 1 },
            Wrong::Fault(problem, at) => {
                Error::Syntax { pattern, problem: problem.to_owned(), column: at + 1 }
            }
        }
    })?;
    Ok(rewriter.out)
}

/// The reason why an expression cannot be rewritten, and its place.
enum Wrong {
    /// The construct has no counterpart.
    Missing(&'static str, usize),
    /// The expression is none in PCRE2 either.
    Fault(&'static str, usize),
}

const BACK: &str = "a back-reference";
const CALL: &str = "recursion";
const POSSESSIVE: &str = "a possessive repetition";

struct Rewriter<'a> {
    pattern: &'a [u8],
    /// The place of the next byte.
    at: usize,
    out: Rewritten,
    /// The modes of the groups that are open, and of the expression itself.
    groups: Vec<Mode>,
    /// The number of groups that a back-reference may mean.
    numbered: usize,
}

/// The flags that change what is written.
#[derive(Clone, Copy, Default)]
struct Mode {
    /// `m`: `$` is the end of a line.
    lines: bool,
    /// `x`: blanks and comments mean nothing.
    spaced: bool,
}

impl Rewriter<'_> {
    fn peek(&self) -> Option<u8> {
        self.pattern.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.pattern.get(self.at..).unwrap_or_default()
    }

    fn mode(&self) -> Mode {
        self.groups.last().copied().unwrap_or_default()
    }

    fn take(&mut self, prefix: &[u8]) -> bool {
        let found = self.rest().starts_with(prefix);
        self.at += if found { prefix.len() } else { 0 };
        found
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Writes a piece that comes from a place.
    fn put(&mut self, from: usize, text: &str) {
        self.out.from.push((self.out.text.len(), from));
        self.out.text.push_str(text);
    }

    fn byte(&mut self, from: usize, byte: u8) {
        if byte.is_ascii_alphanumeric() {
            self.put(from, char::from(byte).encode_utf8(&mut [0; 4]));
        } else {
            self.put(from, &format!(r"\x{byte:02x}"));
        }
    }

    fn expression(&mut self) -> Result<(), Wrong> {
        // True if something can be repeated.
        let mut repeatable = false;
        while let Some(byte) = self.peek() {
            let from = self.at;
            repeatable = match byte {
                b' ' | b'\t'..=b'\r' if self.mode().spaced => {
                    self.at += 1;
                    repeatable
                }
                b'#' if self.mode().spaced => {
                    let end = self.rest().iter().position(|&byte| byte == b'\n');
                    self.at = end.map_or(self.pattern.len(), |end| from + end + 1);
                    repeatable
                }
                b'*' | b'+' | b'?' => {
                    self.repetition(from, 1, repeatable)?;
                    false
                }
                b'{' => match repetition_len(self.rest()) {
                    Some(len) => {
                        self.repetition(from, len, repeatable)?;
                        false
                    }
                    None => self.literal(),
                },
                b'(' => self.open()?,
                b')' => {
                    self.at += 1;
                    if self.groups.len() > 1 {
                        self.groups.pop();
                    }
                    self.put(from, ")");
                    true
                }
                b'[' => {
                    self.class()?;
                    true
                }
                b'\\' => self.escape(repeatable)?,
                b'$' => {
                    self.at += 1;
                    self.put(from, if self.mode().lines { "$" } else { END });
                    true
                }
                b'.' | b'^' | b'|' => {
                    self.at += 1;
                    self.put(from, char::from(byte).encode_utf8(&mut [0; 4]));
                    byte != b'|'
                }
                _ => self.literal(),
            };
        }
        Ok(())
    }

    /// Takes a byte that means itself.
    fn literal(&mut self) -> bool {
        let from = self.at;
        if let Some(byte) = self.next() {
            self.byte(from, byte);
        }
        true
    }

    fn repetition(&mut self, from: usize, len: usize, repeatable: bool) -> Result<(), Wrong> {
        if !repeatable {
            return Err(Wrong::Fault("a repetition of nothing", from));
        }
        let text: String = self.rest().iter().take(len).map(|&byte| char::from(byte)).collect();
        self.at += len;
        self.put(from, &text);
        match self.peek() {
            Some(b'+') => Err(Wrong::Missing(POSSESSIVE, from)),
            Some(b'?') => {
                self.at += 1;
                self.put(from, "?");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Takes the beginning of a group, or flags. Returns true if a repetition may follow.
    fn open(&mut self) -> Result<bool, Wrong> {
        let from = self.at;
        self.at += 1;
        let mode = self.mode();
        if self.peek() == Some(b'*') {
            return Err(Wrong::Missing("a verb", from));
        }
        if !self.take(b"?") {
            self.groups.push(mode);
            self.put(from, "(?:");
            return Ok(false);
        }
        let missing = |construct| Err(Wrong::Missing(construct, from));
        let fault = |problem| Err(Wrong::Fault(problem, from));
        match (self.peek(), self.pattern.get(self.at + 1)) {
            (Some(b'='), _) => missing("look-ahead"),
            (Some(b'!'), _) => missing("negative look-ahead"),
            (Some(b'<'), Some(b'=')) => missing("look-behind"),
            (Some(b'<'), Some(b'!')) => missing("negative look-behind"),
            (Some(b'*'), _) | (Some(b'<'), Some(b'*')) => missing("look-around"),
            (Some(b'>'), _) => missing("an atomic group"),
            (Some(b'('), _) => missing("a conditional group"),
            (Some(b'C'), _) => missing("a callout"),
            (Some(b'R' | b'&' | b'+' | b'0'..=b'9'), _)
            | (Some(b'P'), Some(b'>'))
            | (Some(b'-'), Some(b'0'..=b'9')) => missing(CALL),
            (Some(b'P'), Some(b'=')) => missing("a named back-reference"),
            (Some(b'#'), _) => {
                let end = self.rest().iter().position(|&byte| byte == b')');
                let Some(end) = end else { return fault("a comment without an end") };
                self.at += end + 1;
                Ok(false)
            }
            (Some(b'|' | b':'), _) => {
                self.at += 1;
                self.groups.push(mode);
                self.put(from, "(?:");
                Ok(false)
            }
            (Some(b'<' | b'\''), _) | (Some(b'P'), Some(b'<')) => {
                self.take(b"P");
                let close = if self.next() == Some(b'<') { b'>' } else { b'\'' };
                let end = self.rest().iter().position(|&byte| byte == close);
                let Some(end) = end else { return fault("a group's name without an end") };
                self.at += end + 1;
                self.groups.push(mode);
                self.put(from, "(?:");
                Ok(false)
            }
            _ => self.flags(from, mode),
        }
    }

    /// Takes flags, behind `(?`. They hold up to the end of the group, or in a group of their own.
    fn flags(&mut self, from: usize, mut mode: Mode) -> Result<bool, Wrong> {
        let (mut on, mut off, mut negated) = (String::new(), String::new(), false);
        loop {
            let at = self.at;
            let flag = self.next();
            match flag {
                Some(flag @ (b'i' | b'm' | b's' | b'U')) => {
                    if flag == b'm' {
                        mode.lines = !negated;
                    }
                    let (flag, flags) = (char::from(flag), if negated { &mut off } else { &mut on });
                    if !flags.contains(flag) {
                        flags.push(flag);
                    }
                }
                Some(b'-') if !negated => negated = true,
                // Groups have no numbers and no names here.
                Some(b'n' | b'J') => {}
                Some(b'x') if self.peek() == Some(b'x') => return Err(Wrong::Missing("the flag xx", at)),
                Some(b'x') => mode.spaced = !negated,
                Some(b'^') if at == from + 2 => {
                    off.push_str("ims");
                    mode = Mode::default();
                }
                Some(end @ (b')' | b':')) => {
                    // Flags behind `^` are on, those behind `-` are off.
                    if negated {
                        on.retain(|flag| !off.contains(flag));
                    } else {
                        off.retain(|flag| !on.contains(flag));
                    }
                    let minus = if off.is_empty() { "" } else { "-" };
                    if end == b':' {
                        self.groups.push(mode);
                        self.put(from, &format!("(?{on}{minus}{off}:"));
                    } else {
                        if let Some(group) = self.groups.last_mut() {
                            *group = mode;
                        }
                        if !on.is_empty() || !off.is_empty() {
                            self.put(from, &format!("(?{on}{minus}{off})"));
                        }
                    }
                    return Ok(false);
                }
                _ => return Err(Wrong::Fault("an unknown kind of group", from)),
            }
        }
    }
}

/// The end of the payload, or a newline there.
const END: &str = r"(?:\z|\n\z)";

/// Returns the length of `{2}`, `{2,}` or `{2,3}` at the beginning, which all else with a brace is not.
fn repetition_len(text: &[u8]) -> Option<usize> {
    let end = text.iter().position(|&byte| byte == b'}')?;
    let inside = text.get(1..end)?;
    let (least, most) = match inside.iter().position(|&byte| byte == b',') {
        Some(comma) => (inside.get(..comma)?, inside.get(comma + 1..)?),
        None => (inside, &[][..]),
    };
    let digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    (!least.is_empty() && digits(least) && digits(most)).then_some(end + 1)
}

/// Returns the number of groups that have numbers, more or less: brackets in classes are counted too.
fn count_groups(pattern: &[u8]) -> usize {
    let mut count = 0;
    let mut at = 0;
    while let Some(&byte) = pattern.get(at) {
        match byte {
            b'\\' => at += 1,
            b'(' if pattern.get(at + 1) != Some(&b'?') => count += 1,
            _ => {}
        }
        at += 1;
    }
    count
}

#[cfg(test)]
mod tests;

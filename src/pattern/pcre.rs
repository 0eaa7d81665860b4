//! The expressions of ngrep, which are PCRE2's on bytes, rewritten for the parser that reads all others.
//!
//! What both dialects write differently is written anew: `{"` is no repetition, `[[]` has no class in it, `\<` is no boundary,
//! `\v` is a set, `\Q…\E` is literal. What would match other bytes without a word, or would need an engine that goes back and
//! tries again, is an error that names the construct and its column: `a++` would else be a repetition of a repetition.
//!
//! `$` is the payload's end or a newline that ends it. Such a newline then belongs to the match, which it does not in PCRE2:
//! only colours show it.

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
        lines: vec![false],
        groups: count_groups(pattern.as_bytes()),
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
    /// For each open group, true if `$` is the end of a line.
    lines: Vec<bool>,
    /// The number of groups that a back-reference may mean.
    groups: usize,
}

/// A member of a class.
enum Member {
    Byte(u8),
    /// A set of bytes, written.
    Set(&'static str),
    /// A named class of POSIX, which is as it is.
    Named(usize),
    /// Nothing, as `\E` is.
    Nothing,
}

impl Rewriter<'_> {
    fn peek(&self) -> Option<u8> {
        self.pattern.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.pattern.get(self.at..).unwrap_or_default()
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
                    if self.lines.len() > 1 {
                        self.lines.pop();
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
                    let lines = self.lines.last().copied().unwrap_or(false);
                    self.put(from, if lines { "$" } else { END });
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
        let lines = self.lines.last().copied().unwrap_or(false);
        if self.peek() == Some(b'*') {
            return Err(Wrong::Missing("a verb", from));
        }
        if !self.take(b"?") {
            self.lines.push(lines);
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
            (Some(b'R' | b'&' | b'+' | b'0'..=b'9'), _) | (Some(b'P'), Some(b'>')) => missing(CALL),
            (Some(b'-'), Some(b'0'..=b'9')) => missing(CALL),
            (Some(b'P'), Some(b'=')) => missing("a named back-reference"),
            (Some(b'#'), _) => {
                let end = self.rest().iter().position(|&byte| byte == b')');
                let Some(end) = end else { return fault("a comment without an end") };
                self.at += end + 1;
                Ok(false)
            }
            (Some(b'|' | b':'), _) => {
                self.at += 1;
                self.lines.push(lines);
                self.put(from, "(?:");
                Ok(false)
            }
            (Some(b'<' | b'\''), _) | (Some(b'P'), Some(b'<')) => {
                self.take(b"P");
                let close = if self.next() == Some(b'<') { b'>' } else { b'\'' };
                let end = self.rest().iter().position(|&byte| byte == close);
                let Some(end) = end else { return fault("a group's name without an end") };
                self.at += end + 1;
                self.lines.push(lines);
                self.put(from, "(?:");
                Ok(false)
            }
            _ => self.flags(from, lines),
        }
    }

    /// Takes flags, behind `(?`. They hold up to the end of the group, or in a group of their own.
    fn flags(&mut self, from: usize, mut lines: bool) -> Result<bool, Wrong> {
        let (mut on, mut off, mut negated) = (String::new(), String::new(), false);
        loop {
            let at = self.at;
            let flag = self.next();
            match flag {
                Some(flag @ (b'i' | b'm' | b's' | b'U')) => {
                    if flag == b'm' {
                        lines = !negated;
                    }
                    if negated { &mut off } else { &mut on }.push(char::from(flag));
                }
                Some(b'-') if !negated => negated = true,
                // Groups have no numbers and no names here.
                Some(b'n' | b'J') => {}
                Some(b'x') => return Err(Wrong::Missing("the flag x", at)),
                Some(b'^') => return Err(Wrong::Missing("the flag ^", at)),
                Some(end @ (b')' | b':')) => {
                    on.retain(|flag| !off.contains(flag));
                    let minus = if off.is_empty() { "" } else { "-" };
                    if end == b':' {
                        self.lines.push(lines);
                        self.put(from, &format!("(?{on}{minus}{off}:"));
                    } else {
                        if let Some(group) = self.lines.last_mut() {
                            *group = lines;
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

    /// Takes an escape outside of a class. Returns true if a repetition may follow.
    fn escape(&mut self, repeatable: bool) -> Result<bool, Wrong> {
        let from = self.at;
        self.at += 1;
        let Some(letter) = self.next() else { return Err(Wrong::Fault("a backslash at the end", from)) };
        match letter {
            b'Q' => {
                let mut any = repeatable;
                while let Some(byte) = self.peek() {
                    if self.take(br"\E") {
                        break;
                    }
                    let at = self.at;
                    self.at += 1;
                    self.byte(at, byte);
                    any = true;
                }
                return Ok(any);
            }
            b'E' => return Ok(repeatable),
            b'A' | b'G' => self.put(from, r"\A"),
            b'b' => self.put(from, r"(?:\b)"),
            b'B' => self.put(from, r"(?:\B)"),
            b'z' => self.put(from, r"\z"),
            b'Z' => self.put(from, END),
            b'R' => self.put(from, r"(?:\x0d\x0a|[\x0a-\x0d\x85])"),
            b'N' if self.peek() != Some(b'{') => self.put(from, r"[^\x0a]"),
            b'C' => self.put(from, r"[\x00-\xff]"),
            b'K' => return Err(Wrong::Missing(r"\K", from)),
            b'X' => return Err(Wrong::Missing(r"\X", from)),
            b'k' => return Err(Wrong::Missing("a named back-reference", from)),
            b'g' => {
                let call = matches!(self.peek(), Some(b'<' | b'\''));
                return Err(Wrong::Missing(if call { CALL } else { BACK }, from));
            }
            b'1'..=b'9' if self.is_back_reference(from + 1) => return Err(Wrong::Missing(BACK, from)),
            _ => match self.member(letter, from)? {
                Member::Byte(byte) => self.byte(from, byte),
                Member::Set(set) => self.put(from, set),
                Member::Named(_) | Member::Nothing => {}
            },
        }
        Ok(true)
    }

    /// Takes the rest of an escape that means the same inside of a class and outside.
    fn member(&mut self, letter: u8, from: usize) -> Result<Member, Wrong> {
        Ok(match letter {
            b'd' => Member::Set(r"\d"),
            b'D' => Member::Set(r"\D"),
            b's' => Member::Set(r"\s"),
            b'S' => Member::Set(r"\S"),
            b'w' => Member::Set(r"\w"),
            b'W' => Member::Set(r"\W"),
            b'h' => Member::Set(r"[\x09\x20\xa0]"),
            b'H' => Member::Set(r"[^\x09\x20\xa0]"),
            b'v' => Member::Set(r"[\x0a-\x0d\x85]"),
            b'V' => Member::Set(r"[^\x0a-\x0d\x85]"),
            b'a' => Member::Byte(0x07),
            b'e' => Member::Byte(0x1b),
            b'f' => Member::Byte(0x0c),
            b'n' => Member::Byte(b'\n'),
            b'r' => Member::Byte(b'\r'),
            b't' => Member::Byte(b'\t'),
            b'c' => match self.next() {
                Some(c @ b' '..=b'~') => Member::Byte(c.to_ascii_uppercase() ^ 0x40),
                _ => return Err(Wrong::Fault(r"\c without a character", from)),
            },
            b'x' => Member::Byte(self.hex(from)?),
            b'o' => {
                if !self.take(b"{") {
                    return Err(Wrong::Fault(r"\o without braces", from));
                }
                Member::Byte(self.number(8, usize::MAX, Some(b'}'), from)?)
            }
            b'0'..=b'7' => {
                self.at -= 1;
                Member::Byte(self.number(8, 3, None, from)?)
            }
            b'p' | b'P' => return Err(Wrong::Missing("a Unicode property", from)),
            b'E' => Member::Nothing,
            letter if letter.is_ascii_alphanumeric() => return Err(Wrong::Fault("an unknown escape", from)),
            literal => Member::Byte(literal),
        })
    }

    /// Takes the digits of `\x`: at most two, or any number in braces.
    fn hex(&mut self, from: usize) -> Result<u8, Wrong> {
        if self.take(b"{") {
            self.number(16, usize::MAX, Some(b'}'), from)
        } else {
            self.number(16, 2, None, from)
        }
    }

    fn number(&mut self, radix: u32, most: usize, end: Option<u8>, from: usize) -> Result<u8, Wrong> {
        let mut value = 0_u32;
        for _ in 0..most {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(radix)) else { break };
            self.at += 1;
            value = value.saturating_mul(radix).saturating_add(digit);
        }
        if let Some(end) = end {
            if !self.take(&[end]) {
                return Err(Wrong::Fault("a character's number without an end", from));
            }
        }
        u8::try_from(value).map_err(|_| Wrong::Fault("a character above \\xff", from))
    }

    /// Returns true if the digits at a place are the number of a group, and no character in octal.
    fn is_back_reference(&self, at: usize) -> bool {
        let digits =
            self.pattern.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit());
        let number =
            digits.fold(0_usize, |n, byte| n.saturating_mul(10).saturating_add(usize::from(byte - b'0')));
        number < 10 || number <= self.groups || self.pattern.get(at).is_some_and(|&first| first >= b'8')
    }

    fn class(&mut self) -> Result<(), Wrong> {
        let from = self.at;
        self.at += 1;
        let negated = self.take(b"^");
        self.put(from, if negated { "[^" } else { "[" });
        let (mut first, mut quoted) = (true, false);
        // The byte that a range may begin with.
        let mut begin: Option<u8> = None;
        loop {
            let at = self.at;
            let Some(byte) = self.next() else { return Err(Wrong::Fault("a class without an end", from)) };
            let member = match byte {
                b'\\' if quoted && self.take(b"E") => {
                    quoted = false;
                    continue;
                }
                byte if quoted => Member::Byte(byte),
                b']' if !first => break,
                b'[' if self.named().is_some() => Member::Named(self.named().unwrap_or(0)),
                b'[' if matches!(self.peek(), Some(b'.' | b'=')) && self.is_collating() => {
                    return Err(Wrong::Missing("a collating element", at));
                }
                b'\\' => {
                    let Some(letter) = self.next() else {
                        return Err(Wrong::Fault("a backslash at the end", at));
                    };
                    match letter {
                        b'Q' => {
                            quoted = true;
                            continue;
                        }
                        b'b' => Member::Byte(0x08),
                        b'B' | b'R' | b'X' | b'N' => {
                            return Err(Wrong::Fault("an unknown escape in a class", at));
                        }
                        b'8' | b'9' => Member::Byte(letter),
                        letter => self.member(letter, at)?,
                    }
                }
                b'-' if begin.is_some() && !matches!(self.peek(), None | Some(b']')) => {
                    if let Some(end) = self.end_of_range()? {
                        if begin.is_some_and(|begin| begin > end) {
                            return Err(Wrong::Fault("a range that ends before it begins", at));
                        }
                        self.put(at, "-");
                        self.byte(at, end);
                        begin = None;
                        continue;
                    }
                    Member::Byte(b'-')
                }
                byte => Member::Byte(byte),
            };
            first = false;
            begin = None;
            match member {
                Member::Byte(byte) => {
                    self.byte(at, byte);
                    begin = Some(byte);
                }
                Member::Set(set) => self.put(at, set),
                Member::Named(len) => {
                    let name: String = self.rest().iter().take(len).map(|&byte| char::from(byte)).collect();
                    self.at += len;
                    self.put(at, &format!("[{name}"));
                }
                Member::Nothing => {}
            }
        }
        self.put(from, "]");
        Ok(())
    }

    /// Takes the byte that ends a range. A set there leaves the hyphen what it is, and is not taken.
    fn end_of_range(&mut self) -> Result<Option<u8>, Wrong> {
        let at = self.at;
        let end = match self.next() {
            Some(b'[') if self.named().is_some() => Member::Nothing,
            Some(b'\\') => match self.next() {
                Some(b'b') => Member::Byte(0x08),
                Some(b'Q' | b'B' | b'R' | b'X' | b'N') | None => Member::Nothing,
                Some(letter) => self.member(letter, at)?,
            },
            Some(byte) => Member::Byte(byte),
            None => Member::Nothing,
        };
        if let Member::Byte(byte) = end {
            return Ok(Some(byte));
        }
        self.at = at;
        Ok(None)
    }

    /// Returns the length of a named class such as `:alpha:]`, whose bracket was taken.
    fn named(&self) -> Option<usize> {
        let name = self.rest().strip_prefix(b":")?;
        let len = name.iter().position(|&byte| byte == b':')?;
        let letters = name.get(..len)?;
        let known = letters.strip_prefix(b"^").unwrap_or(letters).iter().all(u8::is_ascii_lowercase);
        (known && name.get(len + 1) == Some(&b']')).then_some(len + 3)
    }

    /// Returns true if `.x.]` or `=x=]` follows.
    fn is_collating(&self) -> bool {
        let Some((&mark, name)) = self.rest().split_first() else { return false };
        let end = name.iter().position(|&byte| byte == b']');
        end.and_then(|end| end.checked_sub(1)).and_then(|last| name.get(last)) == Some(&mark)
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

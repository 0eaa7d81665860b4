//! Classes in brackets, whose members are written byte by byte, so that none of them means more to the parser.

use super::escapes::Member;
use super::{Rewriter, Wrong};

impl Rewriter<'_> {
    /// Takes a class, from its bracket on.
    pub(super) fn class(&mut self) -> Result<(), Wrong> {
        let from = self.at;
        self.at += 1;
        if self.named().is_some() {
            return Err(Wrong::Fault("a class of characters outside of brackets", from));
        }
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
                b'[' => match self.named() {
                    Some(len) if self.is_known(len) => Member::Named(len),
                    Some(_) => return Err(Wrong::Fault("an unknown class of characters", at)),
                    None if self.is_collating() => return Err(Wrong::Missing("a collating element", at)),
                    None => Member::Byte(byte),
                },
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

    /// Returns true if PCRE2 knows the named class of this length.
    fn is_known(&self, len: usize) -> bool {
        const KNOWN: [&[u8]; 14] = [
            b"alnum", b"alpha", b"ascii", b"blank", b"cntrl", b"digit", b"graph", b"lower", b"print",
            b"punct", b"space", b"upper", b"word", b"xdigit",
        ];
        let name = self.rest().get(1..len.saturating_sub(2)).unwrap_or_default();
        KNOWN.contains(&name.strip_prefix(b"^").unwrap_or(name))
    }

    /// Returns true if `.x.]` or `=x=]` follows.
    fn is_collating(&self) -> bool {
        let Some((&mark @ (b'.' | b'='), name)) = self.rest().split_first() else { return false };
        let end = name.iter().position(|&byte| byte == b']');
        end.and_then(|end| end.checked_sub(1)).and_then(|last| name.get(last)) == Some(&mark)
    }
}

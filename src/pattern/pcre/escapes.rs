//! Escapes: the signs behind a backslash.

use super::{BACK, CALL, END, Rewriter, Wrong, repetition_len};

/// The meaning of an escape, or of any other member of a class.
pub(super) enum Member {
    Byte(u8),
    /// A set of bytes, written.
    Set(&'static str),
    /// A named class of POSIX, which is as it is.
    Named(usize),
    /// Nothing, as `\E` is.
    Nothing,
}

impl Rewriter<'_> {
    /// Takes an escape outside of a class. Returns true if a repetition may follow.
    pub(super) fn escape(&mut self, repeatable: bool) -> Result<bool, Wrong> {
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
            // A number of times may follow, and a brace with anything else is a name.
            b'N' if self.peek() != Some(b'{') || repetition_len(self.rest()).is_some() => {
                self.put(from, r"[^\x0a]");
            }
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
    pub(super) fn member(&mut self, letter: u8, from: usize) -> Result<Member, Wrong> {
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
        let (mut value, begin) = (0_u32, self.at);
        for _ in 0..most {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(radix)) else { break };
            self.at += 1;
            value = value.saturating_mul(radix).saturating_add(digit);
        }
        if let Some(end) = end {
            if self.at == begin || !self.take(&[end]) {
                return Err(Wrong::Fault("a character without its number", from));
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
        number < 10 || number <= self.numbered || self.pattern.get(at).is_some_and(|&first| first >= b'8')
    }
}

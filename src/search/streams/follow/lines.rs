//! The lines of a stream around its matches.

use crate::pattern::AtHand;

/// The most bytes of a line that are shown on either side of a match. Streams that are no text have no lines.
const SIDE: u64 = 256;

/// The number of whole lines that are shown before and after that of a match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    pub(super) before: usize,
    pub(super) after: usize,
    /// The most bytes on either side.
    pub(super) most: u64,
}

impl Lines {
    fn side(self, lines: usize) -> u64 {
        SIDE.saturating_mul((lines as u64).saturating_add(1)).min(self.most)
    }

    /// Returns the place where the lines before a match begin, which begins at `at` or behind.
    pub(super) fn start(self, at_hand: &AtHand<'_>, at: u64) -> u64 {
        let lowest = at.saturating_sub(self.side(self.before)).max(at_hand.start());
        let (mut end, mut left) = (at.min(at_hand.end()), self.before);
        while end > lowest {
            let bytes = at_hand.before(end);
            let bytes = &bytes[bytes.len().saturating_sub((end - lowest) as usize)..];
            if bytes.is_empty() {
                break;
            }
            let part = end - bytes.len() as u64;
            match memchr::memrchr(b'\n', bytes) {
                Some(found) if left == 0 => return part + found as u64 + 1,
                Some(found) => {
                    left -= 1;
                    end = part + found as u64;
                }
                None => end = part,
            }
        }
        lowest.min(at)
    }

    /// Returns the place where the lines behind a match end, which ends at `at`, without the end of the last line. `None` if
    /// that has not come.
    pub(super) fn end(self, at_hand: &AtHand<'_>, at: u64) -> Option<u64> {
        let highest = at.saturating_add(self.side(self.after));
        let mut left = self.after;
        // A match may have the end of its line in it.
        let mut from = at - 1;
        loop {
            let bytes = at_hand.behind(from);
            let bytes = &bytes[..bytes.len().min(highest.saturating_sub(from) as usize)];
            if bytes.is_empty() {
                return (from >= highest).then_some(highest);
            }
            match memchr::memchr(b'\n', bytes) {
                Some(found) if left == 0 => {
                    let end = from + found as u64;
                    let returns = end > at && at_hand.byte(end - 1) == Some(b'\r');
                    return Some((end - u64::from(returns)).max(at));
                }
                Some(found) => {
                    left -= 1;
                    from += found as u64 + 1;
                }
                None => from += bytes.len() as u64,
            }
        }
    }

    /// Returns true if lines that end at `end` do so with a newline that the match has in it, which ends at `match_end`.
    pub(super) fn ends_in_match(self, at_hand: &AtHand<'_>, match_end: u64, end: u64) -> bool {
        self.after == 0 && end == match_end && at_hand.byte(end - 1) == Some(b'\n')
    }

    /// Returns the place behind the end of a line, if there is one at this place.
    pub(super) fn skip_newline(at_hand: &AtHand<'_>, at: u64) -> u64 {
        match (at_hand.byte(at), at_hand.byte(at + 1)) {
            (Some(b'\n'), _) => at + 1,
            (Some(b'\r'), Some(b'\n')) => at + 2,
            _ => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"one\r\ntwo words\r\nthree\r\n\r\nfour";

    fn around(word: &str, before: usize, after: usize) -> Option<String> {
        let at = memchr::memmem::find(TEXT, word.as_bytes()).unwrap() as u64;
        let mut found = None;
        for cut in 0..=TEXT.len() {
            let at_hand = AtHand::new(0, &TEXT[..cut], &TEXT[cut..]);
            let lines = Lines { before, after, most: 1 << 16 };
            let mut out = Vec::new();
            let end = lines.end(&at_hand, at + word.len() as u64);
            at_hand.copy(lines.start(&at_hand, at), end.unwrap_or(0), &mut out);
            let out = end.map(|_| String::from_utf8(out).unwrap());
            assert!(found.is_none() || found.as_ref() == Some(&out), "{cut}");
            found = Some(out);
        }
        found.flatten()
    }

    #[test]
    fn a_match_stands_in_its_line_and_those_around() {
        assert_eq!(around("words", 0, 0).unwrap(), "two words");
        assert_eq!(around("words\r\n", 0, 0).unwrap(), "two words\r\n");
        assert_eq!(around("words", 1, 1).unwrap(), "one\r\ntwo words\r\nthree");
        assert_eq!(around("words\r\nthr", 0, 1).unwrap(), "two words\r\nthree\r\n");
        assert_eq!(around("one", 3, 0).unwrap(), "one");
        // More may come of the last line.
        assert_eq!(around("four", 0, 0), None);
        assert_eq!(around("three", 0, 2), None);
    }

    #[test]
    fn of_bytes_without_lines_a_part_is_shown() {
        let bytes = [7; 2000];
        let at_hand = AtHand::new(50, &bytes, &[]);
        let lines = Lines { before: 0, after: 0, most: 1 << 16 };
        assert_eq!((lines.start(&at_hand, 1000), lines.end(&at_hand, 1010)), (744, Some(1266)));
        assert_eq!((lines.start(&at_hand, 60), lines.end(&at_hand, 2000)), (50, None));
        let lines = Lines { before: 1, after: 2, most: 1 << 16 };
        assert_eq!((lines.start(&at_hand, 1000), lines.end(&at_hand, 1010)), (488, Some(1778)));
        let lines = Lines { before: usize::MAX, after: usize::MAX, most: 500 };
        assert_eq!((lines.start(&at_hand, 1000), lines.end(&at_hand, 1010)), (500, Some(1510)));
    }
}

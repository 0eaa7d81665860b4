//! The bytes of a stream that are at hand.

/// The bytes of a stream that can be looked at: those that are held, and behind them those of the piece that has come. A place
/// is an offset in the stream.
#[derive(Clone, Copy, Debug)]
pub struct AtHand<'a> {
    start: u64,
    held: &'a [u8],
    piece: &'a [u8],
}

impl<'a> AtHand<'a> {
    /// Joins the bytes that are held, from `start` on, and the piece that follows them.
    pub fn new(start: u64, held: &'a [u8], piece: &'a [u8]) -> Self {
        Self { start, held, piece }
    }

    /// Returns the place of the first byte.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// Returns the place behind the last byte.
    pub fn end(&self) -> u64 {
        self.middle() + self.piece.len() as u64
    }

    /// Returns the place at which the piece begins.
    fn middle(&self) -> u64 {
        self.start + self.held.len() as u64
    }

    /// Returns a byte, if it is at hand.
    pub fn byte(&self, at: u64) -> Option<u8> {
        self.behind(at).first().copied()
    }

    /// Returns bytes in one piece from `at` on: as many as there are in the same part.
    pub fn behind(&self, at: u64) -> &'a [u8] {
        let Some(from) = at.checked_sub(self.start) else { return &[] };
        let from = from as usize;
        match self.held.get(from..) {
            Some(rest) if !rest.is_empty() => rest,
            _ => self.piece.get(from - self.held.len()..).unwrap_or(&[]),
        }
    }

    /// Returns bytes in one piece up to `at`: as many as there are in the same part.
    pub fn before(&self, at: u64) -> &'a [u8] {
        let Some(len) = at.checked_sub(self.start) else { return &[] };
        let len = len as usize;
        match len.checked_sub(self.held.len()) {
            None | Some(0) => self.held.get(..len).unwrap_or(&[]),
            Some(len) => self.piece.get(..len).unwrap_or(self.piece),
        }
    }

    /// Adds the bytes between two places to `out`, those of them that are at hand.
    pub fn copy(&self, from: u64, to: u64, out: &mut Vec<u8>) {
        let (mut at, to) = (from.max(self.start), to.min(self.end()));
        while at < to {
            let part = self.behind(at);
            let part = &part[..part.len().min((to - at) as usize)];
            out.extend_from_slice(part);
            at += part.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_parts_are_as_good_as_one() {
        let whole: Vec<u8> = (0..40).collect();
        for cut in 0..=whole.len() {
            let (held, piece) = whole.split_at(cut);
            let at_hand = AtHand::new(100, held, piece);
            assert_eq!((at_hand.start(), at_hand.end()), (100, 140));
            for at in 0..40 {
                assert_eq!(at_hand.byte(100 + at as u64), Some(whole[at]), "{cut}");
                assert!(whole[at..].starts_with(at_hand.behind(100 + at as u64)));
                let before = at_hand.before(101 + at as u64);
                assert!(!before.is_empty() && whole[..=at].ends_with(before), "{cut} {at}");
                let mut copy = Vec::new();
                at_hand.copy(90 + at as u64, 110 + at as u64, &mut copy);
                assert_eq!(copy, whole[at.saturating_sub(10)..40.min(at + 10)]);
            }
            assert_eq!((at_hand.byte(99), at_hand.byte(140)), (None, None));
            assert!(at_hand.before(100).is_empty());
        }
    }
}

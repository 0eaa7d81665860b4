//! Pairs of ends of which something is remembered, in a table of a fixed size in which a newer pair replaces an older one.
//!
//! One of the two ports is always 4500, and the other one gives the slot of the pair.
//!
//! The table notes how it was used, so that a piece of a capture can be searched before what comes before it. [`Decoder`] does
//! that by [`Shown`], whose comment says why it is right.
//!
//! [`Decoder`]: super::Decoder
//! [`Shown`]: super::Shown

use std::net::IpAddr;

use super::Ports;

/// One end: its address and port.
pub(super) type End = (IpAddr, u16);
/// Two ends, the lesser one first, so that both directions are one pair.
pub(super) type Pair = (End, End);

/// A table of at most 64 slots, the number being a power of two.
#[derive(Clone, Debug)]
pub(super) struct Pairs<const SLOTS: usize> {
    slots: Box<[Option<Pair>]>,
    /// The slots that were written, a bit each.
    written: u64,
    /// The pairs that were asked for in slots which had not been written, as a bit of each one's hash.
    asked: u64,
}

impl<const SLOTS: usize> Pairs<SLOTS> {
    pub(super) fn new() -> Self {
        Self { slots: vec![None; SLOTS].into(), written: 0, asked: 0 }
    }

    /// Returns true if the pair is in the table.
    pub(super) fn knows(&mut self, pair: Pair) -> bool {
        let at = Self::slot(pair);
        if self.written & 1 << at == 0 {
            self.asked |= bit(pair);
        }
        self.slots.get(at) == Some(&Some(pair))
    }

    /// Remembers the pair, whatever its slot holds.
    pub(super) fn learn(&mut self, pair: Pair) {
        self.write(Self::slot(pair), Some(pair));
    }

    /// Removes the pair, if it is in the table.
    pub(super) fn forget(&mut self, pair: Pair) {
        if self.knows(pair) {
            self.write(Self::slot(pair), None);
        }
    }

    /// Returns a copy that has noted nothing.
    pub(super) fn unused(&self) -> Self {
        Self { written: 0, asked: 0, ..self.clone() }
    }

    /// Returns true if this table would have given `used` the answers that it had when it began, as a copy of `begun`.
    ///
    /// An answer says that a pair is in its slot, or is not. So if it differs, the pair is in the one table and not in the
    /// other.
    pub(super) fn answers(&self, begun: &Self, used: &Self) -> bool {
        let differ = self.slots.iter().zip(&*begun.slots).filter(|(here, there)| here != there);
        differ.flat_map(|(here, there)| [here, there]).flatten().all(|pair| used.asked & bit(*pair) == 0)
    }

    /// Takes over what was written in `used`.
    pub(super) fn follow(&mut self, used: &Self) {
        for (at, (slot, new)) in self.slots.iter_mut().zip(&*used.slots).enumerate() {
            if used.written & 1 << at != 0 {
                *slot = *new;
            }
        }
    }

    fn write(&mut self, at: usize, pair: Option<Pair>) {
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = pair;
            self.written |= 1 << at;
        }
    }

    fn slot(((_, one), (_, other)): Pair) -> usize {
        const { assert!(SLOTS.is_power_of_two() && SLOTS > 1 && SLOTS <= 64) };
        (u32::from(one ^ other).wrapping_mul(0x9e37_79b9) >> (32 - SLOTS.trailing_zeros())) as usize
    }
}

/// Returns the pair of the two ends of a packet.
pub(super) fn pair((source, destination): (IpAddr, IpAddr), ports: Ports) -> Pair {
    let (from, to) = ((source, ports.source), (destination, ports.destination));
    if from < to { (from, to) } else { (to, from) }
}

/// Returns 32 bits of an address and a port.
pub(super) fn fold((address, port): End) -> u32 {
    let address = match address {
        IpAddr::V4(four) => u128::from(four.to_bits()),
        IpAddr::V6(six) => six.to_bits(),
    };
    let folded = (address ^ address >> 64) as u64;
    (folded ^ folded >> 32) as u32 ^ u32::from(port).rotate_left(16)
}

/// Returns one of 64 bits.
fn bit((one, other): Pair) -> u64 {
    1 << (fold(one).wrapping_mul(31).wrapping_add(fold(other)).wrapping_mul(0x9e37_79b9) >> 26)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(host: u8, port: u16) -> Pair {
        super::pair(
            ([192, 0, 2, host].into(), [192, 0, 2, 99].into()),
            Ports { source: port, destination: 4500 },
        )
    }

    /// Returns two pairs that share a slot, and no bit.
    fn rivals() -> (Pair, Pair) {
        let (one, other) = (pair(1, 9), pair(2, 9));
        assert!(Pairs::<32>::slot(one) == Pairs::<32>::slot(other) && bit(one) != bit(other));
        (one, other)
    }

    #[test]
    fn what_was_learned_without_a_question_fits_behind_anything() {
        let (one, other) = rivals();
        let begun = Pairs::<32>::new();
        let mut piece = begun.unused();
        piece.learn(one);
        assert!(piece.knows(one) && !piece.knows(other), "these answers are the piece's own");
        let mut now = begun.clone();
        now.learn(other);
        assert!(now.answers(&begun, &piece));
        now.follow(&piece);
        assert!(now.knows(one) && !now.knows(other));
    }

    #[test]
    fn an_answer_that_has_changed_is_found() {
        let (one, other) = rivals();
        let empty = Pairs::<32>::new();
        let mut full = Pairs::<32>::new();
        full.learn(one);
        for (now, begun) in [(&empty, &full), (&full, &empty)] {
            let asked = |pair| {
                let mut piece = begun.unused();
                piece.knows(pair);
                now.answers(begun, &piece)
            };
            assert!(!asked(one) && asked(other));
            let mut piece = begun.unused();
            piece.forget(one);
            assert!(!now.answers(begun, &piece), "to forget is to ask");
            assert!(begun.answers(begun, &piece));
        }
    }

    #[test]
    fn what_is_learned_again_is_written_again() {
        let (one, other) = rivals();
        let mut begun = Pairs::<32>::new();
        begun.learn(one);
        let mut piece = begun.unused();
        piece.learn(one);
        let mut now = begun.clone();
        now.learn(other);
        now.follow(&piece);
        assert!(now.knows(one));
        let mut piece = now.unused();
        piece.forget(one);
        now.follow(&piece);
        assert!(!now.knows(one));
    }
}

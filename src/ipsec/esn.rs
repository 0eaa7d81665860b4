//! Extended sequence numbers: the high half is not on the wire, so it is found by trial and then followed.

use arrayvec::ArrayVec;

use super::association::Sequence;

/// The most ICVs that are computed for one packet of one SA.
pub(super) const TRIALS: usize = 12;

/// High halves that the search for an SA's first packet goes through, a few with every packet that fails.
const SWEEP: u32 = 1 << 16;

/// What is known about the sequence numbers of an SA.
#[derive(Debug)]
pub(super) struct Esn {
    sequence: Sequence,
    /// The number of the last packet that verified, all 64 bits.
    newest: Option<u64>,
    /// Where the search goes on.
    sweep: u32,
}

impl Esn {
    pub(super) fn new(sequence: Sequence) -> Self {
        Self { sequence, newest: None, sweep: 2 }
    }

    /// The high halves to try for a packet with this low half, best first; `None` is a 32-bit sequence number.
    pub(super) fn trials(&mut self, low: u32) -> ArrayVec<Option<u32>, TRIALS> {
        let mut trials = ArrayVec::new();
        let mut push = |high: Option<u32>| {
            if !trials.contains(&high) {
                let _ = trials.try_push(high);
            }
        };
        match (self.sequence, self.newest) {
            (Sequence::Short, _) => push(None),
            (Sequence::Unknown, _) => [None, Some(0), Some(1)].into_iter().for_each(push),
            (Sequence::Extended { .. }, Some(newest)) => {
                // The number nearest to the last one that verified (RFC 4303 appendix A2), then its neighbours, then 0:
                // an SA that was set up anew with the same SPI.
                let ahead = i64::from(low.wrapping_sub(newest as u32));
                let step = if ahead < 1 << 31 { ahead } else { ahead - (1 << 32) };
                let near = (newest.saturating_add_signed(step) >> 32) as u32;
                push(Some(near));
                [near.checked_add(1), near.checked_sub(1), Some(0)]
                    .into_iter()
                    .flatten()
                    .for_each(|high| push(Some(high)));
            }
            (Sequence::Extended { high }, None) => {
                [high, high.saturating_sub(1), high.saturating_add(1), 0, 1]
                    .map(Some)
                    .into_iter()
                    .for_each(&mut push);
                for _ in 0..7 {
                    push(Some(self.sweep));
                    self.sweep = if self.sweep + 1 < SWEEP { self.sweep + 1 } else { 2 };
                }
            }
        }
        trials
    }

    /// A packet verified with this high half.
    pub(super) fn verified(&mut self, high: Option<u32>, low: u32) {
        match high {
            None => self.sequence = Sequence::Short,
            Some(high) => {
                self.sequence = Sequence::Extended { high };
                self.newest = Some(u64::from(high) << 32 | u64::from(low));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracked(high: u32, low: u32) -> Esn {
        let mut esn = Esn::new(Sequence::Extended { high: 0 });
        esn.verified(Some(high), low);
        esn
    }

    #[test]
    fn the_high_half_goes_up_when_the_low_one_wraps_and_back_for_a_late_packet() {
        assert_eq!(tracked(7, 0xffff_ffff).trials(3)[0], Some(8));
        assert_eq!(tracked(8, 3).trials(0xffff_fff0)[0], Some(7));
        assert_eq!(tracked(7, 100).trials(101)[0], Some(7));
        assert_eq!(tracked(0, 3).trials(0xffff_fff0)[0], Some(0), "there is nothing below 0");
    }

    #[test]
    fn a_high_half_nobody_told_is_found_within_bounded_trials_a_packet() {
        let mut esn = Esn::new(Sequence::Extended { high: 0 });
        let packet = (1..9).find(|_| esn.trials(1).contains(&Some(40))).unwrap();
        assert_eq!(packet, 6);
        for _ in 0..20_000 {
            assert!(esn.trials(1).len() <= TRIALS);
        }
    }

    #[test]
    fn what_verified_settles_the_length() {
        let mut esn = Esn::new(Sequence::Unknown);
        assert_eq!(esn.trials(1)[..], [None, Some(0), Some(1)]);
        esn.verified(None, 1);
        assert_eq!(esn.trials(2)[..], [None]);
    }
}

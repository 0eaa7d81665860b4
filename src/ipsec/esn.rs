//! Extended sequence numbers. Their high half is not on the wire, so it is found by trial and then followed.

use arrayvec::ArrayVec;

use super::association::Sequence;

/// The greatest number of ICVs that are computed for one packet of one SA.
pub(super) const TRIALS: usize = 12;

/// The same limit for an SA of which a packet has verified before. A packet that then fails is mostly damaged or
/// forged.
const TRIALS_ONCE_FOUND: usize = 8;

/// The distance from the expected high half at which the search begins anew. Every packet that is tried moves it on by a
/// few steps.
const SWEEP: u32 = 1 << 16;

/// The state of an SA's sequence numbers.
#[derive(Debug)]
pub(super) struct Esn {
    sequence: Sequence,
    /// The 64-bit numbers of the packets that verified.
    seen: Option<Seen>,
    /// The distance from the expected high half at which the search goes on.
    sweep: u32,
}

/// The two numbers to look near. An old packet that is sent once more moves `last`, but not `greatest`.
#[derive(Clone, Copy, Debug)]
struct Seen {
    last: u64,
    greatest: u64,
}

impl Esn {
    pub(super) fn new(sequence: Sequence) -> Self {
        Self { sequence, seen: None, sweep: 2 }
    }

    /// Returns the high halves to try for a packet with this low half, the likeliest first. `None` stands for a 32-bit
    /// sequence number.
    pub(super) fn trials(&mut self, low: u32) -> ArrayVec<Option<u32>, TRIALS> {
        let mut trials = ArrayVec::new();
        let mut push = |high: Option<u32>| {
            if !trials.contains(&high) {
                let _ = trials.try_push(high);
            }
        };
        let (expected, most) = match (self.sequence, self.seen) {
            (Sequence::Short, _) => {
                push(None);
                return trials;
            }
            (Sequence::Unknown, _) => {
                [None, Some(0), Some(1)].into_iter().for_each(push);
                return trials;
            }
            (Sequence::Extended { .. }, Some(seen)) => {
                // First the halves nearest to the numbers that were seen, then the neighbours of the first of them. 0
                // is for an SA that was set up anew with the same SPI.
                let high = near(seen.last, low);
                [
                    Some(high),
                    Some(near(seen.greatest, low)),
                    high.checked_add(1),
                    high.checked_sub(1),
                    Some(0),
                ]
                .into_iter()
                .flatten()
                .for_each(|high| push(Some(high)));
                (high, TRIALS_ONCE_FOUND)
            }
            (Sequence::Extended { high }, None) => {
                [high, high.saturating_sub(1), high.saturating_add(1), 0, 1]
                    .map(Some)
                    .into_iter()
                    .for_each(&mut push);
                (high, TRIALS)
            }
        };
        // The rest of the trials looks further away, in case 2^32 packets or more were not captured.
        while trials.len() + 2 <= most {
            for high in [expected.checked_add(self.sweep), expected.checked_sub(self.sweep)] {
                if high.is_some() && !trials.contains(&high) {
                    let _ = trials.try_push(high);
                }
            }
            self.sweep = if self.sweep + 1 < SWEEP { self.sweep + 1 } else { 2 };
        }
        trials
    }

    /// Notes that a packet has verified with this high half.
    pub(super) fn verified(&mut self, high: Option<u32>, low: u32) {
        match high {
            None => self.sequence = Sequence::Short,
            Some(high) => {
                let last = u64::from(high) << 32 | u64::from(low);
                let greatest = self.seen.map_or(last, |seen| seen.greatest.max(last));
                // A packet with the same high half does not start the search anew. Where two captures of the SA come
                // by turns, the search for the other one must go on.
                if self.seen.is_none_or(|seen| seen.last >> 32 != u64::from(high)) {
                    self.sweep = 2;
                }
                self.sequence = Sequence::Extended { high };
                self.seen = Some(Seen { last, greatest });
            }
        }
    }
}

/// Returns the high half that puts a number with this low half nearest to `seen` (RFC 4303 appendix A2).
fn near(seen: u64, low: u32) -> u32 {
    let ahead = i64::from(low.wrapping_sub(seen as u32));
    let step = if ahead < 1 << 31 { ahead } else { ahead - (1 << 32) };
    (seen.saturating_add_signed(step) >> 32) as u32
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
        assert_eq!(packet, 5);
        for _ in 0..20_000 {
            assert!(esn.trials(1).len() <= TRIALS);
        }
    }

    #[test]
    fn an_old_packet_sent_once_more_does_not_lead_away_for_good() {
        let mut esn = tracked(9, 100);
        assert!(esn.trials(50).contains(&Some(0)));
        esn.verified(Some(0), 50);
        assert!(esn.trials(101).contains(&Some(9)));
    }

    #[test]
    fn captures_that_lie_more_than_a_low_half_apart_follow_each_other_in_any_order() {
        for (first, then) in [(1, 5), (5, 1), (40, 20), (u32::MAX, u32::MAX - 7)] {
            let mut esn = tracked(first, 7);
            let found = (1..20).any(|_| esn.trials(7).contains(&Some(then)));
            assert!(found, "{first} then {then}: within twenty packets");
            esn.verified(Some(then), 7);
            assert!(esn.trials(8).contains(&Some(first)) || first < then);
        }
        let mut esn = tracked(1, 7);
        let found = (1..20).any(|_| {
            esn.verified(Some(1), 8);
            esn.trials(7).contains(&Some(6))
        });
        assert!(found, "two captures by turns");
    }

    #[test]
    fn what_verified_settles_the_length() {
        let mut esn = Esn::new(Sequence::Unknown);
        assert_eq!(esn.trials(1)[..], [None, Some(0), Some(1)]);
        esn.verified(None, 1);
        assert_eq!(esn.trials(2)[..], [None]);
    }
}

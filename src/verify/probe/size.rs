//! The sizes of probes. A rule of a firewall or of a traffic shaper may treat packets differently by their length, and
//! then a network leaks all short packets, or all long ones, and no probe of the usual length sees it. So each round
//! has a probe of a usual length, and in turn one that is as short as a packet can be, or as long as the device takes.

use super::super::lengths;

/// The length of the data of the shortest usual probe in bytes. The canary fits into it.
const SHORTEST: usize = 72;
/// The step between two lengths in bytes.
pub(super) const STEP: usize = lengths::STEP as usize;
/// The number of different usual lengths. The longest packet fits an overlay on the smallest of usual MTUs.
pub(super) const LENGTHS: usize = 53;
/// The number of different lengths of the short and of the long probes.
const EXTREMES: usize = 3;

/// Returns the lengths of the data of a round's probes, in bytes. `most` is the longest data that the device takes;
/// `None` if that is not known.
pub(super) fn of_round(round: usize, most: Option<usize>) -> [usize; 2] {
    // The walk visits every length once in 53 rounds, because 23 and 53 have no common factor. It does not count up.
    let usual = SHORTEST + STEP * (round * 23 % LENGTHS);
    let step = STEP * (round / 2 % EXTREMES);
    let extreme = match most {
        Some(most) if round % 2 == 0 => most.saturating_sub(step),
        _ => step,
    };
    [most.map_or(usual, |most| usual.min(most)), extreme]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_lengths_are_distinct_and_steps_wider_than_padding() {
        let mut usual: Vec<usize> = (0..LENGTHS).map(|round| of_round(round, None)[0]).collect();
        assert!(usual[1].abs_diff(usual[0]) > 16);
        usual.sort_unstable();
        assert!(usual.windows(2).all(|pair| pair[1] - pair[0] >= 16), "{usual:?}");
        assert!(usual[LENGTHS - 1] < 1280);
    }

    #[test]
    fn a_few_rounds_have_the_shortest_and_the_longest_packet() {
        let extremes: Vec<usize> = (0..7).map(|round| of_round(round, Some(1372))[1]).collect();
        assert_eq!(extremes, [1372, 0, 1356, 16, 1340, 32, 1372]);
        assert_eq!((0..4).map(|round| of_round(round, None)[1]).collect::<Vec<_>>(), [0, 0, 16, 16]);
    }

    #[test]
    fn no_probe_is_longer_than_the_device_takes() {
        assert!((0..200).all(|round| of_round(round, Some(100)).into_iter().all(|len| len <= 100)));
        assert!((0..9).all(|round| of_round(round, Some(10)).into_iter().all(|len| len <= 32)));
    }
}

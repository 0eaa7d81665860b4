//! A check that something arrives promptly, on a machine that may be slow or busy with other work.

use std::time::Duration;

/// The delay that is allowed beyond what the machine needs anyway.
const ALLOWED: Duration = Duration::from_millis(10);

/// Asserts that the median of the times of `ours` is below ten milliseconds plus five times the median of `bare`, which
/// does the like without the program.
///
/// The best of 20 series counts. A program that waits for a timer or for a full buffer is late in every series, while a
/// machine does not stay equally busy.
pub(super) fn assert_prompt(mut ours: impl FnMut() -> Duration, mut bare: impl FnMut() -> Duration) {
    let mut tried = Vec::new();
    for _ in 0..20 {
        // The two take turns, so that both meet the same load.
        let (ours, bare) = (0..40).map(|_| (ours(), bare())).unzip();
        let (ours, bare) = (median(ours), median(bare));
        if ours < ALLOWED + 5 * bare {
            println!("{ours:?}, and {bare:?} without the program");
            return;
        }
        tried.push((ours, bare));
    }
    panic!("each time too late, as the pairs of ours and without the program say: {tried:?}");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

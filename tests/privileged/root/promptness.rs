//! How soon something is there, on a machine that may be slow or busy with other things.

use std::time::Duration;

/// Beyond what the machine needs anyway.
const ALLOWED: Duration = Duration::from_millis(10);

/// Wants half of the times that `ours` measures to be within ten milliseconds and five times what `bare` needs, which does
/// the like of it without the program.
///
/// What waits for a timer or for a full buffer does so each time, and a busy machine does not stay equally busy: so the best
/// of many series counts.
pub(super) fn assert_prompt(mut ours: impl FnMut() -> Duration, mut bare: impl FnMut() -> Duration) {
    let mut tried = Vec::new();
    for _ in 0..20 {
        // In turn, so that both meet the same load.
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

//! The pace of a capture, at which its packets are shown once more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ovlsniff::packet::Timestamp;

/// The longest sleep without a look for a signal.
const NAP: Duration = Duration::from_millis(50);

/// The time of the last packet that was shown, in the capture and here.
pub(super) struct Pace {
    last: Option<(Timestamp, Instant)>,
    stop: Arc<AtomicBool>,
}

impl Pace {
    /// Makes a pace that no longer waits when `stop` is set.
    pub(super) fn new(stop: Arc<AtomicBool>) -> Self {
        Self { last: None, stop }
    }

    /// Waits until this packet is as long after the last one as it was in the capture. Time that goes back is no time.
    pub(super) fn wait_for(&mut self, time: Timestamp) {
        if let Some((last, shown)) = self.last {
            let apart = u64::try_from(time.nanos.saturating_sub(last.nanos)).unwrap_or(0);
            let apart = Duration::from_nanos(apart);
            loop {
                let left = apart.saturating_sub(shown.elapsed());
                if left.is_zero() || self.stop.load(Ordering::Relaxed) {
                    break;
                }
                thread::sleep(left.min(NAP));
            }
        }
        self.last = Some((time, Instant::now()));
    }
}

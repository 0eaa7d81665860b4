//! The time of a run by the wall clock, held against a clock that nobody can set.
//!
//! Frames have the time of the wall clock. If that is set during a run, frames of the run are older than its begin or newer than
//! its end. A clock that only goes on tells how far the wall clock was set, so that a replay knows which times to allow.

use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::packet::Timestamp;

/// The shortest step of the wall clock that is told, in milliseconds. The two clocks are not read at the same moment.
pub(super) const SHORTEST_STEP: i64 = 20;
/// The times that the clocks are read once more, if something came between.
const TRIES: usize = 8;

/// The clocks of a run that goes on.
#[derive(Clone, Debug)]
pub struct RunClock {
    start: Instant,
    began: SystemTime,
    /// The steps so far: the furthest back and the furthest forward, in milliseconds.
    back: i64,
    forward: i64,
}

/// The time of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunTime {
    /// The begin by the wall clock.
    pub began: Timestamp,
    /// The end by the wall clock.
    pub ended: Timestamp,
    /// The steps of the wall clock between these; `None` if it went on evenly.
    pub set: Option<ClockSet>,
}

/// The steps of a wall clock that was set during a run. Each is counted from where it would have been without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockSet {
    /// The length of the run in milliseconds, by a clock that nobody can set.
    pub elapsed_milliseconds: i64,
    /// The furthest that the wall clock was behind, in milliseconds.
    pub back_milliseconds: i64,
    /// The furthest that it was ahead, in milliseconds. It is after a sleep of the machine, too.
    pub forward_milliseconds: i64,
}

impl RunClock {
    /// Begins a run.
    pub fn start() -> Self {
        let (start, began) = both();
        Self { start, began, back: 0, forward: 0 }
    }

    /// Looks how far the wall clock is from where it would be by itself. What is between two looks, and is undone by the second
    /// one, is not known.
    pub fn look(&mut self) {
        let (now, wall) = both();
        let step = since(self.began, wall).saturating_sub(millis(now - self.start));
        self.back = self.back.max(step.saturating_neg());
        self.forward = self.forward.max(step);
    }

    /// Returns the time of the run until now.
    pub fn time(&mut self) -> RunTime {
        self.look();
        let (now, ended) = both();
        let set = (self.back.max(self.forward) >= SHORTEST_STEP).then_some(ClockSet {
            elapsed_milliseconds: millis(now - self.start),
            back_milliseconds: self.back,
            forward_milliseconds: self.forward,
        });
        RunTime { began: self.began.into(), ended: ended.into(), set }
    }
}

/// Reads both clocks, at the same moment as nearly as it can be had.
fn both() -> (Instant, SystemTime) {
    let mut read = (Instant::now(), SystemTime::now());
    for _ in 0..TRIES {
        if read.0.elapsed() < Duration::from_millis(1) {
            break;
        }
        read = (Instant::now(), SystemTime::now());
    }
    read
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Returns the milliseconds from one time to another, which may be earlier.
fn since(from: SystemTime, to: SystemTime) -> i64 {
    match to.duration_since(from) {
        Ok(later) => millis(later),
        Err(earlier) => -millis(earlier.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_on_by_itself_was_not_set() {
        let mut clock = RunClock::start();
        clock.look();
        let RunTime { began, ended, set } = clock.time();
        assert!(set.is_none() && began.nanos <= ended.nanos);
    }

    #[test]
    fn a_clock_that_was_set_back_and_forward_is_known_by_both_steps() {
        let hour = Duration::from_secs(3600);
        let right = RunClock::start();
        // A clock that is an hour behind the begin was set back by that hour.
        let mut clock = RunClock { began: right.began + hour, ..right.clone() };
        clock.look();
        clock.began = right.began - 2 * hour;
        let set = clock.time().set.unwrap();
        let near = |millis: i64, hours: i64| (millis - 3_600_000 * hours).abs() < 10_000;
        assert!(near(set.back_milliseconds, 1) && near(set.forward_milliseconds, 2), "{set:?}");
        assert!(near(set.elapsed_milliseconds, 0), "{set:?}");
    }
}

//! Merges the frames of several rings by their time stamps.
//!
//! A ring shows its frames a block at a time, so the oldest visible frame need not be the oldest there is. A frame is
//! given out once every other ring has either shown a later frame, or was still empty at a time when a block with an
//! older frame would have become visible. A ring of our own also tells whether the kernel has put a frame into the block
//! that it does not show yet. Where it has not, there is nothing to wait for but a frame that is on its way into the ring.

use std::time::{Duration, SystemTime};

use crate::keeper;
use crate::packet::Timestamp;

/// Nanoseconds after which a frame is certainly visible in its ring: twice the time-out of a block.
const HOLD: i64 = 4_000_000;

/// The same for kernels before 6.18, which round the time-out up to their tick: 4 ms at the usual 250 Hz. At 100 Hz
/// the order is not always kept.
const HOLD_BY_TICKS: i64 = 6_000_000;

/// Nanoseconds after which a frame is certainly in its ring, visible or not. From its time stamp it takes microseconds, and
/// longer where the processor is interrupted.
const ON_ITS_WAY: i64 = 1_000_000;

/// Nanoseconds by which the clock may lag behind a time stamp. A clock that lags further was set back, and says
/// nothing about the age of a frame.
const ASTRAY: i64 = 1_000_000_000;

/// The rings to merge, with the time of one frame of each. The frame itself stays with its ring.
pub(super) struct Merge {
    slots: Vec<Slot>,
    /// The time for which a frame is held back, in nanoseconds.
    hold: i64,
}

#[derive(Clone, Default)]
struct Slot {
    /// The time of the frame that is held back, in nanoseconds since the epoch.
    held: Option<i64>,
    /// The time when the ring was last seen to show no frame, in nanoseconds since the epoch, and the nanoseconds by which a
    /// frame that may still come is older at most. `None` when it has to be looked at again.
    empty: Option<(i64, i64)>,
}

/// The state of a ring that was asked for its next frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It has shown a frame of this time.
    Frame(Timestamp),
    /// It shows no frame, but may have one in the block that is not handed over yet.
    Dark,
    /// It has no frame.
    Empty,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Give out the frame of this ring.
    Frame(usize),
    /// Wait for at most this long: there is a frame, but an older one may still become visible.
    Hold(Duration),
    /// Wait for a frame: all rings are empty.
    Dry,
}

impl Merge {
    pub(super) fn new(rings: usize) -> Self {
        let release = keeper::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let hold = if has_fine_timer(&release) { HOLD } else { HOLD_BY_TICKS };
        Self { slots: vec![Slot::default(); rings], hold }
    }

    pub(super) fn holds(&self, ring: usize) -> bool {
        self.slots.get(ring).is_some_and(|slot| slot.held.is_some())
    }

    /// Finds the oldest frame. `read` goes on to the next frame of a ring. After [`Next::Hold`] and [`Next::Dry`], all rings are
    /// looked at again.
    pub(super) fn next(&mut self, read: impl FnMut(usize) -> Look) -> Next {
        self.step(read, || Timestamp::from(SystemTime::now()).nanos)
    }

    fn step(&mut self, mut read: impl FnMut(usize) -> Look, clock: impl Fn() -> i64) -> Next {
        loop {
            for (ring, slot) in self.slots.iter_mut().enumerate() {
                if slot.held.is_some() || slot.empty.is_some() {
                    continue;
                }
                let mut look = read(ring);
                let mut before = 0;
                if !matches!(look, Look::Frame(_)) {
                    // The clock is read only for a ring that seems empty, and before the look that counts.
                    before = clock();
                    look = read(ring);
                }
                match look {
                    Look::Frame(time) => slot.held = Some(time.nanos),
                    Look::Dark => slot.empty = Some((before, self.hold)),
                    Look::Empty => slot.empty = Some((before, ON_ITS_WAY)),
                }
            }
            let held = self.slots.iter().enumerate().filter_map(|(ring, slot)| Some((ring, slot.held?)));
            let Some((oldest, time)) = held.min_by_key(|each| each.1) else {
                self.forget();
                return Next::Dry;
            };
            // The time when the last ring that shows no frame is known to have none that is older.
            let empty = self.slots.iter().filter(|slot| slot.held.is_none()).filter_map(|slot| slot.empty);
            let safe_in = |(at, lag): (i64, i64)| (time.saturating_add(lag), at);
            if empty.clone().map(safe_in).all(|(safe, at)| at >= safe) {
                return self.give(oldest);
            }
            let safe = empty.map(|seen| safe_in(seen).0).max().unwrap_or(time);
            let now = clock();
            if now < time.saturating_sub(ASTRAY) {
                return self.give(oldest);
            }
            self.forget();
            if now < safe {
                return Next::Hold(Duration::from_nanos(safe.abs_diff(now)));
            }
        }
    }

    fn give(&mut self, ring: usize) -> Next {
        self.slots[ring].held = None;
        Next::Frame(ring)
    }

    /// Forgets which rings were empty, since they may have frames by the next call.
    fn forget(&mut self) {
        for slot in &mut self.slots {
            slot.empty = None;
        }
    }
}

/// Returns true if a kernel of this release times the blocks of a ring with a high-resolution timer
/// (`net/packet/af_packet.c`).
fn has_fine_timer(release: &str) -> bool {
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(18))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::collections::VecDeque;

    const MS: i64 = 1_000_000;
    const START: i64 = 1_700_000_000_000 * MS;

    /// The frames of a ring, each with the time of its capture and the time when its block becomes visible, in
    /// milliseconds.
    type Ring = VecDeque<(i64, i64)>;

    /// Merges the rings. Returns the time stamps in the order in which they came out, and the time when the last one
    /// did.
    fn run(rings: Vec<Ring>, now: i64) -> (Vec<i64>, i64) {
        run_as(rings, now, false)
    }

    /// As `run`, with rings that tell of frames which they do not show yet, or do not tell.
    fn run_as(mut rings: Vec<Ring>, now: i64, tells: bool) -> (Vec<i64>, i64) {
        let clock = Cell::new(now);
        let mut merge = Merge { hold: HOLD, ..Merge::new(rings.len()) };
        let mut last = vec![0; rings.len()];
        let mut order = Vec::new();
        while !(rings.iter().all(VecDeque::is_empty) && (0..rings.len()).all(|ring| !merge.holds(ring))) {
            let next = merge.step(
                |ring| match rings[ring].front() {
                    Some(&(time, shows)) if START + shows * MS <= clock.get() => {
                        rings[ring].pop_front();
                        last[ring] = time;
                        Look::Frame(Timestamp { nanos: START + time * MS, ..Timestamp::new(0, 0, 9) })
                    }
                    Some(&(time, _)) if START + time * MS <= clock.get() => Look::Dark,
                    _ if tells => Look::Empty,
                    _ => Look::Dark,
                },
                || clock.get(),
            );
            match next {
                Next::Frame(ring) => order.push(last[ring]),
                Next::Hold(time) => clock.set(clock.get() + i64::try_from(time.as_nanos()).unwrap()),
                Next::Dry => clock.set(clock.get() + MS),
            }
        }
        (order, (clock.get() - START) / MS)
    }

    #[test]
    fn older_frame_that_shows_later_comes_first() {
        let (order, _) = run(vec![[(2, 2)].into(), [(1, 4)].into()], START);
        assert_eq!(order, [1, 2]);
    }

    #[test]
    fn frame_of_one_ring_is_held_for_four_milliseconds_at_most() {
        let (order, at) = run(vec![[(0, 2)].into(), Ring::new()], START + 2 * MS);
        assert_eq!((order, at), (vec![0], 4));
    }

    #[test]
    fn frame_beside_a_ring_that_tells_that_it_is_empty_is_held_for_a_millisecond() {
        for (shows, given) in [(0, 1), (1, 1), (2, 2)] {
            let (order, at) = run_as(vec![[(0, shows)].into(), Ring::new()], START + shows * MS, true);
            assert_eq!((order, at), (vec![0], given));
        }
    }

    #[test]
    fn frame_beside_a_ring_that_tells_of_frames_waits_for_them() {
        for late in [1, 2, 3] {
            let (order, at) = run_as(vec![[(2, 2)].into(), [(1, 1 + late)].into()], START + 2 * MS, true);
            assert!(order == [1, 2] && at <= 6, "{late} ms: {order:?} at {at}");
        }
    }

    #[test]
    fn backlog_comes_in_order_without_waiting() {
        let odd = (0..50).map(|i| (2 * i + 1, 0)).collect();
        let even = (0..50).map(|i| (2 * i, 0)).collect();
        let (order, at) = run(vec![odd, even], START + 1000 * MS);
        assert_eq!(order, (0..100).collect::<Vec<_>>());
        assert_eq!(at, 1000);
    }

    #[test]
    fn clock_that_was_set_back_holds_nothing() {
        let (order, at) = run(vec![[(5000, 0)].into(), Ring::new()], START);
        assert_eq!((order, at), (vec![5000], 0));
    }

    #[test]
    fn release_tells_the_timer() {
        assert!(has_fine_timer("6.18.44-fc-v669\n") && has_fine_timer("7.0.1"));
        assert!(!has_fine_timer("6.1.0-30-amd64") && !has_fine_timer("6.17.9") && !has_fine_timer(""));
    }
}

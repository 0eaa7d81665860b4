//! Several rings in one order: that of the frames' time stamps.
//!
//! A ring shows its frames a block at a time, so the oldest frame that shows need not be the oldest there is. A frame
//! is given out once every other ring has shown a later one, or was empty when a block with an older frame would have
//! had to show.

use std::time::{Duration, SystemTime};

use crate::packet::Timestamp;

/// After this time a frame shows in its ring, nanoseconds: twice the block's time-out.
const HOLD: i64 = 4_000_000;

/// The same for kernels before 6.18, which round the time-out up to their tick: 4 ms at the usual 250 Hz. At 100 Hz the
/// order is not always kept.
const HOLD_BY_TICKS: i64 = 6_000_000;

/// A clock further behind the stamps than this was set back, and says nothing about their age.
const ASTRAY: i64 = 1_000_000_000;

/// One frame of every ring, copied out of it.
pub(super) struct Merge {
    slots: Vec<Slot>,
    /// Nanoseconds.
    hold: i64,
}

/// The frame of one ring.
pub(super) struct Held {
    pub(super) time: Timestamp,
    pub(super) wire_len: u32,
    pub(super) bytes: Vec<u8>,
}

struct Slot {
    held: Held,
    full: bool,
    /// When the ring was last seen empty, nanoseconds since the epoch; `None` when nothing is known.
    empty_at: Option<i64>,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Give out the frame of this ring.
    Frame(usize),
    /// There is a frame, and an older one could still show within this time.
    Hold(Duration),
    /// All rings are empty.
    Dry,
}

impl Merge {
    pub(super) fn new(rings: usize) -> Self {
        let slot = || Slot {
            held: Held { time: Timestamp::new(0, 0, 9), wire_len: 0, bytes: Vec::new() },
            full: false,
            empty_at: None,
        };
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let hold = if has_fine_timer(&release) { HOLD } else { HOLD_BY_TICKS };
        Self { slots: (0..rings).map(|_| slot()).collect(), hold }
    }

    /// Whether a frame of this ring waits here.
    pub(super) fn holds(&self, ring: usize) -> bool {
        self.slots.get(ring).is_some_and(|slot| slot.full)
    }

    /// The frame of this ring.
    pub(super) fn frame(&self, ring: usize) -> &Held {
        &self.slots[ring].held
    }

    /// The next frame in time. `read` copies one out of a ring, and says whether there was one. After [`Next::Hold`]
    /// and [`Next::Dry`] all rings are looked at again.
    pub(super) fn next(&mut self, read: impl FnMut(usize, &mut Held) -> bool) -> Next {
        self.step(read, || Timestamp::from(SystemTime::now()).nanos)
    }

    fn step(&mut self, mut read: impl FnMut(usize, &mut Held) -> bool, clock: impl Fn() -> i64) -> Next {
        loop {
            for (ring, slot) in self.slots.iter_mut().enumerate() {
                if slot.full || slot.empty_at.is_some() {
                    continue;
                }
                let before = clock();
                slot.full = read(ring, &mut slot.held);
                slot.empty_at = (!slot.full).then_some(before);
            }
            let full = self.slots.iter().enumerate().filter(|(_, slot)| slot.full);
            let Some((oldest, time)) =
                full.map(|(ring, slot)| (ring, slot.held.time.nanos)).min_by_key(|each| each.1)
            else {
                self.forget();
                return Next::Dry;
            };
            let safe = time.saturating_add(self.hold);
            if self.slots.iter().all(|slot| slot.full || slot.empty_at.is_some_and(|at| at >= safe)) {
                return self.give(oldest);
            }
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
        self.slots[ring].full = false;
        Next::Frame(ring)
    }

    /// What was empty may have frames by now.
    fn forget(&mut self) {
        for slot in &mut self.slots {
            slot.empty_at = None;
        }
    }
}

/// Whether the kernel of this release times blocks with a high-resolution timer (`net/packet/af_packet.c`).
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

    /// Frames of a ring: when they were captured and when their block shows, in milliseconds.
    type Ring = VecDeque<(i64, i64)>;

    /// The stamps in the order in which they came out, and the time when the last one did.
    fn run(mut rings: Vec<Ring>, now: i64) -> (Vec<i64>, i64) {
        let clock = Cell::new(now);
        let mut merge = Merge { hold: HOLD, ..Merge::new(rings.len()) };
        let mut order = Vec::new();
        while !(rings.iter().all(VecDeque::is_empty) && (0..rings.len()).all(|ring| !merge.holds(ring))) {
            let next = merge.step(
                |ring, held| match rings[ring].front() {
                    Some(&(time, shows)) if START + shows * MS <= clock.get() => {
                        rings[ring].pop_front();
                        held.time.nanos = START + time * MS;
                        true
                    }
                    _ => false,
                },
                || clock.get(),
            );
            match next {
                Next::Frame(ring) => order.push((merge.frame(ring).time.nanos - START) / MS),
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

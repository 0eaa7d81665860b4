//! Time stamps, which stand in front of a packet's addresses.

use jiff::tz::TimeZone;

use super::numbers::{decimal, nanoseconds, two};
use crate::packet::Timestamp;

/// The kind of time stamps that are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Times {
    /// None.
    #[default]
    None,
    /// `-t`: the wall clock, in the local time zone, with the digits that the capture has.
    Clock,
    /// `-T`: the time since the packet that was shown before. The first packet is at zero.
    SinceLast,
    /// `-TT`: the time since the first packet that was shown.
    SinceFirst,
}

/// Writes time stamps, and remembers the time that they are relative to.
#[derive(Debug)]
pub(super) struct Clock {
    times: Times,
    zone: TimeZone,
    /// The time from which the next packet is measured.
    from: Option<i64>,
    /// The second whose date and time are in `date`. Most packets share it with the packet before.
    second: Option<i64>,
    date: Vec<u8>,
}

impl Clock {
    /// Makes a clock. The system's time zone is looked up once, and only if it is needed.
    pub(super) fn new(times: Times) -> Self {
        let zone = if times == Times::Clock { TimeZone::system() } else { TimeZone::UTC };
        Self::in_zone(times, zone)
    }

    fn in_zone(times: Times, zone: TimeZone) -> Self {
        Self { times, zone, from: None, second: None, date: Vec::new() }
    }

    /// Writes `YYYY/MM/DD HH:MM:SS.ffffff ` or `+S.ffffff `, with the blank at the end, or nothing. A packet without a time
    /// is said to have none, and nothing is measured from it.
    #[inline]
    pub(super) fn stamp(&mut self, out: &mut Vec<u8>, time: Timestamp) {
        if self.times != Times::None {
            self.write(out, time);
        }
    }

    fn write(&mut self, out: &mut Vec<u8>, time: Timestamp) {
        match self.times {
            Times::None => {}
            _ if !time.known => out.extend_from_slice(b"(no time) "),
            Times::Clock => self.wall(out, time),
            Times::SinceLast => {
                let from = self.from.replace(time.nanos).unwrap_or(time.nanos);
                since(out, from, time);
            }
            Times::SinceFirst => since(out, *self.from.get_or_insert(time.nanos), time),
        }
    }

    fn wall(&mut self, out: &mut Vec<u8>, time: Timestamp) {
        let second = time.nanos.div_euclid(1_000_000_000);
        if self.second != Some(second) {
            self.second = Some(second);
            self.date.clear();
            self.write_date(second);
        }
        out.extend_from_slice(&self.date);
        fraction(out, time.nanos.rem_euclid(1_000_000_000) as u32, time.digits);
        out.push(b' ');
    }

    fn write_date(&mut self, second: i64) {
        // 64 bits of nanoseconds span the years 1677 to 2262, all of which have a date.
        let Ok(stamp) = jiff::Timestamp::from_second(second) else { return };
        let local = self.zone.to_datetime(stamp);
        let parts = [
            (b'/', local.month()),
            (b'/', local.day()),
            (b' ', local.hour()),
            (b':', local.minute()),
            (b':', local.second()),
        ];
        let year = u64::from(local.year().unsigned_abs());
        two(&mut self.date, year / 100);
        two(&mut self.date, year);
        for (before, value) in parts {
            self.date.push(before);
            two(&mut self.date, u64::from(value.unsigned_abs()));
        }
    }
}

fn since(out: &mut Vec<u8>, from: i64, time: Timestamp) {
    let distance = i128::from(time.nanos) - i128::from(from);
    out.push(if distance < 0 { b'-' } else { b'+' });
    let distance = u64::try_from(distance.unsigned_abs()).unwrap_or(u64::MAX);
    decimal(out, distance / 1_000_000_000);
    fraction(out, (distance % 1_000_000_000) as u32, time.digits);
    out.push(b' ');
}

fn fraction(out: &mut Vec<u8>, nanos: u32, digits: u8) {
    if digits > 0 {
        out.push(b'.');
        nanoseconds(out, nanos, digits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps(clock: &mut Clock, times: &[Timestamp]) -> Vec<String> {
        let stamp = |&time| {
            let mut out = Vec::new();
            clock.stamp(&mut out, time);
            String::from_utf8(out).unwrap()
        };
        times.iter().map(stamp).collect()
    }

    #[test]
    fn the_wall_clock_has_the_captures_own_digits() {
        let mut clock = Clock::in_zone(Times::Clock, TimeZone::UTC);
        let times = [
            Timestamp::new(1_700_000_000, 500_000_000, 6),
            Timestamp::new(1_700_000_000, 500_000_001, 9),
            Timestamp::new(1_700_000_001, 0, 0),
            Timestamp::new(-1, 999_000_000, 3),
            Timestamp::new(i64::MAX, 0, 9),
            Timestamp::new(i64::MIN, 0, 9),
        ];
        let expected = [
            "2023/11/14 22:13:20.500000 ",
            "2023/11/14 22:13:20.500000001 ",
            "2023/11/14 22:13:21 ",
            "1969/12/31 23:59:59.999 ",
            "2262/04/11 23:47:16.854775807 ",
            "1677/09/21 00:12:43.145224192 ",
        ];
        assert_eq!(stamps(&mut clock, &times), expected);
    }

    #[test]
    fn the_wall_clock_keeps_the_zones_summer_time() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let mut clock = Clock::in_zone(Times::Clock, zone);
        let times = [Timestamp::new(1_700_000_000, 0, 6), Timestamp::new(1_720_000_000, 0, 6)];
        assert_eq!(
            stamps(&mut clock, &times),
            ["2023/11/14 23:13:20.000000 ", "2024/07/03 11:46:40.000000 "]
        );
    }

    #[test]
    fn differences_start_at_zero_and_may_go_back() {
        let times = [5_000_000, 6_500_000, 6_000_000].map(|us| Timestamp {
            nanos: us * 1000,
            digits: 6,
            known: true,
        });
        let last = stamps(&mut Clock::new(Times::SinceLast), &times);
        assert_eq!(last, ["+0.000000 ", "+1.500000 ", "-0.500000 "]);
        let first = stamps(&mut Clock::new(Times::SinceFirst), &times);
        assert_eq!(first, ["+0.000000 ", "+1.500000 ", "+1.000000 "]);
    }

    #[test]
    fn a_packet_without_a_time_has_none_and_nothing_is_measured_from_it() {
        let times = [0, 5, 5, 7].map(|second| Timestamp::new(second, 0, 0));
        let times = [times[0].unknown(), times[1], times[2].unknown(), times[3]];
        for (shown, last) in [(Times::SinceLast, "+2 "), (Times::SinceFirst, "+2 ")] {
            assert_eq!(stamps(&mut Clock::new(shown), &times), ["(no time) ", "+0 ", "(no time) ", last]);
        }
        assert_eq!(stamps(&mut Clock::in_zone(Times::Clock, TimeZone::UTC), &times)[0], "(no time) ");
        assert_eq!(stamps(&mut Clock::new(Times::None), &times), [""; 4]);
    }

    #[test]
    fn the_ends_of_time_are_subtracted_without_overflow() {
        let times = [i64::MIN, i64::MAX, i64::MIN].map(|nanos| Timestamp { nanos, digits: 9, known: true });
        let stamps = stamps(&mut Clock::new(Times::SinceLast), &times);
        assert_eq!(stamps[1..], ["+18446744073.709551615 ", "-18446744073.709551615 "]);
    }
}

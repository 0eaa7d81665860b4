//! Times in UTC, as RFC 3339 has them.

use crate::packet::Timestamp;
use crate::print::numbers::{nanoseconds, text, two};

const NANOS_A_SECOND: i64 = 1_000_000_000;
const SECONDS_A_DAY: i64 = 86_400;

/// Writes times, and remembers the date of the last one, since most packets share it with the packet before.
#[derive(Debug, Default)]
pub(super) struct Dates {
    /// The day since 1970 that `date` is.
    day: Option<i64>,
    /// `YYYY-MM-DDT`.
    date: Vec<u8>,
}

impl Dates {
    /// Writes `YYYY-MM-DDTHH:MM:SS.ffffffZ`, with the digits that the capture has.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, time: Timestamp) {
        let second = time.nanos.div_euclid(NANOS_A_SECOND);
        let day = second.div_euclid(SECONDS_A_DAY);
        if self.day != Some(day) {
            self.day = Some(day);
            self.date.clear();
            // 64 bits of nanoseconds reach from the year 1677 to 2262. Jiff knows the dates of all of them.
            let midday = jiff::Timestamp::from_second(second).unwrap_or_default();
            text(&mut self.date, &format_args!("{}T", jiff::tz::TimeZone::UTC.to_datetime(midday).date()));
        }
        out.extend_from_slice(&self.date);
        let second = second.rem_euclid(SECONDS_A_DAY).unsigned_abs();
        for (value, behind) in [(second / 3600, b':'), (second / 60 % 60, b':'), (second % 60, b'.')] {
            two(out, value);
            out.push(behind);
        }
        if time.digits == 0 {
            out.pop();
        }
        nanoseconds(out, time.nanos.rem_euclid(NANOS_A_SECOND) as u32, time.digits);
        out.push(b'Z');
    }
}

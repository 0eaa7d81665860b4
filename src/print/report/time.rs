//! The times of reports: in RFC 3339, in whole seconds or milliseconds.

use crate::verify::Occasion;

/// Returns a report as text below its time in whole seconds, `2026-11-27T19:08:52Z`, as a log has it. A report without a time
/// stays as it is.
pub fn dated(text: &str, occasion: &Occasion) -> String {
    match occasion.ended {
        Some(ended) => format!("{}\n{text}", rfc3339(ended.nanos.div_euclid(1_000_000_000) * 1_000_000_000)),
        None => text.to_owned(),
    }
}

/// Returns a time, in nanoseconds since 1970, as `2026-11-27T19:08:52Z`, with as many digits of the second as it has.
pub(in crate::print) fn rfc3339(nanos: i64) -> String {
    // 64 bits of nanoseconds reach from the year 1677 to 2262, and jiff knows all of them.
    jiff::Timestamp::from_nanosecond(nanos.into()).unwrap_or_default().to_string()
}

//! Times as an auditor wants them: UTC, RFC 3339.

use jiff::Timestamp;

use crate::packet;

/// Returns a time as `2026-11-27T19:08:51.123Z`; `None` if it is not known.
pub(super) fn utc(time: packet::Timestamp) -> Option<String> {
    let known = Some(time).filter(|time| time.known)?;
    let time = Timestamp::from_nanosecond(known.nanos.into()).ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

/// Reads a time as [`utc`] writes it, in milliseconds since the epoch; `None` if it has another form.
pub(super) fn millis(text: &str) -> Option<i64> {
    let time: Timestamp = text.parse().ok()?;
    let canonical = time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    (canonical == text).then(|| time.as_millisecond())
}

/// Returns a time as the name of a folder, which sorts by time: `20261127T190851.123Z`.
pub(super) fn name(time: packet::Timestamp) -> String {
    match Timestamp::from_nanosecond(time.nanos.into()) {
        Ok(time) => time.strftime("%Y%m%dT%H%M%S%.3fZ").to_string(),
        Err(_) => time.nanos.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc() {
        let time = packet::Timestamp::new(1_764_270_531, 123_456_789, 9);
        assert_eq!(utc(time).as_deref(), Some("2025-11-27T19:08:51.123Z"));
        assert_eq!(name(time), "20251127T190851.123Z");
        assert_eq!(utc(time.unknown()), None);
        assert_eq!(millis("2025-11-27T19:08:51.123Z"), Some(1_764_270_531_123));
        for other in ["", "2025-11-27", "2025-11-27T19:08:51.1234Z", "2025-11-27T20:08:51.123+01:00"] {
            assert_eq!(millis(other), None, "{other}");
        }
    }
}

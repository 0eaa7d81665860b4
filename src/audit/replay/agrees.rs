//! The members that stand in two files of a folder: the command line, the machine and the times of a run, held against the manifest and
//! the reports. So the run of another folder does not pass for that of this one.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::audit::manifest::Manifest;
use crate::audit::run_clock::SHORTEST_STEP;
use crate::audit::{ClockSet, clock};
use crate::capture::savefile::Filtered;
use crate::packet::Timestamp;
use crate::verify::Report;
use crate::verify::kept::Facts;

/// A network that was watched.
pub(super) struct Watched {
    pub(super) facts: Facts,
    pub(super) report: Report,
    /// The times of the first and the last kept frame.
    pub(super) times: Option<(Timestamp, Timestamp)>,
}

/// Returns true if a run was on the terms of the manifest, and on the machine and at the time of the reports.
pub(super) fn run(run: &Value, manifest: &Manifest, watched: &[Watched]) -> bool {
    let words: Vec<&str> =
        run["command_line"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let Some(span) = Span::of(run) else { return false };
    run["machine"]["tool"] == manifest.tool
        && is_on_terms(&words, manifest)
        && watched.iter().all(|watched| {
            is_named(&words, &watched.report, manifest)
                && is_of(run["machine"]["host_name"].as_str(), &words, &watched.report)
                && watched.is_within(&span)
        })
}

/// Returns true if the options of a command line are the terms.
fn is_on_terms(words: &[&str], manifest: &Manifest) -> bool {
    let last = |option: &str| values(words, option).pop();
    let accepted: BTreeSet<&str> =
        values(words, "--accept").into_iter().flat_map(|codes| codes.split(',')).collect();
    words.contains(&"--all") == manifest.all
        && last("--expect").unwrap_or("encrypted") == manifest.expected
        && last("--require").unwrap_or("all") == manifest.require
        && accepted == manifest.accept.iter().map(String::as_str).collect()
        && last("--profile").is_some() == manifest.profile.is_some()
}

/// Returns true if the network that was asked for is the one of the report. Docker knows a network by its number too.
fn is_named(words: &[&str], report: &Report, manifest: &Manifest) -> bool {
    let name = values(words, "--net").pop().filter(|_| !manifest.all);
    name.is_none_or(|name| {
        name == report.network || name.len() >= 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Returns true if the node of the report is the machine, or was named.
fn is_of(host: Option<&str>, words: &[&str], report: &Report) -> bool {
    match (values(words, "--node").pop(), report.occasion.node.as_deref()) {
        (Some(named), node) => node == Some(named),
        (None, node) => node.is_none() || node == host,
    }
}

/// Returns the values of an option.
fn values<'w>(words: &[&'w str], option: &str) -> Vec<&'w str> {
    let after = |at: usize| words.get(at + 1).copied();
    let value = |(at, word): (usize, &&'w str)| match word.strip_prefix(option)? {
        "" => after(at),
        rest => rest.strip_prefix('='),
    };
    words.iter().enumerate().filter_map(value).collect()
}

impl Watched {
    /// Returns true if the filters of a run are those of the facts, and as many frames were left out.
    pub(super) fn is_described_by(&self, described: &Value) -> bool {
        let filters = self.facts.circumstances().filters.iter().map(|(filter, _)| match filter {
            Filtered::Expression(text) => text.as_str(),
            Filtered::Unread => "(one that is not read)",
        });
        let told = described["filters"].as_array().into_iter().flatten().map(Value::as_str);
        told.eq(filters.map(Some)) && described["frames_in_clear_left_out"] == self.facts.left_some_out()
    }

    /// Returns true if a watch was in the time of a run. A file may be older.
    fn is_within(&self, span: &Span) -> bool {
        if !self.facts.is_live() {
            return true;
        }
        let watch = self.report.occasion.ended.into_iter();
        let times = watch.chain(self.times.into_iter().flat_map(|(first, last)| [first, last]));
        let mut known = times.filter(|time| time.known);
        known.all(|time| span.has(time.nanos.div_euclid(1_000_000)))
            && self.facts.circumstances().nanos / 1_000_000 <= span.elapsed.saturating_add(SHORTEST_STEP)
    }
}

/// Says that the clock of a run was set, if it was: the times of the run are then no better than that clock.
pub(super) fn clock_set(run: &Value) -> Option<String> {
    let set: ClockSet = serde_json::from_value(run["clock_set"].clone()).ok()?;
    let seconds = |millis: i64| format!("{}.{:03} s", millis / 1000, millis % 1000);
    Some(format!(
        "run.json: the clock was set during the run, and was behind by {} and ahead by {} at most",
        seconds(set.back_milliseconds),
        seconds(set.forward_milliseconds)
    ))
}

/// The time of a run in milliseconds, by a wall clock that may have been set meanwhile.
struct Span {
    earliest: i64,
    latest: i64,
    /// The length of the run.
    elapsed: i64,
}

impl Span {
    /// Reads it in the description of a run; `None` if its members contradict each other. A description of an older version does
    /// not tell if the clock was set, and is read as if it was not.
    fn of(run: &Value) -> Option<Self> {
        let (began, ended) = (clock::millis(run["began"].as_str()?)?, clock::millis(run["ended"].as_str()?)?);
        if run["clock_set"].is_null() {
            return (began <= ended).then_some(Self {
                earliest: began,
                latest: ended,
                elapsed: ended.checked_sub(began)?,
            });
        }
        let set: ClockSet = serde_json::from_value(run["clock_set"].clone()).ok()?;
        let ClockSet {
            elapsed_milliseconds: elapsed,
            back_milliseconds: back,
            forward_milliseconds: forward,
        } = set;
        let evenly = began.checked_add(elapsed)?;
        let span = Self { earliest: began.checked_sub(back)?, latest: evenly.checked_add(forward)?, elapsed };
        let is_plain = elapsed >= 0 && back.min(forward) >= 0 && back.max(forward) >= SHORTEST_STEP;
        let ends = ended >= evenly.checked_sub(back)?.saturating_sub(SHORTEST_STEP);
        (is_plain && ends && span.has(ended)).then_some(span)
    }

    /// Returns true if the clock may have shown this time during the run. Times are whole milliseconds, and a step that is too
    /// short to be told may be among them.
    fn has(&self, time: i64) -> bool {
        let least = self.earliest.saturating_sub(SHORTEST_STEP);
        (least..=self.latest.saturating_add(SHORTEST_STEP)).contains(&time)
    }
}

/// Returns the first comment on each packet of a pcapng file, but for the one on a packet without a time. The file is read
/// as this program writes it.
pub(super) fn comments(file: &[u8]) -> Vec<Option<String>> {
    const PACKET: u32 = 6;
    let word = |at: usize| Some(u32::from_le_bytes(*file.get(at..)?.first_chunk()?));
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((kind, len)) = word(at).zip(word(at + 4)) {
        let end = at.saturating_add((len as usize).max(12));
        if kind == PACKET {
            let captured = word(at + 20).unwrap_or(0) as usize;
            let options = at.saturating_add(28).saturating_add(captured.next_multiple_of(4));
            let options = file.get(options..end.saturating_sub(4)).unwrap_or_default();
            found.push(comment(options));
        }
        at = end;
    }
    found
}

fn comment(mut options: &[u8]) -> Option<String> {
    const COMMENT: u16 = 1;
    let mut found = Vec::new();
    while let Some(([c0, c1, l0, l1], rest)) = options.split_first_chunk() {
        let len = usize::from(u16::from_le_bytes([*l0, *l1]));
        if u16::from_le_bytes([*c0, *c1]) == COMMENT {
            found.push(String::from_utf8_lossy(rest.get(..len)?).into_owned());
        }
        options = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    // A packet without a time has a comment on that before its own.
    if found.len() > 2 { None } else { found.pop() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BEGAN: i64 = 1_764_270_531_000;

    fn span(ended: &str, clock_set: &Value) -> Option<Span> {
        Span::of(&json!({ "began": "2025-11-27T19:08:51.000Z", "ended": ended, "clock_set": clock_set }))
    }

    fn set(elapsed: i64, back: i64, forward: i64) -> Value {
        json!({ "elapsed_milliseconds": elapsed, "back_milliseconds": back, "forward_milliseconds": forward })
    }

    #[test]
    fn times_of_a_run_whose_clock_went_on_by_itself_are_between_its_begin_and_its_end() {
        let run = span("2025-11-27T19:08:54.000Z", &Value::Null).unwrap();
        assert!(run.has(BEGAN) && run.has(BEGAN + 3000) && run.elapsed == 3000);
        assert!(!run.has(BEGAN - 100) && !run.has(BEGAN + 3100));
        assert!(span("2025-11-27T19:08:50.000Z", &Value::Null).is_none());
    }

    #[test]
    fn times_of_a_run_whose_clock_was_set_back_are_no_further_away_than_that() {
        // It was set back by an hour, one second after the begin, and the run took three seconds.
        let run = span("2025-11-27T18:08:54.000Z", &set(3000, 3_600_000, 0)).unwrap();
        assert!(run.has(BEGAN + 1000) && run.has(BEGAN - 3_599_000) && run.elapsed == 3000);
        assert!(!run.has(BEGAN + 3100) && !run.has(BEGAN - 3_600_100));
        // The end has to be where such a clock is, and a clock that was set by nothing was not set.
        for (ended, set) in [
            ("2025-11-27T18:08:40.000Z", set(3000, 3_600_000, 0)),
            ("2025-11-27T19:08:55.000Z", set(3000, 3_600_000, 0)),
            ("2025-11-27T19:08:54.000Z", set(3000, 0, 0)),
            ("2025-11-27T19:08:54.000Z", set(-1, 3_600_000, 0)),
            ("2025-11-27T19:08:54.000Z", set(3000, i64::MIN, i64::MAX)),
            ("2025-11-27T19:08:54.000Z", json!("yes")),
        ] {
            assert!(span(ended, &set).is_none(), "{ended} {set}");
        }
    }

    #[test]
    fn times_of_a_run_whose_clock_was_set_forward_and_back_again_are_between_its_steps() {
        let run = span("2025-11-27T19:08:54.000Z", &set(3000, 0, 86_400_000)).unwrap();
        assert!(run.has(BEGAN + 86_402_000) && !run.has(BEGAN + 86_403_100) && !run.has(BEGAN - 100));
    }
}

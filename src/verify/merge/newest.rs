//! Of several reports of one node on one network, the newest of those that count is kept.
//!
//! A report from the future, or one without a time, never takes the place of one that counts. One that contradicts itself stands
//! beside an older one: neither is to hide what the other found.

use std::cmp::Reverse;
use std::time::Duration;

use super::matrix::{MergeTerms, Standing};
use super::parse::Heard;
use crate::escape::counted;
use crate::packet::Timestamp;
use crate::verify::report::severity;

/// A clock that is ahead by no more than this is as clocks are.
pub(super) const CLOCKS: i64 = 60_000_000_000;

/// The time in which a report counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    /// The time that ages are counted to; `None` for that of the newest report, after which there is none.
    at: Option<i64>,
    /// The age in nanoseconds from which on a report is stale.
    stale: i64,
}

/// A report that another one took the place of, and that is told once all are read.
#[derive(Clone, Debug)]
pub(super) struct Aside {
    pub code: &'static str,
    pub file: String,
    pub ended: Option<Timestamp>,
    pub text: String,
}

impl Aside {
    /// Returns true if this has to be told, though the report is an older line of one file, as `--watch` writes them.
    pub(super) fn is_news(&self, heard: &Heard) -> bool {
        self.code != "older" || heard.gravest().is_readable()
    }
}

impl Window {
    pub(super) fn new(at: Option<Timestamp>, stale: Duration) -> Self {
        let stale = i64::try_from(stale.as_nanos()).unwrap_or(i64::MAX);
        Self { at: at.map(|at| at.nanos), stale }
    }

    pub(super) fn of(terms: &MergeTerms) -> Self {
        Self::new(Some(terms.at), terms.stale)
    }

    /// Returns the weight that the time of a report gives it.
    pub(super) fn weight(self, ended: Option<Timestamp>) -> Standing {
        let Some(ended) = ended else { return Standing::Undated };
        let age = self.at.unwrap_or(ended.nanos).saturating_sub(ended.nanos);
        if age > self.stale {
            Standing::Stale
        } else if age.saturating_neg() > self.stale {
            Standing::Ahead
        } else {
            Standing::Counts
        }
    }

    /// Returns the place of a report: the first is the one that counts. Of the same time, that is the gravest.
    pub(super) fn place(self, heard: &Heard) -> impl Ord + use<> {
        let weight = self.weight(heard.ended);
        let nanos = heard.ended.map(|ended| ended.nanos);
        let is_ahead = self.at.zip(nanos).is_some_and(|(at, ended)| ended.saturating_sub(at) > CLOCKS);
        let contradicts = heard.contradiction.is_some();
        (weight, contradicts, is_ahead, Reverse(nanos), severity(heard.gravest()))
    }

    /// Returns true if a report stands beside the one that counts: it is newer, of this time, and contradicts itself.
    pub(super) fn stands_beside(self, heard: &Heard, counting: &Heard) -> bool {
        let nanos = |heard: &Heard| heard.ended.map(|ended| ended.nanos);
        heard.contradiction.is_some()
            && self.weight(heard.ended) == Standing::Counts
            && nanos(heard) >= nanos(counting)
    }

    /// Says why a report is passed over for the one that counts.
    pub(super) fn passed_over(self, heard: &Heard, counting: &Heard) -> Aside {
        let nanos = |heard: &Heard| heard.ended.map(|ended| ended.nanos);
        let said = heard.gravest().name();
        let file = if heard.file == counting.file { "the same file" } else { counting.file.as_str() };
        let (code, text) = match (nanos(heard), nanos(counting)) {
            (None, _) => {
                ("undated", format!("it is {said} and without a time, and {file} has a report that counts"))
            }
            (Some(own), Some(other)) if own > other => {
                let ahead = ago(own.saturating_sub(self.at.unwrap_or(own)));
                (
                    "ahead",
                    format!(
                        "it is {said} and {ahead} ahead, and {file} has a report that is not, which counts"
                    ),
                )
            }
            (Some(own), other) if Some(own) == other => (
                "older",
                format!("it is {said}, and {file} has a graver report of the same time, which counts"),
            ),
            _ => {
                let newer = "has a newer report of the same node and network, which counts";
                ("older", format!("it is {said}, and {file} {newer}"))
            }
        };
        Aside { code, file: heard.file.clone(), ended: heard.ended, text }
    }
}

/// Returns a length of time in its two largest units: `2 h 5 min`.
pub fn ago(nanos: i64) -> String {
    let seconds = nanos.max(0) / 1_000_000_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{} {hours} h", counted(days, "day", "days")),
    }
}

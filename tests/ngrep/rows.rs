//! The deviations: for each row of the table, what it makes of ngrep's doing.

use crate::captures::Capture;
use crate::lines::Line;
use crate::running::{Form, Outcome, Place, Program, Ran};

/// A pair of a capture and a command line, and a way to ask ngrep more.
pub(crate) struct Asked<'a> {
    pub(crate) place: &'a Place<'a>,
    pub(crate) capture: &'a Capture,
    pub(crate) line: &'a Line,
    /// The form of the capture that ngrep was given.
    pub(crate) form: Form,
    /// What ngrep said on standard error.
    pub(crate) err: &'a str,
    /// What ovlsniff did. Only rows about its help and version look at it.
    pub(crate) ours: &'a Outcome,
}

impl Asked<'_> {
    /// Runs ngrep with other words on the same capture.
    pub(crate) fn ngrep(&self, words: &[String]) -> Ran {
        self.place.run(Program::Ngrep, self.form, &self.capture.name, words, &self.line.zone)
    }
}

/// A deviation.
pub(crate) struct Row {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// Turns what ngrep does into what is expected of ovlsniff, where this row is about the pair.
    pub(crate) mend: fn(&Asked<'_>, &Outcome) -> Option<Outcome>,
}

/// The deviations that files show, in the order in which they are applied.
pub(crate) const ROWS: &[Row] = &[];

/// The deviations that only a live capture shows.
pub(crate) const LIVE: &[&str] = &[];

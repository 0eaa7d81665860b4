//! The deviations: for each row of the table, what it makes of ngrep's doing.

mod choice;
mod errors;
mod fragments;
mod typed;

use ovlsniff::capture::bpf::Filter;
use ovlsniff::packet::LinkType;

use crate::ngrep::alike::captures::Capture;
use crate::ngrep::alike::lines::Line;
use crate::ngrep::alike::packets::{self, Frame};
use crate::ngrep::alike::running::{Form, Outcome, Place, Program, Ran};
use crate::ngrep::alike::text::{Shown, Text};

/// A pair of a capture and a command line, and a way to ask ngrep more.
pub(crate) struct Asked<'a> {
    pub(crate) place: &'a Place<'a>,
    pub(crate) capture: &'a Capture,
    /// The line as ngrep was given it.
    pub(crate) line: &'a Line,
    /// The line as typed.
    pub(crate) typed: &'a Line,
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

    /// The frames of the capture that ngrep was given.
    fn frames(&self) -> Vec<Frame> {
        packets::frames(&self.place.path(self.form, &self.capture.name))
    }

    /// The filter that ngrep tells of.
    pub(crate) fn told(&self) -> String {
        self.told_as("filter: ").unwrap_or_default()
    }

    /// The pattern that ngrep tells of.
    pub(crate) fn pattern(&self) -> Option<String> {
        self.told_as("match").or_else(|| self.told_as("don't match"))
    }

    fn told_as(&self, begin: &str) -> Option<String> {
        let told = self.ngrep(&self.line.loud()).outcome.out;
        let told = String::from_utf8_lossy(&told).into_owned();
        told.lines().find_map(|line| line.strip_prefix(begin)).map(str::to_owned)
    }

    /// The frames that passed ngrep's filter.
    pub(crate) fn passed(&self) -> Vec<Frame> {
        let mut frames = self.frames();
        if let Some(link) = frames.first().map(|frame| LinkType(frame.link as u16)) {
            let mut filter = Filter::compile(&self.told(), link).unwrap();
            frames.retain(|frame| filter.matches(&frame.bytes, frame.wire_len));
        }
        frames
    }

    /// The places of the packets that are shown, among the frames that passed the filter.
    fn places(&self, outcome: &Outcome) -> Vec<usize> {
        let places = |outcome: &Outcome| -> Vec<usize> {
            Text::of(&outcome.out).packets.iter().filter_map(Shown::number).collect()
        };
        if self.line.value('W').is_none_or(|mode| !mode.eq_ignore_ascii_case("single")) {
            return places(outcome);
        }
        // In this mode there are no numbers.
        let words: Vec<String> = self
            .line
            .words
            .iter()
            .map(|word| if word == "single" { "none".to_owned() } else { word.clone() })
            .collect();
        places(&self.ngrep(&words).outcome)
    }
}

/// A deviation.
pub(crate) struct Row {
    /// Its name in the table.
    pub(crate) name: &'static str,
    pub(crate) mend: Mend,
}

/// How ngrep is brought to do what ovlsniff is meant to do.
#[derive(Clone, Copy)]
pub(crate) enum Mend {
    /// By packets in a form that it reads ([`Capture::plain`]), or in `expected.rs`.
    Packets,
    /// By other words. What is told before the first frame stays that of the words as typed, if so said.
    Words(fn(&Line) -> Option<Vec<String>>, Preamble),
    /// By another text, status or written capture.
    Outcome(fn(&Asked<'_>, &Outcome) -> Option<Outcome>),
}

/// The source of what is told before the first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preamble {
    /// The words as typed.
    Typed,
    /// The other words.
    Meant,
    /// The other words, with the pattern as it was typed.
    Pattern,
}

/// The deviations that files show, in the order in which they are applied.
pub(crate) const ROWS: &[Row] = &[
    Row { name: "padding", mend: Mend::Packets },
    Row { name: "extension-headers", mend: Mend::Packets },
    Row { name: "link-types", mend: Mend::Packets },
    Row { name: "frame-lengths", mend: Mend::Packets },
    Row { name: "wireless", mend: Mend::Packets },
    Row { name: "other-headers", mend: Mend::Packets },
    Row { name: "ip-version", mend: Mend::Packets },
    Row { name: "cut-headers", mend: Mend::Packets },
    Row { name: "unsound-lengths", mend: Mend::Packets },
    Row { name: "tagged-frames", mend: Mend::Packets },
    Row { name: "nanoseconds", mend: Mend::Packets },
    Row { name: "written-snaplen", mend: Mend::Packets },
    Row { name: "filter-first", mend: Mend::Words(typed::filter_first, Preamble::Meant) },
    Row { name: "empty-filter", mend: Mend::Words(typed::empty_filter, Preamble::Meant) },
    Row { name: "filter-file", mend: Mend::Words(typed::filter_file, Preamble::Meant) },
    Row { name: "hex-digits", mend: Mend::Words(typed::hex_digits, Preamble::Pattern) },
    Row { name: "lenient-expressions", mend: Mend::Words(typed::lenient, Preamble::Pattern) },
    Row { name: "jit-stack", mend: Mend::Words(typed::jit_stack, Preamble::Pattern) },
    Row { name: "words", mend: Mend::Words(typed::words, Preamble::Typed) },
    Row { name: "kill", mend: Mend::Outcome(errors::kill) },
    Row { name: "usage", mend: Mend::Outcome(errors::usage) },
    Row { name: "help", mend: Mend::Outcome(errors::help) },
    Row { name: "errors", mend: Mend::Outcome(errors::errors) },
    Row { name: "impossible-filters", mend: Mend::Outcome(errors::impossible_filters) },
    Row { name: "unsupported-expressions", mend: Mend::Outcome(errors::unsupported_expressions) },
    Row { name: "two-filters", mend: Mend::Outcome(errors::two_filters) },
    Row { name: "numbers", mend: Mend::Outcome(errors::numbers) },
    Row { name: "replacement", mend: Mend::Outcome(errors::replacement) },
    Row { name: "inverted", mend: Mend::Outcome(choice::inverted) },
    Row { name: "context", mend: Mend::Outcome(choice::context) },
    Row { name: "empty-hits", mend: Mend::Outcome(choice::empty_hits) },
    Row { name: "first-fragments", mend: Mend::Outcome(fragments::first_fragments) },
    Row { name: "later-fragments", mend: Mend::Outcome(fragments::later_fragments) },
    Row { name: "fragments-at-2048", mend: Mend::Outcome(fragments::fragments_at_2048) },
    Row { name: "zero-bytes", mend: Mend::Outcome(choice::zero_bytes) },
    Row { name: "first-delta", mend: Mend::Outcome(choice::first_delta) },
    Row { name: "negative-delta", mend: Mend::Outcome(choice::negative_delta) },
    Row { name: "time-zero", mend: Mend::Outcome(choice::time_zero) },
    Row { name: "no-time", mend: Mend::Outcome(choice::no_time) },
    Row { name: "control-characters", mend: Mend::Outcome(errors::control_characters) },
    Row { name: "standard-output", mend: Mend::Outcome(choice::standard_output) },
    Row { name: "damaged-files", mend: Mend::Outcome(errors::damaged) },
];

/// Changes the header of each packet.
fn each_header(outcome: &Outcome, mut change: impl FnMut(&str) -> String) -> Outcome {
    let mut text = Text::of(&outcome.out);
    for shown in &mut text.packets {
        shown.rewrite(&mut change);
    }
    Outcome { out: text.bytes(), ..outcome.clone() }
}

//! The deviations: for each row of the table, what it makes of ngrep's doing.

use std::collections::BTreeSet;

use ovlsniff::capture::bpf::Filter;
use ovlsniff::packet::LinkType;

use crate::ngrep::alike::captures::Capture;
use crate::ngrep::alike::lines::Line;
use crate::ngrep::alike::model::Model;
use crate::ngrep::alike::packets::{self, Fragment, Frame};
use crate::ngrep::alike::running::{Form, Outcome, Place, Program, Ran};
use crate::ngrep::alike::text::{self, Shown, Text};

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

    /// The frames of the capture that ngrep was given.
    fn frames(&self) -> Vec<Frame> {
        packets::frames(&self.place.path(self.form, &self.capture.name))
    }

    /// The frames that passed ngrep's filter.
    fn passed(&self) -> Vec<Frame> {
        let loud: Vec<String> = self.line.words.iter().map(|word| without(word, 'q')).collect();
        let told = self.ngrep(&loud).outcome.out;
        let told = String::from_utf8_lossy(&told).into_owned();
        let filter = told.lines().find_map(|line| line.strip_prefix("filter: ")).unwrap_or_default();
        let mut frames = self.frames();
        if let Some(link) = frames.first().map(|frame| LinkType(frame.link as u16)) {
            let mut filter = Filter::compile(filter, link).unwrap();
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
    /// Turns what ngrep does into what is expected of ovlsniff, where this row is about the pair.
    pub(crate) mend: fn(&Asked<'_>, &Outcome) -> Option<Outcome>,
}

/// The deviations that files show, in the order in which they are applied.
pub(crate) const ROWS: &[Row] = &[
    Row { name: "usage", mend: usage },
    Row { name: "help", mend: help },
    Row { name: "errors", mend: errors },
    Row { name: "kill", mend: kill },
    Row { name: "damaged-files", mend: damaged },
    Row { name: "first-fragments", mend: first_fragments },
    Row { name: "later-fragments", mend: later_fragments },
    Row { name: "fragments-at-2048", mend: fragments_at_2048 },
    Row { name: "inverted", mend: inverted },
    Row { name: "context", mend: context },
    Row { name: "first-delta", mend: first_delta },
];

/// The deviations that only a live capture shows.
pub(crate) const LIVE: &[&str] = &[];

/// ngrep prints its usage to standard output. ovlsniff says what is wrong, on standard error.
fn usage(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let shown = contains(&outcome.out, b"usage: ngrep <-");
    (shown && !asked.line.has('h')).then(|| refused(outcome))
}

/// Each program has its own help, and its own version.
fn help(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let (begins, code) = match asked.line {
        line if line.has('h') => (&b"Grep "[..], 0),
        line if line.has('V') => (&b"ovlsniff "[..], 0),
        _ => return None,
    };
    let out = if asked.ours.out.starts_with(begins) { asked.ours.out.clone() } else { begins.to_vec() };
    Some(Outcome { out, code: Some(code), ..outcome.clone() })
}

/// An error is status 2, and there is nothing on standard output.
fn errors(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let failed = outcome.code == Some(1) && !asked.err.is_empty();
    failed.then(|| refused(outcome))
}

/// Nothing is injected.
fn kill(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    asked.line.has('K').then(|| refused(outcome))
}

/// What was read of a damaged file is searched, and the status says that it was not all.
fn damaged(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let truncated = asked.capture.name.starts_with("truncated");
    (truncated && outcome.code.is_some_and(|code| code < 2) && !asked.line.has('n'))
        .then(|| Outcome { code: Some(2), ..outcome.clone() })
}

/// The first fragment of an IPv4 datagram is marked as one.
fn first_fragments(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let limit = asked.line.value('S').map_or(usize::MAX, |value| value.parse().unwrap_or(0));
    fragments(asked, outcome, |header, fragment| {
        let first = fragment.version == 4 && fragment.offset == 0;
        let mark = format!(" {}@0:{}", fragment.id, fragment.payload().min(limit));
        first.then(|| {
            let at = text::ends(header, fragment.protocol);
            format!("{}{mark}{}", &header[..at], &header[at..])
        })
    })
}

/// A later fragment has data where ngrep reads flags, or type and code.
fn later_fragments(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    fragments(asked, outcome, |header, fragment| {
        let (source, rest) = header.split_once(" -> ")?;
        let mark = rest.find(&format!(" +{}@", fragment.id))?;
        let destination = rest.split(' ').next()?;
        Some(format!("{source} -> {destination}{}", &rest[mark..]))
    })
}

/// An offset of a multiple of 2048 bytes is one. ngrep was given the fragments eight bytes later, where it sees it.
fn fragments_at_2048(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    (asked.capture.name == "fragments-2048").then(|| {
        each_header(outcome, |header| {
            let later = [("@2056:", "@2048:"), ("@4104:", "@4096:"), ("@6152:", "@6144:")];
            later.iter().fold(header.to_owned(), |text, (from, to)| text.replacen(from, to, 1))
        })
    })
}

/// Changes the headers of fragments.
fn fragments(
    asked: &Asked<'_>,
    outcome: &Outcome,
    change: impl Fn(&str, Fragment) -> Option<String>,
) -> Option<Outcome> {
    let mut text = Text::of(&outcome.out);
    if text.packets.is_empty() || !asked.frames().iter().any(|frame| frame.fragment().is_some()) {
        return None;
    }
    let passed = asked.passed();
    for (shown, place) in text.packets.iter_mut().zip(asked.places(outcome)) {
        if let Some(fragment) = passed.get(place - 1).and_then(Frame::fragment) {
            shown.rewrite(|header| change(header, fragment).unwrap_or_else(|| header.to_owned()));
        }
    }
    Some(Outcome { out: text.bytes(), ..outcome.clone() })
}

/// With `-v` the packets that are shown count.
fn inverted(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let line = asked.line;
    if !line.has('v') || outcome.code.is_none_or(|code| code > 1) {
        return None;
    }
    let model = Model::of(asked, outcome)?;
    let mut shown: BTreeSet<usize> = model.full.difference(&model.hits).copied().collect();
    let mut last = model.frames();
    let limit = line.value('n').and_then(|value| value.parse::<usize>().ok());
    if let Some(limit) = limit.filter(|&limit| limit > 0) {
        if let Some(&end) = shown.iter().nth(limit - 1) {
            last = end;
            shown.retain(|&place| place <= end);
        }
    }
    let code = Some(i32::from(shown.is_empty()));
    if line.has('e') {
        shown.extend((1..=last).filter(|place| !model.full.contains(place)));
    }
    Some(Outcome { out: model.text(&shown, last), code, ..outcome.clone() })
}

/// Context is of the same conversation, and is shown behind the last match of `-n` too.
fn context(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let line = asked.line;
    let after: usize = line.value('A').and_then(|value| value.parse().ok())?;
    if line.has('v') || outcome.code.is_none_or(|code| code > 1) {
        return None;
    }
    let model = Model::of(asked, outcome)?;
    let limit = line.value('n').and_then(|value| value.parse().ok()).unwrap_or(usize::MAX);
    let mut left = Vec::new();
    let mut chosen = BTreeSet::new();
    let mut matched = 0;
    let mut last = model.frames();
    for place in 1..=model.frames() {
        let flow = model.flow(place);
        let visible = line.has('e') || model.full.contains(&place);
        if matched < limit && model.hits.contains(&place) {
            matched += 1;
            chosen.insert(place);
            left.retain(|(other, _)| *other != flow);
            left.push((flow, after));
        } else if let Some((_, count)) = left.iter_mut().find(|(other, count)| *other == flow && *count > 0) {
            if visible {
                *count -= 1;
                chosen.insert(place);
            }
        } else if line.has('e') && !model.full.contains(&place) {
            chosen.insert(place);
        }
        if matched == limit && left.iter().all(|(_, count)| *count == 0) {
            last = place;
            break;
        }
    }
    Some(Outcome { out: model.text(&chosen, last), ..outcome.clone() })
}

/// The first packet's time since the last one is zero.
fn first_delta(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    if !asked.line.has('T') {
        return None;
    }
    let mut first = true;
    Some(each_header(outcome, |header| {
        let Some((before, rest)) = header.split_once(" +") else { return header.to_owned() };
        let (_, behind) = rest.split_once(' ').unwrap_or_default();
        let mended = if first { format!("{before} +0.000000 {behind}") } else { header.to_owned() };
        first = false;
        mended
    }))
}

/// An outcome with status 2 and nothing on standard output.
fn refused(outcome: &Outcome) -> Outcome {
    Outcome { out: Vec::new(), code: Some(2), written: outcome.written.clone() }
}

/// Changes the header of each packet.
fn each_header(outcome: &Outcome, mut change: impl FnMut(&str) -> String) -> Outcome {
    let mut text = Text::of(&outcome.out);
    for shown in &mut text.packets {
        shown.rewrite(&mut change);
    }
    Outcome { out: text.bytes(), ..outcome.clone() }
}

/// A word of flags without one of them.
fn without(word: &str, flag: char) -> String {
    let is_flags = word.starts_with('-') && !word.starts_with("--");
    match word.replace(flag, "") {
        kept if is_flags && kept == "-" => "-R".to_owned(),
        kept if is_flags => kept,
        _ => word.to_owned(),
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

//! The deviations: for each row of the table, what it makes of ngrep's doing.

use std::collections::BTreeSet;

use crate::captures::Capture;
use crate::lines::Line;
use crate::model::Model;
use crate::running::{Form, Outcome, Place, Program, Ran};
use crate::text::Text;

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
pub(crate) const ROWS: &[Row] = &[
    Row { name: "usage", mend: usage },
    Row { name: "help", mend: help },
    Row { name: "errors", mend: errors },
    Row { name: "kill", mend: kill },
    Row { name: "damaged-files", mend: damaged },
    Row { name: "first-fragments", mend: first_fragments },
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
    if asked.capture.name != "fragments" {
        return None;
    }
    let text = [
        ("10.0.0.1:11 -> 10.0.0.2:22", 16),
        ("10.0.0.1:12 -> 10.0.0.2:22 [AP]", 4),
        ("10.0.0.1 -> 10.0.0.2 8:0", 12),
        ("10.0.0.1 -> 10.0.0.2", 16),
    ];
    let limit = asked.line.value('S').map_or(usize::MAX, |value| value.parse().unwrap_or(0));
    Some(each_header(outcome, |header| {
        for (ends, len) in text {
            let mark = format!("{ends} 4660@0:{} ", len.min(limit));
            // In `-W single` the payload follows, elsewhere the number.
            if header.contains(&format!("{ends} ")) && !header.contains('@') {
                return header.replacen(&format!("{ends} "), &mark, 1);
            }
        }
        header.to_owned()
    }))
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

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

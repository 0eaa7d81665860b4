//! Deviations about fragments.

use super::{Asked, each_header};
use crate::ngrep::alike::packets::{Fragment, Frame};
use crate::ngrep::alike::running::Outcome;
use crate::ngrep::alike::text::{self, Text};

/// The first fragment of an IPv4 datagram is marked as one.
pub(super) fn first_fragments(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
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
pub(super) fn later_fragments(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    fragments(asked, outcome, |header, fragment| {
        let (source, rest) = header.split_once(" -> ")?;
        let mark = rest.find(&format!(" +{}@", fragment.id))?;
        let destination = rest.split(' ').next()?;
        Some(format!("{source} -> {destination}{}", &rest[mark..]))
    })
}

/// An offset of a multiple of 2048 bytes is one. ngrep was given the fragments eight bytes later, where it sees it.
pub(super) fn fragments_at_2048(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
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

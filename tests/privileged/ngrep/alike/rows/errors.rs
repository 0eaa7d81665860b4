//! Deviations about what is no search: errors, help, version.

use ovlsniff::capture::bpf::Filter;
use ovlsniff::packet::LinkType;

use super::Asked;
use crate::ngrep::alike::packets;
use crate::ngrep::alike::running::{Form, Outcome, Program};
use crate::ngrep::alike::text::Text;

/// ngrep prints its usage to standard output. ovlsniff says what is wrong, on standard error.
pub(super) fn usage(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let shown = contains(&outcome.out, b"usage: ngrep <-");
    (shown && !asked.line.has('h')).then(|| refused(outcome))
}

/// Each program has its own help, and its own version.
pub(super) fn help(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let begins: &[u8] = match asked.line {
        line if line.has('h') => b"Grep ",
        line if line.has('V') => b"ngrep: ovlsniff ",
        _ => return None,
    };
    let out = if asked.ours.out.starts_with(begins) { asked.ours.out.clone() } else { begins.to_vec() };
    Some(Outcome { out, code: Some(0), ..outcome.clone() })
}

/// An error is status 2, and there is nothing on standard output.
pub(super) fn errors(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let failed = outcome.code == Some(1) && !asked.err.is_empty();
    failed.then(|| refused(outcome))
}

/// Nothing is injected.
pub(super) fn kill(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    asked.line.has('K').then(|| refused(outcome))
}

/// A filter in a file and another one among the words are too many.
pub(super) fn two_filters(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    (asked.typed.has('F') && asked.typed.rest.len() > 1).then(|| refused(outcome))
}

/// A number has to be one, and a row has to have room for a byte.
pub(super) fn numbers(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let is_number = |value: &str| value.parse::<u32>().is_ok();
    let typed = asked.typed;
    let wrong = "nAScs".chars().any(|letter| typed.value(letter).is_some_and(|value| !is_number(value)));
    let narrow = typed.value('c').is_some_and(|value| matches!(value.parse(), Ok(1..=5)));
    (wrong || narrow).then(|| refused(outcome))
}

/// What cannot be printed is replaced by one character that can.
pub(super) fn replacement(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let value = asked.typed.value('P')?.as_bytes();
    (!matches!(value, [b' '..=b'~'])).then(|| refused(outcome))
}

/// A filter that passes no frame is an error.
pub(super) fn impossible_filters(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let link = asked.place.link(&asked.capture.name)?;
    let told = asked
        .place
        .run(Program::Ngrep, Form::Plain, &asked.capture.name, &asked.typed.loud(), "UTC")
        .outcome
        .out;
    let told = String::from_utf8_lossy(&told).into_owned();
    let told = told.lines().find_map(|line| line.strip_prefix("filter: "))?;
    // Of Ethernet frames, only those with IP are asked about.
    let bare = told.strip_prefix("( ").and_then(|rest| Some(rest.split_once(" ) and ")?.0));
    let filter = if link == 1 { told } else { bare? };
    let fails = |link| Filter::compile(filter, LinkType(link)).is_err();
    // Of other link types, the packet behind the header may be asked about.
    let alone = !matches!(link, 6 | 9 | 10 | 50 | 105 | 127 | 239);
    (fails(link) && (alone || fails(101))).then(|| refused(outcome))
}

/// Expressions for which a search would have to go back and try again.
pub(super) fn unsupported_expressions(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let signs = ["(?=", "(?!", "(?<=", "(?<!", "(?>", "\\1", "++", "\\K", "\\p{"];
    let is_one = !asked.typed.has('X') && signs.iter().any(|sign| asked.typed.pattern().contains(sign));
    is_one.then(|| refused(outcome))
}

/// Control characters of a pattern are escaped before they are told.
pub(super) fn control_characters(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    if !asked.typed.pattern().contains('\u{1b}') {
        return None;
    }
    let mut text = Text::of(&outcome.out);
    let escaped: Vec<u8> = text
        .head
        .iter()
        .flat_map(|&byte| if byte == 0x1b { b"\\u{1b}".to_vec() } else { vec![byte] })
        .collect();
    text.head = escaped;
    Some(Outcome { out: text.bytes(), ..outcome.clone() })
}

/// What was read of a damaged file is searched, and the status says that it was not all.
pub(super) fn damaged(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let truncated = packets::is_damaged(&asked.place.path(Form::Real, &asked.capture.name));
    let number = |letter| asked.line.value(letter).and_then(|value| value.parse::<usize>().ok()).unwrap_or(0);
    let shown = Text::of(&outcome.out).packets.len();
    let stopped = number('n') > 0 && shown >= number('n') + number('A');
    let searched = !asked.line.has('h') && !asked.line.has('V');
    (truncated && searched && outcome.code.is_some_and(|code| code < 2) && !stopped)
        .then(|| Outcome { code: Some(2), ..outcome.clone() })
}

/// An outcome with status 2 and nothing on standard output.
fn refused(_: &Outcome) -> Outcome {
    Outcome { out: Vec::new(), code: Some(2), written: None }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

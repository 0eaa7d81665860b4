//! Deviations about which packets are shown, at what time, and where.

use std::collections::BTreeSet;

use super::{Asked, each_header};
use crate::ngrep::alike::expected::{SNAPLEN, original};
use crate::ngrep::alike::lines::WRITTEN;
use crate::ngrep::alike::model::Model;
use crate::ngrep::alike::running::{Form, Outcome};
use crate::ngrep::alike::text::Text;

/// With `-v` the packets that are shown count.
pub(super) fn inverted(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let line = asked.line;
    if !line.has('v') || line.has('A') || outcome.code.is_none_or(|code| code > 1) {
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
    Some(model.outcome(asked, &shown, last, code, outcome))
}

/// Context is of the same conversation, and is shown behind the last match of `-n` too.
pub(super) fn context(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let line = asked.line;
    let after: usize = line.value('A').and_then(|value| value.parse().ok())?;
    if outcome.code.is_none_or(|code| code > 1) {
        return None;
    }
    let model = Model::of(asked, outcome)?;
    let inverted: BTreeSet<usize> = model.full.difference(&model.hits).copied().collect();
    let selected = if line.has('v') { &inverted } else { &model.hits };
    let limit = line.value('n').and_then(|value| value.parse().ok()).unwrap_or(usize::MAX);
    let mut left = Vec::new();
    let mut chosen = BTreeSet::new();
    let mut matched = 0;
    let mut last = model.frames();
    for place in 1..=model.frames() {
        let flow = model.flow(place);
        let visible = line.has('e') || model.full.contains(&place);
        if matched < limit && selected.contains(&place) {
            matched += 1;
            chosen.insert(place);
            left.retain(|(other, _)| other != flow);
            left.push((flow.clone(), after));
        } else if let Some((_, count)) = left.iter_mut().find(|(other, count)| other == flow && *count > 0) {
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
    let code = Some(i32::from(matched == 0));
    Some(model.outcome(asked, &chosen, last, code, outcome))
}

/// With `-S 0` nothing is searched, and nothing is found.
pub(super) fn zero_bytes(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    if asked.line.value('S') != Some("0") {
        return None;
    }
    let mut text = Text::of(&outcome.out);
    let marks: Vec<u8> = text.packets.drain(..).flat_map(|shown| shown.marks).collect();
    text.head.extend(marks);
    Some(Outcome { out: text.bytes(), ..outcome.clone() })
}

/// The first packet's time since the last one is zero.
pub(super) fn first_delta(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    if !asked.line.delta() {
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

/// A packet that is older than the one before has a time below zero. ngrep keeps its seconds in 32 bits without a sign.
pub(super) fn negative_delta(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    if !asked.line.delta() || asked.capture.name != "times" {
        return None;
    }
    Some(each_header(outcome, |header| {
        let time = header.split_once(" +").and_then(|(before, rest)| Some((before, rest.split_once(' ')?)));
        let Some((before, (time, behind))) = time else { return header.to_owned() };
        let Some((seconds, micros)) = time.split_once('.') else { return header.to_owned() };
        match (seconds.parse::<i64>(), micros.parse::<i64>()) {
            (Ok(seconds), Ok(micros)) if seconds > i64::from(i32::MAX) => {
                let below = -((seconds - (1 << 32)) * 1_000_000 + micros);
                format!("{before} -{}.{:06} {behind}", below / 1_000_000, below % 1_000_000)
            }
            _ => header.to_owned(),
        }
    }))
}

/// The first packet that is shown is the first one for `-TT`, also if its time is zero.
pub(super) fn time_zero(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    if !asked.line.delta() || asked.line.count('T') % 2 == 1 || asked.capture.name != "times" {
        return None;
    }
    let passed = asked.passed();
    let mut micros = asked.places(outcome).into_iter().map(|place| {
        let (seconds, micros) = passed[place - 1].time;
        i64::from(seconds) * 1_000_000 + i64::from(micros)
    });
    let mut first = None;
    Some(each_header(outcome, |header| {
        let Some(now) = micros.next() else { return header.to_owned() };
        let since = now - *first.get_or_insert(now);
        let mut words: Vec<String> = header.splitn(3, ' ').map(str::to_owned).collect();
        words[1] = format!("+{}.{:06}", since / 1_000_000, since % 1_000_000);
        words.join(" ")
    }))
}

/// A frame without a time has none.
pub(super) fn no_time(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let stamped = asked.line.has('t') || asked.line.has('T');
    (asked.capture.name == "no-time" && stamped).then(|| {
        each_header(outcome, |header| {
            let words = if asked.line.delta() { 1 } else { 2 };
            let behind: Vec<&str> = header.splitn(words + 2, ' ').collect();
            format!("{} (no time) {}", behind[0], behind[words + 1])
        })
    })
}

/// The first hit that has a byte is coloured, if the pattern also finds hits without one.
pub(super) fn empty_hits(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let pattern = asked.line.pattern().strip_suffix('|').filter(|_| asked.line.has('C'))?;
    let coloured = Text::of(&asked.ngrep(&asked.line.with_pattern(pattern)).outcome.out);
    let mut text = Text::of(&outcome.out);
    for shown in &mut text.packets {
        if let Some(other) = coloured.packets.iter().find(|other| other.number() == shown.number()) {
            shown.block.clone_from(&other.block);
        }
    }
    Some(Outcome { out: text.bytes(), ..outcome.clone() })
}

/// With `-O -` there is nothing but the capture on standard output.
pub(super) fn standard_output(asked: &Asked<'_>, outcome: &Outcome) -> Option<Outcome> {
    let line = asked.line;
    if line.value('O') != Some("-") || outcome.code.is_none_or(|code| code > 1) {
        return None;
    }
    let to_file = |word: &String| if word == "-" { WRITTEN.to_owned() } else { word.clone() };
    let words: Vec<String> = line.words.iter().map(to_file).collect();
    let written = asked.ngrep(&words).outcome.written?;
    let mut out = original(&written, &asked.place.path(Form::Real, &asked.capture.name));
    out.get_mut(16..20)?.copy_from_slice(&SNAPLEN);
    Some(Outcome { out, ..outcome.clone() })
}

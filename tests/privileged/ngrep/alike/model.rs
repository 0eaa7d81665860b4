//! What ngrep would have shown, had it chosen other packets: put together from its own text of each packet.

use std::collections::{BTreeMap, BTreeSet};

use crate::ngrep::alike::frames::{Format, Shot, file};
use crate::ngrep::alike::packets::Frame;
use crate::ngrep::alike::rows::Asked;
use crate::ngrep::alike::running::Outcome;
use crate::ngrep::alike::text::{Shown, Text};

/// Every frame that passed the filter, as ngrep shows it with the options of the line, and those that match.
pub(crate) struct Model {
    preamble: Vec<u8>,
    every: Vec<Shown>,
    /// The ends of each of them, with the number of its protocol.
    flows: Vec<(String, BTreeSet<String>)>,
    /// The times of each of them in microseconds, if the time since another one is shown.
    times: Option<Vec<i64>>,
    /// The time is that since the first one that is shown.
    since_first: bool,
    /// The places of the frames with a payload.
    pub(crate) full: BTreeSet<usize>,
    /// The places of the frames with a payload in which the pattern is found.
    pub(crate) hits: BTreeSet<usize>,
    /// The blocks of the packets that ngrep itself shows as matches.
    own: BTreeMap<usize, Vec<u8>>,
    level: usize,
}

impl Model {
    /// Asks ngrep. `None` if the line has no outcome that is put together of packets.
    pub(crate) fn of(asked: &Asked<'_>, outcome: &Outcome) -> Option<Self> {
        let line = asked.line;
        let level = line.count('q');
        let text =
            |flags: &str, pattern: &str| Text::of(&asked.ngrep(&words(asked, flags, pattern)).outcome.out);
        let numbers = |text: &Text| text.packets.iter().filter_map(Shown::number).collect();
        let looks = format!("e{}", kept(asked, if line.delta() { "xN" } else { "xNt" }));
        let every = text(&looks, "");
        let full = text("", "");
        let flows = text("eN", "").packets.iter().map(Shown::flow).collect();
        let micros = |frame: &Frame| i64::from(frame.time.0) * 1_000_000 + i64::from(frame.time.1);
        let times = line.delta().then(|| asked.passed().iter().map(micros).collect());
        let hits = text(&kept(asked, "iwXM"), line.pattern());
        let numbered = |text: &Text| text.packets.iter().all(|shown| shown.number().is_some());
        if !numbered(&full) || !numbered(&hits) {
            return None;
        }
        // Only these have colour.
        let shown = Text::of(&outcome.out).packets.into_iter().filter(|_| !line.has('v'));
        let hits: BTreeSet<usize> = numbers(&hits);
        let own = shown.filter_map(|shown| Some((shown.number()?, shown.block)));
        Some(Self {
            own: own.filter(|(place, _)| hits.contains(place)).collect(),
            preamble: Text::of(&outcome.out).preamble().to_vec(),
            full: numbers(&full),
            hits,
            every: every.packets,
            flows,
            times,
            since_first: line.count('T') % 2 == 0,
            level,
        })
    }

    /// The number of frames that passed the filter.
    pub(crate) fn frames(&self) -> usize {
        self.every.len()
    }

    /// The two ends of a packet, and its protocol.
    pub(crate) fn flow(&self, place: usize) -> &(String, BTreeSet<String>) {
        &self.flows[place - 1]
    }

    /// What ngrep would have done, had it shown these packets, and stopped at the frame at `last`.
    pub(crate) fn outcome(
        &self,
        asked: &Asked<'_>,
        chosen: &BTreeSet<usize>,
        last: usize,
        code: Option<i32>,
        outcome: &Outcome,
    ) -> Outcome {
        let written = outcome.written.as_ref().map(|_| {
            let passed = asked.passed();
            let shots: Vec<Shot> =
                chosen.iter().filter_map(|&place| passed.get(place - 1)).map(Frame::shot).collect();
            let link = passed.first().map_or(1, |frame| frame.link);
            file(Format::Micros, link, &shots, |shot| shot.bytes.clone())
        });
        Outcome { out: self.text(chosen, last), code, written }
    }

    /// ngrep's text with these packets, up to the frame at `last`.
    fn text(&self, chosen: &BTreeSet<usize>, last: usize) -> Vec<u8> {
        let mut out = self.preamble.clone();
        let mut since = None;
        for place in 1..=last {
            if self.level == 0 {
                out.push(b'#');
            }
            if chosen.contains(&place) {
                let mut shown = self.every[place - 1].clone();
                if let Some(own) = self.own.get(&place) {
                    shown.block.clone_from(own);
                } else if let Some(times) = &self.times {
                    let (now, then) = (times[place - 1], *since.get_or_insert(times[place - 1]));
                    let delta = format!(" +{}.{:06} ", (now - then) / 1_000_000, (now - then) % 1_000_000);
                    shown.rewrite(|header| header.replacen(' ', &delta, 1));
                }
                if let Some(times) = self.times.as_ref().filter(|_| !self.since_first) {
                    since = Some(times[place - 1]);
                }
                out.extend(&shown.block);
            }
        }
        if self.level == 0 {
            out.extend(b"exit\n");
        }
        out
    }
}

/// Those of the letters that stand in the line, as often as they do.
fn kept(asked: &Asked<'_>, letters: &str) -> String {
    letters.chars().flat_map(|letter| std::iter::repeat_n(letter, asked.line.count(letter))).collect()
}

/// The words of a line that shows all packets in the same layout.
fn words(asked: &Asked<'_>, flags: &str, pattern: &str) -> Vec<String> {
    let line = asked.line;
    let mut words: Vec<String> = Vec::new();
    // A header without a number would not say which frame it is about.
    let looks = flags.starts_with('e');
    let level = if looks { line.count('q') } else { 1 };
    words.push(format!("-R{}{flags}", "q".repeat(level)));
    for letter in "WcPS".chars() {
        if let Some(value) = line.value(letter).filter(|_| looks || letter == 'S') {
            words.push(format!("-{letter}"));
            words.push(value.to_owned());
        }
    }
    words.push("--".to_owned());
    words.push(pattern.to_owned());
    words.extend(line.rest.iter().skip(1).cloned());
    words
}

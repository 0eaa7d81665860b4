//! The members that stand in two files of a folder: the command line, the machine and the times of a run, held against the manifest and
//! the reports. So the run of another folder does not pass for that of this one.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::audit::clock;
use crate::audit::manifest::Manifest;
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
    let (began, ended) = (run["began"].as_str().unwrap_or(""), run["ended"].as_str().unwrap_or(""));
    run["machine"]["tool"] == manifest.tool
        && is_on_terms(&words, manifest)
        && watched.iter().all(|watched| {
            is_named(&words, &watched.report, manifest)
                && is_of(run["machine"]["host_name"].as_str(), &words, &watched.report)
                && watched.is_within(began, ended)
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

    /// Returns true if a watch was between these times, which are texts of one form. A file may be older.
    fn is_within(&self, began: &str, ended: &str) -> bool {
        let is_within = |time: Timestamp| {
            clock::utc(time).is_none_or(|time| began <= time.as_str() && time.as_str() <= ended)
        };
        let watch = self.report.occasion.ended.into_iter();
        let mut times = watch.chain(self.times.into_iter().flat_map(|(first, last)| [first, last]));
        began <= ended && (!self.facts.is_live() || times.all(is_within))
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

//! Reading reports: a stream of JSON values, each bounded, of which the newest of each node and network is kept.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, BufReader, Cursor, Read};
use std::rc::Rc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::matrix::{Problem, Standing};
use super::newest::{Aside, Window};
use super::parse::{Head, Heard, Json, LONGEST_TEXT, Series};
use crate::packet::Timestamp;

/// The longest report, in bytes. One of a network of a thousand nodes has less than two million.
const LONGEST: u64 = 32 << 20;
/// The most reports that are kept, and the most directions in them.
const MOST_REPORTS: usize = 100_000;
const MOST_LEGS: usize = 4_000_000;
/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// The most problems that are kept.
const MOST_PROBLEMS: usize = 1000;

/// The reports that were read so far.
#[derive(Clone, Debug, Default)]
pub struct Reports {
    /// One for each, or two where the newest contradicts itself.
    pub(super) newest: BTreeMap<Series, Vec<Heard>>,
    /// For each, the newest of a kind that was passed over within one file.
    passed_over: BTreeMap<(Series, &'static str), Aside>,
    window: Window,
    pub(super) problems: Vec<Problem>,
    pub(super) more_problems: u64,
    /// True if a report is missing because it could not be read.
    pub(super) incomplete: bool,
    legs: usize,
}

impl Reports {
    /// Begins to read reports that are to be merged at this time, or at that of the newest. `stale` is the age from which on
    /// they do not count, as in the terms of the merge.
    pub fn at(at: Option<Timestamp>, stale: Duration) -> Self {
        Self { window: Window::new(at, stale), ..Self::default() }
    }

    /// Reads all reports of a file, whose name is for messages. What cannot be understood becomes a problem.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&mut self, file: &str, mut from: impl Read) -> io::Result<()> {
        // PowerShell begins a file of UTF-8 with a byte order mark, which JSON does not allow.
        let mut start = Vec::new();
        from.by_ref().take(MARK.len() as u64).read_to_end(&mut start)?;
        if start == MARK {
            start.clear();
        }
        let from = Cursor::new(start).chain(from);
        let left = Rc::new(Cell::new(LONGEST));
        let failed = Rc::new(Cell::new(None));
        // The parser asks for one byte after the other. What is buffered ahead counts for the report before it.
        let bounded = Bounded { from, left: Rc::clone(&left), failed: Rc::clone(&failed) };
        let bounded = BufReader::with_capacity(1 << 16, bounded);
        let mut values = serde_json::Deserializer::from_reader(bounded).into_iter::<Box<RawValue>>();
        let mut reports = 0;
        loop {
            left.set(LONGEST);
            match values.next() {
                None => break,
                Some(Ok(value)) => {
                    reports += 1;
                    self.value(file, reports, value.get());
                }
                Some(Err(_)) if failed.get().is_some() => {
                    return Err(failed.take().unwrap_or(io::ErrorKind::Other).into());
                }
                Some(Err(_)) if left.get() == 0 => {
                    self.refuse("too-large", file, format!("report {} is longer than 32 MiB", reports + 1));
                    break;
                }
                Some(Err(error)) => {
                    let what = if error.is_eof() { "is cut off" } else { "is not JSON" };
                    self.refuse(
                        "unreadable",
                        file,
                        format!("report {} {what}, at line {}", reports + 1, error.line()),
                    );
                    break;
                }
            }
        }
        if reports == 0 && !self.incomplete {
            self.refuse("unreadable", file, "it is empty".to_owned());
        }
        Ok(())
    }

    /// Adds a problem for a file that makes the whole doubtful: a report may be missing.
    pub fn refuse(&mut self, code: &'static str, file: &str, text: String) {
        self.incomplete = true;
        self.note(code, file, text);
    }

    /// Returns the time of the newest report; `None` if none has a time.
    pub fn newest_time(&self) -> Option<Timestamp> {
        self.newest.values().flatten().filter_map(|heard| heard.ended).max_by_key(|ended| ended.nanos)
    }

    pub(super) fn note(&mut self, code: &'static str, file: &str, text: String) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(Problem { code, file: file.to_owned(), text });
        } else {
            self.more_problems += 1;
        }
    }

    fn value(&mut self, file: &str, number: u64, value: &str) {
        // A list would be taken for the members of an object in their order.
        let is_object = value.starts_with('{');
        let head: Head = match serde_json::from_str(value) {
            Ok(head) if is_object => head,
            _ => {
                return self.refuse(
                    "not-a-report",
                    file,
                    format!("value {number} is no report of verify --json"),
                );
            }
        };
        match head.v {
            Some(1) => {}
            Some(v) => {
                let text = format!(
                    "report {number} has version {v} of the format, and this program reads version 1"
                );
                return self.refuse("unknown-version", file, text);
            }
            None => {
                return self.refuse(
                    "not-a-report",
                    file,
                    format!("value {number} is no report of verify --json"),
                );
            }
        }
        // The last line of --all counts the networks before it.
        if head.networks.is_some() {
            return;
        }
        match serde_json::from_str::<Json>(value)
            .map_err(|error| error.to_string())
            .and_then(|json| json.heard(file))
        {
            Ok((series, report)) => self.add(series, report),
            Err(why) => {
                let why: String = why.chars().take(LONGEST_TEXT).collect();
                self.refuse("not-a-report", file, format!("report {number} is not by the schema: {why}"));
            }
        }
    }

    fn add(&mut self, series: Series, heard: Heard) {
        if self.newest.len() >= MOST_REPORTS || self.legs + heard.legs.len() > MOST_LEGS {
            return self.refuse(
                "too-many",
                &heard.file.clone(),
                "there are too many reports; this one is left out".to_owned(),
            );
        }
        self.legs += heard.legs.len();
        let mut all = self.newest.remove(&series).unwrap_or_default();
        all.push(heard);
        all.sort_by_key(|heard| self.window.place(heard));
        for other in all.split_off(1) {
            let counting = &all[0];
            if all.len() == 1 && self.window.stands_beside(&other, counting) {
                all.push(other);
                continue;
            }
            self.legs -= other.legs.len();
            let aside = self.window.passed_over(&other, counting);
            if other.file != counting.file {
                self.note(aside.code, &aside.file, aside.text);
            } else if aside.is_news(&other) {
                // The lines of --watch are many. The newest is enough to tell.
                let known =
                    self.passed_over.entry((series.clone(), aside.code)).or_insert_with(|| aside.clone());
                if known.ended.map(|ended| ended.nanos) < aside.ended.map(|ended| ended.nanos) {
                    *known = aside;
                }
            }
        }
        self.newest.insert(series, all);
    }

    /// Tells what was passed over within files, as far as it is not too old to count.
    pub(super) fn tell_passed_over(&mut self, window: Window) {
        for aside in std::mem::take(&mut self.passed_over).into_values() {
            if window.weight(aside.ended) != Standing::Stale {
                self.note(aside.code, &aside.file, aside.text);
            }
        }
    }
}

/// A reader that fails when more bytes are read than are left.
struct Bounded<R> {
    from: R,
    left: Rc<Cell<u64>>,
    failed: Rc<Cell<Option<io::ErrorKind>>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left.get() == 0 {
            return Err(io::Error::other("too long"));
        }
        let count = self.from.read(buffer).inspect_err(|error| self.failed.set(Some(error.kind())))?;
        self.left.set(self.left.get().saturating_sub(count as u64));
        Ok(count)
    }
}

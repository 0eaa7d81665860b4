//! `ovlsniff ngrep` beside the real ngrep. Both are run on captures and with command lines that are made here; standard
//! output, exit status and the capture that `-O` writes have to be the same.
//!
//! Each deviation is a row of the table in `docs/ngrep.md`, and a function of the same name in `rows.rs` that turns what
//! ngrep does into what ovlsniff is meant to do. So a row excuses its own difference and no other. What is left is a
//! fault of ovlsniff, or a row that is missing. A row that nothing shows is a fault too.

mod captures;
mod corpus;
mod expected;
mod frames;
mod lines;
mod model;
mod odd;
mod packets;
mod rows;
mod running;
mod table;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use captures::Capture;
use lines::Line;
use running::{Bench, Form, Outcome, Place, Program};

/// A pair of a capture and a command line for which the two differ without a reason.
struct Difference {
    capture: String,
    typed: &'static str,
    text: String,
}

/// What came of all pairs.
#[derive(Default)]
struct Findings {
    pairs: usize,
    differences: Vec<Difference>,
    /// The rows that made a difference, and for how many pairs.
    used: BTreeMap<&'static str, usize>,
}

#[test]
#[ignore = "needs ngrep"]
fn it_prints_what_ngrep_prints() {
    let captures = captures::all();
    let lines = chosen(lines::all());
    let findings = compare(&captures, &lines);
    println!("{} pairs, the rows: {:?}", findings.pairs, findings.used);
    // `docs/ngrep.md` tells these numbers.
    assert!(captures.len() > 60 && findings.pairs >= 60 * 100 + 12 * 80, "only {} pairs", findings.pairs);
    findings.expect_none();
    let unused: Vec<_> =
        rows::ROWS.iter().map(|row| row.name).filter(|name| !findings.used.contains_key(name)).collect();
    assert!(unused.is_empty(), "no pair shows these rows: {unused:?}");
}

/// The lines that contain the text of this variable, to look at some of them only.
fn chosen(lines: Vec<Line>) -> Vec<Line> {
    let part = std::env::var("OVLSNIFF_NGREP_ONLY").unwrap_or_default();
    lines.into_iter().filter(|line| line.typed.contains(&part)).collect()
}

#[test]
#[ignore = "needs ngrep"]
fn the_table_and_the_test_have_the_same_rows() {
    let told = table::names();
    let unique: BTreeSet<_> = told.iter().map(String::as_str).collect();
    let known: BTreeSet<_> = rows::ROWS.iter().map(|row| row.name).collect();
    assert_eq!(unique, known);
    assert_eq!(told.len(), unique.len(), "a row stands there twice");
}

#[test]
#[ignore = "needs ngrep"]
fn captures_of_others_differ_for_the_same_reasons() {
    let fixtures = || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").into();
    let folder = std::env::var_os("OVLSNIFF_NGREP_CORPUS").unwrap_or_else(fixtures);
    let (captures, left_out) = corpus::captures(folder.as_ref());
    let findings = compare(&captures, &corpus::lines());
    println!("{} captures, {} pairs, the rows: {:?}", captures.len(), findings.pairs, findings.used);
    println!("frames that are left out: {left_out:?}");
    let untold: Vec<_> = left_out.keys().filter(|reason| !table::has(reason)).collect();
    assert!(untold.is_empty(), "no table tells these reasons: {untold:?}");
    findings.expect_none();
}

impl Findings {
    /// Fails with the differences: the first in full, of the others the capture and the line.
    fn expect_none(&self) {
        let shown: usize =
            std::env::var("OVLSNIFF_NGREP_SHOWN").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
        let full: Vec<_> =
            self.differences.iter().take(shown).map(|difference| difference.text.as_str()).collect();
        let others = self.differences.iter().skip(shown);
        let brief: Vec<_> = others.map(|other| format!("{}: ngrep {}", other.capture, other.typed)).collect();
        assert!(
            self.differences.is_empty(),
            "{} of {} pairs differ without a reason:\n{}\nand these:\n{}",
            self.differences.len(),
            self.pairs,
            full.join("\n"),
            brief.join("\n")
        );
    }
}

/// Compares the two programs for each capture with each line, on as many threads as there are processors.
fn compare(captures: &[Capture], lines: &[Line]) -> Findings {
    let bench = Bench::new(captures);
    let next = AtomicUsize::new(0);
    let findings = Mutex::new(Findings::default());
    thread::scope(|scope| {
        for number in 0..thread::available_parallelism().map_or(2, usize::from) {
            let place = bench.place(number);
            let (next, findings) = (&next, &findings);
            scope.spawn(move || {
                loop {
                    let pair = next.fetch_add(1, Ordering::Relaxed);
                    let Some(line) = lines.get(pair / captures.len()) else { break };
                    let capture = &captures[pair % captures.len()];
                    if !line.is_for(&capture.name) {
                        continue;
                    }
                    let (difference, used) = pair_of(&place, capture, line);
                    let mut findings = findings.lock().unwrap();
                    findings.pairs += 1;
                    if difference.is_none() {
                        for row in used {
                            *findings.used.entry(row).or_default() += 1;
                        }
                    }
                    findings.differences.extend(difference);
                }
            });
        }
    });
    findings.into_inner().unwrap()
}

/// Runs both programs, and turns what ngrep did into what is expected, row by row.
fn pair_of(place: &Place<'_>, capture: &Capture, line: &Line) -> (Option<Difference>, Vec<&'static str>) {
    let ours = place.run(Program::Ours, Form::Real, &capture.name, &line.words, &line.zone);
    let real = place.run(Program::Ngrep, Form::Real, &capture.name, &line.words, &line.zone);
    let (expected, used) = expected::of(place, capture, line, &real, &ours.outcome);
    if expected == ours.outcome {
        return (None, used);
    }
    let text = format!(
        "== {}: ngrep {}\n-- ngrep: status {:?}{}\n{}{}\n-- expected by {used:?}: status {:?}{}\n{}\n-- ours: status {:?}{}\n{}{}\n",
        capture.name,
        line.typed,
        real.outcome.code,
        written(&real.outcome),
        shown(&real.outcome),
        real.err,
        expected.code,
        written(&expected),
        shown(&expected),
        ours.outcome.code,
        written(&ours.outcome),
        shown(&ours.outcome),
        ours.err,
    );
    (Some(Difference { capture: capture.name.clone(), typed: line.typed, text }), used)
}

/// The output with its control bytes escaped, and not all of a long one.
fn shown(outcome: &Outcome) -> String {
    let text = outcome.out.escape_ascii().to_string().replace("\\n", "\n");
    if text.len() < 3000 {
        text
    } else {
        format!("{} … {} bytes", text.chars().take(3000).collect::<String>(), text.len())
    }
}

fn written(outcome: &Outcome) -> String {
    outcome.written.as_ref().map_or_else(String::new, |bytes| {
        format!(", {} bytes written: {}", bytes.len(), bytes.escape_ascii())
    })
}

//! `ovlsniff verify -r` on captures that an adversary could have crafted: each row is a file, the right verdict, and a
//! sentence that argues it.
//!
//! All but a few begin with the same: two nodes A and B, whose overlay is in ESP that the keys open, and some frames that are
//! no ESP. That alone is ENCRYPTED. A row adds what should change the verdict, or should not. Where two verdicts can be
//! defended, both are right; a false ENCRYPTED and a false alarm never are.

mod build;
mod carriers;
mod files;
mod sealed;
mod senders;

use std::collections::BTreeSet;
use std::io::Write as _;

use serde_json::Value;

use crate::run::{finish, program};

const ENCRYPTED: &[&str] = &["ENCRYPTED"];
const CLEAR: &[&str] = &["CLEAR"];
const UNPROVEN: &[&str] = &["INCONCLUSIVE"];
/// Never ENCRYPTED: CLEAR where the frames are plain to see.
const CLEAR_OR_UNPROVEN: &[&str] = &["CLEAR", "INCONCLUSIVE"];
/// Never CLEAR: these frames are no leak of this node.
const NO_ALARM: &[&str] = &["ENCRYPTED", "INCONCLUSIVE"];

/// The rows that `verify` gets wrong so far. A row that it gets right must leave the list.
const NOT_YET: &[&str] = &[];

/// A capture, and what is right about it.
struct Row {
    name: &'static str,
    file: Vec<u8>,
    arguments: &'static [&'static str],
    keys: Keys,
    right: &'static [&'static str],
    reason: Option<&'static str>,
    finding: Option<&'static str>,
    because: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Given,
    Withheld,
}

/// A row that is judged with the keys and the peer's address.
fn row(name: &'static str, file: Vec<u8>, right: &'static [&'static str], because: &'static str) -> Row {
    let arguments = &["--local", "192.0.2.1", "--peer", "192.0.2.2"];
    Row { name, file, arguments, keys: Keys::Given, right, reason: None, finding: None, because }
}

impl Row {
    fn arguments(self, arguments: &'static [&'static str]) -> Self {
        Self { arguments, ..self }
    }

    fn without_keys(self) -> Self {
        Self { keys: Keys::Withheld, ..self }
    }

    fn reason(self, reason: &'static str) -> Self {
        Self { reason: Some(reason), ..self }
    }

    fn finding(self, finding: &'static str) -> Self {
        Self { finding: Some(finding), ..self }
    }

    /// Runs the program on the row's file. Returns a line on what is wrong with its answer, if anything is.
    fn fault(&self) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (file, keys, vni) = (path("capture"), path("esp_sa"), build::VNI.to_string());
        std::fs::write(&file, &self.file).unwrap();
        std::fs::write(&keys, build::keys()).unwrap();
        let mut command = program();
        command.args(["verify", "-r", &file, "--vni", &vni, "--format", "json"]).args(self.arguments);
        if self.keys == Keys::Given {
            command.args(["--sa", &keys]);
        }
        let evidence = path("evidence");
        command.args(["--evidence", &evidence]);
        let piped = std::process::Stdio::piped;
        let ran = finish(command.stdout(piped()).stderr(piped()).spawn().unwrap());
        let report: Value =
            serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}: {ran:?}", self.name));
        let again = program().args(["verify", "--replay", &evidence, "--json"]).output().unwrap();
        if (again.status.code(), &again.stdout) != (ran.code, &ran.bytes) {
            return Some(format!("{}: the replay says something else: {again:?}", self.name));
        }
        let word = |name: &str| report[name].as_str().unwrap_or_default();
        let findings: Vec<_> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|found| found["reason"].as_str())
            .collect();
        let right = self.right.contains(&word("verdict"))
            && self.reason.is_none_or(|reason| reason == word("reason"))
            && self.finding.is_none_or(|finding| findings.contains(&finding));
        (!right).then(|| {
            let Self { name, right, reason, finding, because, .. } = self;
            let (verdict, why) = (word("verdict"), word("reason"));
            format!(
                "{name}: {verdict} ({why}, findings {findings:?}), not {right:?} {reason:?} {finding:?}: {because}"
            )
        })
    }
}

/// Fails if a row is wrong that is not on the list, or right and on the list. The rest of the list is shown in every run of
/// the tests.
fn check(rows: &[Row]) {
    let (mut wrong, mut skipped) = (Vec::new(), Vec::new());
    for row in rows {
        match (row.fault(), NOT_YET.contains(&row.name)) {
            (Some(fault), false) => wrong.push(fault),
            (Some(_), true) => skipped.push(row.name),
            (None, true) => wrong.push(format!("{}: is right, so take it off the list NOT_YET", row.name)),
            (None, false) => {}
        }
    }
    if !skipped.is_empty() {
        // The macros' output is only shown of a test that fails.
        let said =
            format!("skipped, {} rows that verify gets wrong: {}\n", skipped.len(), skipped.join("; "));
        std::io::stderr().write_all(said.as_bytes()).unwrap();
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

fn all() -> Vec<Row> {
    [carriers::rows(), senders::rows(), files::rows(), sealed::rows()].into_iter().flatten().collect()
}

#[test]
fn clear_frames_inside_of_something_else_are_never_encrypted() {
    check(&carriers::rows());
}

#[test]
fn a_frame_counts_by_who_sent_it() {
    check(&senders::rows());
}

#[test]
fn a_file_is_believed_for_what_it_can_show() {
    check(&files::rows());
}

#[test]
fn what_nobody_can_read_is_no_proof() {
    check(&sealed::rows());
}

#[test]
fn every_row_has_a_name_of_its_own_and_a_sentence_that_argues_it() {
    let rows = all();
    let names: BTreeSet<_> = rows.iter().map(|row| row.name).collect();
    assert!(names.len() == rows.len() && rows.len() >= 45, "{} rows, {} names", rows.len(), names.len());
    for row in &rows {
        assert!(row.because.ends_with('.') && row.because.len() > 20, "{}: {}", row.name, row.because);
    }
    for name in NOT_YET {
        assert!(names.contains(name), "{name} is on the list NOT_YET, and is no row");
    }
}

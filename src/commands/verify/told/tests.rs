use std::ffi::OsString;

use ovlsniff::verify::{Circumstances, Question, Tally, judge};

use super::*;
use crate::cli::{self, Command};

fn typed(words: &[&str]) -> Box<Verify> {
    let words: Vec<OsString> =
        ["verify", "--net", "secure"].iter().chain(words).map(OsString::from).collect();
    match cli::read(&words).ok().and_then(|typed| typed.cli.command) {
        Some(Command::Verify(args)) => args,
        _ => panic!("{words:?} is verify's"),
    }
}

/// Returns what is told of a watch that ended at 2026-11-27T19:08:52.75Z, with an output, behind another one.
fn told(words: &[&str]) -> String {
    let (args, ended) = (typed(words), Timestamp::new(1_795_806_532, 750_000_000, 9));
    let judged = judge(&Tally::new(Question::default()), Circumstances::default());
    let occasion = Occasion { ended: Some(ended), ..Occasion::default() };
    let report = Report { occasion, ..judged };
    let output = Output { path: args.output.as_deref(), open: None };
    let one = of_one(&args, &report, Expectation::Encrypted, &mut Proofs::default());
    apart(&args, one, &output).text
}

#[test]
fn a_repetition_in_text_has_its_time_and_an_empty_line_before_it() {
    let text = told(&["--watch", "5m"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["", "2026-11-27T19:08:52Z"], "{text}");
    assert!(lines[3..].iter().any(|line| line.starts_with("verdict: ")), "{text}");
}

#[test]
fn a_report_that_replaces_a_file_begins_with_its_time() {
    let text = told(&["--watch", "5m", "-o", "report.txt"]);
    assert!(text.starts_with("2026-11-27T19:08:52Z\n"), "{text}");
}

#[test]
fn the_other_formats_of_a_repetition_have_no_lines_for_people() {
    for format in ["json", "junit", "nagios", "prometheus"] {
        let text = told(&["--watch", "5m", "--format", format]);
        assert!(!text.starts_with(['\n', '2']), "{format}: {text}");
    }
    assert!(told(&["--watch", "5m", "--json"]).starts_with('{'));
}

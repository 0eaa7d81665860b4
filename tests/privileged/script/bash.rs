//! bash completes words of the program on a terminal.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use crate::shell::{completes_captures_and_runs_none, completes_options_and_names, shell};

/// Types keys into bash, with a function in place of the program that prints its arguments, and returns these. The
/// completions ask the program all the same.
fn typed(folder: &Path, keys: &str) -> String {
    let mut script = shell("script", folder, "completions/ovlsniff.bash");
    script.args(["-qec", "bash --norc -i", "/dev/null"]).env("TERM", "dumb");
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let begin = "source \"$COMPLETIONS\"; ovlsniff() { printf 'ran<'; printf '%s|' \"$@\"; echo '>'; }\n";
    stdin.write_all(format!("{begin}{keys}\nexit\n").as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let ran = text.rsplit_once("ran<").and_then(|(_, rest)| rest.split_once("|>"));
    ran.map(|(words, _)| words.to_owned()).unwrap_or(text)
}

#[test]
#[ignore = "needs script"]
fn bash_completes_options_and_names_of_this_host() {
    completes_options_and_names(typed);
}

#[test]
#[ignore = "needs script"]
fn bash_completes_names_of_captures_and_runs_none_of_them() {
    completes_captures_and_runs_none(typed);
}

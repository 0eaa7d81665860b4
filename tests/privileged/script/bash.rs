//! bash completes words of the program on a terminal.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::run::plain;

/// Types keys into bash, with a function in place of the program that prints its arguments, and returns these. The
/// completions ask the program all the same.
fn typed(folder: &Path, keys: &str) -> String {
    let bin = Path::new(env!("CARGO_BIN_EXE_ovlsniff")).parent().unwrap();
    let mut script = plain(Command::new("script"));
    script.args(["-qec", "bash --norc -i", "/dev/null"]).current_dir(folder).env("TERM", "dumb");
    script.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    script.env("COMPLETIONS", std::fs::canonicalize("completions/ovlsniff.bash").unwrap());
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
    let here = Path::new("/");
    assert_eq!(typed(here, "ovlsniff -i l\t--inv\t"), "-i|lo|--invert-match");
    assert_eq!(typed(here, "ovlsniff verify --expect=c\t--pas\t"), "verify|--expect=clear|--passive");
}

#[test]
#[ignore = "needs script"]
fn bash_completes_names_of_captures_and_runs_none_of_them() {
    let place = tempfile::tempdir().unwrap();
    for name in ["$(touch pwned) 'a.pcap", "$(touch pwned).txt"] {
        std::fs::write(place.path().join(name), "").unwrap();
    }
    assert_eq!(typed(place.path(), "ovlsniff -r \t"), "-r|$(touch pwned) 'a.pcap");
    assert_eq!(typed(place.path(), "ovlsniff --read=\t"), "--read=$(touch pwned) 'a.pcap");
    assert!(!place.path().join("pwned").exists());
}

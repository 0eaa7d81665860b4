//! The progress of a search through a file that is long in coming.

use std::process::Command;

use crate::made::SWARM;
use crate::run::plain;

/// Searches a capture that comes through a pipe in two parts, the second after two seconds. Returns what a terminal of this name got.
fn slow(name: &str, words: &str) -> String {
    let program = env!("CARGO_BIN_EXE_ovlsniff");
    let command = format!(
        "stty rows 24 cols 100; (head -c 999 {SWARM}; sleep 2; tail -c +1000 {SWARM}) | {program} {words}"
    );
    let mut script = plain(Command::new("script"));
    let output = script.args(["-qec", &command, "/dev/null"]).env("TERM", name).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[ignore = "needs script"]
fn progress_is_shown_after_a_second_and_removed_before_anything_else() {
    let shown = slow("xterm", "--json -r - HTTP >/dev/null");
    let (before, after) = shown.rsplit_once("999 B, ").unwrap_or_else(|| panic!("{shown:?}"));
    assert!(before.contains("\r999 B, "), "written over: {shown:?}");
    let (line, after) = after.split_once("\x1b[K\x1b[J").unwrap();
    assert!(line.ends_with("B/s"), "{shown:?}");
    assert!(after.starts_with("\r\x1b[J") && after.contains("matched"), "{shown:?}");
}

#[test]
#[ignore = "needs script"]
fn matches_are_whole_lines_beside_the_progress() {
    let shown = slow("xterm", "-q --json -r - HTTP");
    let json: Vec<&str> = shown.lines().filter(|line| line.contains("\"v\":1")).collect();
    assert!(!json.is_empty());
    for line in json {
        let line = line.rsplit_once("\x1b[J").map_or(line, |(_, line)| line).trim_end();
        assert!(line.starts_with('{') && line.ends_with('}'), "{line:?}");
    }
}

#[test]
#[ignore = "needs script"]
fn no_progress_amid_marks_nor_where_no_line_can_be_written_over() {
    for (name, words) in [
        ("dumb", "--json -r - HTTP >/dev/null"),
        ("", "-q -r - HTTP"),
        ("xterm", "--json -r - HTTP 2>/dev/null"),
        ("xterm", "-q -r - HTTP 2>&1 | cat"),
    ] {
        let shown = slow(name, words);
        assert!(!shown.contains("B/s"), "{name} {words}: {shown:?}");
    }
}

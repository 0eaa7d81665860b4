//! Tests that need fish.

use std::path::Path;

use crate::shell::shell;

/// Returns the words that fish offers for the last one of a line.
fn offered(folder: &Path, line: &str) -> Vec<String> {
    let script = "source $COMPLETIONS; complete --do-complete $argv[1]";
    let mut fish = shell("fish", folder, "completions/ovlsniff.fish");
    // Completions of other commands, which know that a command may follow, are loaded only with a configuration.
    let home = tempfile::tempdir().unwrap();
    fish.args(["-c", script, line]).env("HOME", home.path()).env_remove("XDG_CONFIG_HOME");
    let output = fish.output().unwrap();
    assert!(output.stderr.is_empty(), "{line}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[test]
#[ignore = "needs fish"]
fn fish_completes_options_and_names_of_this_host() {
    let place = tempfile::tempdir().unwrap();
    assert_eq!(offered(place.path(), "ovlsniff --inv"), ["--invert-match"]);
    assert_eq!(offered(place.path(), "ovlsniff -i l"), ["lo"]);
    assert_eq!(offered(place.path(), "ovlsniff verify --expect=c"), ["--expect=clear"]);
    assert_eq!(offered(place.path(), "ovlsniff man overlay key"), ["keygen"]);
    assert_eq!(offered(place.path(), "env ovlsniff -i l"), ["lo"], "as behind sudo");
}

#[test]
#[ignore = "needs fish"]
fn fish_completes_names_of_captures_first_and_runs_none_of_them() {
    let place = tempfile::tempdir().unwrap();
    for name in ["$(touch pwned) b.pcap", "a.txt"] {
        std::fs::write(place.path().join(name), "").unwrap();
    }
    assert_eq!(offered(place.path(), "ovlsniff -r "), ["$(touch pwned) b.pcap", "a.txt"]);
    assert_eq!(offered(place.path(), "ovlsniff --read=a"), ["--read=a.txt"]);
    assert_eq!(offered(place.path(), "ovlsniff --netns \"$(touch pwned)\" -i l"), [] as [&str; 0]);
    assert!(!place.path().join("pwned").exists());
}

//! The cases of completion that are the same in every shell. How keys are typed into one is its own affair.

use std::path::Path;
use std::process::Command;

use crate::run::plain;

/// A shell that finds the program, in a folder, with the path of a script or a folder of `completions/`.
pub(crate) fn shell(program: &str, folder: &Path, completions: &str) -> Command {
    let bin = Path::new(env!("CARGO_BIN_EXE_ovlsniff")).parent().unwrap();
    let mut shell = plain(Command::new(program));
    shell.current_dir(folder).env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    shell.env("COMPLETIONS", std::fs::canonicalize(completions).unwrap());
    shell
}

/// Asserts that options and names of this host are completed. `typed` types keys, and returns the words that come of them.
pub(crate) fn completes_options_and_names(typed: impl Fn(&Path, &str) -> String) {
    let here = Path::new("/");
    assert_eq!(typed(here, "ovlsniff -i l\t--inv\t"), "-i|lo|--invert-match");
    assert_eq!(typed(here, "ovlsniff verify --expect=c\t--pas\t"), "verify|--expect=clear|--passive");
    assert_eq!(typed(here, "ovlsniff man ove\tkey\t"), "man|overlay|keygen");
}

/// Asserts that names of captures are completed, whatever is in them, and that nothing in a name is run.
pub(crate) fn completes_captures_and_runs_none(typed: impl Fn(&Path, &str) -> String) {
    let place = tempfile::tempdir().unwrap();
    for name in ["$(touch pwned) 'a.pcap", "$(touch pwned).txt"] {
        std::fs::write(place.path().join(name), "").unwrap();
    }
    assert_eq!(typed(place.path(), "ovlsniff -r \t"), "-r|$(touch pwned) 'a.pcap");
    assert_eq!(typed(place.path(), "ovlsniff --read=\t"), "--read=$(touch pwned) 'a.pcap");
    assert!(!place.path().join("pwned").exists());
}

//! Tests that need zsh. It completes words on a terminal of its own, which its module `zsh/zpty` makes.

use std::path::Path;
use std::process::Command;

use crate::run::plain;

/// Types keys into zsh, with a function in place of the program that prints its arguments, and returns these. The
/// completions ask the program all the same.
fn typed(folder: &Path, keys: &str) -> String {
    const SCRIPT: &str = r#"
        zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell "PS1= PROMPT_EOL_MARK= ; fpath=($COMPLETIONS \$fpath); autoload -Uz compinit; compinit -D -u; \
            ovlsniff() { print -r -- \"ran<\${(j:|:)@}>\" }; ngrep() { ovlsniff \"\$@\" }; print rea''dy"
        zpty -r shell output '*ready*'
        zpty -w -n shell "$KEYS"$'\r'
        zpty -r shell output '*ran<*>*'
        output=${output##*ran<}
        print -r -- "${output%%>*}"
        zpty -d shell
    "#;
    let bin = Path::new(env!("CARGO_BIN_EXE_ovlsniff")).parent().unwrap();
    let mut zsh = plain(Command::new("timeout"));
    zsh.args(["60", "zsh", "-f", "-c", SCRIPT]).current_dir(folder).env("KEYS", keys).env("TERM", "xterm");
    zsh.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    zsh.env("COMPLETIONS", std::fs::canonicalize("completions").unwrap());
    let output = zsh.output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

#[test]
#[ignore = "needs zsh"]
fn zsh_completes_options_and_names_of_this_host() {
    let here = Path::new("/");
    assert_eq!(typed(here, "ovlsniff -i l\t--inv\t"), "-i|lo|--invert-match");
    assert_eq!(typed(here, "ovlsniff verify --expect=c\t--pas\t"), "verify|--expect=clear|--passive");
    assert_eq!(typed(here, "ovlsniff man ove\tkey\t"), "man|overlay|keygen");
}

#[test]
#[ignore = "needs zsh"]
fn zsh_completes_names_of_captures_and_runs_none_of_them() {
    let place = tempfile::tempdir().unwrap();
    for name in ["$(touch pwned) 'a.pcap", "$(touch pwned).txt"] {
        std::fs::write(place.path().join(name), "").unwrap();
    }
    assert_eq!(typed(place.path(), "ovlsniff -r \t"), "-r|$(touch pwned) 'a.pcap");
    assert_eq!(typed(place.path(), "ovlsniff --read=\t"), "--read=$(touch pwned) 'a.pcap");
    assert!(!place.path().join("pwned").exists());
}

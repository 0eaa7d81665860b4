//! Tests that need zsh. It completes words on a terminal of its own, which its module `zsh/zpty` makes.

use std::path::Path;

use crate::shell::{completes_captures_and_runs_none, completes_options_and_names, shell};

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
    let mut zsh = shell("timeout", folder, "completions");
    zsh.args(["60", "zsh", "-f", "-c", SCRIPT]).env("KEYS", keys).env("TERM", "xterm");
    let output = zsh.output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

#[test]
#[ignore = "needs zsh"]
fn zsh_completes_options_and_names_of_this_host() {
    completes_options_and_names(typed);
}

#[test]
#[ignore = "needs zsh"]
fn zsh_completes_names_of_captures_and_runs_none_of_them() {
    completes_captures_and_runs_none(typed);
}

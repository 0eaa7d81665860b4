//! The texts that the program makes from its own command line: completions for the shells, and manual pages.

use std::process::Command;

use crate::run::{plain, program};

fn written(words: &[&str]) -> String {
    let output = program().args(words).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn completions_are_those_of_this_command_line() {
    for (shell, file) in [
        ("bash", "ovlsniff.bash"),
        ("elvish", "ovlsniff.elv"),
        ("fish", "ovlsniff.fish"),
        ("powershell", "_ovlsniff.ps1"),
        ("zsh", "_ovlsniff"),
    ] {
        let kept = std::fs::read_to_string(format!("completions/{file}")).unwrap_or_default();
        assert!(
            written(&["completions", shell]) == kept,
            "completions/{file} is not up to date; write it with: ./x completions"
        );
    }
}

#[test]
fn bash_takes_its_completions() {
    let script = "source completions/ovlsniff.bash && COMP_WORDS=(ovlsniff --inv) COMP_CWORD=1 && \
                  _ovlsniff ovlsniff --inv ovlsniff && echo \"${COMPREPLY[@]}\"";
    let output = plain(Command::new("bash")).args(["-c", script]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "--invert-match\n", "{output:?}");
}

#[test]
fn every_option_of_the_help_is_in_the_manual() {
    let help = written(&["--help"]);
    let manual = written(&["man"]).replace('\\', "");
    let options: Vec<&str> = help
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix('-'))
        .map(|rest| rest.split([',', ' ', '.']).next().unwrap())
        .collect();
    assert!(options.len() > 35, "{options:?}");
    for option in options {
        assert!(manual.contains(&format!("-{option}")), "-{option}");
    }
}

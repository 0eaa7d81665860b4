//! What the program writes about itself: completions for the shells, manual pages.

use std::io::Write;
use std::process::{Command, Stdio};

fn written(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ovlsniff")).args(words).output().unwrap();
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
    let output = Command::new("bash").args(["-c", script]).output().unwrap();
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

#[test]
#[ignore = "needs groff"]
fn manual_pages_are_set_without_a_warning() {
    let mut pages = vec![written(&["man"])];
    pages.extend(["interfaces", "completions", "man"].map(|command| written(&["man", command])));
    for page in pages {
        let mut groff = Command::new("groff")
            .args(["-man", "-Tutf8", "-ww"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        groff.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
        let output = groff.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("SYNOPSIS") || text.contains("S\u{8}SY\u{8}Y"), "{text}");
    }
}

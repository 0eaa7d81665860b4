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

/// A type may have the name of a thing, such as `Policy`. A name of several words, such as `RotateStep`, is no English, unless
/// the thing itself is called so.
#[test]
fn no_name_of_a_type_stands_in_the_help() {
    let names: Vec<String> =
        files("src").iter().flat_map(|file| types(file)).filter(|name| has_words(name)).collect();
    let names: Vec<String> = names.into_iter().filter(|name| name != "WireGuard").collect();
    assert!(names.len() > 50, "{names:?}");
    // zsh's completions have the help of every command and option.
    let help = std::fs::read_to_string("completions/_ovlsniff").unwrap();
    for name in names {
        assert!(!help.contains(&name), "{name}");
    }
}

fn files(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.flat_map(|path| {
        if path.is_dir() {
            files(path.to_str().unwrap())
        } else {
            vec![std::fs::read_to_string(path).unwrap()]
        }
    });
    texts.collect()
}

fn types(text: &str) -> Vec<String> {
    let named = |line: &str| {
        let (_, rest) = line.split_once("struct ").or_else(|| line.split_once("enum "))?;
        Some(rest.chars().take_while(|c| c.is_alphanumeric()).collect())
    };
    text.lines().filter(|line| !line.trim_start().starts_with("//")).filter_map(named).collect()
}

fn has_words(name: &str) -> bool {
    name.chars().skip(1).any(char::is_uppercase) && name.chars().any(char::is_lowercase)
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

//! The texts that the program prints about its own command line: scripts for the shells, and help.

use crate::run::program;

fn written(words: &[&str]) -> String {
    let output = program().args(words).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_scripts_of_the_shells_are_those_that_packages_install() {
    for (shell, file) in [
        ("bash", "ovlsniff.bash"),
        ("elvish", "ovlsniff.elv"),
        ("fish", "ovlsniff.fish"),
        ("powershell", "_ovlsniff.ps1"),
        ("zsh", "_ovlsniff"),
    ] {
        let kept = std::fs::read_to_string(format!("completions/{file}")).unwrap();
        assert_eq!(written(&["completions", shell]), kept, "{file}");
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
    let commands = ["", "verify", "interfaces", "keys", "ngrep", "completions", "man", "help", "overlay"];
    let acts = ["up", "down", "status", "rotate", "keygen"].map(|act| format!("overlay {act}"));
    let all = commands.into_iter().chain(acts.iter().map(String::as_str));
    let help: String = all
        .map(|command| written(&["help", command].join(" ").split_whitespace().collect::<Vec<_>>()))
        .collect();
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

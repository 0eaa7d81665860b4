//! Completion, as a shell asks for it. The scripts of the shells are tried in the shells themselves: bash here and in
//! `privileged/script`, zsh and fish in the modules of their names.

use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::docker::{VERSION, engine};
use crate::run::{plain, program};

/// Asks for the candidates of the last word as a shell does. Returns the values that it would offer.
fn asked(program: &mut Command, words: &[&str]) -> Vec<String> {
    let index = (words.len() - 1).to_string();
    let command = program.env("OVLSNIFF_COMPLETE", "zsh").args(["--", &index, words[words.len() - 1]]);
    let output = command.args(words).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

fn offered(words: &[&str]) -> Vec<String> {
    asked(&mut program(), words)
}

#[test]
fn commands_and_options_are_those_of_what_was_typed_before() {
    let commands = offered(&["ovlsniff", ""]);
    assert!(commands.iter().any(|word| word == "verify"), "{commands:?}");
    assert!(!commands.iter().any(|word| word.starts_with('-')), "options come behind a dash: {commands:?}");
    assert_eq!(offered(&["ovlsniff", "--inv"]), ["--invert-match"]);
    assert_eq!(offered(&["ovlsniff", "verify", "--pas"]), ["--passive"]);
    assert_eq!(offered(&["ovlsniff", "verify", "--expect=c"]), ["--expect=clear"]);
    assert_eq!(offered(&["ovlsniff", "overlay", "k"]), ["keygen"]);
    assert_eq!(offered(&["ovlsniff", "verify", "merge", "--pa"]), ["--pairs"]);
    assert_eq!(offered(&["ovlsniff", "verify", "merge", "--pairs", "k"]), ["known"]);
    assert!(offered(&["ovlsniff", "verify", "merge", "--"]).contains(&"--stale".to_owned()));
    assert!(!offered(&["ovlsniff", "verify", "merge", "a.json", "--"]).contains(&"--replay".to_owned()));
    for word in ["man", "help"] {
        assert_eq!(offered(&["ovlsniff", word, "overlay", "u"]), ["up"]);
        assert_eq!(offered(&["ovlsniff", word, "ver"]), ["verify"]);
    }
}

#[test]
fn merge_is_offered_as_the_first_word_behind_verify_alone() {
    let verify = |words: &[&str]| offered(&[&["ovlsniff", "verify"], words].concat());
    assert_eq!(verify(&["m"]), ["merge"]);
    for typed in [&["--net", "vx1"][..], &["--format=nagios"], &["--for", "2s"], &["--vni", "1"], &["--json"]]
    {
        let found = verify(&[typed, &[""]].concat());
        assert!(found.contains(&"--passive".to_owned()), "{typed:?}: {found:?}");
        assert!(!found.contains(&"merge".to_owned()), "{typed:?}: {found:?}");
        assert!(verify(&[typed, &["m"]].concat()).is_empty(), "{typed:?}");
    }
    // Here it is the name of a network.
    assert_eq!(verify(&["--net", "merge", "--pas"]), ["--passive"]);
}

#[test]
fn a_value_that_a_list_has_already_is_not_offered_again() {
    let accept = |word: &str| offered(&["ovlsniff", "verify", "--accept", word]);
    assert_eq!(accept("not-enforced"), ["not-enforced"]);
    let more = accept("not-enforced,");
    assert!(more.len() > 1 && more.iter().all(|value| value.starts_with("not-enforced,")), "{more:?}");
    assert!(!more.contains(&"not-enforced,not-enforced".to_owned()), "{more:?}");
    assert!(offered(&["ovlsniff", "verify", "--accept=not-enforced,not-e"]).is_empty());
    assert!(offered(&["ovlsniff", "verify", "merge", "--accept", "not-enforced,not-e"]).is_empty());
}

#[test]
fn a_pattern_with_the_name_of_a_command_is_none() {
    assert_eq!(offered(&["ovlsniff", "-e", "verify", "--inv"]), ["--invert-match"]);
}

#[test]
fn ngrep_has_its_own_grammar() {
    for words in [&["ngrep"][..], &["/usr/local/bin/ngrep"], &["ovlsniff", "ngrep"]] {
        let options = offered(&[words, &["-"]].concat());
        assert!(
            options.iter().any(|word| word == "-K") || options.iter().any(|word| word == "-M"),
            "{options:?}"
        );
        assert!(!options.iter().any(|word| word == "--interface"), "{options:?}");
        let devices = offered(&[words, &["-d", ""]].concat());
        assert!(devices.contains(&"any".to_owned()) && devices.contains(&"lo".to_owned()), "{devices:?}");
    }
}

#[test]
fn names_of_this_host_are_offered() {
    assert_eq!(offered(&["ovlsniff", "-i", "lo"])[0], "lo");
    assert_eq!(offered(&["ovlsniff", "-i", "au"]), ["auto"]);
    assert_eq!(offered(&["ovlsniff", "-ian"]), ["-iany"]);
    assert_eq!(offered(&["ovlsniff", "-Z", "roo"]), ["root"]);
    assert_eq!(offered(&["ovlsniff", "verify", "--accept", "not-e"]), ["not-enforced"]);
    assert_eq!(offered(&["ovlsniff", "overlay", "up", "--opt", "enc"]), ["encrypted"]);
}

#[test]
fn files_are_left_to_the_shell() {
    assert_eq!(offered(&["ovlsniff", "-r", ""]), [":files"]);
    assert_eq!(offered(&["ovlsniff", "overlay", "up", "--file=a"]), [":files"]);
    assert_eq!(offered(&["ovlsniff", "overlay", "up", "--state", "a"]), [":folders"]);
}

#[test]
fn networks_of_the_engine_are_offered_and_one_that_hangs_is_not_waited_for() {
    let networks = r#"[{"Name":"secure","Driver":"overlay"},{"Name":"bridge","Driver":"bridge"},
        {"Name":"ingress$(id)","Driver":"overlay"}]"#;
    let (_place, socket) = engine(&[VERSION, ("/networks", networks)]);
    let host = format!("unix://{socket}");
    for option in ["--net", "--control"] {
        let found = asked(program().env("DOCKER_HOST", &host), &["ovlsniff", "verify", option, ""]);
        assert!(found.contains(&"secure".to_owned()), "{found:?}");
        assert!(!found.iter().any(|name| name == "bridge" || name.contains('$')), "{found:?}");
    }
    let place = tempfile::tempdir().unwrap();
    let silent = place.path().join("docker.sock");
    let _listener = UnixListener::bind(&silent).unwrap();
    let host = format!("unix://{}", silent.display());
    let begun = Instant::now();
    asked(program().env("DOCKER_HOST", &host), &["ovlsniff", "verify", "--net", ""]);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_variable_that_asks_for_completions_starts_no_capture() {
    for shell in ["bash", "1"] {
        for words in [&[][..], &["--version"], &["-d", "lo", "HTTP"], &["--", "9", "", "ovlsniff"]] {
            let output = program().env("OVLSNIFF_COMPLETE", shell).args(words).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(
                (output.status.code(), output.stdout.len()),
                (Some(2), 0),
                "{shell} {words:?}: {said}"
            );
            assert!(
                said.starts_with("ovlsniff: OVLSNIFF_COMPLETE is set") && said.lines().count() == 1,
                "{said}"
            );
        }
    }
    for unset in ["", "0"] {
        let output = program().env("OVLSNIFF_COMPLETE", unset).arg("--version").output().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).starts_with("ovlsniff "), "{unset}: {output:?}");
    }
}

/// Has bash complete a word, without a terminal. The words are as bash breaks them, and `typed` is what it gives as the
/// current one.
fn in_bash(folder: &std::path::Path, typed: &str, words: &[&str]) -> Vec<String> {
    let script = "source \"$SCRIPT\"; typed=$1; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                  _ovlsniff ovlsniff \"$typed\" x && [ ${#COMPREPLY[@]} -gt 0 ] && printf '%s\\n' \"${COMPREPLY[@]}\"";
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_ovlsniff")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let file = std::fs::canonicalize("completions/ovlsniff.bash").unwrap();
    let mut bash = plain(Command::new("bash"));
    bash.current_dir(folder).env("PATH", path).env("SCRIPT", file);
    let output = bash.args(["-c", script, "bash", typed]).args(words).output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_words_that_it_breaks_at_an_equals_sign() {
    let here = std::path::Path::new(".");
    assert_eq!(in_bash(here, "--inv", &["ovlsniff", "--inv"]), ["--invert-match"]);
    assert_eq!(in_bash(here, "lo", &["ovlsniff", "-i", "lo"])[0], "lo");
    assert_eq!(in_bash(here, "c", &["ovlsniff", "verify", "--expect", "=", "c"]), ["clear"]);
    assert_eq!(in_bash(here, "", &["ovlsniff", "verify", "--expect", "="]), ["encrypted", "clear"]);
    assert_eq!(in_bash(here, "no", &["ngrep", "-W", "no"]), ["normal", "none"]);
}

#[test]
fn bash_offers_captures_before_other_files() {
    let place = tempfile::tempdir().unwrap();
    for name in ["a b.pcap", "$(touch pwned).pcapng.gz", "notes.txt"] {
        std::fs::write(place.path().join(name), "").unwrap();
    }
    std::fs::create_dir(place.path().join("sub")).unwrap();
    let mut found = in_bash(place.path(), "", &["ovlsniff", "-r", ""]);
    found.sort();
    assert_eq!(found, ["$(touch pwned).pcapng.gz", "a b.pcap", "sub"]);
    assert_eq!(in_bash(place.path(), "n", &["ovlsniff", "-r", "n"]), ["notes.txt"]);
    assert_eq!(in_bash(place.path(), "", &["ovlsniff", "overlay", "up", "--state", ""]), ["sub"]);
    assert!(!place.path().join("pwned").exists());
}

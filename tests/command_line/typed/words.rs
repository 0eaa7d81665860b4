//! Words that are nearly a command, or name a file, and mistakes of commands.

use std::fs;

use super::{refused, split, typed};
use crate::made::SWARM;
use crate::run::{ovlsniff, program};

#[test]
fn a_lone_word_that_is_nearly_a_command_is_told_with_the_command() {
    let told = |word: &str, command: &str| {
        (
            format!("ovlsniff {word}"),
            format!(
                "'{word}' looks like a command: for that write {command}, and to search for the word: ovlsniff -e {word}"
            ),
        )
    };
    for (word, command) in [
        ("verfy", "ovlsniff verify"),
        ("interface", "ovlsniff interfaces"),
        ("status", "ovlsniff overlay status"),
        ("up", "ovlsniff overlay up"),
        ("key", "ovlsniff keys"),
        ("check", "ovlsniff verify"),
        ("version", "ovlsniff --version"),
    ] {
        let (line, sentence) = told(word, command);
        refused(&[(&line, &sentence)]);
    }
    for (line, word, command) in [
        ("ovlsniff verfy --all", "verfy", "ovlsniff verify"),
        ("ovlsniff verfiy --vni 4097 --json", "verfiy", "ovlsniff verify"),
        ("ovlsniff interface --json", "interface", "ovlsniff interfaces"),
        ("ovlsniff verfy --net x", "verfy", "ovlsniff verify"),
        ("ovlsniff -q verfy --net x", "verfy", "ovlsniff verify"),
        ("ovlsniff --json VERIFY", "VERIFY", "ovlsniff verify"),
    ] {
        refused(&[(line, &told(word, command).1)]);
    }
    // Options do not stand before a command.
    refused(&[(
        "ovlsniff -q verify",
        "'verify' looks like a command: for that write ovlsniff verify, and to search for the word: ovlsniff -e verify",
    )]);
}

#[test]
fn with_a_source_or_e_or_a_filter_such_a_word_is_a_pattern() {
    let live = typed("ovlsniff --netns /nonexistent -- verify");
    assert!(!live.err.contains("looks like"), "{live:?}");
    for words in ["status", "verfy", "-e verify", "verfy tcp port 80", "-q verify", "verfy --json"] {
        let ran = typed(&format!("ovlsniff -r {SWARM} {words}"));
        assert!(ran.code == Some(1) && !ran.err.contains("looks like"), "{words}: {ran:?}");
    }
}

#[test]
fn the_name_of_a_file_is_told_with_the_option_that_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.pcap", "my b.pcap", "notes"] {
        fs::copy(SWARM, folder.path().join(name)).unwrap();
    }
    for (line, sentence) in [
        (
            "ovlsniff a.pcap",
            "a.pcap is a file: to search it write ovlsniff -r a.pcap, and to search for the word: -e a.pcap",
        ),
        (
            "ovlsniff a.pcap HTTP",
            "a.pcap is a file: to search it write ovlsniff -r a.pcap HTTP, and to search for the word: -e a.pcap",
        ),
        (
            "ovlsniff HTTP a.pcap",
            "a.pcap is a file: to search it write ovlsniff -r a.pcap HTTP, and to search for the word: -e a.pcap",
        ),
        (
            "ovlsniff -e 'GET /' 'my b.pcap'",
            "my b.pcap is a file: to search it write ovlsniff -r 'my b.pcap' -e 'GET /', and to search for the word: -e 'my b.pcap'",
        ),
        (
            "ovlsniff -r a.pcap 'my b.pcap' HTTP",
            "my b.pcap is a file: to search it write ovlsniff -r a.pcap -r 'my b.pcap' HTTP, and to search for the word: -e \
             'my b.pcap'",
        ),
        (
            "ovlsniff notes",
            "notes is a file: to search it write ovlsniff -r notes, and to search for the word: ovlsniff -e notes",
        ),
    ] {
        let output = program().current_dir(&folder).args(&split(line)[1..]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said), (Some(2), format!("ovlsniff: {sentence}\n")), "{line}");
    }
    for line in ["ovlsniff -r a.pcap -e a.pcap", "ovlsniff -r a.pcap notes", "ovlsniff -r a.pcap c.pcap"] {
        let output = program().current_dir(&folder).args(&split(line)[1..]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}: {output:?}");
    }
}

#[test]
fn the_name_of_a_capture_that_is_not_there_is_told() {
    let told = |line: &'static str, name: &str| {
        (line, format!("there is no file {name}; to search for the word: -e {name}"))
    };
    for (line, sentence) in [
        told("ovlsniff foo.pcap", "foo.pcap"),
        told("ovlsniff HTTP foo.pcapng.gz", "foo.pcapng.gz"),
        told("ovlsniff foo.cap port 80", "foo.cap"),
        told("ovlsniff -e HTTP foo.pcap.zst", "foo.pcap.zst"),
    ] {
        refused(&[(line, &sentence)]);
    }
    let line = format!("ovlsniff -r {SWARM} HTTP foo.pcap");
    refused(&[(&line, "there is no file foo.pcap; to search for the word: -e foo.pcap")]);
    // The host may have such a name, and a file that is named may be searched for this word.
    for words in ["-e foo.pcap", "foo.pcap", "HTTP ether host foo.cap"] {
        let ran = typed(&format!("ovlsniff -r {SWARM} {words}"));
        assert!(!ran.err.contains("there is no file"), "{words}: {ran:?}");
    }
}

#[test]
fn the_name_of_a_file_of_networks_is_told_with_f() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("net.toml"), "").unwrap();
    for (line, advice) in [
        (
            "ovlsniff overlay up net.toml",
            "net.toml is a file: to build its networks write ovlsniff overlay up -f net.toml\n",
        ),
        (
            "ovlsniff overlay up ./net.toml",
            "; a file of networks is given with -f ./net.toml; see ovlsniff overlay up --help\n",
        ),
    ] {
        let output = program().current_dir(&folder).args(&split(line)[1..]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.ends_with(advice), "{line}: {said}");
    }
}

#[test]
fn standard_input_is_read_with_r() {
    let told = |line: &'static str| {
        (line, "- is standard input: to search it write ovlsniff -r - HTTP, and to search for the word: -e -")
    };
    refused(&[told("ovlsniff HTTP -"), told("ovlsniff - HTTP")]);
    assert_eq!(typed(&format!("ovlsniff -r {SWARM} -")).err.lines().nth(1), Some("match: -"));
    refused(&[(
        "ovlsniff --decap HTTP",
        "--decap is for frames that are written to a file: give it with -O FILE; see ovlsniff --help",
    )]);
}

#[test]
fn a_mistake_of_a_command_is_told_with_that_commands_help() {
    refused(&[
        (
            "ovlsniff overlay",
            "overlay needs one of: up, down, status, rotate, keygen; see ovlsniff overlay --help",
        ),
        (
            "ovlsniff overlay foo",
            "overlay has no 'foo'; there is: up, down, status, rotate, keygen; see ovlsniff overlay --help",
        ),
        (
            "ovlsniff overlay ls",
            "overlay has no 'ls': write ovlsniff overlay status; there is: up, down, status, rotate, keygen; see ovlsniff \
             overlay --help",
        ),
        (
            "ovlsniff overlay statu",
            "overlay has no 'statu': write ovlsniff overlay status; there is: up, down, status, rotate, keygen; see ovlsniff \
             overlay --help",
        ),
        (
            "ovlsniff overlay up",
            "which network? give its name, or a file of networks with -f FILE; see ovlsniff overlay up --help",
        ),
        (
            "ovlsniff overlay down",
            "which networks? give their names, or --all; see ovlsniff overlay down --help",
        ),
        (
            "ovlsniff overlay down a --all",
            "NETWORK and --all exclude each other; see ovlsniff overlay down --help",
        ),
        (
            "ovlsniff overlay keygen secure.key",
            "the file is given with -o: ovlsniff overlay keygen -o secure.key; see ovlsniff overlay keygen --help",
        ),
        ("ovlsniff verify", "which network? give --net NAME, --vni VNI or --all; see ovlsniff verify --help"),
        (
            "ovlsniff verify secure",
            "the network's name is given with --net: ovlsniff verify --net secure; see ovlsniff verify --help",
        ),
        (
            "ovlsniff verify s.pcap",
            "the file is given with -r: ovlsniff verify -r s.pcap; see ovlsniff verify --help",
        ),
        (
            "ovlsniff verify 4098",
            "the network's VNI is given with --vni: ovlsniff verify --vni 4098; see ovlsniff verify --help",
        ),
        (
            "ovlsniff verify cafe",
            "the network's name is given with --net: ovlsniff verify --net cafe; see ovlsniff verify --help",
        ),
        (
            "ovlsniff verify --nett a",
            "there is no option '--nett'; the nearest is --net; see ovlsniff verify --help",
        ),
        (
            "ovlsniff verify --net a -r a.pcap",
            "of which node is the file? give its underlay address with --local ADDRESS; see ovlsniff verify --help",
        ),
        (
            "ovlsniff verify --net a --for soon",
            "invalid value 'soon' for '--for <DURATION>': use a time from 1ms to 24h, such as 10s, 500ms or 1m30s; see ovlsniff verify --help",
        ),
        (
            "ovlsniff verify --net a --for 1m -r a.pcap --local 192.0.2.1",
            "--for and --read exclude each other; see ovlsniff verify --help",
        ),
        (
            "ovlsniff keys",
            "in which format? there is one: ovlsniff keys --wireshark; see ovlsniff keys --help",
        ),
        ("ovlsniff interfaces eth0", "'eth0' is one word too many; see ovlsniff interfaces --help"),
        (
            "ovlsniff interfaces --watch -n 0",
            "invalid value '0' for '--count <N>': use a whole number, 1 or more; see ovlsniff interfaces --help",
        ),
        (
            "ovlsniff -q verify --net a",
            "there is no option '--net'; a command is the first word: ovlsniff verify; see ovlsniff --help",
        ),
        (
            "ovlsniff --foo",
            "there is no option '--foo'; to search for it write: -e '--foo'; see ovlsniff --help",
        ),
        ("ovlsniff --json=yes", "--json takes no value, and was given 'yes'; see ovlsniff --help"),
        ("ovlsniff -x -W byline", "--hexdump and --shape exclude each other; see ovlsniff --help"),
        ("ovlsniff -r", "--read <FILE> is given without a value; see ovlsniff --help"),
        (
            "ovlsniff --direction up",
            "invalid value 'up' for '--direction <DIRECTION>': use in or out; see ovlsniff --help",
        ),
    ]);
}

/// Whatever is typed, the words of the parser and its advice are never seen.
#[test]
fn no_error_has_the_words_of_a_parser() {
    let commands =
        ["", "verify", "interfaces", "keys", "overlay", "overlay up", "overlay down", "overlay status"];
    let commands =
        commands.into_iter().chain(["overlay rotate", "overlay keygen", "completions", "man", "help"]);
    for command in commands {
        for wrong in [
            "-R",
            "-%",
            "--nothing",
            "--json=1",
            "--vni=x",
            "--vni",
            "-n=-1",
            "-s=9999999999999",
            "--for=1w",
            "--netns",
            "--all=1",
            "-i",
            "a b c d",
            "--port=-1",
            "--mtu=1e3",
            "--help=1",
            "--addr=10.0.0.1/99",
            "--peer=::1/64=x",
        ] {
            let words: Vec<&str> = command.split_whitespace().chain(wrong.split(' ')).collect();
            let ran = ovlsniff(&[&words[..], &["-r", "/nonexistent"]].concat());
            let said = ran.complaint();
            for parsers in [
                "as a value, use",
                "-- -",
                "invalid digit",
                "number would",
                "unexpected argument",
                "unrecognized",
                "error:",
                "required arguments",
                "cannot be used with",
                "tip:",
                "found in string",
                "Usage",
                "possible values",
            ] {
                assert!(!said.contains(parsers), "{words:?}: {said}");
            }
        }
    }
}

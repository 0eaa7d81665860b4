//! Words of grep mode that the file system or the kernel shows to be meant otherwise: the name of a capture file as the
//! pattern, a word that is nearly a command's, a pattern in place of an interface.
//!
//! A search for such a word is possible with `-e`. So a capture never begins, for as long as the user waits, because a
//! command was mistyped.

use std::path::Path;

use anyhow::bail;
use strsim::osa_distance;

use crate::cli::{self, Grep, is_capture_name};

/// Words for what is no command, but has an option or a command of its own.
const SYNONYMS: [(&str, &str); 5] = [
    ("check", "ovlsniff verify"),
    ("devices", "ovlsniff interfaces"),
    ("list", "ovlsniff interfaces"),
    ("usage", "ovlsniff --help"),
    ("version", "ovlsniff --version"),
];

/// Refuses words that are meant otherwise. `count` is the number of all words that were typed.
pub(super) fn check(args: &Grep, count: usize) -> anyhow::Result<()> {
    check_interfaces(args)?;
    check_files(args)?;
    if let Some(name) = args.first.as_ref().filter(|_| !has_source(args) && args.expressions.is_empty()) {
        check_device(name, &args.rest)?;
    }
    match &args.first {
        Some(word) if args.rest.is_empty() && args.expressions.is_empty() && !has_source(args) => {
            check_lone(word, count == 1)
        }
        _ => Ok(()),
    }
}

/// ngrep's and grep's `-i` ignores case. Here it names an interface.
fn check_interfaces(args: &Grep) -> anyhow::Result<()> {
    if args.netns.is_some() {
        return Ok(());
    }
    for name in &args.interface {
        if name.is_empty() {
            bail!("-i names an interface, and was given ''; the interfaces are listed with -D");
        }
        let known = ["any", "auto"].contains(&name.as_str()) || is_interface(name);
        if !known && looks_like_a_pattern(name) {
            let typed = shell(name);
            bail!(
                "there is no interface '{name}': -i names one, and case is ignored with -y: ovlsniff -y {typed}; the \
                 interfaces are listed with -D"
            );
        }
    }
    Ok(())
}

/// Returns true for what hardly names an interface. Most names of interfaces end in a number, and a mistyped one is told
/// with those there are.
fn looks_like_a_pattern(name: &str) -> bool {
    let usual = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-@:".contains(c);
    !name.is_empty() && (!name.chars().all(usual) || !name.bytes().any(|byte| byte.is_ascii_digit()))
}

/// Refuses the name of an interface in place of the pattern. Of those there are, the ones with a number are meant:
/// `lo` may well be searched for.
fn check_device(name: &str, rest: &[String]) -> anyhow::Result<()> {
    if name.bytes().any(|byte| byte.is_ascii_digit()) && is_interface(name) {
        let rest = rest.iter().fold(String::new(), |rest, word| rest + " " + &shell(word));
        bail!(
            "{name} is an interface: to listen on it write ovlsniff -i {name}{rest}, and to search for the word: -e {name}"
        );
    }
    Ok(())
}

fn is_interface(name: &str) -> bool {
    nix::net::if_::if_nametoindex(name).is_ok()
}

/// Refuses the name of a capture file where a pattern or a filter stands: it was to be read.
fn check_files(args: &Grep) -> anyhow::Result<()> {
    let words = || args.first.iter().chain(&args.rest);
    // As in grep, - is standard input. Beside a source it is a pattern, and amid a filter a minus.
    let ends = || [words().next(), words().last()].into_iter().flatten();
    let is_stdin =
        |word: &String| word == "-" && !has_source(args) && ends().any(|end| std::ptr::eq(end, word));
    let is_file = |word: &&String| is_stdin(word) || is_capture_name(word) && Path::new(word).is_file();
    let files: Vec<String> = words().filter(is_file).map(|file| format!("-r {}", shell(file))).collect();
    let Some(first) = words().find(is_file) else { return Ok(()) };
    let read = args.read.iter().map(|file| format!("-r {}", shell(&file.to_string_lossy())));
    let patterns = args.expressions.iter().map(|pattern| format!("-e {}", shell(pattern)));
    let others = words().filter(|word| !is_file(word)).map(|word| shell(word));
    let line: Vec<String> = read.chain(files).chain(patterns).chain(others).collect();
    bail!(
        "{first} is {}: to search it write ovlsniff {}, and to search for the word: -e {}",
        if first == "-" { "standard input" } else { "a file" },
        line.join(" "),
        shell(first)
    )
}

/// Refuses one lone word that is the name of a file, or of a command, or nearly that of a command. With options
/// (`alone` is false) the name of a command has to be exact: who types options means to search.
fn check_lone(word: &str, alone: bool) -> anyhow::Result<()> {
    let instead = match command(word, alone) {
        Some(instead) => format!("'{word}' looks like a command: for that write {instead}"),
        None if Path::new(word).is_file() => {
            format!("{word} is a file: to search it write ovlsniff -r {}", shell(word))
        }
        None => return Ok(()),
    };
    bail!("{instead}, and to search for the word: ovlsniff -e {}", shell(word))
}

/// Returns the command that a word names, or nearly names.
fn command(word: &str, alone: bool) -> Option<String> {
    let known = cli::command_lines();
    let named = |near: &dyn Fn(&str) -> bool| {
        known.iter().find(|line| line.rsplit(' ').next().is_some_and(near)).cloned()
    };
    let exact = named(&|name| name == word);
    if exact.is_some() || !alone {
        return exact;
    }
    let synonym = SYNONYMS.iter().find(|(known, _)| *known == word).map(|(_, line)| (*line).to_owned());
    synonym.or_else(|| named(&|name| is_near(word, name)))
}

/// Returns true if a word is a name with one letter changed, left out, put in or swapped with the next; of a long name,
/// with two. A name of three letters has too many neighbours.
fn is_near(word: &str, name: &str) -> bool {
    let changes = match name.len() {
        ..=3 => return false,
        4..=6 => 1,
        _ => 2,
    };
    word.chars().next() == name.chars().next() && osa_distance(word, name) <= changes
}

/// Returns a word as it is typed in a shell.
fn shell(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:,=@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn has_source(args: &Grep) -> bool {
    !args.read.is_empty() || !args.interface.is_empty() || args.netns.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearly_a_command_is_told_from_a_pattern() {
        for (word, line) in [
            ("verfy", "ovlsniff verify"),
            ("interface", "ovlsniff interfaces"),
            ("status", "ovlsniff overlay status"),
            ("stauts", "ovlsniff overlay status"),
            ("up", "ovlsniff overlay up"),
            ("overly", "ovlsniff overlay"),
            ("check", "ovlsniff verify"),
        ] {
            assert_eq!(command(word, true).as_deref(), Some(line), "{word}");
        }
        for word in ["HTTP", "VERIFY", "max", "hello", "state", "password", "eth0", "GET /", ""] {
            assert_eq!(command(word, true), None, "{word}");
        }
        assert_eq!(command("verfy", false), None);
        assert_eq!(command("keys", false).as_deref(), Some("ovlsniff keys"));
    }

    #[test]
    fn interfaces_are_told_from_patterns() {
        for name in ["eth0", "enp0s31f6", "br-1a2b", "eth0.4097", "wg0"] {
            assert!(!looks_like_a_pattern(name), "{name}");
        }
        for pattern in ["HTTP", "http", "GET /", "error|warn", "Host: web1"] {
            assert!(looks_like_a_pattern(pattern), "{pattern}");
        }
    }

    #[test]
    fn words_are_quoted_for_the_shell() {
        assert_eq!(shell("a-b.pcap"), "a-b.pcap");
        assert_eq!(shell("GET /"), "'GET /'");
        assert_eq!(shell("it's"), r"'it'\''s'");
        assert_eq!(shell(""), "''");
    }
}

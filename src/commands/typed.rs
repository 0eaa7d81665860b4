//! Words of grep mode that the file system or the kernel shows to be meant otherwise: the name of a capture file as the
//! pattern, a word that is nearly a command's, a pattern in place of an interface.
//!
//! A search for such a word is possible with `-e`. So a capture never begins, for as long as the user waits, because a
//! command was mistyped.

use std::path::Path;

use anyhow::bail;
use ovlsniff::capture::bpf::{is_filter, syntax_error};
use ovlsniff::escape::quoted;

use crate::cli::{Grep, Spelled, is_capture_name, near};

/// Refuses words that are meant otherwise. `words` are all that were typed. Behind `--` they are meant as they stand.
pub(super) fn check(args: &Grep, words: &[Spelled]) -> anyhow::Result<()> {
    check_inner(args, words)?;
    check_interfaces(args)?;
    check_files(args)?;
    if words.contains(&Spelled::End) {
        return Ok(());
    }
    check_absent(args)?;
    let is_sourceless = !has_source(args);
    if let Some(name) = args.first.as_ref().filter(|_| is_sourceless && args.expressions.is_empty()) {
        check_device(name, &args.rest)?;
    }
    match &args.first {
        Some(word) if args.rest.is_empty() && args.expressions.is_empty() && is_sourceless => {
            check_lone(word, words.len() == 1)
        }
        _ => Ok(()),
    }
}

/// Refuses `--inner udp and port 53`: the words behind the first would be the pattern and the outer filter.
fn check_inner(args: &Grep, words: &[Spelled]) -> anyhow::Result<()> {
    let at = words.iter().position(|word| matches!(word, Spelled::Long(name, Some(_)) if name == "inner"));
    let Some((before, behind)) = at.map(|at| words.split_at(at)) else { return Ok(()) };
    let [Spelled::Long(_, Some(value)), behind @ ..] = behind else { return Ok(()) };
    let plain = behind.iter().map_while(|word| match word {
        Spelled::Plain(word) => Some(word.as_str()),
        _ => None,
    });
    let plain: Vec<&str> = plain.collect();
    let Some(first) = plain.first() else { return Ok(()) };
    let goes_on = ["and", "or", "&&", "||"].contains(first);
    let is_pattern =
        args.expressions.is_empty() && !before.iter().any(|word| matches!(word, Spelled::Plain(_)));
    let outer = plain[usize::from(is_pattern)..].join(" ");
    if !goes_on && syntax_error(value).is_none() && syntax_error(&outer).is_none() {
        return Ok(());
    }
    let filter = |words: &[&str]| format!("{value} {}", words.join(" ")).trim_start().to_owned();
    // As many words as make a filter are meant, and a pattern may follow.
    let most = (1..=plain.len()).rev().find(|most| is_filter(&filter(&plain[..*most])));
    match most {
        Some(most) => {
            let rest = plain[most..].iter().fold(String::new(), |rest, word| rest + " " + &quoted(word));
            bail!(
                "a filter of several words is one argument: --inner {}{rest}",
                quoted(&filter(&plain[..most]))
            )
        }
        None if goes_on => {
            bail!("a filter of several words is one argument, in quotes: --inner '{value} {first} …'")
        }
        None => Ok(()),
    }
}

/// Refuses the name of a capture file that is not there, in a place where it is hardly searched for.
fn check_absent(args: &Grep) -> anyhow::Result<()> {
    let words: Vec<&String> = args.first.iter().chain(&args.rest).collect();
    let is_lone = words.len() == 1 && args.expressions.is_empty();
    let first = words.first().filter(|_| !has_source(args));
    // The last one is a part of the filter, and may be the name of a host.
    let last = words.last().filter(|_| !has_source(args) || !is_lone);
    let filter = |from: usize| words[from..].iter().map(|word| word.as_str()).collect::<Vec<_>>().join(" ");
    let is_sound = !words.is_empty() && (is_filter(&filter(0)) || !is_lone && is_filter(&filter(1)));
    let last = last.filter(|_| !is_sound);
    let absent = |word: &&&String| is_capture_name(word) && !Path::new(word).exists();
    match first.into_iter().chain(last).find(absent) {
        Some(name) => bail!("there is no file {name}; to search for the word: -e {}", quoted(name)),
        None => Ok(()),
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
        let is_known = |name: &str| ["any", "auto"].contains(&name) || is_interface(name);
        let known = is_known(name);
        let several: Vec<&str> = name.split(',').filter(|name| !name.is_empty()).collect();
        let is_list = name.contains(',') && !several.is_empty();
        if !known && is_list && several.iter().all(|name| is_known(name) || !looks_like_a_pattern(name)) {
            let each = several.iter().map(|name| format!("-i {name}")).collect::<Vec<_>>().join(" ");
            bail!("there is no interface '{name}': each is given by itself: {each}");
        }
        if !known && looks_like_a_pattern(name) {
            let typed = quoted(name);
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
        let rest = rest.iter().fold(String::new(), |rest, word| rest + " " + &quoted(word));
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
    let files: Vec<String> = words().filter(is_file).map(|file| format!("-r {}", quoted(file))).collect();
    let Some(first) = words().find(is_file) else { return Ok(()) };
    let read = args.read.iter().map(|file| format!("-r {}", quoted(&file.to_string_lossy())));
    let patterns = args.expressions.iter().map(|pattern| format!("-e {}", quoted(pattern)));
    let others = words().filter(|word| !is_file(word)).map(|word| quoted(word));
    let line: Vec<String> = read.chain(files).chain(patterns).chain(others).collect();
    bail!(
        "{first} is {}: to search it write ovlsniff {}, and to search for the word: -e {}",
        if first == "-" { "standard input" } else { "a file" },
        line.join(" "),
        quoted(first)
    )
}

/// Refuses one lone word that is the name of a file, or of a command, or nearly that of a command.
fn check_lone(word: &str, alone: bool) -> anyhow::Result<()> {
    if let Some(line) = near::command(word, alone) {
        bail!(near::sentence(word, &line));
    }
    if Path::new(word).is_file() {
        let word = quoted(word);
        bail!(
            "{word} is a file: to search it write ovlsniff -r {word}, and to search for the word: ovlsniff -e {word}"
        );
    }
    Ok(())
}

fn has_source(args: &Grep) -> bool {
    !args.read.is_empty() || !args.interface.is_empty() || args.netns.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_told_from_patterns() {
        for name in ["eth0", "enp0s31f6", "br-1a2b", "eth0.4097", "wg0"] {
            assert!(!looks_like_a_pattern(name), "{name}");
        }
        for pattern in ["HTTP", "http", "GET /", "error|warn", "Host: web1"] {
            assert!(looks_like_a_pattern(pattern), "{pattern}");
        }
    }
}

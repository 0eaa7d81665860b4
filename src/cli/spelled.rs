//! The words of grep mode as they were spelled. clap tells which options were given, but not by which spelling, nor
//! whether two letters stood in one word; [`super::habits`] needs to know.

use std::ffi::OsString;

/// A part of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Spelled {
    /// The letters without a value in one word: `qvv` of `-qvvn 5`.
    Letters(String),
    /// A letter with its value: `n` and `5`.
    Letter(char, String),
    /// An option in its long form, by the name that was typed, with its value.
    Long(String, Option<String>),
    /// The word `--`: those behind it are no options, and are meant as they stand.
    End,
    /// A word that belongs to no option: the pattern, or a part of the filter.
    Plain(String),
}

/// Returns true if a pattern is given by an option.
pub(super) fn has_expression(words: &[Spelled]) -> bool {
    words.iter().any(|word| match word {
        Spelled::Letter('e', _) => true,
        Spelled::Long(name, _) => ["regexp", "pattern"].contains(&name.as_str()),
        _ => false,
    })
}

/// Splits words that clap has parsed without an error.
pub(super) fn spelled(words: &[OsString], command: &clap::Command) -> Vec<Spelled> {
    let mut words = words.iter().map(|word| word.to_string_lossy().into_owned());
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        if word == "--" {
            found.push(Spelled::End);
            found.extend(words.by_ref().map(Spelled::Plain));
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None if takes_value(command, |arg| longs(arg).contains(&long)) => (long, words.next()),
                None => (long, None),
            };
            found.push(Spelled::Long(name.to_owned(), value));
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            let valued = |letter| takes_value(command, |arg| shorts(arg).contains(&letter));
            let (flags, rest) = letters.split_at(letters.find(valued).unwrap_or(letters.len()));
            if !flags.is_empty() {
                found.push(Spelled::Letters(flags.to_owned()));
            }
            let mut rest = rest.chars();
            if let Some(letter) = rest.next() {
                let attached = rest.as_str().strip_prefix('=').unwrap_or(rest.as_str()).to_owned();
                let value =
                    if rest.as_str().is_empty() { words.next().unwrap_or_default() } else { attached };
                found.push(Spelled::Letter(letter, value));
            }
        } else {
            found.push(Spelled::Plain(word));
        }
    }
    found
}

fn takes_value(command: &clap::Command, is: impl Fn(&clap::Arg) -> bool) -> bool {
    command.get_arguments().any(|arg| !arg.is_positional() && arg.get_action().takes_values() && is(arg))
}

pub(super) fn longs(arg: &clap::Arg) -> Vec<&str> {
    arg.get_long().into_iter().chain(arg.get_all_aliases().unwrap_or_default()).collect()
}

pub(super) fn shorts(arg: &clap::Arg) -> Vec<char> {
    arg.get_short().into_iter().chain(arg.get_all_short_aliases().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn letters_words_and_values_are_told_apart() {
        let words =
            ["-qvvn", "5", "-d", "eth0", "-s0", "--vni", "7", "--marks=none", "-e", "-x", "a", "--", "-v"];
        let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
        let letter = |letter, value: &str| Spelled::Letter(letter, value.to_owned());
        let plain = |word: &str| Spelled::Plain(word.to_owned());
        assert_eq!(
            spelled(&words, &Cli::command()),
            [
                Spelled::Letters("qvv".to_owned()),
                letter('n', "5"),
                letter('d', "eth0"),
                letter('s', "0"),
                Spelled::Long("vni".to_owned(), Some("7".to_owned())),
                Spelled::Long("marks".to_owned(), Some("none".to_owned())),
                letter('e', "-x"),
                plain("a"),
                Spelled::End,
                plain("-v"),
            ]
        );
    }
}

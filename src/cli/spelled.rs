//! The words of grep mode as they were spelled. clap tells which options were given, but not by which spelling, nor
//! whether two letters stood in one word; [`super::habits`] needs to know.

use std::ffi::OsString;

/// A part of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spelled {
    /// The letters without a value in one word: `qvv` of `-qvvn 5`.
    Letters(String),
    /// A letter with its value: `n` and `5`.
    Letter(char, String),
    /// A pattern given by `--regexp`.
    Pattern,
    /// Any other option in its long form.
    Long,
    /// A word that belongs to no option: the pattern, or a part of the filter.
    Plain(String),
}

/// Splits words that clap has parsed without an error.
pub(super) fn spelled(words: &[OsString], command: &clap::Command) -> Vec<Spelled> {
    let mut words = words.iter().map(|word| word.to_string_lossy().into_owned());
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        if word == "--" {
            found.extend(words.by_ref().map(Spelled::Plain));
        } else if let Some(long) = word.strip_prefix("--") {
            let name = long.split('=').next().unwrap_or(long);
            let pattern = ["regexp", "pattern"].contains(&name);
            found.push(if pattern { Spelled::Pattern } else { Spelled::Long });
            if !long.contains('=') && takes_value(command, |arg| longs(arg).contains(&long)) {
                words.next();
            }
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

fn longs(arg: &clap::Arg) -> Vec<&str> {
    arg.get_long().into_iter().chain(arg.get_all_aliases().unwrap_or_default()).collect()
}

fn shorts(arg: &clap::Arg) -> Vec<char> {
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
                Spelled::Long,
                Spelled::Long,
                letter('e', "-x"),
                plain("a"),
                plain("-v"),
            ]
        );
    }
}

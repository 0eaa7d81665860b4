//! The answer to a shell: a line for each candidate, its value and, behind a tab, what it is.
//!
//! The files that a word may name are listed by the shell, which knows how to quote them and what `~` is. Then the answer is
//! one line that says so: `:files`, what stands before the name in the word, and the endings that come first.

use std::borrow::Cow;
use std::ffi::OsString;

use clap_complete::CompletionCandidate;
use ovlsniff::escape::escape;

use super::line::Line;

/// The beginning of a candidate that stands for files or folders. No name has a zero byte.
pub(super) const LISTED: &str = "\0";

/// The shells that ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
}

impl Shell {
    /// Returns the shell by the name that its script gives.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "bash" => Self::Bash,
            "zsh" => Self::Zsh,
            "fish" => Self::Fish,
            "elvish" => Self::Elvish,
            "powershell" => Self::Powershell,
            _ => return None,
        })
    }
}

/// Returns the lines of the answer.
pub(super) fn text(shell: Shell, line: &Line, found: &[CompletionCandidate]) -> Vec<u8> {
    let mut text = Vec::new();
    let is_option =
        |candidate: &&CompletionCandidate| candidate.get_value().as_encoded_bytes().starts_with(b"-");
    // A user who has typed nothing yet is shown the words, and the options behind a dash.
    let is_empty = line.words.get(line.at).is_some_and(|word| word.is_empty());
    let leaves_out = is_empty && !found.iter().all(|candidate| is_option(&candidate));
    // Behind a dash an option is meant, and not one of the files that a command takes as well.
    let is_dashed = line.words.get(line.at).is_some_and(|word| word.as_encoded_bytes().starts_with(b"-"));
    let leaves_files = is_dashed && found.iter().any(|candidate| is_option(&candidate));
    for candidate in found.iter().filter(|candidate| !(leaves_out && is_option(candidate))) {
        let Some(value) = candidate.get_value().to_str() else { continue };
        if leaves_files && value.starts_with(LISTED) {
            continue;
        }
        if let Some((prefix, listed)) = value.split_once(LISTED) {
            let prefix = prefix.get(line.cut..).unwrap_or_default();
            let (kind, endings) = listed.split_once(' ').unwrap_or((listed, ""));
            return format!(":{kind}\t{prefix}\t{endings}\n").into_bytes();
        }
        let Some(shown) = value.get(line.cut..).and_then(|value| quoted(value, shell, line.is_quoted)) else {
            continue;
        };
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        let help = escape(help.lines().next().unwrap_or_default()).into_owned();
        text.extend_from_slice(format!("{shown}\t{help}\n").as_bytes());
    }
    text
}

/// Returns the value as the shell is to insert it. `None` if it is better not offered: it would steer a terminal, or cannot
/// be quoted behind the quotes that the word has already.
fn quoted(value: &str, shell: Shell, is_quoted: bool) -> Option<Cow<'_, str>> {
    let is_usual = |c: char| c.is_ascii_alphanumeric() || "-_./=,:@+%".contains(c);
    if value.chars().all(is_usual) {
        return Some(value.into());
    }
    if escape(value) != value {
        return None;
    }
    match shell {
        // These quote what they insert.
        Shell::Zsh | Shell::Fish | Shell::Elvish => Some(value.into()),
        Shell::Powershell => None,
        Shell::Bash if is_quoted => None,
        Shell::Bash => Some(value.chars().fold(String::new(), with_backslash).into()),
    }
}

fn with_backslash(mut text: String, c: char) -> String {
    if c.is_ascii() && !c.is_ascii_alphanumeric() && !"-_./=,:@+%".contains(c) {
        text.push('\\');
    }
    text.push(c);
    text
}

/// Makes the candidate that stands for all files, those with these endings before others.
pub(super) fn files(endings: &str) -> CompletionCandidate {
    CompletionCandidate::new(OsString::from(format!("{LISTED}files {endings}")))
}

/// Makes the candidate that stands for all folders.
pub(super) fn folders() -> CompletionCandidate {
    CompletionCandidate::new(OsString::from(format!("{LISTED}folders")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cut: usize, is_quoted: bool) -> Line {
        Line { words: Vec::new(), at: 0, cut, is_quoted }
    }

    fn told(shell: Shell, is_quoted: bool, name: &str) -> String {
        let candidates = [CompletionCandidate::new(name).help(Some("a\u{202e}b\nc".into()))];
        String::from_utf8(text(shell, &line(0, is_quoted), &candidates)).unwrap()
    }

    #[test]
    fn a_hostile_name_is_quoted_or_left_out() {
        assert_eq!(told(Shell::Bash, false, "eth0"), "eth0\ta\\u{202e}b\n");
        assert_eq!(told(Shell::Bash, false, "$(id)"), "\\$\\(id\\)\ta\\u{202e}b\n");
        assert_eq!(told(Shell::Bash, true, "$(id)"), "");
        assert_eq!(told(Shell::Zsh, true, "a b"), "a b\ta\\u{202e}b\n");
        assert_eq!(told(Shell::Powershell, false, "$(id)"), "");
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::Powershell] {
            for name in ["a\x1b[2J", "a\nb", "a\tb", "a\u{202e}b", "a\u{9b}2J"] {
                assert_eq!(told(shell, false, name), "", "{shell:?} {name:?}");
            }
        }
    }

    #[test]
    fn what_bash_takes_for_other_words_is_cut_off() {
        let of = |value: CompletionCandidate| {
            String::from_utf8(text(Shell::Bash, &line(6, false), &[value])).unwrap()
        };
        assert_eq!(of(CompletionCandidate::new("--net=secure")), "secure\t\n");
        assert_eq!(of(files("pcap").add_prefix("--net=")), ":files\t\tpcap\n");
    }

    #[test]
    fn files_are_left_to_the_shell() {
        let found = [files("pcap pcapng").add_prefix("-r")];
        assert_eq!(text(Shell::Zsh, &line(0, false), &found), b":files\t-r\tpcap pcapng\n");
    }
}

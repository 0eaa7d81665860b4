//! The line that a shell asks about: its words, and which of them is being typed.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// A line whose last word of interest is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// All words, with the name of the program. The one that is being typed ends at the cursor.
    pub(super) words: Vec<OsString>,
    /// The index of the word that is being typed.
    pub(super) at: usize,
    /// The number of bytes of this word that the shell takes for other words, and wants no candidate to begin with.
    pub(super) cut: usize,
    /// True if the word begins in quotes, or has any.
    pub(super) is_quoted: bool,
}

impl Line {
    /// Reads the arguments of a request: `ovlsniff -- INDEX TYPED WORD…`, in which `TYPED` is the word that is being typed, up
    /// to the cursor and without quotes. The shell may leave out the last of the words, if that is the one.
    pub(super) fn read(arguments: Vec<OsString>) -> Option<Self> {
        let mut arguments = arguments.into_iter().skip(1);
        arguments.next().filter(|word| word == "--")?;
        let at: usize = arguments.next()?.to_str()?.parse().ok().filter(|at| *at > 0)?;
        let typed = arguments.next()?;
        let mut words: Vec<OsString> = arguments.collect();
        if words.len() == at {
            words.push(typed.clone());
        }
        let word = words.get_mut(at)?;
        let is_quoted = word.as_encoded_bytes().iter().any(|byte| b"'\"\\".contains(byte));
        // The cursor stands behind a word that is nothing but = for bash, which then says that nothing is typed.
        if !is_break(word) {
            *word = typed;
        }
        Some(Self { words, at, cut: 0, is_quoted })
    }

    /// Joins the words that bash has broken at `=` and `:`.
    pub(super) fn join_broken(&mut self) {
        let Self { words, at, cut, .. } = self;
        let mut joined: Vec<OsString> = Vec::with_capacity(words.len());
        let mut is_open = false;
        let mut place = 0;
        for (index, word) in words.iter().enumerate() {
            let breaks = is_break(word) && index > 1;
            match joined.last_mut().filter(|_| is_open || breaks) {
                Some(last) => {
                    if index == *at {
                        *cut = last.len() + if breaks { word.len() } else { 0 };
                    }
                    last.push(word);
                }
                None => joined.push(word.clone()),
            }
            is_open = breaks;
            if index == *at {
                place = joined.len() - 1;
                break;
            }
        }
        // Words behind the cursor say nothing about the one before it.
        (*words, *at) = (joined, place);
    }

    /// Returns true if the program's name is ngrep's, so that the words are of its grammar.
    pub(super) fn is_ngrep(&self) -> bool {
        let name = self.words.first().and_then(|program| Path::new(program).file_name());
        name.is_some_and(|name| name == "ngrep")
    }

    /// Returns the words between the name of the program and the one that is being typed.
    pub(super) fn before(&self) -> &[OsString] {
        self.words.get(1..self.at).unwrap_or_default()
    }

    /// Returns true if the word that is being typed is a list with this value before its last comma: `--accept=VALUE,VALUE,`.
    pub(super) fn lists(&self, value: &OsStr) -> bool {
        let word = self.words.get(self.at).and_then(|word| word.to_str()).unwrap_or_default();
        let values =
            if word.starts_with('-') { word.split_once('=').map_or("", |word| word.1) } else { word };
        let before = values.rsplit_once(',').map_or("", |values| values.0);
        !before.is_empty() && before.split(',').any(|before| value == before)
    }

    /// Returns the value that was typed last of an option with this long name.
    pub(super) fn value(&self, long: &str) -> Option<&str> {
        let before = self.before();
        let mut value = None;
        for (at, word) in before.iter().enumerate() {
            let Some(rest) = word.to_str().and_then(|word| word.strip_prefix("--")?.strip_prefix(long))
            else {
                continue;
            };
            let behind = before.get(at + 1).and_then(|word| word.to_str());
            value = if rest.is_empty() { behind } else { rest.strip_prefix('=') }.or(value);
        }
        // bash gives words as they were typed, in quotes.
        value.map(unquoted)
    }
}

/// Returns true for a word that bash makes of characters amid another one.
fn is_break(word: &OsStr) -> bool {
    !word.is_empty() && word.as_encoded_bytes().iter().all(|byte| b"=:".contains(byte))
}

fn unquoted(word: &str) -> &str {
    let within = |quote| word.strip_prefix(quote).and_then(|word| word.strip_suffix(quote));
    within('\'').or_else(|| within('"')).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> Option<Line> {
        Line::read(words.iter().map(OsString::from).collect())
    }

    fn joined(words: &[&str]) -> (String, usize) {
        let mut line = line(words).unwrap();
        line.join_broken();
        (line.words[line.at].to_str().unwrap().to_owned(), line.cut)
    }

    #[test]
    fn a_request_is_told_from_an_ordinary_line() {
        let asked = line(&["/usr/bin/ovlsniff", "--", "2", "et", "ovlsniff", "-i", "et"]).unwrap();
        assert_eq!((asked.at, asked.words.len(), asked.is_quoted), (2, 3, false));
        assert_eq!(line(&["ovlsniff", "--", "2", "", "ovlsniff", "-i"]).unwrap().words[2], "");
        for ordinary in [&["ovlsniff"][..], &["ovlsniff", "HTTP"], &["ovlsniff", "--", "HTTP", "port", "80"]]
        {
            assert_eq!(line(ordinary), None, "{ordinary:?}");
        }
        assert_eq!(line(&["ovlsniff", "--", "9", "et", "ovlsniff", "-i"]), None, "no such word");
    }

    #[test]
    fn words_that_bash_has_broken_are_joined_up_to_the_cursor() {
        let ask = ["ovlsniff", "--"];
        let verify = ["ovlsniff", "verify"];
        let typed = |rest: &[&str], words: &[&str]| joined(&[&ask[..], rest, &verify, words].concat());
        assert_eq!(typed(&["4", "se"], &["--net", "=", "se"]), ("--net=se".to_owned(), 6));
        assert_eq!(typed(&["3", ""], &["--net", "="]), ("--net=".to_owned(), 6));
        assert_eq!(typed(&["3", "se"], &["--net", "se", "-i"]), ("se".to_owned(), 0));
        assert_eq!(typed(&["6", "b"], &["--local", "2001", ":", "db8", "::"]), ("2001:db8::".to_owned(), 10));
    }

    #[test]
    fn a_value_is_the_last_one_that_was_typed() {
        let asked = |words: &[&str]| {
            let at = words.len().to_string();
            let line = line(&[&["ovlsniff", "--", &at, "", "ovlsniff"][..], words].concat()[..]);
            line.and_then(|line| line.value("netns").map(str::to_owned))
        };
        assert_eq!(asked(&["--netns", "blue", "-i"]).as_deref(), Some("blue"));
        assert_eq!(asked(&["--netns", "blue", "--netns='red'", "-i"]).as_deref(), Some("red"));
        assert_eq!(asked(&["--netnsx", "blue", "-i"]), None);
    }
}

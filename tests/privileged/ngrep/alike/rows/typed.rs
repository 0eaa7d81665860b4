//! Deviations about words that are taken otherwise than ngrep takes them.

use ovlsniff::capture::bpf::Filter;
use ovlsniff::packet::LinkType;

use crate::ngrep::alike::lines::{FILTER_FILES, Line, without};

fn is_filter(words: &[String]) -> bool {
    !words.is_empty() && Filter::compile(&words.join(" "), LinkType::ETHERNET).is_ok()
}

/// Words that make a filter together are one, also if the words without the first make another.
pub(super) fn filter_first(line: &Line) -> Option<Vec<String>> {
    let two = line.rest.len() > 1
        && !line.rest[0].is_empty()
        && is_filter(&line.rest)
        && is_filter(&line.rest[1..]);
    two.then(|| line.with_rest([vec![String::new()], line.rest.clone()].concat()))
}

/// An empty filter is none.
pub(super) fn empty_filter(line: &Line) -> Option<Vec<String>> {
    let empty = line.rest.len() > 1 && line.rest[1..].iter().all(String::is_empty);
    empty.then(|| line.with_rest(line.rest[..1].to_vec()))
}

/// All lines of the file make the filter.
pub(super) fn filter_file(line: &Line) -> Option<Vec<String>> {
    let file = line.value('F').filter(|_| line.rest.len() < 2)?;
    let (_, text) = FILTER_FILES.iter().find(|(name, _)| *name == file)?;
    let kept = line.words.iter().filter(|word| *word != "-F" && *word != file);
    let filter = text.lines().map(str::to_owned);
    Some(kept.cloned().chain(filter).collect())
}

/// A word ends where no letter, digit or underscore is beside it, also at both ends of a payload. Alternatives are of one word.
pub(super) fn words(line: &Line) -> Option<Vec<String>> {
    let pattern = format!(r"(?<!\w)(?:{})(?!\w)", line.pattern());
    (line.has('w') && !line.has('X'))
        .then(|| line.with_pattern(&pattern).iter().map(|word| without(word, 'w')).collect())
}

/// The prefix of hex digits may have a capital X, and blanks may be between them.
pub(super) fn hex_digits(line: &Line) -> Option<Vec<String>> {
    let digits = line.pattern().strip_prefix("0X").unwrap_or(line.pattern()).replace(' ', "");
    let other = line.has('X') && !line.has('i') && !line.has('w') && digits != line.pattern();
    other.then(|| line.with_pattern(&digits))
}

/// A hyphen beside a class is a hyphen.
pub(super) fn lenient(line: &Line) -> Option<Vec<String>> {
    (line.pattern() == r"[\w-.]+").then(|| line.with_pattern(r"[\w.\-]+"))
}

/// A repetition in a repetition ends no search. This is the same expression without.
pub(super) fn jit_stack(line: &Line) -> Option<Vec<String>> {
    (line.pattern() == r"(\w+)+@").then(|| line.with_pattern(r"\w+@"))
}

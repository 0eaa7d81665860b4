//! The words of grep mode, told apart: the pattern and the filter.

use anyhow::bail;
use ovlsniff::capture::bpf::{has_keyword, is_filter, shown, syntax_error};
use ovlsniff::escape::{escape, quoted};

/// The grammar of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grammar {
    Grep,
    Ngrep,
}

impl Grammar {
    /// Returns the words that have a pattern taken for one, whatever follows.
    fn as_pattern(self, pattern: &str) -> String {
        match self {
            Self::Grep => format!("-e '{}'", escape(pattern)),
            Self::Ngrep => format!("'({})' and the filter behind it", escape(pattern)),
        }
    }
}

/// The words of the command line as they are meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// The patterns. An empty list matches every packet that has a payload.
    pub(super) patterns: Vec<String>,
    /// The BPF expression.
    pub(super) filter: Option<String>,
    /// A sentence for standard error that says what the words were taken for, if that was a guess.
    pub(super) note: Option<String>,
}

impl Words {
    /// Tells the words apart. With patterns from `-e` (`expressions`) all words are the filter. Otherwise the first
    /// word is the pattern, unless it begins a filter that the other words complete.
    ///
    /// # Errors
    /// The words for the filter are none by libpcap's grammar. The error says what they are taken for, and how to write
    /// what was probably meant.
    pub(super) fn new(
        grammar: Grammar,
        expressions: Vec<String>,
        first: Option<String>,
        rest: Vec<String>,
    ) -> anyhow::Result<Self> {
        let filter = |words: &[String]| Some(words.join(" ")).filter(|all| !all.trim().is_empty());
        let Some(first) = first else { return Ok(Self { patterns: expressions, filter: None, note: None }) };
        let mut words = vec![first];
        words.extend(rest);
        if !expressions.is_empty() {
            let filter = filter(&words);
            if let Some((filter, fault)) = filter.as_deref().and_then(with_fault) {
                bail!(refusal(filter, &fault, "beside -e all words are the filter"));
            }
            return Ok(Self { patterns: expressions, filter, note: None });
        }
        let whole = words.join(" ");
        let blank = words[0].trim().is_empty();
        if words.len() > 1 && !blank && is_filter(&whole) {
            let pattern = grammar.as_pattern(&words[0]);
            let note = format!("taking '{}' as the filter; for a pattern write: {pattern}", escape(&whole));
            return Ok(Self { patterns: Vec::new(), filter: Some(whole), note: Some(note) });
        }
        let note = (words.len() == 1 && !blank && is_filter(&whole))
            .then(|| format!("taking '{0}' as the pattern; for a filter write: '' {0}", escape(&whole)))
            .or_else(|| display_filter(&words));
        let rest = filter(&words[1..]);
        if let Some((rest, fault)) = rest.as_deref().and_then(with_fault) {
            bail!(misplaced(&words, rest).unwrap_or_else(|| {
                let why =
                    "the words after the pattern are the filter: a pattern of several words needs quotes:";
                refusal(rest, &fault, &format!("{why} {}", quoted(&whole)))
            }));
        }
        let note = note.or_else(|| in_one_word(&words)).or_else(|| two_filters(&words[0], rest.as_deref()));
        Ok(Self { patterns: words.into_iter().take(1).collect(), filter: rest, note })
    }
}

/// Returns the filter with its fault, if libpcap cannot parse it.
fn with_fault(filter: &str) -> Option<(&str, String)> {
    syntax_error(filter).map(|fault| (filter, fault))
}

/// Returns the sentence about a filter with a fault. `why_filter` says why the words are taken for one: it follows if the
/// first of them looks as if it were none.
fn refusal(filter: &str, fault: &str, why_filter: &str) -> String {
    let strange = fault.starts_with("syntax error at column 1,");
    let why = if strange && !why_filter.is_empty() { format!("; {why_filter}") } else { String::new() };
    format!("filter '{}': {fault}{why}", shown(filter))
}

/// Returns the sentence for words of which the first is the pattern and `rest`, the others, are no filter, if it can be
/// told what they are.
fn misplaced(words: &[String], rest: &str) -> Option<String> {
    let (first, whole) = (&words[0], words.join(" "));
    if let "and" | "or" | "&&" | "||" = words[1].as_str() {
        return Some(conjunction(words, &whole));
    }
    let is_plain = !has_keyword(rest) && !rest.contains(['=', '(', ')', '!', '&', '|']);
    if matches!(first.as_str(), "not" | "!") && is_plain {
        return Some(format!("packets that do not match a pattern are found with -v: -v {}", quoted(rest)));
    }
    if is_plain && is_filter(first) {
        return Some(format!(
            "'{0}' is no filter, and '{1}' is one: the pattern comes first; write: ovlsniff {2} {3}",
            escape(rest),
            escape(first),
            quoted(rest),
            quoted(first),
        ));
    }
    if let Some((filter, pattern)) = filter_first(words) {
        return Some(format!(
            "'{}' is no filter, and '{}' is one: the pattern comes first; write: ovlsniff {} {}",
            escape(&pattern),
            escape(&filter.join(" ")),
            quoted(&pattern),
            filter.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
        ));
    }
    // With `host web port 80`, all of it is meant for a filter.
    let is_word = first.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let fault = syntax_error(&whole).filter(|_| is_word && has_keyword(first) && !is_filter(first))?;
    Some(refusal(&whole, &fault, ""))
}

/// Returns the sentence for words of which the second is `and` or `or`: `HTTP and port 80`, `HTTP or GET`. The whole is
/// no filter.
fn conjunction(words: &[String], whole: &str) -> String {
    let (first, sign) = (&words[0], words[1].as_str());
    let rest = words[2..].join(" ");
    let both = matches!(sign, "and" | "&&");
    let is_plain = !rest.is_empty() && !has_keyword(&rest);
    let advice = if both && is_plain && words.len() == 3 && is_filter(first) {
        format!("write: ovlsniff {} {}", quoted(&rest), quoted(first))
    } else if both && is_filter(&rest) {
        let filter: Vec<String> = words[2..].iter().map(|word| quoted(word)).collect();
        format!("leave out '{sign}': ovlsniff {} {}", quoted(first), filter.join(" "))
    } else if !both && is_plain {
        format!("for either of two patterns write: -e {} -e {}", quoted(first), quoted(&rest))
    } else if let Some(fault) = syntax_error(whole).filter(|_| is_filter(first)) {
        return refusal(whole, &fault, "");
    } else {
        format!("a pattern of several words needs quotes: {}", quoted(whole))
    };
    format!(
        "a filter cannot begin with '{sign}', and the first word, '{}', is the pattern; {advice}",
        escape(first)
    )
}

/// Splits words into a filter of several words and the pattern behind it: `udp port 4789 HTTP`, `port 80 and HTTP`.
fn filter_first(words: &[String]) -> Option<(&[String], String)> {
    // In `port http https` the last word is another port.
    let whole = words.join(" ");
    if syntax_error(&whole).is_some_and(|fault| fault.contains("'or' is missing")) {
        return None;
    }
    if let [filter @ .., sign, pattern] = words {
        let is_plain = matches!(sign.as_str(), "and" | "&&") && !has_keyword(pattern);
        if is_plain && is_filter(&filter.join(" ")) {
            return Some((filter, pattern.clone()));
        }
    }
    let split = (2..words.len()).rev().find(|&at| is_filter(&words[..at].join(" ")))?;
    let (filter, pattern) = words.split_at(split);
    let pattern = pattern.join(" ");
    (!has_keyword(&pattern) && !pattern.bytes().all(|byte| byte.is_ascii_digit()))
        .then_some((filter, pattern))
}

/// Returns the note for a pattern with signs that mean something in grep's basic expressions only.
pub(super) fn basic_sign(pattern: &str) -> Option<&'static str> {
    let mut rest = pattern;
    while let Some((_, behind)) = rest.split_once('\\') {
        let times = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
        match behind.chars().next()? {
            '|' => return Some(r"\| matches a plain |; write | for alternatives"),
            '+' => return Some(r"\+ matches a plain +; write + for one and more"),
            '{' if behind[1..]
                .split_once(r"\}")
                .is_some_and(|(count, _)| !count.is_empty() && times(count)) =>
            {
                return Some(r"\{ matches a plain {; write { for a number of times");
            }
            escaped => rest = &behind[escaped.len_utf8()..],
        }
    }
    None
}

/// Returns the note for a lone word in the language of Wireshark's display filters.
fn display_filter(words: &[String]) -> Option<String> {
    let [word] = words else { return None };
    let told = word.contains("==").then(|| syntax_error(word)).flatten()?;
    let (_, advice) = told.split_once(" is a display filter of Wireshark; write: ")?;
    Some(format!(
        "taking '{}' as the pattern; it is a display filter of Wireshark, and as a filter here: '' {advice}",
        escape(word)
    ))
}

/// Returns the note for a pattern that is a filter beside another one.
fn two_filters(pattern: &str, filter: Option<&str>) -> Option<String> {
    let filter = filter.filter(|_| !pattern.trim().is_empty() && is_filter(pattern))?;
    Some(format!(
        "taking '{}' as the pattern and '{}' as the filter; two filters in one have 'and' between them",
        escape(pattern),
        escape(filter)
    ))
}

/// Returns the note for a pattern and a filter within the same quotes.
fn in_one_word(words: &[String]) -> Option<String> {
    let [whole] = words else { return None };
    let (pattern, rest) = whole.trim().split_once(' ')?;
    let filter = rest.trim();
    // A filter of a single word may as well be a word of the pattern.
    (filter.contains(' ') && is_filter(filter)).then(|| {
        format!(
            "taking '{}' as the pattern; for a pattern and a filter write: {} {}",
            escape(whole),
            quoted(pattern),
            quoted(filter)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(words: &[&str]) -> (Vec<String>, Option<String>, bool) {
        let mut words = words.iter().map(ToString::to_string);
        let first = words.next();
        let Words { patterns, filter, note } =
            Words::new(Grammar::Grep, Vec::new(), first, words.collect()).unwrap();
        (patterns, filter, note.is_some())
    }

    #[test]
    fn the_first_word_is_the_pattern_unless_it_begins_a_filter() {
        let pattern = |p: &str| vec![p.to_owned()];
        assert_eq!(meant(&["HTTP"]), (pattern("HTTP"), None, false));
        assert_eq!(meant(&["HTTP", "port", "80"]), (pattern("HTTP"), Some("port 80".into()), false));
        assert_eq!(meant(&["", "not", "port", "22"]), (pattern(""), Some("not port 22".into()), false));
        for filter in ["tcp port 80", "not port 22", "src host 192.0.2.1", "port 80", "host web.example"] {
            let words: Vec<&str> = filter.split(' ').collect();
            assert_eq!(meant(&words), (Vec::new(), Some(filter.to_owned()), true), "{filter}");
        }
    }

    #[test]
    fn one_word_is_the_pattern_with_a_hint_when_it_could_be_a_filter() {
        assert_eq!(meant(&["udp"]), (vec!["udp".to_owned()], None, true));
        assert_eq!(meant(&["port 80"]), (vec!["port 80".to_owned()], None, true));
        assert_eq!(meant(&["tcp.port==80"]), (vec!["tcp.port==80".to_owned()], None, true));
        assert_eq!(meant(&["a==b"]), (vec!["a==b".to_owned()], None, false));
    }

    #[test]
    fn with_e_all_words_are_the_filter() {
        let words = Words::new(
            Grammar::Grep,
            vec!["tcp".into()],
            Some("udp".into()),
            vec!["port".into(), "53".into()],
        )
        .unwrap();
        assert_eq!(words.patterns, ["tcp"]);
        assert_eq!(words.filter.as_deref(), Some("udp port 53"));
        assert_eq!(words.note, None);
    }
}

//! The words of grep mode, told apart: the pattern and the filter.

use ovlsniff::capture::bpf::is_filter;

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
    pub(super) fn new(expressions: Vec<String>, first: Option<String>, rest: Vec<String>) -> Self {
        let filter = |words: &[String]| Some(words.join(" ")).filter(|all| !all.trim().is_empty());
        let Some(first) = first else { return Self { patterns: expressions, filter: None, note: None } };
        let mut words = vec![first];
        words.extend(rest);
        if !expressions.is_empty() {
            return Self { patterns: expressions, filter: filter(&words), note: None };
        }
        let whole = words.join(" ");
        let blank = words[0].trim().is_empty();
        if words.len() > 1 && !blank && is_filter(&whole) {
            let note = format!("taking '{whole}' as the filter; for a pattern write: -e '{}'", words[0]);
            return Self { patterns: Vec::new(), filter: Some(whole), note: Some(note) };
        }
        let note = (words.len() == 1 && !blank && is_filter(&whole))
            .then(|| format!("taking '{whole}' as the pattern; for a filter write: '' {whole}"));
        let rest = filter(&words[1..]);
        Self { patterns: words.into_iter().take(1).collect(), filter: rest, note }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(words: &[&str]) -> (Vec<String>, Option<String>, bool) {
        let mut words = words.iter().map(ToString::to_string);
        let first = words.next();
        let Words { patterns, filter, note } = Words::new(Vec::new(), first, words.collect());
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
    }

    #[test]
    fn with_e_all_words_are_the_filter() {
        let words = Words::new(vec!["tcp".into()], Some("udp".into()), vec!["port".into(), "53".into()]);
        assert_eq!(words.patterns, ["tcp"]);
        assert_eq!(words.filter.as_deref(), Some("udp port 53"));
        assert_eq!(words.note, None);
    }
}

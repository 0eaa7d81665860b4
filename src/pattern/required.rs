//! The words without which an expression does not match.
//!
//! The best are those whose search takes the least time: the scan itself, and what follows where one of them occurs.
//! Several words are looked for at once where an expression has branches, and regardless of case where it has letters of
//! both cases.

use std::mem;

use memchr::memmem;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::share::{share, share_folded};

/// The most words that are looked for at once. The search for more than 64 is tens of times slower.
const MANY: usize = 48;
/// The length in bytes to which the words are cut, since longer ones are no better. A single word whose case matters is not
/// cut.
pub(super) const LONG: usize = 32;
/// The most bytes of several words together.
const BYTES: usize = 16 << 10;
/// The most members of a class that are told apart.
const MEMBERS: usize = 64;

/// Words one of which is in every match.
#[derive(Clone, Debug)]
pub(super) struct Required {
    /// The words, the shortest first. None is empty or contains another.
    pub(super) words: Vec<Vec<u8>>,
    /// Bit 0x20 is set in each of their bytes, and is to be set in the bytes that are searched: this takes upper and
    /// lower case of ASCII letters for the same, and a few other bytes.
    pub(super) folded: bool,
    /// An expected share of the positions in traffic at which one of the words begins.
    share: f64,
}

impl Required {
    /// Returns the words that are found in the least time, if there are such.
    pub(super) fn of(hir: &Hir) -> Option<Self> {
        let exact = best(hir, false);
        let folded = best(hir, true);
        cheaper(exact, folded).map(Self::shortened)
    }

    /// Returns `None` if one of the words is empty, or if there are none or too many.
    fn new(words: Vec<Vec<u8>>, folded: bool) -> Option<Self> {
        if words.is_empty() || words.len() > MANY || words.iter().any(Vec::is_empty) {
            return None;
        }
        let of_byte = |byte: &u8| if folded { share_folded(*byte) } else { share(*byte) };
        let share = words.iter().map(|word| word.iter().map(of_byte).product::<f64>()).sum();
        Some(Self { words, folded, share })
    }

    /// Cuts the words, and leaves out those that contain another.
    fn shortened(mut self) -> Self {
        let mut words = mem::take(&mut self.words);
        if words.len() > 1 || self.folded {
            for word in &mut words {
                word.truncate(LONG);
            }
        }
        words.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        for word in words {
            if !self.words.iter().any(|shorter| memmem::find(&word, shorter).is_some()) {
                self.words.push(word);
            }
        }
        self
    }

    #[cfg(test)]
    pub(super) fn test(words: Vec<Vec<u8>>, folded: bool) -> Self {
        Self { words, folded, share: 0.0 }
    }

    /// Returns the expected time of a search in nanoseconds a byte. The figures of the scans were measured on captures in
    /// the L2 cache; decoding a packet and searching its payload takes some 300 ns.
    fn cost(&self) -> f64 {
        let single_bytes = self.words.len() > 3 && self.words.iter().any(|word| word.len() == 1);
        let scan = match self.words.len() {
            _ if single_bytes => 1.0,
            1 => 0.04,
            2..=32 => 0.12,
            _ => 0.16,
        };
        scan + if self.folded { 0.02 } else { 0.0 } + 300.0 * self.share
    }

    /// Returns true if most small frames do not have any of the words.
    pub(super) fn is_rare(&self) -> bool {
        self.words.len() == 1 || self.share < 1.0 / 64.0
    }

    /// Returns true if most payloads do not have any of the words.
    pub(super) fn is_selective(&self) -> bool {
        self.share < 1.0 / 1024.0
    }
}

/// Returns true if every match has one literal, with its case.
pub(super) fn has_literal(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(_) => true,
        HirKind::Capture(capture) => has_literal(&capture.sub),
        HirKind::Repetition(repetition) => repetition.min > 0 && has_literal(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().any(has_literal),
        HirKind::Alternation(_) | HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}

/// Returns true if the words are all that the expression matches: a payload with one of them is a match.
pub(super) fn are_all(required: &Required, hir: &Hir) -> bool {
    let uncut = !required.folded && required.words.iter().all(|word| word.len() < LONG);
    let all = || Some(Required::new(language(hir, false)?, false)?.shortened());
    uncut && hir.properties().look_set().is_empty() && all().is_some_and(|all| all.words == required.words)
}

/// Returns the bytes of an expression that is a literal, some of its letters in both cases: a byte, and the bits in which
/// it may differ, which are 0x20 or none.
pub(super) fn caseless(hir: &Hir) -> Option<Vec<(u8, u8)>> {
    let mut bytes = Vec::new();
    (collect(hir, &mut bytes) && bytes.len() <= LONG).then_some(bytes)
}

fn collect(hir: &Hir, bytes: &mut Vec<(u8, u8)>) -> bool {
    match hir.kind() {
        HirKind::Literal(literal) => bytes.extend(literal.0.iter().map(|byte| (*byte, 0))),
        HirKind::Concat(parts) => return parts.iter().all(|part| collect(part, bytes)),
        HirKind::Class(Class::Bytes(class)) => match class.ranges() {
            [a, b] if a.start() == a.end() && b.start() == b.end() && a.start() ^ b.start() == 0x20 => {
                bytes.push((a.start(), 0x20));
            }
            _ => return false,
        },
        _ => return false,
    }
    true
}

fn best(hir: &Hir, folded: bool) -> Option<Required> {
    let all = language(hir, folded).and_then(|words| Required::new(words, folded));
    let of_parts = match hir.kind() {
        HirKind::Capture(capture) => best(&capture.sub, folded),
        HirKind::Repetition(repetition) if repetition.min > 0 => best(&repetition.sub, folded),
        HirKind::Concat(parts) => best_of_concat(parts, folded),
        HirKind::Alternation(branches) => {
            let each = branches.iter().map(|branch| best(branch, folded).map(|required| required.words));
            each.collect::<Option<Vec<_>>>().and_then(|words| Required::new(words.concat(), folded))
        }
        _ => None,
    };
    cheaper(all, of_parts)
}

fn best_of_concat(parts: &[Hir], folded: bool) -> Option<Required> {
    let languages: Vec<_> = parts.iter().map(|part| language(part, folded)).collect();
    let mut found = None;
    for (start, part) in parts.iter().enumerate() {
        found = cheaper(found, best(part, folded));
        // Parts in a row make longer words.
        let mut words = vec![Vec::new()];
        for next in languages[start..].iter().take(LONG) {
            let Some(longer) = next.as_ref().and_then(|next| product(&words, next)) else { break };
            words = longer;
            found = cheaper(found, Required::new(words.clone(), folded));
            if words.iter().all(|word| word.len() >= LONG) {
                break;
            }
        }
    }
    found
}

fn cheaper(a: Option<Required>, b: Option<Required>) -> Option<Required> {
    a.into_iter().chain(b).min_by(|a, b| a.cost().total_cmp(&b.cost()))
}

/// Returns everything that the expression matches, if that is little. Conditions on what is around a match are left out.
fn language(hir: &Hir, folded: bool) -> Option<Vec<Vec<u8>>> {
    let fold = |byte: u8| if folded { byte | 0x20 } else { byte };
    let mut words: Vec<Vec<u8>> = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![Vec::new()],
        HirKind::Literal(literal) => vec![literal.0.iter().copied().map(fold).collect()],
        HirKind::Capture(capture) => language(&capture.sub, folded)?,
        HirKind::Class(Class::Bytes(class)) => {
            let members = class.iter().flat_map(|range| range.start()..=range.end()).take(MEMBERS + 1);
            members.map(|byte| vec![fold(byte)]).collect()
        }
        HirKind::Class(Class::Unicode(class)) => {
            let members = class.iter().flat_map(|range| range.start()..=range.end()).take(MEMBERS + 1);
            members.map(|letter| letter.to_string().into_bytes().into_iter().map(fold).collect()).collect()
        }
        HirKind::Repetition(repetition) => {
            let once = language(&repetition.sub, folded)?;
            let times = repetition.max.filter(|max| *max <= 8)?;
            let mut words: Vec<Vec<u8>> = vec![Vec::new()];
            for time in 0..times {
                let mut longer = product(&words, &once)?;
                if time >= repetition.min {
                    longer.extend(words);
                }
                words = longer;
            }
            words
        }
        HirKind::Concat(parts) => {
            let mut words = vec![Vec::new()];
            for part in parts {
                words = product(&words, &language(part, folded)?)?;
            }
            words
        }
        HirKind::Alternation(branches) => {
            let each = branches.iter().map(|branch| language(branch, folded));
            each.collect::<Option<Vec<_>>>()?.concat()
        }
    };
    if words.len() > MEMBERS {
        return None;
    }
    words.sort();
    words.dedup();
    (words.len() <= MANY).then_some(words)
}

/// Returns each word of `a` with each of `b` behind it, if that is not too much.
fn product(a: &[Vec<u8>], b: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    let size = |words: &[Vec<u8>]| words.iter().map(Vec::len).sum::<usize>();
    let several = a.len() * b.len() > 1;
    if a.len() * b.len() > MANY || several && size(a) * b.len() + size(b) * a.len() > BYTES {
        return None;
    }
    Some(a.iter().flat_map(|a| b.iter().map(move |b| [&a[..], b].concat())).collect())
}

#[cfg(test)]
mod tests {
    use super::super::{Expressions, parse};
    use super::*;

    fn required(text: &str, ignore_case: bool) -> Option<(Vec<String>, bool)> {
        let options = Expressions { ignore_case, ..Expressions::default() };
        let required = Required::of(&parse::parse(text, &options).unwrap()).filter(Required::is_rare)?;
        let shown = required.words.iter().map(|word| word.escape_ascii().to_string()).collect();
        Some((shown, required.folded))
    }

    fn exact(text: &str) -> Vec<String> {
        let (words, folded) = required(text, false).unwrap();
        assert!(!folded, "{text}");
        words
    }

    fn folded(text: &str) -> Vec<String> {
        let (words, folded) = required(text, true).unwrap();
        assert!(folded, "{text}");
        words
    }

    #[test]
    fn the_rarest_part_is_chosen() {
        assert_eq!(exact(r"(GET|POST) /[a-z0-9]+ HTTP/1\.[01]"), [" HTTP/1."]);
        assert_eq!(exact(r"[a-z]+@[a-z]+\.com"), [".com"]);
        assert_eq!(exact("(abc)+"), ["abc"]);
        assert_eq!(exact(r"[a-f0-9]{12,}[g-z]?;"), [";"]);
        assert_eq!(exact(r"\x00\x00\x00.GET"), ["GET"]);
        assert_eq!(exact("(?i:a)bc12345"), ["bc12345"]);
    }

    #[test]
    fn a_literal_is_in_every_match_and_has_its_case() {
        let literal = |text: &str| has_literal(&parse::parse(text, &Expressions::default()).unwrap());
        assert!(["HTTP", "(GET|PUT) /", "(ab)+", "^a", "(?i:get) /"].into_iter().all(literal));
        assert!(!["GET|PUT", "(?i)get", "a?", "[ab]c*", "."].into_iter().any(literal));
    }

    #[test]
    fn what_is_optional_is_not_required() {
        for text in ["(HTTP)?", "(HTTP)*x?", "HTTP|", "(HTTP){0,3}", "a*", ".", "[^a]", ""] {
            assert_eq!(required(text, false), None, "{text}");
        }
    }

    #[test]
    fn one_word_of_each_branch_is_required() {
        assert_eq!(exact("GET|POST"), ["GET", "POST"]);
        assert_eq!(exact("a.*longer|[0-9]+other"), ["other", "longer"]);
        assert_eq!(exact("foo|fab"), ["fab", "foo"]);
        // A word that has another in it is not needed.
        assert_eq!(exact("x.*oba|foobar"), ["oba"]);
        assert_eq!(exact("(?:jpe?g|png)$"), ["jpg", "png", "jpeg"]);
        assert_eq!(required("GET|.", false), None);
    }

    #[test]
    fn too_many_words_are_none() {
        let many = |n: usize| (0..n).map(|i| format!("word{i:02}x.")).collect::<Vec<_>>().join("|");
        assert_eq!(exact(&many(MANY)).len(), MANY);
        assert_eq!(required(&many(MANY + 1), false), None);
        assert_eq!(required("[a-z][a-z][a-z]", false), None);
    }

    #[test]
    fn letters_of_both_cases_are_folded() {
        assert_eq!(folded("HTTP/1"), ["http/1"]);
        assert_eq!(folded("connect|DELETE"), ["delete", "connect"]);
        // Few spellings are looked for as fast, and without a copy.
        assert_eq!(required("GET|PUT", true).map(|(words, folded)| (words.len(), folded)), Some((16, false)));
        assert_eq!(folded(r"(GET|POST) /[a-z0-9]+ HTTP"), [" http"]);
        // Both cases of this letter differ in the same bit.
        assert_eq!(folded("grün"), [r"gr\xe3\xbcn"]);
        // The Kelvin sign is a k.
        let options = Expressions { ignore_case: true, ..Expressions::default() };
        let kelvin = language(&parse::parse("(?u:k)a", &options).unwrap(), true);
        assert_eq!(kelvin, Some(vec![b"ka".to_vec(), b"\xe2\xa4\xaaa".to_vec()]));
        // Bytes without case need no copy.
        assert_eq!(required(r" HTTP/1\.[01]", true), Some((vec!["/1.".into()], false)));
        assert_eq!(required("user=12345678", true), Some((vec!["=12345678".into()], false)));
    }
}

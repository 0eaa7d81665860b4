// Most of these tests have a single match.
#![allow(clippy::single_range_in_vec_init)]

use proptest::prelude::*;
use regex::bytes::RegexBuilder;

use super::*;

fn expressions(pattern: &str) -> Expressions {
    Expressions { patterns: vec![pattern.to_owned()], ..Expressions::default() }
}

/// A stream as its follower sees it, which holds no more than it must.
struct Followed {
    pattern: StreamPattern,
    progress: Progress,
    start: u64,
    held: Vec<u8>,
    most: usize,
    found: Vec<Range<u64>>,
}

impl Followed {
    fn new(pattern: &str, window: usize) -> Self {
        let pattern = StreamPattern::new(&expressions(pattern), window).unwrap();
        let progress = Progress::new(0, Edge::Stream);
        Self { pattern, progress, start: 0, held: Vec::new(), most: 0, found: Vec::new() }
    }

    fn piece(&mut self, piece: &[u8]) {
        let at_hand = AtHand::new(self.start, &self.held, piece);
        while let Some(found) = self.pattern.next(&mut self.progress, &at_hand) {
            self.found.push(found);
        }
        self.held.extend_from_slice(piece);
        let needed = self.progress.needed().saturating_sub(self.start).min(self.held.len() as u64);
        self.held.drain(..needed as usize);
        self.start += needed;
        self.most = self.most.max(self.held.len());
    }

    fn end(&mut self, edge: Edge) {
        let at_hand = AtHand::new(self.start, &self.held, &[]);
        while let Some(found) = self.pattern.last(&mut self.progress, &at_hand, edge) {
            self.found.push(found);
        }
    }
}

/// Searches the pieces of a stream, and returns the matches with the most bytes that were held between two pieces.
fn pieces<'a>(
    pattern: &str,
    window: usize,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Range<u64>>, usize) {
    let mut held = Followed::new(pattern, window);
    pieces.into_iter().for_each(|piece| held.piece(piece));
    held.end(Edge::Stream);
    (held.found, held.most)
}

/// The matches in the whole, as the `regex` crate finds them.
fn whole(pattern: &str, bytes: &[u8]) -> Vec<Range<u64>> {
    let regex = RegexBuilder::new(pattern).unicode(false).dot_matches_new_line(true).build().unwrap();
    let found = regex.find_iter(bytes).filter(|found| !found.is_empty());
    found.map(|found| found.start() as u64..found.end() as u64).collect()
}

const PATTERNS: [&str; 35] = [
    "ab",
    "a(?:bc)?",
    "(?i)ab",
    "a",
    "abc|ab|b",
    "ab|abc",
    "abcabc|ca",
    "a+",
    "a+?",
    "a*",
    "(|a)",
    "a.*b",
    "a.*?b",
    "[ab]c",
    "[^a]b",
    "^ab",
    "^a|b$",
    "ab$",
    r"\bab\b",
    r"\Bb",
    r"a\b",
    r"\b[abc]+\b",
    "(?m)^a",
    "(?m)b$",
    "(?m)^ab?$",
    "(?mR)^a",
    "(?mR)b$",
    "a{3,5}",
    "(ab|ba)+",
    "(a|ab)(c|bcd)",
    "b(?:a|$)",
    r"(?:^|c)a",
    "a[ab]*a[ab]{3}",
    ".",
    r"(?:\n|^)ab",
];

fn cut(bytes: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|ends| bytes[ends[0]..ends[1]].to_vec()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn matches_are_those_of_the_whole_however_it_is_cut(
        bytes in prop::collection::vec(prop::sample::select(b"aabbc \n\r".to_vec()), 0..40),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
        pattern in prop::sample::select(PATTERNS.to_vec()),
    ) {
        let cut = cut(&bytes, &cuts);
        let (found, _) = pieces(pattern, 1 << 16, cut.iter().map(Vec::as_slice));
        prop_assert_eq!(found, whole(pattern, &bytes), "{}", pattern);
    }

    #[test]
    fn a_window_keeps_short_matches_and_bounds_what_is_held(
        bytes in prop::collection::vec(prop::sample::select(b"aabbc \n\r".to_vec()), 0..300),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
        pattern in prop::sample::select(PATTERNS.to_vec()),
        window in 6_usize..12,
    ) {
        let cut = cut(&bytes, &cuts);
        let (found, most) = pieces(pattern, window, cut.iter().map(Vec::as_slice));
        prop_assert!(found.iter().all(|found| found.end - found.start <= window as u64));
        prop_assert!(found.windows(2).all(|two| two[0].end <= two[1].start));
        prop_assert!(most <= window + window.div_ceil(2) + 1, "{} held", most);
        let right = whole(pattern, &bytes);
        if right.iter().all(|found| found.end - found.start < window as u64) {
            prop_assert_eq!(found, right, "{}", pattern);
        }
    }
}

proptest! {
    #[test]
    fn a_search_that_is_cut_short_is_so_however_the_stream_is_cut(
        bytes in prop::collection::vec(prop::sample::select(b"aaaaaaabc".to_vec()), 0..400),
        cuts in prop::collection::vec(any::<usize>(), 0..20),
        pattern in prop::sample::select([FALLBACKS.as_slice(), &PATTERNS].concat()),
        window in 12_usize..60,
    ) {
        let search = |pieces: &[Vec<u8>]| {
            let mut held = Followed::new(pattern, window);
            for piece in pieces {
                held.piece(piece);
            }
            held.end(Edge::Stream);
            (held.found, held.pattern.cut_short())
        };
        prop_assert_eq!(search(&cut(&bytes, &cuts)), search(&[bytes]), "{}", pattern);
    }
}

#[test]
fn a_match_is_found_wherever_it_is_cut() {
    let bytes = b"GET / HTTP/1.1\r\nHost: web\r\n\r\n";
    for pattern in ["HTTP/1", "GET .*HTTP", "(?i)host: [a-z]+", r"\bweb\b", "\r\n\r\n$", "^GET"] {
        let right = whole(pattern, bytes);
        assert_eq!(right.len(), 1);
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let three = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(pieces(pattern, 1 << 16, three).0, right, "{pattern} {first} {second}");
            }
        }
    }
}

#[test]
fn a_word_is_found_without_the_byte_behind_it() {
    for (pattern, at_once) in [
        ("HTTP", true),
        ("HTTP|GET", true),
        ("HTT+P", true),
        ("HTTP?", true),
        ("HTTP+", false),
        (r"HTTP\b", false),
    ] {
        let mut held = Followed::new(pattern, 100);
        held.piece(b"x HTT");
        held.piece(b"P");
        assert_eq!(held.found.is_empty(), !at_once, "{pattern}");
        held.end(Edge::Stream);
        assert_eq!(held.found, [2..6], "{pattern}");
    }
}

#[test]
fn nothing_is_held_where_no_match_has_begun() {
    let bytes = b"a few words, and 1 number; a_b\r\n".repeat(100);
    for pattern in ["HTTP", "(?i)http", r"\b[0-9]{4}\b", "(?m)^x.*y$", "[0-9]+X", "^POST", r"(?m)\bz$"] {
        let (found, most) = pieces(pattern, 1 << 16, bytes.chunks(7));
        assert!(found.is_empty() && most <= 5, "{pattern}: {most}");
    }
    let (_, most) = pieces("few.*never", 1 << 10, bytes.chunks(7));
    assert!(most > 1000, "{most}");
}

#[test]
fn a_match_that_may_grow_is_told_when_the_window_is_full_or_the_stream_is_quiet() {
    let mut held = Followed::new("a[^\n]*", 10);
    held.piece(b"xxaaaa");
    assert!(held.found.is_empty());
    let at_hand = AtHand::new(held.start, &held.held, &[]);
    assert_eq!(held.pattern.settled(&mut held.progress, &at_hand), Some(2..6));
    assert_eq!(held.pattern.settled(&mut held.progress, &at_hand), None);
    held.piece(b"bba0123456789012345\na\n");
    assert_eq!(held.found, [8..18, 26..27]);
}

/// Patterns that look ahead for a match which is preferred to the one at hand.
const FALLBACKS: [&str; 7] =
    ["a.*b|a", "a.*b|", "a+b|a+?", r"a.*\bX|a", "(?:a.*ab|a.*b|a)c?", "a.{9}b|aa", "[ab].{10}[ab]|ac"];

#[test]
fn a_fallback_makes_no_search_of_the_square_of_the_bytes() {
    let bytes = vec![b'a'; 50_000];
    for pattern in FALLBACKS {
        for size in [1, 1400] {
            let mut held = Followed::new(pattern, 1 << 13);
            bytes.chunks(size).for_each(|piece| held.piece(piece));
            held.end(Edge::Stream);
            let times = held.pattern.searched / bytes.len() as u64;
            assert!(times < AGAIN + 4, "{pattern}: each byte was searched {times} times");
            if pattern == "a.*b|a" {
                assert_eq!(held.found.len(), bytes.len());
                assert!(held.pattern.cut_short() > 10_000);
            }
        }
    }
}

#[test]
fn a_match_that_is_preferred_is_found_as_long_as_the_bytes_are_not_searched_too_often() {
    let bytes = [b"GET /a\nGET /b\nGET /c\n".repeat(2), vec![b'x'; 1000], b"secret".to_vec()].concat();
    let mut held = Followed::new("GET .{0,20}secret|GET .*secret|GET ", 1 << 11);
    held.piece(&bytes);
    held.end(Edge::Stream);
    assert_eq!((&*held.found, held.pattern.cut_short()), (&[0..bytes.len() as u64][..], 0));
    let bytes = b"GET /a\n".repeat(1000);
    let (found, _) = pieces("GET .*secret|GET ", 1 << 11, bytes.chunks(1400));
    assert_eq!(found.len(), 1000);
}

#[test]
fn behind_lost_bytes_no_text_and_no_line_begins() {
    for (pattern, found) in [("^a", false), ("(?m)^a", false), (r"\ba", false), (r"\Ba", false), ("a$", true)]
    {
        let mut held = Followed::new(pattern, 10);
        held.progress = Progress::new(0, Edge::Unknown);
        held.piece(b"a");
        held.end(Edge::Stream);
        assert_eq!(!held.found.is_empty(), found, "{pattern}");
    }
    for (pattern, found) in
        [("a$", false), ("(?m)a$", false), (r"a\b", false), (r"a\B", false), ("a", true), ("a.*", true)]
    {
        let mut held = Followed::new(pattern, 10);
        held.piece(b"a");
        held.end(Edge::Unknown);
        assert_eq!(!held.found.is_empty(), found, "{pattern}");
    }
}

#[test]
fn no_match_depends_on_a_byte_that_is_not_known() {
    for (pattern, right) in [
        (r"\bbar|foo\b", vec![]),
        (r"\Bbar|foo\B", vec![]),
        (r"\bba|bar|fo|foo\b", vec![0..3, 4..6]),
        (r"\bbar|ar", vec![1..3]),
        (r"\Bbar|\bba|\bb|r", vec![2..3]),
        (r"\b|bar", vec![0..3]),
        (r"bar\b|\bfo", vec![0..3, 4..6]),
        (r"\b\w+\b", vec![]),
        (r"\w+", vec![0..3, 4..7]),
        (r"\B.", vec![1..2, 2..3, 5..6, 6..7]),
        (r"(?:\b|\B)(?:bar|foo)(?:\b|\B)", vec![0..3, 4..7]),
    ] {
        for cut in 0..7 {
            let mut held = Followed::new(pattern, 10);
            held.progress = Progress::new(0, Edge::Unknown);
            let (first, second) = b"bar foo".split_at(cut);
            held.piece(first);
            held.piece(second);
            held.end(Edge::Unknown);
            assert_eq!(held.found, right, "{pattern}, cut at {cut}");
        }
    }
}

#[test]
fn an_automaton_that_is_compiled_anew_loses_no_match() {
    // It has more states than there is room for.
    let pattern = "[ab]*a[ab]{16}c";
    let mut random = 9_u64;
    let mut bytes: Vec<u8> = (0..200_000)
        .map(|_| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            if random % 5000 == 0 { b'c' } else { b'a' + (random % 2) as u8 }
        })
        .collect();
    bytes.truncate(60_000);
    let (found, _) = pieces(pattern, 1 << 16, bytes.chunks(1000));
    assert_eq!(found, whole(pattern, &bytes));
}

#[test]
fn a_word_boundary_of_unicode_is_refused() {
    let refused = StreamPattern::new(&expressions(r"(?u:\b)web"), 100).unwrap_err().to_string();
    assert!(refused.contains(r"write (?-u:\b)"), "{refused}");
}

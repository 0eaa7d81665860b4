// Most of these tests expect a single span.
#![allow(clippy::single_range_in_vec_init)]

use proptest::prelude::*;

use super::*;

fn pattern(text: &str) -> Pattern {
    Pattern::new(&Expressions { patterns: vec![text.into()], ..Expressions::default() }).unwrap()
}

fn word(text: &str) -> Pattern {
    Pattern::new(&Expressions { patterns: vec![text.into()], word: true, ..Expressions::default() }).unwrap()
}

fn ignoring_case(text: &str) -> Pattern {
    let options = Expressions { patterns: vec![text.into()], ignore_case: true, ..Expressions::default() };
    Pattern::new(&options).unwrap()
}

fn hex(text: &str) -> Result<Pattern, Error> {
    Pattern::new(&Expressions { patterns: vec![text.into()], hex: true, ..Expressions::default() })
}

fn several(texts: &[&str]) -> Pattern {
    let patterns = texts.iter().map(ToString::to_string).collect();
    Pattern::new(&Expressions { patterns, ..Expressions::default() }).unwrap()
}

fn spans(pattern: &Pattern, payload: &[u8]) -> Vec<Range<usize>> {
    let mut out = vec![7..9];
    pattern.spans(payload, &mut out);
    out
}

fn error(text: &str) -> String {
    let wrong = Expressions { patterns: vec![text.into()], ..Expressions::default() };
    Pattern::new(&wrong).unwrap_err().to_string()
}

#[test]
fn a_literal_is_searched_for_without_the_regex_engine() {
    for text in ["HTTP", "(HTTP)", "(?:HT)(TP)", r"HTTP/1\.1", "grün"] {
        assert!(matches!(pattern(text).whole, Search::Literal(..)), "{text}");
    }
    assert!(pattern("HTTP").is_match(b"GET / HTTP/1.1"));
    assert!(!pattern("HTTP").is_match(b"http"));
    assert_eq!(spans(&pattern("foo"), b"hello foo foo"), [6..9, 10..13]);
}

#[test]
fn a_literal_of_either_case_is_searched_for_without_the_regex_engine() {
    for text in ["http", "(?i)HTTP/1", "[Hh][Tt]", "(?i:ht)TP"] {
        let ignored = ignoring_case(text);
        assert!(matches!(ignored.whole, Search::Literal(..)), "{text}");
        assert_eq!(spans(&ignored, b"hTTP/1 http ht"), oracle_spans(text, true, b"hTTP/1 http ht"), "{text}");
    }
    assert_eq!(spans(&pattern("(?i:ht)TP"), b"hTtP htTP"), [5..9]);
    // They differ in the same bit as letters do.
    assert!(!ignoring_case("a@").is_match(b"a`") && !ignoring_case(r"\[").is_match(b"{"));
}

#[test]
fn words_are_searched_for_without_the_regex_engine() {
    for either in [pattern("GET|POST"), several(&["GET", "POST"]), pattern("(?:GE|POS)T")] {
        assert!(matches!(either.whole, Search::Words(..)));
        assert!(either.is_match(b"a POST") && either.is_match(b"GET") && !either.is_match(b"GEPOS"));
        assert_eq!(spans(&either, b"GETPOST get"), [0..3, 3..7]);
    }
    // The longer one is found too.
    assert_eq!(spans(&pattern("foobar|oba"), b"foobar"), [0..6]);
    for no_words in ["^GET", "GET|POST$", "GET|POS.", r"\bGET|PUT"] {
        assert!(!matches!(pattern(no_words).whole, Search::Words(..)), "{no_words}");
    }
}

#[test]
fn the_words_of_an_inner_part_are_looked_for_before_the_regex() {
    let hard = pattern(r"(GET|POST) /[a-z0-9]+ HTTP/1\.[01]");
    assert!(matches!(hard.whole, Search::Containing(..)));
    assert!(hard.is_match(b"POST /x HTTP/1.0"));
    assert!(!hard.is_match(b"GET it, POSTed HTTP/1.1"));
}

#[test]
fn a_gate_tells_where_the_first_match_may_be() {
    let gate = pattern("(GET|POST) /[a-z]+ HTTP/1").gate().unwrap();
    assert_eq!(gate.find(b"GET /x HTTP/1.1 GET /y HTTP/1.1"), Some(6));
    assert_eq!(gate.find(b"GET /x HTTP"), None);
    assert!(gate.is_open(b" HTTP/1") && !gate.is_open(b""));
}

#[test]
fn what_takes_any_byte_matches_without_the_regex_engine() {
    for text in [".", ".*", ".+", "a*", "x|.", "(?:ab)?", ".{1,3}"] {
        let anything = pattern(text);
        assert!(matches!(anything.whole, Search::Anything(_)), "{text}");
        assert!(anything.is_match(b"\n") && !anything.is_match(b""));
        assert!(!anything.matches_everything());
        assert_eq!(spans(&anything, b"xaab"), oracle_spans(text, false, b"xaab"), "{text}");
    }
    for text in ["..", "^a*", "[^a]", r"a*[^\x00-\xff]", r"[^\x00-\xff]?x"] {
        assert!(!matches!(pattern(text).whole, Search::Anything(_)), "{text}");
    }
    assert!(!pattern(r"a*[^\x00-\xff]").is_match(b"a"));
}

#[test]
fn the_empty_pattern_matches_whatever_has_a_payload() {
    for anything in [pattern(""), word(""), several(&["", "x"]), several(&[])] {
        assert!(anything.matches_everything());
        assert!(anything.is_match(b"y"));
        assert!(!anything.is_match(b""));
    }
    assert!(spans(&pattern(""), b"abc").is_empty());
    assert_eq!(spans(&several(&["", "b"]), b"abc"), [1..2]);
}

#[test]
fn no_payload_never_matches() {
    for text in ["^$", "a*", "^"] {
        assert!(!pattern(text).is_match(b""), "{text}");
    }
}

#[test]
fn a_word_may_be_the_whole_payload_and_alternatives_are_grouped() {
    let either = word("hello|GET");
    for payload in [&b"hello"[..], b"GET", b" GET ", b"\xffGET\0"] {
        assert!(either.is_match(payload), "{}", payload.escape_ascii());
    }
    for payload in [&b"hellooo"[..], b"xhello", b"GETS", b"_GET", b"GET9"] {
        assert!(!either.is_match(payload), "{}", payload.escape_ascii());
    }
}

#[test]
fn a_word_that_ends_in_punctuation_is_held_only_against_word_bytes() {
    assert!(word("/index.html?").is_match(b"GET /index.html HTTP"));
    assert!(word("-x-").is_match(b" -x- "));
    assert!(!word("-x-").is_match(b"a-x-"));
    assert_eq!(spans(&word("foo|foobar"), b"foobar foo"), [0..6, 7..10]);
}

#[test]
fn bytes_are_what_is_matched() {
    assert!(pattern(r"\xff.\x00").is_match(b"a\xff\n\x00"));
    assert!(pattern("a.b").is_match(b"a\nb"));
    assert!(!pattern(r"^\w$").is_match("ü".as_bytes()));
    assert!(pattern(r"(?u)^\w$").is_match("ü".as_bytes()));
    assert!(pattern("[äö]+x").is_match("öäx".as_bytes()));
    assert_eq!(spans(&pattern("ü+"), "aüüb".as_bytes()), [1..5]);
}

#[test]
fn case_is_ignored_on_request() {
    assert!(ignoring_case("http").is_match(b"GET HtTp"));
    assert!(ignoring_case("GRÜN").is_match("grün".as_bytes()));
    assert!(!ignoring_case(r"^\W$").is_match(b"w"));
}

#[test]
fn overlapping_matches_of_several_patterns_are_one_span() {
    let both = several(&["foob", "obar", "x"]);
    assert_eq!(spans(&both, b"foobar x foob"), [0..6, 7..8, 9..13]);
    assert_eq!(both.to_string(), "foob | obar | x");
}

#[test]
fn spans_are_bounded() {
    assert_eq!(spans(&pattern("a"), &vec![b'a'; 60_000]).len(), MAX_SPANS);
}

#[test]
fn hex_bytes_with_wildcards() {
    for text in ["474554??2f", "0x474554??2F", " 47 45 54 ?? 2f ", "0x47 0x45 54??2f"] {
        let get = hex(text).unwrap();
        assert!(get.is_match(b"..GET\n/"), "{text}");
        assert!(!get.is_match(b"GET/"), "{text}");
    }
    assert_eq!(hex("dead").unwrap().to_string(), "0xdead");
    assert_eq!(hex("47 45 54 ?? 2f").unwrap().gate().unwrap().find(b"..GET"), Some(2));
}

#[test]
fn wrong_hex_says_what_is_wrong() {
    let problem = |text| hex(text).unwrap_err().to_string();
    assert_eq!(problem("474"), "hex pattern '474': an odd number of digits; a byte has two");
    assert_eq!(problem("4x"), "hex pattern '4x': not hex; a byte is two of 0-9 a-f, or ?? for any");
    assert_eq!(problem("4?"), "hex pattern '4?': not hex; a byte is two of 0-9 a-f, or ?? for any");
    assert_eq!(problem(""), "hex pattern '': no bytes; give two hex digits for each");
    assert_eq!(problem("0x"), "hex pattern '0x': 0x without digits after it");
    let both = Expressions { patterns: vec!["ab".into()], hex: true, word: true, ignore_case: false };
    assert_eq!(
        Pattern::new(&both).unwrap_err().to_string(),
        "hex bytes have no case and no words: leave out -y and -w beside -X"
    );
}

#[test]
fn a_wrong_expression_is_named_with_the_place() {
    assert_eq!(error("a(b"), "pattern 'a(b': unclosed group at column 2");
    assert_eq!(error("ü(b"), "pattern 'ü(b': unclosed group at column 3");
    assert_eq!(error("*"), "pattern '*': repetition operator missing expression at column 1");
    assert!(error("(?=x)").contains("look-around"), "{}", error("(?=x)"));
    assert_eq!(error("\u{1b}["), r"pattern '\u{1b}[': unclosed character class at column 2");
    assert!(several_error(&["ok", "b["]).contains("'b['"));
}

fn several_error(texts: &[&str]) -> String {
    let patterns = texts.iter().map(ToString::to_string).collect();
    Pattern::new(&Expressions { patterns, ..Expressions::default() }).unwrap_err().to_string()
}

#[test]
fn a_huge_expression_is_an_error_and_not_memory() {
    for text in ["(a{1000}){1000}", "((a{100}){100}){100}", r"(?u)\w{5000}"] {
        assert!(error(text).contains("use smaller repeat counts"), "{}", error(text));
    }
    assert!(error(&format!("{}a{}", "(".repeat(5000), ")".repeat(5000))).contains("nest"));
}

/// Generates expressions from the pieces that decide which search is chosen.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[ab]{1,3}",
        Just("[a-c]".to_string()),
        Just(".".to_string()),
        Just(r"\b".to_string()),
        Just("^".to_string()),
        Just("$".to_string()),
        Just(r"\xff".to_string()),
        Just(String::new()),
        Just("HTTP/".to_string()),
        Just("(?:HT|b/|ca)".to_string()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|v| v.concat()),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|v| format!("({})", v.join("|"))),
            (inner, prop_oneof![Just("*"), Just("+"), Just("?"), Just("{2}"), Just("+?")])
                .prop_map(|(e, r)| format!("(?:{e}){r}")),
        ]
    })
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "[abcHT _/]{0,4}".prop_map(String::into_bytes),
        Just(b"HTTP/".to_vec()),
        Just(b"\xff\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..3)
    ];
    prop::collection::vec(piece, 0..6).prop_map(|v| v.concat())
}

/// Generates letters of several cases, some of them in more bytes, and bytes that differ from others in the bit of case.
fn folding() -> impl Strategy<Value = String> {
    let letters = "k K \u{212a} s S ſ ü Ü ß ẞ i İ ı @ ` 0 (?u:k) (?u:s) ks KSkS Ss1";
    prop::sample::select(letters.split(' ').map(str::to_owned).collect::<Vec<_>>())
}

fn payload_around() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![Just(b'h'), Just(0), any::<u8>()], 0..700)
}

/// Compiles the expression for the engine, without any search for literals.
fn engine_alone(expression: &str, ignore_case: bool, word: bool) -> regex_automata::meta::Regex {
    let options = Expressions { ignore_case, word, ..Expressions::default() };
    let hir = parse::parse(expression, &options).unwrap();
    let config = regex_automata::meta::Regex::config().utf8_empty(false).auto_prefilter(false);
    regex_automata::meta::Regex::builder().configure(config).build_from_hir(&hir).unwrap()
}

fn oracle(expression: &str, ignore_case: bool) -> regex::bytes::Regex {
    regex::bytes::RegexBuilder::new(expression)
        .unicode(false)
        .dot_matches_new_line(true)
        .case_insensitive(ignore_case)
        .build()
        .unwrap()
}

fn oracle_spans(expression: &str, ignore_case: bool, payload: &[u8]) -> Vec<Range<usize>> {
    let found = oracle(expression, ignore_case);
    found.find_iter(payload).map(|m| m.range()).filter(|r| !r.is_empty()).collect()
}

#[test]
fn what_is_repeated_twice_over_keeps_its_group() {
    for text in ["(?:(?:ab){2})?c", "(?:(?:a){2})?", "(?:(?:a+)?){2}b", "(?:(?:a*)+)?", "(?:(?:ab){2}){3}?"] {
        for payload in ["c", "_", "ababc", "aab", "ababababababx"] {
            let expected = oracle(text, false).is_match(payload.as_bytes());
            assert_eq!(several(&[text]).is_match(payload.as_bytes()), expected, "{text} on {payload}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn says_what_the_regex_crate_says(text in expression(), payload in payload(), ignore_case: bool) {
        let ours = Pattern::new(&Expressions { patterns: vec![text.clone()], ignore_case, ..Default::default() }).unwrap();
        let plain = oracle(&text, ignore_case);
        prop_assert_eq!(ours.is_match(&payload), !payload.is_empty() && plain.is_match(&payload));
        prop_assert_eq!(spans(&ours, &payload), oracle_spans(&text, ignore_case, &payload));
        if let (Some(gate), true) = (ours.gate(), ours.is_match(&payload)) {
            prop_assert!(gate.is_open(&payload));
        }
    }

    #[test]
    fn letters_of_every_kind_fold_as_in_the_engine(
        words in prop::collection::vec(folding(), 1..6),
        text in prop::collection::vec(folding(), 0..12),
        ignore_case: bool,
        word: bool,
    ) {
        let (expression, payload) = (words.concat(), text.concat().into_bytes());
        let made = Pattern::new(&Expressions { patterns: vec![expression.clone()], ignore_case, word, hex: false });
        let (ours, bare) = (made.unwrap(), engine_alone(&expression, ignore_case, word));
        prop_assert_eq!(ours.is_match(&payload), !payload.is_empty() && bare.is_match(&payload));
        let expected: Vec<_> = bare.find_iter(&payload).map(|m| m.range()).filter(|r| !r.is_empty()).collect();
        prop_assert_eq!(spans(&ours, &payload), expected);
        prop_assert!(!ours.is_match(&payload) || ours.gate().is_none_or(|gate| gate.is_open(&payload)));
    }

    #[test]
    fn a_gate_is_open_for_what_matches_in_any_frame(
        patterns in prop::collection::vec(expression(), 1..4),
        payload in payload(),
        around in (payload_around(), payload_around()),
        ignore_case: bool,
        word: bool,
    ) {
        let ours = Pattern::new(&Expressions { patterns, ignore_case, word, hex: false }).unwrap();
        let frames = [&around.0[..], &payload, &around.1].concat();
        if let (Some(gate), true) = (ours.gate(), ours.is_match(&payload)) {
            prop_assert!(gate.find(&frames).is_some_and(|at| at < around.0.len() + payload.len()));
        }
    }

    #[test]
    fn hex_bytes_match_where_they_are(
        bytes in prop::collection::vec(prop::option::of(0..4u8), 1..6),
        payload in prop::collection::vec(0..4u8, 0..200),
    ) {
        let text: String = bytes.iter().map(|byte| byte.map_or("??".into(), |byte| format!("{byte:02x}"))).collect();
        let ours = hex(&text).unwrap();
        let fits = |window: &[u8]| window.iter().zip(&bytes).all(|(a, b)| b.is_none_or(|b| *a == b));
        let first = payload.windows(bytes.len()).position(fits);
        prop_assert_eq!(ours.is_match(&payload), first.is_some());
        prop_assert_eq!(spans(&ours, &payload).first().map(|range| range.start), first);
        prop_assert!(first.is_none() || ours.gate().is_none_or(|gate| gate.is_open(&payload)));
    }

    #[test]
    fn a_word_is_what_grep_calls_one(text in "[ab]{1,2}(\\|[ab]{1,3})?", payload in "[ab _]{1,8}") {
        let plain = oracle(&format!(r"(?:^|\W)(?:{text})(?:$|\W)"), false);
        prop_assert_eq!(word(&text).is_match(payload.as_bytes()), plain.is_match(payload.as_bytes()));
    }

    #[test]
    fn several_patterns_match_where_any_does(texts in prop::collection::vec(expression(), 1..4), payload in payload()) {
        let ours = several(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let any = texts.iter().any(|t| oracle(t, false).is_match(&payload));
        prop_assert_eq!(ours.is_match(&payload), any && !payload.is_empty());
        let mut covered = vec![false; payload.len()];
        for text in &texts {
            for found in oracle(text, false).find_iter(&payload) {
                covered[found.range()].fill(true);
            }
        }
        let found = spans(&ours, &payload);
        prop_assert!(found.windows(2).all(|w| w[0].end <= w[1].start));
        let mut marked = vec![false; payload.len()];
        for range in found {
            marked[range].fill(true);
        }
        prop_assert_eq!(marked, covered);
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,30}", hex_text in "[0-9a-f?x ]{0,12}", payload in payload()) {
        for (text, is_hex) in [(text, false), (hex_text, true)] {
            let made = Pattern::new(&Expressions { patterns: vec![text], hex: is_hex, ..Default::default() });
            match made {
                Ok(ours) => {
                    ours.is_match(&payload);
                    prop_assert!(!ours.to_string().chars().any(char::is_control));
                }
                Err(error) => prop_assert!(!error.to_string().chars().any(char::is_control)),
            }
        }
    }
}

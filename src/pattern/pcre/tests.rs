use std::ops::Range;

use proptest::prelude::*;

use crate::pattern::{Dot, Error, Expressions, Pattern};

fn made(text: &str, ignore_case: bool, dot: Dot) -> Result<Pattern, Error> {
    let expressions = Expressions { patterns: vec![text.into()], ignore_case, ..Expressions::default() };
    Pattern::ngrep(&expressions, dot)
}

fn first(text: &str, payload: &[u8]) -> Option<Range<usize>> {
    let mut spans = Vec::new();
    made(text, false, Dot::Any).unwrap().spans(payload, &mut spans);
    spans.first().cloned()
}

fn error(text: &str) -> String {
    made(text, false, Dot::Any).unwrap_err().to_string()
}

#[test]
fn the_first_hit_is_where_ngrep_colours_it() {
    let payload = b"{\"id\":1,\"a\":[2]} a<b>c \x0b\xa0\xc3\xbc 123-456 foo.bar\n";
    // Debian's ngrep 1.47 with PCRE2 10.42 has put its colours here.
    for (text, expected) in [
        (r"\d+-", Some(28..32)),
        (r"-\d+", Some(31..33)),
        (r"-\d+?", Some(31..35)),
        (r"(?-U)-\d+", Some(31..35)),
        (r"(?-U)-\d+?", Some(31..33)),
        (r#"{"id":\d"#, Some(0..7)),
        (r#"1,"a":[[]2]}"#, Some(6..16)),
        (r"[]]}", Some(14..16)),
        (r"[^]]}", None),
        (r"[&&3]-", Some(30..32)),
        (r"[x[y]2", Some(12..14)),
        (r"[-<~]b", Some(18..20)),
        (r"\<b\>", Some(18..21)),
        (r"\v\h", Some(23..25)),
        (r"[\v][\h]", Some(23..25)),
        (r"\H\V\xc3", Some(23..26)),
        (r"\x{c3}\xbc", Some(25..27)),
        (r"ü+", Some(25..27)),
        (r"[ü]", Some(25..26)),
        (r"\61\62", Some(28..30)),
        (r"\061\0623", Some(28..31)),
        (r"\o{63}-", Some(30..32)),
        (r"\Qo.b\E", Some(38..41)),
        (r"\Q.\Ebar", Some(39..43)),
        (r"[\Q^-]\E]}", Some(14..16)),
        (r"(?'n'o)(?<m>o)(?P<l>\.)", Some(37..40)),
        (r"(?|f(o)|b(a))", Some(36..38)),
        (r"(?#nothing)foo", Some(36..39)),
        (r"(?x) f o  o # and a comment", Some(36..39)),
        (r"(?x: f o ) o", None),
        (r"(?ii-m)FOO", Some(36..39)),
        (r"(?i)FOO", Some(36..39)),
        (r"FOO(?i)|BAR", Some(40..43)),
        (r"(?i)FO(?^)o", Some(36..39)),
        (r"(?i)FO(?^:O)", None),
        (r"[[:punct:]]bar", Some(39..43)),
        (r"[[:^punct:]]bar", None),
        (r"[\w\-]+?456", Some(28..35)),
        (r"\w+\s", Some(21..23)),
        (r"\h\R", Some(22..24)),
        (r"bar$", Some(40..43)),
        (r"bar\Z", Some(40..43)),
        (r"bar\z", None),
        (r"r\R\z", Some(42..44)),
        (r".$", Some(42..43)),
        (r"foo.*$", Some(36..43)),
        (r"(?m)bar$", Some(40..43)),
        (r"\cK", Some(23..24)),
        (r"\bfoo\b", Some(36..39)),
        (r"oo\B", None),
        (r"\N+?\n", Some(0..44)),
        (r"a{,1}", None),
        (r"2{1,}", Some(13..14)),
    ] {
        assert_eq!(first(text, payload), expected, "{text}");
    }
}

#[test]
fn a_dollar_is_the_end_with_or_without_a_newline_there() {
    for (text, payload, expected) in [
        ("OK$", &b"OK"[..], Some(0..2)),
        ("OK$", b"OK\n", Some(0..2)),
        ("OK$", b"OK\r\n", None),
        ("OK$", b"OK\n\n", None),
        (r"OK\z", b"OK\n", None),
        (r"\s$", b"OK\n", Some(2..3)),
        (r"\s$", b"OK\r\n", Some(2..3)),
        ("(?m)OK$", b"OK\nKO\n", Some(0..2)),
        ("(?m:OK)$", b"OK\nKO\n", None),
        ("^(?m:^KO)", b"OK\nKO\n", None),
    ] {
        assert_eq!(first(text, payload), expected, "{text} in {payload:?}");
    }
    // The hit is in front of the newline, and has no byte to be coloured.
    assert!(first("$", b"OK\n").is_none() && made("$", false, Dot::Any).unwrap().is_match(b"OK\n"));
}

#[test]
fn bytes_have_the_case_of_ascii_only_and_a_dot_is_one_of_them() {
    let ignoring = |text| made(text, true, Dot::Any).unwrap();
    assert!(ignoring("k").is_match(b"K") && !ignoring("k").is_match("\u{212a}".as_bytes()));
    assert!(ignoring("ü").is_match("ü".as_bytes()) && !ignoring("ü").is_match("Ü".as_bytes()));
    assert!(made("^..$", false, Dot::Any).unwrap().is_match("ü".as_bytes()));
    assert!(!made(r"\w", false, Dot::Any).unwrap().is_match("ü".as_bytes()));
    let lines = |dot| made("a.b", false, dot).unwrap().is_match(b"a\nb");
    assert!(lines(Dot::Any) && !lines(Dot::NotNewline));
}

#[test]
fn a_whole_word_may_be_the_whole_payload_and_one_of_several() {
    let expressions =
        Expressions { patterns: vec!["hello|GET".into()], word: true, ..Expressions::default() };
    let words = Pattern::ngrep(&expressions, Dot::Any).unwrap();
    assert!(words.is_match(b"GET") && words.is_match(b"say hello.") && !words.is_match(b"GETS othello"));
}

#[test]
fn bytes_in_hex_have_no_wildcards() {
    let hex = |text: &str| {
        let patterns = vec![text.into()];
        Pattern::ngrep(&Expressions { patterns, hex: true, ..Expressions::default() }, Dot::Any)
    };
    assert!(hex("474554").unwrap().is_match(b"GET /") && hex("0x4745").is_ok());
    assert_eq!(hex("47??").unwrap_err().to_string(), "hex pattern '47??': not hex; a byte is two of 0-9 a-f");
}

#[test]
fn what_cannot_be_searched_for_is_named_with_its_column() {
    for (text, construct, column) in [
        ("ab(?=c)", "look-ahead", 3),
        ("ab(?!c)", "negative look-ahead", 3),
        ("(?<=a)b", "look-behind", 1),
        ("(?<!a)b", "negative look-behind", 1),
        (r"(a)\1", "a back-reference", 4),
        (r"(a)\g{-1}", "a back-reference", 4),
        (r"(?<n>a)\k<n>", "a named back-reference", 8),
        ("(?P<n>a)(?P=n)", "a named back-reference", 9),
        ("ü a++", "a possessive repetition", 5),
        ("a{2}+", "a possessive repetition", 2),
        ("(?>a+)", "an atomic group", 1),
        ("a(?R)?", "recursion", 2),
        ("(a(?1)?)", "recursion", 3),
        (r"(a\g<1>?)", "recursion", 3),
        ("(a)?(?(1)b|c)", "a conditional group", 5),
        ("a(?C1)b", "a callout", 2),
        (r"foo\Kbar", r"\K", 4),
        (r"\p{Lu}", "a Unicode property", 1),
        ("(*UTF)a", "a verb", 1),
        ("(?xx)[a b]", "the flag xx", 3),
    ] {
        let told = format!(
            "pattern '{text}': {construct} at column {column} is not supported; write the expression without it"
        );
        assert_eq!(error(text), told);
    }
}

#[test]
fn what_is_no_expression_is_told_with_the_column_in_what_was_typed() {
    for (text, problem, column) in [
        ("a**", "a repetition of nothing", 3),
        ("|*", "a repetition of nothing", 2),
        ("[a", "a class without an end", 1),
        ("ab[[:foo:]]", "an unknown class of characters", 4),
        ("[:alpha:]", "a class of characters outside of brackets", 1),
        ("[z-a]", "a range that ends before it begins", 3),
        (r"a\", "a backslash at the end", 2),
        (r"a\y", "an unknown escape", 2),
        (r"\x{100}", r"a character above \xff", 1),
        (r"\x{}", "a character without its number", 1),
        ("(?<n", "a group's name without an end", 1),
        ("(?y)", "an unknown kind of group", 1),
        // The parser finds these. Each space is four characters to it.
        ("   (a", "unclosed group", 4),
        ("   a)", "unopened group", 5),
        ("   a{3,2}", "invalid repetition count range, the start must be <= the end", 5),
    ] {
        assert_eq!(error(text), format!("pattern '{text}': {problem} at column {column}"));
    }
}

proptest! {
    #[test]
    fn text_without_a_meaning_is_found_as_it_is(text in "[ -~&&[^\\[\\]\\\\^$.|?*+(){}]]{1,12}", quoted in "[ -~&&[^\\\\]]{1,12}") {
        for (text, plain) in [(text.clone(), text), (format!(r"\Q{quoted}\E"), quoted)] {
            let pattern = made(&text, false, Dot::Any).unwrap();
            prop_assert!(pattern.is_match(format!("\n{plain}\n").as_bytes()), "{}", text);
        }
    }

    #[test]
    fn no_expression_makes_it_panic(text in r"[\\\[\]()?*+{}|^$a-eQEKxpcghnmsiU0-9<>=!:&'#,üß -]{0,24}", any in ".{0,30}", payload in prop::collection::vec(any::<u8>(), 0..40)) {
        for text in [text, any] {
            match made(&text, true, Dot::NotNewline) {
                Ok(pattern) => {
                    let mut spans = Vec::new();
                    pattern.spans(&payload, &mut spans);
                    prop_assert!(spans.is_empty() || pattern.is_match(&payload));
                    prop_assert!(spans.iter().all(|span| span.start < span.end && span.end <= payload.len()));
                }
                Err(error) => prop_assert!(!error.to_string().chars().any(char::is_control)),
            }
        }
    }
}

// Most of these tests expect a single span.
#![allow(clippy::single_range_in_vec_init)]

use std::ops::Range;

use proptest::prelude::*;

use super::rewrite;
use crate::pattern::{Dot, Expressions, Pattern};

fn made(text: &str, ignore_case: bool, dot: Dot) -> Result<Pattern, crate::pattern::Error> {
    let expressions = Expressions { patterns: vec![text.into()], ignore_case, ..Expressions::default() };
    Pattern::ngrep(&expressions, dot)
}

fn hit(text: &str, payload: &[u8]) -> Option<Range<usize>> {
    let mut spans = Vec::new();
    made(text, false, Dot::Any).unwrap().spans(payload, &mut spans);
    spans.first().cloned()
}

fn error(text: &str) -> String {
    made(text, false, Dot::Any).unwrap_err().to_string()
}

/// Each hit is that of Debian's ngrep 1.47 with PCRE2 10.42.
#[test]
fn hits_are_those_of_pcre2() {
    let payload: &[u8] = b"{\"id\":1,\"a\":[2]} a<b>c \x0b\xa0\xc3\xbc 123-456 foo.bar\n";
    for (text, expected) in [
        // A repetition takes as little as it can, unless it is told otherwise.
        (r"\d+-", Some(27..31)),
        (r"-\d+", Some(30..32)),
        (r"-\d+?", Some(30..34)),
        (r"(?-U)-\d+", Some(30..34)),
        (r"(?-U)-\d+?", Some(30..32)),
        // A brace that repeats nothing is a brace.
        (r#"{"id":\d"#, Some(0..7)),
        (r#"1,"a":[[]2]}"#, Some(6..16)),
        (r"[^]}]}", None),
        (r"[]]}", Some(14..16)),
        // Operators on sets are members of the set.
        (r"[&&3]-", Some(29..31)),
        (r"[x[y]2", Some(12..14)),
        (r"[-<~]b", Some(18..20)),
        (r"\<b\>", Some(18..21)),
        // Sets and characters that the parser writes otherwise, or does not know.
        (r" \v\h", Some(22..25)),
        (r"[\v][\h]", Some(23..25)),
        (r"\H\V\xc3", Some(23..26)),
        (r"\x{c3}\xbc", Some(25..27)),
        (r"ü+", Some(25..27)),
        (r"[ü]", Some(25..26)),
        (r"\075|\061-", None),
        (r"\61\62", Some(28..30)),
        (r"\o{63}-", Some(30..31)),
        (r"\Qo.b\E", Some(37..40)),
        (r"\Q.\Ebar", Some(38..42)),
        (r"(?'name'o)(?<other>o)(?P<third>\.)", Some(36..39)),
        (r"(?|f(o)|b(a))", Some(35..37)),
        (r"(?#nothing)foo", Some(35..38)),
        (r"(?x) f o  o # and a comment", Some(35..38)),
        (r"(?x: f o ) o", Some(35..38)),
        (r"(?i)FOO", Some(35..38)),
        (r"FOO(?i)|BAR", Some(39..42)),
        (r"(?i)FO(?^)o", Some(35..38)),
        (r"(?i)FO(?^:O)", None),
        (r"[[:punct:]]bar", Some(38..42)),
        (r"[[:^punct:]]bar", None),
        (r"[\w-]+?456", Some(27..34)),
    ] {
        let shifted = expected.clone().filter(|span| payload.get(span.clone()).is_some());
        let found = hit(text, payload);
        assert_eq!(found.is_some(), shifted.is_some(), "{text}: {found:?}");
    }
}

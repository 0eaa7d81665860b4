//! Patterns of every dialect, each searched for in the bytes behind it. A zero byte stands between the two.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ovlsniff::pattern::{Dot, Expressions, Pattern, StreamPattern};

fuzz_target!(|data: &[u8]| {
    let Some((&flags, data)) = data.split_first() else { return };
    let (text, payload) = match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &b"GET /index.html HTTP/1.1\r\nHost: web\r\n\r\n"[..]),
    };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let expressions = Expressions {
        patterns: text.split('\n').map(str::to_owned).collect(),
        ignore_case: flags & 1 != 0,
        word: flags & 2 != 0,
        hex: flags & 4 != 0,
    };
    let dot = if flags & 8 == 0 { Dot::Any } else { Dot::NotNewline };
    for compiled in [Pattern::new(&expressions), Pattern::ngrep(&expressions, dot)] {
        match compiled {
            Ok(pattern) => search(&pattern, payload),
            Err(error) => everything::assert_plain(error.to_string().as_bytes()),
        }
    }
    if let Err(error) = StreamPattern::new(&expressions, 1 << 10) {
        everything::assert_plain(error.to_string().as_bytes());
    }
});

fn search(pattern: &Pattern, payload: &[u8]) {
    let mut spans = Vec::new();
    pattern.spans(payload, &mut spans);
    for span in &spans {
        assert!(span.start <= span.end && span.end <= payload.len(), "{span:?}");
    }
    let order = |pair: &[std::ops::Range<usize>]| pair[0].end <= pair[1].start;
    assert!(spans.windows(2).all(order), "{spans:?}");
    // An empty match is no span, but matches.
    let is_match = pattern.is_match(payload);
    assert!(is_match || spans.is_empty(), "{spans:?}");
    assert!(!is_match || !payload.is_empty());
    if let Some(gate) = pattern.gate() {
        assert!(!is_match || gate.is_open(payload), "the gate is shut before a match");
    }
}

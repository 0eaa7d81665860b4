//! Typed lines, and the answers to them. Each case shows the line as it is typed in a shell, and the sentence.

mod habits;
mod help;
mod pointless;
mod words;

use crate::run::{Ran, ovlsniff};

/// Splits a line into words as a shell does, as far as these tests need it: at blanks, with single quotes.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Runs a line: `ovlsniff -nn port 80`.
fn typed(line: &str) -> Ran {
    let words = split(line);
    assert_eq!(words[0], "ovlsniff", "{line}");
    ovlsniff(&words[1..])
}

/// Checks that each line is refused with its sentence, and with nothing else.
fn refused(cases: &[(&str, &str)]) {
    for (line, sentence) in cases {
        let ran = typed(line);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{line}: {ran:?}");
        assert_eq!(ran.err, format!("ovlsniff: {sentence}\n"), "{line}");
    }
}

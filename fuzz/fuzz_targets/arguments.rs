//! The words of a command line, in both grammars, as far as they are understood: nothing is opened and nothing is searched.
//!
//! The grammars belong to the binary, which no other crate can name. So this target contains the files of the binary that make
//! of typed words what is meant, under the names that they have there.
#![no_main]

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use libfuzzer_sys::fuzz_target;
use program::cli;

#[allow(dead_code, missing_docs, unreachable_pub, unused_imports)]
#[path = "../../src"]
mod program {
    pub(crate) mod cli;
}

#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "../../src/commands"]
mod commands {
    mod typed;
    mod grep {
        mod meant;
        mod words;

        use crate::cli::{Grep, Ngrep};

        pub(super) fn grep(args: Grep) -> anyhow::Result<Vec<String>> {
            Ok(meant::Meant::of_grep(args)?.notes)
        }

        pub(super) fn ngrep(args: Ngrep) -> anyhow::Result<Vec<String>> {
            Ok(meant::Meant::of_ngrep(args)?.notes)
        }
    }

    use crate::cli::{Command, Typed};

    /// Returns the notes about the words. Those of the other commands are all read by their values' parsers.
    pub(crate) fn understood(typed: Typed) -> anyhow::Result<Vec<String>> {
        let Typed { cli, words, mut notes } = typed;
        match cli.command {
            None if cli.grep.list => {}
            None => {
                typed::check(&cli.grep, &words)?;
                notes.extend(grep::grep(cli.grep)?);
            }
            Some(Command::Ngrep(args)) => notes.extend(grep::ngrep(*args)?),
            Some(_) => {}
        }
        Ok(notes)
    }
}

fuzz_target!(|data: &[u8]| {
    let words = data.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec()));
    // The first word is that of the program, which may be ngrep's.
    let words = cli::words(words);
    // A filter in a file is read at once, and the file may be the fuzzer's own standard input.
    if words
        .iter()
        .any(|word| word.as_encoded_bytes().starts_with(b"-") && word.as_encoded_bytes().contains(&b'F'))
    {
        return;
    }
    let outcome = match cli::read(&words) {
        Err(cli::Unread::Help(_)) => return,
        Err(cli::Unread::Wrong(sentence)) => Err(sentence),
        Ok(typed) => commands::understood(typed).map_err(|error| error.to_string()),
    };
    match outcome {
        Ok(notes) => notes.iter().for_each(|note| is_a_sentence(note)),
        Err(sentence) => is_a_sentence(&sentence),
    }
});

/// A sentence is printed through `escape`, as a whole, and so it may hold any character. It must not be empty.
fn is_a_sentence(said: &str) {
    assert!(!said.trim().is_empty());
    everything::assert_plain(ovlsniff::escape::escape(said).as_bytes());
}

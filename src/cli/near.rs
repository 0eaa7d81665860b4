//! Words that are a command's name, or nearly one.

use strsim::osa_distance;

/// Words for what is no command, but has an option or a command of its own.
const SYNONYMS: [(&str, &str); 6] = [
    ("check", "ovlsniff verify"),
    ("devices", "ovlsniff interfaces"),
    ("key", "ovlsniff keys"),
    ("list", "ovlsniff interfaces"),
    ("usage", "ovlsniff --help"),
    ("version", "ovlsniff --version"),
];

/// Returns the command that a word names, or nearly names. `alone` says that nothing else was typed: then a word of
/// another program may be meant, too.
pub(crate) fn command(word: &str, alone: bool) -> Option<String> {
    let known = super::command_lines();
    let named = |near: &dyn Fn(&str) -> bool| {
        known.iter().find(|line| line.rsplit(' ').next().is_some_and(near)).cloned()
    };
    let synonym = SYNONYMS.iter().find(|(known, _)| alone && *known == word);
    named(&|name| name == word)
        .or_else(|| synonym.map(|(_, line)| (*line).to_owned()))
        .or_else(|| named(&|name| is_near(word, name)))
}

/// Returns the sentence for a word that names a command, or nearly does.
pub(crate) fn sentence(word: &str, line: &str) -> String {
    format!(
        "'{word}' looks like a command: for that write {line}, and to search for the word: ovlsniff -e {word}"
    )
}

/// Returns true if a word is a name with one letter changed, left out, put in or swapped with the next; of a long name,
/// with two. A name of four letters has too many neighbours (`held`, `heap`), and so has one with signs (`status=`).
fn is_near(word: &str, name: &str) -> bool {
    let changes = match name.len() {
        ..=4 => return false,
        5..=8 => 1,
        _ => 2,
    };
    let word = word.to_ascii_lowercase();
    word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        && word.chars().next() == name.chars().next()
        && osa_distance(&word, name) <= changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearly_a_command_is_told_from_a_pattern() {
        for (word, line) in [
            ("verfy", "ovlsniff verify"),
            ("verfiy", "ovlsniff verify"),
            ("VERIFY", "ovlsniff verify"),
            ("Verify", "ovlsniff verify"),
            ("interface", "ovlsniff interfaces"),
            ("status", "ovlsniff overlay status"),
            ("stauts", "ovlsniff overlay status"),
            ("up", "ovlsniff overlay up"),
            ("overly", "ovlsniff overlay"),
            ("check", "ovlsniff verify"),
            ("key", "ovlsniff keys"),
        ] {
            assert_eq!(command(word, true).as_deref(), Some(line), "{word}");
        }
        for word in ["HTTP", "max", "hello", "state", "password", "eth0", "GET /", ""] {
            assert_eq!(command(word, true), None, "{word}");
        }
        for word in ["key=", "held", "heap", "overload", "status=", "verify1", "keys ", "UP"] {
            assert_eq!(command(word, true), None, "{word}");
        }
        assert_eq!(command("verfy", false).as_deref(), Some("ovlsniff verify"));
        assert_eq!(command("keys", false).as_deref(), Some("ovlsniff keys"));
        assert_eq!(command("check", false), None);
    }
}

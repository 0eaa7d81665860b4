//! Suggestions for misspelled words.

use strsim::levenshtein;

/// Returns `; did you mean 'encrypted'?` if a known word is near, else a list of all known words. A known
/// word is near if at most 2 letters, plus a quarter of the given word's length, have to be changed.
pub(super) fn hint(word: &str, known: &[&str]) -> String {
    let folded = word.to_lowercase();
    let nearest = known.iter().map(|candidate| (levenshtein(&folded, candidate), candidate)).min();
    match nearest {
        Some((changes, candidate)) if changes <= 2 + word.len() / 4 => {
            format!("; did you mean '{candidate}'?")
        }
        _ => format!("; there are: {}", known.join(", ")),
    }
}

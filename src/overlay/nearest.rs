//! The word that was probably meant.

use strsim::levenshtein;

/// `; did you mean 'encrypted'?` when a known word is near, else the list of all.
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

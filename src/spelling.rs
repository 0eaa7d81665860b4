//! How far one word is from another: for the name that was probably meant.

/// Insertions, deletions and replacements of one character that make one word of the other (Levenshtein).
pub(crate) fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_changes_are_counted() {
        for (one, other, count) in [
            ("eth0", "eth0", 0),
            ("eth0", "eth", 1),
            ("", "eth", 3),
            ("eth", "", 3),
            ("kitten", "sitting", 3),
            ("grün", "grun", 1),
        ] {
            assert_eq!(edits(one, other), count, "{one} {other}");
        }
    }
}

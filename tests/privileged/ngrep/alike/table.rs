//! The table of `docs/ngrep.md`.

use std::path::Path;

/// True if one of the tables has a row of this name.
pub(crate) fn has(name: &str) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ngrep.md");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().any(|line| line.split('|').nth(1).is_some_and(|cell| cell.trim().trim_matches('`') == name))
}

/// The names of the rows, in order: the first cell of each row of the table whose header begins with `name`.
pub(crate) fn names() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ngrep.md");
    let text = std::fs::read_to_string(path).unwrap();
    let table = text.lines().skip_while(|line| !line.starts_with("| name |")).skip(2);
    let rows = table.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('|').nth(1).unwrap().trim().trim_matches('`').to_owned()).collect()
}

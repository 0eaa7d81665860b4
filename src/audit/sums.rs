//! SHA-256, and the file of sums as `sha256sum -c` reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use sha2::{Digest, Sha256};

/// The name of the file.
pub(super) const NAME: &str = "SHA256SUMS";
/// The most files of a folder.
const MOST_FILES: usize = 10_000;
/// The most characters of a name.
const LONGEST: usize = 200;

/// Returns the SHA-256 of these bytes in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    digits(&Sha256::digest(bytes))
}

/// Returns the SHA-256 of a file; `None` if it cannot be read, or is a pipe, which can be read only once.
pub fn file_sha256(path: &Path) -> Option<String> {
    let file = File::open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let (mut hash, mut reader) = (Sha256::new(), BufReader::with_capacity(1 << 20, file));
    loop {
        let bytes = reader.fill_buf().ok()?;
        if bytes.is_empty() {
            return Some(digits(&hash.finalize()));
        }
        hash.update(bytes);
        let len = bytes.len();
        reader.consume(len);
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Returns the sums of files, one a line: the digits, two blanks, the name.
pub(super) fn written(files: &[(String, Vec<u8>)]) -> String {
    files.iter().fold(String::new(), |mut text, (name, bytes)| {
        let _ = writeln!(text, "{}  {name}", sha256(bytes));
        text
    })
}

/// Reads a file of sums. Returns `None` if it is none, or if a name in it leads out of the folder.
pub(super) fn read(text: &str) -> Option<BTreeMap<String, String>> {
    let mut sums = BTreeMap::new();
    for line in text.lines() {
        let (digits, name) = line.split_once("  ")?;
        let is_sum =
            digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let known = sums.insert(name.to_owned(), digits.to_owned()).is_some();
        if known || !is_sum || !is_safe(name) || sums.len() > MOST_FILES {
            return None;
        }
    }
    (!sums.is_empty()).then_some(sums)
}

/// Returns true for the name of a file in the folder or in a folder of it: letters, digits, dots, dashes.
pub(super) fn is_safe(name: &str) -> bool {
    let part = |part: &str| {
        let plain =
            part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        !part.is_empty() && plain && !part.starts_with(['.', '-'])
    };
    name.len() <= LONGEST && name.split('/').all(part) && name.split('/').count() <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read_as_they_are_written() {
        let files = vec![("a.txt".to_owned(), b"abc".to_vec()), ("b/c.json".to_owned(), Vec::new())];
        let text = written(&files);
        assert!(
            text.starts_with("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.txt\n")
        );
        let sums = read(&text).unwrap();
        assert_eq!(sums.len(), 2);
        assert_eq!(sums["a.txt"], sha256(b"abc"));
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let sum = sha256(b"");
        for name in ["../a", "/etc/passwd", "a/../b", "a/b/c", "", "a//b", ".a", "-rf", "a\u{1b}", "a b"] {
            assert_eq!(read(&format!("{sum}  {name}\n")), None, "{name}");
        }
        assert_eq!(read(""), None);
        assert_eq!(read("abc  a\n"), None);
        assert_eq!(read(&format!("{sum} a\n")), None);
        assert_eq!(read(&format!("{sum}  a\n{sum}  a\n")), None);
    }
}

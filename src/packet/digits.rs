//! Whole numbers in text.

use std::str::FromStr;

/// Parses decimal digits. Rust's own parsers take a plus sign before them as well, which nobody means.
pub fn digits<T: FromStr>(text: &str) -> Option<T> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_a_number() {
        assert_eq!(digits("0042"), Some(42u8));
        for wrong in ["", "+1", "-1", " 1", "1.0", "256", "\u{0663}"] {
            assert_eq!(digits::<u8>(wrong), None, "{wrong}");
        }
    }
}

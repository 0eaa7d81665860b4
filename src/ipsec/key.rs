//! The bytes of a key, kept so that they cannot be printed by accident and do not outlive their use.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Secret bytes. They are wiped when they are dropped, print only as their length, and are compared in constant time.
#[derive(Clone, Default)]
pub struct Key(Zeroizing<Vec<u8>>);

impl Key {
    /// Takes the bytes over. They end with the salt or the nonce, if the algorithm has one.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads hexadecimal digits without a prefix. An odd number of digits is read as if a 0 stood before them, as in
    /// Wireshark. Returns `None` if a character is no digit.
    pub fn from_hex(digits: &str) -> Option<Self> {
        // The bytes are filled in place and never grow, because a reallocation would leave a copy of the key behind.
        let mut key = Self(Zeroizing::new(vec![0; digits.len().div_ceil(2)]));
        for (byte, digits) in key.0.iter_mut().rev().zip(digits.as_bytes().rchunks(2)) {
            for &digit in digits {
                *byte = *byte << 4 | (digit as char).to_digit(16)? as u8;
            }
        }
        Some(key)
    }

    /// Returns the length in bits.
    pub fn bits(&self) -> usize {
        self.0.len() * 8
    }

    /// Returns true if there are bytes and all of them are zero. A kernel under lockdown hands out such bytes in
    /// place of a key.
    pub fn is_zeroed(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|&byte| byte == 0)
    }

    /// Returns the bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Appends the bytes as hexadecimal digits. `text` must have the capacity for them: if it grows, a copy of the
    /// key stays behind.
    pub(super) fn write_hex(&self, text: &mut Zeroizing<String>) {
        for byte in self.0.iter() {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bits)", self.bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_number_of_digits_has_a_zero_before_it() {
        assert_eq!(Key::from_hex("123").unwrap().bytes(), [0x01, 0x23]);
        assert_eq!(Key::from_hex("deadBEEF").unwrap().bytes(), [0xde, 0xad, 0xbe, 0xef]);
        assert_eq!(Key::from_hex("12g4"), None);
        assert_eq!(Key::from_hex("é"), None);
    }

    #[test]
    fn debug_prints_the_length_alone() {
        let printed = format!("{:?} {:#?}", Key::from_hex("deadbeef").unwrap(), Key::new(vec![222; 4]));
        assert_eq!(printed, "Key(32 bits) Key(32 bits)");
    }

    #[test]
    fn what_a_kernel_under_lockdown_gives_is_told_apart_from_no_key() {
        assert!(Key::new(vec![0; 20]).is_zeroed());
        assert!(!Key::default().is_zeroed());
        assert!(!Key::new(vec![0, 0, 1]).is_zeroed());
    }
}

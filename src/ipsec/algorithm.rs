//! The algorithms that protect the packets of an SA, with their keys.

use super::Key;
use crate::escape::escape;

/// The algorithms of an SA. The constructors check the lengths of keys and ICV, so packets of every algorithm but
/// [`Algorithm::Unknown`] can be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// One algorithm that encrypts and authenticates.
    Combined {
        /// The algorithm.
        cipher: Aead,
        /// The key, with the salt at its end.
        key: Key,
        /// The length of the integrity check value in bytes.
        icv: usize,
    },
    /// A cipher (or none) and a keyed hash. The sender encrypts first, then authenticates the ciphertext.
    Separate {
        /// The cipher.
        cipher: Cipher,
        /// The cipher's key. For AES-CTR it ends with the nonce; for NULL it is empty.
        key: Key,
        /// The keyed hash.
        auth: Auth,
        /// The hash's key.
        auth_key: Key,
        /// The length of the integrity check value in bytes. The hash is cut off at this length.
        icv: usize,
    },
    /// An algorithm that is not known here, or one without an integrity check, whose packets can never be verified.
    Unknown {
        /// The algorithm's name in the source of the SA.
        name: Box<str>,
    },
}

/// Algorithms that encrypt and authenticate at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aead {
    /// AES-GCM (RFC 4106): a key of 16, 24 or 32 bytes, a salt of 4, an ICV of 8, 12 or 16.
    AesGcm,
    /// AES-CCM (RFC 4309): a key of 16, 24 or 32 bytes, a salt of 3, an ICV of 8, 12 or 16.
    AesCcm,
    /// AES-GMAC (RFC 4543), which encrypts nothing: key and salt as in GCM, an ICV of 16.
    AesGmac,
    /// ChaCha20-Poly1305 (RFC 7634): a key of 32 bytes, a salt of 4, an ICV of 16.
    ChaCha20Poly1305,
}

/// Algorithms that encrypt only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cipher {
    /// No encryption (RFC 2410).
    Null,
    /// AES-CBC (RFC 3602): a key of 16, 24 or 32 bytes.
    AesCbc,
    /// AES-CTR (RFC 3686): a key of 16, 24 or 32 bytes, a nonce of 4.
    AesCtr,
}

/// Algorithms that authenticate only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Auth {
    /// HMAC-SHA-1 (RFC 2404).
    HmacSha1,
    /// HMAC-SHA-256 (RFC 4868).
    HmacSha256,
    /// HMAC-SHA-384 (RFC 4868).
    HmacSha384,
    /// HMAC-SHA-512 (RFC 4868).
    HmacSha512,
}

impl Auth {
    /// Returns the length of the whole hash in bytes.
    pub fn digest_len(self) -> usize {
        match self {
            Self::HmacSha1 => 20,
            Self::HmacSha256 => 32,
            Self::HmacSha384 => 48,
            Self::HmacSha512 => 64,
        }
    }

    /// Returns the short name for messages and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacSha1 => "hmac-sha1",
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha512 => "hmac-sha512",
        }
    }
}

impl Algorithm {
    /// Makes a combined algorithm. `icv` is in bytes.
    ///
    /// # Errors
    /// The reason, when a length does not fit the algorithm.
    pub fn combined(cipher: Aead, key: Key, icv: usize) -> Result<Self, &'static str> {
        let (salt, keys, icvs): (_, &[usize], &[usize]) = match cipher {
            Aead::AesGcm => (4, &[16, 24, 32], &[8, 12, 16]),
            Aead::AesCcm => (3, &[16, 24, 32], &[8, 12, 16]),
            Aead::AesGmac => (4, &[16, 24, 32], &[16]),
            Aead::ChaCha20Poly1305 => (4, &[32], &[16]),
        };
        if !key.bytes().len().checked_sub(salt).is_some_and(|len| keys.contains(&len)) {
            return Err(match cipher {
                Aead::AesGcm | Aead::AesGmac => "the key and its salt must be 20, 28 or 36 bytes long",
                Aead::AesCcm => "the key and its salt must be 19, 27 or 35 bytes long",
                Aead::ChaCha20Poly1305 => "the key and its salt must be 36 bytes long",
            });
        }
        if !icvs.contains(&icv) {
            return Err(match cipher {
                Aead::AesGcm | Aead::AesCcm => "the ICV must be 64, 96 or 128 bits long",
                Aead::AesGmac | Aead::ChaCha20Poly1305 => "the ICV must be 128 bits long",
            });
        }
        Ok(Self::Combined { cipher, key, icv })
    }

    /// Makes a pair of a cipher and a keyed hash. `icv` is in bytes.
    ///
    /// # Errors
    /// The reason, when a length does not fit the cipher or the hash.
    pub fn separate(
        cipher: Cipher,
        key: Key,
        auth: Auth,
        auth_key: Key,
        icv: usize,
    ) -> Result<Self, &'static str> {
        let len = key.bytes().len();
        match cipher {
            Cipher::Null if len != 0 => return Err("the null cipher has no key"),
            Cipher::AesCbc if ![16, 24, 32].contains(&len) => {
                return Err("the encryption key must be 16, 24 or 32 bytes long");
            }
            Cipher::AesCtr if ![20, 28, 36].contains(&len) => {
                return Err("the encryption key and its nonce must be 20, 28 or 36 bytes long");
            }
            _ => {}
        }
        if auth_key.bytes().is_empty() {
            return Err("the authentication key is missing");
        }
        // Nobody uses an ICV of less than 64 bits, and a short ICV would let a wrong key pass as the right one.
        if !(8..=auth.digest_len()).contains(&icv) {
            return Err("the ICV must be at least 64 bits long and not longer than the hash");
        }
        Ok(Self::Separate { cipher, key, auth, auth_key, icv })
    }

    /// Makes an algorithm that cannot be opened, under the name that the source of the SA gives it.
    pub fn unknown(name: &str) -> Self {
        Self::Unknown { name: name.into() }
    }

    /// Returns true if the algorithm keeps a payload from being read, `None` if that is not known.
    pub fn encrypts(&self) -> Option<bool> {
        match self {
            Self::Combined { cipher, .. } => Some(*cipher != Aead::AesGmac),
            Self::Separate { cipher, .. } => Some(*cipher != Cipher::Null),
            Self::Unknown { .. } => None,
        }
    }

    /// Returns the short name for messages and reports, such as `aes-gcm` or `aes-cbc/hmac-sha256`. An unknown
    /// algorithm keeps the name from its source, escaped for a terminal.
    pub fn name(&self) -> String {
        match self {
            Self::Combined { cipher: Aead::AesGcm, .. } => "aes-gcm".to_owned(),
            Self::Combined { cipher: Aead::AesCcm, .. } => "aes-ccm".to_owned(),
            Self::Combined { cipher: Aead::AesGmac, .. } => "aes-gmac".to_owned(),
            Self::Combined { cipher: Aead::ChaCha20Poly1305, .. } => "chacha20-poly1305".to_owned(),
            Self::Separate { cipher, auth, .. } => match cipher {
                Cipher::Null => format!("null/{}", auth.name()),
                Cipher::AesCbc => format!("aes-cbc/{}", auth.name()),
                Cipher::AesCtr => format!("aes-ctr/{}", auth.name()),
            },
            Self::Unknown { name } => escape(name).into_owned(),
        }
    }

    /// Returns the length of the integrity check value in bits, `None` if the algorithm is not known.
    pub fn icv_bits(&self) -> Option<usize> {
        match self {
            Self::Combined { icv, .. } | Self::Separate { icv, .. } => Some(icv * 8),
            Self::Unknown { .. } => None,
        }
    }

    /// Returns the length of the cipher's key in bits, without the salt or nonce behind it. `None` if the algorithm is not
    /// known.
    pub fn cipher_bits(&self) -> Option<usize> {
        let (key, salt) = match self {
            Self::Combined { cipher: Aead::AesCcm, key, .. } => (key, 24),
            Self::Combined { key, .. } | Self::Separate { cipher: Cipher::AesCtr, key, .. } => (key, 32),
            Self::Separate { key, .. } => (key, 0),
            Self::Unknown { .. } => return None,
        };
        Some(key.bits().saturating_sub(salt))
    }

    /// Returns the length of all keys together in bits.
    pub(super) fn key_bits(&self) -> usize {
        match self {
            Self::Combined { key, .. } => key.bits(),
            Self::Separate { key, auth_key, .. } => key.bits() + auth_key.bits(),
            Self::Unknown { .. } => 0,
        }
    }

    /// Returns true if a key consists of zeros, as does every key that a kernel under lockdown hands out.
    pub fn has_zeroed_key(&self) -> bool {
        match self {
            Self::Combined { key, .. } => key.is_zeroed(),
            Self::Separate { key, auth_key, .. } => key.is_zeroed() || auth_key.is_zeroed(),
            Self::Unknown { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_do_not_fit_are_refused_with_the_reason() {
        let key = |len| Key::new(vec![1; len]);
        assert!(Algorithm::combined(Aead::AesGcm, key(20), 8).is_ok());
        assert_eq!(
            Algorithm::combined(Aead::AesGcm, key(16), 8),
            Err("the key and its salt must be 20, 28 or 36 bytes long")
        );
        assert_eq!(Algorithm::combined(Aead::AesGmac, key(20), 8), Err("the ICV must be 128 bits long"));
        assert!(Algorithm::separate(Cipher::Null, key(0), Auth::HmacSha1, key(20), 12).is_ok());
        assert!(Algorithm::separate(Cipher::Null, key(0), Auth::HmacSha1, key(20), 21).is_err());
        assert!(Algorithm::separate(Cipher::AesCbc, key(20), Auth::HmacSha1, key(20), 12).is_err());
        assert!(Algorithm::separate(Cipher::AesCbc, key(16), Auth::HmacSha1, key(0), 12).is_err());
    }

    #[test]
    fn a_hostile_name_is_escaped() {
        assert_eq!(Algorithm::unknown("a\x1b[2J").name(), "a\\u{1b}[2J");
    }
}

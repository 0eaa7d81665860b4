//! The ciphers of encrypted networks.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::nearest::hint;
use super::spec_error::SpecError;

/// The AEAD algorithms that an encrypted network may use. All have an ICV of 16 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cipher {
    /// AES-256-GCM (RFC 4106).
    #[default]
    Aes256Gcm,
    /// AES-128-GCM (RFC 4106).
    Aes128Gcm,
    /// ChaCha20-Poly1305 (RFC 7634).
    ChaCha20Poly1305,
}

impl Cipher {
    /// All ciphers, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Aes256Gcm, Self::Aes128Gcm, Self::ChaCha20Poly1305];

    /// Returns the name of the cipher in options, files and output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "aes-256-gcm",
            Self::Aes128Gcm => "aes-128-gcm",
            Self::ChaCha20Poly1305 => "chacha20-poly1305",
        }
    }

    /// Returns the name of the cipher in the kernel's crypto layer.
    pub(super) fn kernel_name(self) -> &'static str {
        match self {
            Self::Aes256Gcm | Self::Aes128Gcm => "rfc4106(gcm(aes))",
            Self::ChaCha20Poly1305 => "rfc7539esp(chacha20,poly1305)",
        }
    }

    /// Returns the length of the key with its 4-byte salt, in bytes.
    pub(super) fn key_bytes(self) -> usize {
        match self {
            Self::Aes128Gcm => 16 + 4,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => 32 + 4,
        }
    }

    /// The length of the integrity check value (ICV), the same for all ciphers, in bytes.
    pub(super) const ICV_BYTES: u32 = 16;

    /// Returns the number that stands for the cipher in the derivation of keys. It must never change.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Aes256Gcm => 1,
            Self::Aes128Gcm => 2,
            Self::ChaCha20Poly1305 => 3,
        }
    }
}

impl fmt::Display for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Cipher {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl FromStr for Cipher {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        Self::ALL.into_iter().find(|cipher| cipher.name() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::name);
            SpecError::Unknown { what: "cipher".into(), word: text.into(), hint: hint(text, &known) }
        })
    }
}

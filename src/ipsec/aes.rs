//! AES key schedules for the three lengths of keys.

use ::aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, BlockSizeUser, KeyInit, consts::U16};
use ::aes::{Aes128Dec, Aes128Enc, Aes192Dec, Aes192Enc, Aes256Dec, Aes256Enc};

/// The encrypting direction of the block cipher, which GCM, CCM, GMAC and CTR use.
pub(super) trait Encrypt: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16> {}
impl<C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>> Encrypt for C {}

/// The decrypting direction of the block cipher, which only CBC uses.
pub(super) trait Decrypt: BlockCipherDecrypt + BlockSizeUser<BlockSize = U16> {}
impl<C: BlockCipherDecrypt + BlockSizeUser<BlockSize = U16>> Decrypt for C {}

/// An expanded key that encrypts blocks. It is wiped when it is dropped.
pub(super) enum EncryptKey {
    Aes128(Aes128Enc),
    Aes192(Aes192Enc),
    Aes256(Aes256Enc),
}

impl EncryptKey {
    /// Expands a key. Returns `None` unless it has 16, 24 or 32 bytes.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        Some(match key.len() {
            16 => Self::Aes128(Aes128Enc::new_from_slice(key).ok()?),
            24 => Self::Aes192(Aes192Enc::new_from_slice(key).ok()?),
            32 => Self::Aes256(Aes256Enc::new_from_slice(key).ok()?),
            _ => return None,
        })
    }
}

/// An expanded key that decrypts blocks. It is wiped when it is dropped.
pub(super) enum DecryptKey {
    Aes128(Aes128Dec),
    Aes192(Aes192Dec),
    Aes256(Aes256Dec),
}

impl DecryptKey {
    /// Expands a key. Returns `None` unless it has 16, 24 or 32 bytes.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        Some(match key.len() {
            16 => Self::Aes128(Aes128Dec::new_from_slice(key).ok()?),
            24 => Self::Aes192(Aes192Dec::new_from_slice(key).ok()?),
            32 => Self::Aes256(Aes256Dec::new_from_slice(key).ok()?),
            _ => return None,
        })
    }
}

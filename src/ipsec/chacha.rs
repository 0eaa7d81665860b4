//! ChaCha20-Poly1305 (RFC 7634). The nonce is the salt (4 bytes) and the IV (8 bytes); the rest is as in GCM.

use chacha20poly1305::aead::{AeadInOut, array::Array, consts::U16, inout::InOutBuf};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};

use super::ccm::authenticated;
use super::gcm::grown;
use crate::packet::Sealed;

/// The key of an SA.
pub(super) struct ChaCha {
    cipher: ChaCha20Poly1305,
    salt: [u8; 4],
}

impl ChaCha {
    /// Takes `key`, which ends with the salt. Returns `None` unless its length fits.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        let (key, salt) = key.split_last_chunk()?;
        Some(Self { cipher: ChaCha20Poly1305::new_from_slice(key).ok()?, salt: *salt })
    }

    /// Verifies a packet and decrypts it into `out`. Returns the number of bytes of `out` that are payload and trailer.
    pub(super) fn open(&self, esp: &[u8], high: Option<u32>, out: &mut Vec<u8>) -> Result<usize, Sealed> {
        let (head, rest) = esp.split_first_chunk::<16>().ok_or(Sealed::Truncated)?;
        let (ciphertext, icv) = rest.split_last_chunk::<16>().ok_or(Sealed::Truncated)?;
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&self.salt);
        nonce[4..].copy_from_slice(&head[8..]);
        let (header, len) = authenticated(head, high);

        let buffer = InOutBuf::new(ciphertext, grown(out, ciphertext.len())).map_err(|_| Sealed::BadIcv)?;
        self.cipher
            .decrypt_inout_detached(&nonce.into(), &header[..len], buffer, &Array::<u8, U16>::from(*icv))
            .map_err(|_| Sealed::BadIcv)?;
        Ok(ciphertext.len())
    }
}

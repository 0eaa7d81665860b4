//! ESP with a cipher and a keyed hash: AES-CBC (RFC 3602), AES-CTR (RFC 3686) or no cipher (RFC 2410), with HMAC.
//!
//! ```text
//! | SPI 4 | sequence 4 | IV: CBC 16, CTR 8, NULL 0 | ciphertext, trailer | ICV |
//! ```

use cbc::cipher::{Array, BlockModeDecrypt, InnerIvInit, StreamCipherCore, inout::InOutBuf};

use super::aes::{Decrypt, DecryptKey, Encrypt, EncryptKey};
use super::algorithm::{Auth, Cipher};
use super::gcm::grown;
use super::hmac::KeyedHash;
use crate::packet::Sealed;

/// The expanded keys of an SA.
pub(super) struct Separate {
    cipher: Keyed,
    hash: KeyedHash,
    icv: usize,
}

enum Keyed {
    Null,
    Cbc(DecryptKey),
    Ctr { aes: EncryptKey, nonce: [u8; 4] },
}

impl Separate {
    /// Expands the keys. Returns `None` unless the length of the cipher's key fits.
    pub(super) fn new(cipher: Cipher, key: &[u8], auth: Auth, auth_key: &[u8], icv: usize) -> Option<Self> {
        let cipher = match cipher {
            Cipher::Null => Keyed::Null,
            Cipher::AesCbc => Keyed::Cbc(DecryptKey::new(key)?),
            Cipher::AesCtr => {
                let (key, nonce) = key.split_last_chunk()?;
                Keyed::Ctr { aes: EncryptKey::new(key)?, nonce: *nonce }
            }
        };
        Some(Self { cipher, hash: KeyedHash::new(auth, auth_key)?, icv })
    }

    /// Verifies a packet, then decrypts it into `out`. Returns the number of bytes of `out` that are payload and
    /// trailer.
    pub(super) fn open(&self, esp: &[u8], high: Option<u32>, out: &mut Vec<u8>) -> Result<usize, Sealed> {
        let authenticated = esp.len().checked_sub(self.icv).ok_or(Sealed::Truncated)?;
        let (authenticated, icv) = esp.split_at(authenticated);
        let (_, body) = authenticated.split_first_chunk::<8>().ok_or(Sealed::Truncated)?;
        self.hash.verify(authenticated, high, icv)?;
        match &self.cipher {
            Keyed::Null => {
                grown(out, body.len()).copy_from_slice(body);
                Ok(body.len())
            }
            Keyed::Cbc(DecryptKey::Aes128(aes)) => open_cbc(aes, body, out),
            Keyed::Cbc(DecryptKey::Aes192(aes)) => open_cbc(aes, body, out),
            Keyed::Cbc(DecryptKey::Aes256(aes)) => open_cbc(aes, body, out),
            Keyed::Ctr { aes: EncryptKey::Aes128(aes), nonce } => open_ctr(aes, *nonce, body, out),
            Keyed::Ctr { aes: EncryptKey::Aes192(aes), nonce } => open_ctr(aes, *nonce, body, out),
            Keyed::Ctr { aes: EncryptKey::Aes256(aes), nonce } => open_ctr(aes, *nonce, body, out),
        }
    }
}

fn open_cbc<C: Decrypt>(aes: &C, body: &[u8], out: &mut Vec<u8>) -> Result<usize, Sealed> {
    let (iv, ciphertext) = body.split_first_chunk::<16>().ok_or(Sealed::Truncated)?;
    let (blocks, rest) = Array::slice_as_chunks(ciphertext);
    if !rest.is_empty() {
        // The ICV verified, and yet the blocks are not whole. The sender is broken, and nothing can be decrypted.
        return Err(Sealed::BadIcv);
    }
    let (plaintext, _) = Array::slice_as_chunks_mut(grown(out, ciphertext.len()));
    let buffer = InOutBuf::new(blocks, plaintext).map_err(|_| Sealed::BadIcv)?;
    cbc::Decryptor::<&C>::inner_iv_init(aes, &Array::from(*iv)).decrypt_blocks_inout(buffer);
    Ok(ciphertext.len())
}

fn open_ctr<C: Encrypt>(aes: &C, nonce: [u8; 4], body: &[u8], out: &mut Vec<u8>) -> Result<usize, Sealed> {
    let (iv, ciphertext) = body.split_first_chunk::<8>().ok_or(Sealed::Truncated)?;
    let mut counter = [0; 16];
    counter[..4].copy_from_slice(&nonce);
    counter[4..12].copy_from_slice(iv);
    counter[15] = 1;
    let buffer = InOutBuf::new(ciphertext, grown(out, ciphertext.len())).map_err(|_| Sealed::BadIcv)?;
    ctr::CtrCore::<&C, ctr::flavors::Ctr32BE>::inner_iv_init(aes, &Array::from(counter))
        .apply_keystream_partial(buffer);
    Ok(ciphertext.len())
}

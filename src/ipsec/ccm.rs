//! AES-CCM (RFC 4309). The nonce is the salt (3 bytes) and the IV (8 bytes). The ESP header is authenticated beside the
//! ciphertext, as in GCM.

use ::ccm::aead::{
    AeadInOut,
    array::{Array, ArraySize},
    consts::U8,
    consts::U11,
    consts::U12,
    consts::U16,
    inout::InOutBuf,
};
use ::ccm::{Ccm as Crate, TagSize};

use super::aes::{Encrypt, EncryptKey};
use super::gcm::grown;
use crate::packet::Sealed;

/// The expanded key of an SA.
pub(super) struct Ccm {
    aes: EncryptKey,
    salt: [u8; 3],
    icv: usize,
}

impl Ccm {
    /// Expands `key`, which ends with the salt. Returns `None` unless its length fits.
    pub(super) fn new(key: &[u8], icv: usize) -> Option<Self> {
        let (key, salt) = key.split_last_chunk()?;
        Some(Self { aes: EncryptKey::new(key)?, salt: *salt, icv })
    }

    /// Verifies a packet and decrypts it into `out`. Returns the number of bytes of `out` that are payload and trailer.
    pub(super) fn open(&self, esp: &[u8], high: Option<u32>, out: &mut Vec<u8>) -> Result<usize, Sealed> {
        match &self.aes {
            EncryptKey::Aes128(aes) => self.open_with(aes, esp, high, out),
            EncryptKey::Aes192(aes) => self.open_with(aes, esp, high, out),
            EncryptKey::Aes256(aes) => self.open_with(aes, esp, high, out),
        }
    }

    fn open_with<C: Encrypt>(
        &self,
        aes: &C,
        esp: &[u8],
        high: Option<u32>,
        out: &mut Vec<u8>,
    ) -> Result<usize, Sealed> {
        match self.icv {
            8 => self.open_sized::<C, U8>(aes, esp, high, out),
            12 => self.open_sized::<C, U12>(aes, esp, high, out),
            _ => self.open_sized::<C, U16>(aes, esp, high, out),
        }
    }

    fn open_sized<C: Encrypt, M: ArraySize + TagSize>(
        &self,
        aes: &C,
        esp: &[u8],
        high: Option<u32>,
        out: &mut Vec<u8>,
    ) -> Result<usize, Sealed> {
        let (head, rest) = esp.split_first_chunk::<16>().ok_or(Sealed::Truncated)?;
        let body = rest.len().checked_sub(M::USIZE).ok_or(Sealed::Truncated)?;
        let (ciphertext, icv) = rest.split_at(body);
        let icv = <&Array<u8, M>>::try_from(icv).map_err(|_| Sealed::Truncated)?;
        let mut nonce = Array::<u8, U11>::default();
        nonce[..3].copy_from_slice(&self.salt);
        nonce[3..].copy_from_slice(&head[8..]);
        let (header, len) = authenticated(head, high);

        let buffer = InOutBuf::new(ciphertext, grown(out, body)).map_err(|_| Sealed::BadIcv)?;
        Crate::<&C, M, U11>::from(aes)
            .decrypt_inout_detached(&nonce, &header[..len], buffer, icv)
            .map_err(|_| Sealed::BadIcv)?;
        Ok(body)
    }
}

/// Returns SPI and sequence number in the form that is authenticated, and the number of its bytes: 8, or 12 with an
/// extended sequence number.
pub(super) fn authenticated(head: &[u8; 16], high: Option<u32>) -> ([u8; 12], usize) {
    let mut header = [0; 12];
    header[..8].copy_from_slice(&head[..8]);
    let Some(high) = high else { return (header, 8) };
    header[8..].copy_from_slice(&head[4..8]);
    header[4..8].copy_from_slice(&high.to_be_bytes());
    (header, 12)
}

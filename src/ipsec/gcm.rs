//! AES-GCM (RFC 4106) and AES-GMAC (RFC 4543), put together from AES, CTR and GHASH. The crates that offer the whole of
//! GCM refuse an ICV of 8 bytes, which Docker uses.
//!
//! ```text
//! | SPI 4 | sequence 4 | IV 8 | ciphertext or payload, trailer | ICV 8, 12 or 16 |
//! ```
//!
//! The nonce is the salt (4 bytes) and the IV (8 bytes). The ESP header is authenticated with the ciphertext. The high
//! half of an extended sequence number goes between the header's two words. GMAC authenticates the IV as well, and
//! leaves the payload in clear.

use ctr::cipher::{BlockCipherEncrypt, InnerIvInit, StreamCipherCore, inout::InOutBuf};
use ghash::{GHash, universal_hash::UniversalHash};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::aes::{Encrypt, EncryptKey};
use crate::packet::Sealed;

type Ctr32<C> = ctr::CtrCore<C, ctr::flavors::Ctr32BE>;

/// The length of the ESP header and the IV in bytes.
const HEAD: usize = 16;

/// The expanded keys of an SA.
pub(super) struct Gcm {
    aes: EncryptKey,
    ghash: GHash,
    salt: [u8; 4],
    icv: usize,
}

impl Gcm {
    /// Expands `key`, which ends with the salt. Returns `None` unless its length fits.
    pub(super) fn new(key: &[u8], icv: usize) -> Option<Self> {
        let (key, salt) = key.split_last_chunk()?;
        let aes = EncryptKey::new(key)?;
        let mut hash_key = ghash::Key::default();
        match &aes {
            EncryptKey::Aes128(aes) => aes.encrypt_block(&mut hash_key),
            EncryptKey::Aes192(aes) => aes.encrypt_block(&mut hash_key),
            EncryptKey::Aes256(aes) => aes.encrypt_block(&mut hash_key),
        }
        let ghash = GHash::new(&hash_key);
        hash_key.zeroize();
        Some(Self { aes, ghash, salt: *salt, icv })
    }

    /// Verifies a packet, then decrypts it into `out`. Returns the number of bytes of `out` that are payload and
    /// trailer.
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
        let (head, ciphertext, icv) = split(esp, self.icv)?;
        let (stream, mask) = self.stream(aes, head);
        let mut header = ghash::Block::default();
        let authenticated = write_header(head, high, &mut header);
        let mut ghash = self.ghash.clone();
        ghash.update(&[header]);
        ghash.update_padded(ciphertext);
        verify(ghash, authenticated, ciphertext.len(), &mask, icv)?;

        let plaintext = grown(out, ciphertext.len());
        let buffer = InOutBuf::new(ciphertext, plaintext).map_err(|_| Sealed::BadIcv)?;
        stream.apply_keystream_partial(buffer);
        Ok(ciphertext.len())
    }

    /// Does the same as [`Self::open`] for GMAC: verifies a packet, then copies its payload and trailer.
    pub(super) fn open_gmac(
        &self,
        esp: &[u8],
        high: Option<u32>,
        out: &mut Vec<u8>,
    ) -> Result<usize, Sealed> {
        let (head, payload, icv) = split(esp, self.icv)?;
        let mask = match &self.aes {
            EncryptKey::Aes128(aes) => self.stream(aes, head).1,
            EncryptKey::Aes192(aes) => self.stream(aes, head).1,
            EncryptKey::Aes256(aes) => self.stream(aes, head).1,
        };
        // Everything before the ICV is hashed, with the sequence number in full. First comes a block of 16 bytes, then
        // the rest of the packet. With an extended number, the rest begins within the IV.
        let mut start = ghash::Block::default();
        let filled = write_header(head, high, &mut start);
        let (iv_start, rest) = (&esp[8..HEAD + 8 - filled], &esp[HEAD + 8 - filled..HEAD + payload.len()]);
        start[filled..].copy_from_slice(iv_start);
        let mut ghash = self.ghash.clone();
        ghash.update(&[start]);
        ghash.update_padded(rest);
        verify(ghash, HEAD + rest.len(), 0, &mask, icv)?;

        grown(out, payload.len()).copy_from_slice(payload);
        Ok(payload.len())
    }

    /// Returns the key stream from its second block on, and its first block, which masks the ICV.
    fn stream<'c, C: Encrypt>(&self, aes: &'c C, head: &[u8; HEAD]) -> (Ctr32<&'c C>, ghash::Block) {
        let mut counter = ghash::Block::default();
        counter[..4].copy_from_slice(&self.salt);
        counter[4..12].copy_from_slice(&head[8..]);
        counter[15] = 1;
        let mut stream = Ctr32::inner_iv_init(aes, &counter);
        let mut mask = ghash::Block::default();
        stream.write_keystream_block(&mut mask);
        (stream, mask)
    }
}

/// The parts of an ESP packet: header with IV, body, and ICV.
type Parts<'a> = (&'a [u8; HEAD], &'a [u8], &'a [u8]);

fn split(esp: &[u8], icv: usize) -> Result<Parts<'_>, Sealed> {
    let (head, rest) = esp.split_first_chunk().ok_or(Sealed::Truncated)?;
    let body = rest.len().checked_sub(icv).ok_or(Sealed::Truncated)?;
    let (body, icv) = rest.split_at(body);
    Ok((head, body, icv))
}

/// Writes SPI and sequence number in the form that is authenticated. Returns the number of bytes: 8, or 12 with an
/// extended sequence number.
fn write_header(head: &[u8; HEAD], high: Option<u32>, block: &mut ghash::Block) -> usize {
    block[..4].copy_from_slice(&head[..4]);
    match high {
        None => {
            block[4..8].copy_from_slice(&head[4..8]);
            8
        }
        Some(high) => {
            block[4..8].copy_from_slice(&high.to_be_bytes());
            block[8..12].copy_from_slice(&head[4..8]);
            12
        }
    }
}

/// Ends the hash with both lengths in bits, then compares it with the ICV in constant time, over the length of the ICV.
fn verify(
    mut ghash: GHash,
    header: usize,
    body: usize,
    mask: &ghash::Block,
    icv: &[u8],
) -> Result<(), Sealed> {
    let mut lengths = ghash::Block::default();
    lengths[..8].copy_from_slice(&(header as u64 * 8).to_be_bytes());
    lengths[8..].copy_from_slice(&(body as u64 * 8).to_be_bytes());
    ghash.update(&[lengths]);
    let mut tag = ghash.finalize();
    tag.iter_mut().zip(mask).for_each(|(tag, mask)| *tag ^= mask);
    let verified: bool = tag[..icv.len()].ct_eq(icv).into();
    if verified { Ok(()) } else { Err(Sealed::BadIcv) }
}

/// Returns `len` bytes of the buffer to write to. The buffer grows and never shrinks, so no packet after the largest
/// allocates.
pub(super) fn grown(out: &mut Vec<u8>, len: usize) -> &mut [u8] {
    if out.len() < len {
        out.resize(len, 0);
    }
    &mut out[..len]
}

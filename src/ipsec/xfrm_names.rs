//! The names that the kernel and `ip xfrm` give to algorithms (linux `net/xfrm/xfrm_algo.c`).

use super::{Aead, Algorithm, Auth, Cipher, Key};

/// An algorithm by its name in the kernel, with its key.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) key: Key,
    /// The length of the ICV or truncated hash in bits, if the source of the SA gives one.
    pub(super) bits: Option<u32>,
}

/// Returns the algorithm of an SA that has a combined one.
///
/// # Errors
/// The reason, when a length does not fit the algorithm.
pub(super) fn combined(aead: Named) -> Result<Algorithm, &'static str> {
    let cipher = match aead.name.as_str() {
        "rfc4106(gcm(aes))" | "seqiv(rfc4106(gcm(aes)))" => Aead::AesGcm,
        "rfc4309(ccm(aes))" | "seqiv(rfc4309(ccm(aes)))" => Aead::AesCcm,
        "rfc4543(gcm(aes))" | "seqiv(rfc4543(gcm(aes)))" => Aead::AesGmac,
        "rfc7539esp(chacha20,poly1305)" | "seqiv(rfc7539esp(chacha20,poly1305))" => Aead::ChaCha20Poly1305,
        other => return Ok(Algorithm::unknown(other)),
    };
    Algorithm::combined(cipher, aead.key, bytes(aead.bits.unwrap_or(128))?)
}

/// Returns the algorithm of an SA that has a cipher, a keyed hash or both.
///
/// # Errors
/// The reason, when a length does not fit the cipher or the hash.
pub(super) fn separate(cipher: Option<Named>, auth: Option<Named>) -> Result<Algorithm, &'static str> {
    let cipher_name = cipher.as_ref().map_or("no cipher", |cipher| &cipher.name);
    // Without an ICV no packet can be verified, and a packet that is not verified is not opened.
    let Some(auth) = auth else { return Ok(Algorithm::unknown(&format!("{cipher_name}/no authentication"))) };
    // The number is the length in bits that the kernel truncates to when it is not given one.
    let (hash, default) = match auth.name.as_str() {
        "hmac(sha1)" | "sha1" => (Auth::HmacSha1, 96),
        "hmac(sha256)" | "sha256" => (Auth::HmacSha256, 96),
        "hmac(sha384)" | "sha384" => (Auth::HmacSha384, 192),
        "hmac(sha512)" | "sha512" => (Auth::HmacSha512, 256),
        other => return Ok(Algorithm::unknown(&format!("{cipher_name}/{other}"))),
    };
    let kind = match cipher.as_ref().map(|cipher| cipher.name.as_str()) {
        None | Some("ecb(cipher_null)" | "cipher_null") => Cipher::Null,
        Some("cbc(aes)" | "aes") => Cipher::AesCbc,
        Some("rfc3686(ctr(aes))" | "ctr(aes)") => Cipher::AesCtr,
        Some(other) => return Ok(Algorithm::unknown(&format!("{other}/{}", auth.name))),
    };
    let key = cipher.map_or_else(Key::default, |cipher| cipher.key);
    Algorithm::separate(kind, key, hash, auth.key, bytes(auth.bits.unwrap_or(default))?)
}

fn bytes(bits: u32) -> Result<usize, &'static str> {
    if bits % 8 == 0 { Ok(bits as usize / 8) } else { Err("the ICV's length must be a multiple of 8 bits") }
}

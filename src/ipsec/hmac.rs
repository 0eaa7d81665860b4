//! HMAC over an ESP packet (RFC 2404, RFC 4868).

use ::hmac::{Hmac, KeyInit, Mac, digest::FixedOutput};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

use super::algorithm::Auth;
use crate::packet::Sealed;

/// A keyed hash. It is cloned for each packet, so the key is expanded only once.
pub(super) enum KeyedHash {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

impl KeyedHash {
    /// Expands a key of any length.
    pub(super) fn new(auth: Auth, key: &[u8]) -> Option<Self> {
        Some(match auth {
            Auth::HmacSha1 => Self::Sha1(Hmac::new_from_slice(key).ok()?),
            Auth::HmacSha256 => Self::Sha256(Hmac::new_from_slice(key).ok()?),
            Auth::HmacSha384 => Self::Sha384(Hmac::new_from_slice(key).ok()?),
            Auth::HmacSha512 => Self::Sha512(Hmac::new_from_slice(key).ok()?),
        })
    }

    /// Verifies an ICV, which may be a truncated hash, over the bytes before it. The high half of an extended sequence
    /// number is hashed after them (RFC 4303 section 2.2.1).
    pub(super) fn verify(&self, authenticated: &[u8], high: Option<u32>, icv: &[u8]) -> Result<(), Sealed> {
        match self {
            Self::Sha1(hmac) => verify(hmac, authenticated, high, icv),
            Self::Sha256(hmac) => verify(hmac, authenticated, high, icv),
            Self::Sha384(hmac) => verify(hmac, authenticated, high, icv),
            Self::Sha512(hmac) => verify(hmac, authenticated, high, icv),
        }
    }
}

fn verify<M: Mac + FixedOutput + Clone>(
    keyed: &M,
    authenticated: &[u8],
    high: Option<u32>,
    icv: &[u8],
) -> Result<(), Sealed> {
    let mut hash = keyed.clone();
    Mac::update(&mut hash, authenticated);
    if let Some(high) = high {
        Mac::update(&mut hash, &high.to_be_bytes());
    }
    let hash = hash.finalize_fixed();
    let verified = hash.get(..icv.len()).is_some_and(|hash| hash.ct_eq(icv).into());
    if verified { Ok(()) } else { Err(Sealed::BadIcv) }
}

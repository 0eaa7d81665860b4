//! `struct xfrm_algo` and its relatives: the algorithm of an SA, with its key.
//!
//! ```text
//! xfrm_algo:                      name (64) | bits of the key (4) | key
//! xfrm_algo_aead, xfrm_algo_auth: name (64) | bits of the key (4) | bits of the ICV, or of the hash that is sent (4) | key
//! ```

use super::super::u32_at;

pub(crate) const NAME_LEN: usize = 64;
const KEY_BITS: usize = 64;
/// The offset of the second length, or of the key if there is none.
pub(in super::super) const LENGTH_BITS: usize = 68;

/// An algorithm and its key. It has no `Debug`, so that the key cannot be printed.
#[derive(Clone, Copy)]
pub(crate) struct Algorithm<'a> {
    name: &'a [u8],
    key: &'a [u8],
    bits: Option<u32>,
}

impl<'a> Algorithm<'a> {
    /// Reads a `struct xfrm_algo`. Returns `None` if the key is not whole.
    pub(super) fn plain(value: &'a [u8]) -> Option<Self> {
        Self::new_checked(value, None, LENGTH_BITS)
    }

    /// Reads a `struct xfrm_algo_aead` or `xfrm_algo_auth`, which have a length before the key. Returns `None` if the
    /// key is not whole.
    pub(super) fn with_length(value: &'a [u8]) -> Option<Self> {
        Self::new_checked(value, Some(u32_at(value, LENGTH_BITS)?), LENGTH_BITS + 4)
    }

    fn new_checked(value: &'a [u8], bits: Option<u32>, at: usize) -> Option<Self> {
        let key_len = u32_at(value, KEY_BITS)?.div_ceil(8) as usize;
        let name = value.get(..NAME_LEN)?.split(|&byte| byte == 0).next()?;
        Some(Self { name, key: value.get(at..)?.get(..key_len)?, bits })
    }

    /// Returns the name of the algorithm in the kernel's crypto layer, such as `rfc4106(gcm(aes))`.
    pub(crate) fn name(&self) -> String {
        String::from_utf8_lossy(self.name).into_owned()
    }

    /// Returns the key, with the salt at its end if the algorithm has one.
    pub(crate) fn key(&self) -> &'a [u8] {
        self.key
    }

    /// Returns the length of the ICV in bits. `None` for a `struct xfrm_algo`, which does not have it.
    pub(crate) fn bits(&self) -> Option<u32> {
        self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str, numbers: &[u32], key: &[u8]) -> Vec<u8> {
        let mut value = name.as_bytes().to_vec();
        value.resize(NAME_LEN, 0);
        value.extend(numbers.iter().flat_map(|number| number.to_ne_bytes()));
        value.extend(key);
        value
    }

    #[test]
    fn both_shapes_are_read_and_none_that_is_cut() {
        let aead = value("rfc4106(gcm(aes))", &[160, 128], &[7; 20]);
        let cipher = value("cbc(aes)", &[128], &[9; 16]);
        let read =
            |algorithm: Option<Algorithm<'_>>| algorithm.map(|a| (a.name(), a.key().to_vec(), a.bits()));
        assert_eq!(
            read(Algorithm::with_length(&aead)),
            Some(("rfc4106(gcm(aes))".to_owned(), vec![7; 20], Some(128)))
        );
        assert_eq!(read(Algorithm::plain(&cipher)), Some(("cbc(aes)".to_owned(), vec![9; 16], None)));
        assert!((0..aead.len()).all(|len| Algorithm::with_length(&aead[..len]).is_none()));
        assert!((0..cipher.len()).all(|len| Algorithm::plain(&cipher[..len]).is_none()));
    }

    #[test]
    fn a_key_that_claims_to_be_longer_than_the_message_is_none() {
        assert!(Algorithm::with_length(&value("x", &[u32::MAX, 0], &[0; 20])).is_none());
    }
}

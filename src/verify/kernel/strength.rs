//! The strength and the life of an SA, and who made it.

use serde::{Deserialize, Serialize};

use crate::netlink::xfrm::UserSa;

/// The first byte of every reqid of `ovlsniff overlay`, an `o`.
const OURS: u32 = 0x6f;
/// The largest number of bytes that is told, 2^53.
const MOST: u64 = 1 << 53;

/// The facts of an SA that bear on no verdict. No key is among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strength {
    /// The length of the cipher's key in bits, without the salt; 0 if there is no cipher.
    pub key_bits: u32,
    /// The length of the key of a separate hash in bits; 0 if there is none.
    pub hash_key_bits: u32,
    /// True if the SA has extended sequence numbers (RFC 4303 section 2.2.1).
    pub extended_numbers: bool,
    /// The age in seconds when it was read.
    pub age: u64,
    /// The age in seconds at which the kernel asks for a new SA; 0 for never.
    pub soft_age: u64,
    /// The age in seconds at which the kernel removes the SA; 0 for never.
    pub hard_age: u64,
    /// The number of bytes that went through it.
    pub bytes: u64,
    /// True if its packets are carried in UDP (RFC 3948).
    pub in_udp: bool,
}

/// The origin of an SA, as far as the SA itself tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Docker: the SPI is the hash of the two addresses and the number of a key.
    Docker,
    /// `ovlsniff overlay`: the reqid is one of ours.
    Overlay,
    /// A key daemon that speaks IKE: the SA has a lifetime, and somebody has to replace it.
    Ike,
    /// Nobody that is known: `ip xfrm state add`, or a program such as Cilium's agent.
    Manual,
}

impl Origin {
    /// Tells who made an SA with this reqid. `docker` is true if the SPI is one of Docker's.
    pub fn of(reqid: u32, docker: bool, strength: Strength) -> Self {
        if docker {
            Self::Docker
        } else if reqid >> 24 == OURS {
            Self::Overlay
        } else if strength.soft_age > 0 || strength.hard_age > 0 {
            Self::Ike
        } else {
            Self::Manual
        }
    }

    /// Returns the words for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Overlay => "ovlsniff overlay",
            Self::Ike => "ike",
            Self::Manual => "manual",
        }
    }
}

impl Strength {
    pub(super) fn of(sa: UserSa<'_>, now: u64) -> Self {
        let bits = |key: &[u8]| u32::try_from(key.len() * 8).unwrap_or(u32::MAX);
        let cipher = sa.aead().or(sa.cipher());
        let key_bits =
            cipher.map_or(0, |cipher| bits(cipher.key()).saturating_sub(salt_bits(&cipher.name())));
        Self {
            key_bits,
            hash_key_bits: sa.authentication().map_or(0, |hash| bits(hash.key())),
            extended_numbers: sa.is_extended(),
            age: now.saturating_sub(sa.added()).min(MOST),
            soft_age: limit(sa.soft_age()),
            hard_age: limit(sa.hard_age()),
            bytes: sa.bytes().min(MOST),
            in_udp: sa.is_in_udp(),
        }
    }
}

/// Returns a limit in seconds; 0 if it is so long that it is none.
fn limit(seconds: u64) -> u64 {
    if seconds > MOST { 0 } else { seconds }
}

/// Returns the length of the salt or nonce that is at the end of a key of this algorithm.
fn salt_bits(algorithm: &str) -> u32 {
    if algorithm.starts_with("rfc4309") {
        24
    } else if algorithm.starts_with("rfc") {
        32
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::push_attribute;
    use crate::netlink::xfrm::{NAME_LEN, XFRMA_ALG_AEAD, XFRMA_ALG_AUTH, XFRMA_ALG_CRYPT, usersa};

    fn read(algorithms: &[(u16, &str, &[u32], usize)]) -> Strength {
        let mut body = vec![0; usersa::LEN];
        body[usersa::ADDED..][..8].copy_from_slice(&1000u64.to_ne_bytes());
        body[usersa::HARD_AGE..][..8].copy_from_slice(&u64::MAX.to_ne_bytes());
        for (kind, name, numbers, key) in algorithms {
            let mut value = name.as_bytes().to_vec();
            value.resize(NAME_LEN, 0);
            value.extend(numbers.iter().flat_map(|number| number.to_ne_bytes()));
            value.extend(vec![0xa5; *key]);
            push_attribute(&mut body, *kind, &value);
        }
        Strength::of(UserSa::new_checked(&body).unwrap(), 4600)
    }

    #[test]
    fn the_salt_is_no_part_of_the_keys_length() {
        let bits = |kind, name, numbers: &[u32], key| read(&[(kind, name, numbers, key)]).key_bits;
        assert_eq!(bits(XFRMA_ALG_AEAD, "rfc4106(gcm(aes))", &[160, 64], 20), 128);
        assert_eq!(bits(XFRMA_ALG_AEAD, "rfc4309(ccm(aes))", &[280, 128], 35), 256);
        assert_eq!(bits(XFRMA_ALG_AEAD, "rfc7539esp(chacha20,poly1305)", &[288, 128], 36), 256);
        assert_eq!(bits(XFRMA_ALG_CRYPT, "rfc3686(ctr(aes))", &[160], 20), 128);
        assert_eq!(bits(XFRMA_ALG_CRYPT, "cbc(aes)", &[256], 32), 256);
        let both =
            read(&[(XFRMA_ALG_CRYPT, "cbc(aes)", &[128], 16), (XFRMA_ALG_AUTH, "hmac(sha256)", &[256], 32)]);
        assert_eq!((both.key_bits, both.hash_key_bits), (128, 256));
        assert_eq!((both.age, both.hard_age), (3600, 0));
    }

    #[test]
    fn who_made_an_sa_is_told_from_the_sa() {
        let ageing = Strength { hard_age: 3600, ..Strength::default() };
        let still = Strength::default();
        assert_eq!(Origin::of(0, true, still), Origin::Docker);
        assert_eq!(Origin::of(0x6f00_1002, false, still), Origin::Overlay);
        assert_eq!(Origin::of(1, false, ageing), Origin::Ike);
        assert_eq!(Origin::of(1, false, still), Origin::Manual);
    }
}

//! The names of algorithms, as the kernel and files of keys have them, and as profiles have them.

/// Some names, for a message.
pub(super) const SOME: &str = "aes-gcm, aes-ccm, aes-cbc, chacha20-poly1305, hmac-sha256-128";

/// The names of ciphers: as the kernel has them, as profiles have them.
const CIPHERS: [(&str, &str); 16] = [
    ("rfc4106(gcm(aes))", "aes-gcm"),
    ("rfc4309(ccm(aes))", "aes-ccm"),
    ("rfc4543(gcm(aes))", "aes-gmac"),
    ("rfc7539esp(chacha20,poly1305)", "chacha20-poly1305"),
    ("cbc(aes)", "aes-cbc"),
    ("rfc3686(ctr(aes))", "aes-ctr"),
    ("cbc(des3_ede)", "3des-cbc"),
    ("cbc(des)", "des-cbc"),
    ("cbc(blowfish)", "blowfish-cbc"),
    ("cbc(cast5)", "cast5-cbc"),
    ("cbc(camellia)", "camellia-cbc"),
    ("cbc(serpent)", "serpent-cbc"),
    ("cbc(twofish)", "twofish-cbc"),
    ("cbc(sm4)", "sm4-cbc"),
    ("ecb(cipher_null)", "null"),
    ("cipher_null", "null"),
];

/// The names of keyed hashes: as the kernel has them, as profiles have them.
const HASHES: [(&str, &str); 9] = [
    ("hmac(md5)", "hmac-md5"),
    ("hmac(sha1)", "hmac-sha1"),
    ("hmac(sha256)", "hmac-sha256"),
    ("hmac(sha384)", "hmac-sha384"),
    ("hmac(sha512)", "hmac-sha512"),
    ("hmac(rmd160)", "hmac-rmd160"),
    ("hmac(sm3)", "hmac-sm3"),
    ("xcbc(aes)", "aes-xcbc"),
    ("cmac(aes)", "aes-cmac"),
];

/// The ciphers that authenticate as well.
const COMBINED: [&str; 4] = ["aes-gcm", "aes-ccm", "aes-gmac", "chacha20-poly1305"];

/// The algorithms of an SA, by the names that profiles have for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Suite {
    pub(super) cipher: String,
    pub(super) hash: Option<String>,
}

impl Suite {
    /// Reads the name of an SA's algorithms: `rfc4106(gcm(aes))`, `cbc(aes) hmac(sha256)`, or `aes-cbc/hmac-sha256`.
    /// Returns `None` if one is not known.
    pub(super) fn of(name: &str) -> Option<Self> {
        let mut words = name.split([' ', '/']);
        let (first, second) = (words.next()?, words.next());
        if words.next().is_some() {
            return None;
        }
        match (find(&CIPHERS, first), second) {
            (Some(cipher), None) => Some(Self { cipher, hash: None }),
            (Some(cipher), Some(hash)) => Some(Self { cipher, hash: Some(find(&HASHES, hash)?) }),
            // AH has a hash only.
            (None, None) => Some(Self { cipher: "null".to_owned(), hash: Some(find(&HASHES, first)?) }),
            (None, Some(_)) => None,
        }
    }

    /// Returns the algorithms of WireGuard, which has no others.
    pub(super) fn wireguard() -> Self {
        Self { cipher: "chacha20-poly1305".to_owned(), hash: None }
    }

    pub(super) fn encrypts(&self) -> bool {
        !matches!(&*self.cipher, "null" | "aes-gmac")
    }

    pub(super) fn is_combined(&self) -> bool {
        COMBINED.contains(&&*self.cipher)
    }
}

/// A keyed hash as a profile names it: `hmac-sha256`, or with the length of its ICV `hmac-sha256-128`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keyed<'a> {
    pub(super) hash: &'a str,
    /// The length of the ICV in bits; `None` for any.
    pub(super) icv_bits: Option<u32>,
}

impl<'a> Keyed<'a> {
    /// Reads a name. Returns `None` if it is not that of a hash.
    pub(super) fn of(name: &'a str) -> Option<Self> {
        let is_hash = |name: &str| HASHES.iter().any(|(_, known)| *known == name);
        if is_hash(name) {
            return Some(Self { hash: name, icv_bits: None });
        }
        let (hash, bits) = name.rsplit_once('-')?;
        let icv_bits = bits.parse().ok().filter(|bits| *bits > 0)?;
        is_hash(hash).then_some(Self { hash, icv_bits: Some(icv_bits) })
    }
}

/// Returns true if a profile may have this name for an algorithm.
pub(super) fn is_known(name: &str) -> bool {
    CIPHERS.iter().chain(&HASHES).any(|(_, known)| *known == name)
}

fn find(table: &[(&str, &str)], name: &str) -> Option<String> {
    table
        .iter()
        .find(|(kernel, known)| *kernel == name || *known == name)
        .map(|(_, known)| (*known).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_kernel_and_of_files_mean_the_same() {
        let suite = |name| Suite::of(name).map(|suite| (suite.cipher, suite.hash));
        let is = |cipher: &str, hash: Option<&str>| Some((cipher.to_owned(), hash.map(str::to_owned)));
        assert_eq!(suite("rfc4106(gcm(aes))"), is("aes-gcm", None));
        assert_eq!(suite("aes-gcm"), is("aes-gcm", None));
        assert_eq!(suite("cbc(aes) hmac(sha256)"), is("aes-cbc", Some("hmac-sha256")));
        assert_eq!(suite("aes-cbc/hmac-sha256"), is("aes-cbc", Some("hmac-sha256")));
        assert_eq!(suite("hmac(sha1)"), is("null", Some("hmac-sha1")));
        for unknown in ["", "gost", "cbc(aes) gost", "cbc(aes) hmac(sha1) x"] {
            assert_eq!(suite(unknown), None, "{unknown}");
        }
    }
}

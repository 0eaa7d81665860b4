//! Wireshark's table of ESP SAs. It is the file `esp_sa` in the folder of a profile, and the value of `-o
//! uat:esp_sa:…`.
//!
//! ```text
//! "IPv4","192.0.2.1","192.0.2.2","0x9aa3ee15","AES-GCM with 8 octet ICV [RFC4106]","0x0001…","NULL",""
//! ```
//!
//! The columns are protocol, source, destination, SPI, encryption and its key, authentication and its key. Newer
//! versions have two more: `"64-bit"` for extended sequence numbers, and their high half. A key is hexadecimal after
//! `0x`, otherwise it is text.

use zeroize::Zeroizing;

use super::bad_line::BadLine;
use super::{AddressPattern, Aead, Algorithm, Auth, Cipher, Key, Sa, Sequence, SpiPattern};

/// Wireshark's names of the ciphers that are opened here and go with a keyed hash.
const CIPHERS: [(&str, Cipher); 3] =
    [("NULL", Cipher::Null), ("AES-CBC [RFC3602]", Cipher::AesCbc), ("AES-CTR [RFC3686]", Cipher::AesCtr)];

/// Wireshark's names of the encryption algorithms that are not opened here.
const OTHER_CIPHERS: [&str; 7] = [
    "TripleDES-CBC [RFC2451]",
    "DES-CBC [RFC2405]",
    "CAST5-CBC [RFC2144]",
    "BLOWFISH-CBC [RFC2451]",
    "TWOFISH-CBC",
    "AES-GCM with IIV and 16 octet ICV [RFC4106 & RFC8750]",
    "ChaCha20 with Poly1305 and IIV [RFC7634 & RFC8750]",
];

const CHACHA: &str = "ChaCha20 with Poly1305 [RFC7634]";
/// AES-GCM in a spelling without the length of the ICV. The column for authentication may give it.
const GCM: &str = "AES-GCM [RFC4106]";
/// The spellings of AES-GCM that give the length of the ICV, here in bytes.
const GCM_ICV: [(&str, usize); 3] = [
    ("AES-GCM with 8 octet ICV [RFC4106]", 8),
    ("AES-GCM with 12 octet ICV [RFC4106]", 12),
    ("AES-GCM with 16 octet ICV [RFC4106]", 16),
];

/// Wireshark's names of the keyed hashes that are verified here, and the lengths of their ICVs in bytes.
const AUTHS: [(&str, Auth, usize); 5] = [
    ("HMAC-SHA-1-96 [RFC2404]", Auth::HmacSha1, 12),
    ("HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]", Auth::HmacSha256, 12),
    ("HMAC-SHA-256-128 [RFC4868]", Auth::HmacSha256, 16),
    ("HMAC-SHA-384-192 [RFC4868]", Auth::HmacSha384, 24),
    ("HMAC-SHA-512-256 [RFC4868]", Auth::HmacSha512, 32),
];

/// Wireshark's names of the authentication algorithms that are not verified here.
const OTHER_AUTHS: [&str; 2] = ["HMAC-MD5-96 [RFC2403]", "MAC-RIPEMD-160-96 [RFC2857]"];

/// Wireshark's names for an ICV that is cut off without being verified, and its length in bytes.
const ANY: [(&str, usize); 5] = [
    ("ANY 64 bit authentication [no checking]", 8),
    ("ANY 96 bit authentication [no checking]", 12),
    ("ANY 128 bit authentication [no checking]", 16),
    ("ANY 192 bit authentication [no checking]", 24),
    ("ANY 256 bit authentication [no checking]", 32),
];

/// Reads the SAs of a table. A line of AES-GCM without the length of the ICV gives three SAs, one for each length that
/// AES-GCM can have.
pub(super) fn parse(text: &str) -> Result<Vec<Sa>, BadLine> {
    let mut sas = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        read_line(line, &mut sas).map_err(|what| BadLine::new(number, what))?;
    }
    Ok(sas)
}

fn read_line(line: &str, sas: &mut Vec<Sa>) -> Result<(), &'static str> {
    let fields = fields(line).ok_or("the fields must be in double quotes with commas between them")?;
    // A key may hold any bytes; every other field is text.
    let words: Vec<&str> =
        fields.iter().map(|field| std::str::from_utf8(field).unwrap_or_default()).collect();
    let (
        &[_, source, destination, spi, cipher, _, auth, _, ref rest @ ..],
        [_, _, _, _, _, key, _, auth_key, ..],
    ) = (&words[..], &fields[..])
    else {
        return Err(
            "eight fields are expected: protocol, source, destination, SPI, encryption, key, authentication, key",
        );
    };
    let address =
        |text| AddressPattern::parse(text).ok_or("an address is neither an IP address nor a pattern of one");
    let sequence = match rest {
        [length, high, ..] if length.starts_with("64") => {
            Sequence::Extended { high: parse_number(high).unwrap_or(0) }
        }
        [length, ..] if length.starts_with("32") => Sequence::Short,
        _ => Sequence::Unknown,
    };
    let mut sa = Sa {
        source: address(source)?,
        destination: address(destination)?,
        spi: SpiPattern::parse(spi).ok_or("the SPI is neither a number of 32 bits nor a pattern of one")?,
        mode: None,
        algorithm: Algorithm::unknown(cipher),
        sequence,
        udp: false,
    };
    for icv in icvs(cipher, auth) {
        let key = || read_key(key);
        sa.algorithm = match icv {
            Some(icv) => Algorithm::combined(Aead::AesGcm, key()?, icv)?,
            None if cipher == CHACHA => Algorithm::combined(Aead::ChaCha20Poly1305, key()?, 16)?,
            None => separate(cipher, key()?, auth, read_key(auth_key)?)?,
        };
        sas.push(sa.clone());
    }
    Ok(())
}

/// Returns the lengths of the ICV to try for AES-GCM, in bytes, and a single `None` for every other algorithm.
fn icvs(cipher: &str, auth: &str) -> Vec<Option<usize>> {
    if let Some((_, icv)) = GCM_ICV.iter().find(|(name, _)| *name == cipher) {
        return vec![Some(*icv)];
    }
    match ANY.iter().find(|(name, _)| *name == auth) {
        _ if cipher != GCM => vec![None],
        Some((_, icv)) => vec![Some(*icv)],
        None => vec![Some(16), Some(8), Some(12)],
    }
}

fn separate(cipher: &str, key: Key, auth: &str, auth_key: Key) -> Result<Algorithm, &'static str> {
    let known = CIPHERS.iter().find(|(name, _)| *name == cipher);
    let hash = AUTHS.iter().find(|(name, ..)| *name == auth);
    match (known, hash) {
        (Some((_, Cipher::Null)), Some((_, hash, icv))) => {
            Algorithm::separate(Cipher::Null, Key::default(), *hash, auth_key, *icv)
        }
        (Some((_, cipher)), Some((_, hash, icv))) => Algorithm::separate(*cipher, key, *hash, auth_key, *icv),
        (None, _) if !OTHER_CIPHERS.contains(&cipher) => {
            Err("there is no such encryption algorithm in Wireshark")
        }
        (_, None)
            if auth != "NULL"
                && !OTHER_AUTHS.contains(&auth)
                && !ANY.iter().any(|(name, _)| *name == auth) =>
        {
            Err("there is no such authentication algorithm in Wireshark")
        }
        // Wireshark knows these names, but they are not opened here, or have no ICV that could be verified.
        _ => Ok(Algorithm::unknown(&format!("{cipher}/{auth}"))),
    }
}

/// Returns the fields of a line without their escapes, `None` if the quotes are not closed.
fn fields(line: &str) -> Option<Vec<Zeroizing<Vec<u8>>>> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start().strip_prefix('"')?;
        let end = rest.find('"')?;
        fields.push(unescape(rest.get(..end)?)?);
        rest = rest.get(end + 1..)?.trim_start();
        if rest.is_empty() {
            return Some(fields);
        }
        rest = rest.strip_prefix(',')?;
    }
}

/// Undoes escapes such as `\x22`, in which Wireshark writes quotes, backslashes and bytes that are not printable.
fn unescape(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut parts = text.split("\\x");
    plain.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        plain.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        plain.extend_from_slice(part.get(2..)?.as_bytes());
    }
    Some(plain)
}

fn read_key(text: &[u8]) -> Result<Key, &'static str> {
    match text.strip_prefix(b"0x").or_else(|| text.strip_prefix(b"0X")) {
        Some(digits) => {
            std::str::from_utf8(digits).ok().and_then(Key::from_hex).ok_or("a key is not hexadecimal")
        }
        None => Ok(Key::new(text.to_vec())),
    }
}

fn parse_number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Returns the table of these SAs, and the SAs that are left out because Wireshark has no name for their algorithm.
///
/// An SA that Wireshark can decrypt but not verify gets Wireshark's "no checking" for an ICV of its length. The two
/// columns for extended sequence numbers stand only on the lines that need them: a version that does not know the
/// columns warns and reads on. Versions before 4.2 stop reading at ChaCha20-Poly1305, so those lines come last.
pub fn to_wireshark<'a>(sas: &'a [Sa]) -> (Zeroizing<String>, Vec<&'a Sa>) {
    // Reserves enough for the longest lines, because a string that grows leaves copies of the keys behind.
    let longest = sas.iter().map(|sa| sa.algorithm.key_bits() / 4).sum::<usize>() + 320 * sas.len();
    let mut text = Zeroizing::new(String::with_capacity(longest));
    let named = |sa: &'a Sa| columns(&sa.algorithm).map(|columns| (sa, columns));
    let (last, first): (Vec<_>, Vec<_>) =
        sas.iter().filter_map(named).partition(|(_, columns)| columns.0 == CHACHA);
    for (sa, columns) in first.into_iter().chain(last) {
        write_line(&mut text, sa, columns);
    }
    (text, sas.iter().filter(|sa| columns(&sa.algorithm).is_none()).collect())
}

fn write_line(text: &mut Zeroizing<String>, sa: &Sa, (cipher, key, auth, auth_key): Columns<'_>) {
    let protocol = if sa.destination.is_v6() || sa.source.is_v6() { "IPv6" } else { "IPv4" };
    let (source, destination) = (sa.source.to_wireshark(), sa.destination.to_wireshark());
    for field in [protocol, &source, &destination, &sa.spi.to_wireshark(), cipher] {
        text.push('"');
        text.push_str(field);
        text.push_str("\",");
    }
    write_key(text, key);
    text.push_str(",\"");
    text.push_str(auth);
    text.push_str("\",");
    write_key(text, auth_key);
    if let Sequence::Extended { high } = sa.sequence {
        text.push_str(",\"64-bit\",\"");
        text.push_str(&high.to_string());
        text.push('"');
    }
    text.push('\n');
}

fn write_key(text: &mut Zeroizing<String>, key: Option<&Key>) {
    text.push('"');
    if let Some(key) = key {
        text.push_str("0x");
        key.write_hex(text);
    }
    text.push('"');
}

type Columns<'a> = (&'static str, Option<&'a Key>, &'static str, Option<&'a Key>);

fn columns(algorithm: &Algorithm) -> Option<Columns<'_>> {
    match algorithm {
        Algorithm::Combined { cipher: Aead::AesGcm, key, icv } => {
            let (name, _) = GCM_ICV.iter().find(|(_, len)| len == icv)?;
            Some((name, Some(key), "NULL", None))
        }
        Algorithm::Combined { cipher: Aead::ChaCha20Poly1305, key, .. } => {
            Some((CHACHA, Some(key), "NULL", None))
        }
        Algorithm::Separate { cipher, key, auth, auth_key, icv } => {
            let (cipher_name, _) = CIPHERS.iter().find(|(_, known)| known == cipher)?;
            let key = Some(key).filter(|_| *cipher != Cipher::Null);
            match AUTHS.iter().find(|(_, known, len)| known == auth && len == icv) {
                Some((auth, ..)) => Some((cipher_name, key, auth, Some(auth_key))),
                None => Some((cipher_name, key, ANY.iter().find(|(_, len)| len == icv)?.0, None)),
            }
        }
        Algorithm::Combined { .. } | Algorithm::Unknown { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Spi;

    const DOCKERS: &str = "\"IPv4\",\"192.0.2.1\",\"192.0.2.2\",\"0xef7baa5f\",\"AES-GCM with 8 octet ICV [RFC4106]\",\"0x2024c15ef4bc2fa785c897b28d184840ef7baa5f\",\"NULL\",\"\"";

    #[test]
    fn an_sa_of_docker() {
        let sas = parse(DOCKERS).unwrap();
        assert_eq!(sas.len(), 1);
        assert_eq!(sas[0].spi.exact(), Some(Spi(0xef7b_aa5f)));
        assert!(matches!(&sas[0].algorithm, Algorithm::Combined { cipher: Aead::AesGcm, icv: 8, .. }));
        assert_eq!(sas[0].sequence, Sequence::Unknown, "older versions have no column for it");
        assert_eq!(to_wireshark(&sas).0.trim_end(), DOCKERS);
    }

    #[test]
    fn gcm_that_does_not_say_its_icv_gives_one_sa_for_each() {
        let icvs = |auth: &str| {
            let line = DOCKERS.replace(" with 8 octet ICV", "").replace("\"NULL\"", &format!("\"{auth}\""));
            parse(&line).unwrap().iter().map(|sa| sa.algorithm.icv_bits().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(icvs("NULL"), [128, 64, 96]);
        assert_eq!(icvs("ANY 96 bit authentication [no checking]"), [96]);
    }

    #[test]
    fn comments_wildcards_escapes_and_text_keys() {
        let text = "# made by Wireshark\n\n\"IPv4\",\"*\",\"10.*.*.1\",\"0x0000****\",\"NULL\",\"\",\"HMAC-SHA-1-96 [RFC2404]\",\"se\\x22cr\\xe9t\",\"64-bit\",\"0x7\"\n";
        let sas = parse(text).unwrap();
        let Algorithm::Separate { auth_key, .. } = &sas[0].algorithm else { panic!() };
        assert_eq!(auth_key.bytes(), b"se\"cr\xe9t");
        assert_eq!(sas[0].sequence, Sequence::Extended { high: 7 });
        assert!(sas[0].destination.matches("10.2.3.1".parse().unwrap()));
        assert!(sas[0].spi.matches(Spi(0x1234)));
    }

    #[test]
    fn what_wireshark_has_no_name_for_is_left_out_and_told() {
        let key = |len| Key::new(vec![1; len]);
        let mut sas = parse(DOCKERS).unwrap();
        sas.push(Sa { algorithm: Algorithm::combined(Aead::AesCcm, key(19), 16).unwrap(), ..sas[0].clone() });
        let (text, left_out) = to_wireshark(&sas);
        assert_eq!(text.lines().count(), 1);
        assert_eq!(left_out, [&sas[1]]);
    }

    #[test]
    fn a_damaged_line_is_named_by_its_number_and_never_quoted() {
        for damage in [
            DOCKERS.replace("0x2024", "0x20z4"),
            DOCKERS.replace("\"0x2024", "0x2024"),
            DOCKERS.replace("0x2024", "0x"),
            DOCKERS.replace("AES-GCM", "AES-GMC"),
            DOCKERS
                .replace("\"NULL\",\"\"", "\"HMAC\",\"\"")
                .replace("AES-GCM with 8 octet ICV [RFC4106]", "AES-CBC [RFC3602]"),
            DOCKERS.replace("192.0.2.2", "192.0.2.2.2"),
            DOCKERS.replace("0xef7baa5f\",\"AES", "0xef7baa5f0\",\"AES"),
            DOCKERS.replace(",\"NULL\",\"\"", ""),
            DOCKERS.replace("5f\",\"NULL", "5f\\x2"),
            DOCKERS[..DOCKERS.len() - 1].to_owned(),
        ] {
            let bad = parse(&format!("{DOCKERS}\n{damage}\n")).expect_err(&damage);
            assert_eq!(bad.line, 2, "{damage}");
            assert!(!bad.what.contains("c15ef4bc"));
        }
    }
}

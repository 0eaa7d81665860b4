//! The secret that all nodes share, and the keys that are derived from it.
//!
//! Every security association has an AEAD key, a salt and an SPI of its own. HKDF-SHA256 (RFC 5869) derives them
//! from the secret and from everything that tells two associations apart: cipher, generation, sender, receiver, VNI
//! and the sender's start counter. So both ends know them without talking. Each direction and each start of a node
//! has its own key, so no nonce repeats with a key.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use hkdf::Hkdf;
use serde::Serialize;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::cipher::Cipher;
use crate::escape::reason;
use crate::packet::{Spi, Vni};

const LABEL: &str = "ovlsniff-overlay-key-1:";
const SALT: &[u8] = b"ovlsniff overlay 1";

/// An error in reading or writing a secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be opened, read or written.
    #[error("key file {path}: {}", reason(cause))]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
    /// Others than its owner may read the file.
    #[error(
        "key file {path} may be read by others (mode {mode:04o}); make it yours alone: chmod 600 {path}, and if it was ever read: ovlsniff overlay keygen"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds no key of this program.
    #[error("key file {0} holds no key of this program; make one: ovlsniff overlay keygen > {0}")]
    Format(PathBuf),
    /// The secret itself was given in place of the name of its file.
    #[error(
        "the key itself was given, where the name of its file belongs: put it into a file of mode 0600; and as others may have seen it, make a new one: ovlsniff overlay keygen"
    )]
    Spelled,
    /// The kernel gave no random bytes.
    #[error("no random bytes from the kernel: {}", reason(.0))]
    Random(io::Error),
    /// Standard output is a terminal, or a file that already holds something.
    #[error("a key is not written to {0}; send it to a new file: ovlsniff overlay keygen > secure.key")]
    Output(&'static str),
}

/// The secret of an encrypted network: 256 bits from the kernel's random numbers. It is wiped when dropped, and
/// never printed.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.id())
    }
}

impl Secret {
    /// Generates a new secret.
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut_slice()).map_err(|e| KeyError::Random(e.into()))?;
        Ok(Self(bytes))
    }

    /// Reads a file that [`Secret::create`] or [`Secret::write_out`] made. A file that others than its owner may
    /// read is refused.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        if path.as_os_str().as_encoded_bytes().windows(LABEL.len()).any(|part| part == LABEL.as_bytes()) {
            return Err(KeyError::Spelled);
        }
        let failed = |cause| KeyError::File { path: path.to_owned(), cause };
        let mut file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        // The next error says to change the mode, which would be wrong for a directory or a device.
        if !metadata.is_file() && !metadata.file_type().is_fifo() {
            return Err(failed(io::Error::other("it is neither a file nor a pipe")));
        }
        let mode = metadata.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Open { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(String::with_capacity(4096));
        match (&mut file).take(4096).read_to_string(&mut text) {
            Err(cause) if cause.kind() == io::ErrorKind::InvalidData => {
                return Err(KeyError::Format(path.to_owned()));
            }
            read => read.map_err(failed)?,
        };
        parse(&text).ok_or_else(|| KeyError::Format(path.to_owned()))
    }

    /// Writes the secret to a new file of mode 0600. The file must not exist yet.
    pub fn create(&self, path: &Path) -> Result<(), KeyError> {
        let failed = |cause| KeyError::File { path: path.to_owned(), cause };
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        self.write(&mut file).and_then(|()| file.sync_all()).map_err(failed)
    }

    /// Writes the secret to an open file, which first gets mode 0600. A terminal and a file that already holds
    /// something are refused. A pipe is taken as it is.
    pub fn write_out(&self, file: &mut File) -> Result<(), KeyError> {
        use std::io::IsTerminal;
        let failed = |cause| KeyError::File { path: "standard output".into(), cause };
        if file.is_terminal() {
            return Err(KeyError::Output("a terminal"));
        }
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_file() {
            if metadata.len() > 0 {
                return Err(KeyError::Output("a file that already holds something"));
            }
            file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        }
        self.write(file).map_err(failed)
    }

    fn write(&self, file: &mut File) -> io::Result<()> {
        let mut text = Zeroizing::new(String::with_capacity(512));
        text.push_str("# The secret of an encrypted overlay: the same file on every node, readable by its owner only.\n");
        text.push_str(LABEL);
        for byte in self.0.iter() {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        text.push('\n');
        file.write_all(text.as_bytes())
    }

    /// Returns the public name of the secret, which does not give it away. Two nodes with the same name have the
    /// same secret.
    pub fn id(&self) -> KeyId {
        let mut id = [0; 8];
        self.expand(b"id", &[], &mut id);
        KeyId(u64::from_be_bytes(id))
    }

    /// Returns the key material of one association: its key, then its salt, as the kernel takes them.
    pub(super) fn material(&self, association: &Association) -> Zeroizing<Vec<u8>> {
        let mut material = Zeroizing::new(vec![0; association.cipher.key_bytes()]);
        let mut info = association.label();
        info.extend_from_slice(&association.counter.to_be_bytes());
        self.expand(b"key", &info, &mut material);
        material
    }

    /// Returns the SPI of one association. Bits 0 to 3 are the lowest bits of the start counter, and bits 4 and 5
    /// those of the generation, so the SPIs that a receiver accepts from one sender in one network all differ. The
    /// other bits are derived from the secret. An SPI is never below 0x1000: 1 to 255 are reserved (RFC 4303), and
    /// people give low numbers by hand.
    pub(super) fn spi(&self, association: &Association) -> Spi {
        let mut stream = [0; 64];
        self.expand(b"spi", &association.label(), &mut stream);
        let high = stream
            .chunks_exact(4)
            .map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]) & !0x3f)
            .find(|high| *high >= 0x1000)
            .unwrap_or(0x1000);
        Spi(high | (association.generation & 3) << 4 | association.counter & 15)
    }

    fn expand(&self, purpose: &[u8], info: &[u8], output: &mut [u8]) {
        let hkdf = Hkdf::<Sha256>::new(Some(SALT), self.0.as_slice());
        hkdf.expand_multi_info(&[purpose, &[0], info], output).expect("far below 255 blocks");
    }
}

/// Returns true if an SPI that [`Secret::spi`] made is of this generation. The SPI has the lowest two bits of the
/// generation, which tell apart the generations that are in use at one time.
pub(super) fn is_of_generation(spi: Spi, generation: u32) -> bool {
    spi.0 >> 4 & 3 == generation & 3
}

fn parse(text: &str) -> Option<Secret> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    // If there are two keys, nobody can say which one is meant.
    let (line, None) = (lines.next()?, lines.next()) else { return None };
    let digits = line.strip_prefix(LABEL)?.as_bytes();
    let mut bytes = Zeroizing::new([0; 32]);
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
        *byte = (high? << 4 | low?) as u8;
    }
    Some(Secret(bytes))
}

/// The public name of a secret: 64 bits derived from it, printed as sixteen hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(u64);

impl KeyId {
    /// Parses a name that [`KeyId`] printed.
    pub fn parse(text: &str) -> Option<Self> {
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The values that tell one security association from every other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Association {
    /// The network.
    #[serde(serialize_with = "vni_number")]
    pub vni: Vni,
    /// The underlay address that packets come from.
    pub sender: IpAddr,
    /// The underlay address that packets go to.
    pub receiver: IpAddr,
    /// The algorithm.
    pub cipher: Cipher,
    /// The generation of the keys. It counts from 1 and goes up by one with every rotation.
    pub generation: u32,
    /// The start counter of the sender. It counts from 1 in every generation.
    pub counter: u32,
}

impl Association {
    fn label(&self) -> Vec<u8> {
        let mut label = Vec::with_capacity(64);
        label.push(self.cipher.number());
        for address in [self.sender, self.receiver] {
            label.extend_from_slice(&sixteen(address));
        }
        label.extend_from_slice(&self.vni.value().to_be_bytes());
        label.extend_from_slice(&self.generation.to_be_bytes());
        label
    }
}

/// Returns an address in its sixteen-byte form. IPv4 is mapped into IPv6.
pub(super) fn sixteen(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks for this signature
pub(super) fn vni_number<S: serde::Serializer>(vni: &Vni, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u32(vni.value())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn association(generation: u32, counter: u32) -> Association {
        Association {
            vni: Vni::new(4098).unwrap(),
            sender: "192.0.2.1".parse().unwrap(),
            receiver: "192.0.2.2".parse().unwrap(),
            cipher: Cipher::Aes256Gcm,
            generation,
            counter,
        }
    }

    fn secret(byte: u8) -> Secret {
        Secret(Zeroizing::new([byte; 32]))
    }

    #[test]
    fn whatever_differs_gives_another_key() {
        let base = association(1, 1);
        let (sender, receiver) = (base.receiver, base.sender);
        let others = [
            association(2, 1),
            association(1, 2),
            Association { sender, receiver, ..base.clone() },
            Association { vni: Vni::new(4099).unwrap(), ..base.clone() },
            Association { cipher: Cipher::ChaCha20Poly1305, ..base.clone() },
        ];
        let key = secret(7).material(&base);
        assert_eq!(key.len(), 36);
        for other in others {
            assert_ne!(key, secret(7).material(&other), "{other:?}");
        }
        assert_ne!(key, secret(8).material(&base));
        assert_eq!(key, secret(7).material(&base));
    }

    /// Nodes of different versions must derive the same keys, so the derivation must never change under this label.
    #[test]
    fn the_derivation_stays_what_it_is() {
        assert_eq!(secret(7).id().to_string(), "5d7ce54c84f665b0");
        assert_eq!(secret(7).spi(&association(1, 1)), Spi(0xa885_d191));
        let key = secret(7).material(&association(1, 1));
        assert_eq!(key[..4], [0xd5, 0xd8, 0x15, 0x96]);
    }

    #[test]
    fn one_senders_window_has_distinct_spis_above_the_reserved_ones() {
        let mut seen = std::collections::BTreeSet::new();
        for generation in 3..7 {
            for counter in 14..30 {
                let spi = secret(9).spi(&association(generation, counter));
                assert!(spi.0 >= 0x1000);
                assert!(is_of_generation(spi, generation) && !is_of_generation(spi, generation + 1));
                assert!(seen.insert((generation, spi)), "{spi} twice in generation {generation}");
            }
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secure.key");
        let secret = Secret::generate().unwrap();
        secret.create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(Secret::read(&path).unwrap().id(), secret.id());
        assert!(
            matches!(secret.create(&path), Err(KeyError::File { .. })),
            "an existing key is never overwritten"
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let refused = Secret::read(&path).unwrap_err().to_string();
        assert!(refused.contains("mode 0640") && refused.contains("chmod 600"), "{refused}");
    }

    #[test]
    fn neither_debug_nor_errors_show_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broken.key");
        std::fs::write(&path, "ovlsniff-overlay-key-1:00ff").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(!Secret::read(&path).unwrap_err().to_string().contains("00ff"));
        assert!(!format!("{:?}", secret(0xab)).contains("abab"));
        let pasted = Secret::read(Path::new("/etc/ovlsniff/ovlsniff-overlay-key-1:00ff")).unwrap_err();
        assert!(!pasted.to_string().contains("00ff") && pasted.to_string().contains("file"), "{pasted}");
    }

    #[test]
    fn what_is_not_one_key_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secure.key");
        let key = format!("{LABEL}{}\n", "0f".repeat(32));
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            Secret::read(&path)
        };
        assert!(read(format!("# a comment\n\n{key}").as_bytes()).is_ok());
        for place in [Path::new("/dev/null"), folder.path()] {
            assert!(Secret::read(place).unwrap_err().to_string().ends_with("neither a file nor a pipe"));
        }
        let not = [b"".to_vec(), key.as_bytes()[..80].to_vec(), format!("{key}{key}").into(), vec![0xff; 88]];
        for bytes in not {
            assert!(matches!(read(&bytes), Err(KeyError::Format(_))), "{bytes:?}");
        }
    }
}

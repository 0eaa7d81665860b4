//! Opening ESP packets with the keys at hand.

use std::fmt;
use std::net::IpAddr;

use super::algorithm::{Aead, Algorithm, Cipher};
use super::ccm::Ccm;
use super::chacha::ChaCha;
use super::esn::Esn;
use super::gcm::Gcm;
use super::separate::Separate;
use super::table::SaTable;
use super::{Mode, Sa};
use crate::packet::{EspKind, Sealed, Spi};

/// Opens the packets of the SAs it was made with.
///
/// An SA's key schedule is made with its first packet and kept; after that a packet allocates nothing.
pub struct Opener {
    table: SaTable,
    /// One for each SA of the table.
    keyed: Vec<Keyed>,
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").field("table", &self.table).finish_non_exhaustive()
    }
}

/// What an SA needs beside itself to open packets.
struct Keyed {
    cipher: Lazy,
    esn: Esn,
}

enum Lazy {
    New,
    Ready(Box<Expanded>),
    /// The algorithm is not known.
    Unknown,
}

enum Expanded {
    Gcm(Gcm),
    Gmac(Gcm),
    Ccm(Ccm),
    ChaCha(ChaCha),
    Separate(Separate),
}

/// What was inside an ESP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened<'b> {
    /// The IANA protocol number of what `plaintext` begins with: 4 or 41 in tunnel mode, 59 for a dummy packet.
    pub next_header: u8,
    /// The payload without padding and trailer.
    pub plaintext: &'b [u8],
    /// Whether it was encrypted, or only authenticated.
    pub kind: EspKind,
    /// The mode, as the SA says or else the next header.
    pub mode: Mode,
    /// The SA that opened it: its position in [`Opener::sas`].
    pub sa: usize,
    /// The sequence number, all 64 bits where the SA has so many.
    pub sequence: u64,
}

impl Opener {
    /// An opener for these SAs.
    pub fn new(sas: impl IntoIterator<Item = Sa>) -> Self {
        let table: SaTable = sas.into_iter().collect();
        let keyed =
            table.sas().iter().map(|sa| Keyed { cipher: Lazy::New, esn: Esn::new(sa.sequence) }).collect();
        Self { table, keyed }
    }

    /// Takes more SAs; those that are known already stay as they are.
    pub fn add(&mut self, sas: impl IntoIterator<Item = Sa>) {
        for sa in sas {
            self.table.insert(sa);
        }
        let new = self.table.sas().iter().skip(self.keyed.len());
        self.keyed.extend(new.map(|sa| Keyed { cipher: Lazy::New, esn: Esn::new(sa.sequence) }));
    }

    /// The SAs, each once.
    pub fn sas(&self) -> &[Sa] {
        self.table.sas()
    }

    /// Opens a whole ESP packet, `esp` beginning with the SPI and ending with the ICV, that was sent from `source` to
    /// `destination`. Nothing is given out whose ICV did not verify. What is given out lies in `scratch`, which should be
    /// the same for every packet.
    ///
    /// Of several SAs with the destination and SPI each is tried, those of the same source first.
    pub fn open<'b>(
        &mut self,
        source: IpAddr,
        destination: IpAddr,
        esp: &[u8],
        scratch: &'b mut Vec<u8>,
    ) -> Result<Opened<'b>, Sealed> {
        let (spi, sequence) = header(esp).ok_or(Sealed::Truncated)?;
        let mut sealed = Sealed::NoKey;
        for same_source in [true, false] {
            for index in self.table.candidates(destination, spi) {
                let (Some(sa), Some(keyed)) = (self.table.sas().get(index), self.keyed.get_mut(index)) else {
                    continue;
                };
                if sa.source.matches(source) != same_source {
                    continue;
                }
                match keyed.open(&sa.algorithm, sequence, esp, scratch) {
                    Ok((len, high)) => {
                        return trim(sa, index, len, u64::from(high) << 32 | u64::from(sequence), scratch);
                    }
                    Err(why) => sealed = worse(sealed, why),
                }
            }
        }
        Err(sealed)
    }

    /// Why a packet that was cut off by the snaplen stays shut.
    pub fn cut_off(&self, destination: IpAddr, esp: &[u8]) -> Sealed {
        match header(esp) {
            Some((spi, _)) if self.table.candidates(destination, spi).next().is_none() => Sealed::NoKey,
            _ => Sealed::Truncated,
        }
    }
}

/// SPI and the low half of the sequence number.
fn header(esp: &[u8]) -> Option<(Spi, u32)> {
    let (spi, rest) = esp.split_first_chunk()?;
    let (sequence, _) = rest.split_first_chunk()?;
    Some((Spi(u32::from_be_bytes(*spi)), u32::from_be_bytes(*sequence)))
}

/// The reason to tell when several SAs failed: that of the one that came furthest.
fn worse(one: Sealed, other: Sealed) -> Sealed {
    let rank = |sealed| match sealed {
        Sealed::NoKey => 0,
        Sealed::UnknownAlgorithm => 1,
        Sealed::Truncated => 2,
        Sealed::BadIcv => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// Takes the trailer off: padding, its length, next header (RFC 4303 section 2.4).
fn trim<'b>(
    sa: &Sa,
    index: usize,
    len: usize,
    sequence: u64,
    scratch: &'b [u8],
) -> Result<Opened<'b>, Sealed> {
    // A trailer that contradicts itself under an ICV that verified is a broken sender's; BadIcv is the nearest reason.
    let (payload, &[padding, next_header]) =
        scratch.get(..len).and_then(<[u8]>::split_last_chunk).ok_or(Sealed::BadIcv)?;
    let plaintext = payload
        .len()
        .checked_sub(usize::from(padding))
        .and_then(|len| payload.get(..len))
        .ok_or(Sealed::BadIcv)?;
    let kind = match &sa.algorithm {
        Algorithm::Combined { cipher: Aead::AesGmac, .. } => EspKind::Gmac,
        Algorithm::Separate { cipher: Cipher::Null, .. } => EspKind::Null,
        _ => EspKind::Opened,
    };
    let mode = sa.mode.unwrap_or(if matches!(next_header, 4 | 41) { Mode::Tunnel } else { Mode::Transport });
    Ok(Opened { next_header, plaintext, kind, mode, sa: index, sequence })
}

impl Keyed {
    /// How many bytes of `scratch` are payload and trailer, and the high half of the sequence number (0 for none).
    fn open(
        &mut self,
        algorithm: &Algorithm,
        low: u32,
        esp: &[u8],
        scratch: &mut Vec<u8>,
    ) -> Result<(usize, u32), Sealed> {
        if matches!(self.cipher, Lazy::New) {
            self.cipher =
                Expanded::new(algorithm).map_or(Lazy::Unknown, |expanded| Lazy::Ready(Box::new(expanded)));
        }
        let Lazy::Ready(expanded) = &self.cipher else { return Err(Sealed::UnknownAlgorithm) };
        let mut sealed = Sealed::BadIcv;
        for high in self.esn.trials(low) {
            match expanded.open(esp, high, scratch) {
                Ok(len) => {
                    self.esn.verified(high, low);
                    return Ok((len, high.unwrap_or(0)));
                }
                Err(Sealed::BadIcv) => {}
                // Too short is too short, whatever the sequence number.
                Err(why) => {
                    sealed = why;
                    break;
                }
            }
        }
        Err(sealed)
    }
}

impl Expanded {
    fn new(algorithm: &Algorithm) -> Option<Self> {
        Some(match algorithm {
            Algorithm::Combined { cipher, key, icv } => match cipher {
                Aead::AesGcm => Self::Gcm(Gcm::new(key.bytes(), *icv)?),
                Aead::AesGmac => Self::Gmac(Gcm::new(key.bytes(), *icv)?),
                Aead::AesCcm => Self::Ccm(Ccm::new(key.bytes(), *icv)?),
                Aead::ChaCha20Poly1305 => Self::ChaCha(ChaCha::new(key.bytes())?),
            },
            Algorithm::Separate { cipher, key, auth, auth_key, icv } => {
                Self::Separate(Separate::new(*cipher, key.bytes(), *auth, auth_key.bytes(), *icv)?)
            }
            Algorithm::Unknown { .. } => return None,
        })
    }

    fn open(&self, esp: &[u8], high: Option<u32>, out: &mut Vec<u8>) -> Result<usize, Sealed> {
        match self {
            Self::Gcm(gcm) => gcm.open(esp, high, out),
            Self::Gmac(gcm) => gcm.open_gmac(esp, high, out),
            Self::Ccm(ccm) => ccm.open(esp, high, out),
            Self::ChaCha(chacha) => chacha.open(esp, high, out),
            Self::Separate(separate) => separate.open(esp, high, out),
        }
    }
}

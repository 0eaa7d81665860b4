//! Opening single ESP packets with the SAs that are known.

use std::fmt;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

use super::algorithm::{Aead, Algorithm, Cipher};
use super::ccm::Ccm;
use super::chacha::ChaCha;
use super::esn::Esn;
use super::gcm::Gcm;
use super::separate::Separate;
use super::table::SaTable;
use super::{KernelSas, Mode, Notices, Sa};
use crate::packet::protocol::{AGGFRAG, IPV4, IPV6};
use crate::packet::{EspKind, Sealed, Spi};

/// The greatest number of SAs that are kept from the kernel's notices. After that, each new one replaces the oldest.
const MOST_FOLLOWED: usize = 1 << 16;

/// Opens the packets of the SAs that it was made with, and of SAs that the kernel reports later.
///
/// The key schedule of an SA is made for its first packet and kept. After that, a packet allocates nothing.
pub struct Opener {
    table: SaTable,
    /// The state of each SA of the table, in the order of the table.
    keyed: Vec<Keyed>,
    notices: Option<Notices>,
    /// The number of SAs that it was made with. The SAs from the notices stand behind them in the table.
    given: usize,
    /// The number of new SAs from the notices so far.
    followed: usize,
    /// The SPIs of packets for which the notices were read, each in the slot of its hash. See [`Self::looks_for`].
    asked: [Option<Spi>; 64],
    /// The number of packets that stayed shut, for [`Self::looks_for`].
    shut: u32,
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").field("table", &self.table).finish_non_exhaustive()
    }
}

/// The state of an SA that opening its packets needs.
struct Keyed {
    cipher: Lazy,
    esn: Esn,
}

enum Lazy {
    New,
    Ready(Box<Expanded>),
    /// The algorithm is not known, or its key has a wrong length.
    Unknown,
}

enum Expanded {
    Gcm(Gcm),
    Gmac(Gcm),
    Ccm(Ccm),
    ChaCha(ChaCha),
    Separate(Separate),
}

/// The result of opening: the position of the SA, the number of bytes in the buffer that are payload and trailer, and
/// the high half of the sequence number.
struct Inside {
    sa: usize,
    len: usize,
    high: u32,
}

/// The inside of an ESP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened<'b> {
    /// The IANA protocol number of the header that `plaintext` begins with: 4 or 41 in tunnel mode, 59 for a dummy
    /// packet.
    pub next_header: u8,
    /// The payload without padding and trailer.
    pub plaintext: &'b [u8],
    /// The kind of protection: encrypted, or only authenticated.
    pub kind: EspKind,
    /// The mode of the SA, or the mode that follows from the next header if the SA has none.
    pub mode: Mode,
    /// The position in [`Opener::sas`] of the SA that opened the packet.
    pub sa: usize,
    /// The sequence number. With extended sequence numbers it has all 64 bits.
    pub sequence: u64,
}

impl Opener {
    /// Makes an opener for these SAs.
    pub fn new(sas: impl IntoIterator<Item = Sa>) -> Self {
        let table: SaTable = sas.into_iter().collect();
        let keyed: Vec<Keyed> = table.sas().iter().map(Keyed::new).collect();
        let asked = [None; 64];
        Self { given: keyed.len(), followed: 0, table, keyed, notices: None, asked, shut: 0 }
    }

    /// Makes an opener for these SAs and those of the kernel. If the kernel's later SAs are followed, they are taken in
    /// when a packet stays shut, and by [`Self::catch_up`].
    pub fn with_kernel(sas: Vec<Sa>, kernel: KernelSas) -> Self {
        Self { notices: kernel.notices, ..Self::new(sas.into_iter().chain(kernel.sas)) }
    }

    /// Returns the descriptor that is readable when [`Self::catch_up`] is due, `None` without notices.
    pub fn due(&self) -> Option<BorrowedFd<'_>> {
        self.notices.as_ref().map(AsFd::as_fd)
    }

    /// Takes in the SAs that the kernel has reported. Returns true if one of them was new. Never waits.
    pub fn catch_up(&mut self) -> bool {
        let found = self.notices.as_mut().map(Notices::take).unwrap_or_default();
        let before = self.followed;
        for sa in found {
            self.add(sa);
        }
        self.followed > before
    }

    /// Returns the message for the user about SAs that could not be taken in. It is returned only once.
    pub fn complaint(&mut self) -> Option<String> {
        self.notices.as_mut().and_then(Notices::complaint)
    }

    fn add(&mut self, sa: Sa) -> bool {
        let keyed = Keyed::new(&sa);
        let index = self.given + self.followed % MOST_FOLLOWED;
        let new = match self.keyed.get_mut(index) {
            Some(place) => {
                self.table.replace(index, sa) && {
                    *place = keyed;
                    true
                }
            }
            None => {
                self.table.insert(sa) && {
                    self.keyed.push(keyed);
                    true
                }
            }
        };
        self.followed += usize::from(new);
        new
    }

    /// Returns the SAs, each once.
    pub fn sas(&self) -> &[Sa] {
        self.table.sas()
    }

    /// Opens a whole ESP packet that was sent from `source` to `destination`. `esp` begins with the SPI and ends with
    /// the ICV. The plaintext lies in `scratch`, which should be the same buffer for every packet. It is given out
    /// only if the ICV verified.
    ///
    /// All SAs with this destination and SPI are tried, those with the same source first.
    pub fn open<'b>(
        &mut self,
        source: IpAddr,
        destination: IpAddr,
        esp: &[u8],
        scratch: &'b mut Vec<u8>,
    ) -> Result<Opened<'b>, Sealed> {
        let (spi, sequence) = header(esp).ok_or(Sealed::Truncated)?;
        let tried = match self.try_all(source, destination, (spi, sequence), esp, scratch) {
            // The kernel reports an SA before it sends with it, so the notice may be waiting.
            Err(_) if self.looks_for(spi) && self.catch_up() => {
                self.try_all(source, destination, (spi, sequence), esp, scratch)
            }
            tried => tried,
        };
        let Inside { sa, len, high } = tried?;
        let known = self.table.sas().get(sa).ok_or(Sealed::NoKey)?;
        trim(known, sa, len, u64::from(high) << 32 | u64::from(sequence), scratch)
    }

    /// Returns true if the notices should be read for a packet that stays shut: always for an SPI other than the last
    /// one in its slot, and otherwise for every 64th packet. A tunnel of somebody else then does not cost a
    /// system call for each packet.
    fn looks_for(&mut self, spi: Spi) -> bool {
        if self.notices.is_none() {
            return false;
        }
        self.shut = self.shut.wrapping_add(1);
        let slot = self.asked.get_mut((spi.0.wrapping_mul(0x9e37_79b9) >> 26) as usize);
        slot.is_none_or(|slot| slot.replace(spi) != Some(spi)) || self.shut % 64 == 0
    }

    fn try_all(
        &mut self,
        source: IpAddr,
        destination: IpAddr,
        (spi, sequence): (Spi, u32),
        esp: &[u8],
        scratch: &mut Vec<u8>,
    ) -> Result<Inside, Sealed> {
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
                    Ok((len, high)) => return Ok(Inside { sa: index, len, high }),
                    Err(why) => sealed = worse(sealed, why),
                }
            }
        }
        Err(sealed)
    }

    /// Returns the reason why a packet whose end was not captured cannot be opened.
    pub fn cut_off(&self, destination: IpAddr, esp: &[u8]) -> Sealed {
        match header(esp) {
            Some((spi, _)) if self.table.candidates(destination, spi).next().is_none() => Sealed::NoKey,
            _ => Sealed::Truncated,
        }
    }
}

/// Reads the SPI and the low half of the sequence number.
fn header(esp: &[u8]) -> Option<(Spi, u32)> {
    let (spi, rest) = esp.split_first_chunk()?;
    let (sequence, _) = rest.split_first_chunk()?;
    Some((Spi(u32::from_be_bytes(*spi)), u32::from_be_bytes(*sequence)))
}

/// Returns the reason to report when two SAs failed: that of the SA that came further.
fn worse(one: Sealed, other: Sealed) -> Sealed {
    let rank = |sealed| match sealed {
        Sealed::NoKey => 0,
        Sealed::UnknownAlgorithm => 1,
        Sealed::Truncated => 2,
        Sealed::BadIcv => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// Takes the trailer off: the padding, its length, and the next header (RFC 4303 section 2.4).
fn trim<'b>(
    sa: &Sa,
    index: usize,
    len: usize,
    sequence: u64,
    scratch: &'b [u8],
) -> Result<Opened<'b>, Sealed> {
    // If the ICV verified and the trailer contradicts itself, the sender is broken. BadIcv is the nearest reason.
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
    let mode = sa.mode.unwrap_or(if matches!(next_header, IPV4 | IPV6 | AGGFRAG) {
        Mode::Tunnel
    } else {
        Mode::Transport
    });
    Ok(Opened { next_header, plaintext, kind, mode, sa: index, sequence })
}

impl Keyed {
    fn new(sa: &Sa) -> Self {
        Self { cipher: Lazy::New, esn: Esn::new(sa.sequence) }
    }

    /// Opens a packet. Returns the number of bytes of `scratch` that are payload and trailer, and the high half of the
    /// sequence number (0 if it has none).
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
                // A packet that is too short stays so with every other high half.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipsec::{AddressPattern, Auth, Key, Sequence, SpiPattern};

    fn null(spi: u32) -> Sa {
        let key = Key::new(vec![7; 20]);
        Sa {
            source: AddressPattern::Any,
            destination: AddressPattern::parse("192.0.2.2").unwrap(),
            spi: SpiPattern::one(Spi(spi)),
            mode: None,
            algorithm: Algorithm::separate(Cipher::Null, Key::default(), Auth::HmacSha1, key, 12).unwrap(),
            sequence: Sequence::Short,
            udp: false,
        }
    }

    #[test]
    fn of_sas_that_come_later_the_oldest_makes_room_and_those_given_stay() {
        let mut opener = Opener::new([null(256), null(257)]);
        assert!(!opener.add(null(257)), "told before the dump and in it");
        let most = MOST_FOLLOWED as u32;
        for spi in 1000..1000 + most + 2 {
            assert!(opener.add(null(spi)));
        }
        assert_eq!(opener.sas().len(), 2 + MOST_FOLLOWED);
        let mut why = |spi: u32| {
            let esp = [&spi.to_be_bytes()[..], &[0; 40]].concat();
            let (from, to) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
            opener.open(from, to, &esp, &mut Vec::new()).unwrap_err()
        };
        for spi in [256, 257, 1002, 1000 + most, 1001 + most] {
            assert_eq!(why(spi), Sealed::BadIcv, "{spi}");
        }
        assert_eq!((why(1000), why(1001)), (Sealed::NoKey, Sealed::NoKey));
    }
}

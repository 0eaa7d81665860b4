//! What was seen of one direction between this node and a peer: counts, and the first of each kind.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::lengths::Passed;
use crate::packet::{Packet, Spi, Timestamp, Tunnel, Vni};

/// SPIs that are told apart in one direction.
const MOST_SPIS: usize = 64;
/// ESP packets whose lengths are kept.
const MOST_LENGTHS: usize = 65_536;
/// ESP packets that are known again.
const MOST_SEQUENCES: usize = 256;
/// Inner frames whose copies are waited for.
const MOST_COPIES: usize = 4096;

/// A frame that shows something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Its number in the capture.
    pub frame: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// The network it belongs to, where it says so.
    pub vni: Option<Vni>,
    /// Whether the canary is in it.
    pub canary: bool,
}

/// Frames of one kind: how many, and the one to show, which is the first with the canary, else the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sightings {
    /// How many.
    pub count: u64,
    /// How many of them with the canary.
    pub canaries: u64,
    /// The one to show.
    pub shown: Option<Sighting>,
}

impl Sightings {
    pub(super) fn add(&mut self, sighting: Sighting) {
        self.count += 1;
        self.canaries += u64::from(sighting.canary);
        let better = self.shown.is_none_or(|shown| sighting.canary && !shown.canary);
        if better {
            self.shown = Some(sighting);
        }
    }
}

/// The ESP of one SPI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Esp {
    /// Packets.
    pub packets: u64,
    /// Packets that a key opened.
    pub opened: u64,
    /// Packets that a key was there for and that did not verify.
    pub bad_icv: u64,
    /// Packets that came in fragments.
    pub fragmented: u64,
}

/// What was seen of one direction.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    /// The network's frames in clear.
    pub clear: Sightings,
    /// Those among them that are no known copies of decrypted packets; in the incoming direction only.
    pub unexplained: u64,
    /// Those among the clear ones that an ICMP error quotes.
    pub quoted: u64,
    /// Frames of the network's VNI on another UDP port than the network's, without the canary.
    pub other_port: u64,
    /// The network's frames in ESP-NULL.
    pub null: Sightings,
    /// The network's frames in GMAC.
    pub gmac: Sightings,
    /// The network's frames in AH.
    pub ah: Sightings,
    /// The network's frames in MACsec without encryption.
    pub macsec: Sightings,
    /// The network's frames inside ESP, opened with a key.
    pub opened: Sightings,
    /// The VNIs of those.
    pub vnis: BTreeSet<Vni>,
    /// Packets that a key opened in tunnel mode, of any network.
    pub opened_tunnel: u64,
    /// Packets that a key opened in transport mode, of any network.
    pub opened_transport: u64,
    /// ESP by SPI.
    pub esp: BTreeMap<Spi, Esp>,
    /// ESP packets in all.
    pub esp_packets: u64,
    /// ESP fragments that could not be put together.
    pub esp_fragments: u64,
    /// WireGuard and encrypted MACsec.
    pub opaque: u64,
    /// Frames cut off before their VNI.
    pub truncated: u64,
    /// Fragments of UDP whose beginning was not seen.
    pub lone_fragments: u64,
    pub(super) lengths: Vec<Passed>,
    copies: Copies,
    /// The last ESP packets, by SPI and sequence number.
    sequences: VecDeque<(Spi, u32)>,
}

impl Evidence {
    /// ESP packets that no key opened.
    pub(super) fn unopened(&self) -> u64 {
        self.esp_packets.saturating_sub(self.opened_transport + self.opened_tunnel)
    }

    /// Whether what was in clear was so in ICMP errors alone.
    pub(super) fn only_quoted(&self) -> bool {
        self.quoted > 0 && self.quoted == self.clear.count
    }

    /// The ESP of this SPI; of one too many the sum only is kept.
    pub(super) fn spi(&mut self, spi: Spi) -> Option<&mut Esp> {
        if self.esp.len() >= MOST_SPIS && !self.esp.contains_key(&spi) {
            return None;
        }
        Some(self.esp.entry(spi).or_default())
    }

    pub(super) fn length(&mut self, passed: Passed) {
        if self.lengths.len() < MOST_LENGTHS {
            self.lengths.push(passed);
        }
    }

    /// Whether this opened packet is not one that was seen before: on another interface, in another file, or because
    /// somebody sent it again.
    pub(super) fn is_new(&mut self, packet: &Packet<'_>) -> bool {
        let esp = packet.encapsulations.iter().find_map(|wrapping| match wrapping.tunnel {
            Tunnel::Esp { spi, sequence, .. } => Some((spi, sequence)),
            _ => None,
        });
        let Some(esp) = esp else { return true };
        if self.sequences.contains(&esp) {
            return false;
        }
        if self.sequences.len() >= MOST_SEQUENCES {
            self.sequences.pop_front();
        }
        self.sequences.push_back(esp);
        true
    }

    /// An inner frame that came out of a tunnel: the kernel may show it once more.
    pub(super) fn may_come_again(&mut self, inner: &[u8]) {
        self.copies.expect(hash(inner));
    }

    /// Whether this frame in clear is one that came out of a tunnel before.
    pub(super) fn is_copy(&mut self, inner: &[u8]) -> bool {
        self.copies.take(hash(inner))
    }
}

/// The inner frames that may come again, the newest of them.
#[derive(Clone, Debug, Default)]
struct Copies {
    waiting: HashMap<u64, u32>,
    order: VecDeque<u64>,
}

impl Copies {
    fn expect(&mut self, hash: u64) {
        if self.order.len() >= MOST_COPIES {
            if let Some(oldest) = self.order.pop_front() {
                self.take(oldest);
            }
        }
        self.order.push_back(hash);
        *self.waiting.entry(hash).or_default() += 1;
    }

    fn take(&mut self, hash: u64) -> bool {
        let Some(count) = self.waiting.get_mut(&hash) else { return false };
        *count -= 1;
        if *count == 0 {
            self.waiting.remove(&hash);
        }
        true
    }
}

/// Two frames that are not the same have the same with a chance of 2^-64, and nobody outside knows the seed.
fn hash(bytes: &[u8]) -> u64 {
    use std::hash::BuildHasher;
    thread_local!(static SEED: std::hash::RandomState = std::hash::RandomState::new());
    SEED.with(|seed| seed.hash_one(bytes))
}

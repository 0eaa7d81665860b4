//! The evidence of one leg: counts of the frames that were seen, and one frame of each kind to show. Every list in it
//! is bounded, because anybody on the wire can send what fills it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::lengths::Passed;
use super::places::Places;
use super::tally::Messages;
use crate::packet::{Packet, Spi, Timestamp, Tunnel, Vni};

/// The most SPIs that are counted apart on one leg.
const MOST_SPIS: usize = 64;
/// The most ESP packets whose lengths are kept.
const MOST_LENGTHS: usize = 65_536;
/// The most ESP packets that are remembered, so that a repeated one is recognised.
const MOST_SEQUENCES: usize = 256;
/// The most inner frames that are remembered, so that a decrypted copy is recognised.
const MOST_COPIES: usize = 4096;
/// The most probes whose times are kept.
const MOST_ECHOES: usize = 65_536;

/// A frame to show as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Its number in the capture.
    pub frame: u64,
    /// The time of its capture.
    pub time: Timestamp,
    /// The VNI of its network, where the frame shows it.
    pub vni: Option<Vni>,
    /// True if the canary is in the frame.
    pub canary: bool,
}

/// Frames of one kind: their number, and the one to show, which is the first with the canary or else the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sightings {
    /// The number of frames.
    pub count: u64,
    /// The number of frames with the canary.
    pub canaries: u64,
    /// The frame to show.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Esp {
    /// All packets.
    pub packets: u64,
    /// Packets that a key opened.
    pub opened: u64,
    /// Packets for which there was a key, but whose integrity check failed.
    pub bad_icv: u64,
    /// Packets that came in fragments.
    pub fragmented: u64,
}

/// The evidence of one leg.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Evidence {
    /// The network's frames in clear.
    pub clear: Sightings,
    /// The frames among [`Self::clear`] that are no known copies of decrypted packets. Counted on the way back only.
    pub unexplained: u64,
    /// The frames among [`Self::clear`] that left the host of the capture, which is then the peer. Counted on the way back
    /// only.
    pub left_there: u64,
    /// Clear frames that are as those which were found in ESP a moment before, in a file. Counted on the way out only.
    pub copies_out: u64,
    /// Frames of the network in clear that hold ESP, which a key opened. They are not among [`Self::clear`].
    pub holding_esp: u64,
    /// The frames among [`Self::clear`] that an ICMP error quotes.
    pub quoted: u64,
    /// Frames with the network's VNI, but on another UDP port than the network's and without the canary.
    pub other_port: u64,
    /// The network's frames in ESP-NULL.
    pub null: Sightings,
    /// The network's frames in GMAC.
    pub gmac: Sightings,
    /// The network's frames in AH.
    pub ah: Sightings,
    /// The network's frames in MACsec without encryption.
    pub macsec: Sightings,
    /// The network's frames in PSP that leaves them in clear.
    pub psp: Sightings,
    /// The network's frames inside ESP, opened with a key.
    pub opened: Sightings,
    /// The VNIs of the frames of [`Self::opened`].
    pub vnis: BTreeSet<Vni>,
    /// Packets that a key opened in tunnel mode, of any network.
    pub opened_tunnel: u64,
    /// Packets that a key opened in transport mode, of any network.
    pub opened_transport: u64,
    /// ESP by SPI.
    pub esp: BTreeMap<Spi, Esp>,
    /// ESP packets of all SPIs.
    pub esp_packets: u64,
    /// ESP fragments that could not be put together.
    pub esp_fragments: u64,
    /// Packets of WireGuard, PSP and ESP in TCP, and frames of encrypted MACsec.
    pub opaque: u64,
    /// Packets whose lengths say nothing of what they carry: ESP in TCP, and IP-TFS that a key opened and that is not
    /// decoded.
    pub lawless: u64,
    /// Frames cut off before their VNI.
    pub truncated: u64,
    /// Fragments of UDP whose beginning was not seen.
    pub lone_fragments: u64,
    #[serde(with = "super::kept::lengths")]
    pub(super) lengths: Vec<Passed>,
    /// WireGuard's messages in the tunnel that carries the leg.
    pub messages: Messages,
    /// Probes, or their replies, among [`Self::opened`]: the sequence number, and the time of the capture.
    #[serde(with = "super::kept::echoes")]
    echoes: BTreeSet<(u16, i64)>,
    /// The places that the frames of [`Self::clear`] passed.
    pub clear_on: Places,
    /// The places that ESP passed.
    pub esp_on: Places,
    /// Bytes of the network in frames that decoding does not explain, on this leg.
    pub undecoded: Sightings,
    #[serde(skip)]
    copies: Copies,
    /// The SPIs and sequence numbers of the last ESP packets, and the hashes of what was in them. A new SA may have the
    /// SPI of an old one.
    #[serde(skip)]
    sequences: VecDeque<(Spi, u32, u64)>,
}

impl Evidence {
    /// Returns true if its lists are no longer than a watch makes them, and no part is more than its whole.
    pub(super) fn is_plausible(&self) -> bool {
        self.lengths.len() <= MOST_LENGTHS
            && self.messages.lengths.len() <= MOST_LENGTHS
            && self.echoes.len() <= MOST_ECHOES
            && self.esp.len() <= MOST_SPIS
            && self.unexplained <= self.clear.count
            && self.copies_out <= self.opened.count
    }

    /// Returns the number of ESP packets that no key opened.
    pub(super) fn unopened(&self) -> u64 {
        self.esp_packets.saturating_sub(self.opened_transport + self.opened_tunnel)
    }

    /// Returns true if frames of the network are among the evidence.
    pub(super) fn shows_the_network(&self) -> bool {
        let kinds = [&self.clear, &self.opened, &self.null, &self.gmac, &self.ah, &self.macsec, &self.psp];
        kinds.iter().any(|seen| seen.count > 0)
    }

    /// Returns true if frames were in clear, and all of them in ICMP errors.
    pub(super) fn only_quoted(&self) -> bool {
        self.quoted > 0 && self.quoted == self.clear.count
    }

    /// Returns the counters of this SPI; `None` if there are too many SPIs, whose packets then count in the sum only.
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

    /// Remembers a probe or a reply that was found inside ESP.
    pub(super) fn echo(&mut self, sequence: u16, time: Timestamp) {
        if self.echoes.len() < MOST_ECHOES {
            self.echoes.insert((sequence, time.nanos));
        }
    }

    /// Returns the number of probes, or replies, that were found inside ESP.
    pub(super) fn echoes(&self) -> u64 {
        self.echoes.len() as u64
    }

    /// Returns true if the probe with this number, sent at this time, or its reply was found inside ESP.
    pub(super) fn has_echo(&self, sequence: u16, sent: Timestamp) -> bool {
        // The clocks of the prober and of the capture may differ a little, and a reply may be long in coming.
        const EARLY: i64 = 20_000_000;
        const LATE: i64 = 10_000_000_000;
        let when = (sequence, sent.nanos - EARLY)..(sequence, sent.nanos.saturating_add(LATE));
        self.echoes.range(when).next().is_some()
    }

    /// Returns true if this opened packet was not seen before. A packet comes twice on two interfaces, in two files,
    /// or when somebody sends it again.
    pub(super) fn is_new(&mut self, packet: &Packet<'_>) -> bool {
        let esp = packet.encapsulations.iter().find_map(|wrapping| match wrapping.tunnel {
            Tunnel::Esp { spi, sequence, .. } => Some((spi, sequence, hash(packet.payload))),
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

    /// Remembers an inner frame that came out of a tunnel, because the kernel may show it once more.
    pub(super) fn may_come_again(&mut self, inner: &[u8], time: Timestamp) {
        self.copies.expect(inner, time);
    }

    /// Returns true if this clear frame came out of a tunnel before. Each frame has one copy.
    pub(super) fn is_copy(&mut self, inner: &[u8], time: Timestamp) -> bool {
        self.copies.take(inner, time)
    }
}

/// Hashes of the newest inner frames that may come again. Each has the times since when it is waited for, the oldest
/// first.
#[derive(Clone, Debug, Default)]
pub(super) struct Copies {
    waiting: HashMap<u64, VecDeque<i64>>,
    order: VecDeque<(u64, i64)>,
}

impl Copies {
    pub(super) fn expect(&mut self, bytes: &[u8], time: Timestamp) {
        while let Some(&(oldest, since)) = self.order.front() {
            if self.order.len() < MOST_COPIES && !is_over(since, time) {
                break;
            }
            self.order.pop_front();
            // It may have come since. Then a later expectation of an identical frame must not go instead.
            if self.waiting.get(&oldest).and_then(|times| times.front()) == Some(&since) {
                self.meet(oldest);
            }
        }
        let hash = hash(bytes);
        self.order.push_back((hash, time.nanos));
        self.waiting.entry(hash).or_default().push_back(time.nanos);
    }

    /// Returns true if these bytes were expected a moment ago. Each expectation is met once.
    pub(super) fn take(&mut self, bytes: &[u8], time: Timestamp) -> bool {
        // The hash of a frame takes longer than all the rest, and in a capture without keys nothing is expected.
        if self.waiting.is_empty() {
            return false;
        }
        let hash = hash(bytes);
        while self
            .waiting
            .get(&hash)
            .and_then(|times| times.front())
            .is_some_and(|since| is_over(*since, time))
        {
            self.meet(hash);
        }
        self.meet(hash)
    }

    fn meet(&mut self, hash: u64) -> bool {
        let Some(times) = self.waiting.get_mut(&hash) else { return false };
        times.pop_front();
        if times.is_empty() {
            self.waiting.remove(&hash);
        }
        true
    }
}

/// Returns true if something expected since then, in nanoseconds, does not come any more.
fn is_over(since: i64, now: Timestamp) -> bool {
    /// A decrypted copy comes at once, unless the machine is loaded.
    const PATIENCE: i64 = 2_000_000_000;
    now.nanos.saturating_sub(since) > PATIENCE
}

/// Returns a frame's hash. Two different frames have the same hash with a chance of 2^-64, and nobody outside knows
/// the seed, so a leak cannot be made to look like a copy.
fn hash(bytes: &[u8]) -> u64 {
    use std::hash::BuildHasher;
    thread_local!(static SEED: std::hash::RandomState = std::hash::RandomState::new());
    SEED.with(|seed| seed.hash_one(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_came_again_does_not_take_the_place_of_an_identical_one() {
        let mut copies = Copies::default();
        let at = |nanos| Timestamp { nanos, digits: 9, known: true };
        copies.expect(b"twin", at(1));
        assert!(copies.take(b"twin", at(2)) && !copies.take(b"twin", at(2)));
        copies.expect(b"twin", at(3));
        // The first expectation is forgotten here. It was met long ago.
        (1..MOST_COPIES).for_each(|n| copies.expect(&n.to_be_bytes(), at(4)));
        assert!(copies.take(b"twin", at(5)));
    }

    #[test]
    fn an_old_copy_excuses_no_new_leak() {
        let mut copies = Copies::default();
        let at = |seconds| Timestamp::new(seconds, 0, 9);
        copies.expect(b"arp", at(100));
        assert!(!copies.take(b"arp", at(3700)));
        copies.expect(b"arp", at(100));
        assert!(copies.take(b"arp", at(101)));
    }

    #[test]
    fn a_probe_is_found_by_its_number_at_its_time() {
        let mut evidence = Evidence::default();
        let at = |seconds| Timestamp::new(seconds, 0, 9);
        evidence.echo(7, at(100));
        assert!(evidence.has_echo(7, at(100)) && evidence.has_echo(7, at(98)));
        assert!(
            !evidence.has_echo(8, at(100)) && !evidence.has_echo(7, at(80)) && !evidence.has_echo(7, at(101))
        );
    }
}

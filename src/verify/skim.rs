//! Skimming: the fast way of a watch through the records of a file, for frames that need not be decoded.
//!
//! Decoding a frame and asking all of the tally's questions takes some 2,000 instructions. For most frames of most files
//! nothing comes of it but that counts go up. So one tight loop takes the header of the record, has a [`Glance`] at the frame,
//! and goes on to the next one, until it comes upon a frame that must be observed. Those that it passes over are of three
//! kinds ([`Kind`]):
//!
//! - opaque ESP between two hosts, with an SPI that was observed between them before, sent by the same card;
//! - frames of the network in clear, in a tunnel between two hosts, likewise;
//! - TCP and UDP, in another network's tunnel or in none, between two hosts that are no nodes here, or of which such a frame
//!   was observed before.
//!
//! # Why it is exact
//!
//! A frame is passed over only if all of these hold:
//!
//! - The glance says that it is a packet which is decoded to its end, or ESP that stays shut. It says so only where the
//!   decoder would, and where the decoder would learn nothing. Fragments, ESP that may not be encrypted, what may be
//!   WireGuard, other tunnels, ICMP, which may quote a frame of the network, and everything odd, cut off or rare are decoded.
//! - No incomplete datagram has waited too long by then.
//! - The bytes of the network's VNI do not occur in it. Only those of the network's own frames are not searched, as the tally
//!   does not search them.
//! - What the tally asks of the headers of such a packet is what it asked of an earlier one: an [`Outline`] holds it all. The
//!   tally tells which counts go up for it (`tally/alike`).
//!
//! The counts are handed to the tally before the next frame is observed, so that each frame finds the tally as it would be
//! without any of this. With keys, and on a live wire, each frame is observed.
//!
//! # The search for the VNI
//!
//! As in the search for a pattern's literal (`search/skim`), it runs ahead over many records at once.

use std::ops::Range;

use super::tally::{Counts, Kind, Tally};
use crate::capture::Batch;
use crate::capture::savefile::Records;
use crate::packet::{Content, Frame, Glance, Outline, Timestamp, Worth};

/// The number of outlines that are remembered. A power of two, so that each has a bit in a word.
const PLACES: usize = 64;
/// The shortest and the longest stretch that is searched at once, in bytes. A record is always searched whole.
const STRETCH: (usize, usize) = (64, 32 << 10);

/// A run over the records of a file.
#[derive(Debug)]
pub(super) struct Skim {
    /// Packets of which one was observed, each at the place of its outline.
    seen: [Option<Alike>; PLACES],
    /// The places whose counts the tally does not have yet, a bit for each.
    open: u64,
    /// The packets of no leg that the tally does not have yet.
    passed_by: u64,
    ahead: Ahead,
    last: Option<Timestamp>,
}

/// Packets that are alike.
#[derive(Debug)]
struct Alike {
    outline: Outline,
    /// True if each of them has to be searched for bytes of the network.
    may_have_a_sign: bool,
    counts: Counts,
    /// The number of packets that the tally does not have yet.
    number: u64,
}

/// A frame that is to be observed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Next<'r> {
    pub(super) frame: Frame<'r>,
    /// The outline of the frame, if others that are like it need not be observed.
    alike: Option<(Outline, Kind)>,
}

impl Skim {
    pub(super) fn new() -> Self {
        Self { seen: [const { None }; PLACES], open: 0, passed_by: 0, ahead: Ahead::default(), last: None }
    }

    /// Returns the time of the last frame of these records that was taken.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// Begins with other records.
    pub(super) fn begin(&mut self) {
        (self.ahead, self.last) = (Ahead::default(), None);
    }

    /// Takes frames up to the next one that is to be observed, and returns that one, or `None` if there is none left. The
    /// tally has the counts of the others then.
    ///
    /// `glance` is that of all frames so far. A frame later than `idle_until`, in nanoseconds since the epoch, is returned
    /// too. The tally must be one that [`Tally::counts_alike`].
    pub(super) fn next<'r>(
        &mut self,
        records: &mut Records<'r>,
        tally: &mut Tally,
        glance: Glance<'_>,
        idle_until: i64,
    ) -> Option<Next<'r>> {
        let next = self.run(records, tally, glance, idle_until);
        tally.pass_by(std::mem::take(&mut self.passed_by));
        while self.open != 0 {
            let place = self.open.trailing_zeros() as usize;
            self.open &= self.open - 1;
            if let Some(Some(alike)) = self.seen.get_mut(place) {
                tally.count_alike(&alike.counts, std::mem::take(&mut alike.number));
            }
        }
        next
    }

    fn run<'r>(
        &mut self,
        records: &mut Records<'r>,
        tally: &Tally,
        glance: Glance<'_>,
        idle_until: i64,
    ) -> Option<Next<'r>> {
        let mut last = None;
        let next = loop {
            let start = records.taken().bytes;
            let Some(frame) = records.next() else { break None };
            last = Some(frame.time);
            let unlike = Next { frame, alike: None };
            if idle_until < i64::MAX && frame.time.nanos > idle_until {
                break Some(unlike);
            }
            let worth = glance.result(&frame);
            if worth == Worth::Others {
                break Some(unlike);
            }
            let Some(outline) = glance.outline(&frame, worth) else { break Some(unlike) };
            let record = start..records.taken().bytes;
            if outline.content == Content::Plain && tally.is_on_no_leg(outline.ends.addresses()) {
                if self.ahead.has_sign(tally, records, record, &frame) {
                    break Some(unlike);
                }
                self.passed_by += 1;
                continue;
            }
            let place = place(&outline);
            if let Some(Some(alike)) = self.seen.get_mut(place) {
                if alike.outline == outline {
                    if alike.may_have_a_sign && self.ahead.has_sign(tally, records, record, &frame) {
                        break Some(unlike);
                    }
                    alike.number += 1;
                    self.open |= 1 << place;
                    continue;
                }
            }
            let Some(kind) = kind(tally, outline.content) else { break Some(unlike) };
            if kind.may_have_a_sign() && self.ahead.has_sign(tally, records, record, &frame) {
                break Some(unlike);
            }
            break Some(Next { frame, alike: Some((outline, kind)) });
        };
        self.last = last.or(self.last);
        next
    }

    /// Remembers a frame that was returned and is observed now, so that others like it are passed over.
    pub(super) fn observed(&mut self, Next { alike, .. }: Next<'_>, tally: &Tally) {
        let Some((outline, kind)) = alike else { return };
        if let Some(place) = self.seen.get_mut(place(&outline)) {
            let counts = tally.counts_of(kind, outline.ends.addresses());
            let may_have_a_sign = kind.may_have_a_sign();
            *place = counts.map(|counts| Alike { outline, may_have_a_sign, counts, number: 0 });
        }
    }
}

/// Returns the kind of a packet in the eyes of the tally.
#[inline]
fn kind(tally: &Tally, content: Content) -> Option<Kind> {
    match content {
        Content::Esp(spi) => Some(Kind::Shut(spi)),
        Content::Plain => Some(Kind::Unrelated),
        Content::Tunnel { form, port, vni, is_plain } => {
            if tally.is_tunnel_of_ours(form, vni)? {
                Some(Kind::Clear { port })
            } else {
                is_plain.then_some(Kind::Unrelated)
            }
        }
    }
}

/// Returns the place of an outline.
#[inline]
fn place(outline: &Outline) -> usize {
    let content = match outline.content {
        Content::Esp(spi) => spi.0,
        Content::Plain => 0,
        Content::Tunnel { vni, .. } => vni.value(),
    };
    // The upper bits of a product depend on all others (Fibonacci hashing).
    ((outline.ends.folded() ^ u64::from(content)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        >> (u64::BITS - PLACES.ilog2())) as usize
}

/// The search for bytes of the network, ahead of the frames.
#[derive(Debug)]
struct Ahead {
    /// The length of the next stretch.
    stretch: usize,
    /// The records that end here or before have no such bytes, from the last one on that was searched.
    clean: usize,
    /// True if such bytes begin at `clean`.
    found: bool,
}

impl Default for Ahead {
    fn default() -> Self {
        Self { stretch: STRETCH.0, clean: 0, found: false }
    }
}

impl Ahead {
    /// Returns true if bytes of the network occur in the frame, which is that of the record at `record`.
    #[inline]
    fn has_sign(
        &mut self,
        tally: &Tally,
        records: &Records<'_>,
        record: Range<usize>,
        frame: &Frame<'_>,
    ) -> bool {
        record.end > self.clean && self.search(tally, records.bytes(), record, frame.bytes)
    }

    /// Does so if the record reaches beyond `clean`.
    #[inline(never)]
    fn search(&mut self, tally: &Tally, records: &[u8], record: Range<usize>, frame: &[u8]) -> bool {
        if !self.found || self.clean < record.start {
            let until = record.end.max(record.start + self.stretch).min(records.len());
            let found = tally.first_sign(records.get(record.start..until).unwrap_or_default());
            self.found = found.is_some();
            self.clean = found.map_or(until, |at| record.start + at);
            self.stretch = STRETCH.1.min(self.stretch * 2);
        }
        self.clean < record.end && tally.first_sign(frame).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::savefile::Savefile;
    use crate::dissect::Dissector;
    use crate::packet::TunnelPorts;
    use crate::verify::{Network, Question};

    /// Makes an Ethernet frame of IPv4 from one host of 192.0.2.0/24 to another one.
    fn ipv4(from: u8, to: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let [high, low] = (20 + payload.len() as u16).to_be_bytes();
        let header = [0x45, 0, high, low, 0, 1, 0x40, 0, 64, protocol, 0, 0, 192, 0, 2, from, 192, 0, 2, to];
        [&[2; 12][..], &[8, 0], &header, payload].concat()
    }

    fn esp(from: u8, to: u8, spi: u8) -> Vec<u8> {
        ipv4(from, to, 50, &[&[0, 0, 3, spi, 0, 0, 0, 1][..], &[0xa5; 64]].concat())
    }

    fn vxlan(from: u8, to: u8, vni: u8) -> Vec<u8> {
        let inner = ipv4(7, 8, 17, &[0, 7, 0, 7, 0, 9, 0, 0, 1]);
        let [high, low] = (16 + inner.len() as u16).to_be_bytes();
        let udp = [0xc0, 0, 0x12, 0xb5, high, low, 0, 0, 8, 0, 0, 0, 0, 0x10, vni, 0];
        ipv4(from, to, 17, &[&udp[..], &inner].concat())
    }

    /// Returns the numbers of the frames that are observed, where the network has VNI 4097 and this node is 192.0.2.1.
    fn observed(frames: &[Vec<u8>]) -> Vec<u64> {
        let mut bytes: Vec<u8> =
            [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 1 << 18, 1].into_iter().flat_map(u32::to_le_bytes).collect();
        for frame in frames {
            let len = frame.len() as u32;
            bytes.extend([0, 0, len, len].into_iter().flat_map(u32::to_le_bytes));
            bytes.extend(frame);
        }
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(path.path(), &bytes).unwrap();
        let mut file = Savefile::open(path.path()).unwrap();
        assert!(file.advance().unwrap());
        // The first frame has brought the rest into the buffer.
        let (mut records, mut skim) = (file.records().unwrap(), Skim::new());
        let network = Network {
            vnis: crate::packet::Vni::new(4097).into_iter().collect(),
            locals: vec!["192.0.2.1".parse().unwrap()],
            ..Network::default()
        };
        let mut tally = Tally::new(Question { network, ..Question::default() });
        let dissector = Dissector::new(TunnelPorts::default());
        let mut numbers = Vec::new();
        while let Some(next) = skim.next(&mut records, &mut tally, dissector.glance(), i64::MAX) {
            numbers.push(next.frame.number);
            let packet = dissector.decoder().clone().decode(&next.frame);
            tally.observe(&next.frame, &packet, crate::verify::View::Wire);
            skim.observed(next, &tally);
        }
        // The frame that was taken first is not the tally's.
        assert_eq!(tally.frames, frames.len() as u64 - 1);
        numbers
    }

    #[test]
    fn of_packets_that_are_alike_one_is_observed() {
        let udp = |from, to| ipv4(from, to, 17, &[0, 7, 0, 7, 0, 9, 0, 0, 1]);
        let first = udp(8, 9);
        let alike = [
            esp(1, 2, 1),
            esp(2, 1, 1),
            esp(1, 2, 2),
            esp(8, 9, 1),
            vxlan(1, 2, 1),
            vxlan(2, 1, 1),
            vxlan(1, 2, 2),
            udp(1, 2),
        ];
        let frames: Vec<_> = [&[first][..], &alike, &alike, &alike].concat();
        assert_eq!(observed(&frames), (2..=9).collect::<Vec<_>>());
        // No frame between other hosts is observed.
        assert_eq!(observed(&[udp(8, 9), udp(8, 9), udp(9, 8), udp(7, 8)]), [0; 0]);
    }

    #[test]
    fn whatever_may_be_more_is_observed_each_time() {
        let mut other_card = esp(1, 2, 1);
        other_card[6] = 4;
        let fragment = |mut frame: Vec<u8>| {
            frame[20] = 0x20;
            frame
        };
        let hidden = ipv4(1, 2, 50, &[&esp(1, 2, 1)[34..], &[0, 0x10, 1, 0], &[0xa5; 40]].concat());
        let inside = [ipv4(8, 9, 17, &[0, 7, 0, 7, 0, 12, 0, 0, 0, 0x10, 1, 0]), vxlan(8, 9, 1)];
        let icmp = ipv4(8, 9, 1, &[3, 3, 0, 0, 0, 0, 0, 0]);
        let ends = [esp(1, 2, 1), other_card];
        let each = [hidden, icmp, fragment(esp(1, 2, 1))].into_iter().chain(inside);
        let frames: Vec<Vec<u8>> =
            ends.into_iter().chain(each.flat_map(|frame| [frame.clone(), frame])).collect();
        assert_eq!(observed(&frames), (2..=frames.len() as u64).collect::<Vec<_>>());
    }
}

//! The search in order beside one that joins pieces, each begun with what was known at some place before: made captures in which
//! nearly every frame shows something of others, or is decoded by what others have shown.

use std::sync::Arc;

use ovlsniff::packet::{LinkType, Timestamp};
use ovlsniff::pattern::{Expressions, Pattern};
use ovlsniff::search::{Found, Search, SearchOptions};

use crate::reading::{self, Kept};

/// Numbers by chance, the same at every run (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % end
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.below(255) as u8 + 1).collect()
    }

    /// Returns the port 4500 and another one, in any order. The others share slots, and so do pairs of other hosts.
    fn ports(&mut self) -> [u16; 2] {
        let other = if self.below(9) == 0 { 4500 } else { 4600 + self.below(40) as u16 };
        self.one_of(&[[4500, other], [other, 4500]])
    }

    /// Returns the hosts of a packet.
    fn ends(&mut self) -> [u8; 2] {
        let from = self.below(3) as u8 + 1;
        [from, (from + self.below(2) as u8) % 3 + 1]
    }

    fn frame(&mut self) -> Vec<u8> {
        let ends = self.ends();
        match self.below(32) {
            0..14 => {
                let payload = self.on_port_4500();
                ipv4(ends, 17, 0, &udp(self.ports(), &payload))
            }
            14..21 => {
                let segment = self.tcp();
                ipv4(ends, 6, 0, &segment)
            }
            21..25 => {
                let esp = self.esp();
                ipv4(ends, 50, 0, &esp)
            }
            25 if self.below(4) == 0 => {
                let message =
                    [&[4, 0, 0, 0, 7, 7, 7, 7, self.below(99) as u8, 0, 0, 0, 0, 0, 0, 0][..], &[9; 35]];
                ipv4(ends, 17, 0, &udp([4433, 4434], &message.concat()))
            }
            // The two fragments of a datagram, of which the second one may come before the first, or never.
            26 if self.below(4) == 0 => ipv4(ends, 17, 0x2000, &udp([9, 10], b"in two fragments")),
            27 if self.below(4) == 0 => ipv4(ends, 17, 3, b"HTTP"),
            _ => ipv4(ends, 17, 0, &udp([9, 10], b"HTTP")),
        }
    }

    /// ESP, IKE, QUIC or something else in UDP.
    fn on_port_4500(&mut self) -> Vec<u8> {
        let (len, rest) = (12 + self.below(30), 4 * self.below(6));
        match self.below(8) {
            0 => [&[0, 0, 0, 0][..], &self.bytes(len)].concat(),
            1 => [&[0xc3, 0, 0, 0, 1, 8][..], &[9; 8], &[0], &self.bytes(21 + rest)].concat(),
            2 => self.esp(),
            3 => self.bytes(len),
            _ => self.bytes(12 + rest),
        }
    }

    /// A segment of ESP in TCP, or of something else on its port.
    fn tcp(&mut self) -> Vec<u8> {
        let message = |body: &[u8]| [&(body.len() as u16 + 2).to_be_bytes()[..], body].concat();
        let (flags, payload) = match self.below(8) {
            0 => (2, Vec::new()),
            1 => (0x18, b"IKETCP".to_vec()),
            2 => (0x18, message(&[&[0; 21][..], &[0x20], &[0; 9], &[40], &[1; 12]].concat())),
            3 => (0x18, message(&self.esp())),
            4 => (0x18, b"GET / HTTP/1.1".to_vec()),
            _ => (0x10, self.bytes(40)),
        };
        let ports = self.ports().map(u16::to_be_bytes).concat();
        [&ports[..], &[0; 8], &[0x50, flags, 0, 9, 0, 0, 0, 0], &payload].concat()
    }

    /// ESP of a few associations: encrypted, or an IPv4 packet in clear, without which header checksum nobody can tell that
    /// unless another packet has shown it.
    fn esp(&mut self) -> Vec<u8> {
        let spi = 0x1000 + self.below(90) as u32;
        let head = [spi.to_be_bytes(), [0, 0, 0, 1]].concat();
        if self.below(3) == 0 {
            return [head, self.bytes(60)].concat();
        }
        let mut inner = ipv4([1, 2], 17, 0, &udp([9, 10], b"HTTP"))[14..].to_vec();
        if self.below(2) == 0 {
            let sum: u32 = inner[..20].chunks(2).map(|two| u32::from(two[0]) << 8 | u32::from(two[1])).sum();
            inner[10..12].copy_from_slice(&(!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes());
        }
        let icv = self.one_of(&[12, 16]);
        [head, inner, vec![1, 2, 2, 4], self.bytes(icv)].concat()
    }
}

fn udp(ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let len = (8 + payload.len() as u16).to_be_bytes();
    [&ports.map(u16::to_be_bytes).concat()[..], &len, &[0, 0], payload].concat()
}

fn ipv4([from, to]: [u8; 2], protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let len = (20 + payload.len() as u16).to_be_bytes();
    let [f0, f1] = fragment.to_be_bytes();
    let head = [0x45, 0, len[0], len[1], 0, 7, f0, f1, 64, protocol, 0, 0, 192, 0, 2, from, 192, 0, 2, to];
    [&[2; 12][..], &[8, 0], &head, payload].concat()
}

/// Frames by chance, a millisecond apart, but for some that come a minute later.
fn frames(dice: &mut Dice, count: usize) -> Vec<Kept> {
    let mut nanos = 1_700_000_000_000_000_000;
    let frame = |number| {
        nanos += if dice.below(200) == 0 { 60_000_000_000 } else { 1_000_000 };
        let bytes = dice.frame();
        let time = Timestamp { nanos, digits: 6, known: true };
        Kept { number, link: LinkType::ETHERNET, wire_len: bytes.len() as u32, time, bytes }
    };
    (1..=count as u64).map(frame).collect()
}

fn search(pattern: &str, matches_only: bool) -> Search {
    let patterns = vec![pattern.to_owned()];
    let pattern = Pattern::new(&Expressions { patterns, ..Expressions::default() }).unwrap();
    Search::new(pattern, reading::ports(), SearchOptions { matches_only, ..SearchOptions::default() })
}

/// Makes a sink that adds what a packet is told as.
fn into(told: &mut Vec<String>) -> impl FnMut(Found<'_>) -> Result<(), ()> {
    |found| {
        told.push(format!("{} {:?} {:?} {:?}", found.frame.number, found.outcome, found.spans, found.packet));
        Ok(())
    }
}

/// Searches the frames by pieces, as far as these can be joined. Returns what is told, and the number of pieces that were joined
/// and that were not.
fn by_pieces(frames: &[Kept], dice: &mut Dice, in_order: &mut Search) -> (Vec<String>, usize, usize) {
    let mut pieces = in_order.of_pieces().unwrap();
    let (mut told, mut joined, mut refused) = (Vec::new(), 0, 0);
    // The knowledge since the last piece that was searched in order.
    let mut known = vec![Arc::new(in_order.knowledge())];
    let mut rest = frames;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at((1 + dice.below(12)).min(rest.len()));
        // Mostly the last that was known, or one that a few threads would have begun with.
        let age = dice.below(5).min(known.len() - 1);
        pieces.begin(&known[known.len() - 1 - age]);
        let mut alone = Vec::new();
        for kept in piece {
            pieces.frame(&kept.frame(), &mut into(&mut alone)).unwrap();
        }
        if pieces.alone().is_some_and(|alone| in_order.join(&alone)) {
            joined += 1;
            told.extend(alone);
        } else {
            refused += 1;
            for kept in piece {
                in_order.frame(&kept.frame(), &mut into(&mut told)).unwrap();
            }
            known.clear();
        }
        known.push(Arc::new(in_order.knowledge()));
        rest = behind;
    }
    in_order.finish(&mut into(&mut told)).unwrap();
    (told, joined, refused)
}

#[test]
fn pieces_that_are_joined_tell_what_the_search_in_order_tells() {
    let (mut joined, mut refused) = (0, 0);
    for seed in 1..=60 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let frames = frames(&mut dice, 600);
        for (pattern, matches_only) in [("", false), ("HTTP", true)] {
            let (mut in_order, mut told) = (search(pattern, matches_only), Vec::new());
            for kept in &frames {
                in_order.frame(&kept.frame(), &mut into(&mut told)).unwrap();
            }
            in_order.finish(&mut into(&mut told)).unwrap();
            let mut other = search(pattern, matches_only);
            let (also_told, fitted, not) = by_pieces(&frames, &mut dice, &mut other);
            assert_eq!(also_told, told, "{seed}");
            assert_eq!(other.matched(), in_order.matched(), "{seed}");
            joined += fitted;
            refused += not;
        }
    }
    assert!(joined > 5000 && refused > 1000, "{joined} {refused}");
}

//! A file that is skimmed against the same file frame by frame: the results must be the same, one by one and in order.

use std::fmt::Write as _;

use ovlsniff::capture::savefile::Savefile;
use ovlsniff::packet::{LinkType, Vni};
use ovlsniff::pattern::{Expressions, Pattern};
use ovlsniff::search::{Filters, Found, Outcome, Search, SearchOptions, Told};

use crate::reading::{Kept, all, frames, ports};

/// Returns a random number from one to the next, always the same ones.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

/// Makes a classic file with nanoseconds.
pub(crate) fn file(link: LinkType, frames: &[Kept]) -> Vec<u8> {
    let mut file = Vec::new();
    let header = [0xa1b2_3c4d, 0x0004_0002, 0, 0, 1 << 18, u32::from(link.0)];
    file.extend(header.into_iter().flat_map(u32::to_le_bytes));
    for Kept { time, wire_len, bytes, .. } in frames {
        let (seconds, nanos) = (time.nanos / 1_000_000_000, time.nanos % 1_000_000_000);
        let [seconds, nanos] = [seconds, nanos].map(|part| u32::try_from(part).unwrap_or_default());
        let record = [seconds, nanos, bytes.len() as u32, *wire_len];
        file.extend(record.into_iter().flat_map(u32::to_le_bytes));
        file.extend(bytes);
    }
    file
}

fn pattern(pattern: &str) -> Pattern {
    Pattern::new(&Expressions { patterns: vec![pattern.to_owned()], ..Expressions::default() }).unwrap()
}

fn search(literal: &str, matches_only: bool) -> Search {
    Search::new(pattern(literal), ports(), SearchOptions { matches_only, ..SearchOptions::default() })
}

/// Writes the result of a packet as a line. It has everything that a mark or the closing line tells.
fn tell(results: &mut String, found: &Found<'_>) {
    let packet = found.packet;
    match found.outcome {
        Outcome::Match => write!(results, "match {} {:?}", found.frame.number, found.spans),
        Outcome::Clear => write!(results, "clear{}", if found.is_cut_off() { ", cut" } else { "" }),
        Outcome::Opaque => write!(results, "opaque {}", packet.opaque.unwrap().name()),
        Outcome::NotDecoded => write!(results, "not decoded: {}", packet.undecoded(found.frame).unwrap()),
    }
    .unwrap();
    if packet.frames > 1 {
        write!(results, " in {} frames", packet.frames).unwrap();
    }
    if found.show {
        let again = if found.recalled { " again" } else { "" };
        let payload = String::from_utf8_lossy(packet.payload);
        write!(results, ", shown{again}: {} {payload:?}", found.frame.number).unwrap();
    }
    results.push('\n');
}

/// Returns the results of the file frame by frame.
fn plain(bytes: &[u8], mut search: Search) -> String {
    let opened = open(bytes);
    let (mut file, mut results) = (opened.1, String::new());
    let mut sink = |found: Found<'_>| -> Result<(), ()> {
        tell(&mut results, &found);
        Ok(())
    };
    while let Ok(true) = file.advance() {
        search.frame(&file.frame(), &mut sink).unwrap();
    }
    search.finish(&mut sink).unwrap();
    writeln!(results, "{:?}", search.kept_out()).unwrap();
    results
}

/// Returns the results of the file as it is searched in one go, and the number of those that were skimmed.
fn skimmed(bytes: &[u8], mut search: Search) -> (String, usize) {
    let opened = open(bytes);
    let (mut file, mut results, mut skimmed) = (opened.1, String::new(), 0);
    let mut sink = |told: Told<'_>| -> Result<(), ()> {
        match told {
            Told::Found(found) => tell(&mut results, &found),
            Told::Skimmed(outcomes) => {
                skimmed += outcomes.len();
                for outcome in outcomes {
                    results.push_str(match outcome {
                        Outcome::Clear => "clear\n",
                        Outcome::Opaque => "opaque esp\n",
                        other => panic!("{other:?} is not known without a look"),
                    });
                }
            }
        }
        Ok(())
    };
    search.read_again(|| file.again());
    loop {
        if let Some(mut records) = file.records() {
            search.records(&mut records, &mut sink).unwrap();
            let taken = records.taken();
            file.took(taken);
        }
        let Ok(true) = file.advance() else { break };
        search.frame(&file.frame(), &mut |found| sink(Told::Found(found))).unwrap();
    }
    search.finish(&mut |found| sink(Told::Found(found))).unwrap();
    writeln!(results, "{:?}", search.kept_out()).unwrap();
    (results, skimmed)
}

pub(crate) fn open(bytes: &[u8]) -> (tempfile::NamedTempFile, Savefile) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let savefile = Savefile::open(file.path()).unwrap();
    (file, savefile)
}

/// Compares the two ways, and returns the number of frames that were skimmed where marks are wanted.
fn compare(bytes: &[u8], pattern: &str, of: &str) -> usize {
    let [(_, _), (_, count)] = [true, false].map(|matches_only| {
        let right = plain(bytes, search(pattern, matches_only));
        let (results, count) = skimmed(bytes, search(pattern, matches_only));
        assert_eq!(results, right, "{of}, {pattern}, matches only: {matches_only}");
        (results, count)
    });
    count
}

const PATTERNS: [&str; 4] = ["HTTP", "E", r"\x00\x00\x00", "GET|no literal"];

#[test]
fn every_capture_has_the_same_results_either_way() {
    let mut skimmed = 0;
    for fixture in all() {
        let kept = frames(&fixture);
        let Some(first) = kept.first() else { continue };
        let same: Vec<Kept> = kept.iter().filter(|kept| kept.link == first.link).cloned().collect();
        for pattern in PATTERNS {
            skimmed += compare(&file(first.link, &same), pattern, &fixture);
        }
    }
    assert!(skimmed > 1000, "{skimmed}");
}

/// Returns searches that ask for some packets only, or show others than matches.
fn narrowed() -> Vec<SearchOptions> {
    let filter = |filter| Some(Filters::new(filter, &[LinkType::ETHERNET, LinkType::RAW]).unwrap());
    let vnis = |vnis: &[u32]| vnis.iter().map(|vni| Vni::new(*vni).unwrap()).collect();
    let plain = SearchOptions::default;
    vec![
        SearchOptions { vnis: vnis(&[4097, 7]), ..plain() },
        SearchOptions { vnis: vnis(&[0xff_ffff]), ..plain() },
        SearchOptions { inner: filter("udp or port 80"), ..plain() },
        SearchOptions { inner: filter("udp port 4789"), ..plain() },
        SearchOptions { inner: filter("greater 200"), vnis: vnis(&[4097]), before: 1, ..plain() },
        SearchOptions { depth: Some(8), ..plain() },
        SearchOptions { invert: true, ..plain() },
        SearchOptions { all: true, ..plain() },
        SearchOptions { before: 2, after: 1, ..plain() },
        SearchOptions { before: 9, vnis: vnis(&[4097, 4098]), ..plain() },
        SearchOptions { after: 3, limit: Some(2), ..plain() },
    ]
}

/// Where networks or flows are asked for, a frame that is not told of is not the same as one without a match.
#[test]
fn every_capture_has_the_same_results_whatever_is_asked_for() {
    let options = narrowed();
    let pattern = pattern("HTTP");
    for fixture in all() {
        let kept = frames(&fixture);
        let Some(first) = kept.first() else { continue };
        let mut same: Vec<Kept> = kept.iter().filter(|kept| kept.link == first.link).cloned().collect();
        same.truncate(300);
        let bytes = file(first.link, &same);
        for options in &options {
            let [all, matches] = [false, true].map(|matches_only| {
                let options = SearchOptions { matches_only, ..options.clone() };
                let new = || Search::new(pattern.clone(), ports(), options.clone());
                let right = plain(&bytes, new());
                assert_eq!(skimmed(&bytes, new()).0, right, "{fixture}, {options:?}");
                right.lines().filter(|line| line.starts_with("match")).map(str::to_owned).collect::<Vec<_>>()
            });
            assert_eq!(matches, all, "{fixture}, {options:?}");
        }
    }
}

/// Frames of all captures, in any order and with their times, some of them damaged as a wire, a snaplen or somebody hostile
/// may do it.
#[test]
fn damaged_and_shuffled_frames_have_the_same_results_either_way() {
    let known: Vec<Kept> = all().iter().flat_map(|fixture| frames(fixture)).collect();
    let known: Vec<Kept> = known.into_iter().filter(|kept| kept.link == LinkType::ETHERNET).collect();
    let mut skimmed = 0;
    for round in 0..80 {
        let mut dice = Dice(round);
        let (mut made, mut nanos): (Vec<Kept>, i64) = (Vec::new(), 1_700_000_000_000_000_000);
        let cooked = round % 5 == 4;
        while made.len() < 250 {
            // A few neighbours, so that fragments, handshakes and associations find what belongs to them.
            let at = dice.below(known.len());
            let some = 1 + dice.below(12);
            for kept in &known[at..(at + some).min(known.len())] {
                let mut kept = if cooked { cook(kept) } else { kept.clone() };
                nanos += if dice.below(60) == 0 { 31_000_000_000 } else { 1000 };
                kept.time.nanos = nanos - if dice.below(90) == 0 { 40_000_000_000 } else { 0 };
                if round % 4 > 0 && dice.below(3) == 0 {
                    damage(&mut kept, &mut dice);
                }
                made.push(kept);
            }
            if dice.below(4) == 0 {
                let (one, other) = (dice.below(made.len()), dice.below(made.len()));
                let time = (made[one].time, made[other].time);
                made.swap(one, other);
                (made[one].time, made[other].time) = time;
            }
        }
        let bytes = file(if cooked { LinkType::LINUX_SLL2 } else { LinkType::ETHERNET }, &made);
        for pattern in PATTERNS {
            skimmed += compare(&bytes, pattern, &format!("round {round}"));
        }
        let narrowed = narrowed();
        let options = &narrowed[round as usize % narrowed.len()];
        for matches_only in [true, false] {
            let options = || SearchOptions { matches_only, ..options.clone() };
            let new = || Search::new(pattern("E"), ports(), options());
            assert_eq!(
                self::skimmed(&bytes, new()).0,
                plain(&bytes, new()),
                "round {round}, {:?}",
                options()
            );
        }
    }
    assert!(skimmed > 10_000, "{skimmed}");
}

/// Returns an Ethernet frame as a capture on all interfaces has it: interface 2, received.
pub(crate) fn cook(kept: &Kept) -> Kept {
    let Some((&[_, _, _, _, _, _, a, b, c, d, e, f, t0, t1], behind)) = kept.bytes.split_first_chunk() else {
        return kept.clone();
    };
    let header = [t0, t1, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, a, b, c, d, e, f, 0, 0];
    let bytes = [&header, behind].concat();
    Kept { link: LinkType::LINUX_SLL2, wire_len: kept.wire_len + 6, bytes, ..kept.clone() }
}

pub(crate) fn damage(kept: &mut Kept, dice: &mut Dice) {
    let len = kept.bytes.len();
    match dice.below(6) {
        // The snaplen.
        0 => kept.bytes.truncate(1 + dice.below(len)),
        // A short frame.
        1 => {
            kept.bytes.truncate(1 + dice.below(len));
            kept.wire_len = kept.bytes.len() as u32;
        }
        // The lengths and offsets of IPv4, IPv6, UDP and TCP, outside or in VXLAN.
        2 | 3 => {
            let fields = [14, 16, 17, 18, 19, 20, 21, 38, 39, 46, 58, 59, 66];
            let field = fields[dice.below(fields.len())] + if dice.below(2) == 0 { 0 } else { 50 };
            if let Some(byte) = kept.bytes.get_mut(field) {
                *byte = if dice.below(2) == 0 { byte.wrapping_add(1) } else { dice.below(256) as u8 };
            }
        }
        // Padding.
        4 => {
            kept.bytes.extend(b"GET / HTTP/1.1"[..dice.below(14)].iter());
            kept.wire_len = kept.wire_len.max(kept.bytes.len() as u32);
        }
        _ => {
            let at = dice.below(len.min(110));
            kept.bytes[at] = dice.below(256) as u8;
        }
    }
}

/// A datagram of UDP to port 9 with this payload, in Ethernet.
fn udp(payload: &[u8]) -> Kept {
    let mut kept = frames("swarm/swarm-node1.pcap").swap_remove(0);
    let len = (28 + payload.len()) as u16;
    let mut bytes = [&[2; 12][..], &[8, 0, 0x45, 0]].concat();
    bytes.extend(len.to_be_bytes());
    bytes.extend([0, 1, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0x80, 0, 0, 9]);
    bytes.extend((len - 20).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    kept.wire_len = bytes.len() as u32;
    Kept { bytes, ..kept }
}

#[test]
fn a_literal_across_two_records_is_none_and_one_behind_it_is_found() {
    let (mut first, mut second) = (udp(b"ends with HT"), udp(b"and the next one"));
    // The seconds of the second record are the letters TP, and two zeros.
    second.time.nanos = i64::from(u32::from_le_bytes(*b"TP\0\0")) * 1_000_000_000;
    first.time.nanos = 0;
    for (third, right) in [
        (&b"HTTP"[..], "clear\nclear\nmatch 3 [0..4], shown: 3 \"HTTP\"\nclear\n"),
        (b"HTT", "clear\n".repeat(4).as_str()),
    ] {
        let bytes = file(LinkType::ETHERNET, &[first.clone(), second.clone(), udp(third), udp(b"last")]);
        compare(&bytes, "HTTP", "two records");
        let results = skimmed(&bytes, search("HTTP", false)).0;
        assert!(results.starts_with(right), "{results}");
    }
}

#[test]
fn records_inside_of_a_payload_are_no_records() {
    let inside = file(LinkType::ETHERNET, &[udp(b"GET / HTTP/1.1"), udp(b"HTTP")]);
    let made: Vec<Kept> = (0..40).map(|n| if n % 7 == 3 { udp(&inside) } else { udp(b"nothing") }).collect();
    let bytes = file(LinkType::ETHERNET, &made);
    assert_eq!(compare(&bytes, "HTTP", "records in payloads"), 34);
}

/// The buffer ends anywhere in a record.
#[test]
fn a_file_longer_than_the_buffer_has_the_same_results_either_way() {
    let mut dice = Dice(1);
    let payload = |n: usize| [&vec![b'.'; n][..], if n % 97 == 0 { b"HTTP" } else { b"http" }].concat();
    let made: Vec<Kept> = (0..2500).map(|_| udp(&payload(dice.below(1400)))).collect();
    let mut bytes = file(LinkType::ETHERNET, &made);
    assert!(compare(&bytes, "HTTP", "a long file") > 2400);
    bytes.truncate(bytes.len() - 3);
    assert!(compare(&bytes, "HTTP", "a long file without its end") > 2400);
}

/// Makes a file of four packets of one conversation, of which the last one matches.
fn one_conversation() -> Vec<u8> {
    let made: Vec<Kept> = [&b"one"[..], b"two", b"three", b"HTTP"].map(udp).into();
    file(LinkType::ETHERNET, &made)
}

#[test]
fn the_context_of_a_match_is_read_once_more_from_the_file() {
    let options = SearchOptions { before: 2, matches_only: true, ..SearchOptions::default() };
    let new = || Search::new(pattern("HTTP"), ports(), options.clone());
    let shown = |results: &str| {
        results
            .lines()
            .filter_map(|line| line.split_once(", shown").map(|(_, of)| of.to_owned()))
            .collect::<Vec<_>>()
    };
    let bytes = one_conversation();
    let right = [" again: 2 \"two\"", " again: 3 \"three\"", ": 4 \"HTTP\""];
    assert_eq!(shown(&skimmed(&bytes, new()).0), right);

    // The file is cut behind the second packet, when it was read and not searched.
    let (opened, file) = open(&bytes);
    let mut records = file.records().unwrap();
    let mut search = new();
    search.read_again(|| file.again());
    let len = 24 + [b"one", b"two"].map(|payload| 16 + udp(payload).bytes.len()).iter().sum::<usize>();
    opened.as_file().set_len(len as u64).unwrap();
    let mut results = String::new();
    search
        .records(&mut records, &mut |told: Told<'_>| {
            let Told::Found(found) = told else { return Ok::<(), ()>(()) };
            tell(&mut results, &found);
            Ok(())
        })
        .unwrap();
    assert_eq!(shown(&results), [right[0], right[2]]);
}

//! Captures that somebody made to have one thread and several disagree: frames of every fixture, shuffled, damaged and cut,
//! between shapes that are not what they seem.

use std::fs;
use std::path::{Path, PathBuf};

use crate::made::{self, ethernet, fragments, ipv4, udp, udp_segment, vxlan};
use crate::run::ovlsniff;

/// Returns a random number from one to the next, always the same ones.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.below(256) as u8).collect()
    }

    fn of<'a, T>(&mut self, some: &'a [T]) -> &'a T {
        &some[self.below(some.len())]
    }
}

fn captures(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { captures(&path) } else { vec![path] }).collect();
    found.retain(|path| path.extension().is_some_and(|ending| ending == "pcap"));
    found.sort();
    found
}

/// The frames of a capture, which may be cut off.
fn sound(file: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut rest = file.get(24..).unwrap_or_default();
    while let Some((header, behind)) = rest.split_at_checked(16) {
        let len = u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize;
        let Some((frame, behind)) = behind.split_at_checked(len) else { break };
        frames.push(frame.to_vec());
        rest = behind;
    }
    frames
}

/// The Ethernet frames of all fixtures that are classic files of this machine's order.
fn known() -> Vec<Vec<u8>> {
    let files = captures(Path::new("tests/fixtures")).into_iter().map(|path| fs::read(path).unwrap());
    let classic =
        |file: &Vec<u8>| file.len() > 24 && file[1..4] == [0xc3, 0xb2, 0xa1] && file[20..24] == [1, 0, 0, 0];
    let found: Vec<Vec<u8>> = files.filter(classic).flat_map(|file| sound(&file)).collect();
    assert!(found.len() > 1000, "{}", found.len());
    found
}

/// ESP with these bytes behind its header. There are few associations, so that one is met again.
fn esp(dice: &mut Dice, bytes: &[u8]) -> Vec<u8> {
    let header = [0, 0, 0x10, dice.below(3) as u8, 0, 0, 0, dice.below(256) as u8];
    ethernet(&ipv4("192.0.2.1", "192.0.2.2", 50, 0, &[&header, bytes].concat()))
}

/// A frame that is not what it seems, or that matters to others.
fn shape(dice: &mut Dice, records: &[u8]) -> Vec<Vec<u8>> {
    let payload =
        [&b"x".repeat(dice.below(300))[..], *dice.of(&[&b"HTTP"[..], b"http", b"HT", b""])].concat();
    let segment = udp_segment(7, 9, &payload);
    let inner = ipv4("192.0.2.3", "192.0.2.4", 17, 0, &segment);
    let frame = ethernet(&inner);
    match dice.below(10) {
        // Records inside of a payload.
        0 => vec![udp("192.0.2.1", "192.0.2.2", 7, records)],
        1 => {
            let mut all =
                fragments("192.0.2.1", "192.0.2.2", 17, &udp_segment(7, 9, &b"HTTP ".repeat(60)), 48);
            let (one, other) = (dice.below(all.len()), dice.below(all.len()));
            all.swap(one, other);
            if dice.one_in(2) {
                all.remove(one);
            }
            all
        }
        // ESP without encryption, which shows what its association is.
        2 => {
            let pad = (4 - (inner.len() + 2) % 4) % 4;
            let trailer: Vec<u8> = (1..=pad as u8).chain([pad as u8, 4]).chain([0; 12]).collect();
            vec![esp(dice, &[inner, trailer].concat())]
        }
        // ESP with a trailer that looks as if it were not encrypted.
        3 => {
            let random = dice.bytes(60);
            vec![esp(dice, &[&random[..], &[1, 2, 2, 4], &random[..12]].concat())]
        }
        4 => vec![vxlan(4789, 7, &vxlan(4789, 8, &frame))],
        5 => {
            let first = *dice.of(&[0_u8, 1, 4, 0x40, 0xc0, 0xff]);
            let mut payload = dice.bytes(148);
            payload[..4].copy_from_slice(&[first, 0, 0, 0]);
            vec![udp("192.0.2.1", "192.0.2.2", *dice.of(&[4500, 51820, 7777]), &payload)]
        }
        // The literal is padding of Ethernet, or a part of its addresses.
        6 => vec![
            [&ethernet(&ipv4("192.0.2.1", "192.0.2.2", 17, 0, &udp_segment(7, 9, b"")))[..], b"HTTP"]
                .concat(),
        ],
        7 => vec![[b"HTTPabHTTPcd", &frame[12..]].concat()],
        8 => vec![[&frame[..12], &[0x81, 0, 0, 7, 0x81, 0, 0, 8], &frame[12..]].concat()],
        _ => vec![Vec::new(), b"HTTP".to_vec(), frame[..frame.len() - 2].to_vec()],
    }
}

fn hostile(seed: u64, known: &[Vec<u8>]) -> Vec<u8> {
    let mut dice = Dice(seed);
    let inside = made::capture(0xa1b2_c3d4, 0, &[udp("192.0.2.5", "192.0.2.6", 7, b"HTTP, inside")]);
    let inside = inside[24..].repeat(8);
    let mut file = made::capture(0xa1b2_c3d4, 0, &[]);
    let (mut seconds, mut micros) = (1_700_000_000_u32, 0);
    while file.len() < 250_000 {
        let at = dice.below(known.len());
        let neighbours = 1 + dice.below(12);
        let mut frames = known[at..(at + neighbours).min(known.len())].to_vec();
        if seed % 2 == 0 || dice.one_in(8) {
            frames.extend(shape(&mut dice, &inside));
        }
        for mut frame in frames {
            if seed % 3 == 0 && dice.one_in(4) && !frame.is_empty() {
                let at = dice.below(frame.len().min(110));
                frame[at] = *dice.of(&[0, 1, 0x45, 0xff]);
            }
            let wire = frame.len() as u32;
            if dice.one_in(20) {
                frame.truncate(dice.below(frame.len() + 1));
            }
            micros += 10;
            // Incomplete datagrams are given up, and now and then time runs backwards.
            seconds = match dice.below(300) {
                0 => seconds + 31,
                1 => seconds - 40,
                _ => seconds,
            };
            let record = [seconds, micros % 1_000_000, frame.len() as u32, wire];
            file.extend(record.map(u32::to_le_bytes).concat());
            file.extend(frame);
        }
    }
    match seed % 4 {
        1 => file.truncate(file.len() - 9),
        3 => {
            let at = 24 + dice.below(file.len() - 24);
            file[at] ^= 0x40;
        }
        _ => {}
    }
    file
}

const WORDS: [&[&str]; 14] = [
    &["-q", "HTTP"],
    &["HTTP"],
    &["--json", "HTTP"],
    &["-q", "--json", "-y", "http"],
    &["-x", "(GET|POST|HTTP)"],
    &["-v", "-qq", "HTTP"],
    &["-n", "9", "HTTP"],
    &["--vni", "7", "--vni", "4097", "HTTP"],
    &["--inner", "udp", "-qq", ""],
    &["HTTP", "udp port 4789 or ip proto 50"],
    &["-w", "--marks", "ngrep", "HTTP"],
    &["-qq", "-X", "48 54 ?? 50"],
    &["--all", "-qq", ""],
    &["-S", "20", "-c", "40", "T"],
];

#[test]
fn hostile_captures_are_the_same_for_several_threads() {
    let known = known();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hostile.pcap");
    let mut matched = 0;
    for seed in 0..7 {
        fs::write(&path, hostile(seed, &known)).unwrap();
        for words in [WORDS[seed as usize], WORDS[seed as usize + 7]] {
            let run =
                |threads| ovlsniff(&[&["--threads", threads, "-r", path.to_str().unwrap()], words].concat());
            let one = run("1");
            matched += usize::from(one.code == Some(0));
            for threads in ["2", "3"] {
                let several = run(threads);
                assert_eq!(
                    (several.code, &several.err),
                    (one.code, &one.err),
                    "{seed}: {threads}, {words:?}"
                );
                assert!(several.bytes == one.bytes, "{seed}: {threads}, {words:?}");
            }
        }
    }
    // Damaged files end with status 2, and the others match something.
    assert!(matched > 7, "{matched}");
}

//! The streams of generated captures, as ovlsniff and as tshark put them together (Wireshark 4.0 was asked).
//!
//! Each capture has connections of which segments came late, twice, in other pieces, or not at all, with an acknowledgement
//! from the other side, as receivers send it. tshark's `follow` gives the bytes of each direction, and a text where bytes are
//! missing. From ours, a text is made in the same way.
//!
//! Where other bytes come for the same place, tshark decides otherwise than Linux in one case: of two segments that wait and
//! begin at the same place, it takes the one that came first, and Linux the longer one.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::process::Command;

use ovlsniff::capture::savefile::Savefile;
use ovlsniff::packet::TunnelPorts;
use ovlsniff::pattern::{Expressions, Pattern, StreamPattern};
use ovlsniff::search::{Search, SearchOptions, StreamOptions};

/// The source and the destination port of a direction.
type Ports = (u16, u16);
/// A direction of a connection: its VNI, and its ports.
type Way = (Option<u32>, Ports);
/// Segments that overlap, and what Linux and Wireshark read of them.
type Case<'a> = (&'a [(u32, &'a str)], &'a str, &'a str);

/// A segment: ports, sequence and acknowledgement number, flags, data.
#[derive(Clone, Debug)]
struct Segment {
    ports: Ports,
    sequence: u32,
    acknowledgement: u32,
    flags: u8,
    data: Vec<u8>,
}

const SYN: u8 = 2;
const ACK: u8 = 16;
const FIN: u8 = 1;
const SERVER: u16 = 80;

/// Numbers that look like random ones (xorshift), the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }
}

/// What befalls the segments of a capture, in percent.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    lost: usize,
    late: usize,
    twice: usize,
    /// Sent once more, in a piece with other borders.
    again: usize,
}

fn packet(segment: &Segment) -> Vec<u8> {
    let Segment { ports, sequence, acknowledgement, flags, data } = segment;
    let ends = if ports.0 == SERVER { [2, 1] } else { [1, 2] };
    let mut packet = vec![0x45, 0];
    packet.extend((40 + data.len() as u16).to_be_bytes());
    packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, ends[0], 10, 0, 0, ends[1]]);
    packet.extend([ports.0.to_be_bytes(), ports.1.to_be_bytes()].concat());
    packet.extend([sequence.to_be_bytes(), acknowledgement.to_be_bytes()].concat());
    packet.extend([0x50, *flags, 0xff, 0xff, 0, 0, 0, 0]);
    packet.extend(data);
    packet
}

fn vxlan(vni: u32, inner: &[u8]) -> Vec<u8> {
    let inner = [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0][..], inner].concat();
    let udp_len = 16 + inner.len() as u16;
    let mut packet = vec![0x45, 0];
    packet.extend((20 + udp_len).to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0x30, 0x39, 0x12, 0xb5]);
    packet.extend(
        [&udp_len.to_be_bytes()[..], &[0, 0, 8, 0, 0, 0], &(vni << 8).to_be_bytes(), &inner].concat(),
    );
    packet
}

/// Writes a capture of raw IP.
fn write(path: &Path, packets: &[Vec<u8>]) {
    let mut file = [0xa1b2_c3d4_u32, 0x0002_0004, 0, 0, 0x4_0000, 101].map(u32::to_be_bytes).concat();
    for (number, packet) in packets.iter().enumerate() {
        let len = packet.len() as u32;
        file.extend([1_700_000_000, number as u32, len, len].map(u32::to_be_bytes).concat());
        file.extend(packet);
    }
    std::fs::write(path, file).unwrap();
}

/// Returns the segments of a connection in which both sides send letters.
fn connection(client: u16, first: [u32; 2], fate: Fate, random: &mut Random) -> Vec<Segment> {
    let ways = [(client, SERVER), (SERVER, client)];
    let mut segments = Vec::new();
    let mut push = |side: usize, ahead: [usize; 2], flags: u8, data: &[u8]| {
        let number = |side: usize| first[side].wrapping_add(ahead[side] as u32);
        let acknowledgement = if flags & ACK == 0 { 0 } else { number(1 - side) };
        let sequence = number(side);
        segments.push(Segment { ports: ways[side], sequence, acknowledgement, flags, data: data.to_vec() });
        segments.len() - 1
    };
    push(0, [0, 0], SYN, &[]);
    push(1, [1, 0], SYN | ACK, &[]);
    push(0, [1, 1], ACK, &[]);
    let mut sent = [1, 1];
    let mut texts = [Vec::new(), Vec::new()];
    let mut missing = Vec::new();
    for _ in 0..20 {
        let side = random.below(2);
        let text: Vec<u8> = (0..=random.below(1200)).map(|_| b'a' + random.below(26) as u8).collect();
        let mut order = Vec::new();
        let mut from = 0;
        while from < text.len() {
            let to = text.len().min(from + 1 + random.below(200));
            order.push((from, to));
            from = to;
        }
        for at in (1..order.len()).rev() {
            if random.below(100) < fate.late {
                order.swap(at, at - 1 - random.below(at.min(3)));
            }
        }
        for (from, to) in order.clone() {
            if random.below(100) < fate.lost {
                missing.push((side, sent[side] + from));
                continue;
            }
            let mut ahead = sent;
            ahead[side] += from;
            push(side, ahead, ACK, &text[from..to]);
            if random.below(100) < fate.twice {
                push(side, ahead, ACK, &text[from..to]);
            }
            if random.below(100) < fate.again {
                let back = random.below(from + 1);
                ahead[side] = sent[side] + back;
                push(side, ahead, ACK, &text[back..text.len().min(back + 250)]);
            }
        }
        sent[side] += text.len();
        texts[side].extend(text);
        push(1 - side, sent, ACK, &[]);
    }
    for side in 0..2 {
        push(side, sent, ACK | FIN, &[]);
        sent[side] += 1;
        push(1 - side, sent, ACK, &[]);
    }
    segments
}

/// Returns the bytes of each direction, by VNI and ports, as ovlsniff puts them together, with the text where bytes are missing.
fn ours(path: &Path) -> BTreeMap<Way, String> {
    let expressions = Expressions { patterns: vec!["[a-zA-Z]{1,40}".to_owned()], ..Expressions::default() };
    let pattern = Pattern::new(&expressions).unwrap();
    let mut search = Search::new(pattern, TunnelPorts::default(), SearchOptions::default());
    search.follow_streams(StreamPattern::new(&expressions, 1 << 16).unwrap(), StreamOptions::default());
    let mut told: BTreeMap<Way, Vec<(u64, String)>> = BTreeMap::new();
    let mut sink = |found: ovlsniff::search::Found<'_>| -> Result<(), Infallible> {
        let Some(stretch) = found.stream else { return Ok(()) };
        let ports = found.packet.headers.flow().unwrap().ports.unwrap();
        let key = (found.packet.vni().map(ovlsniff::packet::Vni::value), (ports.source, ports.destination));
        let first = found.spans[0].start;
        for span in found.spans {
            let text = String::from_utf8(found.packet.payload[span.clone()].to_vec()).unwrap();
            told.entry(key).or_default().push((stretch.offset + (span.start - first) as u64, text));
        }
        Ok(())
    };
    let mut file = Savefile::open(path).unwrap();
    while let Some(frame) = file.next().unwrap() {
        let Ok(()) = search.frame(&frame, &mut sink);
    }
    let Ok(()) = search.finish(&mut sink);
    let join = |parts: Vec<(u64, String)>| {
        let mut all = String::new();
        let mut at = 0;
        for (offset, text) in parts {
            assert!(offset >= at, "{offset} was told before");
            if offset > at {
                all += &missing(offset - at);
            }
            at = offset + text.len() as u64;
            all += &text;
        }
        all
    };
    told.into_iter().map(|(key, parts)| (key, join(parts))).collect()
}

/// Returns the text that tshark writes where bytes are missing. It ends with the zero of its string.
fn missing(len: u64) -> String {
    format!("[{len} bytes missing in capture file]\0")
}

/// Returns the bytes of both directions of a connection as tshark's `follow` has them. The client's are the first.
fn theirs(path: &Path, stream: usize) -> [String; 2] {
    let profile = tempfile::tempdir().unwrap();
    let follow = format!("follow,tcp,raw,{stream}");
    let mut command = Command::new("tshark");
    command.env("WIRESHARK_CONFIG_DIR", profile.path()).args(["-n", "-q", "-z", &follow, "-r"]).arg(path);
    let output = command.output().expect("tshark starts");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut sides = [String::new(), String::new()];
    let lines = text.lines().skip_while(|line| !line.starts_with("Node 1")).skip(1);
    for line in lines.take_while(|line| !line.starts_with('=')) {
        let hex = line.trim();
        let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
        sides[usize::from(line.starts_with('\t'))].extend(bytes.map(char::from));
    }
    // Ours has nothing to tell behind the last byte.
    let last_gap = |side: String| match side.rfind('[') {
        Some(at) if side.ends_with('\0') => side[..at].to_owned(),
        _ => side,
    };
    sides.map(last_gap)
}

#[track_caller]
fn agree(fate: Fate, seed: u64) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("capture");
    let mut random = Random(seed);
    // The numbers of one of them wrap, in both directions.
    let firsts = [[1000, 5000], [u32::MAX - 900, u32::MAX - 3000], [0x7fff_ff00, 1]];
    let clients = [40_000, 40_001, 40_002];
    let all = clients.iter().zip(firsts).map(|(client, first)| connection(*client, first, fate, &mut random));
    let all: Vec<_> = all.collect();
    // They take turns, so that tshark numbers them in this order.
    let longest = all.iter().map(Vec::len).max().unwrap();
    let turns = (0..longest).flat_map(|at| all.iter().filter_map(move |segments| segments.get(at)));
    let packets: Vec<_> = turns.map(packet).collect();
    write(&path, &packets);
    let ours = ours(&path);
    for (stream, client) in clients.into_iter().enumerate() {
        let theirs = theirs(&path, stream);
        let text = |ports: Ports| ours.get(&(None, ports)).cloned().unwrap_or_default();
        assert_eq!(text((client, SERVER)), theirs[0], "{fate:?}, seed {seed}, from {client}");
        assert_eq!(text((SERVER, client)), theirs[1], "{fate:?}, seed {seed}, to {client}");
    }
}

#[test]
#[ignore = "needs tshark"]
fn streams_are_put_together_as_wireshark_does() {
    let fates = [
        Fate::default(),
        Fate { late: 40, ..Fate::default() },
        Fate { twice: 30, ..Fate::default() },
        Fate { again: 40, ..Fate::default() },
        Fate { lost: 5, ..Fate::default() },
        Fate { late: 30, twice: 10, again: 20, lost: 0 },
        Fate { late: 30, twice: 10, again: 20, lost: 5 },
    ];
    for (seed, fate) in fates.into_iter().enumerate() {
        agree(fate, 77 + seed as u64);
        agree(fate, 7777 + seed as u64);
    }
}

#[test]
#[ignore = "needs tshark"]
fn equal_addresses_of_two_overlays_are_two_streams() {
    let dir = tempfile::tempdir().unwrap();
    let [both, one] = ["both", "one"].map(|name| dir.path().join(name));
    let mut random = Random(42);
    let fate = Fate { late: 20, twice: 10, again: 10, lost: 2 };
    let all = [7, 8].map(|vni| {
        let segments = connection(40_000, [1000, 5000], fate, &mut random);
        segments.iter().map(|segment| vxlan(vni, &packet(segment))).collect::<Vec<_>>()
    });
    let longest = all[0].len().max(all[1].len());
    let turns = (0..longest).flat_map(|at| all.iter().filter_map(move |packets| packets.get(at)));
    write(&both, &turns.cloned().collect::<Vec<_>>());
    let ours = ours(&both);
    for (vni, packets) in [7, 8].into_iter().zip(&all) {
        // Wireshark takes the two for one connection, so it is shown one of them at a time.
        write(&one, packets);
        let theirs = theirs(&one, 0);
        assert_eq!(ours[&(Some(vni), (40_000, SERVER))], theirs[0], "{vni}");
        assert_eq!(ours[&(Some(vni), (SERVER, 40_000))], theirs[1], "{vni}");
    }
}

/// Segments of a client, of which only the letters matter.
fn overlapping(parts: &[(u32, &str)]) -> Vec<Vec<u8>> {
    let segment = |(ahead, data): &(u32, &str)| Segment {
        ports: (40_000, SERVER),
        sequence: 1001 + ahead,
        acknowledgement: 5001,
        flags: ACK,
        data: data.as_bytes().to_vec(),
    };
    let hello = [
        Segment { sequence: 1000, acknowledgement: 0, flags: SYN, ..segment(&(0, "")) },
        Segment {
            ports: (SERVER, 40_000),
            sequence: 5000,
            acknowledgement: 1001,
            flags: SYN | ACK,
            data: vec![],
        },
    ];
    hello.iter().cloned().chain(parts.iter().map(segment)).map(|segment| packet(&segment)).collect()
}

#[test]
#[ignore = "needs tshark"]
fn other_bytes_for_the_same_place_are_those_that_linux_reads_and_not_always_wiresharks() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("capture");
    let cases: [Case<'_>; 6] = [
        // What was read already stays.
        (&[(0, "attack"), (0, "benign")], "attack", "attack"),
        // Of those that wait, Linux takes the one that begins first, and of two that begin at the same place the longer one.
        (&[(3, "AAA"), (1, "bbb"), (0, "x")], "xbbbAA", "xbbbAA"),
        (&[(1, "AAA"), (3, "bbb"), (0, "x")], "xAAAbb", "xAAAbb"),
        // Wireshark takes the one that came first.
        (&[(1, "AAA"), (1, "bbbb"), (0, "x")], "xbbbb", "xAAAb"),
        // To Linux, segments in a row are one.
        (&[(1, "AA"), (3, "AA"), (1, "bbb"), (0, "x")], "xAAAA", "xAAAA"),
        (&[(2, "AA"), (0, "bbbb")], "bbbb", "bbbb"),
    ];
    let all = cases.map(|(parts, _, _)| {
        write(&path, &overlapping(parts));
        let [theirs, _] = theirs(&path, 0);
        (parts, ours(&path)[&(None, (40_000, SERVER))].clone(), theirs)
    });
    let expected = cases.map(|(parts, linux, wireshark)| (parts, linux.to_owned(), wireshark.to_owned()));
    assert_eq!(all, expected);
}

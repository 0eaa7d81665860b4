//! Segments of a few connections, hostile in everything that a segment has: each takes nine bytes of the input.
#![no_main]

use std::convert::Infallible;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use ovlsniff::packet::{Frame, InterfaceNumber, LinkType, Timestamp, TunnelPorts};
use ovlsniff::pattern::{Expressions, Pattern, StreamPattern};
use ovlsniff::search::{Search, SearchOptions, StreamOptions};

/// The memory that all streams may take, with that of their followers.
const MEMORY: usize = 64 << 20;

static EXPRESSIONS: LazyLock<Expressions> =
    LazyLock::new(|| Expressions { patterns: vec!["a.{0,9}b".to_owned()], ..Expressions::default() });
static PATTERN: LazyLock<Pattern> =
    LazyLock::new(|| Pattern::new(&EXPRESSIONS).expect("a pattern of our own"));

/// Writes a packet with a right checksum, unless `spoil` is added to it.
fn packet(ports: [u8; 4], numbers: [u32; 2], flags: u8, options: &[u8], data: &[u8], spoil: u16) -> Vec<u8> {
    let header = 20 + options.len();
    let mut packet = vec![0x45, 0];
    packet.extend(((20 + header + data.len()) as u16).to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 1]);
    packet.extend(ports);
    packet.extend(numbers.map(u32::to_be_bytes).concat());
    packet.extend([(header as u8 / 4) << 4, flags, 0x10, 0, 0, 0, 0, 0]);
    packet.extend(options);
    packet.extend(data);
    let segment = packet[12..]
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low)));
    let mut sum = segment.sum::<u32>() + 6 + (header + data.len()) as u32;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    packet[36..38].copy_from_slice(&(!(sum as u16)).wrapping_add(spoil).to_be_bytes());
    packet
}

fuzz_target!(|data: &[u8]| {
    let mut search = Search::new(PATTERN.clone(), TunnelPorts::default(), SearchOptions::default());
    let pattern = StreamPattern::new(&EXPRESSIONS, 64).expect("a pattern of our own");
    search.follow_streams(pattern, StreamOptions { before: 1, after: 1, ..StreamOptions::default() });
    let mut time = 1_000_000_000_000_i64;
    let mut told = 0_u64;
    let mut sink = |found: ovlsniff::search::Found<'_>| -> Result<(), Infallible> {
        told += u64::from(found.stream.is_some());
        Ok(())
    };
    for (number, chunk) in (1..).zip(data.chunks_exact(9)) {
        let &[kind, flags, s0, s1, a0, a1, len, cut, letter] = chunk else { break };
        // Numbers are near one another, or anywhere.
        let far = |high: u8, low: u8, is_far: u8| {
            let near = u32::from(u16::from_be_bytes([high, low]));
            if is_far == 0 { near.wrapping_sub(0x100) } else { near << 16 }
        };
        let client = [0x9c, kind & 3];
        let ports = if kind & 4 == 0 { [client, [0, 80]] } else { [[0, 80], client] }.concat();
        let options: &[u8] = match kind >> 6 {
            0 | 1 => &[],
            2 => &[1, 1, 8, 10, 0, 0, 0, s1, 0, 0, 0, 0],
            _ => &[2, 4, 5, 180, 1, 3, 3, 9],
        };
        // Of two senders, each has letters of its own. Otherwise one byte says what the place has.
        let payload: Vec<u8> = (0..usize::from(len))
            .map(|at| if at & 7 == 0 { letter } else { b'a' + (at as u8 & 1) })
            .collect();
        let numbers = [far(s0, s1, kind & 8), far(a0, a1, kind & 16)];
        let ports = ports.try_into().expect("four bytes");
        let bytes = packet(ports, numbers, flags, options, &payload, u16::from(kind & 32));
        time += match cut >> 6 {
            0 | 1 => 1000,
            2 => i64::from(cut & 63) * 10_000_000_000,
            _ => i64::from(cut & 63) * -10_000_000_000,
        };
        let captured =
            if cut & 64 == 0 { bytes.len() } else { bytes.len() - usize::from(cut & 31).min(bytes.len()) };
        let frame = Frame {
            number,
            time: Timestamp { nanos: time, digits: 9, known: true },
            link: LinkType::RAW,
            interface: InterfaceNumber(0),
            direction: None,
            wire_len: bytes.len() as u32,
            bytes: &bytes[..captured],
        };
        let Ok(()) = search.frame(&frame, &mut sink);
        let memory = search.stream_memory().expect("it searches in streams");
        assert!(memory <= MEMORY, "{memory}");
    }
    let Ok(()) = search.finish(&mut sink);
    let counts = search.stream_counts().expect("it searches in streams");
    assert!(counts.lost == 0 || counts.gaps > 0);
});

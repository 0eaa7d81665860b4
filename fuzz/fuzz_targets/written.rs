//! A capture that is written and read again: pcapng, and classic where one link type will do. All that a format can hold must come
//! back.
//!
//! The input has a first byte with the format, then frames: interface, link type, direction, cut, time (8), length (1), bytes.
#![no_main]

use everything::LINKS;
use libfuzzer_sys::fuzz_target;
use ovlsniff::capture::savefile::{Filtered, Interface, Savefile};
use ovlsniff::capture::write::{Format, Writer};
use ovlsniff::packet::{Direction, Frame, InterfaceNumber, LinkType, Timestamp};

/// A frame that is to come back.
#[derive(Debug, PartialEq)]
struct Kept {
    time: Timestamp,
    direction: Option<Direction>,
    wire_len: u32,
    bytes: Vec<u8>,
    interface: Interface,
}

fuzz_target!(|data: &[u8]| {
    let Some((&format, mut rest)) = data.split_first() else { return };
    let format = if format & 1 == 0 { Format::Pcapng } else { Format::Pcap };
    let mut written = Vec::new();
    let mut kept = Vec::new();
    {
        let mut writer = Writer::new(&mut written, "a file".to_owned(), format);
        while let Some((&[which, link, flags, cut, t0, t1, t2, t3, t4, t5, t6, t7, len], more)) =
            rest.split_first_chunk()
        {
            let (bytes, more) = more.split_at(usize::from(len).min(more.len()));
            rest = more;
            let nanos = u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]);
            // Both formats are unsigned, and ours is signed. A classic file has 32 bits of seconds.
            let nanos = match format {
                Format::Pcapng => nanos >> 1,
                Format::Pcap => nanos % (u64::from(u32::MAX) * 1_000_000_000),
            } as i64;
            let is_one = format == Format::Pcap;
            let digits = if flags & 4 == 0 || is_one { 9 } else { 6 };
            let link = LINKS[if is_one { 0 } else { usize::from(link) % LINKS.len() }];
            let interface = interface(which, link, digits, is_one);
            let direction = match flags & 3 {
                1 if !is_one => Some(Direction::In),
                2 if !is_one => Some(Direction::Out),
                _ => None,
            };
            let nanos = if digits == 6 { nanos - nanos % 1000 } else { nanos };
            let frame = Frame {
                number: kept.len() as u64 + 1,
                time: Timestamp { nanos, digits, known: true },
                link,
                interface: InterfaceNumber(u32::from(which)),
                direction,
                wire_len: bytes.len() as u32 + u32::from(cut),
                bytes,
            };
            writer.write(&frame, &interface).expect("memory does not fail to be written");
            let (time, wire_len) = (frame.time, frame.wire_len);
            kept.push(Kept { time, direction, wire_len, bytes: bytes.to_vec(), interface });
        }
        writer.finish().expect("memory does not fail to be written");
    }
    let (_file, path) = everything::file(&written);
    let mut read = Savefile::open(&path).expect("a file of our own");
    for (n, kept) in kept.iter().enumerate() {
        let frame = read.next().expect("a file of our own").expect("as many frames as were written");
        assert_eq!(frame.number, n as u64 + 1);
        let (time, direction, wire_len, at) =
            (frame.time, frame.direction, frame.wire_len, frame.interface.place());
        let (bytes, link) = (frame.bytes.to_vec(), frame.link);
        assert_eq!(link, kept.interface.link);
        let interface = match format {
            Format::Pcapng => read.interfaces()[at].clone(),
            Format::Pcap => kept.interface.clone(),
        };
        assert_eq!(*kept, Kept { time, direction, wire_len, bytes, interface }, "frame {}", n + 1);
    }
    assert!(matches!(read.next(), Ok(None)), "more frames than were written");
});

fn interface(which: u8, link: LinkType, digits: u8, is_one: bool) -> Interface {
    let which = if is_one { 0 } else { which };
    Interface {
        name: (which & 1 != 0).then(|| format!("eth{}\u{1b}\n", which >> 4)),
        link,
        snaplen: if which & 2 == 0 { 0 } else { 96 << 10 },
        digits,
        filter: (which & 4 != 0).then(|| Filtered::Expression(format!("port {which}"))),
    }
}

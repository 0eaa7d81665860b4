//! Files that were written are read back the same, by this program and by libpcap.

use std::io;
use std::path::Path;

use ovlsniff::capture::savefile::{Filtered, Interface, Savefile};
use ovlsniff::capture::write::{Counters, Error, Format, Writer, same_file};
use ovlsniff::packet::{Direction, Frame, InterfaceNumber, LinkType, Timestamp};

use super::build::LITTLE;
use super::{Owned, SWARM, file, read, read_bytes};

fn interface(link: LinkType, name: Option<&str>, digits: u8) -> Interface {
    Interface { name: name.map(str::to_owned), link, snaplen: 262_144, digits, filter: None }
}

fn frame(nanos: i64, digits: u8, link: LinkType, bytes: &[u8]) -> Frame<'_> {
    let time = Timestamp { nanos, digits, known: true };
    Frame { number: 1, time, link, interface: InterfaceNumber(0), direction: None, wire_len: 100, bytes }
}

/// Returns the bytes of the file that `write` produces.
fn written(format: Format, write: impl FnOnce(&mut Writer<&mut Vec<u8>>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, "out".to_owned(), format);
    write(&mut writer);
    writer.finish().unwrap();
    drop(writer);
    out
}

#[test]
fn a_capture_survives_both_formats() {
    let original = read(SWARM.as_ref());
    let eth0 = &original.interfaces[0];
    for format in [Format::Pcap, Format::Pcapng] {
        let bytes = written(format, |w| {
            for f in &original.frames {
                let frame = Frame { wire_len: f.wire_len, ..frame(f.nanos, f.digits, f.link, &f.bytes) };
                w.write(&frame, eth0).unwrap();
            }
        });
        let again = read_bytes(&bytes);
        assert!(again.error.is_none(), "{}", again.message());
        assert_eq!(again.frames, original.frames);
        let (_dir, path) = file(&bytes);
        let mut witness = pcap::Capture::from_file(&path).unwrap();
        let mut count = 0;
        while witness.next_packet().is_ok() {
            count += 1;
        }
        assert_eq!(count, original.frames.len());
    }
}

#[test]
fn nanoseconds_stay_nanoseconds() {
    let nine = interface(LinkType::ETHERNET, None, 9);
    for format in [Format::Pcap, Format::Pcapng] {
        let bytes = written(format, |w| {
            w.write(&frame(1_000_000_001, 9, LinkType::ETHERNET, b"abc"), &nine).unwrap();
        });
        let again = read_bytes(&bytes);
        assert_eq!((again.frames[0].nanos, again.frames[0].digits), (1_000_000_001, 9));
    }
}

#[test]
fn pcapng_keeps_names_link_types_and_directions() {
    let eth0 = interface(LinkType::ETHERNET, Some("eth0"), 6);
    let any = interface(LinkType::LINUX_SLL2, Some("any"), 9);
    let bytes = written(Format::Pcapng, |w| {
        let out = Some(Direction::Out);
        w.write(&Frame { direction: out, ..frame(5000, 6, LinkType::ETHERNET, b"a") }, &eth0).unwrap();
        w.write(&Frame { direction: Some(Direction::In), ..frame(7, 9, LinkType::LINUX_SLL2, b"ab") }, &any)
            .unwrap();
        w.write(&frame(6000, 6, LinkType::ETHERNET, b"abc"), &eth0).unwrap();
        // An inner frame has its own link type.
        w.write(&frame(6000, 6, LinkType::RAW, b"abcd"), &eth0).unwrap();
    });
    let again = read_bytes(&bytes);
    let raw = Interface { link: LinkType::RAW, ..eth0.clone() };
    assert_eq!(again.interfaces, [eth0, any, raw]);
    let seen: Vec<_> =
        again.frames.iter().map(|f| (f.interface, f.nanos, f.direction, f.wire_len, f.bytes.len())).collect();
    let (out, inbound) = (Some(Direction::Out), Some(Direction::In));
    let expected =
        [(0, 5000, out, 100, 1), (1, 7, inbound, 100, 2), (0, 6000, None, 100, 3), (2, 6000, None, 100, 4)];
    assert_eq!(seen, expected);
}

#[test]
fn pcapng_keeps_that_a_filter_took_frames_away() {
    let plain = interface(LinkType::ETHERNET, Some("eth0"), 6);
    let esp = Interface { filter: Some(Filtered::Expression("esp".to_owned())), ..plain.clone() };
    let program = Interface { filter: Some(Filtered::Unread), ..plain.clone() };
    let all = [plain, esp, program];
    let bytes = written(Format::Pcapng, |w| {
        for interface in &all {
            w.write(&frame(0, 6, LinkType::ETHERNET, b"abc"), interface).unwrap();
        }
    });
    assert_eq!(read_bytes(&bytes).interfaces, all);
}

/// The counters come from the kernel at the end of a capture. An interface may have lost frames without one in the file.
#[test]
fn pcapng_names_its_writer_and_keeps_the_counters_of_each_interface() {
    let (eth0, eth1) =
        (interface(LinkType::ETHERNET, Some("eth0"), 9), interface(LinkType::RAW, Some("eth1"), 9));
    let at = |second| Timestamp::new(second, 0, 9);
    let counters = Counters {
        from: at(5),
        to: at(7),
        received: 9,
        lost_by_interface: Some(1),
        lost_by_system: 2,
        delivered: Some(7),
    };
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, "out".to_owned(), Format::Pcapng).captured_on("Linux 6.18");
    writer.write(&frame(7, 9, LinkType::ETHERNET, b"abc"), &eth0).unwrap();
    writer.statistics(&eth0, &counters).unwrap();
    writer.statistics(&eth1, &Counters { lost_by_interface: None, delivered: None, ..counters }).unwrap();
    writer.finish().unwrap();
    drop(writer);
    let (_dir, path) = file(&out);
    let mut again = Savefile::open(&path).unwrap();
    while again.advance().unwrap() {}
    assert_eq!(again.interfaces(), [eth0, eth1]);
    // 1 + 2 on the first and 2 on the second, and six frames that were delivered and left out.
    assert_eq!((again.missing(), again.dropped()), (Some(6), Some(3 + 2 + 6)));
    let program = concat!("ovlsniff ", env!("CARGO_PKG_VERSION"));
    for name in ["Linux 6.18", program] {
        assert!(out[..100].windows(name.len()).any(|bytes| bytes == name.as_bytes()), "{name}");
    }
}

#[test]
fn a_classic_file_has_no_counters() {
    let at = Timestamp::new(0, 0, 9);
    let counters = Counters {
        from: at,
        to: at,
        received: 1,
        lost_by_interface: None,
        lost_by_system: 1,
        delivered: None,
    };
    let bytes = written(Format::Pcap, |w| {
        w.statistics(&interface(LinkType::ETHERNET, Some("eth0"), 6), &counters).unwrap();
    });
    assert_eq!(bytes.len(), 24);
}

#[test]
fn a_frame_without_a_time_stays_without_one_where_the_format_can_say_so() {
    let eth0 = interface(LinkType::ETHERNET, Some("eth0"), 6);
    let short = Interface { snaplen: 3, name: Some("short".to_owned()), ..eth0.clone() };
    let none = Timestamp::new(5, 0, 6).unknown();
    let whole = Frame { time: none, wire_len: 3, ..frame(0, 6, LinkType::ETHERNET, b"abc") };
    let bytes = written(Format::Pcapng, |w| {
        w.write(&whole, &eth0).unwrap();
        w.write(&Frame { wire_len: 3, ..frame(7000, 6, LinkType::ETHERNET, b"abc") }, &eth0).unwrap();
        // These cannot be simple packet blocks: a direction, a cut that is not the snaplen's, another interface.
        w.write(&Frame { direction: Some(Direction::In), ..whole }, &eth0).unwrap();
        w.write(&Frame { wire_len: 9, ..whole }, &eth0).unwrap();
        w.write(&whole, &short).unwrap();
    });
    let times: Vec<_> = read_bytes(&bytes).frames.iter().map(|f| (f.known, f.nanos, f.wire_len)).collect();
    assert_eq!(times, [(false, 0, 3), (true, 7000, 3), (true, 0, 3), (true, 0, 9), (true, 0, 3)]);
    let comments = bytes.windows(23).filter(|bytes| bytes == b"captured without a time").count();
    assert_eq!(comments, 3);
    // A cut by the snaplen is what a simple packet block is for.
    let bytes = written(Format::Pcapng, |w| w.write(&Frame { wire_len: 9, ..whole }, &short).unwrap());
    let again = read_bytes(&bytes);
    assert_eq!((again.frames[0].known, again.frames[0].wire_len), (false, 9));
    let classic = written(Format::Pcap, |w| w.write(&whole, &eth0).unwrap());
    assert_eq!(read_bytes(&classic).frames[0].nanos, 0);
}

#[test]
fn a_classic_file_has_one_link_type_and_names_the_remedy() {
    let eth0 = interface(LinkType::ETHERNET, None, 6);
    let mut writer = Writer::new(Vec::new(), "out.pcap".to_owned(), Format::Pcap);
    writer.write(&frame(0, 6, LinkType::ETHERNET, b"abc"), &eth0).unwrap();
    let error = writer.write(&frame(0, 6, LinkType::RAW, b"abc"), &eth0).unwrap_err();
    assert!(matches!(error, Error::LinkTypes { .. }));
    let sentence =
        "out.pcap: a pcap file cannot hold EN10MB and RAW frames; write pcapng (a name that ends in .pcapng)";
    assert_eq!(error.to_string(), sentence);
}

#[test]
fn raw_ip_fits_an_ethernet_file_with_a_header_made_up() {
    let eth0 = interface(LinkType::ETHERNET, None, 6);
    let out = written(Format::Pcap, |_| {});
    assert_eq!(read_bytes(&out).interfaces[0].link, LinkType::ETHERNET);
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, "out".to_owned(), Format::Pcap).as_ethernet(true);
    writer.write(&frame(0, 6, LinkType::ETHERNET, b"abc"), &eth0).unwrap();
    writer.write(&frame(0, 6, LinkType::RAW, &[0x45, 0]), &eth0).unwrap();
    writer.write(&frame(0, 6, LinkType::RAW, &[0x60, 0]), &eth0).unwrap();
    writer.finish().unwrap();
    drop(writer);
    let frames: Vec<Owned> = read_bytes(&out).frames;
    assert_eq!(frames[1].bytes, [&[0; 12][..], &[8, 0, 0x45, 0]].concat());
    assert_eq!(frames[2].bytes, [&[0; 12][..], &[0x86, 0xdd, 0x60, 0]].concat());
    assert_eq!((frames[0].wire_len, frames[1].wire_len), (100, 114));
}

#[test]
fn a_closed_pipe_is_told_apart() {
    struct Closed;
    impl io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut writer = Writer::new(Closed, "out".to_owned(), Format::Pcap);
    assert!(writer.finish().unwrap_err().is_broken_pipe());
}

#[test]
fn the_file_that_is_read_is_recognised_by_any_name() {
    let (dir, path) = file(&LITTLE.pcap(0xa1b2_c3d4, 1));
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(same_file(&path, &link));
    assert!(!same_file(&path, &dir.path().join("new")));
    assert!(!same_file(Path::new("/dev/null"), Path::new("/dev/null")));
}

#[test]
fn the_name_gives_the_format() {
    for (name, format) in [
        ("a.pcapng", Format::Pcapng),
        ("a.PcapNG", Format::Pcapng),
        ("a.ntar", Format::Pcapng),
        ("a.pcap", Format::Pcap),
        ("pcapng", Format::Pcap),
        ("-", Format::Pcap),
    ] {
        assert_eq!(Format::of(Path::new(name)), format, "{name}");
    }
}

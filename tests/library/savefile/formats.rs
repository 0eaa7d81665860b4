//! The frames of every format, with all that the format says about them.

use ovlsniff::capture::savefile::Savefile;
use ovlsniff::packet::{Direction, LinkType};

use super::build::{BIG, LITTLE, Order};
use super::{Owned, read_bytes};

fn owned(number: u64, nanos: i64, digits: u8, bytes: &[u8]) -> Owned {
    Owned {
        number,
        nanos,
        digits,
        known: true,
        link: LinkType::ETHERNET,
        interface: 0,
        direction: None,
        wire_len: bytes.len() as u32,
        bytes: bytes.to_vec(),
    }
}

#[test]
fn classic_files_in_both_byte_orders_and_precisions() {
    for order in [LITTLE, BIG] {
        for (magic, digits, nanos) in [(0xa1b2_c3d4, 6, 5_000_007_000), (0xa1b2_3c4d, 9, 5_000_000_007)] {
            let file =
                [order.pcap(magic, 1), order.record(5, 7, 3, b"abc"), order.record(5, 7, 0, b"")].concat();
            let contents = read_bytes(&file);
            assert!(contents.error.is_none(), "{}", contents.message());
            assert_eq!(contents.frames, [owned(1, nanos, digits, b"abc"), owned(2, nanos, digits, b"")]);
            let interface = &contents.interfaces[0];
            assert_eq!((interface.link, interface.snaplen, interface.digits), (LinkType(1), 65535, digits));
        }
    }
}

/// ngrep and tcpdump read such files too: the file has the writing system's own number for raw IP instead of 101.
#[test]
fn raw_ip_by_the_number_of_the_system_that_wrote_the_file() {
    for number in [12, 14, 101] {
        let classic = [LITTLE.pcap(0xa1b2_c3d4, number), LITTLE.record(5, 7, 3, b"abc")].concat();
        let interface = [LITTLE.u16(number as u16), LITTLE.u16(0)].concat();
        let pcapng = [
            LITTLE.section(),
            LITTLE.block(1, &[interface, LITTLE.u32(0).to_vec()].concat()),
            LITTLE.block(3, &[&LITTLE.u32(3)[..], b"abc"].concat()),
        ];
        for file in [classic, pcapng.concat()] {
            let contents = read_bytes(&file);
            assert_eq!(contents.interfaces[0].link, LinkType::RAW, "{number}");
            assert_eq!(contents.frames[0].link, LinkType::RAW, "{number}");
        }
    }
}

#[test]
fn kuznetzovs_variant_has_longer_records_and_a_direction() {
    for order in [LITTLE, BIG] {
        let mut file = order.pcap(0xa1b2_cd34, 1);
        for packet_type in [0u8, 4, 3] {
            file.extend(order.u32s(&[5, 7, 3, 3, 2]));
            file.extend([order.u16(0x0800)[0], order.u16(0x0800)[1], packet_type, 0]);
            file.extend(b"abc");
        }
        let contents = read_bytes(&file);
        let directions: Vec<_> = contents.frames.iter().map(|f| f.direction).collect();
        assert_eq!(directions, [Some(Direction::In), Some(Direction::Out), None]);
        assert!(contents.frames.iter().all(|f| f.bytes == b"abc"));
    }
}

#[test]
fn a_frame_check_sequence_is_no_part_of_the_frame() {
    // Bit 26 says that the number of FCS words follows; the upper four bits are that number, two 16-bit words.
    let header = LITTLE.pcap(0xa1b2_c3d4, 0x2400_0001);
    let file = [header, LITTLE.record(0, 0, 7, b"abcFCS!"), LITTLE.record(0, 0, 100, b"cut")].concat();
    let contents = read_bytes(&file);
    assert_eq!(contents.interfaces[0].link, LinkType::ETHERNET);
    assert_eq!((&contents.frames[0].bytes[..], contents.frames[0].wire_len), (&b"abc"[..], 3));
    assert_eq!((&contents.frames[1].bytes[..], contents.frames[1].wire_len), (&b"cut"[..], 96));
    // In pcapng, the interface or the packet tells the length of the FCS.
    let fcs = LITTLE.option(13, &[4]);
    let own = LITTLE.option(2, &((2u32 << 5) | 2).to_le_bytes());
    let file = [
        LITTLE.section(),
        LITTLE.interface(1, 0, &fcs),
        LITTLE.packet(0, 0, 7, b"abcFCS!", &[]),
        LITTLE.packet(0, 0, 5, b"abcFC", &own),
    ]
    .concat();
    let contents = read_bytes(&file);
    assert!(contents.frames.iter().all(|f| f.bytes == b"abc" && f.wire_len == 3), "{contents:?}");
    assert_eq!(contents.frames[1].direction, Some(Direction::Out));
}

fn two_sections(first: Order, second: Order) -> Vec<u8> {
    let inbound = [first.option(2, &first.u32(1)), first.option(0, &[])].concat();
    let nanos = [second.option(9, &[9]), second.option(14, &second.u64(1000))].concat();
    [
        first.section(),
        first.interface(1, 0, &first.option(2, b"eth0\0")),
        first.block(0xbad, &[7; 300]),
        first.packet(0, 1_500_000, 100, b"abcde", &inbound),
        first.interface(113, 4, &[]),
        first.block(3, &[&first.u32(3)[..], b"sp."].concat()),
        first.block(2, &[&first.u16(1)[..], &first.u16(9), &first.u32s(&[0, 8, 2, 2]), b"ob"].concat()),
        second.section(),
        second.interface(101, 0, &nanos),
        second.packet(0, 7, 1, b"x", &[]),
    ]
    .concat()
}

#[test]
fn pcapng_with_sections_interfaces_and_every_packet_block() {
    for (first, second) in [(LITTLE, BIG), (BIG, LITTLE), (BIG, BIG), (LITTLE, LITTLE)] {
        let contents = read_bytes(&two_sections(first, second));
        assert!(contents.error.is_none(), "{}", contents.message());
        let names: Vec<_> =
            contents.interfaces.iter().map(|i| (i.name.as_deref(), i.link.0, i.digits)).collect();
        assert_eq!(names, [(Some("eth0"), 1, 6), (None, 113, 6), (None, 101, 9)]);
        let expected = [
            Owned { wire_len: 100, direction: Some(Direction::In), ..owned(2, 1_500_000_000, 6, b"abcde") },
            Owned { known: false, ..owned(3, 1_500_000_000, 6, b"sp.") },
            Owned { link: LinkType::LINUX_SLL, interface: 1, ..owned(4, 8_000, 6, b"ob") },
            Owned { link: LinkType::RAW, interface: 2, ..owned(5, 1_000_000_000_007, 9, b"x") },
        ];
        assert_eq!(contents.frames, expected);
    }
}

#[test]
fn a_simple_packet_ends_at_the_snaplen() {
    let block = LITTLE.block(3, &[&LITTLE.u32(1500)[..], b"abcd"].concat());
    let file = [LITTLE.section(), LITTLE.interface(1, 4, &[]), block].concat();
    let contents = read_bytes(&file);
    assert_eq!((&contents.frames[0].bytes[..], contents.frames[0].wire_len), (&b"abcd"[..], 1500));
}

#[test]
fn a_clock_may_tick_in_powers_of_two() {
    let ticks = LITTLE.option(9, &[0x80 + 10]);
    let file =
        [LITTLE.section(), LITTLE.interface(1, 0, &ticks), LITTLE.packet(0, 1536, 1, b"x", &[])].concat();
    let contents = read_bytes(&file);
    assert_eq!((contents.frames[0].nanos, contents.frames[0].digits), (1_500_000_000, 4));
}

#[test]
fn a_super_frame_and_an_unknown_block_may_be_longer_than_the_buffer() {
    let long = vec![7; 700_001];
    let file = [
        LITTLE.section(),
        LITTLE.interface(1, 0, &[]),
        LITTLE.block(0xbad, &vec![0; 3 << 20]),
        LITTLE.packet(0, 0, 700_001, &long, &[]),
        LITTLE.packet(0, 0, 1, b"x", &[]),
    ]
    .concat();
    let contents = read_bytes(&file);
    assert_eq!(contents.frames.iter().map(|f| f.bytes.len()).collect::<Vec<_>>(), [700_001, 1]);
    let file =
        [LITTLE.pcap(0xa1b2_c3d4, 1), LITTLE.record(0, 0, 0, &long), LITTLE.record(0, 0, 1, b"x")].concat();
    let contents = read_bytes(&file);
    assert_eq!(contents.frames[0].bytes, long);
    assert_eq!(contents.frames[0].wire_len, 700_001, "more cannot be captured than was there");
    assert_eq!(contents.frames[1].bytes, b"x");
}

#[test]
fn the_first_interface_of_a_pcapng_file_can_be_known_before_its_first_packet() {
    let packet = LITTLE.packet(0, 7, 3, b"abc", &[]);
    let file = tempfile::NamedTempFile::new().unwrap();
    for (first, link) in [(LITTLE.interface(101, 0, &[]), Some(LinkType(101))), (packet.clone(), None)] {
        std::fs::write(file.path(), [LITTLE.section(), first, packet.clone()].concat()).unwrap();
        let mut savefile = Savefile::open(file.path()).unwrap();
        savefile.read_first_interface();
        savefile.read_first_interface();
        assert_eq!(savefile.interfaces().first().map(|interface| interface.link), link);
        // A file without an interface is told to be damaged by the first read, as ever.
        assert_eq!(savefile.next().ok().flatten().map(|frame| frame.number), link.map(|_| 1));
    }
}

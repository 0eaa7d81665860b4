//! Classic files that are not of version 2.4, or not quite. `libpcap.rs` compares the old versions with libpcap.

use ovlsniff::packet::LinkType;

use super::build::{BIG, LITTLE};
use super::read_bytes;

#[test]
fn in_old_versions_the_wire_length_comes_first() {
    for order in [LITTLE, BIG] {
        for version in [(2, 0), (2, 1), (2, 2), (543, 0)] {
            let record = [order.u32s(&[5, 7, 100, 3]), b"abc".to_vec()].concat();
            let file = [order.pcap_of(version, 0xa1b2_c3d4, 1), record.clone(), record].concat();
            let contents = read_bytes(&file);
            assert!(contents.error.is_none(), "{version:?} {}", contents.message());
            assert_eq!(contents.frames.len(), 2, "{version:?}");
            for frame in &contents.frames {
                assert_eq!(
                    (&frame.bytes[..], frame.wire_len, frame.nanos),
                    (&b"abc"[..], 100, 5_000_007_000)
                );
            }
        }
    }
}

/// Some programs wrote 2.3 and the order of 2.2. Nobody captures more of a frame than there is.
#[test]
fn in_version_2_3_the_smaller_length_is_the_captured_one() {
    let new = [LITTLE.u32s(&[5, 7, 3, 100]), b"abc".to_vec()].concat();
    let old = [LITTLE.u32s(&[5, 7, 100, 3]), b"abc".to_vec()].concat();
    let contents = read_bytes(&[LITTLE.pcap_of((2, 3), 0xa1b2_c3d4, 1), new, old].concat());
    assert!(contents.error.is_none(), "{}", contents.message());
    let seen: Vec<_> = contents.frames.iter().map(|f| (&f.bytes[..], f.wire_len)).collect();
    assert_eq!(seen, [(&b"abc"[..], 100), (&b"abc"[..], 100)]);
}

/// AIX numbers links by RFC 1573: 6 is Ethernet, which is Token Ring elsewhere.
#[test]
fn aix_has_nanoseconds_and_numbers_of_its_own_for_links() {
    for (number, link) in [(6, 1), (9, 6), (24, 0)] {
        let record = [BIG.u32s(&[5, 7, 100, 3]), b"abc".to_vec()].concat();
        let contents = read_bytes(&[BIG.pcap_of((2, 2), 0xa1b2_c3d4, number), record].concat());
        let frame = &contents.frames[0];
        assert_eq!((frame.link, frame.nanos, frame.digits), (LinkType(link), 5_000_000_007, 9));
        assert_eq!(contents.interfaces[0].digits, 9);
        // In another version the number is the usual one.
        let record = LITTLE.record(5, 7, 3, b"abc");
        let contents = read_bytes(&[LITTLE.pcap(0xa1b2_c3d4, number), record].concat());
        assert_eq!((contents.frames[0].link, contents.frames[0].digits), (LinkType(number as u16), 6));
    }
}

#[test]
fn ixias_header_tells_the_size_of_all_records_too() {
    for order in [LITTLE, BIG] {
        for (magic, digits, nanos) in [(0x1c00_01ab, 6, 5_000_007_000), (0x1c00_01ac, 9, 5_000_000_007)] {
            let record = order.record(5, 7, 3, b"abc");
            let size = order.u32(record.len() as u32);
            let contents = read_bytes(&[&order.pcap(magic, 1)[..], &size, &record].concat());
            assert!(contents.error.is_none(), "{}", contents.message());
            let frame = &contents.frames[0];
            assert_eq!((&frame.bytes[..], frame.nanos, frame.digits), (&b"abc"[..], nanos, digits));
            let cut = read_bytes(&[&order.pcap(magic, 1)[..], &size[..3]].concat());
            assert!(
                cut.message().ends_with("is cut off at byte 27, in the file's header"),
                "{}",
                cut.message()
            );
        }
    }
}

#[test]
fn what_no_length_can_be_is_damage_in_every_order() {
    for version in [(2, 2), (2, 3), (2, 4), (543, 0)] {
        let file =
            [LITTLE.pcap_of(version, 0xa1b2_c3d4, 1), LITTLE.u32s(&[5, 7, u32::MAX, u32::MAX])].concat();
        let message = read_bytes(&file).message();
        assert!(
            message.contains("is damaged at byte 24: a frame cannot be 4294967295 bytes long"),
            "{message}"
        );
    }
}

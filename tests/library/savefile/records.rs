//! The numbers of frames in pcapng files with records that are no packets, and packets without a time.
//! `tests/privileged/tshark` asks tshark about such files.

use super::build::{BIG, LITTLE, Order};
use super::read_bytes;

fn numbers(order: Order, records: &[Vec<u8>]) -> Vec<u64> {
    let packet = order.packet(0, 1_500_000, 3, b"abc", &[]);
    let mut file = [order.section(), order.interface(1, 0, &[]), packet.clone()].concat();
    for record in records {
        file.extend(record);
        file.extend(&packet);
    }
    let contents = read_bytes(&file);
    assert!(contents.error.is_none(), "{}", contents.message());
    contents.frames.iter().map(|frame| frame.number).collect()
}

#[test]
fn journal_entries_system_calls_and_custom_blocks_are_numbered_and_other_blocks_are_not() {
    for order in [LITTLE, BIG] {
        for numbered in [9, 0x204, 0x216, 0x221, 0xbad, 0x4000_0bad] {
            assert_eq!(numbers(order, &[order.block(numbered, &[7; 40])]), [1, 3], "{numbered:#x}");
        }
        // Names, statistics, secrets, times of IRIG, avionics, and what is not known.
        for other in [4, 5, 7, 8, 10, 0x101, 0x208, 0x8000_0001] {
            assert_eq!(numbers(order, &[order.block(other, &[7; 40])]), [1, 2], "{other:#x}");
        }
        let custom = order.block(0xbad, &[7; 40]);
        assert_eq!(numbers(order, &[custom.clone(), [custom.clone(), custom].concat()]), [1, 3, 6]);
    }
}

/// Ages are measured by the time of the frame before; what is told of the frame is that it has none.
#[test]
fn a_simple_packet_has_no_time() {
    let simple = LITTLE.block(3, &[&LITTLE.u32(3)[..], b"abc"].concat());
    let file = [
        LITTLE.section(),
        LITTLE.interface(1, 0, &[]),
        simple.clone(),
        LITTLE.packet(0, 1_500_000, 3, b"abc", &[]),
        simple.clone(),
        BIG.section(),
        BIG.interface(1, 0, &[]),
        BIG.block(3, &[&BIG.u32(3)[..], b"abc"].concat()),
    ];
    let times: Vec<_> =
        read_bytes(&file.concat()).frames.iter().map(|frame| (frame.known, frame.nanos)).collect();
    assert_eq!(times, [(false, 0), (true, 1_500_000_000), (false, 1_500_000_000), (false, 1_500_000_000)]);
}

//! A pcapng file's word about the frames that it does not hold: filters, losses, and frames that were taken out.

use ovlsniff::capture::savefile::{Filtered, Savefile};

use super::build::{BIG, LITTLE, Order};
use super::{file, read, read_bytes};

/// Returns what was dropped, missing and refused, by the file's word, after its last frame.
fn counts(bytes: &[u8]) -> [Option<u64>; 3] {
    let (_dir, path) = file(bytes);
    let mut file = Savefile::open(&path).unwrap();
    while file.advance().unwrap() {}
    [file.dropped(), file.missing(), file.refused()]
}

/// Statistics of an interface, with these counters.
fn statistics(order: Order, interface: u32, counters: &[(u16, u64)]) -> Vec<u8> {
    let options: Vec<u8> =
        counters.iter().flat_map(|(code, count)| order.option(*code, &order.u64(*count))).collect();
    order.block(5, &[order.u32s(&[interface, 0, 0]), options, order.option(0, &[])].concat())
}

/// A packet that counts the frames lost before it.
fn after(order: Order, interface: u32, lost: u64) -> Vec<u8> {
    let inbound = order.option(2, &order.u32(1));
    let options = [inbound, order.option(4, &order.u64(lost)), order.option(0, &[])].concat();
    order.packet(interface, 0, 3, b"abc", &options)
}

/// The old kind of packet, on interface 0.
fn old(order: Order, lost: u16) -> Vec<u8> {
    order.block(2, &[&order.u16(0)[..], &order.u16(lost), &order.u32s(&[0, 0, 3, 3]), b"abc"].concat())
}

fn begin(order: Order) -> Vec<u8> {
    [order.section(), order.interface(1, 0, &[])].concat()
}

#[test]
fn packets_count_the_losses_before_them() {
    for order in [LITTLE, BIG] {
        let file = |packets: &[Vec<u8>]| counts(&[begin(order), packets.concat()].concat())[0];
        let plain = order.packet(0, 0, 3, b"abc", &[]);
        assert_eq!(file(std::slice::from_ref(&plain)), None);
        assert_eq!(file(&[plain.clone(), after(order, 0, 0)]), Some(0));
        assert_eq!(file(&[after(order, 0, 2), plain, after(order, 0, 1 << 40)]), Some((1 << 40) + 2));
        assert_eq!(file(&[after(order, 0, u64::MAX), after(order, 0, 1)]), Some(u64::MAX));
        assert_eq!(file(&[old(order, 0xffff)]), None);
        assert_eq!(file(&[old(order, 0xffff), old(order, 3), old(order, 4)]), Some(7));
    }
}

#[test]
fn a_packet_that_counts_losses_is_read_like_any_other() {
    let contents = read_bytes(&[begin(LITTLE), after(LITTLE, 0, 5)].concat());
    assert!(contents.frames[0].direction.is_some() && contents.frames[0].bytes == b"abc");
}

#[test]
fn statistics_count_from_the_beginning_so_the_last_ones_hold() {
    for order in [LITTLE, BIG] {
        let file = [
            begin(order),
            statistics(order, 0, &[(5, 1), (7, 1)]),
            order.packet(0, 0, 3, b"abc", &[]),
            statistics(order, 0, &[(5, 2), (7, 3)]),
        ];
        assert_eq!(counts(&file.concat()), [Some(5), None, None]);
    }
}

#[test]
fn what_packets_count_is_among_what_statistics_count() {
    let end = statistics(LITTLE, 0, &[(5, 2), (7, 0)]);
    let file = |lost| counts(&[begin(LITTLE), after(LITTLE, 0, lost), end.clone()].concat())[0];
    assert_eq!((file(2), file(9)), (Some(2), Some(9)));
}

#[test]
fn frames_that_were_delivered_and_are_not_there_are_lost() {
    let plain = |interface| LITTLE.packet(interface, 0, 3, b"abc", &[]);
    let file = |delivered: [u64; 2]| {
        counts(
            &[
                begin(LITTLE),
                LITTLE.interface(1, 0, &[]),
                [plain(0), plain(1), plain(1)].concat(),
                statistics(LITTLE, 0, &[(8, delivered[0])]),
                statistics(LITTLE, 1, &[(8, delivered[1])]),
            ]
            .concat(),
        )
    };
    assert_eq!(file([1, 2]), [None, Some(0), None]);
    assert_eq!(file([4, 2]), [Some(3), Some(3), None]);
    assert_eq!(file([0, 3]), [Some(1), Some(1), None], "frames of another interface are no substitute");
    assert_eq!(file([u64::MAX, 2]), [None, Some(0), None], "a negative count is no count");
}

#[test]
fn a_filter_refused_what_was_received_and_not_accepted() {
    let file =
        |counters: &[(u16, u64)]| counts(&[begin(LITTLE), statistics(LITTLE, 0, counters)].concat())[2];
    assert_eq!(file(&[(4, 100)]), None, "dumpcap counts what it received itself, behind the filter");
    assert_eq!(file(&[(6, 100)]), None);
    assert_eq!(file(&[(4, 100), (6, 60)]), Some(40));
    assert_eq!(file(&[(4, 60), (6, 60)]), Some(0));
    assert_eq!(file(&[(4, 60), (6, 61)]), Some(0));
}

#[test]
fn each_section_has_its_own_interfaces_and_their_counters_add_up() {
    let part = |order, lost| [begin(order), after(order, 0, 0), statistics(order, 0, &[(7, lost)])].concat();
    assert_eq!(counts(&[part(LITTLE, 3), part(BIG, 4)].concat())[0], Some(7));
}

#[test]
fn statistics_of_an_interface_that_was_not_declared_say_nothing() {
    assert_eq!(counts(&[begin(LITTLE), statistics(LITTLE, 1, &[(5, 9), (8, 9)])].concat()), [None; 3]);
}

#[test]
fn an_interface_has_the_filter_of_its_capture() {
    let expression = |text: &str| Some(Filtered::Expression(text.to_owned()));
    for order in [LITTLE, BIG] {
        let interface = |filter: &[u8]| order.interface(1, 0, &order.option(11, filter));
        let file = [
            order.section(),
            order.interface(1, 0, &[]),
            interface(b"\0host 192.0.2.2"),
            interface(b"\x01\x06\0\0\0\0\0\0\0"),
            interface(b""),
            interface(&[0; 9]),
        ];
        let filters: Vec<_> =
            read_bytes(&file.concat()).interfaces.into_iter().map(|interface| interface.filter).collect();
        assert_eq!(filters, [None, expression("host 192.0.2.2"), Some(Filtered::Unread), None, None]);
    }
}

/// Dumpcap's own words: `dumpcap -i lo -f icmp -w FILE` wrote these two blocks, here without what is not read.
#[test]
fn what_dumpcap_writes() {
    let options = [
        LITTLE.option(2, b"lo"),
        LITTLE.option(3, b"Loopback"),
        LITTLE.option(9, &[9]),
        LITTLE.option(11, b"\0icmp"),
    ];
    let file = [
        LITTLE.section(),
        LITTLE.interface(1, 262_144, &options.concat()),
        LITTLE.packet(0, 0, 3, b"abc", &[]),
        statistics(LITTLE, 0, &[(4, 6), (5, 0)]),
    ]
    .concat();
    assert_eq!(counts(&file), [Some(0), None, None]);
    let (_dir, path) = super::file(&file);
    assert_eq!(read(&path).interfaces[0].filter, Some(Filtered::Expression("icmp".to_owned())));
}

use super::*;
use crate::packet::{Decoder, TunnelPorts};

/// Makes a frame with one fragment: RAW, IPv4, protocol 200.
fn fragment(id: u16, offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
    let flags = u16::from(more) << 13 | (offset / 8) as u16;
    let [f0, f1] = flags.to_be_bytes();
    let [l0, l1] = ((20 + payload.len()) as u16).to_be_bytes();
    let [i0, i1] = id.to_be_bytes();
    let header = [0x45, 0, l0, l1, i0, i1, f0, f1, 64, 200, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
    [&header[..], payload].concat()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::new(seconds, 0, 6)
}

fn add(reassembly: &mut Reassembly, seconds: i64, bytes: &[u8]) -> Added {
    add_of(LinkType::RAW, reassembly, seconds, bytes)
}

fn add_of(link: LinkType, reassembly: &mut Reassembly, seconds: i64, bytes: &[u8]) -> Added {
    let frame = Frame {
        number: 1,
        time: at(seconds),
        link,
        interface: InterfaceNumber(0),
        direction: None,
        wire_len: bytes.len() as u32,
        bytes,
    };
    let packet = Decoder::new(TunnelPorts::default()).hold_in_tunnels().decode(&frame);
    assert!(packet.is_fragment());
    reassembly.add(&frame, &packet)
}

#[test]
fn a_datagram_is_whole_in_any_order_and_a_duplicate_does_no_harm() {
    let parts = [
        fragment(1, 0, true, b"VXLAN in"),
        fragment(1, 8, true, b" three f"),
        fragment(1, 16, false, b"ragments"),
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut reassembly = Reassembly::default();
        assert!(matches!(add(&mut reassembly, 0, &parts[order[0]]), Added::Held));
        assert!(matches!(add(&mut reassembly, 0, &parts[order[0]]), Added::Alone));
        assert!(matches!(add(&mut reassembly, 0, &parts[order[1]]), Added::Held));
        let Added::Whole { protocol, payload, earlier } = add(&mut reassembly, 0, &parts[order[2]]) else {
            panic!("not whole in the order {order:?}");
        };
        assert_eq!((protocol, &payload[..]), (200, &b"VXLAN in three fragments"[..]));
        assert_eq!(earlier.frames().len(), 2);
        assert!(reassembly.drain().is_none() && reassembly.bytes == 0);
    }
}

/// A capture on `any` shows a packet on each interface that it passes, such as a port of a bridge, the bridge, and
/// the interface it leaves by.
#[test]
fn what_passes_several_interfaces_of_any_is_put_together_on_each() {
    let cooked = |interface: u8, packet: &[u8]| {
        let header = [8, 0, 0, 0, 0, 0, 0, interface, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
        [&header[..], packet].concat()
    };
    let mut reassembly = Reassembly::default();
    for (packet, whole) in [(fragment(1, 0, true, b"half of "), false), (fragment(1, 8, false, b"all"), true)]
    {
        for interface in 2..5 {
            let added = add_of(LinkType::LINUX_SLL2, &mut reassembly, 0, &cooked(interface, &packet));
            assert_eq!(matches!(added, Added::Whole { .. }), whole, "{interface} {added:?}");
        }
    }
    assert!(reassembly.drain().is_none());
}

#[test]
fn datagrams_with_different_ids_are_kept_apart() {
    let mut reassembly = Reassembly::default();
    assert!(matches!(add(&mut reassembly, 0, &fragment(1, 0, true, b"of one  ")), Added::Held));
    assert!(matches!(add(&mut reassembly, 0, &fragment(2, 8, false, b"other")), Added::Held));
    assert_eq!(reassembly.drain().map(|datagram| datagram.frames().len()), Some(1));
    assert_eq!(reassembly.drain().map(|datagram| datagram.frames().len()), Some(1));
}

#[test]
fn datagrams_of_two_ppp_sessions_are_kept_apart_although_their_addresses_are_the_same() {
    let pppoe = |session: u8, packet: &[u8]| {
        let [high, low] = ((2 + packet.len()) as u16).to_be_bytes();
        [&[2; 12][..], &[0x88, 0x64, 0x11, 0, 0, session, high, low, 0, 0x21], packet].concat()
    };
    let (first, last) = (fragment(1, 0, true, b"half of "), fragment(1, 8, false, b"all"));
    let mut reassembly = Reassembly::default();
    let mut add = |bytes: &[u8]| add_of(LinkType::ETHERNET, &mut reassembly, 0, bytes);
    assert!(matches!(add(&pppoe(1, &first)), Added::Held));
    assert!(matches!(add(&pppoe(2, &last)), Added::Held));
    assert!(matches!(add(&pppoe(1, &last)), Added::Whole { .. }));
}

#[test]
fn an_overlap_gives_the_datagram_up_and_its_frames_back() {
    for (offset, more, payload) in
        [(8, true, &b"other bytes here"[..]), (16, false, b"end"), (8, false, b"end")]
    {
        let mut reassembly = Reassembly::default();
        assert!(matches!(add(&mut reassembly, 0, &fragment(1, 16, true, b"eightbyt")), Added::Held));
        let Added::GivenUp(datagram) = add(&mut reassembly, 0, &fragment(1, offset, more, payload)) else {
            panic!("an overlap at {offset} was taken");
        };
        assert_eq!(datagram.frames().len(), 1);
        assert_eq!(reassembly.bytes, 0);
    }
}

#[test]
fn what_stays_incomplete_comes_back_after_thirty_seconds() {
    let mut reassembly = Reassembly::default();
    assert!(matches!(add(&mut reassembly, 100, &fragment(1, 0, true, b"half of ")), Added::Held));
    assert!(reassembly.expired(at(130)).is_none());
    let datagram = reassembly.expired(at(131)).unwrap();
    assert!(datagram.frames()[0].frame().bytes.ends_with(b"half of "));
}

#[test]
fn memory_is_bounded_however_many_datagrams_are_begun() {
    let mut reassembly = Reassembly::default();
    let mut came_back = 0;
    for id in 0..=u16::MAX {
        assert!(matches!(add(&mut reassembly, 0, &fragment(id, 0, true, &[7; 1024])), Added::Held));
        while reassembly.expired(at(0)).is_some() {
            came_back += 1;
        }
        assert!(reassembly.bytes <= MAX_BYTES + 2048);
    }
    assert!(came_back > 60_000, "{came_back}");
    assert!(reassembly.order.len() < 8192);
}

#[test]
fn a_datagram_in_crumbs_is_given_up() {
    let mut reassembly = Reassembly::default();
    let given_up = (0..1000).any(|n| {
        matches!(add(&mut reassembly, 0, &fragment(1, n * 8, true, b"8 bytes.")), Added::GivenUp(_))
    });
    assert!(given_up);
}

#[test]
fn what_completes_leaves_nothing_behind_one_that_waits() {
    let mut reassembly = Reassembly::default();
    assert!(matches!(add(&mut reassembly, 0, &fragment(0, 0, true, b"forever ")), Added::Held));
    for id in 1..=10_000 {
        assert!(matches!(add(&mut reassembly, 0, &fragment(id, 0, true, b"both of ")), Added::Held));
        assert!(matches!(add(&mut reassembly, 0, &fragment(id, 8, false, b"it")), Added::Whole { .. }));
    }
    assert!(reassembly.order.len() < 100, "{} are named, 1 waits", reassembly.order.len());
    assert!(reassembly.expired(at(31)).is_some_and(|datagram| datagram.frames().len() == 1));
}

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

/// Subscribers of a mobile network, or sites behind one router, may use the same addresses.
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
fn fragments_in_different_tunnels_between_the_same_ends_are_kept_apart() {
    let in_gtp = |teid: u8, packet: &[u8]| {
        let gtp = [&[0x30, 255, 0, packet.len() as u8, 0, 0, 0, teid], packet].concat();
        let [high, low] = ((8 + gtp.len()) as u16).to_be_bytes();
        let udp = [&[8, 104, 8, 104, high, low, 0, 0], &gtp[..]].concat();
        let mut outer = fragment(9, 0, false, &udp);
        outer[9] = 17;
        outer
    };
    let mut decoder = Decoder::new(TunnelPorts::default()).hold_in_tunnels();
    let mut reassembly = Reassembly::default();
    let mut take = |bytes: &[u8]| {
        let frame = Frame {
            number: 1,
            time: at(0),
            link: LinkType::RAW,
            interface: InterfaceNumber(0),
            direction: None,
            wire_len: bytes.len() as u32,
            bytes,
        };
        reassembly.add(&frame, &decoder.decode(&frame))
    };
    let (first, second) = (fragment(1, 0, true, b"half of "), fragment(1, 8, false, b"it"));
    assert!(matches!(take(&in_gtp(1, &first)), Added::Held));
    assert!(matches!(take(&in_gtp(2, &second)), Added::Held));
    assert!(matches!(take(&in_gtp(1, &second)), Added::Whole { .. }));
}

/// Returns the result for the last of these fragments, each with its offset, its flag for more, and its payload.
fn joined(parts: &[(usize, bool, &[u8])]) -> (Added, usize) {
    let mut reassembly = Reassembly::default();
    let mut last = None;
    for &(offset, more, payload) in parts {
        last = Some(add(&mut reassembly, 0, &fragment(1, offset, more, payload)));
    }
    (last.unwrap(), reassembly.bytes)
}

/// `inet_frag_queue_insert` returns `IPFRAG_OVERLAP`, and `ip_frag_queue` kills the queue.
#[test]
fn an_overlap_discards_the_datagram_and_gives_its_frames_back() {
    for (offset, payload) in
        [(8, &b"other bytes here"[..]), (8, b"more bytes than are held"), (16, b"other bytes here")]
    {
        let (added, bytes) = joined(&[(16, true, b"eightbyt"), (offset, true, payload)]);
        let Added::GivenUp(datagram) = added else { panic!("an overlap at {offset} was taken") };
        assert_eq!((datagram.frames().len(), bytes), (1, 0));
    }
}

/// `ip_frag_queue`: "If we already have some bits beyond end or have different end, the segment is corrupted."
#[test]
fn a_contradiction_about_the_end_discards_the_datagram() {
    let (eight, sixteen) = (&b"eightbyt"[..], &b"other bytes here"[..]);
    for (held, next) in [
        ((16, true, eight), (16, false, &b"end"[..])),
        ((16, true, eight), (8, false, b"end")),
        // "Some bits beyond end -> corruption", and another end than the first one.
        ((8, false, eight), (16, true, eight)),
        ((8, false, eight), (8, false, sixteen)),
        // An empty fragment: `end == offset`.
        ((8, true, eight), (16, true, b"")),
        ((8, true, eight), (16, true, b"odd")),
    ] {
        let (added, bytes) = joined(&[held, next]);
        assert!(
            matches!(&added, Added::GivenUp(datagram) if datagram.frames().len() == 1),
            "{next:?}: {added:?}"
        );
        assert_eq!(bytes, 0);
    }
}

/// `inet_frag_queue_insert` returns `IPFRAG_DUP` for what lies within a run, and the queue stays (errata 3089 of RFC 5722).
/// It does not compare the bytes.
#[test]
fn what_is_there_already_is_dropped_even_if_its_bytes_differ() {
    let first: (usize, bool, &[u8]) = (0, true, b"first of two runs that are ");
    let (first, second) = ((first.0, first.1, &first.2[..24]), (24, true, &b"one run."[..]));
    for again in [(0, true, &b"forged bytes"[..8]), (16, true, b"forged bytes too"), first] {
        let (added, _) = joined(&[first, second, again]);
        assert!(matches!(added, Added::Alone), "{again:?}: {added:?}");
        let (added, _) = joined(&[first, second, again, (32, false, b"End")]);
        let Added::Whole { payload, .. } = added else { panic!("{again:?}: {added:?}") };
        assert_eq!(payload, b"first of two runs that aone run.End");
    }
}

/// A fragment in front of held ones is a run of its own, although it may touch them: `fragrun_append_to_last` only ever
/// extends the last run.
#[test]
fn what_lies_across_two_runs_is_an_overlap() {
    let (added, _) =
        joined(&[(8, true, b"eightbyt"), (0, true, b"eightbyt"), (0, true, b"sixteen bytes...")]);
    assert!(matches!(added, Added::GivenUp(_)), "{added:?}");
    let (added, _) =
        joined(&[(0, true, b"eightbyt"), (8, true, b"eightbyt"), (0, true, b"sixteen bytes...")]);
    assert!(matches!(added, Added::Alone), "{added:?}");
}

/// A last fragment within a run tells the end, and is dropped: the datagram never becomes whole (`IPFRAG_DUP` comes before
/// the test for that).
#[test]
fn an_end_that_is_there_already_completes_nothing() {
    let (added, bytes) = joined(&[(0, true, b"sixteen bytes..."), (8, false, b"bytes...")]);
    assert!(matches!(added, Added::Alone) && bytes > 0, "{added:?}");
}

/// `ip_frag_queue`: `end &= ~7`.
#[test]
fn an_odd_fragment_of_ipv4_is_cut_down_to_eights() {
    let (added, _) = joined(&[(0, true, b"eightbyt???"), (8, false, b"end")]);
    let Added::Whole { payload, .. } = added else { panic!("{added:?}") };
    assert_eq!(payload, b"eightbytend");
}

/// `ip6_frag_queue` answers an odd fragment with "parameter problem" and keeps the queue. The rest is as in IPv4.
#[test]
fn ipv6_drops_an_odd_fragment_alone() {
    let six = |offset: u16, more: bool, payload: &[u8]| {
        let mut packet = vec![0; 40];
        (packet[0], packet[5], packet[6]) = (0x60, 8 + payload.len() as u8, 44);
        packet.extend([200, 0]);
        packet.extend((offset | u16::from(more)).to_be_bytes());
        packet.extend([0, 0, 0, 1]);
        packet.extend(payload);
        packet
    };
    let mut reassembly = Reassembly::default();
    assert!(matches!(add(&mut reassembly, 0, &six(0, true, b"eightbyt")), Added::Held));
    assert!(matches!(add(&mut reassembly, 0, &six(8, true, b"odd")), Added::Alone));
    assert!(matches!(add(&mut reassembly, 0, &six(0, true, b"EIGHTBYT")), Added::Alone));
    assert!(matches!(add(&mut reassembly, 0, &six(8, false, b"end")), Added::Whole { .. }));
    assert!(matches!(add(&mut reassembly, 0, &six(0, true, b"eightbyt")), Added::Held));
    assert!(matches!(add(&mut reassembly, 0, &six(0, true, b"sixteen bytes...")), Added::GivenUp(_)));
    assert!(reassembly.is_empty());
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
        assert!(reassembly.bytes <= MAX_BYTES);
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

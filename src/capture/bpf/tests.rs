//! Tests the interpreter against libpcap's own.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{Error, Filter, dlt};
use crate::packet::LinkType;

const EXPRESSIONS: &[&str] = &[
    "",
    "host 10.0.0.1",
    "src host 10.0.0.1 and dst net 192.168.0.0/16",
    "net 10.0.0.0/8",
    "port 80",
    "not port 22",
    "tcp",
    "udp port 4789",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "tcp[13] = 18",
    "vlan and ip",
    "vlan 5 and vlan 6 and tcp port 80",
    "ip6",
    "ip6 and udp port 53",
    "ip6 host 2001:db8::1",
    "portrange 1-1024",
    "src portrange 8000-9000 or icmp",
    "ether host 02:00:00:00:00:01",
    "ether broadcast or ether multicast",
    "ip broadcast or ip multicast",
    "greater 100",
    "less 100",
    "len > 60 and len - 14 != ip[2:2]",
    "len / 20 > 3",
    "len % ip[9] = 1",
    "ip[0] << ip[1] = 4",
    "ip[0] >> 4 = 4 and ip[0] ^ 0x45 = 0",
    "udp[8] = 8",
    "udp[8:4] = 0x08000000 and udp[11:4] & 0xffffff00 = 0x00100100",
    "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420",
    "ip proto 50",
    "ip protochain 6",
    "ip6 protochain 17",
    "arp or rarp",
    "icmp[icmptype] = icmp-echo",
    "mpls",
    "pppoes",
    "ip[6:2] & 0x1fff != 0",
    "esp or ah",
    "geneve",
    "-(ip[0]) = 3",
];

fn pair(expression: &str, link: LinkType) -> Option<(Filter, pcap::BpfProgram)> {
    let theirs = pcap::Capture::dead(pcap::Linktype(dlt(link))).unwrap().compile(expression, true).ok();
    let ours = Filter::compile(expression, link);
    assert_eq!(theirs.is_some(), ours.is_ok(), "{expression} on {link}: {ours:?}");
    ours.ok().zip(theirs)
}

/// Generates frames that get far into a filter: random bytes with some plausible headers.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let ether = prop_oneof![
        Just(vec![8, 0]),
        Just(vec![0x86, 0xdd]),
        Just(vec![0x81, 0, 0, 5, 8, 0]),
        Just(vec![0x81, 0, 0, 5, 0x81, 0, 0, 6, 8, 0]),
        proptest::collection::vec(any::<u8>(), 2),
    ];
    let proto = prop_oneof![Just(6u8), Just(17), Just(50), Just(1), any::<u8>()];
    let address = prop_oneof![Just([10, 0, 0, 1]), Just([192, 168, 0, 9]), any::<[u8; 4]>()];
    let port = prop_oneof![Just(80u16), Just(22), Just(4789), Just(6081), Just(8080), any::<u16>()];
    let rest = proptest::collection::vec(any::<u8>(), 0..120);
    (ether, proto, (address.clone(), address), (port.clone(), port), rest, any::<u8>(), 0..200usize).prop_map(
        |(ether, proto, (src, dst), (sport, dport), rest, fragment, cut)| {
            let six = ether == [0x86, 0xdd];
            let mut frame = vec![2, 0, 0, 0, 0, 1, 255, 255, 255, 255, 255, 255];
            frame.extend(ether);
            if six {
                frame.extend([0x60, 0, 0, 0, 0, 60, proto, 64]);
                frame.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
                frame.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, fragment]);
            } else {
                let offset = u8::from(fragment > 200);
                frame.extend([0x45, 0, 0, 80, 0, 0, 0, offset, 64, proto, 0, 0]);
                frame.extend(src);
                frame.extend(dst);
            }
            frame.extend(sport.to_be_bytes());
            frame.extend(dport.to_be_bytes());
            frame.extend(rest);
            frame.truncate(cut.max(1));
            frame
        },
    )
}

#[test]
fn every_filter_decides_as_libpcap_does() {
    let links = [LinkType::ETHERNET, LinkType::RAW, LinkType::LINUX_SLL, LinkType::LINUX_SLL2];
    let on_links = EXPRESSIONS.iter().flat_map(|expression| links.map(|link| (expression, link)));
    let filters: Vec<_> =
        on_links.filter_map(|(expression, link)| Some((expression, link, pair(expression, link)?))).collect();
    // A frame like another one takes its way through the program.
    let alike = (frame(), proptest::collection::vec((0..60_usize, any::<u8>()), 0..3)).prop_map(
        |(frame, changes)| {
            let mut other = frame.clone();
            changes
                .iter()
                .for_each(|&(at, byte)| other.iter_mut().skip(at).take(1).for_each(|old| *old = byte));
            [frame, other]
        },
    );
    let tried = TestRunner::default().run(&proptest::collection::vec(alike, 32), |frames| {
        for (expression, link, (ours, theirs)) in &filters {
            let mut ours = ours.clone();
            for frame in frames.as_flattened() {
                // The Ethernet header is cut off for RAW, so that the frame begins with the IP header.
                let bytes = if *link == LinkType::RAW { frame.get(14..).unwrap_or(&[1]) } else { &frame[..] };
                let bytes = if bytes.is_empty() { &[0] } else { bytes };
                let decided = ours.matches(bytes, bytes.len() as u32);
                prop_assert_eq!(decided, theirs.filter(bytes), "{} {:02x?}", expression, bytes);
            }
        }
        Ok(())
    });
    tried.unwrap();
}

#[test]
fn the_expressions_are_all_taken_for_ethernet() {
    let refused: Vec<_> = EXPRESSIONS.iter().filter(|e| pair(e, LinkType::ETHERNET).is_none()).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn the_length_is_that_on_the_wire_and_loads_end_at_the_captured_bytes() {
    let mut greater = Filter::compile("greater 1000", LinkType::ETHERNET).unwrap();
    assert!(greater.matches(&[0; 60], 1500));
    assert!(!greater.matches(&[0; 60], 60));
    let mut byte = Filter::compile("ether[100] = 0", LinkType::ETHERNET).unwrap();
    assert!(byte.matches(&[0; 101], 1500));
    assert!(!byte.matches(&[0; 100], 1500));
}

#[test]
fn raw_ip_has_another_number_in_libpcap_than_in_files() {
    let mut filter = Filter::compile("src host 10.0.0.1", LinkType::RAW).unwrap();
    let packet = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    assert!(filter.matches(&packet, 20));
}

#[test]
fn errors_say_what_is_wrong() {
    let error = Filter::compile("tcp prt 80", LinkType::ETHERNET).unwrap_err().to_string();
    assert_eq!(error, "filter 'tcp prt 80': at column 5, 'prt' is no word of a filter; did you mean 'port'?");
    let error = Filter::compile("ip and arp", LinkType::ETHERNET).unwrap_err();
    assert!(matches!(error, Error::RejectsAll { .. }), "{error}");
    let error = Filter::compile("tcp port 80", LinkType(195)).unwrap_err().to_string();
    assert!(error.starts_with("filter 'tcp port 80'"), "{error}");
    let error = Filter::compile("tcp\0", LinkType::ETHERNET).unwrap_err().to_string();
    assert!(error.contains("NUL"), "{error}");
    Filter::compile("ip", LinkType(0xfff0)).unwrap_err();
}

#[test]
fn loopback_captures_of_other_systems_are_filtered_by_their_ip_version() {
    // The family of IPv6 on NetBSD and OpenBSD, FreeBSD, macOS and Linux, in both byte orders.
    let mut ip6 = Filter::compile("ip6 and udp", LinkType::NULL).unwrap();
    let mut ip = Filter::compile("ip and greater 64", LinkType::LOOP).unwrap();
    for family in [24_u32, 28, 30, 10] {
        for family in [family.to_le_bytes(), family.to_be_bytes()] {
            let mut packet = [0; 48];
            (packet[0], packet[6]) = (0x60, 17);
            assert!(ip6.matches(&[&family[..], &packet].concat(), 52), "{family:?}");
            packet[0] = 0x45;
            assert!(!ip6.matches(&[&family[..], &packet].concat(), 52), "{family:?}");
            assert!(
                ip.matches(&[&family[..], &packet].concat(), 64)
                    && !ip.matches(&[&family[..], &packet].concat(), 63)
            );
        }
    }
}

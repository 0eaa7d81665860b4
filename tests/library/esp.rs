//! ESP packets that a kernel made, opened with the keys it had.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;

use ovlsniff::ipsec::{self, Opener, Sa, Scratch};
use ovlsniff::packet::{
    Decoder, Frame, InterfaceNumber, LinkType, Opaque, Packet, Sealed, Timestamp, Transport, TunnelPorts,
};

const PCAP: &[u8] = include_bytes!("../fixtures/esp/algorithms.pcap");
const NOT_OPENED: [&str; 3] = ["des3", "cbc-cmac", "cbc-noauth"];

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn sas(name: &str) -> Vec<Sa> {
    ipsec::read_file(&fixture(name)).unwrap()
}

/// The frames of a classic capture in this machine's byte order.
fn frames(pcap: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    let mut rest = &pcap[24..];
    (1..).map_while(move |number| {
        let (header, bytes) = rest.split_first_chunk::<16>()?;
        let len = u32::from_ne_bytes(header[8..12].try_into().unwrap()) as usize;
        let wire_len = u32::from_ne_bytes(header[12..].try_into().unwrap());
        let (bytes, after) = bytes.split_at(len);
        rest = after;
        Some(Frame {
            number,
            time: Timestamp::new(0, 0, 6),
            link: LinkType::ETHERNET,
            interface: InterfaceNumber(0),
            direction: None,
            wire_len,
            bytes,
        })
    })
}

fn decoder() -> Decoder {
    Decoder::new(TunnelPorts::default())
}

/// The ESP packets of the capture with their outer addresses.
fn esp_packets() -> Vec<(IpAddr, IpAddr, &'static [u8])> {
    let mut decoder = decoder();
    let esp = frames(PCAP).map(|frame| {
        let packet = decoder.decode(&frame);
        let ip = packet.outermost().ip.unwrap();
        // What is only authenticated has been decoded already; the packet still stands behind the outer header.
        let udp = matches!(packet.outermost().transport, Transport::Udp(_)) && ip.protocol == 17;
        let start = 14 + if ip.source.is_ipv4() { 20 } else { 40 } + if udp { 8 } else { 0 };
        (ip.source, ip.destination, &frame.bytes[start..])
    });
    esp.collect()
}

/// `vector NAME …` in the UDP datagram that an opened packet ends with.
fn vector_name(plaintext: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(plaintext).into_owned();
    let (_, name) = text.split_once("vector ")?;
    Some(name.split(' ').next()?.to_owned())
}

#[test]
fn every_algorithm_of_the_kernel_is_opened() {
    let mut opener = Opener::new(sas("esp/algorithms.xfrm"));
    let mut scratch = Vec::new();
    let mut found = BTreeMap::<String, usize>::new();
    let mut shut = Vec::new();
    for (source, destination, esp) in esp_packets() {
        match opener.open(source, destination, esp, &mut scratch) {
            Ok(inside) => *found.entry(vector_name(inside.plaintext).unwrap()).or_default() += 1,
            Err(why) => shut.push(why),
        }
    }
    let four: Vec<_> = found.values().filter(|&&count| count == 4).collect();
    assert_eq!(four.len(), 94, "{found:?}");
    assert_eq!(shut, [Sealed::UnknownAlgorithm; NOT_OPENED.len()]);
}

#[test]
fn what_ip_prints_with_statistics_gives_the_same_sas() {
    assert_eq!(sas("esp/algorithms.xfrm"), sas("esp/algorithms-s.xfrm"));
}

#[test]
fn padding_and_trailer_are_gone() {
    let mut opener = Opener::new(sas("esp/algorithms.xfrm"));
    let mut scratch = Vec::new();
    for (source, destination, esp) in esp_packets() {
        let Ok(inside) = opener.open(source, destination, esp, &mut scratch) else { continue };
        let udp = match inside.next_header {
            17 => inside.plaintext,
            4 => &inside.plaintext[20..],
            41 => &inside.plaintext[40..],
            other => panic!("next header {other}"),
        };
        let len = u16::from_be_bytes([udp[4], udp[5]]);
        assert_eq!(udp.len(), usize::from(len));
    }
}

#[test]
fn an_opened_packet_is_decoded_like_any_other() {
    let mut opener = Opener::new(sas("esp/algorithms.xfrm"));
    let (mut decoder, mut scratch) = (decoder(), Scratch::default());
    let mut ports = Vec::new();
    for frame in frames(PCAP) {
        let packet = decoder.decode(&frame);
        let packet = opener.open_packet(&mut decoder, packet, &mut scratch);
        match packet.opaque {
            None => {
                assert!(packet.payload.starts_with(b"vector "), "{packet:?}");
                ports.push(packet.headers.transport.ports().unwrap().destination);
            }
            Some(Opaque::Esp { why, .. }) => assert_eq!(why, Sealed::UnknownAlgorithm),
            Some(other) => panic!("{other:?}"),
        }
    }
    ports.dedup();
    assert_eq!(ports.len(), 94);
}

#[test]
fn every_flipped_bit_is_noticed() {
    let mut seen = std::collections::BTreeSet::new();
    for (source, destination, esp) in esp_packets() {
        // Of every SA one packet.
        if !seen.insert(&esp[..4]) {
            continue;
        }
        let mut opener = Opener::new(sas("esp/algorithms.xfrm"));
        let mut scratch = Vec::new();
        if opener.open(source, destination, esp, &mut scratch).is_err() {
            continue;
        }
        let mut changed = esp.to_vec();
        // The first four bytes select the SA; those after them are all authenticated.
        for bit in 32..esp.len() * 8 {
            changed[bit / 8] ^= 1 << (bit % 8);
            let result = opener.open(source, destination, &changed, &mut scratch);
            assert_eq!(result.unwrap_err(), Sealed::BadIcv, "bit {bit} of {:02x?}", &esp[..8]);
            changed[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(opener.open(source, destination, esp, &mut scratch).is_ok(), "the SA works on afterwards");
    }
}

#[test]
fn a_packet_cut_off_anywhere_stays_shut() {
    let mut opener = Opener::new(sas("esp/algorithms.xfrm"));
    let mut scratch = Vec::new();
    for (source, destination, esp) in esp_packets() {
        for len in 0..esp.len() {
            let why = opener.open(source, destination, &esp[..len], &mut scratch).unwrap_err();
            let possible = [Sealed::Truncated, Sealed::BadIcv, Sealed::UnknownAlgorithm];
            assert!(possible.contains(&why), "{why:?} with {len} bytes");
        }
    }
}

#[test]
fn what_the_snaplen_cut_off_is_called_truncated() {
    let mut opener = Opener::new(sas("esp/algorithms.xfrm"));
    let (mut decoder, mut scratch) = (decoder(), Scratch::default());
    let frame = frames(PCAP).next().unwrap();
    let cut = Frame { bytes: &frame.bytes[..frame.bytes.len() - 1], ..frame };
    let packet = decoder.decode(&cut);
    let why = |packet: Packet<'_>| match packet.opaque {
        Some(Opaque::Esp { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(opener.open_packet(&mut decoder, packet, &mut scratch)), Sealed::Truncated);
    let packet = decoder.decode(&cut);
    assert_eq!(why(Opener::new([]).open_packet(&mut decoder, packet, &mut scratch)), Sealed::NoKey);
}

#[test]
fn a_wrong_key_is_not_a_missing_one() {
    let text = std::fs::read_to_string(fixture("esp/algorithms.xfrm")).unwrap();
    let mut keys = 0;
    let wrong: String = text
        .lines()
        .map(|line| {
            let words = ["aead ", "auth-trunc ", "auth "];
            match line.find(" 0x").filter(|_| words.iter().any(|word| line.trim_start().starts_with(word))) {
                Some(at) => {
                    keys += 1;
                    let digit = if &line[at + 3..at + 4] == "0" { "1" } else { "0" };
                    format!("{}{digit}{}\n", &line[..at + 3], &line[at + 4..])
                }
                None => format!("{line}\n"),
            }
        })
        .collect();
    assert!(keys > 90);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), wrong).unwrap();
    let mut opener = Opener::new(ipsec::read_file(file.path()).unwrap());
    let mut scratch = Vec::new();
    for (source, destination, esp) in esp_packets() {
        let why = opener.open(source, destination, esp, &mut scratch).unwrap_err();
        assert!(matches!(why, Sealed::BadIcv | Sealed::UnknownAlgorithm), "{why:?}");
    }
}

#[test]
fn without_the_sa_of_its_destination_a_packet_has_no_key() {
    let mut opener = Opener::new(sas("esp/algorithms.xfrm"));
    let mut scratch = Vec::new();
    let (source, _, esp) = esp_packets()[0];
    let elsewhere = "198.51.100.3".parse().unwrap();
    assert_eq!(opener.open(source, elsewhere, esp, &mut scratch).unwrap_err(), Sealed::NoKey);
}

#[test]
fn extended_sequence_numbers_are_found_without_a_hint() {
    let text = std::fs::read_to_string(fixture("esp/algorithms.xfrm")).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        text.replace("oseq-hi 0x3", "oseq-hi 0x0").replace("oseq-hi 0x8", "oseq-hi 0x0"),
    )
    .unwrap();
    let mut opener = Opener::new(ipsec::read_file(file.path()).unwrap());
    let mut scratch = Vec::new();
    let mut numbers = BTreeMap::<String, Vec<u64>>::new();
    for (source, destination, esp) in esp_packets() {
        let Ok(inside) = opener.open(source, destination, esp, &mut scratch) else { continue };
        let name = vector_name(inside.plaintext).unwrap();
        if name.starts_with("esn-") {
            numbers.entry(name).or_default().push(inside.sequence);
        }
    }
    assert_eq!(numbers.len(), 7);
    assert_eq!(numbers["esn-gcm-wrap"], [0x7_ffff_fffe, 0x7_ffff_ffff, 0x8_0000_0000, 0x8_0000_0001]);
    assert_eq!(numbers["esn-cbc"], [0x3_0000_0001, 0x3_0000_0002, 0x3_0000_0003, 0x3_0000_0004]);
}

#[test]
fn the_page_that_went_through_the_encrypted_network_is_found_with_its_inner_addresses() {
    let pcap = std::fs::read(fixture("swarm/swarm-node1.pcap")).unwrap();
    let mut opener = Opener::new(sas("swarm/xfrm-state.txt"));
    assert_eq!(opener.sas().len(), 6, "two of the eight stand in both nodes' lists");
    let (mut decoder, mut scratch) = (decoder(), Scratch::default());
    let mut found = Vec::new();
    for frame in frames(&pcap) {
        let packet = decoder.decode(&frame);
        let was_shut = packet.opaque.is_some();
        let packet = opener.open_packet(&mut decoder, packet, &mut scratch);
        assert_eq!(packet.opaque, None);
        if was_shut && packet.payload.windows(4).any(|window| window == b"HTTP") {
            let ip = packet.headers.ip.unwrap();
            found.push((ip.source.to_string(), ip.destination.to_string(), packet.vni().unwrap().value()));
        }
    }
    let (client, server) = ("10.0.2.4".to_owned(), "10.0.2.2".to_owned());
    assert_eq!(found, [(client.clone(), server.clone(), 4098), (server, client, 4098)]);
}

/// What became of the packets of a capture with these keys: how many were opened, and why others stayed shut.
fn with_keys(capture: &str, keys: &Path) -> (usize, Vec<Sealed>) {
    let pcap = std::fs::read(fixture(capture)).unwrap();
    let mut opener = Opener::new(ipsec::read_file(keys).unwrap());
    let (mut decoder, mut scratch) = (decoder(), Scratch::default());
    let (mut count, mut shut) = (0, Vec::new());
    for frame in frames(&pcap) {
        let packet = decoder.decode(&frame);
        // Fragments are put together elsewhere.
        let was_shut = matches!(packet.opaque, Some(Opaque::Esp { .. }));
        match opener.open_packet(&mut decoder, packet, &mut scratch).opaque {
            None if was_shut => count += 1,
            Some(Opaque::Esp { why, .. }) => shut.push(why),
            _ => {}
        }
    }
    (count, shut)
}

#[test]
fn other_traffic_of_a_kernel_is_opened_with_either_kind_of_file() {
    let mut tried = 0;
    for entry in std::fs::read_dir(fixture("ipsec")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.extension().unwrap() != "xfrm" || name == "ah" {
            continue;
        }
        let capture = format!("ipsec/{name}.pcap");
        let (opened, shut) = with_keys(&capture, &path);
        // One SA of AES-CBC has no authentication; NULL and GMAC are not shut to begin with, fragments neither.
        let expected =
            if name == "esp-cbc" { vec![Sealed::UnknownAlgorithm; shut.len()] } else { Vec::new() };
        assert_eq!(shut, expected, "{name}");
        assert!(
            opened > 20
                || ["esp-null", "esp-gmac", "esp-fragmented", "esp-inner-fragments", "esp-tunnel-any"]
                    .contains(&name.as_str()),
            "{name}: {opened}"
        );
        let table = path.with_extension("esp_sa");
        if table.exists() {
            assert_eq!(with_keys(&capture, &table), (opened, shut), "{name}");
        }
        tried += 1;
    }
    assert!(tried >= 12, "{tried}");
}

#[test]
fn nothing_prints_a_key() {
    let sas = sas("esp/algorithms.xfrm");
    let printed = format!("{sas:?} {sas:#?}");
    assert!(printed.contains("Key(160 bits)"));
    let text = std::fs::read_to_string(fixture("esp/algorithms.xfrm")).unwrap();
    for word in text.split_whitespace().filter(|word| word.starts_with("0x") && word.len() > 30) {
        assert!(!printed.contains(&word[2..18]));
        // Nor as the list of numbers that a derived Debug would print.
        let bytes: Vec<u8> =
            (2..10).step_by(2).map(|at| u8::from_str_radix(&word[at..at + 2], 16).unwrap()).collect();
        let list = format!("{bytes:?}");
        assert!(!printed.contains(list.trim_matches(['[', ']'])));
    }
}

#[test]
fn ten_thousand_sas_make_a_packet_no_slower() {
    let one = sas("swarm/xfrm-state.txt");
    let mut text = String::new();
    for n in 0..10_000u32 {
        let (a, b) = (n >> 8, n & 255);
        writeln!(
            text,
            "src 10.{a}.{b}.1 dst 10.{a}.{b}.2\n\tproto esp spi {n} reqid 0 mode transport\n\taead rfc4106(gcm(aes)) 0x{n:040x} 64"
        )
        .unwrap();
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let many = ipsec::read_file(file.path()).unwrap().into_iter().chain(one.clone());

    // Packets without an SA, so that nothing but the look-up takes time.
    let (source, destination) = ("192.0.2.1".parse().unwrap(), "10.9.9.2".parse().unwrap());
    let (mut few, mut many) = (Opener::new(one), Opener::new(many));
    assert!(many.sas().len() > 9_990, "SPI 0 is none");
    let mut scratch = Vec::new();
    let mut time = |opener: &mut Opener| {
        let start = std::time::Instant::now();
        for spi in 1..2_000u32 {
            let esp = [spi.to_be_bytes(); 16];
            assert_eq!(
                opener.open(source, destination, esp.as_flattened(), &mut scratch),
                Err(Sealed::NoKey)
            );
        }
        start.elapsed()
    };
    // The best of several, on a machine that does other things as well. Going through them all would take a thousand
    // times as long.
    let (mut with_few, mut with_many) = (std::time::Duration::MAX, std::time::Duration::MAX);
    for _ in 0..10 {
        with_few = with_few.min(time(&mut few));
        with_many = with_many.min(time(&mut many));
    }
    assert!(with_many < with_few * 10, "{with_few:?} with 6 SAs, {with_many:?} with {}", many.sas().len());
}

mod hostile {
    use std::cell::RefCell;

    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;

    use super::*;

    #[test]
    fn no_bytes_make_opening_panic() {
        let opener = RefCell::new(Opener::new(sas("esp/algorithms.xfrm")));
        let packets = (0usize..97, proptest::collection::vec(any::<u8>(), 0..200));
        let ends = |text: &str| text.parse::<IpAddr>().unwrap();
        let tried = TestRunner::default().run(&packets, |(sa, body)| {
            let mut opener = opener.borrow_mut();
            let spi = opener.sas()[sa].spi.exact().unwrap();
            let esp = [&spi.0.to_be_bytes()[..], &body].concat();
            for destination in ["198.51.100.2", "2001:db8:64::2"] {
                // Nobody who does not have the key gets anything through.
                prop_assert!(opener.open(ends("::"), ends(destination), &esp, &mut Vec::new()).is_err());
            }
            Ok(())
        });
        tried.unwrap();
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic_or_quote_it(text in "(src|dst|proto|esp|spi|aead|enc|auth|\"|,|0x|[0-9a-f]{1,40}|IPv4|[ \n\t])*") {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &text).unwrap();
            if let Err(error) = ipsec::read_file(file.path()) {
                let said = error.to_string().replace(&file.path().display().to_string(), "");
                for word in text.split_whitespace().filter(|word| word.len() > 16) {
                    prop_assert!(!said.contains(word));
                }
            }
        }
    }
}

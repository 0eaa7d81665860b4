// A hit is a single span.
#![allow(clippy::single_range_in_vec_init)]

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::packet::{Fragment, Headers, Packet, Ports, TypeCode};
use crate::print::samples::{REQUEST, frame, hosts, packet, request, shown, tcp};
use crate::print::{Mark, Printer};

const HEADER: &str = "T 10.0.0.1:1234 -> 10.0.0.2:80 [AP] #1\n";

fn printer(options: &NgrepOptions) -> Printer<Vec<u8>> {
    Printer::Ngrep(Ngrep::new(Vec::new(), options))
}

fn printed(printer: &mut Printer<Vec<u8>>) -> String {
    String::from_utf8(std::mem::take(printer.writer())).unwrap()
}

/// Prints one packet that matched in `spans`, the first of the capture, and checks what stands before its header.
fn text(options: &NgrepOptions, packet: &Packet<'_>, spans: &[std::ops::Range<usize>]) -> String {
    let mut printer = printer(options);
    printer.packet(&shown(&frame(1), packet, spans)).unwrap();
    let start = if options.quiet == 0 { "#\n" } else { "\n" };
    printed(&mut printer).strip_prefix(start).unwrap().to_owned()
}

fn shape(shape: Shape) -> NgrepOptions {
    NgrepOptions { shape, ..NgrepOptions::default() }
}

fn header(headers: Headers) -> String {
    let text = text(&NgrepOptions::default(), &packet(headers, b"payload"), &[]);
    text.lines().next().unwrap().to_owned()
}

#[test]
fn each_shape_is_ngreps() {
    let rows = format!("  GET /foo HTTP/1.1..Host: example.org....{}\n", " ".repeat(35));
    assert_eq!(text(&shape(Shape::Normal), &request(), &[]), format!("{HEADER}{rows}"));
    let lines = "GET /foo HTTP/1.1.\nHost: example.org.\n.\n\n";
    assert_eq!(text(&shape(Shape::ByLine), &request(), &[]), format!("{HEADER}{lines}"));
    let one = "GET /foo HTTP/1.1..Host: example.org....\n";
    assert_eq!(text(&shape(Shape::None), &request(), &[]), format!("{HEADER}{one}"));
    let same_line = format!("T 10.0.0.1:1234 -> 10.0.0.2:80 [AP] {one}");
    assert_eq!(text(&shape(Shape::Single), &request(), &[]), same_line);
    let dump = "  47 45 54 20 2f 66 6f 6f    20 48 54 54 50 2f 31 2e    GET /foo HTTP/1.
  31 0d 0a 48 6f 73 74 3a    20 65 78 61 6d 70 6c 65    1..Host: example
  2e 6f 72 67 0d 0a 0d 0a                               .org....        \n";
    assert_eq!(text(&shape(Shape::Hex), &request(), &[]), format!("{HEADER}{dump}"));
}

#[test]
fn rows_are_full_at_any_width() {
    for (columns, row) in [(0, 1), (5, 1), (6, 1), (40, 35), (45, 40), (46, 41), (261, 256), (300, 295)] {
        let options = NgrepOptions { columns, ..NgrepOptions::default() };
        let text = text(&options, &request(), &[]);
        let rows: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(rows.len(), 40_usize.div_ceil(row), "{columns}");
        assert!(rows.iter().all(|line| line.len() == row + 2), "{columns}: {rows:?}");
    }
}

#[test]
fn the_first_hit_is_coloured_as_ngrep_does_it() {
    let red = |text: &str| format!("\x1b[01;31m{text}\x1b[00m");
    let coloured = |shape| NgrepOptions { shape, color: true, ..NgrepOptions::default() };
    let spans = [4..6, 8..9];
    let body = |shape, payload| {
        let text =
            text(&coloured(shape), &packet(tcp("10.0.0.1", "10.0.0.2", (1234, 80), 0x18), payload), &spans);
        text.split_once(if shape == Shape::Single { "[AP] " } else { "#1\n" }).unwrap().1.to_owned()
    };
    let payload = b"GET /\nab oo";
    let each = format!("{}{}", red("/"), red("."));
    assert_eq!(body(Shape::Normal, payload), format!("  GET {each}ab oo{}\n", " ".repeat(64)));
    assert_eq!(body(Shape::ByLine, payload), format!("GET {}ab oo\n", red("/\n")));
    assert_eq!(body(Shape::None, payload), format!("GET {}ab oo\n", red("/.")));
    assert_eq!(body(Shape::Single, payload), format!("GET {}ab oo\n", red("/.")));
    let digits = format!("  47 45 54 20 {}{}61 62    20 6f 6f{}", red("2f "), red("0a "), " ".repeat(19));
    assert_eq!(body(Shape::Hex, payload), format!("{digits}GET {each}ab oo     \n"));
}

#[test]
fn only_a_packet_that_matched_is_coloured() {
    let options = NgrepOptions { color: true, ..NgrepOptions::default() };
    let (request, frame) = (request(), frame(1));
    let spans = [0..3];
    let mut context = shown(&frame, &request, &spans);
    context.outcome = Outcome::Clear;
    let mut printer = printer(&options);
    printer.packet(&context).unwrap();
    assert!(!printed(&mut printer).contains('\x1b'));
}

#[test]
fn headers_are_ngreps() {
    let udp = |source, destination, ports: (u16, u16)| {
        let transport = Transport::Udp(Ports { source: ports.0, destination: ports.1 });
        Headers { transport, ..hosts(source, destination, 17) }
    };
    let message = |source, destination, protocol, transport: fn(TypeCode) -> Transport, kind| Headers {
        transport: transport(TypeCode { kind, code: 0 }),
        ..hosts(source, destination, protocol)
    };
    let fragment = |headers: Headers, offset| {
        let fragment = Fragment { id: 4660, offset, more: true, len: 1 };
        Headers { ip: headers.ip.map(|ip| Ip { fragment: Some(fragment), ..ip }), ..headers }
    };
    for (headers, line) in [
        (tcp("10.0.0.1", "10.0.0.2", (1, 2), 0xff), "T 10.0.0.1:1 -> 10.0.0.2:2 [ASRFUPEC] #1"),
        (tcp("10.0.0.1", "10.0.0.2", (1, 2), 0), "T 10.0.0.1:1 -> 10.0.0.2:2 #1"),
        (udp("2001:db8::1", "2001:db8::2", (1000, 2000)), "U 2001:db8::1:1000 -> 2001:db8::2:2000 #1"),
        (udp("10.0.0.1", "10.0.0.2", (0, 0)), "U 10.0.0.1 -> 10.0.0.2 #1"),
        (udp("10.0.0.1", "10.0.0.2", (0, 5)), "U 10.0.0.1:0 -> 10.0.0.2:5 #1"),
        (message("10.0.0.1", "10.0.0.2", 1, Transport::Icmp, 8), "I 10.0.0.1 -> 10.0.0.2 8:0 #1"),
        (message("fe80::1", "ff02::1", 58, Transport::Icmpv6, 135), "I fe80::1 -> ff02::1 135:0 #1"),
        (message("10.0.0.1", "224.0.0.22", 2, Transport::Igmp, 34), "G 10.0.0.1 -> 224.0.0.22 34:0 #1"),
        (hosts("10.0.0.1", "10.0.0.2", 50), "? 10.0.0.1 -> 10.0.0.2 #1"),
        (fragment(hosts("10.0.0.1", "10.0.0.2", 17), 40), "U 10.0.0.1 -> 10.0.0.2 +4660@40:7 #1"),
        (fragment(udp("10.0.0.1", "10.0.0.2", (1, 2)), 0), "U 10.0.0.1:1 -> 10.0.0.2:2 4660@0:7 #1"),
        // The C library's way to write addresses that have an IPv4 address in them.
        (hosts("::1.2.3.4", "::ffff:1.2.3.4", 89), "? ::1.2.3.4 -> ::ffff:1.2.3.4 #1"),
        (udp("::1:0", "::1", (1, 2)), "U ::0.1.0.0:1 -> ::1:2 #1"),
    ] {
        assert_eq!(header(headers), line);
    }
}

#[test]
fn a_fragment_tells_the_length_that_is_printed() {
    let ip = Ip {
        fragment: Some(Fragment { id: 7, offset: 8, more: false, len: 40 }),
        ..hosts("10.0.0.1", "10.0.0.2", 17).ip.unwrap()
    };
    let later = packet(Headers { ip: Some(ip), ..Headers::default() }, REQUEST);
    let options = NgrepOptions { limit: Some(3), shape: Shape::None, ..NgrepOptions::default() };
    assert_eq!(text(&options, &later, &[]), "U 10.0.0.1 -> 10.0.0.2 +7@8:3 #1\nGET\n");
}

#[test]
fn the_options_of_the_header_are_ngreps() {
    let protocol = NgrepOptions { protocol: true, quiet: 3, ..NgrepOptions::default() };
    assert_eq!(text(&protocol, &request(), &[]), "T(6) 10.0.0.1:1234 -> 10.0.0.2:80 [AP] #1\n");
    let mut timed = printer(&NgrepOptions { times: Times::SinceLast, quiet: 3, ..NgrepOptions::default() });
    for nanos in [1_999_999_999, 3_000_000_001, 2_500_000_000] {
        let frame = crate::packet::Frame { time: Timestamp::new(0, nanos, 9), ..frame(1) };
        timed.packet(&shown(&frame, &request(), &[])).unwrap();
    }
    let stamps: Vec<String> =
        printed(&mut timed).lines().filter_map(|line| line.split(' ').nth(1)).map(str::to_owned).collect();
    assert_eq!(stamps, ["+0.000000", "+1.000001", "-0.500000"]);
}

#[test]
fn frames_are_counted_with_marks_and_packets() {
    let empty = packet(tcp("10.0.0.1", "10.0.0.2", (1, 2), 2), b"");
    let other = packet(Headers::default(), b"an ARP packet");
    for (quiet, expected) in
        [(0, "####\nT 10.0.0.1:1 -> 10.0.0.2:2 [S] #4\n#"), (1, "\nT 10.0.0.1:1 -> 10.0.0.2:2 [S] #4\n")]
    {
        let mut printer = printer(&NgrepOptions { quiet, ..NgrepOptions::default() });
        printer.mark(Mark::Opaque).unwrap();
        printer.marks(&[Outcome::Clear, Outcome::NotDecoded]).unwrap();
        printer.packet(&shown(&frame(77), &empty, &[])).unwrap();
        printer.packet(&shown(&frame(78), &other, &[])).unwrap();
        printer.end_line().unwrap();
        assert_eq!(printed(&mut printer), expected);
    }
}

#[test]
fn a_packet_without_payload_ends_where_ngrep_ends_it() {
    let empty = packet(tcp("10.0.0.1", "10.0.0.2", (1234, 80), 0x18), b"");
    for form in [Shape::Normal, Shape::ByLine, Shape::None, Shape::Hex] {
        assert_eq!(text(&shape(form), &empty, &[]), HEADER);
    }
    // The next mark is on the same line.
    assert_eq!(text(&shape(Shape::Single), &empty, &[]), "T 10.0.0.1:1234 -> 10.0.0.2:80 [AP] ");
    let quiet = NgrepOptions { quiet: 3, ..shape(Shape::Single) };
    assert_eq!(text(&quiet, &request(), &[]), "T 10.0.0.1:1234 -> 10.0.0.2:80 [AP] ");
}

#[test]
fn nothing_of_a_payload_reaches_the_terminal_as_a_control_character() {
    let bytes: Vec<u8> = (0..=255).collect();
    let all = packet(tcp("10.0.0.1", "10.0.0.2", (1, 2), 0), &bytes);
    for shape in [Shape::Normal, Shape::Hex, Shape::ByLine, Shape::None, Shape::Single] {
        for color in [false, true] {
            let text = text(&NgrepOptions { shape, color, ..NgrepOptions::default() }, &all, &[0..40]);
            let plain = text.replace("\x1b[01;31m", "").replace("\x1b[00m", "");
            assert!(plain.chars().all(|c| c == '\n' || (' '..='~').contains(&c)), "{shape:?} {plain:?}");
        }
    }
}

#[test]
fn what_is_told_before_and_behind_depends_on_the_quietness() {
    let network = Some((Ipv4Addr::new(10, 0, 0, 0), Ipv4Addr::new(255, 0, 0, 0)));
    let lines = |source, pattern: NgrepPattern<'_>, quiet| {
        let mut out = Vec::new();
        let told = NgrepPreamble {
            quiet,
            source,
            filter: Some("(ip)"),
            pattern: Some(pattern),
            output: Some("o.pcap"),
        };
        preamble(&mut out, &told).unwrap();
        exit(&mut out, quiet, Some((3, 2))).unwrap();
        String::from_utf8(out).unwrap()
    };
    let plain = NgrepPattern { text: "a\x1b", ..NgrepPattern::default() };
    let eth0 = NgrepSource::Interface("eth0", network);
    let told = "filter: (ip)\nmatch (JIT): a\\u{1b}\noutput: o.pcap\n";
    assert_eq!(
        lines(eth0, plain, 0),
        format!("interface: eth0 (10.0.0.0/255.0.0.0)\n{told}exit\n3 received, 2 matched\n")
    );
    let unspecified = Some((Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED));
    assert_eq!(
        lines(NgrepSource::Interface("any", unspecified), plain, 1),
        format!("interface: any\n{told}")
    );
    assert_eq!(lines(eth0, plain, 2), "output: o.pcap\n");
    assert_eq!(lines(NgrepSource::File("a.pcap"), plain, 4), "input: a.pcap\noutput: o.pcap\n");
    let line = |pattern| lines(NgrepSource::File("a"), pattern, 1).lines().nth(2).unwrap().to_owned();
    let word = NgrepPattern { text: "GET", word: true, inverted: true, hex: false };
    assert_eq!(line(word), r"don't match (JIT): ((^GET\W)|(\WGET$)|(\WGET\W))");
    let hex = |text| line(NgrepPattern { text, hex: true, ..NgrepPattern::default() });
    assert_eq!((hex("4745"), hex("0x4745")), ("match: 0x4745".into(), "match: 0x4745".into()));
    assert_eq!(line(NgrepPattern::default()), "output: o.pcap");
}

/// Prints what the numbers tell: a mark, some marks, or a packet.
fn print(printer: &mut Printer<Vec<u8>>, events: &[u8]) {
    for event in events {
        match event {
            0 => printer.mark(Mark::Clear).unwrap(),
            1 => printer.marks(&[Outcome::Clear; 11]).unwrap(),
            _ => printer.packet(&shown(&frame(1), &request(), &[])).unwrap(),
        }
    }
}

proptest! {
    #[test]
    fn pieces_that_are_appended_read_as_if_printed_in_order(
        pieces in prop::collection::vec(prop::collection::vec(0..3_u8, 0..12), 0..5),
        quiet in 0..2_u8,
        nested: bool,
    ) {
        let options = NgrepOptions { quiet, ..shape(Shape::None) };
        let (mut whole, mut joined) = (printer(&options), printer(&options));
        let mut all = Printer::Ngrep(Ngrep::piece(&options));
        let mut piece = Printer::Ngrep(Ngrep::piece(&options));
        for events in &pieces {
            print(&mut whole, events);
            piece.clear();
            print(&mut piece, events);
            if nested { all.append(&piece).unwrap() } else { joined.append(&piece).unwrap() }
        }
        if nested {
            joined.append(&all).unwrap();
        }
        prop_assert_eq!(printed(&mut joined), printed(&mut whole));
    }
}

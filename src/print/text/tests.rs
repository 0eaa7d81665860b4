// Most of these tests need a single span.
#![allow(clippy::single_range_in_vec_init)]

use proptest::prelude::*;

use super::*;
use crate::packet::{Opaque, Packet};
use crate::print::numbers::hex;
use crate::print::samples::{
    REQUEST, frame, hosts, packet, request, shown, stretch, tcp, text, text_printer,
};
use crate::print::{Outcome, Printer};
use crate::search::{Overlap, Stretch};

const HEADER: &str = "T 10.0.0.1:1234 -> 10.0.0.2:80 [AP] #3\n";

fn shape(shape: Shape) -> TextOptions {
    TextOptions { shape, ..TextOptions::default() }
}

fn payload(options: &TextOptions, payload: &[u8], spans: &[std::ops::Range<usize>]) -> String {
    let packet = packet(tcp("10.0.0.1", "10.0.0.2", (1234, 80), 0x18), payload);
    let text = text(options, &packet, spans);
    let header =
        if options.color { format!("\x1b[1m{}\x1b[0m\n", HEADER.trim_end()) } else { HEADER.to_owned() };
    text.strip_prefix(&header).unwrap().to_string()
}

#[test]
fn a_match_in_a_stream_names_its_frames_and_says_if_others_read_other_bytes() {
    let (frame, packet) = (frame(5), request());
    let printed = |stretch: &Stretch<'_>| {
        let mut printer = text_printer(&TextOptions::default());
        printer.packet(&Shown { stream: Some(stretch), ..shown(&frame, &packet, &[]) }).unwrap();
        let text = String::from_utf8(printer.writer().clone()).unwrap();
        text.lines().next().unwrap().to_owned()
    };
    let header = "T 10.0.0.1:1234 -> 10.0.0.2:80 [AP]";
    assert_eq!(printed(&stretch()), format!("{header} #3-5"));
    let overlap = Overlap::Differs;
    assert_eq!(
        printed(&Stretch { frames: (5, 5), overlap, ..stretch() }),
        format!("{header} (overlap: other stacks read other bytes) #5")
    );
}

#[test]
fn each_shape_is_ngreps_without_the_padding() {
    let rows = "  GET /foo HTTP/1.1..Host: example.org....\n";
    assert_eq!(text(&shape(Shape::Normal), &request(), &[]), format!("{HEADER}{rows}"));
    let lines = "GET /foo HTTP/1.1.\nHost: example.org.\n.\n\n";
    assert_eq!(text(&shape(Shape::ByLine), &request(), &[]), format!("{HEADER}{lines}"));
    let one = "GET /foo HTTP/1.1..Host: example.org....\n";
    assert_eq!(text(&shape(Shape::None), &request(), &[]), format!("{HEADER}{one}"));
    let same_line = format!("T 10.0.0.1:1234 -> 10.0.0.2:80 [AP] {one}");
    assert_eq!(text(&shape(Shape::Single), &request(), &[]), same_line);
    let dump = "  47 45 54 20 2f 66 6f 6f    20 48 54 54 50 2f 31 2e    GET /foo HTTP/1.
  31 0d 0a 48 6f 73 74 3a    20 65 78 61 6d 70 6c 65    1..Host: example
  2e 6f 72 67 0d 0a 0d 0a                               .org....\n";
    assert_eq!(text(&shape(Shape::Hex), &request(), &[]), format!("{HEADER}{dump}"));
}

#[test]
fn a_packet_without_payload_is_its_header() {
    let empty = packet(tcp("10.0.0.1", "10.0.0.2", (1234, 80), 0x18), b"");
    for form in [Shape::Normal, Shape::ByLine, Shape::None, Shape::Hex] {
        assert_eq!(text(&shape(form), &empty, &[]), HEADER);
    }
    assert_eq!(text(&shape(Shape::Single), &empty, &[]), "T 10.0.0.1:1234 -> 10.0.0.2:80 [AP]\n");
}

#[test]
fn rows_are_five_columns_less_than_the_terminal_at_any_width() {
    let columns = |columns| TextOptions { columns, ..TextOptions::default() };
    let rows = payload(&columns(80), &[b'x'; 160], &[]);
    assert_eq!(rows.lines().map(str::len).collect::<Vec<_>>(), [77, 77, 12]);
    assert_eq!(payload(&columns(300), &[b'x'; 295], &[]).lines().count(), 1);
    for narrow in [0, 1, 5, 6] {
        assert_eq!(payload(&columns(narrow), b"abc", &[]), "  a\n  b\n  c\n");
    }
    assert_eq!(payload(&columns(usize::MAX), b"abc", &[]), "  abc\n");
}

#[test]
fn a_hexdump_of_any_length_ends_where_its_text_ends() {
    assert_eq!(payload(&shape(Shape::Hex), b"A", &[]), format!("  41{}A\n", " ".repeat(52)));
    for len in 1..=16 {
        let row = payload(&shape(Shape::Hex), &[b'z'; 16][..len], &[]);
        assert_eq!(row.find('z'), Some(56), "{row}");
        assert_eq!(row.trim_end().len(), 56 + len);
    }
}

#[test]
fn the_replacement_and_the_limit_are_asked_for() {
    let options =
        TextOptions { replacement: Replacement::new('~').unwrap(), limit: Some(4), ..TextOptions::default() };
    assert_eq!(payload(&options, b"a\0\x7f\x9bcut", &[]), "  a~~~\n");
    assert!(['\0', '\n', '\x7f', 'ü'].into_iter().all(|c| Replacement::new(c).is_none()));
    let nothing = TextOptions { limit: Some(0), ..TextOptions::default() };
    assert_eq!(payload(&nothing, b"abc", &[]), "");
}

#[test]
fn every_match_is_coloured_in_runs_in_every_shape() {
    let coloured = |form| TextOptions { color: true, columns: 11, ..shape(form) };
    // A run that crosses the end of a row is closed and opened again.
    let spans = [1..3, 5..8];
    let on_off = |text: &str| text.replace('<', "\x1b[31;1m").replace('>', "\x1b[0m");
    assert_eq!(payload(&coloured(Shape::Normal), b"abcdefgh", &spans), on_off("  a<bc>de<f>\n  <gh>\n"));
    assert_eq!(payload(&coloured(Shape::ByLine), b"abcde\nfgh", &[1..3, 4..8]), on_off("a<bc>d<e>\n<fg>h\n"));
    assert_eq!(payload(&coloured(Shape::None), b"abcdefgh", &spans), on_off("a<bc>de<fgh>\n"));
    let dump = format!("  61 <62 63> 64 65 <66 67 68    69> 6a{}a<bc>de<fghi>j\n", " ".repeat(22));
    assert_eq!(payload(&coloured(Shape::Hex), b"abcdefghij", &[1..3, 5..9]), on_off(&dump));
}

#[test]
fn spans_that_are_beyond_the_payload_are_cut() {
    let options = TextOptions { color: true, limit: Some(3), ..shape(Shape::None) };
    assert_eq!(payload(&options, b"abcdef", &[2..5, 7..99]), "ab\x1b[31;1mc\x1b[0m\n");
}

#[test]
fn a_packet_of_context_is_not_coloured() {
    let (packet, frame) = (request(), frame(3));
    let options = TextOptions { color: true, ..shape(Shape::None) };
    let mut printer = text_printer(&options);
    let context = Shown { outcome: Outcome::Clear, ..shown(&frame, &packet, &[0..3]) };
    printer.packet(&context).unwrap();
    let block = String::from_utf8(printer.writer().clone()).unwrap();
    assert!(block.ends_with("\x1b[0m\nGET /foo HTTP/1.1..Host: example.org....\n"), "{block:?}");
}

#[test]
fn utf8_is_shown_by_columns() {
    let utf8 = |form| TextOptions { utf8: true, color: true, columns: 9, ..shape(form) };
    assert_eq!(payload(&utf8(Shape::None), "grüße\u{202e}\x1b\u{9b}".as_bytes(), &[]), "grüße...\n");
    assert_eq!(payload(&utf8(Shape::Normal), "世界世".as_bytes(), &[]), "  世界\n  世\n");
    assert_eq!(payload(&utf8(Shape::Normal), "a世界b".as_bytes(), &[]), "  a世\n  界b\n");
    let narrow = TextOptions { columns: 0, utf8: true, ..TextOptions::default() };
    assert_eq!(payload(&narrow, "世\0界".as_bytes(), &[]), "  世\n  .\n  界\n");
    assert_eq!(payload(&utf8(Shape::ByLine), "ä\r\nö\n".as_bytes(), &[]), "ä.\nö\n\n");
    // A match that begins or ends inside a character colours all of it.
    assert_eq!(payload(&utf8(Shape::None), "aüb".as_bytes(), &[2..3]), "a\x1b[31;1mü\x1b[0mb\n");
    assert_eq!(payload(&utf8(Shape::None), b"a\xff\xfeb", &[]), "a..b\n");
}

#[test]
fn an_opaque_packet_shows_no_payload() {
    let mut sealed = packet(hosts("192.0.2.1", "192.0.2.2", 50), b"ciphertext");
    sealed.opaque = Some(Opaque::EspFragment);
    assert_eq!(
        text(&TextOptions::default(), &sealed, &[]),
        "? 192.0.2.1 -> 192.0.2.2 esp-fragment sealed #3\n"
    );
}

#[test]
fn headers_alone_on_request() {
    let options = TextOptions { headers_only: true, ..TextOptions::default() };
    assert_eq!(text(&options, &request(), &[]), HEADER);
}

#[test]
fn time_stands_after_the_letter() {
    let options = TextOptions { times: Times::SinceFirst, ..TextOptions::default() };
    let line = text(&options, &request(), &[]);
    assert!(line.starts_with("T +0.000000 10.0.0.1:1234 -> 10.0.0.2:80 [AP] #3\n"), "{line}");
}

#[test]
fn headers_stand_out_where_matches_are_coloured() {
    let coloured = |form| TextOptions { color: true, columns: 11, ..shape(form) };
    let bold = |text: &str| text.replace('{', "\x1b[1m").replace('}', "\x1b[0m");
    let header = "{T 10.0.0.1:1234 -> 10.0.0.2:80 [AP] #3}\n";
    let packet = packet(tcp("10.0.0.1", "10.0.0.2", (1234, 80), 0x18), b"abc");
    assert_eq!(text(&coloured(Shape::None), &packet, &[]), bold(&format!("{header}abc\n")));
    let single = "{T 10.0.0.1:1234 -> 10.0.0.2:80 [AP]} abc\n";
    assert_eq!(text(&coloured(Shape::Single), &packet, &[]), bold(single));
    // Nothing stands out if there is nothing else.
    let alone = TextOptions { headers_only: true, ..coloured(Shape::Normal) };
    assert_eq!(text(&alone, &packet, &[]), HEADER);
}

#[test]
fn a_blank_line_stands_between_packets_on_request() {
    let session = |options: TextOptions| {
        let packet = packet(tcp("10.0.0.1", "10.0.0.2", (1234, 80), 0x18), b"abc\n");
        let frame = frame(3);
        let mut printer = text_printer(&options);
        printer.mark(Mark::Clear).unwrap();
        printer.packet(&shown(&frame, &packet, &[])).unwrap();
        printer.packet(&shown(&frame, &packet, &[])).unwrap();
        printer.mark(Mark::Opaque).unwrap();
        printer.mark(Mark::Clear).unwrap();
        printer.packet(&shown(&frame, &packet, &[])).unwrap();
        printer.end_line().unwrap();
        String::from_utf8(printer.writer().clone()).unwrap().replace(HEADER, "HEADER\n")
    };
    let spaced = |form| TextOptions { spaced: true, ..shape(form) };
    assert_eq!(
        session(spaced(Shape::Normal)),
        ".\nHEADER\n  abc.\n\nHEADER\n  abc.\n\n#.\nHEADER\n  abc.\n\n"
    );
    assert_eq!(session(shape(Shape::Normal)), ".\nHEADER\n  abc.\nHEADER\n  abc.\n#.\nHEADER\n  abc.\n");
    // ngrep's lines end with an empty one already, if the payload ends with a line's end.
    assert_eq!(session(spaced(Shape::ByLine)), session(shape(Shape::ByLine)));
    let marks = TextOptions { marks: Marks::Ngrep, ..spaced(Shape::None) };
    assert_eq!(session(marks), "##\nHEADER\nabc.\n\n#\nHEADER\nabc.\n\n###\nHEADER\nabc.\n\n");
    for list in [spaced(Shape::Single), TextOptions { headers_only: true, ..spaced(Shape::Normal) }] {
        assert!(!session(list).contains("\n\n"));
    }
}

fn session(marks: Marks) -> String {
    let (packet, first, second) = (request(), frame(3), frame(4));
    let mut printer = text_printer(&TextOptions { marks, ..TextOptions::default() });
    printer.mark(Mark::Clear).unwrap();
    printer.mark(Mark::Opaque).unwrap();
    printer.packet(&shown(&first, &packet, &[])).unwrap();
    printer.packet(&shown(&second, &packet, &[])).unwrap();
    printer.mark(Mark::Opaque).unwrap();
    printer.mark(Mark::NotDecoded).unwrap();
    printer.end_line().unwrap();
    printer.end_line().unwrap();
    printer.flush().unwrap();
    String::from_utf8(printer.writer().clone()).unwrap()
}

#[test]
fn marks_stand_on_lines_of_their_own() {
    let block =
        |n| format!("T 10.0.0.1:1234 -> 10.0.0.2:80 [AP] #{n}\n  GET /foo HTTP/1.1..Host: example.org....\n");
    assert_eq!(session(Marks::Opaque), format!(".#\n{}{}#?\n", block(3), block(4)));
    assert_eq!(session(Marks::Ngrep), format!("###\n{}#\n{}##\n", block(3), block(4)));
    assert_eq!(session(Marks::None), format!("{}{}", block(3), block(4)));
}

#[test]
fn a_writer_that_fails_is_reported() {
    let mut full = [0; 3];
    let mut printer = Printer::Text(Text::new(&mut full[..], &TextOptions::default()));
    assert!(printer.packet(&shown(&frame(3), &request(), &[])).is_err());
}

fn any_options() -> impl Strategy<Value = TextOptions> {
    let shapes = [Shape::Normal, Shape::ByLine, Shape::Single, Shape::None, Shape::Hex];
    let times = [Times::None, Times::SinceLast, Times::SinceFirst, Times::Clock];
    (
        prop::sample::select(shapes.to_vec()),
        prop_oneof![Just(0), 0..200_usize],
        prop::option::of(0..80_usize),
        any::<(bool, bool, bool)>(),
        prop::sample::select(times.to_vec()),
    )
        .prop_map(|(shape, columns, limit, (utf8, color, headers_only), times)| TextOptions {
            shape,
            columns,
            limit,
            utf8,
            color,
            times,
            headers_only,
            ..TextOptions::default()
        })
}

fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        ".{0,8}".prop_map(String::into_bytes),
        Just("\u{202e}\u{9b}31m\u{200b}".into()),
        Just(b"\x1b[2J\r\n\x9b".to_vec()),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Generates ranges in order that do not overlap. Some are beyond the payload's end.
fn any_spans() -> impl Strategy<Value = Vec<std::ops::Range<usize>>> {
    prop::collection::vec((0..9_usize, 1..9_usize), 0..12).prop_map(|steps| {
        let mut at = 0;
        let next = |(skip, len)| {
            let start = at + skip;
            at = start + len;
            start..at
        };
        steps.into_iter().map(next).collect()
    })
}

fn stripped(text: &str) -> String {
    text.replace("\x1b[31;1m", "").replace("\x1b[1m", "").replace("\x1b[0m", "")
}

fn made(packet: &Packet<'_>, options: &TextOptions, spans: &[std::ops::Range<usize>]) -> String {
    text(options, packet, spans)
}

proptest! {
    #[test]
    fn no_payload_reaches_the_terminal(options in any_options(), bytes in any_payload(), spans in any_spans()) {
        let packet = packet(tcp("10.0.0.1", "10.0.0.2", (1234, 80), 0x18), &bytes);
        let coloured = made(&packet, &options, &spans);
        let plain = stripped(&coloured);
        prop_assert!(!plain.chars().any(|c| c.is_control() && c != '\n'), "{plain:?}");
        prop_assert!(options.utf8 || plain.is_ascii());
        let hidden = ['\u{202e}', '\u{200b}', '\u{feff}'];
        prop_assert!(!plain.contains(hidden));
        // Colour adds its own sequences and changes nothing else, and every run is closed on its own line.
        prop_assert_eq!(&plain, &made(&packet, &TextOptions { color: false, ..options }, &spans));
        for line in coloured.lines() {
            let starts = line.matches("\x1b[31;1m").count() + line.matches("\x1b[1m").count();
            prop_assert_eq!(starts, line.matches("\x1b[0m").count());
        }
    }

    #[test]
    fn bytes_are_neither_lost_nor_added(bytes in any_payload(), columns in 0..200_usize) {
        let options = TextOptions { columns, ..TextOptions::default() };
        let rows: String = payload(&options, &bytes, &[]).lines().map(|row| &row[2..]).collect();
        let expected: String = bytes.iter().map(|&b| if (b' '..=b'~').contains(&b) { char::from(b) } else { '.' }).collect();
        prop_assert_eq!(rows, expected);
    }

    #[test]
    fn a_hexdump_holds_every_byte(bytes in prop::collection::vec(any::<u8>(), 1..70)) {
        let dump = payload(&shape(Shape::Hex), &bytes, &[]);
        let digits: String = dump.lines().map(|row| &row[2..56]).flat_map(|hex| hex.chars()).filter(|c| *c != ' ').collect();
        let expected: String = bytes.iter().flat_map(|&b| hex(b)).map(char::from).collect();
        prop_assert_eq!(digits, expected);
    }
}

#[test]
fn a_request_of_the_samples_is_searchable() {
    let pattern = crate::pattern::Pattern::new(&crate::pattern::Expressions {
        patterns: vec!["HTTP|Host".into()],
        ..Default::default()
    });
    let mut spans = Vec::new();
    pattern.unwrap().spans(REQUEST, &mut spans);
    let options = TextOptions { color: true, ..shape(Shape::None) };
    assert!(text(&options, &request(), &spans).contains("\x1b[31;1mHTTP\x1b[0m/1.1..\x1b[31;1mHost\x1b[0m:"));
}

/// Every sequence of up to four packets and marks, cut into two texts at every place.
#[test]
fn a_text_behind_another_is_as_if_it_were_one() {
    let print = |printer: &mut Printer<Vec<u8>>, is_packet: bool| {
        let (frame, packet) = (frame(3), request());
        if is_packet { printer.packet(&shown(&frame, &packet, &[])) } else { printer.mark(Mark::Clear) }
            .unwrap();
    };
    for marks in [Marks::Opaque, Marks::Ngrep, Marks::None] {
        for (spaced, sequence, cut) in (0..2 * 16 * 5).map(|n| (n % 2 == 0, n / 2 % 16, n / 32)) {
            let options = TextOptions { spaced, marks, ..TextOptions::default() };
            let (mut whole, mut first, mut behind) =
                (text_printer(&options), text_printer(&options), text_printer(&options));
            // An abandoned text leaves no trace.
            print(&mut behind, cut % 2 == 0);
            behind.clear();
            for place in 0..4 {
                let is_packet = sequence >> place & 1 == 1;
                print(&mut whole, is_packet);
                print(if place < cut { &mut first } else { &mut behind }, is_packet);
            }
            first.append(&behind).unwrap();
            for printer in [&mut whole, &mut first] {
                printer.packet(&shown(&frame(3), &request(), &[])).unwrap();
                printer.end_line().unwrap();
            }
            let texts =
                [whole, first].map(|mut printer| String::from_utf8(printer.writer().clone()).unwrap());
            assert_eq!(texts[0], texts[1], "{marks:?} {spaced} {sequence:04b} {cut}");
        }
    }
}

#[test]
fn the_place_of_the_number_is_that_where_it_stands() {
    for (options, number) in [
        (TextOptions::default(), true),
        (TextOptions { marks: Marks::Ngrep, color: true, ..TextOptions::default() }, true),
        (shape(Shape::Hex), true),
        (shape(Shape::Single), false),
    ] {
        let mut printer = text_printer(&options);
        printer.mark(Mark::Opaque).unwrap();
        let start = printer.writer().len();
        printer.packet(&shown(&frame(4711), &request(), &[])).unwrap();
        let place = printer.number().map(|place| start + place);
        assert_eq!(place.is_some(), number);
        assert!(place.is_none_or(|place| printer.writer()[place..].starts_with(b"4711")));
    }
}

//! Matches in streams of TCP: those of the whole stream, however it was cut into segments.

// Most of these tests have a single match.
#![allow(clippy::single_range_in_vec_init)]

use std::convert::Infallible;
use std::ops::Range;

use ovlsniff::packet::{Frame, InterfaceNumber, LinkType, Timestamp, TunnelPorts};
use ovlsniff::pattern::{Expressions, Pattern, StreamPattern};
use ovlsniff::search::{
    Begun, Copies, EndWhy, Found, Outcome, Overlap, Patience, Search, SearchOptions, StreamCounts,
    StreamOptions,
};
use proptest::prelude::*;

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const FIN: u8 = 0x11;
const RST: u8 = 0x04;
const CLIENT: u32 = 0xffff_fff0;
const SERVER: u32 = 77;

/// A frame, and its time in milliseconds.
type Sent = (i64, Vec<u8>);

/// A segment between two hosts. Sequence numbers wrap soon.
fn segment(from_client: bool, port: u16, place: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let total = (40 + payload.len()) as u16;
    let (client, server) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let mut packet = vec![0x45, 0];
    packet.extend(total.to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 6, 0, 0]);
    packet.extend(if from_client { [client, server] } else { [server, client] }.concat());
    let ports = if from_client { [port, 80] } else { [80, port] };
    packet.extend(ports.map(u16::to_be_bytes).concat());
    let (own, other) = if from_client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
    let sequence = own.wrapping_add(place);
    let acknowledgement = if flags & ACK > 0 { other.wrapping_add(1) } else { 0 };
    packet.extend([sequence, acknowledgement].map(u32::to_be_bytes).concat());
    packet.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    packet.extend(payload);
    packet
}

/// A segment of the client's with the bytes of its stream from this place on.
fn data(place: usize, payload: &[u8]) -> Vec<u8> {
    segment(true, 4000, 1 + place as u32, ACK, payload)
}

fn handshake() -> Vec<Vec<u8>> {
    vec![
        segment(true, 4000, 0, SYN, b""),
        segment(false, 4000, 0, SYN | ACK, b""),
        segment(true, 4000, 1, ACK, b""),
    ]
}

/// A block that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    /// The matches, as places in the stream.
    matches: Vec<Range<u64>>,
    lines: String,
    frames: (u64, u64),
    begun: Begun,
    gap_before: bool,
    overlap: Overlap,
    closed: Option<EndWhy>,
    written: Vec<u64>,
    /// The number of the last frame that was taken before.
    after: u64,
}

/// A pattern, and the options of its search.
struct Asked {
    patterns: Vec<String>,
    window: usize,
    options: StreamOptions,
    limit: Option<u64>,
}

fn asked(pattern: &str) -> Asked {
    Asked {
        patterns: vec![pattern.to_owned()],
        window: 64 << 10,
        options: StreamOptions::default(),
        limit: None,
    }
}

impl Asked {
    fn search(&self, frames: impl IntoIterator<Item = Sent>) -> (Vec<Told>, StreamCounts, u64) {
        let expressions = Expressions { patterns: self.patterns.clone(), ..Expressions::default() };
        let pattern = Pattern::new(&expressions).unwrap();
        let options = SearchOptions { limit: self.limit, ..SearchOptions::default() };
        let mut search = Search::new(pattern, TunnelPorts::default(), options);
        search.follow_streams(StreamPattern::new(&expressions, self.window).unwrap(), self.options);
        let (mut told, mut after) = (Vec::new(), 0);
        let mut sink = |after, found: Found<'_>| {
            take(&mut told, after, &found);
            Ok::<(), Infallible>(())
        };
        for (number, (millis, bytes)) in (1..).zip(frames) {
            let frame = Frame {
                number,
                time: Timestamp { nanos: millis * 1_000_000, digits: 3, known: true },
                link: LinkType::RAW,
                interface: InterfaceNumber(0),
                direction: None,
                wire_len: bytes.len() as u32,
                bytes: &bytes,
            };
            after = number;
            let Ok(()) = search.frame(&frame, &mut |found| sink(after, found));
            if search.is_over() {
                break;
            }
        }
        let Ok(()) = search.finish(&mut |found| sink(after + 1, found));
        (told, search.stream_counts().unwrap(), search.matched())
    }

    fn told(&self, frames: &[Vec<u8>]) -> Vec<Told> {
        self.search(frames.iter().map(|frame| (0, frame.clone()))).0
    }

    fn matches(&self, frames: &[Vec<u8>]) -> Vec<Range<u64>> {
        self.told(frames).into_iter().flat_map(|told| told.matches).collect()
    }
}

fn take(told: &mut Vec<Told>, after: u64, found: &Found<'_>) {
    let Some(stretch) = found.stream else {
        assert_ne!(found.outcome, Outcome::Match);
        return;
    };
    let begin = stretch.offset - found.spans[0].start as u64;
    let matches = found.spans.iter().map(|span| begin + span.start as u64..begin + span.end as u64);
    let matches: Vec<_> = matches.collect();
    assert_eq!(stretch.len, matches.last().unwrap().end - stretch.offset);
    assert!(found.spans.last().unwrap().end <= found.packet.payload.len());
    told.push(Told {
        matches,
        lines: String::from_utf8_lossy(found.packet.payload).into_owned(),
        frames: stretch.frames,
        begun: stretch.begun,
        gap_before: stretch.gap_before,
        overlap: stretch.overlap,
        closed: stretch.closed,
        written: stretch.written.iter().map(|copied| copied.frame().number).collect(),
        after,
    });
}

/// The matches in the whole, as the `regex` crate finds them.
fn whole(pattern: &str, bytes: &[u8]) -> Vec<Range<u64>> {
    let regex = regex::bytes::RegexBuilder::new(pattern).unicode(false).dot_matches_new_line(true).build();
    let regex = regex.unwrap();
    let found = regex.find_iter(bytes).map(|found| found.start() as u64..found.end() as u64);
    found.filter(|range| !range.is_empty()).collect()
}

const REQUEST: &[u8] = b"GET /secret HTTP/1.1\r\nHost: web.example\r\nCookie: a=1; b=2\r\n\r\n";
const PATTERNS: [&str; 12] = [
    "secret HTTP",
    "(?i)host: [a-z.]+",
    "GET|Cookie",
    r"\b[a-z]\b=[0-9]+",
    "^GET",
    r"\r\n\r\n$",
    "(?m)^Host.*$",
    "web.*?b",
    "[^ ]+",
    "(?m)[0-9]\r$",
    "e",
    "a.*2",
];

#[test]
fn a_payload_that_is_cut_anywhere_has_the_matches_of_the_whole() {
    for pattern in PATTERNS {
        let right = whole(pattern, REQUEST);
        assert!(!right.is_empty(), "{pattern}");
        for cut in 0..=REQUEST.len() {
            let (first, second) = REQUEST.split_at(cut);
            let mut frames = handshake();
            frames.extend([
                data(0, first),
                data(cut, second),
                segment(true, 4000, 1 + REQUEST.len() as u32, FIN, b""),
            ]);
            assert_eq!(asked(pattern).matches(&frames), right, "{pattern} cut at {cut}");
            frames.swap(3, 4);
            assert_eq!(asked(pattern).matches(&frames), right, "{pattern} cut at {cut}, out of order");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn segments_in_any_order_and_sent_again_have_the_matches_of_the_whole(
        bytes in prop::collection::vec(prop::sample::select(b"aabbc 1\n\r".to_vec()), 1..200),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..24),
        pattern in prop::sample::select(vec![
            "ab", "a+", "ab|bc", "a.*b", "a.*?b", "[abc]+1", r"\bab\b", "(?m)^a.*$", "^a", "1$", "(?i)AB?", r"b\B", "a*",
        ]),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut segments: Vec<Vec<u8>> = cuts.windows(2).map(|ends| data(ends[0], &bytes[ends[0]..ends[1]])).collect();
        let again: Vec<_> = order.iter().skip(12).map(|at| segments[at.index(segments.len())].clone()).collect();
        segments.extend(again);
        for two in order.chunks_exact(2) {
            let len = segments.len();
            segments.swap(two[0].index(len), two[1].index(len));
        }
        let end = segment(true, 4000, 1 + bytes.len() as u32, FIN, b"");
        let frames = [handshake(), segments, vec![end]].concat();
        prop_assert_eq!(asked(pattern).matches(&frames), whole(pattern, &bytes), "{}", pattern);
    }
}

fn three() -> Vec<Vec<u8>> {
    let mut frames = handshake();
    frames.extend([data(0, &REQUEST[..8]), data(8, &REQUEST[8..14]), data(14, &REQUEST[14..])]);
    frames
}

#[test]
fn a_match_names_its_frames_and_stands_in_its_line() {
    let one = &asked("secret HTTP").told(&three())[..];
    let [told] = one else { panic!("{one:?}") };
    assert_eq!((told.matches[0].clone(), told.frames, &*told.lines), (5..16, (4, 6), "GET /secret HTTP/1.1"));
    assert_eq!(
        (told.begun, told.gap_before, told.overlap, told.closed),
        (Begun::Syn, false, Overlap::None, None)
    );
    // It is told with the packet that completes it.
    assert_eq!(told.after, 6);
    let both = &asked("GET|Host|HTTP").told(&three())[..];
    let [first, second] = both else { panic!("{both:?}") };
    assert_eq!((first.matches.len(), &*first.lines), (2, "GET /secret HTTP/1.1"));
    assert_eq!((second.frames, &*second.lines), ((6, 6), "Host: web.example"));
}

#[test]
fn lines_before_and_after_are_shown() {
    let around = |before, after| {
        let options = StreamOptions { before, after, ..StreamOptions::default() };
        let told = Asked { options, ..asked("Host") }.told(&three());
        assert_eq!(told.len(), 1);
        told[0].lines.clone()
    };
    assert_eq!(around(0, 0), "Host: web.example");
    assert_eq!(around(1, 0), "GET /secret HTTP/1.1\r\nHost: web.example");
    assert_eq!(around(5, 1), "GET /secret HTTP/1.1\r\nHost: web.example\r\nCookie: a=1; b=2");
}

#[test]
fn no_match_spans_a_gap_and_behind_it_no_text_begins() {
    let mut frames = three();
    frames.remove(4);
    frames.push(segment(true, 4000, 1 + REQUEST.len() as u32, FIN, b""));
    assert!(asked("secret HTTP").told(&frames).is_empty());
    let told = asked("TP/1.1").told(&frames);
    assert_eq!((told.len(), told[0].gap_before, told[0].begun), (1, true, Begun::Syn));
    assert!(asked("^TP").told(&frames).is_empty());
    assert_eq!(asked("^GET").told(&frames).len(), 1);
}

#[test]
fn of_a_connection_under_way_the_beginning_is_not_known() {
    let frames = [three()[3..].to_vec(), vec![segment(false, 4000, 1, ACK, b"x")]].concat();
    let told = asked("GET").told(&frames);
    assert_eq!((told.len(), told[0].begun), (1, Begun::Midway));
    assert!(asked("^GET").told(&frames).is_empty());
}

#[test]
fn other_bytes_for_the_same_place_are_said() {
    for (again, overlap) in [(&REQUEST[2..8], Overlap::Same), (b"XXXXXX", Overlap::Differs)] {
        let mut frames = three();
        frames.insert(4, data(2, again));
        assert_eq!(asked("secret").told(&frames)[0].overlap, overlap);
    }
    // Other bytes that came first, while a hole was before them.
    let mut frames = three();
    frames.insert(3, data(8, b"XXXXXX"));
    let told = asked("GET.{9}").told(&frames);
    assert_eq!((told.len(), told[0].overlap), (1, Overlap::Differs));
}

#[test]
fn a_match_at_the_end_of_what_came_is_told_at_once_or_when_it_is_quiet() {
    let other = segment(true, 5000, 1, ACK, b"");
    let frames = |text: &'static [u8]| {
        let mut frames: Vec<Sent> = handshake().into_iter().map(|frame| (0, frame)).collect();
        frames.push((0, data(0, text)));
        frames.extend([(900, other.clone()), (1100, other.clone()), (1200, other.clone())]);
        frames
    };
    let after = |pattern: &str, text| {
        let options = StreamOptions { patience: Patience::Second, ..StreamOptions::default() };
        let (told, ..) = Asked { options, ..asked(pattern) }.search(frames(text));
        assert_eq!(told.len(), 1, "{pattern}");
        (told[0].after, told[0].lines.clone())
    };
    assert_eq!(after("login", b"login: \n"), (4, "login: ".into()));
    // The line is not over, or the match may grow.
    assert_eq!(after("login", b"login: "), (6, "login: ".into()));
    assert_eq!(after("log.*", b"login: "), (6, "login: ".into()));
    // The next byte may be a part of the word.
    assert_eq!(after(r"login\b", b"login"), (8, "login".into()));
}

#[test]
fn in_a_file_no_match_depends_on_the_pauses() {
    let mut frames: Vec<Sent> = handshake().into_iter().map(|frame| (0, frame)).collect();
    frames.extend([(0, data(0, b"xx a1b")), (1500, data(6, b"2b sec")), (9000, data(12, b"ret tail\n"))]);
    for (pattern, right) in
        [("secret|sec", vec![9..15]), ("a.*b", vec![3..8]), (r"[a-z0-9]+", vec![0..2, 3..8, 9..15, 16..20])]
    {
        let (told, ..) = asked(pattern).search(frames.clone());
        let matches: Vec<_> = told.into_iter().flat_map(|told| told.matches).collect();
        assert_eq!(matches, right, "{pattern}");
    }
}

#[test]
fn the_end_of_a_stream_is_that_of_its_connection() {
    let end = 1 + REQUEST.len() as u32;
    for (flags, why) in [(FIN, EndWhy::Fin), (RST | ACK, EndWhy::Reset)] {
        let frames = [three(), vec![segment(true, 4000, end, flags, b"")]].concat();
        let told = asked(r"\r\n\r\n$").told(&frames);
        assert_eq!((told.len(), told[0].closed, told[0].after), (1, Some(why), 7));
    }
    assert_eq!(asked(r"\r\n\r\n$").told(&three())[0].closed, Some(EndWhy::Capture));
}

#[test]
fn the_search_ends_with_the_last_match_that_was_asked_for() {
    for limit in 1..4 {
        let (told, _, matched) =
            Asked { limit: Some(limit), ..asked("[A-Z]") }.search(three().into_iter().map(|f| (0, f)));
        assert_eq!(told.iter().map(|told| told.matches.len() as u64).sum::<u64>(), limit);
        assert_eq!(matched, limit);
    }
}

#[test]
fn several_patterns_are_alternatives() {
    let patterns = vec!["secret".to_owned(), "GET /sec".to_owned()];
    assert_eq!(Asked { patterns, ..asked("") }.matches(&three()), [0..8]);
}

#[test]
fn the_frames_of_a_match_are_kept_to_be_written_each_once() {
    let options = StreamOptions { copies: Copies::Frames, ..StreamOptions::default() };
    let mut frames = three();
    frames.swap(4, 5);
    frames.insert(4, data(0, &REQUEST[..8]));
    let written = |pattern: &str| -> Vec<Vec<u64>> {
        Asked { options, ..asked(pattern) }.told(&frames).into_iter().map(|told| told.written).collect()
    };
    assert_eq!(written("secret HTTP"), [[4, 6, 7]]);
    assert_eq!(written("GET|Host|Cookie"), [vec![4], vec![6], vec![]]);
}

#[test]
fn streams_with_matches_that_have_begun_make_way_for_others() {
    let connections = 12_000_u16;
    let filler = [b'x'; 1400];
    let frames = (0..3).flat_map(|round| {
        (0..connections).map(move |n| {
            let port = 1000 + n;
            let payload = if round == 0 { [b"<", &filler[1..]].concat() } else { filler.to_vec() };
            (0, segment(true, port, 1 + round * 1400, ACK, &payload))
        })
    });
    let (told, counts, _) = asked("<[^>]*>").search(frames);
    assert!(told.is_empty());
    assert!(counts.evicted > 1000, "{counts:?}");
}

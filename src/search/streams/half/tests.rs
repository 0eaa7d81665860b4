use super::super::samples::{A, Capture, SECOND, Sent, a, b};

/// Returns what is told of A's bytes behind a handshake.
fn told(segments: &[Sent<'_>]) -> String {
    let mut capture = Capture::connected();
    for segment in segments {
        capture.take(*segment);
    }
    capture.of_a().to_owned()
}

#[test]
fn bytes_come_in_the_order_of_their_receiver() {
    let (one, two, three) = (a("A", 0, "one "), a("A", 4, "two "), a("A", 8, "three"));
    let whole = "one two three";
    assert_eq!(told(&[one, two, three]), whole);
    assert_eq!(told(&[one, three, two]), whole);
    assert_eq!(told(&[three, two, one]), whole);
    assert_eq!(told(&[two, three, one]), whole);
}

#[test]
fn both_directions_are_followed() {
    let mut capture = Capture::connected();
    capture.take(a("PA", 0, "GET /")).take(b("PA", 0, "200 ").ack(5)).take(b("FA", 4, "OK").ack(5));
    capture.take(a("FA", 5, "").ack(7));
    assert_eq!((capture.of_a(), capture.of_b()), ("GET /<fin>", "200 OK<fin>"));
}

#[test]
fn a_retransmission_is_told_as_such_and_only_its_new_bytes_are_bytes() {
    assert_eq!(told(&[a("A", 0, "hello"), a("A", 0, "hello"), a("A", 5, "!")]), "hello(hello)!");
    assert_eq!(told(&[a("A", 0, "hello"), a("A", 3, "lo world")]), "hello(lo) world");
    // So is one with other bytes: whoever has kept the first ones can tell that they differ.
    assert_eq!(told(&[a("A", 0, "attack"), a("A", 0, "benign")]), "attack(benign)");
}

#[test]
fn a_fin_ends_the_direction_when_all_before_it_is_there_and_nothing_behind_it_counts() {
    assert_eq!(told(&[a("FA", 0, "all"), a("A", 3, "more"), a("A", 4, "more")]), "all<fin>");
    assert_eq!(told(&[a("FA", 3, ""), a("A", 0, "all")]), "all<fin>");
    assert_eq!(told(&[a("FA", 3, "d"), a("A", 4, "more"), a("A", 0, "all")]), "alld<fin>");
}

#[test]
fn a_fin_behind_a_hole_ended_the_stream_where_data_in_order_covers_it() {
    assert_eq!(told(&[a("A", 0, "sec"), a("FA", 5, ""), a("A", 3, "retXXXX")]), "secretXXXX");
    assert_eq!(told(&[a("A", 0, "sec"), a("FA", 5, "zz"), a("A", 3, "retXXXX")]), "sec{retXXXX!}");
    let (zzz, fin) = (a("A", 10, "zzz"), a("FA", 5, ""));
    assert_eq!(told(&[a("A", 0, "sec"), zzz, fin, a("A", 3, "reABCDE")]), "secreABCDEzzz");
    // Of those that wait, too, the one that begins first counts.
    assert_eq!(told(&[fin, a("A", 3, "retXXXX"), a("A", 0, "sec")]), "secretXXXX");
    assert_eq!(told(&[a("A", 3, "retXXXX"), fin, a("A", 0, "sec")]), "secretXXXX");
    assert_eq!(told(&[a("FA", 3, "re"), a("A", 4, "XXXX"), a("A", 0, "sec")]), "sec{re!}<fin>");
    // Segments behind a FIN are refused, and not given up.
    let mut capture = Capture::connected();
    capture.take(a("A", 10, "zzz")).take(a("FA", 5, "")).take(a("A", 0, "secre"));
    let counts = capture.streams.counts();
    assert_eq!((capture.of_a(), counts.given_up, counts.refused), ("secre<fin>", 0, 1));
}

#[test]
fn a_hole_was_given_up_though_its_segment_came_in_the_next_frame() {
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "sec")).take(a("A", 6, "zzz")).take(b("A", 0, "").ack(100)).take(a("A", 3, "ret"));
    assert_eq!(capture.of_a(), "secretzzz");
    // It is given up for three more segments, or some time.
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "sec")).take(a("A", 6, "z")).take(b("A", 0, "").ack(7));
    capture.take(a("A", 7, "z")).take(a("A", 8, "z"));
    assert_eq!(capture.of_a(), "sec");
    capture.take(a("A", 9, "z"));
    assert_eq!(capture.of_a(), "sec[3 lost]zzzz");
}

#[test]
fn the_sequence_numbers_wrap() {
    let near_end = |ahead: u32| u32::MAX - 3 - A + ahead;
    let mut capture = Capture::default();
    capture.take(a("S", near_end(0), "")).take(b("SA", u32::MAX, "").ack(near_end(1)));
    capture.take(a("A", near_end(1), "ab")).take(a("A", near_end(7), "gh"));
    capture.take(a("A", near_end(3), "cdef")).take(a("FA", near_end(9), ""));
    assert_eq!(capture.of_a(), "abcdefgh<fin>");
}

#[test]
fn a_stream_of_more_than_4_gib_goes_on() {
    let mut capture = Capture::default();
    capture.take(a("A", 0, "x")).take(b("A", 0, "").ack(1));
    // The capture lost almost all of it: each time half of a GiB, which the receiver acknowledges.
    for half in 1..=20_u32 {
        let sequence = half << 29;
        capture.take(Sent { window: 0, ..b("A", 0, "") }.ack(sequence));
        capture.take(a("A", sequence, "y"));
        capture.take(b("A", 0, "").ack(sequence + 1));
    }
    let counts = capture.streams.counts();
    assert_eq!((counts.gaps, counts.lost), (20, (20 << 29) - 20));
    assert!(capture.of_a().ends_with("y[536870911 lost]y"));
}

#[test]
fn probes_of_a_peer_that_is_there_and_of_a_window_of_zero_change_nothing() {
    // A keep-alive is one byte in front of the next one, whatever that byte is, or none at all.
    assert_eq!(told(&[a("A", 0, "hello"), a("A", 4, "\0"), a("A", 4, ""), a("A", 5, "!")]), "hello!");
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "full")).take(Sent { window: 0, ..b("A", 0, "") }.ack(4));
    // A probe of a window of 0 is the next byte. If it is not taken it comes again.
    capture.take(a("A", 4, "n")).take(Sent { window: 0, ..b("A", 0, "") }.ack(4));
    capture.take(b("A", 0, "").ack(4)).take(a("A", 4, "next"));
    assert_eq!(capture.of_a(), "fulln(n)ext");
}

#[test]
fn a_gap_is_told_when_the_receiver_says_that_it_has_the_bytes() {
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "one ")).take(a("A", 8, "three"));
    assert_eq!(capture.of_a(), "one ");
    // It repeats that it waits for them: they are not lost to the capture only.
    capture.take(b("A", 0, "").ack(4)).take(b("A", 0, "").ack(4));
    assert_eq!(capture.of_a(), "one ");
    capture.take(b("A", 0, "").ack(13)).wait(SECOND).take(b("A", 0, "").ack(13));
    assert_eq!(capture.of_a(), "one [4 lost]three");
    let counts = capture.streams.counts();
    assert_eq!((counts.gaps, counts.lost), (1, 4));
}

#[test]
fn a_gap_is_told_soon_if_the_receiver_has_said_before_that_it_has_the_bytes() {
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "one ")).take(b("A", 0, "").ack(13)).take(a("A", 13, "four"));
    capture.wait(SECOND).take(b("A", 0, "").ack(17));
    assert_eq!(capture.of_a(), "one [9 lost]four");
}

#[test]
fn bytes_that_the_snaplen_cut_are_a_gap() {
    assert_eq!(told(&[Sent { cut: 3, ..a("A", 0, "secret") }, a("A", 6, " end")]), "sec[3 snaplen] end");
    // Also those of a segment that had to wait.
    assert_eq!(
        told(&[Sent { cut: 5, ..a("A", 3, "hidden") }, a("A", 9, "z"), a("A", 0, "abc")]),
        "abch[5 snaplen]z"
    );
    // If the header is cut in its options, its length says how many bytes there were.
    let options = [1; 12];
    assert_eq!(told(&[Sent { cut: 14, ..a("A", 0, "secret").with(&options) }]), "[6 snaplen]");
}

#[test]
fn what_waits_at_the_end_of_the_capture_is_told_behind_its_gap() {
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "one ")).take(a("A", 8, "three")).take(a("A", 15, "five")).finish();
    assert_eq!(capture.of_a(), "one [4 end]three[2 end]five<capture>");
}

#[test]
fn what_waits_for_five_minutes_is_told_behind_its_gap() {
    let mut capture = Capture::connected();
    capture.take(a("A", 4, "two ")).wait(301 * SECOND).take(Sent { ports: (9, 10), ..a("S", 0, "") });
    assert_eq!(capture.of_a(), "[4 end]two <idle>");
}

#[test]
fn overlaps_are_decided_as_linux_does() {
    // The first segment is lost, so that all others wait. It comes last.
    let first = a("A", 0, "(");
    let cases: [(&str, &[Sent<'_>], &str); 8] = [
        ("one within another", &[a("A", 1, "AAAA"), a("A", 2, "bb")], "({AAAA!}"),
        ("the same place: the first", &[a("A", 1, "AAA"), a("A", 1, "bbb")], "({AAA!}"),
        ("the same beginning: the longer", &[a("A", 1, "AAA"), a("A", 1, "bbbb")], "({bbbb!}"),
        ("the earlier beginning, at the right", &[a("A", 1, "AAA"), a("A", 3, "bbb")], "({AAA!}{bb!}"),
        ("the earlier beginning, at the left", &[a("A", 3, "AAA"), a("A", 1, "bbb")], "({bbb!}{AA!}"),
        ("one that covers another", &[a("A", 2, "A"), a("A", 1, "bbb")], "({bbb!}"),
        (
            "segments in a row are as one",
            &[a("A", 1, "AA"), a("A", 3, "AA"), a("A", 1, "bbb")],
            "({AA!}{AA!}",
        ),
        ("the same bytes", &[a("A", 1, "same"), a("A", 2, "amen")], "({same=}{n=}"),
    ];
    for (name, waits, right) in cases {
        assert_eq!(told(&[waits, &[first]].concat()), right, "{name}");
    }
    // A segment in order counts against all that waits.
    assert_eq!(told(&[a("A", 2, "AAAA"), a("A", 0, "bbbb")]), "{bbbb!}{AA!}");
    assert_eq!(told(&[a("A", 2, "A"), a("A", 0, "bbbb")]), "{bbbb!}");
}

#[test]
fn segments_far_outside_of_the_window_are_refused_and_change_nothing() {
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "good"));
    for far in [1 << 22, 1 << 30, 1 << 31, (1 << 31) + 9, u32::MAX - (1 << 30) - 9] {
        capture.take(a("A", far, "evil")).take(a("FA", far, ""));
    }
    capture.take(a("A", 4, " bytes"));
    assert_eq!(capture.of_a(), "good bytes");
    assert_eq!(capture.streams.counts().refused, 10);
}

#[test]
fn a_stream_without_a_handshake_begins_with_the_first_byte_that_was_seen() {
    let mut capture = Capture::default();
    capture.take(a("A", 700, "in the ")).take(b("A", 0, "").ack(707)).take(a("A", 707, "middle"));
    assert_eq!(capture.of_a(), "~in the middle");
    assert_eq!(capture.streams.counts().without_handshake, 1);
}

#[test]
fn the_first_segments_of_a_stream_without_a_handshake_may_be_out_of_order() {
    let mut capture = Capture::default();
    capture.take(a("A", 707, "middle")).take(a("A", 700, "in the ")).take(a("A", 713, " of it"));
    assert_eq!(capture.of_a(), "~in the middle of it");
    // Three are enough to know.
    let mut capture = Capture::of(&[a("A", 9, "3"), a("A", 8, "2"), a("A", 7, "1"), a("A", 6, "0")]);
    assert_eq!(capture.finish().of_a(), "~123<capture>");
    // A match that was not decided by then is told at the end.
    let mut capture = Capture::of(&[a("A", 9, "lonely")]);
    assert_eq!(capture.finish().of_a(), "~lonely<capture>");
    let capture = Capture::of(&[a("A", 9, "lone"), a("FA", 13, "ly")]);
    assert_eq!(capture.of_a(), "~lonely<fin>");
}

#[test]
fn the_other_side_says_which_byte_is_the_next() {
    // The first segment that is seen is B's, and says what it waits for.
    let mut capture = Capture::default();
    capture.take(b("A", 0, "hello").ack(700)).take(a("A", 700, "answer").ack(5));
    assert_eq!((capture.of_a(), capture.of_b()), ("~answer", "~hello"));
}

#[test]
fn a_limit_gives_up_the_hole_where_nobody_acknowledges() {
    let block = "x".repeat(1000);
    let mut capture = Capture::default();
    capture.take(a("S", u32::MAX, "")).take(a("A", 0, "begin"));
    for number in 0..1000 {
        capture.take(a("A", 10 + number * 1000, &block));
    }
    assert!(capture.of_a().starts_with("begin[5 limit]xxx"), "{:.40}", capture.of_a());
    assert!(capture.of_a().len() >= 1_000_000, "all that waits behind the one hole is told");
}

#[test]
fn a_limit_drops_what_is_furthest_where_the_receiver_waits_too() {
    let block = "x".repeat(1000);
    let mut capture = Capture::default();
    let scale = [3, 3, 7, 0];
    capture.take(a("S", u32::MAX, "").with(&scale)).take(b("SA", u32::MAX, "").with(&scale));
    for number in 0..2000 {
        capture.take(a("A", 5 + number * 1000, &block));
        capture.take(b("A", 0, ""));
        assert!(capture.streams.footprint() < 2 << 20);
    }
    assert_eq!(capture.of_a(), "");
    capture.take(a("A", 0, "begin"));
    assert!(capture.of_a().starts_with("beginxxx"));
    assert!(capture.of_a().len() > 500_000);
    assert!(capture.streams.counts().given_up > 500);
}

mod any {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// A part of a text: its first byte, and its length.
    type Cut = (usize, usize);

    fn letters(len: usize) -> String {
        ('a'..='z').chain('0'..='9').cycle().take(len).collect()
    }

    /// Cuts of a text, in any order, some of them more than once, that cover all of it.
    fn cuts() -> impl Strategy<Value = (usize, Vec<Cut>)> {
        let cuts = |len: usize| {
            let more = prop::collection::vec((0..len, 1..40_usize), 0..12);
            let ends = prop::collection::btree_set(1..=len, 0..20);
            (Just(len), ends, more).prop_map(|(len, ends, more)| {
                let mut begin = 0;
                let mut cuts: Vec<Cut> = Vec::new();
                for end in ends.into_iter().chain([len]).filter(|end| *end > 0) {
                    if end > begin {
                        cuts.push((begin, end - begin));
                        begin = end;
                    }
                }
                cuts.extend(more.iter().map(|&(from, count)| (from, count.min(len - from))));
                (len, cuts)
            })
        };
        (1..300_usize).prop_flat_map(cuts).prop_flat_map(|(len, cuts)| (Just(len), Just(cuts).prop_shuffle()))
    }

    /// Returns the text without what came again, and without the marks of overlaps.
    fn plain(told: &str) -> String {
        let mut plain = String::new();
        let mut again = false;
        for letter in told.chars() {
            match letter {
                '(' => again = true,
                ')' => again = false,
                '{' | '}' | '=' | '!' => {}
                _ if again => {}
                letter => plain.push(letter),
            }
        }
        plain
    }

    /// The out-of-order queue of Linux, as `tcp_data_queue`, `tcp_data_queue_ofo` and `tcp_ofo_queue` have it, with lists in
    /// the place of trees. Segments in a row are not made one: whether the kernel does so depends on the shape of its tree.
    #[derive(Default)]
    struct Linux {
        read: Vec<u8>,
        /// By their beginnings.
        waiting: BTreeMap<usize, Vec<u8>>,
    }

    impl Linux {
        fn take(&mut self, begin: usize, bytes: &[u8]) {
            if begin > self.read.len() {
                self.hold(begin, bytes);
                return;
            }
            self.read.extend(bytes.get(self.read.len() - begin..).unwrap_or(&[]));
            while let Some((&begin, _)) = self.waiting.first_key_value() {
                if begin > self.read.len() {
                    break;
                }
                let bytes = self.waiting.remove(&begin).unwrap();
                self.read.extend(bytes.get(self.read.len() - begin..).unwrap_or(&[]));
            }
        }

        fn hold(&mut self, begin: usize, bytes: &[u8]) {
            let end = begin + bytes.len();
            let holds = self.waiting.range(..=begin).any(|(from, held)| from + held.len() >= end);
            if holds {
                return;
            }
            self.waiting.insert(begin, bytes.to_vec());
            self.waiting.retain(|from, held| *from <= begin || from + held.len() > end);
        }
    }

    proptest! {
        #[test]
        fn any_cut_order_and_repetition_of_a_text_gives_the_text((len, cuts) in cuts()) {
            let text = letters(len);
            let mut capture = Capture::connected();
            for (from, count) in cuts {
                capture.take(a("A", from as u32, &text[from..from + count]));
            }
            prop_assert_eq!(plain(capture.of_a()), text);
            prop_assert_eq!(capture.streams.counts().ambiguous, 0);
        }

        #[test]
        fn whatever_overlaps_is_read_as_linux_reads_it((len, cuts) in cuts()) {
            // Each segment is full of a letter of its own. None begins where another one ends.
            let len = len | 1;
            let mut capture = Capture::connected();
            let mut linux = Linux::default();
            for (number, (from, count)) in cuts.into_iter().enumerate() {
                let (from, count) = (from & !1, ((from + count) | 1) - (from & !1));
                let text = char::from(b'A' + number as u8).to_string().repeat(count);
                capture.take(a("A", from as u32, &text));
                linux.take(from, text.as_bytes());
            }
            prop_assert_eq!(linux.read.len(), len);
            prop_assert_eq!(plain(capture.of_a()), String::from_utf8(linux.read).unwrap());
        }
    }
}

//! The evasions that are public, by the names that they have there: Ptacek and Newsham, "Insertion, Evasion, and Denial of
//! Service" (1998); `tcp_chaff`, `tcp_seg` and `tcp_opt` of fragroute; what Suricata's and Snort's policies and Zeek's weirds
//! are about.
//!
//! B reads "attack" in each of them.

use super::super::samples::{Capture, Sent, a, b};

/// A's timestamp.
fn stamp(now: u8) -> [u8; 12] {
    [1, 1, 8, 10, 0, 0, 0, now, 0, 0, 0, 0]
}

fn wrong(sent: Sent<'_>) -> Sent<'_> {
    Sent { checksum: 77, ..sent }
}

#[test]
fn insertion_by_a_wrong_checksum_inserts_nothing() {
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "att")).take(wrong(a("A", 3, "XXXX"))).take(a("A", 3, "ack"));
    assert_eq!(capture.of_a(), "att{ack!}");
    // The same behind what it is to hide, in front of it, and over more than it.
    capture.take(wrong(a("A", 3, "XXX"))).take(wrong(a("A", 9, "XXX"))).take(a("A", 6, " again"));
    capture.take(wrong(a("FA", 12, ""))).take(wrong(a("R", 12, ""))).take(a("A", 12, "!"));
    assert_eq!(capture.of_a(), "att{ack!}{ again!}!");
}

#[test]
fn a_wrong_checksum_is_no_reason_to_reject_where_none_is_finished() {
    // The capture is on the sender, whose card finishes them: the pseudo-header's sum, zero, or whatever was there.
    for checksum in [1, 7, 0x8000] {
        let mut capture = Capture::default();
        let unfinished = |sent: Sent<'static>| Sent { checksum, ..sent };
        capture.take(unfinished(a("S", u32::MAX, ""))).take(b("SA", u32::MAX, ""));
        capture.take(unfinished(a("A", 0, "attack")));
        assert_eq!(capture.of_a(), "attack");
    }
}

#[test]
fn what_the_receiver_acknowledges_it_has_whatever_its_checksum_was() {
    // Cards that join segments leave the checksum of the first one.
    let mut capture = Capture::connected();
    capture.take(wrong(a("A", 0, "att"))).take(wrong(a("A", 3, "ack")));
    assert_eq!(capture.of_a(), "");
    capture.take(b("A", 0, "").ack(3));
    assert_eq!(capture.of_a(), "att");
    capture.take(b("A", 0, "").ack(6));
    assert_eq!(capture.of_a(), "attack");
}

#[test]
fn insertion_by_a_low_ttl_is_told_as_bytes_that_differ() {
    // The distance to the receiver is not known. Whoever has kept the first bytes sees that the second ones differ.
    let mut capture = Capture::connected();
    capture.take(Sent { ttl: 1, ..a("A", 0, "XXXXXX") }).take(a("A", 0, "attack"));
    assert_eq!(capture.of_a(), "XXXXXX(attack)");
}

#[test]
fn insertion_by_an_old_timestamp_inserts_nothing() {
    let (now, old) = (stamp(100), stamp(20));
    let mut capture = Capture::default();
    capture.take(a("S", u32::MAX, "").with(&now)).take(b("SA", u32::MAX, "").with(&now));
    capture.take(a("A", 0, "XXXXXX").with(&old)).take(a("A", 0, "attack").with(&now));
    assert_eq!(capture.of_a(), "{attack!}");
    // Without timestamps of both sides nobody looks at them.
    let mut capture = Capture::default();
    capture.take(a("S", u32::MAX, "").with(&now)).take(b("SA", u32::MAX, ""));
    capture.take(a("A", 0, "attack").with(&old));
    assert_eq!(capture.of_a(), "attack");
}

#[test]
fn insertion_without_the_flag_ack_inserts_nothing() {
    let mut capture = Capture::connected();
    capture.take(a("", 0, "XXXXXX")).take(a("P", 0, "XXXXXX")).take(a("F", 0, "")).take(a("A", 0, "attack"));
    assert_eq!((capture.of_a(), capture.streams.counts().refused), ("attack", 3));
}

#[test]
fn the_data_of_a_syn_counts_if_the_receiver_says_so() {
    let mut capture = Capture::default();
    capture.take(a("S", u32::MAX, "XXXXXX")).take(b("SA", u32::MAX, "").ack(0)).take(a("A", 0, "attack"));
    assert_eq!(capture.of_a(), "{attack!}");
    // Fast open: it is acknowledged with the SYN.
    let mut capture = Capture::default();
    capture.take(a("S", u32::MAX, "att")).take(b("SA", u32::MAX, "").ack(3)).take(a("A", 3, "ack"));
    assert_eq!(capture.of_a(), "attack");
}

#[test]
fn one_byte_segments_in_any_order_with_a_forward_overlap_are_as_linux_reads_them() {
    // `tcp_seg 1 new` and `order random` of fragroute.
    let mut capture = Capture::connected();
    for (at, text) in [(5, "k"), (1, "tt"), (3, "a"), (2, "XX"), (4, "c"), (0, "a")] {
        capture.take(a("A", at, text));
    }
    // Linux keeps the one that begins first.
    assert_eq!(capture.of_a(), "a{tt!}{a!}ck");
    assert!(capture.streams.counts().ambiguous > 0);
}

#[test]
fn a_reset_with_a_bad_number_or_checksum_ends_nothing() {
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "att")).take(a("R", 9, "")).take(wrong(a("R", 3, ""))).take(wrong(a("RA", 3, "")));
    assert_eq!(capture.take(a("A", 3, "ack")).of_a(), "attack");
}

#[test]
fn a_reset_that_only_the_capture_has_heard_hides_nothing() {
    // It had a low TTL: its sender goes on. What follows is another connection here.
    let mut capture = Capture::connected();
    capture.take(b("A", 0, "hello")).take(Sent { ttl: 1, ..a("R", 0, "").ack(5) });
    capture.take(a("A", 0, "attack").ack(5)).take(b("A", 5, "done").ack(6));
    assert_eq!((capture.told_of(2, 40_000), capture.told_of(2, 80)), ("~attack", "~done"));
    // That one is under way when it is first seen.
    assert_eq!(capture.streams.counts().without_handshake, 1);
}

#[test]
fn a_syn_in_the_middle_does_not_move_the_stream() {
    // "Desynchronisation": a SYN with another number, and data that fits that one.
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "att")).take(a("S", 1 << 29, "")).take(a("A", (1 << 29) + 1, "XXX"));
    assert_eq!(capture.take(a("A", 3, "ack")).of_a(), "attack");
    // And one before the handshake, to which nobody answers.
    let mut capture = Capture::default();
    capture.take(a("S", 77, "")).take(a("S", u32::MAX, "")).take(b("SA", u32::MAX, "").ack(0));
    capture.take(a("A", 0, "").ack(0)).take(a("A", 0, "attack"));
    let last = capture.streams.counts().connections;
    assert_eq!(capture.told_of(last, 40_000), "attack");
}

#[test]
fn an_answer_to_another_syn_does_not_move_the_stream() {
    let mut capture = Capture::default();
    capture.take(a("S", u32::MAX, "")).take(b("SA", 99, "").ack(70_000)).take(b("SA", u32::MAX, ""));
    capture.take(a("A", 0, "attack")).take(b("A", 0, "done").ack(6));
    assert_eq!((capture.of_a(), capture.of_b()), ("attack", "done"));
}

#[test]
fn acknowledgements_of_what_was_never_sent_give_up_nothing_that_comes_in_order() {
    let mut capture = Capture::connected();
    capture.take(b("A", 0, "").ack(1 << 20)).take(a("A", 0, "att")).take(a("A", 3, "ack"));
    assert_eq!(capture.of_a(), "attack");
}

#[test]
fn an_urgent_byte_was_told_though_receivers_leave_it_out() {
    // A receiver that does not ask for it leaves the urgent byte out.
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "att")).take(a("UA", 3, "X")).take(a("A", 4, "ack"));
    assert_eq!(capture.of_a(), "attack");
    capture.take(a("UA", 7, "Xed")).take(a("A", 8, "ed")).take(a("A", 10, "!"));
    assert_eq!(capture.of_a(), "attack{ed!}(ed)!");
}

#[test]
fn an_urgent_byte_amid_a_segment_or_in_the_next_one_was_told() {
    let urgent = |place, data, urgent| Sent { urgent, ..a("UA", place, data) };
    let mut capture = Capture::connected();
    capture.take(urgent(0, "attXack", 4)).take(a("A", 7, "!"));
    assert_eq!(capture.of_a(), "{att!}{ack!}!");
    let mut capture = Capture::connected();
    capture.take(urgent(0, "att", 4)).take(a("A", 3, "Xack"));
    assert_eq!(capture.of_a(), "{att!}{ack!}");
}

#[test]
fn a_segment_that_acknowledges_what_was_never_sent_hid_the_bytes_that_the_receiver_reads() {
    for ahead in [1, 1000] {
        let mut capture = Capture::connected();
        capture.take(a("A", 0, "att")).take(a("A", 3, "XXXX").ack(ahead)).take(a("FA", 3, "").ack(ahead));
        capture.take(a("A", 3, "ack"));
        assert_eq!(capture.of_a(), "att{ack!}");
    }
    // If the capture has lost what it acknowledges, the receiver says so by its own acknowledgement.
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "att").ack(9)).take(b("A", 9, "").ack(3)).take(a("A", 3, "ack").ack(9));
    capture.take(b("A", 9, "").ack(6));
    assert_eq!(capture.of_a(), "attack");
}

#[test]
fn a_doubtful_segment_lost_all_its_bytes_to_a_sound_one_for_some_of_them() {
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "attack").ack(9)).take(a("A", 3, "ackers")).take(b("A", 0, "").ack(9));
    assert_eq!(capture.of_a(), "{att=}{ackers=}");
    let mut capture = Capture::connected();
    capture.take(a("A", 3, "ackers").ack(9)).take(a("A", 0, "attack")).take(b("A", 0, "").ack(9));
    assert_eq!(capture.of_a(), "{attack=}{ers=}");
}

#[test]
fn what_a_direction_acknowledges_is_not_doubted_where_the_other_one_is_not_captured() {
    let mut capture = Capture::default();
    capture.take(b("SA", u32::MAX, "")).take(b("A", 0, "attack").ack(1000));
    assert_eq!(capture.of_b(), "attack");
    // Nor for ever where it is not captured any more.
    let mut capture = Capture::connected();
    for place in 0..20 {
        capture.take(a("A", place, "x").ack(1000));
    }
    assert_eq!(capture.finish().of_a(), "xxxxxxxxxxxxxxxxxxxx<capture>");
}

#[test]
fn insertion_by_a_signature_inserts_nothing() {
    let signature = [[19, 18].as_slice(), &[7; 16], &[1, 1]].concat();
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "XXXXXX").with(&signature)).take(a("A", 0, "attack"));
    assert_eq!(capture.of_a(), "{attack!}");
}

#[test]
fn a_forged_handshake_amid_a_connection_ended_it() {
    let (syn, answer) = (a("S", 1 << 29, ""), b("SA", 1 << 28, "").ack((1 << 29) + 1));
    let mut capture = Capture::connected();
    capture
        .take(a("A", 0, "att"))
        .take(syn)
        .take(answer)
        .take(a("A", 3, "ack"))
        .take(b("A", 0, "yes").ack(6));
    assert_eq!((capture.of_a(), capture.of_b()), ("attack", "yes"));
    // Data that fits the new numbers only shows that the handshake was none that was forged.
    capture
        .take(a("A", (1 << 29) + 1, "new").ack((1 << 28) + 1))
        .take(b("A", (1 << 28) + 1, "too").ack((1 << 29) + 4));
    assert_eq!(
        (capture.of_a(), capture.told_of(2, 40_000), capture.told_of(2, 80)),
        ("attack<reused>", "new", "too")
    );
}

#[test]
fn a_direction_went_blind_for_ever_behind_one_stray_segment() {
    // It came first, and the handshake was missed.
    let mut capture = Capture::default();
    capture.take(a("A", 1_000_000_000, "stray"));
    for number in 0..20 {
        capture.take(a("A", number * 5, "line ").ack(number)).take(b("A", number, "y").ack(number * 5 + 5));
    }
    assert!(capture.of_a().matches("line").count() >= 18, "{}", capture.of_a());
    // A forged row is not joined where the receiver speaks of other bytes.
    let mut capture = Capture::connected();
    for number in 0..50 {
        capture.take(a("A", number, "x").ack(number)).take(a("A", (1 << 29) + number, "evil"));
        capture.take(b("A", number, "y").ack(number + 1));
    }
    assert_eq!(capture.of_a(), "x".repeat(50));
}

#[test]
fn a_direction_went_blind_for_ever_behind_a_large_loss() {
    // Of both directions, of one of which only the handshake was seen, and of one that is alone.
    for (has_answers, least) in [(true, 98), (false, 65)] {
        for loss in [1_000_000, 100_000_000, 2_000_000_000, 3_000_000_000] {
            let mut capture = Capture::connected();
            capture.take(a("A", 0, "start"));
            for number in 0..100_u32 {
                capture.take(a("A", loss + number * 5, "line "));
                if has_answers {
                    capture.take(b("A", 0, "").ack(loss + number * 5 + 5));
                }
            }
            let lines = capture.finish().of_a().matches("line").count();
            assert!(lines >= least, "{lines} of 100 behind {loss}");
        }
    }
}

#[test]
fn a_connection_whose_ports_were_used_again_without_a_handshake_is_joined() {
    let mut capture = Capture::connected();
    capture.take(a("A", 0, "start"));
    let (at, other) = (2_000_000_000, 3_000_000_000);
    for number in 0..50 {
        capture.take(a("A", at + number * 5, "line ").ack(other + number));
        capture.take(b("A", other + number, "y").ack(at + number * 5 + 5));
    }
    let lines = [capture.of_a().matches("line").count(), capture.of_b().matches('y').count()];
    assert!(lines.iter().all(|count| *count >= 47), "{lines:?}");
}

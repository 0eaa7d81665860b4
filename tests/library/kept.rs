//! The evidence that is kept of a watch: read again, it gives the same report, and its frames show what the facts say.

use ovlsniff::capture::savefile::Savefile;
use ovlsniff::ipsec::{self, Opener};
use ovlsniff::packet::Frame;
use ovlsniff::verify::kept::{Contradiction, Facts, FrameKeeper, FrameKind, SeenAgain};
use ovlsniff::verify::{Circumstances, Question, Report, Watch, tunnel_ports};

use crate::reading::{all, path};
use crate::watch::questions;

/// Watches a file, and keeps what its verdict follows from.
fn watched(fixture: &str, question: &Question, keys: Option<&str>) -> (Report, Facts, FrameKeeper) {
    let sas = keys.map(|keys| ipsec::read_files(&[path(keys)]).unwrap());
    let mut watch =
        Watch::new(question.clone(), None, tunnel_ports([&question.network]), sas.map(Opener::new));
    watch.keep_frames();
    let mut file = Savefile::open(&path(fixture)).unwrap();
    while let Ok(true) = file.advance() {
        watch.frame(&file.frame());
    }
    let circumstances = Circumstances { nanos: watch.nanos(), dropped: Some(0), ..Circumstances::default() };
    let (report, kept) = watch.finish_and_keep(circumstances);
    let (facts, keeper) = kept.unwrap();
    (report, facts, keeper)
}

/// Compares frames with facts.
fn compare<'f>(facts: &Facts, frames: impl Iterator<Item = Frame<'f>>) -> Result<SeenAgain, Contradiction> {
    let mut comparison = facts.comparison();
    for frame in frames {
        comparison.frame(&frame)?;
    }
    comparison.finish()
}

#[test]
fn every_capture_gives_the_same_report_again_and_its_frames_bear_it_out() {
    let mut seen = [0; 3];
    for fixture in all() {
        let keys = fixture.strip_suffix(".pcap").map(|name| format!("{name}.esp_sa"));
        let keys = keys.filter(|keys| path(keys).exists());
        for question in questions() {
            for keys in [None, keys.as_deref()] {
                let (report, facts, keeper) = watched(&fixture, &question, keys);
                let again = Facts::from_json(&facts.to_json()).unwrap();
                assert_eq!(again.report(), report, "{fixture} {:?}", question.network);
                let frames = keeper.frames().map(|kept| kept.frame());
                let shown = compare(&again, frames)
                    .unwrap_or_else(|why| panic!("{fixture} {:?}: {why}", question.network));
                seen[0] += shown.clear;
                seen[1] += shown.auth_only;
                seen[2] += shown.opaque;
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 20), "{seen:?}");
}

#[test]
fn a_frame_that_shows_something_else_is_a_contradiction() {
    let question = questions().swap_remove(0);
    let (_, facts, keeper) = watched("swarm/swarm-node1.pcap", &question, None);
    let kept: Vec<_> = keeper.frames().cloned().collect();
    let clear = kept.iter().position(|kept| kept.noted.kind == FrameKind::Clear).unwrap();
    let esp = kept.iter().position(|kept| kept.noted.kind == FrameKind::Opaque).unwrap();
    let mut swapped = kept.clone();
    swapped[clear] = kept[esp].clone();
    let number = kept[clear].noted.frame;
    assert_eq!(
        compare(&facts, swapped.iter().map(|kept| kept.frame())),
        Err(Contradiction::NotClear(number))
    );
    swapped.swap(clear, esp);
    swapped[clear] = kept[clear].clone();
    swapped[esp] = kept[clear].clone();
    let number = kept[esp].noted.frame;
    assert_eq!(
        compare(&facts, swapped.iter().map(|kept| kept.frame())),
        Err(Contradiction::Readable(number))
    );
    let few = compare(&facts, kept.iter().skip(1).map(|kept| kept.frame()));
    assert!(few.is_err(), "{few:?}");
}

/// Counts that nobody changed stand in the facts as numbers. One that is changed contradicts the frames.
#[test]
fn counts_without_frames_and_frames_without_counts_are_contradictions() {
    let question = questions().swap_remove(0);
    let (_, facts, keeper) = watched("swarm/swarm-node1.pcap", &question, None);
    let frames = || keeper.frames().map(|kept| kept.frame());
    let mut value: serde_json::Value = serde_json::from_slice(&facts.to_json()).unwrap();
    let leg = &mut value["counted"]["pairs"]["192.0.2.2"]["out"];
    assert!(leg["clear"]["count"].as_u64().unwrap() > 0);
    leg["clear"]["count"] = 0.into();
    let quiet = Facts::from_json(value.to_string().as_bytes()).unwrap();
    assert!(matches!(compare(&quiet, frames()), Err(Contradiction::NotCounted(_))));
    let mut value: serde_json::Value = serde_json::from_slice(&facts.to_json()).unwrap();
    let notes = value["frames"].as_array_mut().unwrap();
    notes.iter_mut().filter(|note| note["kind"] == "Clear").for_each(|note| note["kind"] = "Around".into());
    let hidden = Facts::from_json(value.to_string().as_bytes()).unwrap();
    assert!(matches!(compare(&hidden, frames()), Err(Contradiction::NoneInClear(_))));
}

/// Whoever hides a leak takes it out of the counts, and calls the frames in clear something else.
#[test]
fn a_frame_in_clear_has_to_be_counted_whatever_it_is_called() {
    let question = questions().swap_remove(0);
    let (_, facts, keeper) = watched("swarm/swarm-node1.pcap", &question, None);
    let frames = || keeper.frames().map(|kept| kept.frame());
    for kind in
        ["Around", "Copy", "Undecoded", "Stranger", "BetweenOthers", "OtherPort", "Untunnelled", "Opaque"]
    {
        let mut value: serde_json::Value = serde_json::from_slice(&facts.to_json()).unwrap();
        for way in ["out", "back"] {
            let leg = &mut value["counted"]["pairs"]["192.0.2.2"][way];
            leg["clear"] = serde_json::json!({ "count": 0, "canaries": 0, "shown": null });
            leg["unexplained"] = 0.into();
        }
        // A stranger would be told of, and explains no frame between the nodes.
        value["counted"]["strangers"]["count"] = 100.into();
        value["counted"]["between_others"]["count"] = 100.into();
        for note in value["frames"].as_array_mut().unwrap().iter_mut().filter(|note| note["kind"] == "Clear")
        {
            note["kind"] = kind.into();
        }
        let hidden = Facts::from_json(value.to_string().as_bytes()).unwrap();
        let found = compare(&hidden, frames());
        let expected =
            if kind == "Opaque" { "shows the network in clear" } else { "its facts count no such frame" };
        assert!(found.as_ref().is_err_and(|why| why.to_string().contains(expected)), "{kind}: {found:?}");
        // Nor does a file have links above those that encrypt.
        for note in value["frames"].as_array_mut().unwrap() {
            note["view"] = "Hidden".into();
        }
        let hidden = Facts::from_json(value.to_string().as_bytes()).unwrap();
        assert!(compare(&hidden, frames()).is_err(), "{kind}");
    }
}

#[test]
fn copies_of_frames_that_no_key_opened_are_refused() {
    let question = questions().swap_remove(0);
    let (_, facts, _) = watched("swarm/swarm-node1.pcap", &question, None);
    let mut value: serde_json::Value = serde_json::from_slice(&facts.to_json()).unwrap();
    value["counted"]["pairs"]["192.0.2.2"]["out"]["copies_out"] = 1.into();
    assert!(Facts::from_json(value.to_string().as_bytes()).is_err());
}

/// The notes and counts stay as they are, and what is said to be encrypted becomes something else.
#[test]
fn what_is_said_to_be_encrypted_has_to_be_so() {
    let question = questions().swap_remove(2);
    let (_, facts, keeper) = watched("swarm/swarm-node1.pcap", &question, Some("swarm/xfrm-state.esp_sa"));
    let kept: Vec<_> = keeper.frames().cloned().collect();
    let clear = questions().swap_remove(0);
    let (_, _, others) = watched("swarm/swarm-node1.pcap", &clear, None);
    let vxlan = others.frames().find(|kept| kept.noted.kind == FrameKind::Clear).unwrap().clone();
    let opened = kept.iter().find(|kept| kept.noted.kind == FrameKind::Opened).unwrap();
    let (number, right) = (opened.noted.frame, opened.frame().bytes.to_vec());
    let with = |bytes: &[u8]| {
        let frames = kept.iter().map(|kept| match kept.frame() {
            frame if frame.number == number => Frame { bytes, wire_len: bytes.len() as u32, ..frame },
            frame => frame,
        });
        compare(&facts, frames)
    };
    assert!(with(&right).is_ok());
    // The same SPI, and the addresses the other way round.
    let mut turned = right.clone();
    let (source, destination) = (right[26..30].to_vec(), right[30..34].to_vec());
    turned[26..30].copy_from_slice(&destination);
    turned[30..34].copy_from_slice(&source);
    assert_eq!(with(&turned), Err(Contradiction::OtherWay(number)));
    // The network of the same frame in ESP that does not encrypt, with the same SPI.
    let mut inside = vxlan.frame().bytes[34..].to_vec();
    inside[12..15].copy_from_slice(&[0, 0x10, 0x02]);
    let padding = (2 - inside.len() % 4 + 4) % 4;
    inside.extend((1..=padding as u8).chain([padding as u8, 17]));
    let mut null = right[..42].to_vec();
    null.extend(inside.into_iter().chain([0xa5; 16]));
    let len = (null.len() - 14) as u16;
    null[16..18].copy_from_slice(&len.to_be_bytes());
    assert_eq!(with(&null), Err(Contradiction::Readable(number)));
    // Anything that is no ESP.
    let mut other = right.clone();
    other[23] = 89;
    assert!(with(&other).is_err());
}

/// Whoever cuts frames to their headers leaves nothing of what was encrypted. A file may have been cut by its own snaplen.
#[test]
fn frames_that_were_cut_to_their_headers_are_refused_of_a_live_watch_and_told_of_a_file() {
    let question = questions().swap_remove(2);
    let (_, facts, keeper) = watched("swarm/swarm-node1.pcap", &question, Some("swarm/xfrm-state.esp_sa"));
    let proofs = || keeper.frames().filter(|kept| kept.noted.kind != FrameKind::Around);
    let (number, long) = (proofs().next().unwrap().noted.frame, proofs().count());
    let cut_to = |facts: &Facts, len: usize| {
        compare(
            facts,
            keeper.frames().map(|kept| {
                let frame = kept.frame();
                Frame { bytes: &frame.bytes[..len.min(frame.bytes.len())], ..frame }
            }),
        )
    };
    assert_eq!(cut_to(&facts, usize::MAX).map(|seen| seen.cut), Ok(0));
    assert_eq!(cut_to(&facts, 60).map(|seen| seen.cut), Ok(long));
    let text = String::from_utf8(facts.to_json()).unwrap();
    let live = text.replace(r#""own": []"#, r#""own": ["192.0.2.1"]"#);
    let live = Facts::from_json(live.as_bytes()).unwrap();
    assert!(live.is_live() && cut_to(&live, usize::MAX).is_ok());
    assert_eq!(cut_to(&live, 60), Err(Contradiction::CutOff(number)));
}

/// ESP may protect GRE or L2TP, which carries the underlay. Then it goes between other addresses than the nodes', and no
/// address shows which node an opened frame was for.
#[test]
fn esp_around_a_tunnel_that_carries_the_underlay_has_addresses_of_its_own() {
    let question = questions().swap_remove(2);
    let (_, facts, keeper) = watched("swarm/swarm-node1.pcap", &question, Some("swarm/xfrm-state.esp_sa"));
    let text = String::from_utf8(facts.to_json()).unwrap();
    let opened = || keeper.frames().filter(|kept| kept.noted.kind == FrameKind::Opened);
    assert!(opened().count() > 5);
    let with = |text: &str| {
        compare(&Facts::from_json(text.as_bytes()).unwrap(), keeper.frames().map(|kept| kept.frame()))
    };
    // Nodes with the addresses of a tunnel's device.
    let inside = text.replace("192.0.2.", "10.9.9.");
    assert!(with(&inside).is_ok());
    // Only one of the nodes has another address than its frames.
    let one = text.replace("192.0.2.2", "10.9.9.2");
    let first = opened().next().unwrap().noted.frame;
    assert_eq!(with(&one), Err(Contradiction::OtherWay(first)));
    // A live watch knows the addresses of its host. ESP between others is nothing that it sent or that reached it.
    let live = |own: &str| inside.replace(r#""own": []"#, &format!(r#""own": ["10.9.9.1", "{own}"]"#));
    assert!(with(&live("192.0.2.1")).is_ok());
    assert_eq!(with(&live("192.0.2.7")), Err(Contradiction::OtherWay(first)));
}

#[test]
fn a_frame_that_the_report_shows_as_in_clear_has_to_be_kept_as_such() {
    let question = questions().swap_remove(0);
    let (_, facts, keeper) = watched("swarm/swarm-node1.pcap", &question, None);
    for other in [0, 4_000] {
        let mut value: serde_json::Value = serde_json::from_slice(&facts.to_json()).unwrap();
        let shown = &mut value["counted"]["pairs"]["192.0.2.2"]["out"]["clear"]["shown"];
        shown["frame"] = other.into();
        let facts = Facts::from_json(value.to_string().as_bytes()).unwrap();
        let found = compare(&facts, keeper.frames().map(|kept| kept.frame()));
        assert_eq!(found, Err(Contradiction::NotShown(other)));
    }
}

#[test]
fn a_frame_to_a_multicast_group_is_kept_once_for_all_nodes() {
    let question = questions().swap_remove(0);
    let (_, _, keeper) = watched("swarm/swarm-node1.pcap", &question, None);
    let clear = keeper.frames().find(|kept| kept.noted.kind == FrameKind::Clear).unwrap();
    let mut bytes = clear.frame().bytes.to_vec();
    bytes[30..34].copy_from_slice(&[239, 1, 1, 1]);
    let question = crate::watch::question(&[4097], "192.0.2.1", &["192.0.2.2", "192.0.2.3"], None);
    let mut watch = Watch::new(question.clone(), None, tunnel_ports([&question.network]), None);
    watch.keep_frames();
    watch.frame(&Frame { number: 1, bytes: &bytes, ..clear.frame() });
    let (report, kept) = watch.finish_and_keep(Circumstances::default());
    let (facts, keeper) = kept.unwrap();
    assert_eq!(report.legs.iter().filter(|leg| leg.counts.clear == 1).count(), 2);
    assert_eq!(compare(&facts, keeper.frames().map(|kept| kept.frame())).map(|seen| seen.clear), Ok(1));
}

#[test]
fn eight_frames_before_one_in_clear_are_kept_and_eight_after_it() {
    let question = questions().swap_remove(0);
    let (_, _, keeper) = watched("swarm/swarm-node1.pcap", &question, None);
    let kept: Vec<_> = keeper.frames().map(|kept| (kept.noted.frame, kept.noted.kind)).collect();
    let clear = |at: &&(u64, FrameKind)| at.1 == FrameKind::Clear;
    let (first, last) = (kept.iter().find(clear).unwrap().0, kept.iter().rfind(clear).unwrap().0);
    assert!(first > 9);
    for around in (first - 8..first).chain(last + 1..=last + 8) {
        assert!(kept.iter().any(|(frame, _)| *frame == around), "{around} of {kept:?}");
    }
}

#[test]
fn what_is_kept_is_bounded_and_has_every_kind() {
    let question = questions().swap_remove(0);
    let (_, _, keeper) = watched("swarm/swarm-node1.pcap", &question, Some("swarm/xfrm-state.esp_sa"));
    let count = |kind| keeper.frames().filter(|kept| kept.noted.kind == kind).count();
    let clear = count(FrameKind::Clear);
    assert!(clear == 10 && count(FrameKind::Opaque) >= 5, "{clear}");
    assert!(!keeper.left_some_out());
}

/// Facts may come from anybody: whatever one value in them is replaced by, they are refused or judged.
#[test]
fn hostile_facts_are_refused_or_judged() {
    let question = questions().swap_remove(0);
    let (_, facts, _) = watched("swarm/swarm-node1.pcap", &question, None);
    let text = String::from_utf8(facts.to_json()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut judged = 0;
    for pointer in pointers(&value, String::new()) {
        for hostile in [
            "null",
            "-1",
            "0",
            "9007199254740992",
            "18446744073709551615",
            "1e300",
            "\"\"",
            "\"\\u001b[2J\"",
            "[]",
            "{}",
            "true",
        ] {
            let mut changed = value.clone();
            *changed.pointer_mut(&pointer).unwrap() = serde_json::from_str(hostile).unwrap();
            if let Ok(facts) = Facts::from_json(changed.to_string().as_bytes()) {
                let report = facts.report();
                let text = ovlsniff::print::report::text(&report, ovlsniff::verify::Expectation::Encrypted);
                assert!(!text.contains('\u{1b}'), "{pointer} {hostile}");
                judged += 1;
            }
        }
    }
    assert!(judged > 100, "{judged}");
    for len in (0..text.len()).step_by(997) {
        assert!(Facts::from_json(&text.as_bytes()[..len]).is_err());
    }
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Facts::from_json(deep.as_bytes()).is_err());
}

fn pointers(value: &serde_json::Value, at: String) -> Vec<String> {
    let below: Vec<String> = match value {
        serde_json::Value::Array(values) => values
            .iter()
            .take(3)
            .enumerate()
            .flat_map(|(n, value)| pointers(value, format!("{at}/{n}")))
            .collect(),
        serde_json::Value::Object(values) => {
            values.iter().flat_map(|(name, value)| pointers(value, format!("{at}/{name}"))).collect()
        }
        _ => Vec::new(),
    };
    [vec![at], below].concat()
}

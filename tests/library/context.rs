//! The context of a match: the same packets whether every frame is dissected or only those that may match.

use std::convert::Infallible;

use ovlsniff::packet::Vni;
use ovlsniff::pattern::{Expressions, Pattern};
use ovlsniff::search::{Outcome, Search, SearchOptions};

use crate::reading;

/// A packet that is shown: the number of its frame, the result, true if it was recalled, its network and its payload.
type Shown = (u64, Outcome, bool, Option<Vni>, Vec<u8>);

fn shown(
    frames: &[reading::Kept],
    pattern: &str,
    (before, after): (usize, usize),
    matches_only: bool,
) -> Vec<Shown> {
    let patterns = vec![pattern.to_owned()];
    let pattern = Pattern::new(&Expressions { patterns, ..Expressions::default() }).unwrap();
    let options = SearchOptions { before, after, matches_only, ..SearchOptions::default() };
    let mut search = Search::new(pattern, reading::ports(), options);
    let mut shown = Vec::new();
    let sink = &mut |found: ovlsniff::search::Found<'_>| {
        if found.show {
            let (frame, packet) = (found.frame, found.packet);
            let payload = packet.payload.to_vec();
            shown.push((frame.number, found.outcome, found.recalled, packet.vni(), payload));
        }
        Ok::<(), Infallible>(())
    };
    for kept in frames {
        let Ok(()) = search.frame(&kept.frame(), sink);
    }
    let Ok(()) = search.finish(sink);
    shown
}

#[test]
fn where_only_matches_are_asked_for_their_context_is_the_same() {
    let mut contexts = 0;
    let mut random = 7_u64;
    for fixture in reading::all() {
        let mut frames = reading::frames(&fixture);
        for round in 0..2 {
            for pattern in ["HTTP", "e", "\\x00\\x01"] {
                for around in [(1, 0), (0, 2), (100, 100)] {
                    let plain = shown(&frames, pattern, around, false);
                    assert_eq!(
                        shown(&frames, pattern, around, true),
                        plain,
                        "{fixture} {pattern} {around:?} round {round}"
                    );
                    contexts += plain.iter().filter(|(_, outcome, ..)| *outcome != Outcome::Match).count();
                }
            }
            // Damage, most of it in the headers.
            for kept in frames.iter_mut().filter(|kept| !kept.bytes.is_empty()) {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let at = random as usize % kept.bytes.len().min(100);
                kept.bytes[at] = (random >> 32) as u8;
            }
        }
    }
    assert!(contexts > 10_000, "{contexts}");
}

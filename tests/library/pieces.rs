//! The search through pieces of a capture, each for itself, beside the search in order: every fixture, with a seam at every
//! frame.

use std::sync::Arc;

use ovlsniff::pattern::{Expressions, Pattern};
use ovlsniff::search::{Found, OfPieces, Search, SearchOptions};

use crate::reading::{self, Kept};

fn search(pattern: &str, matches_only: bool) -> Search {
    let patterns = vec![pattern.to_owned()];
    let pattern = Pattern::new(&Expressions { patterns, ..Expressions::default() }).unwrap();
    Search::new(pattern, reading::ports(), SearchOptions { matches_only, ..SearchOptions::default() })
}

fn words(found: &Found<'_>) -> String {
    format!("{} {:?} {:?} {:?}", found.frame.number, found.outcome, found.spans, found.packet)
}

/// The words that the frames of a piece are told in, if it stands alone.
fn alone(pieces: &mut OfPieces, frames: &[Kept]) -> Option<Vec<String>> {
    let mut told = Vec::new();
    for kept in frames {
        let sink = &mut |found: Found<'_>| {
            told.push(words(&found));
            Ok::<(), ()>(())
        };
        pieces.frame(&kept.frame(), sink).unwrap();
    }
    pieces.alone().map(|_| told)
}

/// Searches pieces of these lengths from every frame on. Returns the number of those that stand alone, and of the others.
fn compare(fixture: &str, frames: &[Kept], pattern: &str, matches_only: bool) -> (usize, usize) {
    let mut in_order = search(pattern, matches_only);
    let mut pieces = in_order.of_pieces().unwrap();
    let mut told: Vec<String> = Vec::new();
    let mut ends = vec![0];
    let mut knowledge = vec![Arc::new(in_order.knowledge())];
    let mut waits = vec![false];
    for kept in frames {
        let sink = &mut |found: Found<'_>| {
            told.push(words(&found));
            Ok::<(), ()>(())
        };
        in_order.frame(&kept.frame(), sink).unwrap();
        ends.push(told.len());
        knowledge.push(Arc::new(in_order.knowledge()));
        waits.push(in_order.waits());
    }
    let (mut fitted, mut others) = (0, 0);
    for (begin, known) in knowledge.iter().enumerate() {
        for len in [1, 2, 7, 40] {
            let end = (begin + len).min(frames.len());
            pieces.begin(known);
            let Some(alone) = alone(&mut pieces, &frames[begin..end]) else {
                others += 1;
                continue;
            };
            fitted += 1;
            assert_eq!(alone, told[ends[begin]..ends[end]], "{fixture}, frames {begin} to {end}");
            assert_eq!(waits[begin], waits[end], "{fixture}: fragments, frames {begin} to {end}");
        }
    }
    (fitted, others)
}

#[test]
fn a_piece_that_stands_alone_is_what_it_is_in_order() {
    let (mut fitted, mut others) = (0, 0);
    for fixture in reading::all() {
        let mut frames = reading::frames(&fixture);
        frames.truncate(400);
        for (pattern, matches_only) in [("HTTP", false), ("", true)] {
            let (alone, not) = compare(&fixture, &frames, pattern, matches_only);
            fitted += alone;
            others += not;
        }
    }
    // Most do, and captures of sessions, of fragments and of unencrypted ESP are among those that do not.
    assert!(fitted > 10 * others && others > 100, "{fitted} {others}");
}

#[test]
fn the_piece_in_which_the_limit_falls_and_what_waits_are_searched_in_order() {
    let frames = reading::frames("swarm/swarm-node1.pcap");
    let patterns = vec!["HTTP".to_owned()];
    let pattern = Pattern::new(&Expressions { patterns, ..Expressions::default() }).unwrap();
    let options = SearchOptions { limit: Some(2), ..SearchOptions::default() };
    let mut in_order = Search::new(pattern, reading::ports(), options);
    let mut pieces = in_order.of_pieces().unwrap();
    let known = Arc::new(in_order.knowledge());
    // Frames 22 and 24 match.
    for (piece, joins, matched) in
        [(0..10, true, 0), (10..24, false, 0), (10..23, true, 1), (23..30, false, 1)]
    {
        pieces.begin(&known);
        alone(&mut pieces, &frames[piece.clone()]).unwrap();
        assert_eq!(in_order.join(&pieces.alone().unwrap()), joins, "{piece:?}");
        assert_eq!(in_order.matched(), matched, "{piece:?}");
    }
}

#[test]
fn context_and_keys_are_searched_in_order() {
    let pattern = || Pattern::new(&Expressions::default()).unwrap();
    let context = |before, after| {
        let options = SearchOptions { before, after, ..SearchOptions::default() };
        Search::new(pattern(), reading::ports(), options).of_pieces().is_some()
    };
    assert!(context(0, 0) && !context(1, 0) && !context(0, 1));
    let mut search = Search::new(pattern(), reading::ports(), SearchOptions::default());
    search.open_with(ovlsniff::ipsec::Opener::new(Vec::new()));
    assert!(search.of_pieces().is_none());
}

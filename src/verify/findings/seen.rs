//! Findings about frames that say nothing about this node and its peers, or that nobody can explain.

use std::net::IpAddr;

use super::not_enforced;
use crate::escape::counted;
use crate::verify::evidence::Sighting;
use crate::verify::tally::{Circumstances, Deed, Pair, Tally};

/// Reports clear frames between two other nodes. A capture on a switch's mirror port sees such frames.
pub(super) fn clear_between_others(tally: &Tally, add: &mut impl FnMut(&'static str, String)) {
    if let (Some((from, to)), Some(shown)) = (tally.first_others, tally.between_others.shown) {
        add(
            "clear-elsewhere",
            format!(
                "{} with the VNI between other nodes, the first from {from} to {to} (frame {}): verify there too",
                counted(tally.between_others.count, "clear frame", "clear frames"),
                shown.frame
            ),
        );
    }
}

/// Reports bytes of the network that decoding does not explain.
pub(super) fn unexplained(tally: &Tally, add: &mut impl FnMut(&'static str, String)) {
    if let Some(shown) = tally.undecoded.shown {
        add(
            "undecoded",
            format!(
                "{} decoded here may carry the network's, the first is frame {}",
                counted(tally.undecoded.count, "frame that is not", "frames that are not"),
                shown.frame
            ),
        );
    }
}

/// Reports frames of the network from hosts that are no nodes of it, and what this host makes of such frames.
pub(super) fn strangers(
    tally: &Tally,
    circumstances: &Circumstances,
    add: &mut impl FnMut(&'static str, String),
) {
    let Some((count, (from, deed, shown))) = sent_by_strangers(tally) else { return };
    let sent = match deed {
        Deed::Clear => "a clear frame of the network",
        Deed::Wrapped => "a frame of the network that was authenticated only",
        Deed::Quoted => "an ICMP error that quotes a frame of the network",
        Deed::Carried => "bytes of the network in a carrier that is not decoded here",
        Deed::Forged => "a frame with this node's own address, from outside",
    };
    let fate = match not_enforced(tally, circumstances) {
        Some(true) => "; the kernel accepts clear frames from outside",
        Some(false) => "; the kernel refuses clear frames from outside",
        None => "",
    };
    add(
        "stranger",
        format!(
            "{} from hosts that are no nodes of the network, the first from {from} (frame {}): {sent}{fate}",
            counted(count, "frame", "frames"),
            shown.frame
        ),
    );
}

/// Returns the number of frames that strangers sent, and the first of them.
fn sent_by_strangers(tally: &Tally) -> Option<(u64, (IpAddr, Deed, Sighting))> {
    // If nobody was named, the hosts that this node never sends to are strangers.
    let unnamed = tally.pairs.iter().filter(|(_, pair)| tally.is_never_sent_to(pair));
    let clear = |(&from, pair): (&IpAddr, &Pair)| Some((from, Deed::Clear, pair.back.clear.shown?));
    let unnamed_count: u64 = unnamed.clone().map(|(_, pair)| pair.back.clear.count).sum();
    let first = tally.strangers.first.or_else(|| { unnamed }.find_map(clear))?;
    Some((tally.strangers.count + unnamed_count, first))
}

/// Reports nodes that joined the network or left it.
pub(super) fn nodes_changed(circumstances: &Circumstances, add: &mut impl FnMut(&'static str, String)) {
    const MOST: usize = 8;
    let list = |nodes: &[IpAddr]| {
        let shown: Vec<String> = nodes.iter().take(MOST).map(ToString::to_string).collect();
        shown.join(", ") + if nodes.len() > MOST { ", …" } else { "" }
    };
    for (nodes, what) in [(&circumstances.joined, "joined"), (&circumstances.left, "left")] {
        if !nodes.is_empty() {
            add("nodes-changed", format!("{} {what} the network during the watch", list(nodes)));
        }
    }
}

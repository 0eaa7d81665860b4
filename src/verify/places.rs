//! The places that frames of one kind passed: the network cards that sent them, and the links of a capture on all links.
//! They tell a leak from a copy that a link above the wire shows, and this node's frames from forged ones.

use std::collections::BTreeMap;

use crate::packet::{Frame, InterfaceNumber, MacAddress};

/// The most places of one kind that are told apart.
const MOST: usize = 16;

/// The places that frames of one kind passed. Their number is bounded.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    cards: BTreeMap<MacAddress, u64>,
    links: BTreeMap<Link, u64>,
    /// True if there were more places than are told apart.
    more: bool,
}

/// A link that a frame passed: its index in a capture on all links, or the number of its interface in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Link {
    Index(u32),
    Interface(InterfaceNumber),
}

impl Places {
    pub(super) fn add(&mut self, frame: &Frame<'_>) {
        let link = frame.passed().map_or(Link::Interface(frame.interface), Link::Index);
        self.more |= !count(&mut self.cards, frame.sender()) | !count(&mut self.links, Some(link));
    }

    /// Returns true if both kinds of frames came from known cards, and none from the same one.
    pub(super) fn share_no_card(&self, other: &Self) -> bool {
        share_none(&self.cards, &other.cards)
    }

    /// Returns true if at least one frame of each kind may have come from the same card.
    pub(super) fn may_share_a_card(&self, other: &Self) -> bool {
        let forgotten = self.more && !other.cards.is_empty();
        forgotten || self.cards.keys().any(|card| other.cards.contains_key(card))
    }

    /// Returns true if a frame came from a card that is known to be none of these.
    pub(super) fn excludes(&self, frame: &Frame<'_>) -> bool {
        let card = frame.sender();
        !self.more && !self.cards.is_empty() && card.is_some_and(|card| !self.cards.contains_key(&card))
    }

    /// Returns true if both kinds of frames passed known links, and none the same one.
    pub(super) fn share_no_link(&self, other: &Self) -> bool {
        share_none(&self.links, &other.links)
    }
}

/// Counts a place. Returns false if there are too many.
fn count<T: Ord>(counts: &mut BTreeMap<T, u64>, of: Option<T>) -> bool {
    let Some(of) = of else { return true };
    let fits = counts.len() < MOST || counts.contains_key(&of);
    if fits {
        *counts.entry(of).or_default() += 1;
    }
    fits
}

fn share_none<T: Ord>(one: &BTreeMap<T, u64>, other: &BTreeMap<T, u64>) -> bool {
    !one.is_empty() && !other.is_empty() && !one.keys().any(|key| other.contains_key(key))
}

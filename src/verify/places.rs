//! The places that frames of one kind passed: the network cards that sent them, and the links of a capture on all links.
//! They tell a leak from a copy that a link above the wire shows, and this node's frames from forged ones.

use std::collections::BTreeMap;

use crate::packet::{Frame, MacAddress};

/// The most places of one kind that are told apart.
const MOST: usize = 16;

/// The places that frames of one kind passed. Their number is bounded.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    cards: BTreeMap<MacAddress, u64>,
    links: BTreeMap<u32, u64>,
}

impl Places {
    pub(super) fn add(&mut self, frame: &Frame<'_>) {
        count(&mut self.cards, frame.sender());
        count(&mut self.links, frame.passed());
    }

    /// Returns true if both kinds of frames came from known cards, and none from the same one.
    pub(super) fn share_no_card(&self, other: &Self) -> bool {
        share_none(&self.cards, &other.cards)
    }

    /// Returns true if at least one frame of each kind came from the same card.
    pub(super) fn share_a_card(&self, other: &Self) -> bool {
        self.cards.keys().any(|card| other.cards.contains_key(card))
    }

    /// Returns true if both kinds of frames passed known links, and none the same one.
    pub(super) fn share_no_link(&self, other: &Self) -> bool {
        share_none(&self.links, &other.links)
    }
}

fn count<T: Ord>(counts: &mut BTreeMap<T, u64>, of: Option<T>) {
    let Some(of) = of else { return };
    if counts.len() < MOST || counts.contains_key(&of) {
        *counts.entry(of).or_default() += 1;
    }
}

fn share_none<T: Ord>(one: &BTreeMap<T, u64>, other: &BTreeMap<T, u64>) -> bool {
    !one.is_empty() && !other.is_empty() && !one.keys().any(|key| other.contains_key(key))
}

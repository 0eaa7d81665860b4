//! The places that frames of one kind passed: the network cards that sent them, and the links of a capture on all links.
//! They tell a leak from a copy that a link above the wire shows, and this node's frames from forged ones.

use serde::{Deserialize, Serialize};

use crate::packet::{Frame, InterfaceNumber, MacAddress};

/// The most places of one kind that are told apart.
const MOST: usize = 16;

/// The places that frames of one kind passed. Their number is bounded.
///
/// There are one or two places mostly, and every frame is one of them: a short list is searched in a few instructions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Places {
    cards: Vec<MacAddress>,
    links: Vec<Link>,
    /// True if there were more places than are told apart.
    more: bool,
}

/// A link that a frame passed: its index in a capture on all links, or the number of its interface in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Link {
    Index(u32),
    Interface(InterfaceNumber),
}

impl Places {
    pub(super) fn add(&mut self, frame: &Frame<'_>) {
        let link = frame.passed().map_or(Link::Interface(frame.interface), Link::Index);
        self.more |= frame.sender().is_some_and(|card| !note(&mut self.cards, card));
        self.more |= !note(&mut self.links, link);
    }

    /// Returns true if both kinds of frames came from known cards, and none from the same one.
    pub(super) fn share_no_card(&self, other: &Self) -> bool {
        share_none(&self.cards, &other.cards)
    }

    /// Returns true if at least one frame of each kind may have come from the same card.
    pub(super) fn may_share_a_card(&self, other: &Self) -> bool {
        let forgotten = self.more && !other.cards.is_empty();
        forgotten || self.cards.iter().any(|card| other.cards.contains(card))
    }

    /// Returns true if a frame came from a card that is known to be none of these.
    pub(super) fn excludes(&self, frame: &Frame<'_>) -> bool {
        let card = frame.sender();
        !self.more && !self.cards.is_empty() && card.is_some_and(|card| !self.cards.contains(&card))
    }

    /// Returns true if both kinds of frames passed known links, and none the same one.
    pub(super) fn share_no_link(&self, other: &Self) -> bool {
        share_none(&self.links, &other.links)
    }
}

/// Notes a place. Returns false if there are too many.
fn note<T: PartialEq>(places: &mut Vec<T>, place: T) -> bool {
    if places.contains(&place) {
        return true;
    }
    let fits = places.len() < MOST;
    if fits {
        places.push(place);
    }
    fits
}

fn share_none<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    !one.is_empty() && !other.is_empty() && !one.iter().any(|place| other.contains(place))
}

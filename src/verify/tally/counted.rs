//! The counts of a tally, to be kept and judged again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Circumstances, MOST_MEMBERS, Pair, Question, Senders, Strangers, Tally};
use crate::verify::evidence::Sightings;
use crate::verify::places::Places;

/// The most legs that a tally counts beside those of the peers, twice over.
const MOST_PAIRS: usize = 65_536;

/// Everything that a tally has counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::verify) struct Counted {
    pairs: BTreeMap<IpAddr, Pair>,
    frames: u64,
    not_esp: u64,
    untunnelled: u64,
    above_encryption: u64,
    illegible: u64,
    undecoded: Sightings,
    esp_from_afar: u64,
    between_others: Sightings,
    unplaced: u64,
    left_for_others: u64,
    opaque_on: Places,
    between_others_on: Places,
    first_others: Option<(IpAddr, IpAddr)>,
    strangers: Strangers,
    senders: Senders,
    heard: BTreeSet<IpAddr>,
    joined: BTreeSet<IpAddr>,
}

impl Counted {
    /// Takes the counts of a tally. The lengths of packets are compared with those of probes only, so that they are left
    /// out where nothing was probed.
    pub(in crate::verify) fn of(tally: &Tally, circumstances: &Circumstances) -> Self {
        let mut pairs = tally.pairs.clone();
        if circumstances.probes.is_empty() {
            pairs
                .values_mut()
                .flat_map(|pair| [&mut pair.out, &mut pair.back])
                .for_each(|e| e.lengths.clear());
        }
        Self {
            pairs,
            frames: tally.frames,
            not_esp: tally.not_esp,
            untunnelled: tally.untunnelled,
            above_encryption: tally.above_encryption,
            illegible: tally.illegible,
            undecoded: tally.undecoded,
            esp_from_afar: tally.esp_from_afar,
            between_others: tally.between_others,
            unplaced: tally.unplaced,
            left_for_others: tally.left_for_others,
            opaque_on: tally.opaque_on.clone(),
            between_others_on: tally.between_others_on.clone(),
            first_others: tally.first_others,
            strangers: tally.strangers,
            senders: tally.senders.clone(),
            heard: tally.heard.clone(),
            joined: tally.joined.clone(),
        }
    }

    /// Makes the tally that has counted this.
    pub(in crate::verify) fn tally(self, question: Question) -> Tally {
        Tally {
            pairs: self.pairs,
            frames: self.frames,
            not_esp: self.not_esp,
            untunnelled: self.untunnelled,
            above_encryption: self.above_encryption,
            illegible: self.illegible,
            undecoded: self.undecoded,
            esp_from_afar: self.esp_from_afar,
            between_others: self.between_others,
            unplaced: self.unplaced,
            left_for_others: self.left_for_others,
            opaque_on: self.opaque_on,
            between_others_on: self.between_others_on,
            first_others: self.first_others,
            strangers: self.strangers,
            senders: self.senders,
            heard: self.heard,
            joined: self.joined,
            ..Tally::new(question)
        }
    }

    /// Returns the reason why no tally can have counted this.
    pub(in crate::verify) fn fault(&self) -> Option<&'static str> {
        let full = self.pairs.len() > MOST_PAIRS || self.heard.len() > MOST_MEMBERS;
        let long = |pair: &Pair| [&pair.out, &pair.back].into_iter().any(|evidence| !evidence.is_plausible());
        (full || self.pairs.values().any(long)).then_some("they hold more than a watch counts")
    }
}

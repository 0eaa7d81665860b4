//! The place of each direction that a report tells of: a pair of nodes, or none.
//!
//! No readable direction is lost: it is in a pair that the matrix has, or it counts for the network as a whole. An end may be
//! unknown, both may be those of one node, and a node may tell of what is not its own.

use std::collections::HashMap;
use std::sync::Arc;

use super::matrix::{Seen, Standing, Unplaced};
use crate::verify::verdict::Reason;
use crate::verify::way::Way;

/// The directions of a network, each in its place.
#[derive(Default)]
pub(super) struct Places {
    /// By sender and receiver, what the one and what the other says. Some have neither: a report names them, and proves nothing.
    pub pairs: HashMap<(usize, usize), (Vec<Seen>, Vec<Seen>)>,
    /// The readable ones that are in no pair.
    pub unplaced: Vec<Unplaced>,
}

impl Places {
    /// Puts a direction, as a node has it, in its place. `ends` are its nodes, where both are known. Returns true if it is told
    /// there, or needs not be.
    pub(super) fn put(
        &mut self,
        node: usize,
        ends: Option<(usize, usize)>,
        seen: Seen,
        file: &Arc<str>,
    ) -> bool {
        // A packet that does not leave its host is on no wire.
        let is_of_one_host = seen.code == Reason::LocalOnly.code();
        let Some((from, to)) = ends.filter(|(from, to)| from != to) else {
            return self.keep(seen, file) || is_of_one_host;
        };
        let (sent, received) = self.pairs.entry((from, to)).or_default();
        match seen.leg.way {
            Way::Out if from == node => sent.push(seen),
            Way::Back if to == node => received.push(seen),
            // The reporter is no end of it.
            _ => return self.keep(seen, file),
        }
        true
    }

    /// Puts a direction in its place that somebody between the nodes tells of. `seen` is `None` if it counts for nothing.
    pub(super) fn put_between(&mut self, ends: Option<(usize, usize)>, seen: Option<Seen>, file: &Arc<str>) {
        if let Some(pair) = ends.filter(|(from, to)| from != to) {
            self.pairs.entry(pair).or_default().1.extend(seen);
        } else if let Some(seen) = seen {
            self.keep(seen, file);
        }
    }

    /// Keeps a direction that is in no pair, if it was read and counts. Returns true if so.
    fn keep(&mut self, seen: Seen, file: &Arc<str>) -> bool {
        let counts = seen.leg.verdict.is_readable() && seen.standing == Standing::Counts;
        if counts {
            self.unplaced.push(Unplaced { file: Arc::clone(file), seen });
        }
        counts
    }
}

//! The pieces that matches are told with.

use super::Tally;
use crate::dissect::Dissector;

/// The parts of a search that a match is told with.
pub(super) struct Telling<'a, F> {
    pub(super) dissector: &'a mut Dissector,
    pub(super) tally: Tally<'a>,
    pub(super) sink: &'a mut F,
}

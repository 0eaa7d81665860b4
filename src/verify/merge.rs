//! The reports of several nodes, joined into one matrix of directed pairs.
//!
//! A node sees the packets that leave it as they are on the wire. What arrives may have been decrypted before a capture can
//! see it. So each direction is judged by the node that sent it, and the report of the receiver only supports that or
//! contradicts it. What a receiver found in clear is never passed over: it makes a direction that its sender calls
//! ENCRYPTED a doubt, and one that its sender does not report CLEAR. What is in no pair counts for the network as a whole.
//!
//! Silence proves nothing here either. A pair of nodes that nobody reported, a report that is too old and a report that
//! cannot be read each make the whole INCONCLUSIVE.
//!
//! Reports come from other machines, perhaps by way of others still. They are bounded in every direction, their texts are
//! kept as they are and escaped when they are printed, and a report that cannot be understood is named and left out. A
//! verdict that its own figures contradict ([`LegReport::contradiction`]) is named and proves nothing. Reports are not signed:
//! one that lies and is consistent is believed.
//!
//! The clocks of nodes differ. The age of a report is the difference between the node's clock and the time of the merge. One
//! from the future is told, and one that is further ahead than a report may be old does not count.
//!
//! [`LegReport::contradiction`]: super::report::LegReport::contradiction

mod between;
mod groups;
mod join;
mod matrix;
mod newest;
mod parse;
mod places;
mod read;

pub use matrix::{
    Basis, MergeTerms, Merged, MergedFinding, MergedNetwork, MergedNode, Pair, Pairs, Problem, Profiled,
    Seen, Standing, Unplaced, Word,
};
pub use newest::ago;
pub use parse::moment;
pub use read::Reports;

#[cfg(test)]
mod tests;

//! What is told of a packet.

use std::ops::Range;

use crate::packet::{Frame, Held, Packet, Why};

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is what was looked for.
    Match,
    /// Nobody without a key can read it.
    Opaque,
    /// It can be read, and is not what was looked for.
    Clear,
}

impl Outcome {
    /// The stable word for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Opaque => "opaque",
            Self::Clear => "clear",
        }
    }
}

/// A packet and what became of it.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The frame; of a datagram in fragments the one that completed it.
    pub frame: &'a Frame<'a>,
    /// The frame decoded.
    pub packet: &'a Packet<'a>,
    /// What became of it.
    pub outcome: Outcome,
    /// Where the pattern matched in the payload: in order, not overlapping, none empty.
    pub spans: &'a [Range<usize>],
    /// The other frames of a datagram in fragments.
    pub earlier: &'a [Held],
    /// Whether it is to be shown: a match, its context, or everything was asked for.
    pub show: bool,
    /// It was told before, and comes again as the context of a match.
    pub recalled: bool,
}

impl Found<'_> {
    /// Whether the snaplen left out some of what would have been searched.
    pub fn is_cut_off(&self) -> bool {
        let cut = self.frame.wire_len as usize > self.frame.bytes.len();
        cut && self.packet.stop.is_some_and(|stop| stop.why == Why::Truncated)
    }
}

//! The result of the search for one packet.

use std::ops::Range;

use super::Stretch;
use crate::packet::{Frame, Held, Packet, Why};

/// The result for a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The packet is what was searched for.
    Match,
    /// Nobody without a key can read the packet.
    Opaque,
    /// The packet can be read, and is not what was searched for.
    Clear,
    /// The packet is not decoded to its end, and its bytes as they are do not have what was searched for.
    NotDecoded,
}

impl Outcome {
    /// Returns the result for a packet that does not match.
    #[inline]
    pub(super) fn unmatched(frame: &Frame<'_>, packet: &Packet<'_>) -> Self {
        match (packet.opaque, packet.stop) {
            (Some(_), _) => Self::Opaque,
            (None, None) => Self::Clear,
            (None, Some(_)) => Self::stopped(frame, packet),
        }
    }

    #[cold]
    fn stopped(frame: &Frame<'_>, packet: &Packet<'_>) -> Self {
        if packet.undecoded(frame).is_some() { Self::NotDecoded } else { Self::Clear }
    }

    /// Returns the stable word for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Opaque => "opaque",
            Self::Clear => "clear",
            Self::NotDecoded => "not-decoded",
        }
    }
}

/// The news of a search through many frames at once.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// A packet that was dissected.
    Found(Found<'a>),
    /// The results for frames in a row, which were not dissected because it was clear without that what they are: each is a
    /// packet without a match, [`Outcome::Clear`] and not cut off, or [`Outcome::Opaque`] and ESP in IP.
    Skimmed(&'a [Outcome]),
}

/// A packet, with the result of the search.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The frame. For a reassembled datagram, the one that completed it.
    pub frame: &'a Frame<'a>,
    /// The decoded packet.
    pub packet: &'a Packet<'a>,
    /// The result.
    pub outcome: Outcome,
    /// The byte ranges of the payload where the pattern matched: in order, not overlapping, none empty.
    pub spans: &'a [Range<usize>],
    /// The other frames of a reassembled datagram.
    pub earlier: &'a [Held],
    /// True if the packet is to be shown: it matched, it is context, or all packets are to be shown.
    pub show: bool,
    /// True if the sink was told of this packet before, and it comes again as the context of a match.
    pub recalled: bool,
    /// The place of a stretch of a stream, which is the payload of this packet. Its spans are the matches.
    pub stream: Option<&'a Stretch<'a>>,
}

impl Found<'_> {
    /// Returns true if the snaplen cut off a part that would have been searched.
    pub fn is_cut_off(&self) -> bool {
        self.frame.is_cut() && self.packet.stop.is_some_and(|stop| stop.why == Why::Truncated)
    }
}

//! Streams: from packets to each direction's bytes, in the order in which its receiver reads them.

mod connection;
mod counts;
mod follow;
mod half;
mod path;
#[cfg(test)]
mod samples;
mod stray;
mod table;
mod waiting;

use crate::packet::Frame;
pub use counts::StreamCounts;
pub use follow::{Copied, Copies, Patience, StreamOptions, Stretch};
pub(super) use follow::{Follow, Tally};
use table::Streams;

/// The state of whoever follows one direction of a connection. It begins with the direction's first byte or gap, and is
/// dropped behind its end.
pub(super) trait Follower: Default {
    /// Returns the bytes of memory that the state holds beside its own size, for the common budget. It is asked before and
    /// after each packet, so that it has to be quick.
    fn footprint(&self) -> usize;
}

/// The bounds of what is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The bytes of memory for all connections, what their segments wait in, and the states of those who follow them.
    pub(super) memory: usize,
    /// The connections that are known at one time.
    pub(super) connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 64 << 20, connections: 1 << 18 }
    }
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// The connection's number, counted from 1 in the order in which they began.
    pub(super) connection: u64,
    /// The side that sends it.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests ask for it"))]
    pub(super) from: super::context::Side,
    /// The beginning of the direction.
    pub(super) begun: Begun,
}

/// The beginning of a direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begun {
    /// Its SYN was seen, or the answer to it, so that its first byte is known.
    Syn,
    /// It was under way.
    #[default]
    Midway,
}

impl Begun {
    /// Returns the stable word for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syn => "syn",
            Self::Midway => "midway",
        }
    }
}

/// A piece of one direction of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece<'a> {
    /// Bytes in order. Each begins where the piece before it ended.
    Bytes {
        /// The place in the stream, counted from its first byte; or from the first byte that was seen, where the handshake
        /// was missed.
        offset: u64,
        /// The bytes. There is at least one.
        bytes: &'a [u8],
        /// The frame that they came in: the present one, or one that waited.
        frame: &'a Frame<'a>,
        /// The agreement of this segment with others for the same place.
        overlap: Overlap,
    },
    /// Bytes for a place that was told of before. They are not read, but they show a stream that others may have read: if they
    /// differ from those that were told, it is not known which the receiver had.
    Again {
        /// The place in the stream.
        offset: u64,
        /// The bytes. There is at least one.
        bytes: &'a [u8],
    },
    /// Bytes that were never captured. No match spans it.
    Gap {
        /// The place in the stream.
        offset: u64,
        /// The number of bytes.
        len: u64,
        /// The reason.
        #[cfg_attr(not(test), expect(dead_code, reason = "only the numbers of gaps are told so far"))]
        why: GapWhy,
    },
    /// The direction is over.
    End {
        /// The reason.
        why: EndWhy,
    },
}

/// The agreement of segments that have bytes for the same place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Overlap {
    /// There was one segment.
    #[default]
    None,
    /// Others had the same bytes.
    Same,
    /// Others had other bytes, and receivers disagree on which of them count.
    Differs,
}

impl Overlap {
    /// Returns the stable word for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Same => "same",
            Self::Differs => "differs",
        }
    }
}

/// The reason why bytes of a stream are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapWhy {
    /// The receiver acknowledged them, and the capture has them not.
    Lost,
    /// The snaplen cut them off.
    Snaplen,
    /// Too much waited for them.
    Limit,
    /// They had not come when the stream ended.
    End,
}

/// The reason why a direction is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndWhy {
    /// All bytes up to its FIN were told.
    Fin,
    /// The connection was reset.
    Reset,
    /// Nothing came for a long time.
    Idle,
    /// It made way for others.
    Evicted,
    /// A new connection has its ports.
    Reused,
    /// The capture ended.
    Capture,
}

impl GapWhy {
    /// Returns the stable word for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Snaplen => "snaplen",
            Self::Limit => "limit",
            Self::End => "end",
        }
    }
}

impl EndWhy {
    /// Returns the stable word for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fin => "fin",
            Self::Reset => "reset",
            Self::Idle => "idle",
            Self::Evicted => "evicted",
            Self::Reused => "reused",
            Self::Capture => "capture",
        }
    }
}

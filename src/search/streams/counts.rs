//! The numbers of what became of connections and their segments.

/// The numbers of what became of connections and their segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Connections that began, or of which the first data was seen.
    pub connections: u64,
    /// Those of which data was seen before a handshake.
    pub without_handshake: u64,
    /// Connections that made way for others, since the memory is bounded.
    pub evicted: u64,
    /// Those of these that were no more than a SYN, or over already.
    pub evicted_idle: u64,
    /// Segments that no receiver takes: far outside of its window, without the flag ACK, or a reset with a sequence number
    /// that is not the next one.
    pub refused: u64,
    /// Segments that waited for bytes before them, and were given up since too much waited.
    pub given_up: u64,
    /// The gaps that were told.
    pub gaps: u64,
    /// The bytes of these.
    pub lost: u64,
    /// The overlaps with other bytes for the same place, among segments that waited.
    pub ambiguous: u64,
    /// The searches for a longer match, or for one that is preferred, that ended early, since they came over the same bytes
    /// too many times.
    pub cut_short: u64,
}

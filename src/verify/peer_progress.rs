//! The counts of one node while a watch goes on.

use std::net::IpAddr;

/// The counts of one node so far. They are no verdict: ESP may be another network's, and clear frames may be copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerProgress {
    /// Its underlay address.
    pub peer: IpAddr,
    /// The number of probes that were sent to it.
    pub probes: u64,
    /// The probes that it answered.
    pub answered: u64,
    /// ESP packets to it and from it.
    pub esp: [u64; 2],
    /// Other packets to it and from it that nobody can read.
    pub opaque: [u64; 2],
    /// Frames of the network to it and from it in clear.
    pub clear: [u64; 2],
}

impl PeerProgress {
    /// Makes the counts of a node of which nothing was seen yet.
    pub fn of(peer: IpAddr) -> Self {
        Self { peer, probes: 0, answered: 0, esp: [0; 2], opaque: [0; 2], clear: [0; 2] }
    }

    /// Returns true if frames of the network were seen in clear.
    pub fn has_clear(&self) -> bool {
        self.clear != [0; 2]
    }
}

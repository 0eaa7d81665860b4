//! The two ways between this node and a peer.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// One of the two ways between this node and a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Way {
    /// From this node to the peer.
    Out,
    /// From the peer to this node.
    Back,
}

impl Way {
    /// Both ways, that from this node first.
    pub const BOTH: [Self; 2] = [Self::Out, Self::Back];

    /// Returns the word for it in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Back => "in",
        }
    }

    /// Returns the sender and the receiver on this way.
    pub(super) fn sender_and_receiver(self, local: IpAddr, peer: IpAddr) -> (IpAddr, IpAddr) {
        match self {
            Self::Out => (local, peer),
            Self::Back => (peer, local),
        }
    }
}

//! What is asked of a tally, and what is known when the watch has ended.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::packet::{InterfaceNumber, Timestamp};
use crate::verify::kernel::KernelState;
use crate::verify::network::Network;

/// What is asked of a tally.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The network.
    pub network: Network,
    /// What the probes carry; none when nothing is probed.
    pub canary: Option<Vec<u8>>,
    /// The interfaces above a link that may encrypt. Clear frames on them are no leak, because they may be encrypted on
    /// their way out.
    pub encrypting: Vec<InterfaceNumber>,
    /// The network's packets leave by a link that encrypts them or may have them encrypted below: on the wire are that
    /// link's messages.
    pub enclosed: bool,
    /// The engine knows the network, and no container of this host is on it.
    pub no_member: bool,
    /// Addresses of this host: a peer among them is on no wire.
    pub own: Vec<IpAddr>,
    /// The address of this node that packets to a peer leave from, by the peer's, where it has several.
    pub sources: BTreeMap<IpAddr, IpAddr>,
}

impl Question {
    /// The address of this node that a peer knows it by: the first of its family, where nothing more is known.
    pub(in crate::verify) fn local_to(&self, peer: IpAddr) -> Option<IpAddr> {
        let locals = &self.network.locals;
        let known = self.sources.get(&peer).filter(|local| locals.contains(local));
        known.or_else(|| locals.iter().find(|local| local.is_ipv4() == peer.is_ipv4())).copied()
    }
}

/// A probe that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The node it was sent to, by its underlay address.
    pub peer: IpAddr,
    /// When.
    pub sent: Timestamp,
    /// Length of the inner frame, from its Ethernet header on.
    pub inner_len: u32,
    /// Whether its reply came.
    pub answered: bool,
}

/// How the watch ended, and what else is known.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// The interfaces or the file.
    pub source: String,
    /// Length of the watch in nanoseconds.
    pub nanos: i64,
    /// Frames that the capture lost; `None` when it does not say.
    pub dropped: Option<u64>,
    /// Why the capture ended before its time.
    pub cut_short: Option<String>,
    /// The probes.
    pub probes: Vec<Probe>,
    /// What the kernel says.
    pub kernel: Option<KernelState>,
    /// Why it was not asked with success.
    pub kernel_unread: Option<String>,
    /// What a network known to be clear showed: whether its canary was seen.
    pub control: Option<bool>,
    /// Whether ESP may be decrypted before a capture sees it; `None` when that is not known.
    pub esp_offload: Option<bool>,
}

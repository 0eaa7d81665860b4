//! The question that a tally answers, and the circumstances that are known at the end of the watch.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::capture::savefile::Filtered;
use crate::packet::{LinkType, MacAddress, Prefix, Timestamp};
use crate::verify::carrier::Carrier;
use crate::verify::kernel::{KernelState, KernelUnread};
use crate::verify::network::Network;

/// The question to a tally: a network, and the facts by which its frames are recognised.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Question {
    /// The network.
    pub network: Network,
    /// The canary of the probes; `None` if nothing is probed.
    pub canary: Option<Vec<u8>>,
    /// The identifier of the probes' ICMP messages.
    pub echo: Option<u16>,
    /// The pairs of overlay addresses that probes are sent between, those of this node first.
    pub ends: Vec<(IpAddr, IpAddr)>,
    /// The link-layer addresses by which a frame of the network is known without its tunnel.
    pub macs: Option<OverlayMacs>,
    /// Names of links that the network's packets may leave by, but that the user left out with `-i`.
    pub left_out: Vec<String>,
    /// True if the network's packets leave by a link that may encrypt them, itself or below. On the wire are then the
    /// packets of that link.
    pub enclosed: bool,
    /// The names of the links by which the nodes' packets arrive, as routing has it; none if they are not known.
    pub arrivals: Vec<String>,
    /// True if the network's packets arrive through a VTI or an xfrm interface. What was decrypted is then seen on that, and
    /// a clear frame on a wire is no copy.
    pub no_copies: bool,
    /// Prefixes behind the nodes to which routes lead past the network's device, each with the name of the link that they
    /// lead to.
    pub astray: Vec<(Prefix, String)>,
    /// The WireGuard tunnels that carry the network's packets.
    pub carriers: Vec<Carrier>,
    /// True if the engine knows the network, but no container of this host is on it.
    pub no_member: bool,
    /// All addresses of this host. Packets to a peer with one of them are on no wire.
    pub own: Vec<IpAddr>,
    /// The address of this node that packets to a peer leave from, by the peer's address.
    pub sources: BTreeMap<IpAddr, IpAddr>,
}

impl Question {
    /// Yields the tunnels that carry the packets to a node.
    pub(in crate::verify) fn carriers_to(&self, node: IpAddr) -> impl Iterator<Item = &Carrier> {
        self.carriers.iter().filter(move |carrier| carrier.node == node)
    }

    /// Returns the address of this node for packets to a peer. If the route does not give it, that is the first of
    /// the peer's address family. Of a capture between two nodes both ends are given as this one, so the peer's own address is
    /// the last choice.
    pub(in crate::verify) fn local_to(&self, peer: IpAddr) -> Option<IpAddr> {
        let locals = &self.network.locals;
        let known = self.sources.get(&peer).filter(|local| locals.contains(local));
        let alike = locals.iter().filter(|local| local.is_ipv4() == peer.is_ipv4());
        known.or_else(|| alike.min_by_key(|local| **local == peer)).copied()
    }
}

/// Link-layer addresses inside of the overlay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlayMacs {
    /// That of the device that sends into the overlay.
    pub own: MacAddress,
    /// Those behind the other nodes.
    pub others: Vec<MacAddress>,
}

/// The place where a frame was captured, as far as it matters to the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// A link that shows its wire.
    Wire,
    /// A link that shows its wire, but that the user did not name. Clear frames on it count, and nothing is proven there.
    Elsewhere,
    /// A link whose packets may be encrypted before they are on a wire. A clear frame there is no leak.
    Hidden,
}

/// A probe that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The underlay address of the node that it was sent to.
    pub peer: IpAddr,
    /// The overlay address that it was sent to.
    pub address: IpAddr,
    /// Its ICMP sequence number, which repeats after 65,536 probes.
    pub sequence: u16,
    /// The time when it was sent.
    pub sent: Timestamp,
    /// The length in bytes of the inner frame, from its Ethernet header on.
    pub inner_len: u32,
    /// True if its reply came.
    pub answered: bool,
    /// True if it must have left, and so has to be seen on a wire, whether it is answered or not.
    pub due: bool,
    /// True if it is only presumed that somebody has the address: the kernel has not heard of it for some time, or it is the
    /// usual one of a prefix. If there is no reply, maybe nobody was asked.
    #[serde(default)]
    pub presumed: bool,
}

/// The circumstances of a watch: everything that is known beside the frames.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Circumstances {
    /// The interfaces or the file.
    pub source: String,
    /// The length of the watch in nanoseconds.
    pub nanos: i64,
    /// The number of frames that the capture lost; `None` if it does not say.
    pub dropped: Option<u64>,
    /// The reason why the capture is not whole; `None` if it is.
    pub cut_short: Option<String>,
    /// The filters that a file says its frames had to pass, each with the link type of its interface.
    pub filters: Vec<(Filtered, LinkType)>,
    /// The nodes that joined the network during the watch.
    pub joined: Vec<IpAddr>,
    /// The nodes that left the network during the watch.
    pub left: Vec<IpAddr>,
    /// The probes that were sent.
    pub probes: Vec<Probe>,
    /// The state of the kernel; `None` if it was not read.
    pub kernel: Option<KernelState>,
    /// The error if the state of the kernel could not be read.
    pub kernel_unread: Option<KernelUnread>,
    /// The tunnels of the question as they were at the end of the watch.
    pub carriers: Vec<Carrier>,
    /// True if the canary of the control network was seen leaving in clear; `None` without such a network.
    pub control: Option<bool>,
    /// True if the kernel may decrypt ESP before a capture sees it; `None` if that is not known.
    pub esp_offload: Option<bool>,
}

//! Is this overlay network really encrypted?
//!
//! An engine that was told to encrypt may not do it, and nobody notices, because the traffic flows either way. So
//! this room watches the wire. It reads the configuration and the state of the kernel to find the cause, not the
//! answer.
//!
//! ```text
//! Wanted -> Session: prepare, watch, drain -> Dissector -> Tally -> judge -> Report
//! ```
//!
//! [`Wanted`] is the network that was asked for. `ovlsniff overlay`, the Docker engine and the kernel's devices
//! complete it to a [`Network`]. A [`session::Session`] captures on every link of the underlay and sends ICMP echo with a
//! canary into the overlay ([`probe`]). It follows the kernel's notices, because routes, nodes and policies come and go.
//! At the end it drains the ring, because frames that wait there were on the wire as well. A [`Watch`] has every frame
//! dissected and hands the packet to a [`Tally`], with the [`View`] that its link gives of the wire. The tally counts for
//! each leg: for each peer and each [`Way`]. From the tally and the [`Circumstances`] of the watch [`judge()`] makes the
//! [`Report`]: a verdict, a rung of evidence and a reason for each leg, then the verdict on the whole. A capture file
//! has no session and no probe; the rest is the same.
//!
//! # The rule
//!
//! There must never be a false ENCRYPTED, and never a false alarm. One clear frame of the network on the wire is a
//! leak. ENCRYPTED needs proof that the ESP was this network's, on each leg for itself, and a capture that missed
//! nothing. It never follows from configuration, from silence or from a capture that lost frames. If neither is
//! proven, the verdict is INCONCLUSIVE, with a reason and a remedy. The crate's `docs/verify.md` has the ladder of
//! evidence and every reason.
//!
//! # What surprised us
//!
//! - A capture on the receiving side sees decrypted copies. In tunnel mode the kernel shows each packet twice, as ESP
//!   and then decrypted; with `esp4_offload` and GRO it shows only the decrypted one. What leaves is captured as it
//!   is on the wire, so what leaves decides. The exception is a network card that encrypts by itself.
//! - ESP of another tunnel between the same hosts proves nothing. ESP carries no VNI, and Docker uses one pair of SAs
//!   for all encrypted networks of two nodes. Hence the canary, which is looked for inside ESP that a key opens.
//!   Hence also the lengths: probes differ in length, and where there is no key, ESP has to pass of exactly these
//!   lengths.
//! - ESP may only authenticate (NULL, GMAC). The frames inside are then readable.
//! - Docker ignores options that it does not know. A network created with `--opt encrypt` is in clear, without an
//!   error.
//! - ICMP errors quote in clear what was encrypted. A node that decrypts a frame which no VXLAN device takes answers
//!   with `port unreachable`, and the answer quotes the frame.
//! - The VXLAN socket may live in another network namespace than the device. Docker creates the device on the host
//!   and moves it into a sandbox. The socket, its packets, the policies and the SAs stay on the host, while the probe
//!   starts in the namespace of a container.
//! - A link may hide its wire (WireGuard, MACsec, VTI), because it encrypts below the capture. A clear frame on such
//!   a link is no leak, and it is no proof of anything either.
//! - Egress decides only if every egress is watched. A route that moved for two seconds hid a leak from a watch of the
//!   links that the routes named at its beginning.
//! - A leak need not look like the network's packets. tc, a tunnel or a program may carry a copy in anything. So what is
//!   not decoded is searched for bytes of the network (`tally/needle`).
//! - Whoever is believed can raise the alarm. One forged frame from outside made a network CLEAR, until only nodes of the
//!   network were believed about the network (`tally/sender`).
//! - WireGuard has no key that anybody could look inside with, and its messages are as long as the packets allow up to the
//!   MTU. What ties them to a peer is the kernel's list of endpoints, the index of the session and, where a handshake is
//!   seen, `mac1`.
//! - Pods that are routed into WireGuard have no VNI. What is on a wire in clear is told from what a guest sends by its
//!   direction (`tally/routed`).
//! - A capture on all links is cooked: of a frame that leaves it shows only what follows from the IP header on. MACsec's
//!   tag is in front of that.

mod carrier;
mod device;
mod docker;
mod docker_inspect;
mod evidence;
mod findings;
mod guests;
mod home;
mod inventory;
mod judge;
pub mod kept;
mod kernel;
mod known;
mod lengths;
pub mod merge;
mod network;
mod occasion;
mod overview;
mod peer_progress;
mod places;
pub mod probe;
pub mod profile;
mod report;
pub mod session;
mod skim;
mod sources;
mod tally;
mod underlay;
mod verdict;
mod wanted;
mod watch;
mod way;
pub mod wireguard;

pub use carrier::Carrier;
pub use docker_inspect::{InspectError, Saved};
pub use evidence::{Sighting, Sightings};
pub use home::Home;
pub use inventory::{Inventory, Overlay};
pub use judge::judge;
pub(crate) use kernel::print_rules;
pub use kernel::{
    Arriving, Coverage, Device, EarlierRules, Enforcement, Hook, HookKind, KernelState, KernelUnread,
    Lengths, Origin, Policy, PolicyDirection, Rules, SaState, Strength, Template,
};
pub use known::Known;
pub use network::{ENCRYPTED, Entry, Network, Peer, Source, near_miss, tunnel_ports};
pub use occasion::{Occasion, host_name};
pub use overview::{Judged, Overview};
pub use report::{
    Acceptable, Compliance, Counts, EspSeen, Expectation, Finding, LegReport, NodeReport, NotAcceptable,
    ProfileFinding, Report, Require, SaSeen, Terms, WireGuardSeen,
};
pub use tally::{Circumstances, OverlayMacs, Probe, Question, Tally, View};
pub use verdict::{Reason, Rung, Verdict};
pub use wanted::{Described, Wanted, WantedError};
pub use watch::Watch;
pub use way::Way;

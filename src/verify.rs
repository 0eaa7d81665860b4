//! Is this overlay network really encrypted?
//!
//! ```text
//! frames -> Watch (decode, put together, open) -> Tally (fold) -> Report
//! ```
//!
//! Nothing is believed that was not seen: never encrypted from configuration alone, from silence, from a capture that lost
//! frames, from ESP of another tunnel between the same hosts, or from one direction for the other. What leaves a node
//! decides; what arrives may be a copy that its kernel shows after decryption. The crate's `docs/verify.md` has the ladder
//! of evidence and every reason.

mod device;
mod docker;
mod docker_inspect;
mod evidence;
mod findings;
mod judge;
mod kernel;
mod lengths;
mod network;
pub mod probe;
mod report;
pub mod session;
mod sources;
mod tally;
mod underlay;
mod verdict;
mod wanted;
mod watch;
mod way;

pub use docker_inspect::InspectError;
pub use evidence::{Sighting, Sightings};
pub use judge::judge;
pub use kernel::{
    Enforcement, Error as KernelError, KernelState, Policy, PolicyDirection, Rules, SaState, Template,
};
pub use network::{ENCRYPTED, Entry, Network, Peer, Source, near_miss, tunnel_ports};
pub use report::{Counts, EspSeen, Expectation, Finding, LegReport, Report};
pub use tally::{Circumstances, Probe, Question, Tally};
pub use verdict::{Reason, Rung, Verdict};
pub use wanted::{Described, Wanted, WantedError};
pub use watch::Watch;
pub use way::Way;

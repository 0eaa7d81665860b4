//! The report of a verification: values, which the printers turn to text and JSON.

mod compliance;
mod nodes;
mod sound;
mod terms;
mod whole;

use std::net::{IpAddr, SocketAddr};

use super::evidence::Sighting;
use super::kernel::{Origin, Strength};
use super::network::Source;
use super::occasion::Occasion;
use super::verdict::{Reason, Rung, Verdict};
use super::way::Way;
use crate::ipsec::DockerTag;
use crate::packet::{Spi, Vni};
pub use compliance::{Compliance, ProfileFinding};
pub use nodes::NodeReport;
pub(super) use nodes::{severity, worst};
pub use terms::{Acceptable, NotAcceptable, Require, Terms};
pub(in crate::verify) use whole::Whole;

/// The report on a network: its verdict, and one leg after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The node that was watched on, and the time.
    pub occasion: Occasion,
    /// The underlay addresses of this node that the network uses, where they are known.
    pub locals: Vec<IpAddr>,
    /// The network's name, which may hold any character.
    pub network: String,
    /// The source that knows the network.
    pub source: Source,
    /// The file of the network namespace that its first device is in; `None` for that of this process, and if the network
    /// has no device that is known.
    pub namespace: Option<String>,
    /// The VNIs.
    pub vnis: Vec<Vni>,
    /// True if packets of every VNI on the port are the network's.
    pub any_vni: bool,
    /// The UDP port, where it is known.
    pub port: Option<u16>,
    /// True if the network is configured to be encrypted, false if not; `None` if no source says so.
    pub configured: Option<bool>,
    /// The interfaces that were captured on, or the file.
    pub captured: String,
    /// The length of the watch in nanoseconds.
    pub nanos: i64,
    /// The number of frames that were observed.
    pub frames: u64,
    /// The number of frames that the capture lost; `None` if it does not say.
    pub dropped: Option<u64>,
    /// Two legs for each peer, out and back. A network without any peer has a single one, without a receiver.
    pub legs: Vec<LegReport>,
    /// The verdict on the whole.
    pub verdict: Verdict,
    /// The reason for that verdict.
    pub reason: Reason,
    /// Facts beside the verdict.
    pub findings: Vec<Finding>,
    /// The terms of [`Self::verdict`].
    pub terms: Terms,
    /// The judgement of the algorithms by the profile that the user asked for.
    pub compliance: Option<Compliance>,
}

/// The report on one leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegReport {
    /// The sender, where its address is known.
    pub from: Option<IpAddr>,
    /// The receiver, where its address is known.
    pub to: Option<IpAddr>,
    /// The way between this node and the peer.
    pub way: Way,
    /// The verdict.
    pub verdict: Verdict,
    /// The strength of the evidence; `None` if there is no evidence.
    pub rung: Option<Rung>,
    /// The reason for the verdict.
    pub reason: Reason,
    /// The figures.
    pub counts: Counts,
    /// ESP by SPI, with the algorithm that the kernel or the keys name.
    pub esp: Vec<EspSeen>,
    /// The WireGuard tunnel that carries the leg, if the kernel says that one does.
    pub wireguard: Option<WireGuardSeen>,
    /// The frame to look at, if frames were in clear or authenticated only.
    pub shown: Option<Sighting>,
}

/// The figures of one leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The network's frames in clear, without known copies of decrypted frames.
    pub clear: u64,
    /// The network's frames that were authenticated only.
    pub auth_only: u64,
    /// ESP packets, of any network.
    pub esp: u64,
    /// The network's frames found inside ESP.
    pub opened: u64,
    /// The frames among [`Self::opened`] that have the canary in them.
    pub canaries: u64,
    /// Clear frames that are known copies of decrypted frames.
    pub copies: u64,
    /// Probes sent to the peer. On the way back they are the replies that are due.
    pub probes: u64,
    /// Probes that were answered.
    pub answered: u64,
    /// Probes that are matched by the length of an ESP packet.
    pub matched: u64,
    /// Opaque packets other than whole ESP packets: those of other tunnels, and pieces of ESP.
    pub opaque: u64,
    /// The length in bytes of the shortest packet that the overlay takes, and that its underlay cannot carry. Counted on
    /// the way out only.
    pub too_long: Option<u32>,
}

/// The ESP of one SPI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EspSeen {
    /// The SPI.
    pub spi: Spi,
    /// The number of packets.
    pub packets: u64,
    /// The algorithm, where it is known.
    pub algorithm: Option<String>,
    /// The length of the ICV in bits, where it is known.
    pub icv_bits: Option<u32>,
    /// The length of the cipher's key in bits without salt, where it is known.
    pub key_bits: Option<u32>,
    /// The kernel's description of the SA, where it knows it.
    pub state: Option<SaSeen>,
    /// Docker's key and the way in which it was hashed, if Docker's formula gives this SPI for one.
    pub docker_tag: Option<DockerTag>,
}

/// The kernel's description of an SA that was seen at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaSeen {
    /// Its strength and life.
    pub strength: Strength,
    /// The length of the replay window in packets; 0 for no protection.
    pub replay_window: u32,
    /// Its origin.
    pub origin: Origin,
}

/// A WireGuard tunnel, and what was seen of it on one leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireGuardSeen {
    /// The name of the device. It may hold any character.
    pub device: String,
    /// The address of the other end, where the kernel knows one.
    pub endpoint: Option<SocketAddr>,
    /// The number of data messages with a packet inside.
    pub messages: u64,
    /// The number of sessions.
    pub sessions: usize,
    /// The number of sessions whose handshake was seen, and was for the right public key.
    pub tied: usize,
    /// The number of bytes that the kernel counted for this end or the other during the watch, if it was asked twice.
    pub bytes: Option<u64>,
}

/// A fact beside the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The stable code.
    pub code: &'static str,
    /// The finding in one line, escaped.
    pub text: String,
}

/// The user's expectation of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expectation {
    /// An encrypted network.
    #[default]
    Encrypted,
    /// A clear network.
    Clear,
}

impl Expectation {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Clear => "clear",
        }
    }
}

impl Report {
    /// Returns the direction that is encrypted, or authenticated, where a clear network is expected and the whole is CLEAR. One
    /// that is in doubt is none: a capture cannot always tell how frames arrived.
    pub fn unlike_clear(&self, expected: Expectation) -> Option<&LegReport> {
        let is_asked = expected == Expectation::Clear && self.verdict == Verdict::Clear;
        let is_other = |leg: &&LegReport| matches!(leg.verdict, Verdict::Encrypted | Verdict::AuthOnly);
        self.legs.iter().filter(|_| is_asked).find(is_other)
    }

    /// Returns the verdict that decides on the exit status: that on the whole, or on the direction that is not as expected.
    pub fn deciding(&self, expected: Expectation) -> Verdict {
        self.unlike_clear(expected).map_or(self.verdict, |leg| leg.verdict)
    }

    /// Returns the exit status: 0 if the verdict and each direction are as expected, 1 if not, 3 if it is inconclusive, 4 if
    /// nothing arrives. A profile that is not met makes 0 to 1, and one of which too little is known to 3.
    pub fn exit_status(&self, expected: Expectation) -> u8 {
        match (self.deciding(expected).exit_status(expected), self.compliance.as_ref().map(|found| found.met))
        {
            (0, Some(Some(false))) => 1,
            (0, Some(None)) => 3,
            (status, _) => status,
        }
    }
}

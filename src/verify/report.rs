//! What a verification found: values for the printers.

use std::net::IpAddr;

use super::evidence::Sighting;
use super::network::Source;
use super::verdict::{Reason, Rung, Verdict};
use super::way::Way;
use crate::packet::{Spi, Vni};

/// The whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The network's name; may hold any character.
    pub network: String,
    /// Who knows it.
    pub source: Source,
    /// Its VNIs.
    pub vnis: Vec<Vni>,
    /// Its UDP port, where known.
    pub port: Option<u16>,
    /// Whether it is configured to be encrypted, where somebody says so.
    pub configured: Option<bool>,
    /// The interfaces or the file, as they are shown.
    pub captured: String,
    /// Length of the watch in nanoseconds.
    pub nanos: i64,
    /// Frames that were looked at.
    pub frames: u64,
    /// Frames that the capture lost; `None` when it does not say.
    pub dropped: Option<u64>,
    /// Two for each peer: there and back.
    pub legs: Vec<LegReport>,
    /// The verdict on the whole.
    pub verdict: Verdict,
    /// The reason for it.
    pub reason: Reason,
    /// What else is worth knowing.
    pub findings: Vec<Finding>,
}

/// One of the two ways between this node and a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegReport {
    /// The sender, where its address is known.
    pub from: Option<IpAddr>,
    /// The receiver.
    pub to: Option<IpAddr>,
    /// Which of the two.
    pub way: Way,
    /// The verdict.
    pub verdict: Verdict,
    /// How strong the evidence for it is; none when there is none.
    pub rung: Option<Rung>,
    /// The reason.
    pub reason: Reason,
    /// What was counted.
    pub counts: Counts,
    /// ESP by SPI, with what the kernel or the keys say about the algorithm.
    pub esp: Vec<EspSeen>,
    /// The frame that shows it: of clear or authenticated frames.
    pub shown: Option<Sighting>,
}

/// The figures of one leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The network's frames in clear, known copies of decrypted ones not among them.
    pub clear: u64,
    /// The network's frames authenticated only.
    pub auth_only: u64,
    /// ESP packets.
    pub esp: u64,
    /// The network's frames found inside ESP.
    pub opened: u64,
    /// Those of them with the canary.
    pub canaries: u64,
    /// Copies of decrypted frames.
    pub copies: u64,
    /// Probes sent on this leg; of the way back: replies that are due.
    pub probes: u64,
    /// Probes that were answered.
    pub answered: u64,
    /// Probes matched by the length of an ESP packet.
    pub matched: u64,
    /// Other opaque packets.
    pub opaque: u64,
}

/// The ESP of one SPI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EspSeen {
    /// The SPI.
    pub spi: Spi,
    /// Packets.
    pub packets: u64,
    /// The algorithm, where it is known.
    pub algorithm: Option<String>,
    /// Bits of the ICV, where they are known.
    pub icv_bits: Option<u32>,
    /// The number of Docker's key in the SPI, where it has one.
    pub docker_tag: Option<u32>,
}

/// Something beside the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The stable code.
    pub code: &'static str,
    /// One line; escaped.
    pub text: String,
}

/// What the user expects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expectation {
    /// An encrypted network.
    #[default]
    Encrypted,
    /// A clear one.
    Clear,
}

impl Report {
    /// The exit status: 0 as expected, 1 not, 3 inconclusive, 4 nothing arrives.
    pub fn exit_status(&self, expected: Expectation) -> u8 {
        match (self.verdict, expected) {
            (Verdict::Inconclusive, _) => 3,
            (Verdict::Blackholed, _) => 4,
            (Verdict::Encrypted, Expectation::Encrypted) | (Verdict::Clear, Expectation::Clear) => 0,
            _ => 1,
        }
    }
}

//! A security association, in the form that all of its sources are read into.

use super::{AddressPattern, Algorithm, SpiPattern};

/// One security association of ESP. Its direction follows from the addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sa {
    /// The outer source address of its packets.
    pub source: AddressPattern,
    /// The outer destination address of its packets. Together with the SPI it selects the SA.
    pub destination: AddressPattern,
    /// The security parameter index.
    pub spi: SpiPattern,
    /// The mode, if the source of the SA gives one. Otherwise it follows from the packet's next header.
    pub mode: Option<Mode>,
    /// The algorithms that protect its packets, with their keys.
    pub algorithm: Algorithm,
    /// The length of its sequence numbers.
    pub sequence: Sequence,
    /// True if its packets are carried in UDP (RFC 3948).
    pub udp: bool,
}

/// The two modes of ESP (RFC 4303 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// ESP wraps the transport header and the payload.
    Transport,
    /// ESP wraps a whole IP packet, or with IP-TFS (RFC 9347) several, and parts of them.
    Tunnel,
}

/// The length of an SA's sequence numbers. The high half of a 64-bit number is not on the wire (RFC 4303 section
/// 2.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sequence {
    /// The length is not known, because the source of the SA does not give it. 32 bits are tried before 64.
    #[default]
    Unknown,
    /// 32 bits.
    Short,
    /// 64 bits: extended sequence numbers.
    Extended {
        /// The high half (bits 63 to 32) that the source of the SA last knew, or 0.
        high: u32,
    },
}

//! A security association as its sources give it.

use super::{AddressPattern, Algorithm, SpiPattern};

/// One security association of ESP. Which direction it is for is not said: that follows from the addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sa {
    /// The outer source of its packets.
    pub source: AddressPattern,
    /// The outer destination of its packets, which together with the SPI selects it.
    pub destination: AddressPattern,
    /// Its security parameter index.
    pub spi: SpiPattern,
    /// Transport or tunnel, where the source says so; the packet's next header says it as well.
    pub mode: Option<Mode>,
    /// How its packets are protected, with the keys.
    pub algorithm: Algorithm,
    /// How long its sequence numbers are.
    pub sequence: Sequence,
    /// Carried in UDP (RFC 3948).
    pub udp: bool,
}

/// The two modes of ESP (RFC 4303 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A transport header stands inside.
    Transport,
    /// An IP header stands inside.
    Tunnel,
}

/// The length of an SA's sequence numbers. The high half of a long one is not on the wire (RFC 4303 section 2.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sequence {
    /// The source does not say: 32 bits are tried before 64.
    #[default]
    Unknown,
    /// 32 bits.
    Short,
    /// 64 bits: extended sequence numbers. With the high half that the source last knew, 0 for none.
    Extended {
        /// Bits 63 to 32.
        high: u32,
    },
}

//! Floor 0: bytes to values.
//!
//! One file a protocol. Nothing here does I/O, fails or panics: a frame that cannot be decoded to its end keeps the
//! layers that were good, with the [`Stop`] that says where and why the decoding ended.

mod encapsulation;
mod frame;
mod headers;

pub use encapsulation::{Encapsulation, EspKind, MAX_DEPTH, Spi, Tunnel, Vni};
pub use frame::{Direction, Frame, LinkType, Timestamp};
pub use headers::{Flow, Fragment, Headers, Ip, Macs, Ports, TcpFlags, Transport, TypeCode, Vlans};

use arrayvec::ArrayVec;

/// A decoded packet: the wrappings around it, the innermost headers, and what they carry.
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    /// The wrappings, outermost first.
    pub encapsulations: ArrayVec<Encapsulation, MAX_DEPTH>,
    /// The innermost headers: the packet's own.
    pub headers: Headers,
    /// What follows the innermost header that was decoded, by the length its headers give, never padding. For an
    /// opaque packet the ciphertext, which is not searched.
    pub payload: &'a [u8],
    /// Set when nobody without a key can read the payload.
    pub opaque: Option<Opaque>,
    /// Set when decoding ended before the payload of a known protocol.
    pub stop: Option<Stop>,
    /// The innermost frame: the frame itself when nothing wraps it.
    pub inner: InnerFrame<'a>,
    /// Frames this packet was put together from: more than one for a reassembled datagram.
    pub frames: u32,
}

impl Packet<'_> {
    /// The virtual network the packet belongs to: that of the innermost tunnel that has one.
    pub fn vni(&self) -> Option<Vni> {
        self.encapsulations.iter().rev().find_map(|e| e.tunnel.vni())
    }

    /// The headers that are on the wire outside of everything else.
    pub fn outermost(&self) -> &Headers {
        self.encapsulations.first().map_or(&self.headers, |e| &e.outer)
    }
}

/// The innermost frame and what its first byte belongs to.
#[derive(Clone, Copy, Debug)]
pub struct InnerFrame<'a> {
    /// Ethernet for what VXLAN, Geneve and NVGRE carry; RAW for IP in IP.
    pub link: LinkType,
    /// By the length the headers around it give.
    pub bytes: &'a [u8],
}

/// Why a payload cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opaque {
    /// ESP, encrypted as far as can be told.
    Esp {
        /// The security parameter index.
        spi: Spi,
        /// The low 32 bits of the sequence number.
        sequence: u32,
        /// Carried in UDP (RFC 3948).
        udp: bool,
        /// Why it stayed shut.
        why: Sealed,
    },
    /// A later fragment of an ESP packet: ciphertext without a header.
    EspFragment,
    /// ESP of which too little was captured for its own header.
    EspTruncated,
    /// `WireGuard`, by its message type: 1 and 2 handshake, 3 cookie, 4 data.
    WireGuard {
        /// The first byte.
        message: u8,
    },
    /// MACsec with E=1.
    Macsec {
        /// The secure channel identifier, where the tag carries one.
        sci: Option<u64>,
    },
}

impl Opaque {
    /// The short name that summaries and JSON print.
    pub fn name(self) -> &'static str {
        match self {
            Self::Esp { udp: false, .. } => "esp",
            Self::Esp { udp: true, .. } => "esp-in-udp",
            Self::EspFragment => "esp-fragment",
            Self::EspTruncated => "esp-truncated",
            Self::WireGuard { .. } => "wireguard",
            Self::Macsec { .. } => "macsec",
        }
    }
}

/// Why an ESP packet stayed shut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sealed {
    /// No key was given for this SPI and destination.
    #[default]
    NoKey,
    /// There was a key, and the integrity check value did not verify: wrong key or changed packet.
    BadIcv,
    /// There was a key, and the frame was cut off by the snaplen, so that nothing can be verified.
    Truncated,
    /// There is an SA for it whose algorithm is not known here.
    UnknownAlgorithm,
}

impl Sealed {
    /// The stable word for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoKey => "no-key",
            Self::BadIcv => "bad-icv",
            Self::Truncated => "truncated",
            Self::UnknownAlgorithm => "unknown-algorithm",
        }
    }
}

/// Where decoding ended, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The header that could not be decoded.
    pub layer: Layer,
    /// What was wrong with it.
    pub why: Why,
}

/// The protocols that have a header here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Layer {
    Link,
    Ethernet,
    Vlan,
    Sll,
    Sll2,
    Null,
    Ppp,
    Macsec,
    Ipv4,
    Ipv6,
    Ipv6Extension,
    Ah,
    Esp,
    Tcp,
    Udp,
    Sctp,
    Icmp,
    Icmpv6,
    Igmp,
    Vxlan,
    VxlanGpe,
    Geneve,
    Gre,
    Payload,
}

impl Layer {
    /// The lower-case name that JSON prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Ethernet => "ethernet",
            Self::Vlan => "vlan",
            Self::Sll => "sll",
            Self::Sll2 => "sll2",
            Self::Null => "null",
            Self::Ppp => "ppp",
            Self::Macsec => "macsec",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Ipv6Extension => "ipv6-extension",
            Self::Ah => "ah",
            Self::Esp => "esp",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
            Self::Igmp => "igmp",
            Self::Vxlan => "vxlan",
            Self::VxlanGpe => "vxlan-gpe",
            Self::Geneve => "geneve",
            Self::Gre => "gre",
            Self::Payload => "payload",
        }
    }
}

/// What was wrong with the header decoding stopped at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The captured bytes end inside it.
    Truncated,
    /// Its fields contradict each other or the bytes around it.
    Malformed,
    /// The layer is fine, what it carries is not decoded here.
    Unsupported,
    /// One tunnel more than is followed.
    TooDeep,
}

impl Why {
    /// The stable word for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::Unsupported => "unsupported",
            Self::TooDeep => "too-deep",
        }
    }
}

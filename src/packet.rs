//! Bytes to values.
//!
//! One file a protocol. Nothing here does I/O, fails or panics: a frame that cannot be decoded to its end keeps the
//! layers that were good, with the [`Stop`] that says where and why the decoding ended.

#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod address;
mod ah;
mod cooked;
mod decode;
mod direction;
mod encapsulation;
mod esp;
mod ethernet;
mod frame;
mod geneve;
mod glance;
mod gre;
mod headers;
mod inner;
mod ipv4;
mod ipv6;
mod loopback;
mod macsec;
mod ports;
mod ppp;
pub mod protocol;
mod reassembly;
mod transport;
mod vxlan;
mod wireguard;

pub use address::{MacAddress, NotAPrefix, Prefix};
pub use decode::Decoder;
pub use direction::Direction;
pub use encapsulation::{Encapsulation, EspKind, MAX_DEPTH, NotAVni, Spi, Tunnel, Vni};
pub use frame::{Frame, InterfaceNumber, LinkType, Timestamp};
pub use glance::Worth;
pub use headers::{Flow, Fragment, Headers, Ip, Macs, Ports, TcpFlags, Transport, TypeCode, Vlans};
pub use ports::{NotAUdpPort, TooManyPorts, TunnelPorts, UdpPort, VXLAN_PORT};
pub use reassembly::{Added, Datagram, Held, Reassembly};

use arrayvec::ArrayVec;

/// A decoded packet: the wrappings around it, the innermost headers, and what they carry.
#[derive(Clone, Debug, Default)]
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
    /// Set when decoding ended before the payload of a known protocol, or the payload itself was cut off.
    pub stop: Option<Stop>,
    /// Which way it passed the capturing interface: from the capture, or from a cooked header.
    pub direction: Option<Direction>,
    /// The innermost frame: the frame itself when nothing wraps it.
    pub inner: InnerFrame<'a>,
    /// The innermost IP header as it stands in the packet, options included, IPv6's extension headers not; empty for
    /// what is not IP.
    pub ip_header: &'a [u8],
    /// Frames this packet was put together from: more than one for a reassembled datagram.
    pub frames: u32,
    /// Decoding was held at the IP header of a fragment.
    pub(crate) held: bool,
}

impl Packet<'_> {
    /// The virtual network the packet belongs to: that of the innermost tunnel that has one.
    pub fn vni(&self) -> Option<Vni> {
        self.encapsulations.iter().rev().find_map(|e| e.tunnel.vni())
    }

    /// Whether the packet is one fragment of a datagram, which decoding has left alone, to be put together with the
    /// others. In a tunnel only where the decoder was told to: see [`Decoder::hold_in_tunnels`].
    pub fn is_fragment(&self) -> bool {
        self.held
    }

    /// The headers that are on the wire outside of everything else.
    pub fn outermost(&self) -> &Headers {
        self.encapsulations.first().map_or(&self.headers, |e| &e.outer)
    }
}

/// The innermost frame, as far as it stands in one piece.
#[derive(Clone, Copy, Debug)]
pub enum InnerFrame<'a> {
    /// It stands in the capture as it is: what VXLAN, Geneve or GRE carry, or the captured frame itself.
    Whole {
        /// Ethernet, or RAW for IP without a link layer.
        link: LinkType,
        /// By the length that the headers around it give.
        bytes: &'a [u8],
    },
    /// Something stood between an IP header and what it carries: AH, transport-mode ESP, or the cuts of fragmentation.
    Parts {
        /// The IP header as it was on the wire: protocol, length and checksum are those of what was removed.
        ip: &'a [u8],
        /// The protocol of the segment.
        protocol: u8,
        /// What the IP packet carries.
        segment: &'a [u8],
    },
}

impl Default for InnerFrame<'_> {
    fn default() -> Self {
        Self::Whole { link: LinkType::RAW, bytes: &[] }
    }
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
    /// WireGuard, by its message type: 1 and 2 handshake, 3 cookie, 4 data.
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

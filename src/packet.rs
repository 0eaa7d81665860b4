//! Bytes to values: frames, headers and tunnels, and the packets that they make.
//!
//! There is one file for each protocol, with a picture of the header, its RFC, and one function from bytes to values.
//! [`Decoder`] takes a frame through them in a loop: link layer, IP, transport, and on into tunnels, of which at most
//! [`MAX_DEPTH`] inside one another are followed. [`Reassembly`] keeps fragments until their datagram is whole.
//!
//! Nothing here does I/O, fails or panics. A frame that cannot be decoded to its end keeps the layers that were good,
//! and its [`Stop`] says where and why the decoding ended. The length of a payload comes from the headers in front of
//! it, never from the frame, because short Ethernet frames are padded. A wrong checksum is never a reason to reject a
//! packet: with offload, the checksum is still unfinished when the frame is captured.
//!
//! # What surprised us
//!
//! - A capture on a host shows super-frames that are longer than the MTU. Above 64 KiB, the length fields of IP and
//!   UDP are zero.
//! - ESP need not encrypt. With NULL encryption or GMAC everybody can read the inside, although no header says so.
//!   Such packets are recognised by lengths, checksums and forms that agree to the byte, and their association is
//!   then remembered.
//! - A later fragment of an ESP packet is ciphertext without any header.
//! - Networks in different tunnels may use the same addresses, and a capture on `any` shows a fragment on every
//!   interface that it passes. So fragments are told apart by tunnel, VLAN and interface too.
//! - WireGuard has no magic number. Its messages are recognised by their lengths and their zero bytes. The length of
//!   those with packets is a multiple of 16, except when the packets are as long as the tunnel allows: then that of
//!   almost every message with bulk traffic is none.
//! - PSP has no magic number either, and its port is another service's.
//! - A segment of ESP in TCP need not begin where a message does.
//! - A later fragment that comes alone shows nothing of a tunnel: behind UDP it may be ciphertext.
//! - On most ports of tunnels other services are found too. Where a tunnel has no magic number, the packet inside must be
//!   sound to its end.
//! - L2TPv3 does not tell what it carries, nor where that begins.
//! - Systems number IPv6 differently in BSD loopback headers, and raw IP differently in the headers of files.

#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod address;
mod aggfrag;
mod ah;
mod arcnet;
mod arista;
mod atm;
mod chdlc;
mod cisco_metadata;
mod cooked;
mod decode;
mod digits;
mod direction;
mod dsa;
mod enc;
mod encapsulation;
mod erspan;
mod esp;
mod esp_in_tcp;
mod etherip;
mod ethernet;
mod fddi;
mod fibre_channel;
mod firewire;
mod frame;
mod frelay;
mod geneve;
mod glance;
mod gre;
mod gtp;
mod gue;
mod headers;
mod ieee80211;
mod inner;
mod ipcomp;
mod ipnet;
mod ipoib;
mod ipv4;
mod ipv6;
mod juniper;
mod l2tp;
mod leaf;
mod link_type;
mod lisp;
mod llc;
mod loopback;
mod macsec;
mod mpls;
mod neighbours;
mod nflog;
mod nsh;
mod pairs;
mod pbb;
mod pflog;
mod pim;
mod pktap;
mod ports;
mod ppi;
mod ppp;
mod pppoe;
mod prism;
pub mod protocol;
mod psp;
mod radiotap;
mod reassembly;
mod segment;
mod slip;
mod sound;
mod teredo;
mod token_ring;
mod transport;
mod undecoded;
mod vxlan;
mod wesp;
mod wireguard;

pub use address::{IpVersion, MacAddress, NotAPrefix, Prefix};
pub use decode::{Decoder, Shown};
pub use digits::digits;
pub use direction::Direction;
pub use encapsulation::{Encapsulation, EspKind, Form, MAX_DEPTH, NotAVni, Sci, Spi, Tunnel, Vni};
pub use frame::{Frame, InterfaceNumber, Timestamp};
pub use glance::{Content, Ends, Glance, Inside, Outline, Worth};
pub use headers::{Flow, Fragment, Headers, Ip, Macs, Ports, TcpFlags, Transport, TypeCode, Vlans};
pub use ipv4::has_sound_checksum;
pub use link_type::LinkType;
pub use ports::{GENEVE_PORT, NotAUdpPort, TunnelPorts, UdpPort, VXLAN_PORT};
pub use reassembly::{Added, Datagram, Held, Reassembly};
pub use segment::{TcpChecksum, TcpSegment};
pub use undecoded::Undecoded;
pub use wireguard::WireGuardMessage;

use arrayvec::ArrayVec;

/// A decoded packet: the wrappings around it, the innermost headers, and the payload.
#[derive(Clone, Debug, Default)]
pub struct Packet<'a> {
    /// The wrappings, outermost first.
    pub encapsulations: ArrayVec<Encapsulation, MAX_DEPTH>,
    /// The innermost headers, which are the packet's own.
    pub headers: Headers,
    /// The bytes that follow the innermost header that was decoded. Their length is that in the headers, so padding
    /// is never included. In an opaque packet this is the ciphertext, which is not searched: see [`Self::readable`].
    pub payload: &'a [u8],
    /// Set if nobody without a key can read the payload.
    pub opaque: Option<Opaque>,
    /// Set if decoding ended before the payload of a known protocol, or if the payload itself was cut off.
    pub stop: Option<Stop>,
    /// The direction in which the packet passed the capturing interface, from the capture or from a cooked header.
    pub direction: Option<Direction>,
    /// The innermost frame. It is the captured frame itself if nothing wraps it.
    pub inner: InnerFrame<'a>,
    /// The bytes of the innermost IP header, with IPv4's options and without IPv6's extension headers. Empty without IP.
    pub ip_header: &'a [u8],
    /// The number of frames this packet was put together from: more than one for a reassembled datagram.
    pub frames: u32,
    /// True if decoding was held at the IP header of a fragment.
    pub(crate) held: bool,
}

impl Packet<'_> {
    /// Returns the virtual network that the packet belongs to: that of the innermost tunnel that has one.
    pub fn vni(&self) -> Option<Vni> {
        self.encapsulations.iter().rev().find_map(|e| e.tunnel.vni())
    }

    /// Returns true if the packet is one fragment of a datagram that the decoder has left alone, so that it can be put together
    /// with the others. Inside a tunnel, the decoder does so only if it was told to: see [`Decoder::hold_in_tunnels`].
    pub fn is_fragment(&self) -> bool {
        self.held
    }

    /// Returns the part of the payload that everybody can read: all of it, or nothing in an opaque packet, unless that is
    /// PSP with a part in clear.
    #[inline]
    pub fn readable(&self) -> &[u8] {
        match self.opaque {
            None => self.payload,
            Some(Opaque::Psp { clear, .. }) => self.payload.get(..usize::from(clear)).unwrap_or(self.payload),
            Some(_) => &[],
        }
    }

    /// Returns the outermost headers that have IP, which may be below PPPoE, MPLS or MACsec. Without any IP, those outside of
    /// everything else on the wire.
    #[inline]
    pub fn outermost(&self) -> &Headers {
        let first = self.encapsulations.first().map_or(&self.headers, |outermost| &outermost.outer);
        if first.ip.is_some() { first } else { self.outermost_with_ip() }
    }

    fn outermost_with_ip(&self) -> &Headers {
        let levels = || self.encapsulations.iter().map(|e| &e.outer).chain([&self.headers]);
        levels().find(|headers| headers.ip.is_some()).or_else(|| levels().next()).unwrap_or(&self.headers)
    }
}

/// The innermost frame, in one piece if it was in one piece on the wire.
#[derive(Clone, Copy, Debug)]
pub enum InnerFrame<'a> {
    /// The captured bytes contain it as it is: it is what VXLAN, Geneve or GRE carry, or the captured frame itself.
    Whole {
        /// Ethernet, or RAW for IP without a link layer.
        link: LinkType,
        /// Its bytes, by the length that the headers around it give.
        bytes: &'a [u8],
    },
    /// Something separated the IP header from what it carries: AH, transport-mode ESP, or fragmentation.
    Parts {
        /// The IP header as it was on the wire. Its protocol, length and checksum do not fit the segment.
        ip: &'a [u8],
        /// The protocol of the segment.
        protocol: u8,
        /// The payload of the IP packet.
        segment: &'a [u8],
    },
}

impl Default for InnerFrame<'_> {
    fn default() -> Self {
        Self::Whole { link: LinkType::RAW, bytes: &[] }
    }
}

/// The reason why a payload cannot be read.
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
        /// The reason why it was not opened.
        why: Sealed,
    },
    /// A later fragment of an ESP packet: ciphertext without a header.
    EspFragment,
    /// ESP, but too little was captured even for its header.
    EspTruncated,
    /// WireGuard.
    WireGuard(WireGuardMessage),
    /// ESP in TCP (RFC 9329): a segment with messages, or with parts of them.
    EspInTcp {
        /// The SPI of the first ESP message, if messages fill the segment.
        spi: Option<Spi>,
    },
    /// PSP that encrypts.
    Psp {
        /// The security parameter index.
        spi: Spi,
        /// The number of bytes in clear at the beginning of the payload.
        clear: u8,
    },
    /// IPComp: compressed, not encrypted, and not expanded here.
    IpComp {
        /// The compression parameter index, where it was captured.
        cpi: Option<u16>,
    },
    /// MACsec with E=1.
    Macsec {
        /// The secure channel identifier, where the tag carries one.
        sci: Option<Sci>,
    },
    /// A protected frame of 802.11: WEP, TKIP, CCMP or GCMP.
    Ieee80211,
}

impl Opaque {
    /// Returns the short name that summaries and JSON print.
    pub fn name(self) -> &'static str {
        match self {
            Self::Esp { udp: false, .. } => "esp",
            Self::Esp { udp: true, .. } => "esp-in-udp",
            Self::EspFragment => "esp-fragment",
            Self::EspTruncated => "esp-truncated",
            Self::EspInTcp { .. } => "esp-in-tcp",
            Self::Psp { .. } => "psp",
            Self::WireGuard { .. } => "wireguard",
            Self::Macsec { .. } => "macsec",
            Self::Ieee80211 => "ieee80211",
            Self::IpComp { .. } => "ipcomp",
        }
    }
}

/// The reason why an ESP packet was not opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sealed {
    /// No key was given for this SPI and destination.
    #[default]
    NoKey,
    /// There is a key, but the integrity check value does not verify: the key is wrong or the packet was changed.
    BadIcv,
    /// There is a key, but the snaplen cut the frame off, so that it cannot be verified.
    Truncated,
    /// There is an SA for the packet, but its algorithm is not supported here.
    UnknownAlgorithm,
}

impl Sealed {
    /// Returns the stable word for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoKey => "no-key",
            Self::BadIcv => "bad-icv",
            Self::Truncated => "truncated",
            Self::UnknownAlgorithm => "unknown-algorithm",
        }
    }
}

/// The place where decoding ended, and the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The header that could not be decoded.
    pub layer: Layer,
    /// The fault.
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
    Pppoe,
    Chdlc,
    FrameRelay,
    Llc,
    Radiotap,
    Ieee80211,
    Macsec,
    Ipv4,
    Ipv6,
    Ipv6Extension,
    Ah,
    Esp,
    Wesp,
    Aggfrag,
    Psp,
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
    Erspan,
    EtherIp,
    Mpls,
    Nsh,
    Pbb,
    GtpU,
    L2tp,
    Teredo,
    Gue,
    Fou,
    Lisp,
    Pim,
    Payload,
}

impl Layer {
    /// Returns the lower-case name that JSON prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Ethernet => "ethernet",
            Self::Vlan => "vlan",
            Self::Sll => "sll",
            Self::Sll2 => "sll2",
            Self::Null => "null",
            Self::Ppp => "ppp",
            Self::Pppoe => "pppoe",
            Self::Chdlc => "chdlc",
            Self::FrameRelay => "frame-relay",
            Self::Llc => "llc",
            Self::Radiotap => "radiotap",
            Self::Ieee80211 => "ieee80211",
            Self::Macsec => "macsec",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Ipv6Extension => "ipv6-extension",
            Self::Ah => "ah",
            Self::Esp => "esp",
            Self::Wesp => "wesp",
            Self::Aggfrag => "aggfrag",
            Self::Psp => "psp",
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
            Self::Erspan => "erspan",
            Self::EtherIp => "etherip",
            Self::Mpls => "mpls",
            Self::Nsh => "nsh",
            Self::Pbb => "pbb",
            Self::GtpU => "gtp-u",
            Self::L2tp => "l2tp",
            Self::Teredo => "teredo",
            Self::Gue => "gue",
            Self::Fou => "fou",
            Self::Lisp => "lisp",
            Self::Pim => "pim",
            Self::Payload => "payload",
        }
    }
}

/// The fault of the header at which decoding stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The captured bytes end inside it.
    Truncated,
    /// Its fields contradict each other or the bytes around it.
    Malformed,
    /// The layer is sound, but what it carries is not decoded here.
    Unsupported,
    /// There is one more tunnel than is followed.
    TooDeep,
    /// It is in another fragment, and this one came alone.
    Fragment,
}

impl Why {
    /// Returns the stable word for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::Unsupported => "unsupported",
            Self::TooDeep => "too-deep",
            Self::Fragment => "fragment",
        }
    }
}

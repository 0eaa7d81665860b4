//! The tunnels and wrappings around a packet, as a short list. A recursion could be driven deep by an attacker.

use std::fmt;
use std::str::FromStr;

use super::Headers;
use super::digits::digits;

/// The number of tunnels inside one another that are followed. One more stops the decoding.
pub const MAX_DEPTH: usize = 4;

/// One wrapping: its kind, and the headers in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encapsulation {
    /// The kind.
    pub tunnel: Tunnel,
    /// The headers in front of it. If two wrappings share an IP header (VXLAN inside transport-mode ESP), it is
    /// repeated here.
    pub outer: Headers,
}

/// The kinds of wrapping that are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tunnel {
    /// VXLAN (RFC 7348), with or without the group policy extension.
    Vxlan(Vni),
    /// VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe).
    VxlanGpe(Vni),
    /// Geneve (RFC 8926).
    Geneve(Vni),
    /// GRE (RFC 2784), with the key of RFC 2890 if there is one.
    Gre {
        /// The 32-bit key.
        key: Option<u32>,
    },
    /// NVGRE (RFC 7637): GRE whose key holds a 24-bit virtual subnet and a flow number.
    Nvgre(Vni),
    /// IPv4 or IPv6 directly in IP (RFC 2003, RFC 2473, RFC 4213).
    IpInIp,
    /// GTP-U (3GPP TS 29.281).
    GtpU {
        /// The tunnel endpoint identifier.
        teid: u32,
    },
    /// L2TP version 2 (RFC 2661).
    L2tp {
        /// The number of the tunnel between the two hosts.
        tunnel: u16,
        /// The number of the session in the tunnel.
        session: u16,
    },
    /// L2TP version 3 (RFC 3931), in UDP or IP.
    L2tpV3 {
        /// The number of the session.
        session: u32,
    },
    /// Teredo (RFC 4380).
    Teredo,
    /// Generic UDP Encapsulation (draft-ietf-intarea-gue).
    Gue,
    /// FOU, IP or GRE in UDP as Linux has it.
    Fou,
    /// LISP (RFC 9300), with its instance if it has one.
    Lisp(Option<Vni>),
    /// A register message of PIM (RFC 7761).
    PimRegister,
    /// ESP (RFC 4303) with a readable inside.
    Esp {
        /// The security parameter index.
        spi: Spi,
        /// The sequence number as it is on the wire: the low 32 bits.
        sequence: u32,
        /// The reason why it can be read.
        kind: EspKind,
        /// Carried in UDP (RFC 3948).
        udp: bool,
    },
    /// AH (RFC 4302): authenticated, never encrypted.
    Ah {
        /// The security parameter index.
        spi: Spi,
        /// The sequence number.
        sequence: u32,
    },
    /// PSP whose payload is in clear, wholly or in its first part.
    Psp {
        /// The security parameter index.
        spi: Spi,
        /// True if what follows the first part is encrypted.
        hides: bool,
    },
    /// MACsec (IEEE 802.1AE) with E=0: authenticated, not encrypted.
    Macsec {
        /// The secure channel identifier, where the tag carries one.
        sci: Option<Sci>,
    },
    /// ERSPAN in GRE: a switch's copy of a frame.
    Erspan {
        /// The mirroring session, 10 bits. Type I has none.
        session: Option<u16>,
    },
    /// PPTP (RFC 2637): PPP in its version of GRE.
    Pptp {
        /// The call, as its receiver numbers it.
        call: u16,
    },
    /// Ethernet in IP: EtherIP (RFC 3378), or without a header of its own (RFC 8986 section 4.9).
    EtherIp,
    /// MPLS (RFC 3032), the whole stack of labels.
    Mpls {
        /// The innermost label that is no entropy label, 20 bits.
        label: u32,
        /// The number of labels, 255 also for more.
        labels: u8,
    },
    /// A network service header (RFC 8300).
    Nsh {
        /// The service path, 24 bits.
        path: u32,
        /// The place on the path.
        index: u8,
    },
    /// Provider backbone bridging (802.1ah).
    Pbb {
        /// The service instance, 24 bits. It is no VNI: it tells a provider's customers apart, on whose wire an underlay
        /// may be.
        service: u32,
    },
    /// A PPPoE session (RFC 2516). A PPP frame is inside.
    Pppoe {
        /// The session's number.
        session: u16,
    },
}

impl Tunnel {
    /// Returns the virtual network this wrapping carries.
    pub fn vni(self) -> Option<Vni> {
        match self {
            Self::Vxlan(vni) | Self::VxlanGpe(vni) | Self::Geneve(vni) | Self::Nvgre(vni) => Some(vni),
            Self::Lisp(instance) => instance,
            Self::Gre { .. }
            | Self::IpInIp
            | Self::GtpU { .. }
            | Self::L2tp { .. }
            | Self::L2tpV3 { .. }
            | Self::Teredo
            | Self::Gue
            | Self::Fou
            | Self::PimRegister
            | Self::Esp { .. }
            | Self::Ah { .. }
            | Self::Psp { .. }
            | Self::Macsec { .. }
            | Self::Erspan { .. }
            | Self::Pptp { .. }
            | Self::EtherIp
            | Self::Mpls { .. }
            | Self::Nsh { .. }
            | Self::Pbb { .. }
            | Self::Pppoe { .. } => None,
        }
    }

    /// Returns the number that tells this wrapping from others of its kind between the same hosts, if it has one beside a
    /// VNI.
    pub fn number(self) -> Option<u32> {
        match self {
            Self::Gre { key } => key,
            Self::GtpU { teid } => Some(teid),
            Self::L2tp { tunnel, session } => Some(u32::from(tunnel) << 16 | u32::from(session)),
            Self::L2tpV3 { session } => Some(session),
            Self::Erspan { session } => session.map(u32::from),
            Self::Pptp { call } => Some(call.into()),
            Self::Mpls { label, .. } => Some(label),
            Self::Nsh { path, .. } => Some(path),
            Self::Pbb { service } => Some(service),
            Self::Pppoe { session } => Some(session.into()),
            _ => None,
        }
    }

    /// Returns the short name that headers and JSON print.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vxlan(_) => "vxlan",
            Self::VxlanGpe(_) => "vxlan-gpe",
            Self::Geneve(_) => "geneve",
            Self::Gre { .. } => "gre",
            Self::Nvgre(_) => "nvgre",
            Self::IpInIp => "ipip",
            Self::GtpU { .. } => "gtp-u",
            Self::L2tp { .. } => "l2tp",
            Self::L2tpV3 { .. } => "l2tpv3",
            Self::Teredo => "teredo",
            Self::Gue => "gue",
            Self::Fou => "fou",
            Self::Lisp(_) => "lisp",
            Self::PimRegister => "pim-register",
            Self::Esp { kind, .. } => kind.name(),
            Self::Ah { .. } => "ah",
            Self::Psp { .. } => "psp",
            Self::Macsec { .. } => "macsec",
            Self::Erspan { .. } => "erspan",
            Self::Pptp { .. } => "pptp",
            Self::EtherIp => "etherip",
            Self::Mpls { .. } => "mpls",
            Self::Nsh { .. } => "nsh",
            Self::Pbb { .. } => "pbb",
            Self::Pppoe { .. } => "pppoe",
        }
    }
}

/// The form in which the packets of an overlay are on its underlay, before anything encrypts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// In VXLAN (RFC 7348).
    #[default]
    Vxlan,
    /// In Geneve (RFC 8926).
    Geneve,
    /// As they are: nothing but the device that encrypts them carries them to the other nodes.
    Routed,
}

impl Form {
    /// Returns the name that reports print.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::Routed => "routed",
        }
    }

    /// Returns true if a tunnel is of this form.
    pub fn is(self, tunnel: Tunnel) -> bool {
        match self {
            Self::Vxlan => matches!(tunnel, Tunnel::Vxlan(_) | Tunnel::VxlanGpe(_)),
            Self::Geneve => matches!(tunnel, Tunnel::Geneve(_)),
            Self::Routed => false,
        }
    }
}

/// The reason why the inside of an ESP packet can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EspKind {
    /// It is not encrypted: no cipher and no IV before the payload (RFC 2410).
    Null,
    /// It is authenticated only: an IV, then the payload in clear (RFC 4543).
    Gmac,
    /// It was opened with a key and its ICV verified.
    Opened,
}

impl EspKind {
    /// Returns `esp-null`, `esp-gmac`, or `esp` for what a key opened.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "esp-null",
            Self::Gmac => "esp-gmac",
            Self::Opened => "esp",
        }
    }
}

/// A virtual network identifier: 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Vni(u32);

impl Vni {
    /// Makes a VNI. `None` from 2^24 on.
    pub fn new(value: u32) -> Option<Self> {
        (value < 1 << 24).then_some(Self(value))
    }

    /// Reads the three bytes of a header, in network byte order.
    pub fn from_be_bytes([high, middle, low]: [u8; 3]) -> Self {
        Self(u32::from_be_bytes([0, high, middle, low]))
    }

    /// Returns the number.
    pub fn value(self) -> u32 {
        self.0
    }
}

/// The error of a text that is not a VNI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a VNI is a number below 16777216, such as 4097 or 0x1001")]
pub struct NotAVni;

impl FromStr for Vni {
    type Err = NotAVni;

    /// Reads decimal digits, or hexadecimal ones after `0x`.
    fn from_str(text: &str) -> Result<Self, NotAVni> {
        let number = match text.strip_prefix("0x") {
            Some(hex) if hex.starts_with('+') => None,
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => digits(text),
        };
        number.and_then(Self::new).ok_or(NotAVni)
    }
}

impl fmt::Display for Vni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A security parameter index of ESP or AH, in host byte order. 0 never appears on the wire, 1 to 255 are reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Spi(pub u32);

impl fmt::Display for Spi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

/// A secure channel identifier of MACsec: a MAC address and a port number (IEEE 802.1AE, 7.1.2), as on the wire.
///
/// Bytes rather than a number, because the alignment of a `u64` would make every wrapping larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sci(pub [u8; 8]);

impl fmt::Display for Sci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#018x}", u64::from_be_bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vni_has_24_bits_in_decimal_or_hexadecimal_digits() {
        for (text, vni) in [
            ("0", Vni::new(0)),
            ("4097", Vni::new(4097)),
            ("0x1001", Vni::new(4097)),
            ("16777215", Vni::new(16_777_215)),
            ("0xffffff", Vni::new(16_777_215)),
        ] {
            assert_eq!(text.parse().ok(), vni, "{text}");
        }
        for wrong in ["", "0x", "1001x", "16777216", "0x1000000", "-1", "4097 ", "99999999999"] {
            assert_eq!(wrong.parse::<Vni>(), Err(NotAVni), "{wrong}");
        }
    }
}

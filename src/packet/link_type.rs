//! The types of a frame's first header, by their numbers in capture files.

/// The type of a frame's first header: a number of the tcpdump.org list of link-layer header types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a 4-byte address family in the capturing host's byte order.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP, with or without the HDLC-like framing of RFC 1662.
    pub const PPP: Self = Self(9);
    /// PPPoE, without the Ethernet header in front of it.
    pub const PPP_ETHER: Self = Self(51);
    /// IPv4 or IPv6, told apart by the version nibble.
    pub const RAW: Self = Self(101);
    /// OpenBSD loopback: as [`Self::NULL`], the address family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture, version 1.
    pub const LINUX_SLL: Self = Self(113);
    /// IPv4.
    pub const IPV4: Self = Self(228);
    /// IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture, version 2, which is the format of `-i any`.
    pub const LINUX_SLL2: Self = Self(276);

    /// Translates libpcap's number on this system to that of the file formats: DLT_RAW is 12 or 14 in libpcap, and
    /// 101 in files.
    pub fn from_dlt(dlt: i32) -> Self {
        match dlt {
            12 | 14 => Self::RAW,
            other => Self(u16::try_from(other).unwrap_or(u16::MAX)),
        }
    }

    /// Reads the number in a capture file. Some writers put the DLT_RAW of their system there (12, or 14 on OpenBSD).
    pub fn from_file(number: u16) -> Self {
        Self::from_dlt(i32::from(number))
    }

    /// Returns the type's name in libpcap's list, for those this program decodes.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NULL => "NULL",
            Self::ETHERNET => "EN10MB",
            Self::PPP => "PPP",
            Self::PPP_ETHER => "PPP_ETHER",
            Self::RAW => "RAW",
            Self::LOOP => "LOOP",
            Self::LINUX_SLL => "LINUX_SLL",
            Self::IPV4 => "IPV4",
            Self::IPV6 => "IPV6",
            Self::LINUX_SLL2 => "LINUX_SLL2",
            _ => return None,
        })
    }
}

impl std::fmt::Display for LinkType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "link type {}", self.0),
        }
    }
}

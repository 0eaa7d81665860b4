//! The types of a frame's first header, by their numbers in capture files.

/// The type of a frame's first header: a number of the tcpdump.org list of link-layer header types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a 4-byte address family in the capturing host's byte order.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// Token Ring.
    pub const IEEE802_5: Self = Self(6);
    /// ARCNET, as BSD systems capture it.
    pub const ARCNET: Self = Self(7);
    /// SLIP, with BSD's header.
    pub const SLIP: Self = Self(8);
    /// PPP, with or without the HDLC-like framing of RFC 1662.
    pub const PPP: Self = Self(9);
    /// FDDI.
    pub const FDDI: Self = Self(10);
    /// PPP with HDLC-like framing, or Cisco's HDLC.
    pub const PPP_HDLC: Self = Self(50);
    /// PPPoE, without the Ethernet header in front of it.
    pub const PPP_ETHER: Self = Self(51);
    /// IP over ATM (RFC 2684).
    pub const ATM_RFC1483: Self = Self(100);
    /// IPv4 or IPv6, told apart by the version nibble.
    pub const RAW: Self = Self(101);
    /// Cisco's HDLC.
    pub const C_HDLC: Self = Self(104);
    /// 802.11.
    pub const IEEE802_11: Self = Self(105);
    /// Linux' classical IP over ATM.
    pub const ATM_CLIP: Self = Self(106);
    /// Frame Relay.
    pub const FRELAY: Self = Self(107);
    /// OpenBSD loopback: as [`Self::NULL`], the address family in network byte order.
    pub const LOOP: Self = Self(108);
    /// OpenBSD's devices above IPsec.
    pub const ENC: Self = Self(109);
    /// Linux cooked capture, version 1.
    pub const LINUX_SLL: Self = Self(113);
    /// The log of the BSDs' packet filter.
    pub const PFLOG: Self = Self(117);
    /// 802.11 behind Prism's header.
    pub const IEEE802_11_PRISM: Self = Self(119);
    /// IP over Fibre Channel (RFC 2625).
    pub const IP_OVER_FC: Self = Self(122);
    /// ATM with the header of Sun's cards.
    pub const SUNATM: Self = Self(123);
    /// 802.11 behind radiotap.
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    /// ARCNET, as Linux captures it.
    pub const ARCNET_LINUX: Self = Self(129);
    /// Apple's IP over IEEE 1394.
    pub const APPLE_IP_OVER_IEEE1394: Self = Self(138);
    /// For private use. Apple's systems number [`Self::PKTAP`] so.
    pub const USER2: Self = Self(149);
    /// 802.11 behind the AVS header.
    pub const IEEE802_11_AVS: Self = Self(163);
    /// PPP of Linux' pppd, the direction in place of the address.
    pub const PPP_PPPD: Self = Self(166);
    /// Ethernet behind Juniper's header.
    pub const JUNIPER_ETHER: Self = Self(178);
    /// PPP behind Juniper's header.
    pub const JUNIPER_PPP: Self = Self(179);
    /// Frame Relay behind Juniper's header.
    pub const JUNIPER_FRELAY: Self = Self(180);
    /// Cisco's HDLC behind Juniper's header.
    pub const JUNIPER_CHDLC: Self = Self(181);
    /// Per-packet information, and a frame of any link type.
    pub const PPI: Self = Self(192);
    /// PPP behind a direction.
    pub const PPP_WITH_DIR: Self = Self(204);
    /// Cisco's HDLC behind a direction.
    pub const C_HDLC_WITH_DIR: Self = Self(205);
    /// Frame Relay behind a direction.
    pub const FRELAY_WITH_DIR: Self = Self(206);
    /// MPLS.
    pub const MPLS: Self = Self(219);
    /// Solaris' observability devices.
    pub const IPNET: Self = Self(226);
    /// IPv4.
    pub const IPV4: Self = Self(228);
    /// IPv6.
    pub const IPV6: Self = Self(229);
    /// The log of Linux' packet filter.
    pub const NFLOG: Self = Self(239);
    /// Ethernet behind the header of netANALYZER's cards.
    pub const NETANALYZER: Self = Self(240);
    /// As [`Self::NETANALYZER`], with the preamble.
    pub const NETANALYZER_TRANSPARENT: Self = Self(241);
    /// IP over InfiniBand.
    pub const IPOIB: Self = Self(242);
    /// Apple's per-packet information, and a frame of any link type.
    pub const PKTAP: Self = Self(258);
    /// Linux cooked capture, version 2, which is the format of `-i any`.
    pub const LINUX_SLL2: Self = Self(276);
    /// Ethernet with Broadcom's switch tag.
    pub const DSA_TAG_BRCM: Self = Self(281);
    /// Ethernet behind Broadcom's switch tag.
    pub const DSA_TAG_BRCM_PREPEND: Self = Self(282);
    /// Ethernet with Marvell's switch tag.
    pub const DSA_TAG_DSA: Self = Self(284);
    /// Ethernet with Marvell's switch tag behind a type of its own.
    pub const DSA_TAG_EDSA: Self = Self(285);

    /// Translates libpcap's number on this system to that of the file formats. They differ for a few old types: DLT_RAW is
    /// 12 or 14 in libpcap, and 101 in files.
    pub fn from_dlt(dlt: i32) -> Self {
        match dlt {
            11 => Self::ATM_RFC1483,
            12 | 14 => Self::RAW,
            19 => Self::ATM_CLIP,
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
            Self::IEEE802_5 => "IEEE802",
            Self::ARCNET => "ARCNET",
            Self::SLIP => "SLIP",
            Self::PPP => "PPP",
            Self::FDDI => "FDDI",
            Self::PPP_HDLC => "PPP_SERIAL",
            Self::PPP_ETHER => "PPP_ETHER",
            Self::ATM_RFC1483 => "ATM_RFC1483",
            Self::RAW => "RAW",
            Self::C_HDLC => "C_HDLC",
            Self::IEEE802_11 => "IEEE802_11",
            Self::ATM_CLIP => "ATM_CLIP",
            Self::FRELAY => "FRELAY",
            Self::LOOP => "LOOP",
            Self::ENC => "ENC",
            Self::LINUX_SLL => "LINUX_SLL",
            Self::PFLOG => "PFLOG",
            Self::IEEE802_11_PRISM => "PRISM_HEADER",
            Self::IP_OVER_FC => "IP_OVER_FC",
            Self::SUNATM => "SUNATM",
            Self::IEEE802_11_RADIOTAP => "IEEE802_11_RADIO",
            Self::ARCNET_LINUX => "ARCNET_LINUX",
            Self::APPLE_IP_OVER_IEEE1394 => "APPLE_IP_OVER_IEEE1394",
            Self::USER2 => "USER2",
            Self::IEEE802_11_AVS => "IEEE802_11_RADIO_AVS",
            Self::PPP_PPPD => "PPP_PPPD",
            Self::JUNIPER_ETHER => "JUNIPER_ETHER",
            Self::JUNIPER_PPP => "JUNIPER_PPP",
            Self::JUNIPER_FRELAY => "JUNIPER_FRELAY",
            Self::JUNIPER_CHDLC => "JUNIPER_CHDLC",
            Self::PPI => "PPI",
            Self::PPP_WITH_DIR => "PPP_WITH_DIR",
            Self::C_HDLC_WITH_DIR => "C_HDLC_WITH_DIR",
            Self::FRELAY_WITH_DIR => "FRELAY_WITH_DIR",
            Self::MPLS => "MPLS",
            Self::IPNET => "IPNET",
            Self::IPV4 => "IPV4",
            Self::IPV6 => "IPV6",
            Self::NFLOG => "NFLOG",
            Self::NETANALYZER => "NETANALYZER",
            Self::NETANALYZER_TRANSPARENT => "NETANALYZER_TRANSPARENT",
            Self::IPOIB => "IPOIB",
            Self::PKTAP => "PKTAP",
            Self::LINUX_SLL2 => "LINUX_SLL2",
            Self::DSA_TAG_BRCM => "DSA_TAG_BRCM",
            Self::DSA_TAG_BRCM_PREPEND => "DSA_TAG_BRCM_PREPEND",
            Self::DSA_TAG_DSA => "DSA_TAG_DSA",
            Self::DSA_TAG_EDSA => "DSA_TAG_EDSA",
            _ => return None,
        })
    }

    /// Returns true if libpcap's filters are right for all frames of the type.
    #[inline]
    pub fn has_plain_filters(self) -> bool {
        matches!(
            self,
            Self::ETHERNET
                | Self::RAW
                | Self::LINUX_SLL
                | Self::LINUX_SLL2
                | Self::NULL
                | Self::LOOP
                | Self::IPV4
                | Self::IPV6
        ) || self.name().is_none()
    }

    /// Returns true for the types whose frames show packets above what would encrypt them: devices without a link layer or
    /// with PPP's, which are those of tunnels, and the logs of packet filters.
    pub fn is_bare(self) -> bool {
        matches!(
            self,
            Self::RAW
                | Self::IPV4
                | Self::IPV6
                | Self::SLIP
                | Self::PPP
                | Self::PPP_HDLC
                | Self::PPP_PPPD
                | Self::PPP_WITH_DIR
                | Self::ENC
                | Self::PFLOG
                | Self::NFLOG
                | Self::IPNET
        )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libpcaps_numbers_become_those_of_files() {
        for (dlt, link) in [
            (1, LinkType::ETHERNET),
            (11, LinkType::ATM_RFC1483),
            (12, LinkType::RAW),
            (14, LinkType::RAW),
            (19, LinkType::ATM_CLIP),
            (127, LinkType::IEEE802_11_RADIOTAP),
            (-1, LinkType(u16::MAX)),
        ] {
            assert_eq!(LinkType::from_dlt(dlt), link, "{dlt}");
        }
    }

    #[test]
    fn logs_and_devices_above_encryption_are_bare_and_cards_are_not() {
        for bare in [LinkType::ENC, LinkType::NFLOG, LinkType::PFLOG, LinkType::IPNET, LinkType::PPP] {
            assert!(bare.is_bare(), "{bare}");
        }
        for card in [LinkType::ETHERNET, LinkType::IEEE802_11, LinkType::DSA_TAG_DSA, LinkType::LINUX_SLL2] {
            assert!(!card.is_bare(), "{card}");
        }
    }
}

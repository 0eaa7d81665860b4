//! The headers of one level: from a link layer (or the beginning of a tunnel's payload) to a transport header.

use std::net::IpAddr;

use arrayvec::ArrayVec;

use super::MacAddress;

/// The headers of one level. A packet in a tunnel has two levels: the tunnel's outer headers and the inner ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// Source and destination of the Ethernet header, or of another link layer's with such addresses. The cooked formats have a source only, which is not kept.
    pub mac: Option<Macs>,
    /// The 802.1Q and 802.1ad tags.
    pub vlan: Vlans,
    /// The Ethernet type of what follows the link layer, or its cooked, PPP or GRE equivalent.
    pub ether_type: Option<u16>,
    /// The IPv4 or IPv6 header.
    pub ip: Option<Ip>,
    /// The transport header.
    pub transport: Transport,
}

/// The two addresses of an Ethernet header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Macs {
    /// Sender.
    pub source: MacAddress,
    /// Receiver.
    pub destination: MacAddress,
}

/// The VLAN identifiers of a frame, outermost first. Those of the first eight tags are kept, and further tags are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Vlans {
    ids: [u16; Self::MOST],
    count: u8,
}

impl Vlans {
    const MOST: usize = 8;

    /// Adds the identifier of the next tag further in.
    pub fn push(&mut self, id: u16) {
        if let Some(free) = self.ids.get_mut(usize::from(self.count)) {
            *free = id & 0x0fff;
        }
        self.count = self.count.saturating_add(1);
    }

    /// Returns the identifiers, 0 to 4095, outermost first.
    pub fn ids(&self) -> &[u16] {
        self.ids.get(..usize::from(self.count)).unwrap_or(&self.ids)
    }

    /// Returns the number of tags further in, whose identifiers are not kept: 247 also for more than that.
    pub fn more(&self) -> u8 {
        self.count.saturating_sub(Self::MOST as u8)
    }
}

/// The fields of an IP header of either version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip {
    /// Sender.
    pub source: IpAddr,
    /// Receiver.
    pub destination: IpAddr,
    /// The protocol after the IP header and IPv6's extension headers, by its IANA number.
    pub protocol: u8,
    /// Set if the packet is a fragment that has not been put together with the others.
    pub fragment: Option<Fragment>,
}

/// The position of a fragment in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The identification field: 16 bits in IPv4, 32 in IPv6.
    pub id: u32,
    /// Offset of the fragment's payload in the datagram's, in bytes: a multiple of 8 below 65,536.
    pub offset: u16,
    /// True if more fragments follow.
    pub more: bool,
    /// Length of this fragment's payload in bytes, by its header.
    pub len: u16,
}

/// The transport header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// No header that is decoded: it is another protocol, a later fragment, or it was cut off.
    #[default]
    None,
    /// TCP, with its flags.
    Tcp {
        /// Ports.
        ports: Ports,
        /// The flag byte and what it means.
        flags: TcpFlags,
    },
    /// UDP.
    Udp(Ports),
    /// SCTP.
    Sctp(Ports),
    /// ICMP.
    Icmp(TypeCode),
    /// ICMPv6.
    Icmpv6(TypeCode),
    /// IGMP.
    Igmp(TypeCode),
}

impl Transport {
    /// Returns the two ports, if the transport has them.
    pub fn ports(self) -> Option<Ports> {
        match self {
            Self::Tcp { ports, .. } | Self::Udp(ports) | Self::Sctp(ports) => Some(ports),
            Self::None | Self::Icmp(_) | Self::Icmpv6(_) | Self::Igmp(_) => None,
        }
    }
}

/// Source and destination port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ports {
    /// Sender's.
    pub source: u16,
    /// Receiver's.
    pub destination: u16,
}

/// Type and code of an ICMP, ICMPv6 or IGMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeCode {
    /// The first byte.
    pub kind: u8,
    /// The second byte. Most IGMP messages have no code; this is then whatever the byte contains.
    pub code: u8,
}

/// TCP's flags, in the order of the header's byte: CWR, ECE, URG, ACK, PSH, RST, SYN, FIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// Returns the letters of the flags that are set, in ngrep's order `ASRFUPEC`.
    pub fn letters(self) -> ArrayVec<u8, 8> {
        const ORDER: [(u8, u8); 8] = [
            (0x10, b'A'),
            (0x02, b'S'),
            (0x04, b'R'),
            (0x01, b'F'),
            (0x20, b'U'),
            (0x08, b'P'),
            (0x40, b'E'),
            (0x80, b'C'),
        ];
        ORDER.iter().filter(|(bit, _)| self.0 & bit != 0).map(|&(_, letter)| letter).collect()
    }
}

/// The two endpoints of a level, to tell conversations apart and for printing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Sender.
    pub source: IpAddr,
    /// Receiver.
    pub destination: IpAddr,
    /// Ports, where the transport has them.
    pub ports: Option<Ports>,
    /// IANA protocol number.
    pub protocol: u8,
}

impl Flow {
    /// Returns the same conversation seen from the other end.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            ports: self.ports.map(|p| Ports { source: p.destination, destination: p.source }),
            protocol: self.protocol,
        }
    }
}

impl Headers {
    /// Returns the flow of the level; none if it is not IP.
    pub fn flow(&self) -> Option<Flow> {
        self.ip.map(|ip| Flow {
            source: ip.source,
            destination: ip.destination,
            ports: self.transport.ports(),
            protocol: ip.protocol,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_tags_are_kept_and_more_are_counted() {
        let mut tags = Vlans::default();
        for (kept, more) in (1..=8).map(|kept| (kept, 0)).chain((1..=300_u16).map(|more| (8, more.min(247))))
        {
            tags.push(0xf000 | 7);
            assert_eq!((tags.ids(), u16::from(tags.more())), (&[7; 8][..kept], more));
        }
    }

    #[test]
    fn a_wrapping_takes_no_more_than_it_takes_to_copy_it_for_every_packet() {
        assert!(size_of::<Headers>() <= 92, "{}", size_of::<Headers>());
        assert!(
            size_of::<super::super::Encapsulation>() <= 104,
            "{}",
            size_of::<super::super::Encapsulation>()
        );
    }
}

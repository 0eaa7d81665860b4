//! A frame as it was captured: the bytes and what the capture knows about them.

use super::{TunnelPorts, cooked};

/// One captured frame, borrowed from the ring or the file's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Position in the capture, from 1, as Wireshark counts.
    pub number: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// What the first byte belongs to.
    pub link: LinkType,
    /// Index of the interface in the source's list, from 0.
    pub interface: u32,
    /// Whether it left or reached the capturing host, where the capture says so.
    pub direction: Option<Direction>,
    /// Length on the wire in bytes; more than `bytes.len()` when the snaplen cut the frame.
    pub wire_len: u32,
    /// What was captured of it.
    pub bytes: &'a [u8],
}

impl Frame<'_> {
    /// The kernel's number of the interface that the frame passed, where the capture is on all of them (SLL2).
    pub fn passed(&self) -> Option<u32> {
        if self.link == LinkType::LINUX_SLL2 { cooked::interface(self.bytes) } else { None }
    }

    /// Whether decoding the frame may matter to other frames, by a glance at its first headers: it may be a fragment of
    /// their datagram, in a tunnel or not, or ESP that shows how theirs is laid out. False is certain.
    #[inline]
    pub fn may_tell_of_others(&self, ports: &TunnelPorts) -> bool {
        self.link != LinkType::ETHERNET || tells_of_others(self.bytes, ports, true)
    }
}

/// The same for an Ethernet frame, which is `outer` or what VXLAN or Geneve carries in one.
#[inline]
fn tells_of_others(bytes: &[u8], ports: &TunnelPorts, outer: bool) -> bool {
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    const ICMPV6: u8 = 58;
    #[rustfmt::skip]
    let (transport, protocol) = match bytes {
        // IPv4 without options and neither an offset nor more fragments.
        [_, _, _, _, _, _, _, _, _, _, _, _, 0x08, 0x00, 0x45, _, _, _, _, _, flags, 0, _, protocol, ..]
            if matches!(flags & 0x3f, 0) => (34, *protocol),
        // IPv6 without extension headers.
        [_, _, _, _, _, _, _, _, _, _, _, _, 0x86, 0xdd, _, _, _, _, _, _, protocol, ..] => (54, *protocol),
        _ => return true,
    };
    match protocol {
        TCP | ICMPV6 => false,
        UDP => {
            let Some([s0, s1, d0, d1]) = bytes.get(transport..transport + 4) else { return true };
            let [source, destination] = [[*s0, *s1], [*d0, *d1]].map(u16::from_be_bytes);
            if TunnelPorts::is_nat_traversal(source, destination) {
                return true;
            }
            if !ports.is_tunnel(destination) {
                return false;
            }
            // What stands behind eight bytes of a tunnel's header, unless that has options or carries no Ethernet.
            let inner = match bytes.get(transport + 8..) {
                Some([_, _, _, _, _, _, _, _, inner @ ..]) if outer && ports.is_vxlan(destination) => inner,
                Some([0, _, 0x65, 0x58, _, _, _, _, inner @ ..]) if outer && ports.is_geneve(destination) => {
                    inner
                }
                _ => return true,
            };
            tells_of_others(inner, ports, false)
        }
        _ => true,
    }
}

/// A point in time: nanoseconds since the Unix epoch, and how many digits of a second the capture knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// Nanoseconds since 1970-01-01 00:00:00 UTC.
    pub nanos: i64,
    /// Digits after the second's point that carry meaning: 6 for a microsecond capture, 9 for a nanosecond one.
    pub digits: u8,
}

impl Timestamp {
    /// Seconds and nanoseconds since the epoch; what does not fit 64 bits of nanoseconds stays at the end of the scale.
    pub fn new(seconds: i64, nanos: u32, digits: u8) -> Self {
        let nanos = seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(nanos));
        Self { nanos, digits: digits.min(9) }
    }
}

/// Which way a frame passed the capturing interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// It left the host (egress).
    Out,
    /// It reached the host (ingress).
    In,
}

impl Direction {
    /// `in` or `out`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::In => "in",
        }
    }
}

/// What stands at a frame's first byte: a number of the tcpdump.org list of link-layer header types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a 4-byte address family in the capturing host's byte order.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP, with or without the HDLC-like framing of RFC 1662.
    pub const PPP: Self = Self(9);
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
    /// Linux cooked capture, version 2: what `-i any` gives today.
    pub const LINUX_SLL2: Self = Self(276);

    /// The file format's number for what libpcap calls `dlt` on this system: DLT_RAW is 12 or 14 there, 101 in files.
    pub fn from_dlt(dlt: i32) -> Self {
        match dlt {
            12 | 14 => Self::RAW,
            other => Self(u16::try_from(other).unwrap_or(u16::MAX)),
        }
    }

    /// From the number in a capture file, where some writers put what DLT_RAW is on their system (12, 14 on OpenBSD).
    pub fn from_file(number: u16) -> Self {
        Self::from_dlt(i32::from(number))
    }

    /// The type's name in libpcap's list, for those this program decodes.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NULL => "NULL",
            Self::ETHERNET => "EN10MB",
            Self::PPP => "PPP",
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An Ethernet frame with an IPv4 header without options, and what follows it.
    fn ipv4(flags: u8, protocol: u8, rest: &[u8]) -> Vec<u8> {
        let header = [0x45, 0, 0, 0, 0, 0, flags, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
        [&[0; 12][..], &[8, 0], &header, rest].concat()
    }

    fn tunnel(port: u16, header: [u8; 8], inner: &[u8]) -> Vec<u8> {
        ipv4(0, 17, &[&[0xc0, 0][..], &port.to_be_bytes(), &[0; 4], &header, inner].concat())
    }

    fn tells(bytes: &[u8]) -> bool {
        tells_of_others(bytes, &TunnelPorts::default(), true)
    }

    #[test]
    fn whole_packets_do_not_tell_of_others_and_pieces_do_wherever_they_are() {
        const VXLAN: [u8; 8] = [8, 0, 0, 0, 0, 0, 5, 0];
        const GENEVE: [u8; 8] = [0, 0, 0x65, 0x58, 0, 0, 5, 0];
        const OPTIONS: [u8; 8] = [1, 0, 0x65, 0x58, 0, 0, 5, 0];
        let (whole, piece) = (ipv4(0x40, 6, &[0; 20]), ipv4(0x20, 6, &[0; 20]));
        assert!(!tells(&whole) && tells(&piece));
        for (port, header) in [(4789, VXLAN), (8472, VXLAN), (6081, GENEVE)] {
            assert!(!tells(&tunnel(port, header, &whole)), "{port}");
            assert!(tells(&tunnel(port, header, &piece)), "{port}");
            assert!(tells(&tunnel(port, header, &tunnel(4789, VXLAN, &whole))), "{port}");
            assert!(tells(&tunnel(port, header, &ipv4(0, 50, &[0; 20]))), "{port}");
            assert!(tells(&tunnel(port, header, &[])), "{port}");
        }
        assert!(tells(&tunnel(6081, OPTIONS, &whole)));
        assert!(tells(&tunnel(4790, [0x0c, 0, 0, 3, 0, 0, 5, 0], &whole)));
        assert!(!tells(&tunnel(7, VXLAN, &piece)));
    }
}

//! A frame as it was captured: the bytes and what the capture knows about them.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Direction, MacAddress, cooked};

/// One captured frame, borrowed from the ring or the file's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Position in the capture, from 1, as Wireshark counts.
    pub number: u64,
    /// The time of the capture.
    pub time: Timestamp,
    /// The link type: it says what the first byte belongs to.
    pub link: LinkType,
    /// The interface that it passed.
    pub interface: InterfaceNumber,
    /// The direction, if the capture tells whether the frame reached or left the host.
    pub direction: Option<Direction>,
    /// Length on the wire in bytes; more than `bytes.len()` when the snaplen cut the frame.
    pub wire_len: u32,
    /// The captured bytes.
    pub bytes: &'a [u8],
}

/// An interface by its position in the capture's list, from 0. The kernel's index of a link is another number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterfaceNumber(pub u32);

impl InterfaceNumber {
    /// Returns the position in a list.
    pub fn place(self) -> usize {
        self.0 as usize
    }
}

impl Frame<'_> {
    /// Returns the kernel's index of the interface that the frame passed, in a capture on all interfaces (SLL2).
    pub fn passed(&self) -> Option<u32> {
        if self.link == LinkType::LINUX_SLL2 { cooked::interface(self.bytes) } else { None }
    }

    /// Returns the hardware type of the interface that the frame passed, an `ARPHRD_*` number of `linux/if_arp.h`, in a
    /// cooked capture: 1 for Ethernet, 65534 for a tunnel's device without a link layer.
    pub fn hardware(&self) -> Option<u16> {
        match self.link {
            LinkType::LINUX_SLL => cooked::hardware_sll(self.bytes),
            LinkType::LINUX_SLL2 => cooked::hardware_sll2(self.bytes),
            _ => None,
        }
    }

    /// Returns the MAC address that the frame was sent from on its link. A cooked capture has it only for interfaces whose
    /// addresses are 6 bytes long.
    pub fn sender(&self) -> Option<MacAddress> {
        match self.link {
            LinkType::ETHERNET => {
                let (&[_, _, _, _, _, _, a, b, c, d, e, f], _) = self.bytes.split_first_chunk::<12>()?;
                Some(MacAddress([a, b, c, d, e, f]))
            }
            LinkType::LINUX_SLL => cooked::sender_sll(self.bytes),
            LinkType::LINUX_SLL2 => cooked::sender_sll2(self.bytes),
            _ => None,
        }
    }
}

/// A point in time: nanoseconds since the Unix epoch, and the digits of a second that the capture knew.
///
/// A simple packet block of pcapng has no time. Its frame has that of the frame before it, so that whatever measures ages
/// goes on, and [`Self::known`] is false, so that nobody is told a time that the capture does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// Nanoseconds since 1970-01-01 00:00:00 UTC.
    pub nanos: i64,
    /// Digits after the second's point that carry meaning: 6 for a microsecond capture, 9 for a nanosecond one.
    pub digits: u8,
    /// False if the capture does not say when the frame was captured.
    pub known: bool,
}

/// Converts with nanoseconds. Times before 1970 become 1970.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::new(i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos(), 9)
    }
}

impl Timestamp {
    /// Makes a time of seconds and nanoseconds since the epoch. Times that do not fit 64 bits of nanoseconds stay at
    /// the nearer end.
    pub fn new(seconds: i64, nanos: u32, digits: u8) -> Self {
        let nanos = seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(nanos));
        Self { nanos, digits: digits.min(9), known: true }
    }

    /// Returns the time of a frame for which the capture has none, behind a frame of this time.
    #[must_use]
    pub fn unknown(self) -> Self {
        Self { known: false, ..self }
    }
}

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

    const ADDRESS: [u8; 6] = [2, 0, 0, 0, 0, 7];

    fn frame(link: LinkType, bytes: &[u8]) -> Frame<'_> {
        let time = Timestamp::new(0, 0, 6);
        let interface = InterfaceNumber(0);
        Frame { number: 1, time, link, interface, direction: None, wire_len: 64, bytes }
    }

    fn ethernet() -> Vec<u8> {
        [&[0xff; 6][..], &ADDRESS, &[8, 0, 0x45]].concat()
    }

    /// An SLL header of a device of this hardware type, whose address is `length` bytes long.
    fn sll(hardware: u16, length: u8) -> Vec<u8> {
        [&[0, 4][..], &hardware.to_be_bytes(), &[0, length], &ADDRESS, &[0, 0, 8, 0, 0x45]].concat()
    }

    fn sll2(hardware: u16, length: u8) -> Vec<u8> {
        let head = [8, 0, 0, 0, 0, 0, 0, 9];
        [&head[..], &hardware.to_be_bytes(), &[4, length], &ADDRESS, &[0, 0, 0x45]].concat()
    }

    /// Returns every beginning of the frame, with `Some(value)` for those of at least `whole` bytes.
    fn beginnings<T: Copy>(
        link: LinkType,
        bytes: &[u8],
        whole: usize,
        value: T,
    ) -> impl Iterator<Item = (Frame<'_>, Option<T>)> {
        let cut = move |len| frame(link, bytes.get(..len).unwrap_or_default());
        (0..=bytes.len()).map(move |len| (cut(len), (len >= whole).then_some(value)))
    }

    #[test]
    fn the_sender_is_known_once_its_address_is_whole() {
        for (link, bytes, whole) in [
            (LinkType::ETHERNET, ethernet(), 12),
            (LinkType::LINUX_SLL, sll(1, 6), 12),
            (LinkType::LINUX_SLL2, sll2(1, 6), 18),
        ] {
            for (frame, sender) in beginnings(link, &bytes, whole, MacAddress(ADDRESS)) {
                assert_eq!(frame.sender(), sender, "{frame:?}");
            }
        }
    }

    #[test]
    fn a_cooked_frame_knows_the_kind_of_its_device_once_that_is_whole() {
        for hardware in [1, 768, 772, 65534] {
            for (link, bytes, whole) in
                [(LinkType::LINUX_SLL, sll(hardware, 0), 4), (LinkType::LINUX_SLL2, sll2(hardware, 0), 10)]
            {
                for (frame, device) in beginnings(link, &bytes, whole, hardware) {
                    assert_eq!(frame.hardware(), device, "{frame:?}");
                }
            }
        }
        assert_eq!(frame(LinkType::ETHERNET, &ethernet()).hardware(), None);
    }

    #[test]
    fn an_address_of_another_length_is_no_mac_address() {
        for length in (0..=u8::MAX).filter(|&length| length != 6) {
            assert_eq!(frame(LinkType::LINUX_SLL, &sll(1, length)).sender(), None, "{length}");
            assert_eq!(frame(LinkType::LINUX_SLL2, &sll2(1, length)).sender(), None, "{length}");
        }
        let mut longer = sll(1, 6);
        longer.splice(4..5, [1]);
        assert_eq!(frame(LinkType::LINUX_SLL, &longer).sender(), None);
    }

    #[test]
    fn a_link_type_without_addresses_has_no_sender() {
        for link in [LinkType::RAW, LinkType::NULL, LinkType::PPP, LinkType(147)] {
            let bytes = ethernet();
            assert_eq!(
                (frame(link, &bytes).sender(), frame(link, &bytes).hardware()),
                (None, None),
                "{link}"
            );
        }
    }
}

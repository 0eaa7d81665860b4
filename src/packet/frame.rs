//! A frame as it was captured: the bytes and what the capture knows about them.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Direction, LinkType, MacAddress, cooked};

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
    /// Returns true if the snaplen cut the frame off.
    #[inline]
    pub fn is_cut(&self) -> bool {
        self.wire_len as usize > self.bytes.len()
    }

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
    #[inline]
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

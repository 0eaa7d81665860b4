//! Interface description blocks: `link(2) reserved(2) snaplen(4) options`.

use super::super::{Filtered, Interface};
use super::fields::Fields;
use crate::packet::{LinkType, Timestamp};

const NAME: u16 = 2;
const RESOLUTION: u16 = 9;
const FILTER: u16 = 11;
const FCS_LENGTH: u16 = 13;
const OFFSET: u16 = 14;

/// The longest name that is kept, in bytes. Linux names have 15 at most, those of Windows some 60.
const MAX_NAME: usize = 255;

/// The longest capture filter that is kept, in bytes. The beginning of a longer one could mean something else, so it counts as
/// not read.
const MAX_FILTER: usize = 1024;

const NANOS: u128 = 1_000_000_000;

/// The properties of an interface that are needed to read its packets.
#[derive(Debug)]
pub(super) struct Description {
    /// Its number among all interfaces of the file.
    pub(super) number: u32,
    pub(super) link: LinkType,
    pub(super) snaplen: u32,
    /// Bytes of frame check sequence at the end of a frame, unless the packet gives its own number.
    pub(super) fcs: u32,
    resolution: Resolution,
    digits: u8,
    /// Nanoseconds to add to every time stamp.
    offset: i64,
}

/// The length of one tick of the time stamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolution {
    /// This many nanoseconds.
    Nanos(u32),
    /// 10 to the power of -n seconds, finer than a nanosecond.
    Decimal(u8),
    /// 2 to the power of -n seconds.
    Binary(u8),
}

impl Description {
    /// Reads a block's body. `None` if it is too short. The caller sets the number.
    pub(super) fn read(body: Fields<'_>) -> Option<(Self, Interface)> {
        let (link, snaplen) = (LinkType::from_file(body.u16(0)?), body.u32(4)?);
        let (mut name, mut filter, mut fcs, mut offset, mut code) = (None, None, 0, 0, 6);
        for (option, value) in body.from(8).options() {
            match (option, value.bytes()) {
                (NAME, bytes) => name = name_of(bytes),
                (RESOLUTION, [byte, ..]) => code = *byte,
                (FILTER, bytes) => filter = filter_of(bytes).or(filter),
                (FCS_LENGTH, [byte, ..]) => fcs = u32::from(*byte),
                (OFFSET, _) => offset = value.i64(0).unwrap_or(0).saturating_mul(1_000_000_000),
                _ => {}
            }
        }
        let (resolution, digits) = Resolution::of(code);
        let interface = Interface { name, link, snaplen, digits, filter };
        Some((Self { number: 0, link, snaplen, fcs, resolution, digits, offset }, interface))
    }

    /// Returns the time of a packet with this time stamp.
    #[inline]
    pub(super) fn time(&self, ticks: u64) -> Timestamp {
        let nanos = match self.resolution {
            Resolution::Nanos(nanos) => ticks.saturating_mul(u64::from(nanos)),
            finer => finer.nanos(ticks),
        };
        let nanos = i64::try_from(nanos).unwrap_or(i64::MAX).saturating_add(self.offset);
        Timestamp { nanos, digits: self.digits, known: true }
    }
}

impl Resolution {
    /// Reads the option `if_tsresol`. Returns the resolution and the digits of a second that it is worth.
    fn of(code: u8) -> (Self, u8) {
        let power = code & 0x7f;
        if code & 0x80 != 0 {
            // The fewest digits that tell two neighbouring ticks apart. A double is exact enough to count digits.
            let digits = (f64::from(power) * std::f64::consts::LOG10_2).ceil().min(9.0);
            #[allow(clippy::cast_sign_loss)] // 0 to 9
            return (Self::Binary(power), digits as u8);
        }
        match power {
            0..=9 => (Self::Nanos(10u32.pow(u32::from(9 - power))), power),
            _ => (Self::Decimal(power), 9),
        }
    }

    #[cold]
    fn nanos(self, ticks: u64) -> u64 {
        let ticks = u128::from(ticks);
        let nanos = match self {
            Self::Nanos(nanos) => ticks * u128::from(nanos),
            Self::Decimal(power) => {
                10u128.checked_pow(u32::from(power) - 9).map_or(0, |per_nano| ticks / per_nano)
            }
            Self::Binary(power) => (ticks * NANOS) >> power,
        };
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

fn name_of(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.split(|b| *b == 0).next().unwrap_or_default();
    let bytes = bytes.get(..MAX_NAME).unwrap_or(bytes);
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}

/// Reads the option `if_filter`: a byte for its kind (0 for an expression of libpcap, 1 for a BPF program), then the filter.
/// Returns `None` for an expression without a word, which lets every frame pass.
fn filter_of(bytes: &[u8]) -> Option<Filtered> {
    let (kind, filter) = bytes.split_first()?;
    if *kind != 0 || filter.len() > MAX_FILTER {
        return Some(Filtered::Unread);
    }
    let text = String::from_utf8_lossy(filter);
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    (!text.is_empty()).then(|| Filtered::Expression(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_an_expression_or_is_not_read() {
        let expression = |text: &str| Some(Filtered::Expression(text.to_owned()));
        assert_eq!(filter_of(b"\0esp or udp port 4500"), expression("esp or udp port 4500"));
        assert_eq!(filter_of(b"\0 esp \0\0"), expression("esp"));
        assert_eq!(filter_of(b"\0e\0p\xff"), expression("e\0p\u{fffd}"));
        assert_eq!(filter_of(b"\x01\x06\0\0\0"), Some(Filtered::Unread));
        assert_eq!(filter_of(b"\x01"), Some(Filtered::Unread));
        assert_eq!(filter_of(b"\x07?"), Some(Filtered::Unread));
        for nothing in [&b""[..], b"\0", b"\0 \0"] {
            assert_eq!(filter_of(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn a_filter_is_kept_whole_or_not_at_all() {
        let longest = [&[0][..], &[b'x'; MAX_FILTER]].concat();
        assert!(matches!(filter_of(&longest), Some(Filtered::Expression(text)) if text.len() == MAX_FILTER));
        assert_eq!(filter_of(&[&longest[..], b"x"].concat()), Some(Filtered::Unread));
    }

    fn nanos(code: u8, ticks: u64) -> (u64, u8) {
        let (resolution, digits) = Resolution::of(code);
        (resolution.nanos(ticks), digits)
    }

    #[test]
    fn a_tick_is_a_power_of_ten_or_of_two_of_a_second() {
        assert_eq!(nanos(0, 7), (7_000_000_000, 0));
        assert_eq!(nanos(6, 1_500_000), (1_500_000_000, 6));
        assert_eq!(nanos(9, 15), (15, 9));
        assert_eq!(nanos(12, 15_999), (15, 9));
        assert_eq!(nanos(0x80 + 10, 1024 + 512), (1_500_000_000, 4));
        assert_eq!(nanos(0x80 + 20, 1 << 20), (1_000_000_000, 7));
    }

    #[test]
    fn no_tick_is_too_long_or_too_short() {
        assert_eq!(nanos(127, u64::MAX), (0, 9));
        assert_eq!(nanos(0xff, u64::MAX), (0, 9));
        assert_eq!(nanos(0x80, u64::MAX), (u64::MAX, 0));
    }
}

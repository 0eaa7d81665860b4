//! Interface description blocks: `link(2) reserved(2) snaplen(4) options`.

use super::super::Interface;
use super::fields::Fields;
use crate::packet::{LinkType, Timestamp};

const NAME: u16 = 2;
const RESOLUTION: u16 = 9;
const FCS_LENGTH: u16 = 13;
const OFFSET: u16 = 14;

/// The longest name that is kept, in bytes. Linux names have 15 at most, those of Windows some 60.
const MAX_NAME: usize = 255;

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
        let (mut name, mut fcs, mut offset, mut code) = (None, 0, 0, 6);
        for (option, value) in body.from(8).options() {
            match (option, value.bytes()) {
                (NAME, bytes) => name = name_of(bytes),
                (RESOLUTION, [byte, ..]) => code = *byte,
                (FCS_LENGTH, [byte, ..]) => fcs = u32::from(*byte),
                (OFFSET, _) => offset = value.i64(0).unwrap_or(0).saturating_mul(1_000_000_000),
                _ => {}
            }
        }
        let (resolution, digits) = Resolution::of(code);
        let interface = Interface { name, link, snaplen, digits };
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
        Timestamp { nanos, digits: self.digits }
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

#[cfg(test)]
mod tests {
    use super::*;

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

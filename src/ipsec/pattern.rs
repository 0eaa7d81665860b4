//! Patterns of addresses and SPIs. A table of SAs may give one value, or several by a wildcard.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::packet::{IpVersion, Spi};

/// The addresses that an SA is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressPattern {
    /// Every address of either family.
    Any,
    /// One address.
    One(IpAddr),
    /// Every address of one family that agrees with `value` in the bits of `mask`. An IPv4 address is in the first 4
    /// bytes.
    Masked {
        /// The value to agree with.
        value: [u8; 16],
        /// The bits that count.
        mask: [u8; 16],
        /// The family.
        version: IpVersion,
    },
}

impl AddressPattern {
    /// Makes a pattern of an address in one of the kernel's SAs. The unspecified address stands for every address.
    pub fn from_kernel(address: IpAddr) -> Self {
        if address.is_unspecified() { Self::Any } else { Self::One(address) }
    }

    /// Reads `192.0.2.1`, `192.0.*.1`, `192.0.2.0/24`, `2001:db8::1`, `2001:db8::*`, `2001:db8::/32` or `*`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        if let Ok(address) = text.parse() {
            return Some(Self::One(address));
        }
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let version = if address.contains(':') { IpVersion::V6 } else { IpVersion::V4 };
        let (value, mut mask) = match version {
            IpVersion::V4 => parse_v4(address)?,
            IpVersion::V6 => parse_v6(address)?,
        };
        if let Some(prefix) = prefix {
            if prefix > version.bits() {
                return None;
            }
            for (at, byte) in (0u8..).zip(mask.iter_mut()) {
                let bits = prefix.saturating_sub(at.saturating_mul(8)).min(8);
                *byte &= u8::MAX.checked_shl(u32::from(8 - bits)).unwrap_or(0);
            }
        }
        Some(Self::Masked { value, mask, version })
    }

    /// Returns true if the SA is for this address.
    pub fn matches(&self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => *one == address,
            Self::Masked { value, mask, version } => {
                let bytes = match address {
                    IpAddr::V4(address) => widen(address.octets()),
                    IpAddr::V6(address) => address.octets(),
                };
                *version == IpVersion::of(address)
                    && bytes
                        .iter()
                        .zip(value)
                        .zip(mask)
                        .all(|((byte, value), mask)| (byte ^ value) & mask == 0)
            }
        }
    }

    /// Returns true if only IPv6 addresses match. The first column of Wireshark's table needs this.
    pub fn is_v6(&self) -> bool {
        matches!(self, Self::One(IpAddr::V6(_)) | Self::Masked { version: IpVersion::V6, .. })
    }

    /// Writes the pattern as Wireshark's table spells it. A pattern without such a spelling becomes a wider one.
    pub fn to_wireshark(self) -> String {
        match self {
            Self::One(address) => address.to_string(),
            Self::Masked { value, mask, version: IpVersion::V4 } => {
                let field = |at: usize| if mask[at] == 255 { value[at].to_string() } else { "*".to_owned() };
                format!("{}.{}.{}.{}", field(0), field(1), field(2), field(3))
            }
            Self::Any | Self::Masked { .. } => "*".to_owned(),
        }
    }
}

fn widen([a, b, c, d]: [u8; 4]) -> [u8; 16] {
    [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

/// Returns value and mask of four decimal fields, in which `*` stands for any number.
fn parse_v4(text: &str) -> Option<([u8; 16], [u8; 16])> {
    let (mut value, mut mask) = ([0; 4], [255; 4]);
    let mut fields = text.split('.');
    for (value, mask) in value.iter_mut().zip(&mut mask) {
        match fields.next()? {
            "*" => *mask = 0,
            // The parser of addresses refuses signs and leading zeros.
            number => *value = format!("0.0.0.{number}").parse::<Ipv4Addr>().ok()?.octets()[3],
        }
    }
    fields.next().is_none().then_some((widen(value), widen(mask)))
}

/// Returns value and mask of up to eight hexadecimal groups, with `::` at most once and `*` for any group.
fn parse_v6(text: &str) -> Option<([u8; 16], [u8; 16])> {
    let value = text.replace('*', "0").parse::<Ipv6Addr>().ok()?.octets();
    let mut mask = [255; 16];
    // Groups count from the left before `::` and from the right after it.
    let (left, right) = text.split_once("::").unwrap_or((text, ""));
    let from_left = left.split(':').zip(0..8);
    let from_right = right.rsplit(':').zip((0..8).rev());
    for (group, at) in from_left.chain(from_right) {
        match group {
            "*" => mask.get_mut(2 * at..2 * at + 2)?.fill(0),
            // A wildcard within a group, such as `1*`, could mean several things, and nobody writes it.
            other if other.contains('*') => return None,
            _ => {}
        }
    }
    Some((value, mask))
}

/// The SPIs that an SA is for: all that agree with `value` in the bits of `mask`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpiPattern {
    value: u32,
    mask: u32,
}

impl SpiPattern {
    /// Makes a pattern that only this SPI matches.
    pub fn one(spi: Spi) -> Self {
        Self { value: spi.0, mask: u32::MAX }
    }

    /// Reads `0x9aa3ee15`, `2594434581`, `0x9aa3****` (all eight digits, as in Wireshark) or `*`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self { value: 0, mask: 0 });
        }
        let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) else {
            return Some(Self::one(Spi(text.parse().ok()?)));
        };
        let wild = digits.contains('*');
        if digits.is_empty() || digits.len() > 8 || (wild && digits.len() != 8) {
            return None;
        }
        let (mut value, mut mask) = (0u32, if wild { 0 } else { u32::MAX });
        for digit in digits.chars() {
            let (nibble, bits) = if digit == '*' { (0, 0) } else { (digit.to_digit(16)?, 15) };
            value = value << 4 | nibble;
            mask = mask << 4 | bits;
        }
        Some(Self { value, mask })
    }

    /// Returns true if the SA is for this SPI.
    pub fn matches(self, spi: Spi) -> bool {
        (spi.0 ^ self.value) & self.mask == 0
    }

    /// Returns the SPI if only one matches.
    pub fn exact(self) -> Option<Spi> {
        (self.mask == u32::MAX).then_some(Spi(self.value))
    }

    /// Writes the pattern as Wireshark's table spells it.
    pub fn to_wireshark(self) -> String {
        if self.mask == 0 {
            return "*".to_owned();
        }
        let digits = (0..8).rev().map(|nibble| match self.mask >> (4 * nibble) & 15 {
            0 => '*',
            _ => char::from_digit(self.value >> (4 * nibble) & 15, 16).unwrap_or('0'),
        });
        "0x".chars().chain(digits).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, address: &str) -> bool {
        AddressPattern::parse(pattern).unwrap().matches(address.parse().unwrap())
    }

    #[test]
    fn addresses_match_as_in_wireshark() {
        assert!(matches("*", "192.0.2.1") && matches("*", "2001:db8::1"));
        assert!(matches("192.0.2.1", "192.0.2.1") && !matches("192.0.2.1", "192.0.2.2"));
        assert!(matches("192.*.2.1", "192.7.2.1") && !matches("192.*.2.1", "192.7.3.1"));
        assert!(matches("192.0.2.0/25", "192.0.2.127") && !matches("192.0.2.0/25", "192.0.2.128"));
        assert!(matches("2001:db8::*", "2001:db8::7") && !matches("2001:db8::*", "2001:db8::1:7"));
        assert!(matches("2001:*::1", "2001:dead::1") && !matches("2001:*::1", "2001:dead::2"));
        assert!(matches("2001:db8::/32", "2001:db8:1::") && !matches("2001:db8::/32", "2001:db9::"));
        assert!(!matches("0.0.*.*", "::"), "families stay apart");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "192.0.2",
            "192.0.2.1.1",
            "192.0.2.256",
            "192.0.2.1*",
            "192.0.2.0/33",
            "+1.0.0.*",
            "1*::",
            "::/129",
            "**",
        ] {
            assert_eq!(AddressPattern::parse(text), None, "{text}");
        }
    }

    #[test]
    fn spis_match_as_in_wireshark() {
        let matches = |pattern: &str, spi| SpiPattern::parse(pattern).unwrap().matches(Spi(spi));
        assert!(
            matches("*", 1)
                && matches("0x9aa3ee15", 0x9aa3_ee15)
                && matches("4096", 0x1000)
                && matches("0x100", 0x100)
        );
        assert!(matches("0x9aa3****", 0x9aa3_1234) && !matches("0x9aa3****", 0x9aa4_1234));
        for text in ["", "0x", "0x123*", "0x123456789", "-1", "0xg", "x"] {
            assert_eq!(SpiPattern::parse(text), None, "{text}");
        }
    }

    #[test]
    fn patterns_are_written_as_they_were_read() {
        for text in ["*", "192.0.2.1", "192.*.2.1", "2001:db8::1"] {
            assert_eq!(AddressPattern::parse(text).unwrap().to_wireshark(), text);
        }
        for text in ["*", "0x9aa3****", "0x00000100"] {
            assert_eq!(SpiPattern::parse(text).unwrap().to_wireshark(), text);
        }
    }
}

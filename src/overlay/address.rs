//! Addresses as they are written.

use super::spec::SpecError;
use serde::{Serialize, Serializer};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An address with the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    /// The address itself, host bits included.
    pub address: IpAddr,
    /// In bits.
    pub length: u8,
}

impl Prefix {
    /// Whether an address is in the same network.
    pub fn contains(self, other: IpAddr) -> bool {
        self.overlaps(Self { address: other, length: if other.is_ipv4() { 32 } else { 128 } })
    }

    /// Whether the two networks share an address.
    pub fn overlaps(self, other: Self) -> bool {
        let length = u32::from(self.length.min(other.length));
        match (self.address, other.address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                length == 0 || (a.to_bits() ^ b.to_bits()) >> (32 - length) == 0
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                length == 0 || (a.to_bits() ^ b.to_bits()) >> (128 - length) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Prefix {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let wrong = || SpecError::Value {
            what: "address".into(),
            word: text.into(),
            expected: "ADDRESS/LENGTH such as 10.0.1.1/24",
        };
        let (address, length) = text.split_once('/').ok_or_else(wrong)?;
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let length: u8 = length.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        if length == 0 || length > most {
            return Err(wrong());
        }
        Ok(Self { address, length })
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn prefixes_overlap_when_one_holds_the_other() {
        assert!(prefix("10.0.0.1/8").overlaps(prefix("10.9.1.0/24")));
        assert!(!prefix("10.0.1.1/24").overlaps(prefix("10.0.2.1/24")));
        assert!(!prefix("10.0.1.1/24").overlaps(prefix("fd00::1/64")));
        assert!(prefix("fd00::1/64").contains("fd00::ffff".parse().unwrap()));
        for wrong in ["10.0.0.1", "10.0.0.1/33", "10.0.0.1/0", "fd00::/129", "x/24"] {
            assert!(wrong.parse::<Prefix>().is_err(), "{wrong}");
        }
    }
}

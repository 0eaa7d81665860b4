//! Addresses: of the link layer, and of IP with the length of their network's prefix.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::digits::digits;

/// The link-layer address of an Ethernet interface (IEEE 802, EUI-48), in the order of the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// Six zeros. No interface has this address. In the forwarding table of a VXLAN device, its entry is for every address
    /// that has no entry of its own.
    pub const ZERO: Self = Self([0; 6]);

    /// Six times 0xff. A frame to this address is for everybody on the link.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Makes an address of the bytes of a link-layer address. Returns `None` if they are not six, as on links other than
    /// Ethernet.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// Hexadecimal digits in lower case, with colons.
impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, last] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{last:02x}")
    }
}

/// A version of IP, which is the family of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl IpVersion {
    /// Both versions.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// Returns the version of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// Returns the length of its addresses in bits.
    pub fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

/// An IP address with the length of its network's prefix. Host bits are kept: `192.0.2.1/24` is not `192.0.2.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

impl Prefix {
    /// Makes a prefix. Returns `None` if the length is more than 32 bits for IPv4 or 128 for IPv6.
    pub fn new(address: IpAddr, length: u8) -> Option<Self> {
        (length <= IpVersion::of(address).bits()).then_some(Self { address, length })
    }

    /// Returns the address with its host bits.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// Returns the number of leading bits that are the network's: 0 to 32 for IPv4, 0 to 128 for IPv6.
    pub fn length(self) -> u8 {
        self.length
    }

    /// Returns the network's first address, whose bits behind the prefix are zero.
    pub fn first(self) -> IpAddr {
        match self.address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.length)).unwrap_or(0);
                (u32::from(v4) & mask).to_be_bytes().into()
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.length)).unwrap_or(0);
                (u128::from(v6) & mask).to_be_bytes().into()
            }
        }
    }

    /// Returns true if an address is in this network.
    pub fn contains(self, other: IpAddr) -> bool {
        self.overlaps(Self { address: other, length: IpVersion::of(other).bits() })
    }

    /// Returns true if the two networks share an address.
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

/// The error that a text is no address with the length of a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use ADDRESS/LENGTH, such as 10.0.1.1/24 or fd00::1/64")]
pub struct NotAPrefix;

impl FromStr for Prefix {
    type Err = NotAPrefix;

    /// Parses the address of an interface. Its network always has a prefix, so a length of 0 is refused.
    fn from_str(text: &str) -> Result<Self, NotAPrefix> {
        let (address, length) = text.split_once('/').ok_or(NotAPrefix)?;
        let address = address.parse().map_err(|_| NotAPrefix)?;
        let length = digits(length).ok_or(NotAPrefix)?;
        Self::new(address, length).filter(|prefix| prefix.length > 0).ok_or(NotAPrefix)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn prefixes_overlap_when_one_holds_the_other() {
        assert!(prefix("10.0.0.1/8").overlaps(prefix("10.9.1.0/24")));
        assert!(!prefix("10.0.1.1/24").overlaps(prefix("10.0.2.1/24")));
        assert!(!prefix("10.0.1.1/24").overlaps(prefix("fd00::1/64")));
        for wrong in ["10.0.0.1", "10.0.0.1/33", "10.0.0.1/0", "fd00::/129", "x/24"] {
            assert_eq!(wrong.parse::<Prefix>(), Err(NotAPrefix), "{wrong}");
        }
    }

    #[test]
    fn a_prefix_holds_its_addresses() {
        let all = Prefix::new(ip("0.0.0.0"), 0).unwrap();
        assert!(all.contains(ip("192.0.2.1")) && !all.contains(ip("::1")));
        assert!(prefix("192.0.2.1/32").contains(ip("192.0.2.1")));
        assert!(prefix("192.0.2.64/26").contains(ip("192.0.2.77")));
        assert!(!prefix("192.0.2.64/26").contains(ip("192.0.2.1")));
        assert!(prefix("2001:db8::/32").contains(ip("2001:db8::1")));
        assert!(prefix("fd00::1/64").contains(ip("fd00::ffff")));
    }

    #[test]
    fn no_prefix_is_longer_than_its_address() {
        for (address, most) in [(ip("192.0.2.1"), 32), (ip("2001:db8::1"), 128)] {
            for length in 0..=u8::MAX {
                assert_eq!(Prefix::new(address, length).is_some(), length <= most, "{address}/{length}");
            }
        }
    }
}

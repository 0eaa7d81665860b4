//! Addresses as they are written.

use super::spec::Peer;
use serde::{Serialize, Serializer};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A text that is no IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use an IPv4 or IPv6 address, such as 192.0.2.1 or 2001:db8::1")]
pub struct NotAnAddress;

/// Reads an IP address as the standard library does, whose errors do not say what would be right.
pub fn address(text: &str) -> Result<IpAddr, NotAnAddress> {
    text.parse().map_err(|_| NotAnAddress)
}

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

/// A text that is no address with the length of a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use ADDRESS/LENGTH, such as 10.0.1.1/24 or fd00::1/64")]
pub struct NotAPrefix;

impl FromStr for Prefix {
    type Err = NotAPrefix;

    fn from_str(text: &str) -> Result<Self, NotAPrefix> {
        let (address, length) = text.split_once('/').ok_or(NotAPrefix)?;
        let address = self::address(address).map_err(|_| NotAPrefix)?;
        let length = length.parse().map_err(|_| NotAPrefix)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        if (1..=most).contains(&length) { Ok(Self { address, length }) } else { Err(NotAPrefix) }
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

/// A text that is no peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use an underlay address, or UNDERLAY=OVERLAY such as 192.0.2.2=10.0.1.2")]
pub struct NotAPeer;

impl FromStr for Peer {
    type Err = NotAPeer;

    /// Takes the underlay address, and behind `=` the address in the network where it is known.
    fn from_str(text: &str) -> Result<Self, NotAPeer> {
        let (underlay, overlay) =
            text.split_once('=').map_or((text, None), |(underlay, overlay)| (underlay, Some(overlay)));
        let underlay = address(underlay).map_err(|_| NotAPeer)?;
        let overlay = overlay.map(address).transpose().map_err(|_| NotAPeer)?;
        Ok(Self { underlay, overlay })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_have_an_address_in_the_network_where_it_is_known() {
        let peer = |text: &str| text.parse::<Peer>().map(|peer| (peer.underlay, peer.overlay));
        let (underlay, overlay) = (address("2001:db8::2").unwrap(), address("10.0.1.2").unwrap());
        assert_eq!(peer("2001:db8::2"), Ok((underlay, None)));
        assert_eq!(peer("2001:db8::2=10.0.1.2"), Ok((underlay, Some(overlay))));
        for wrong in ["", "node2", "192.0.2.2=", "=10.0.1.2", "192.0.2.2=10.0.1.2/24", "192.0.2.2=a=b"] {
            assert_eq!(peer(wrong), Err(NotAPeer), "{wrong}");
        }
    }

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
            assert_eq!(wrong.parse::<Prefix>(), Err(NotAPrefix), "{wrong}");
        }
    }
}

//! Overlay addresses to probe if none is known, and those that stand for everybody or for nobody.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use super::super::network::Entry;
use crate::packet::Prefix;

/// Returns addresses to try if none behind the peers is known: the group of all nodes on the link (RFC 4291 section
/// 2.7.1), and every address of an IPv4 subnet of at most 256 addresses.
pub fn candidates(entry: &Entry) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for own in &entry.addresses {
        let (address, prefix) = (own.address(), own.length());
        match address {
            IpAddr::V4(own) if (24..=30).contains(&prefix) => {
                let first = u32::from(own) & (u32::MAX << (32 - prefix));
                let hosts = (1..(1u32 << (32 - prefix)) - 1).map(|n| IpAddr::from((first + n).to_be_bytes()));
                found.extend(hosts.filter(|host| *host != address));
            }
            IpAddr::V4(own) if prefix == 31 => found.push((u32::from(own) ^ 1).to_be_bytes().into()),
            IpAddr::V6(own) if own.is_unicast_link_local() => {
                found.push(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1).into());
            }
            _ => {}
        }
    }
    found
}

/// Returns the broadcast address of an IPv4 subnet, and the highest address in it that is neither the device's own nor
/// `taken`. Returns `None` for a subnet without a broadcast address.
pub(super) fn outside(own: Prefix, taken: &BTreeSet<IpAddr>) -> Option<[IpAddr; 2]> {
    const FARTHEST: u32 = 512;
    let IpAddr::V4(address) = own.address() else { return None };
    let hosts = 32u32.checked_sub(u32::from(own.length())).filter(|bits| *bits >= 2)?;
    let broadcast = u32::from(address) | (u32::MAX >> (32 - hosts));
    let lowest = broadcast.saturating_sub(FARTHEST.min(u32::MAX >> (32 - hosts)));
    let to_ip = |address: u32| IpAddr::from(address.to_be_bytes());
    let free = (lowest + 1..broadcast)
        .rev()
        .map(to_ip)
        .find(|host| *host != own.address() && !taken.contains(host))?;
    Some([to_ip(broadcast), free])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_small_subnet_is_tried_and_a_large_one_not() {
        let entry = |address: &str, length| Entry {
            device: String::new(),
            namespace: None,
            addresses: vec![Prefix::new(address.parse().unwrap(), length).unwrap()],
            mtu: 1400,
            mac: None,
            routed: false,
            shared: false,
        };
        assert_eq!(candidates(&entry("10.0.0.1", 30)), ["10.0.0.2".parse::<IpAddr>().unwrap()]);
        assert_eq!(candidates(&entry("10.0.0.1", 31)), ["10.0.0.0".parse::<IpAddr>().unwrap()]);
        assert_eq!(candidates(&entry("10.0.0.1", 24)).len(), 253);
        assert!(candidates(&entry("10.0.0.1", 16)).is_empty());
        assert_eq!(candidates(&entry("fe80::1", 64)), ["ff02::1".parse::<IpAddr>().unwrap()]);
    }
    #[test]
    fn broadcasts_go_to_the_subnet_and_for_an_address_that_nobody_has() {
        let taken = BTreeSet::from([ip("10.0.0.254")]);
        let outside = |own: &str| outside(own.parse().unwrap(), &taken);
        assert_eq!(outside("10.0.0.1/24"), Some([ip("10.0.0.255"), ip("10.0.0.253")]));
        assert_eq!(outside("10.0.0.1/30"), Some([ip("10.0.0.3"), ip("10.0.0.2")]));
        assert_eq!(outside("10.0.0.1/8"), Some([ip("10.255.255.255"), ip("10.255.255.254")]));
        assert_eq!(outside("10.0.0.1/31"), None);
        assert_eq!(outside("fd00::1/64"), None);
    }
}

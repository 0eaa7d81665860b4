//! Addresses of links (linux `net/ipv4/devinet.c`, `net/ipv6/addrconf.c`).

use std::net::{IpAddr, Ipv4Addr};

use rtnetlink::packet_core::Parseable;
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};

use super::{RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR, bytes, family};
use crate::netlink::{CREATE, Netlink, Refusal};
use crate::packet::Prefix;

/// Returns all addresses, each with the index of its link.
pub(crate) fn all(netlink: &mut Netlink) -> Result<Vec<(u32, Prefix)>, Refusal> {
    netlink.dump(RTM_GETADDR, &bytes(&AddressMessage::default()), |_, body| read(body))
}

pub(crate) fn add(netlink: &mut Netlink, link: u32, address: Prefix) -> Result<(), Refusal> {
    netlink.request(RTM_NEWADDR, CREATE, &bytes(&message(link, address)))
}

pub(crate) fn delete(netlink: &mut Netlink, link: u32, address: Prefix) -> Result<(), Refusal> {
    netlink.request(RTM_DELADDR, 0, &bytes(&message(link, address)))
}

/// Reads an address. A point-to-point link has that of its other end as well; the link's own goes first.
pub(crate) fn read(body: &[u8]) -> Option<(u32, Prefix)> {
    let message = AddressMessage::parse(body).ok()?;
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    let address = local.or_else(|| {
        message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })?;
    Some((message.header.index, Prefix::new(address, message.header.prefix_len)?))
}

fn message(link: u32, prefix: Prefix) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = link;
    message.header.prefix_len = prefix.length();
    message.header.family = family(prefix.address());
    message.attributes.push(AddressAttribute::Local(prefix.address()));
    message.attributes.push(AddressAttribute::Address(prefix.address()));
    match prefix.address() {
        IpAddr::V4(v4) if prefix.length() < 31 => {
            let broadcast = v4.to_bits() | (u32::MAX >> prefix.length());
            message.attributes.push(AddressAttribute::Broadcast(Ipv4Addr::from_bits(broadcast)));
        }
        IpAddr::V4(_) => {}
        // With static neighbours, no other host would answer the question if the address is taken.
        IpAddr::V6(_) => message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad)),
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_what_is_read_and_nothing_of_a_message_that_is_cut() {
        for text in ["192.0.2.1/24", "192.0.2.1/31", "2001:db8::1/64"] {
            let prefix: Prefix = text.parse().unwrap();
            let whole = bytes(&message(7, prefix));
            assert_eq!(read(&whole), Some((7, prefix)));
            for len in 0..whole.len() {
                assert!(read(&whole[..len]).is_none_or(|found| found == (7, prefix)), "{text} {len}");
            }
        }
    }

    #[test]
    fn of_a_point_to_point_link_the_own_address_is_read() {
        let mut message = message(7, "192.0.2.1/32".parse().unwrap());
        message.attributes = vec![
            AddressAttribute::Address(IpAddr::from([192, 0, 2, 2])),
            AddressAttribute::Local(IpAddr::from([192, 0, 2, 1])),
        ];
        assert_eq!(read(&bytes(&message)), Some((7, "192.0.2.1/32".parse().unwrap())));
        message.attributes.pop();
        assert_eq!(read(&bytes(&message)), Some((7, "192.0.2.2/32".parse().unwrap())));
        message.header.prefix_len = 33;
        assert_eq!(read(&bytes(&message)), None);
    }
}

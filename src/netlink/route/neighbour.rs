//! Neighbours: the tables of ARP and of IPv6 neighbour discovery (linux `net/core/neighbour.c`).

use std::net::IpAddr;

use rtnetlink::packet_core::Parseable;
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};

use super::{RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH, address_of, bytes, family};
use crate::netlink::{Netlink, REPLACE, Refusal};
use crate::packet::MacAddress;

/// An entry of a neighbour table, for an IPv4 or an IPv6 address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The index of the link.
    pub link: u32,
    /// The neighbour's address.
    pub address: IpAddr,
    /// The neighbour's link-layer address.
    pub mac: MacAddress,
    /// True if a program or an administrator set the entry; no traffic changes it then.
    pub permanent: bool,
    /// True if the kernel has not heard of the neighbour for some time, so that it may be gone.
    pub stale: bool,
}

/// Returns all neighbours that have been resolved, those of IPv4 first.
pub(crate) fn all(netlink: &mut Netlink) -> Result<Vec<Neighbour>, Refusal> {
    netlink.dump(RTM_GETNEIGH, &bytes(&NeighbourMessage::default()), |_, body| read(body))
}

/// Adds a permanent neighbour. It replaces an entry that the kernel made by itself, resolved or not.
pub(crate) fn add(netlink: &mut Netlink, link: u32, ip: IpAddr, mac: MacAddress) -> Result<(), Refusal> {
    netlink.request(RTM_NEWNEIGH, REPLACE, &bytes(&message(link, ip, mac)))
}

pub(crate) fn delete(netlink: &mut Netlink, link: u32, ip: IpAddr, mac: MacAddress) -> Result<(), Refusal> {
    netlink.request(RTM_DELNEIGH, 0, &bytes(&message(link, ip, mac)))
}

pub(crate) fn read(body: &[u8]) -> Option<Neighbour> {
    use NeighbourState::{Noarp, Permanent, Reachable};
    let message = NeighbourMessage::parse(body).ok()?;
    let state = message.header.state;
    Some(Neighbour {
        link: message.header.ifindex,
        address: destination(&message.attributes)?,
        mac: link_layer(&message.attributes)?,
        permanent: state == Permanent,
        stale: !matches!(state, Permanent | Reachable | Noarp),
    })
}

fn message(link: u32, ip: IpAddr, mac: MacAddress) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = family(ip);
    message.header.ifindex = link;
    message.header.state = NeighbourState::Permanent;
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()));
    message.attributes.push(NeighbourAttribute::Destination(ip.into()));
    message
}

/// Returns the address that the entry is for. In a forwarding table it is the VTEP that frames are sent to.
pub(super) fn destination(attributes: &[NeighbourAttribute]) -> Option<IpAddr> {
    attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => Some((*v4).into()),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => Some((*v6).into()),
        NeighbourAttribute::Destination(NeighbourAddress::Other(bytes)) => address_of(bytes),
        _ => None,
    })
}

/// Returns the link-layer address if it has six bytes.
pub(super) fn link_layer(attributes: &[NeighbourAttribute]) -> Option<MacAddress> {
    attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(bytes) => MacAddress::from_slice(bytes),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 7]);

    #[test]
    fn what_is_added_is_what_is_read_and_nothing_of_a_message_that_is_cut() {
        for ip in ["192.0.2.2", "2001:db8::2"].map(|text| text.parse::<IpAddr>().unwrap()) {
            let whole = bytes(&message(7, ip, MAC));
            let neighbour = Neighbour { link: 7, address: ip, mac: MAC, permanent: true, stale: false };
            assert_eq!(read(&whole), Some(neighbour));
            assert!((0..whole.len()).all(|len| read(&whole[..len]).is_none()), "{ip}");
        }
    }

    #[test]
    fn a_neighbour_that_was_neither_set_nor_confirmed_lately_is_stale() {
        use NeighbourState::{Delay, Noarp, Permanent, Probe, Reachable, Stale};
        let is_stale = |state| {
            let mut message = message(7, "192.0.2.2".parse().unwrap(), MAC);
            message.header.state = state;
            read(&bytes(&message)).unwrap().stale
        };
        assert_eq!([Permanent, Noarp, Reachable].map(is_stale), [false; 3]);
        // A packet was sent to it since, and nothing shows that it arrived.
        assert_eq!([Stale, Delay, Probe].map(is_stale), [true; 3]);
    }

    #[test]
    fn one_that_is_not_resolved_or_has_another_kind_of_address_is_none() {
        let mut message = message(7, "192.0.2.2".parse().unwrap(), MAC);
        message.header.state = NeighbourState::Reachable;
        assert_eq!(read(&bytes(&message)).map(|neighbour| neighbour.permanent), Some(false));
        message.attributes[0] = NeighbourAttribute::LinkLayerAddress(vec![0; 20]);
        assert_eq!(read(&bytes(&message)), None);
        message.attributes.remove(0);
        assert_eq!(read(&bytes(&message)), None);
    }
}

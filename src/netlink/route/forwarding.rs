//! Forwarding tables (FDB) of VXLAN devices, which say behind which VTEP a link-layer address is (linux
//! `drivers/net/vxlan/vxlan_core.c`).

use std::net::IpAddr;

use rtnetlink::packet_core::Parseable;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::neighbour::{
    NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};

use super::neighbour::{destination, link_layer};
use super::{NextHop, RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH, Vtep, bytes, nexthop};
use crate::netlink::{APPEND, Netlink, REPLACE, Refusal, attributes, u32_at};
use crate::packet::{MacAddress, Vni};

/// The length of `struct ndmsg`, before the attributes.
const HEADER: usize = 12;
/// The number of the next-hop object that stands in place of a VTEP. The packet crate does not know it.
const NDA_NH_ID: u16 = 13;
/// The states of entries that no traffic changes (`NUD_NOARP | NUD_PERMANENT`).
const SET: u16 = 0x40 | 0x80;

/// A forwarding entry: the VTEP that the device sends the frames for a link-layer address to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The index of the device.
    pub link: u32,
    /// The address that the frames are for. [`MacAddress::ZERO`] stands for all addresses without an entry of their
    /// own.
    pub mac: Option<MacAddress>,
    /// The VTEP that the frames are sent to.
    pub vtep: Option<IpAddr>,
    /// The number of the next-hop object that knows the VTEPs instead, in the namespace of the tunnel's socket.
    pub next_hop: Option<u32>,
    /// The index of the link that the frames leave by, if the entry overrides the route.
    pub forced_link: Option<u32>,
    /// The network of the frames, if it is not the device's own.
    pub vni: Option<Vni>,
    /// The UDP port that the frames are sent to, if it is not the device's own.
    pub port: Option<u16>,
    /// True if the entry is permanent and nothing else, as those are that this program makes. Those of others may have
    /// a second state beside it: [`Self::learned`] tells them from what traffic has made.
    pub permanent: bool,
    /// True if the device learned the entry from traffic, so that anybody on the wire may have caused it.
    pub learned: bool,
}

/// Returns all entries of all devices. The entries of bridges are among them; these have no VTEP.
pub(crate) fn all(netlink: &mut Netlink) -> Result<Vec<Entry>, Refusal> {
    let mut request = NeighbourMessage::default();
    request.header.family = AddressFamily::Bridge;
    netlink.dump(RTM_GETNEIGH, &bytes(&request), |_, body| read(body))
}

/// Adds an entry. [`MacAddress::ZERO`] may have several entries. For any other address, the new entry replaces the old.
pub(crate) fn add(netlink: &mut Netlink, link: u32, mac: MacAddress, vtep: IpAddr) -> Result<(), Refusal> {
    let flags = if mac == MacAddress::ZERO { APPEND } else { REPLACE };
    netlink.request(RTM_NEWNEIGH, flags, &bytes(&message(link, mac, vtep)))
}

pub(crate) fn delete(netlink: &mut Netlink, link: u32, mac: MacAddress, vtep: IpAddr) -> Result<(), Refusal> {
    netlink.request(RTM_DELNEIGH, 0, &bytes(&message(link, mac, vtep)))
}

impl Vtep {
    /// Adds what an entry of the device's forwarding table says of the tunnel. The next hops are those of the namespace
    /// that the entry was read in.
    pub(crate) fn learn(&mut self, entry: &Entry, next_hops: &[NextHop]) {
        self.lead(entry, entry.vtep);
        match entry.next_hop {
            Some(id) if self.foreign_socket => self.next_hops.push(id),
            Some(id) => {
                for hop in nexthop::members(next_hops, id) {
                    self.lead(entry, hop.gateway);
                }
            }
            None => {}
        }
        self.forced_links.extend(entry.forced_link);
        self.more_vnis.extend(entry.vni);
    }

    /// Adds the VTEP that an entry leads to.
    fn lead(&mut self, entry: &Entry, vtep: Option<IpAddr>) {
        let Some(vtep) = vtep.filter(|vtep| !vtep.is_unspecified()) else { return };
        if !self.peers.contains(&vtep) {
            self.peers.push(vtep);
            self.learned.extend(entry.learned.then_some(vtep));
        }
        if !entry.learned {
            self.learned.retain(|known| *known != vtep);
        }
        self.stations.extend(entry.mac.map(|mac| (mac, vtep)));
        self.other_ports.extend(entry.port.map(|port| (vtep, port)));
    }
}

pub(crate) fn read(body: &[u8]) -> Option<Entry> {
    let message = NeighbourMessage::parse(body).ok()?;
    let mut hops = attributes(body.get(HEADER..)?).filter(|(kind, _)| *kind == NDA_NH_ID);
    let set = u16::from(message.header.state) & SET != 0;
    let mut entry = Entry {
        link: message.header.ifindex,
        mac: link_layer(&message.attributes),
        vtep: destination(&message.attributes),
        next_hop: hops.next().and_then(|(_, id)| u32_at(id, 0)),
        permanent: message.header.state == NeighbourState::Permanent,
        learned: !set && !message.header.flags.contains(NeighbourFlags::ExtLearned),
        ..Entry::default()
    };
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::IfIndex(way) => entry.forced_link = Some(*way),
            NeighbourAttribute::Vni(vni) => entry.vni = Vni::new(*vni),
            NeighbourAttribute::Port(port) => entry.port = Some(*port),
            _ => {}
        }
    }
    Some(entry)
}

fn message(link: u32, mac: MacAddress, vtep: IpAddr) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Bridge;
    message.header.ifindex = link;
    message.header.state = NeighbourState::Permanent;
    // Without NTF_SELF the entry would be meant for a bridge, and the kernel would answer EOPNOTSUPP.
    message.header.flags = NeighbourFlags::Own;
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()));
    message.attributes.push(NeighbourAttribute::Destination(vtep.into()));
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::push_attribute;

    const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 7]);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_added_is_what_is_read() {
        for vtep in [ip("192.0.2.2"), ip("2001:db8::2")] {
            let entry =
                Entry { link: 7, mac: Some(MAC), vtep: Some(vtep), permanent: true, ..Entry::default() };
            assert_eq!(read(&bytes(&message(7, MAC, vtep))), Some(entry));
        }
    }

    #[test]
    fn an_entry_may_name_a_link_a_network_and_a_port() {
        let mut message = message(7, MAC, ip("192.0.2.2"));
        message.attributes.push(NeighbourAttribute::Port(4799));
        message.attributes.extend([NeighbourAttribute::IfIndex(3), NeighbourAttribute::Vni(42)]);
        let whole = bytes(&message);
        let entry = read(&whole).unwrap();
        assert_eq!((entry.forced_link, entry.vni, entry.port), (Some(3), Vni::new(42), Some(4799)));
        // A message that is cut is passed over, or gives an entry without its last attributes.
        for len in 0..whole.len() {
            assert!(read(&whole[..len]).is_none_or(|cut| cut != entry), "{len}");
        }
    }

    #[test]
    fn the_tunnel_has_every_peer_once_and_every_station() {
        let mut vtep = Vtep::default();
        let entry = |mac, vtep| Entry { mac: Some(mac), vtep: Some(ip(vtep)), ..Entry::default() };
        for entry in [
            entry(MacAddress::ZERO, "192.0.2.2"),
            Entry { port: Some(4799), ..entry(MAC, "192.0.2.2") },
            entry(MAC, "0.0.0.0"),
            Entry { forced_link: Some(3), vni: Vni::new(42), ..Entry::default() },
        ] {
            vtep.learn(&entry, &[]);
        }
        assert_eq!(vtep.peers, [ip("192.0.2.2")]);
        assert_eq!(vtep.stations, [(MacAddress::ZERO, ip("192.0.2.2")), (MAC, ip("192.0.2.2"))]);
        assert_eq!(vtep.other_ports, [(ip("192.0.2.2"), 4799)]);
        assert_eq!((vtep.forced_links, vtep.more_vnis), (vec![3], vec![Vni::new(42).unwrap()]));
    }

    #[test]
    fn the_gateways_of_a_next_hop_are_peers_where_the_socket_is() {
        let mut whole = bytes(&message(7, MAC, ip("192.0.2.2")));
        push_attribute(&mut whole, NDA_NH_ID, &9u32.to_ne_bytes());
        let entry = Entry { vtep: None, ..read(&whole).unwrap() };
        assert_eq!(entry.next_hop, Some(9));
        for len in 0..whole.len() {
            assert!(read(&whole[..len]).is_none_or(|cut| cut.next_hop.is_none()), "{len}");
        }
        let hop = |id, gateway: &str| NextHop { id, gateway: gateway.parse().ok(), ..NextHop::default() };
        let group = NextHop { id: 9, group: vec![1, 2], ..NextHop::default() };
        let hops = [hop(1, "192.0.2.3"), hop(2, "192.0.2.4"), hop(3, "192.0.2.5"), group];
        let mut vtep = Vtep::default();
        vtep.learn(&entry, &hops);
        assert_eq!(vtep.peers, [ip("192.0.2.3"), ip("192.0.2.4")]);
        assert_eq!(vtep.stations, [(MAC, ip("192.0.2.3")), (MAC, ip("192.0.2.4"))]);
        let mut moved = Vtep { foreign_socket: true, ..Vtep::default() };
        moved.learn(&entry, &hops);
        assert_eq!((moved.peers.len(), moved.next_hops), (0, vec![9]));
    }

    #[test]
    fn a_peer_is_learned_if_no_entry_that_was_set_names_it() {
        let mut known = Vtep::default();
        let entry = |vtep, learned| Entry { vtep: Some(ip(vtep)), learned, ..Entry::default() };
        for (vtep, learned) in [
            ("192.0.2.2", true),
            ("192.0.2.3", true),
            ("192.0.2.2", false),
            ("192.0.2.4", false),
            ("192.0.2.4", true),
        ] {
            known.learn(&entry(vtep, learned), &[]);
        }
        assert_eq!(known.learned, [ip("192.0.2.3")]);
        assert_eq!(known.peers.len(), 3);
    }

    #[test]
    fn only_what_traffic_may_change_is_learned() {
        let learned = |state, flags| {
            let mut message = message(7, MAC, ip("192.0.2.2"));
            (message.header.state, message.header.flags) = (state, flags);
            read(&bytes(&message)).unwrap().learned
        };
        let own = NeighbourFlags::Own;
        assert!(learned(NeighbourState::Reachable, own) && learned(NeighbourState::Stale, own));
        assert!(!learned(NeighbourState::Other(0x42), own), "static");
        assert!(!learned(NeighbourState::Reachable, own | NeighbourFlags::ExtLearned), "by a routing daemon");
    }
}

//! Forwarding tables (FDB) of VXLAN devices, which say behind which VTEP a link-layer address is (linux
//! `drivers/net/vxlan/vxlan_core.c`).

use std::net::IpAddr;

use rtnetlink::packet_core::Parseable;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::neighbour::{
    NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};

use super::neighbour::{destination, link_layer};
use super::{RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH, Vxlan, bytes};
use crate::netlink::{APPEND, Netlink, REPLACE, Refusal};
use crate::packet::{MacAddress, Vni};

/// A forwarding entry: the VTEP that the device sends the frames for a link-layer address to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The index of the device.
    pub(crate) link: u32,
    /// The address that the frames are for. [`MacAddress::ZERO`] stands for all addresses without an entry of their
    /// own.
    pub(crate) mac: Option<MacAddress>,
    /// The VTEP that the frames are sent to.
    pub(crate) vtep: Option<IpAddr>,
    /// The index of the link that the frames leave by, if the entry overrides the route.
    pub(crate) forced_link: Option<u32>,
    /// The network of the frames, if it is not the device's own.
    pub(crate) vni: Option<Vni>,
    /// True if a program or an administrator set the entry; no traffic changes it then.
    pub(crate) permanent: bool,
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

impl Vxlan {
    /// Adds what an entry of the device's forwarding table says of the tunnel.
    pub(crate) fn learn(&mut self, entry: &Entry) {
        if let Some(vtep) = entry.vtep.filter(|vtep| !vtep.is_unspecified()) {
            if !self.peers.contains(&vtep) {
                self.peers.push(vtep);
            }
            self.stations.extend(entry.mac.map(|mac| (mac, vtep)));
        }
        self.forced_links.extend(entry.forced_link);
        self.more_vnis.extend(entry.vni);
    }
}

pub(super) fn read(body: &[u8]) -> Option<Entry> {
    let message = NeighbourMessage::parse(body).ok()?;
    let mut entry = Entry {
        link: message.header.ifindex,
        mac: link_layer(&message.attributes),
        vtep: destination(&message.attributes),
        permanent: message.header.state == NeighbourState::Permanent,
        ..Entry::default()
    };
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::IfIndex(way) => entry.forced_link = Some(*way),
            NeighbourAttribute::Vni(vni) => entry.vni = Vni::new(*vni),
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
    fn an_entry_may_name_a_link_and_a_network() {
        let mut message = message(7, MAC, ip("192.0.2.2"));
        message.attributes.extend([NeighbourAttribute::IfIndex(3), NeighbourAttribute::Vni(42)]);
        let whole = bytes(&message);
        let entry = read(&whole).unwrap();
        assert_eq!((entry.forced_link, entry.vni), (Some(3), Vni::new(42)));
        // A message that is cut is passed over, or gives an entry without its last attributes.
        for len in 0..whole.len() {
            assert!(read(&whole[..len]).is_none_or(|cut| cut != entry), "{len}");
        }
    }

    #[test]
    fn the_tunnel_has_every_peer_once_and_every_station() {
        let mut vxlan = Vxlan::default();
        let entry = |mac, vtep| Entry { mac: Some(mac), vtep: Some(ip(vtep)), ..Entry::default() };
        for entry in [
            entry(MacAddress::ZERO, "192.0.2.2"),
            entry(MAC, "192.0.2.2"),
            entry(MAC, "0.0.0.0"),
            Entry { forced_link: Some(3), vni: Vni::new(42), ..Entry::default() },
        ] {
            vxlan.learn(&entry);
        }
        assert_eq!(vxlan.peers, [ip("192.0.2.2")]);
        assert_eq!(vxlan.stations, [(MacAddress::ZERO, ip("192.0.2.2")), (MAC, ip("192.0.2.2"))]);
        assert_eq!((vxlan.forced_links, vxlan.more_vnis), (vec![3], vec![Vni::new(42).unwrap()]));
    }
}

//! Forwarding tables of VXLAN devices: behind which VTEP a link-layer address is (linux `drivers/net/vxlan/vxlan_core.c`).

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

/// An entry: where the device sends the frames for a link-layer address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Index of the device.
    pub(crate) link: u32,
    /// The address that frames are for; [`MacAddress::ZERO`] for all that have no entry of their own.
    pub(crate) mac: Option<MacAddress>,
    /// The VTEP that they are sent to.
    pub(crate) vtep: Option<IpAddr>,
    /// Index of the link that they leave by, whatever the route says.
    pub(crate) way: Option<u32>,
    /// Their network, where it is not the device's own.
    pub(crate) vni: Option<Vni>,
    /// Somebody set it, and no traffic changes it.
    pub(crate) permanent: bool,
}

/// All entries of all devices. Those of bridges are among them: they send frames to no VTEP.
pub(crate) fn all(netlink: &mut Netlink) -> Result<Vec<Entry>, Refusal> {
    let mut request = NeighbourMessage::default();
    request.header.family = AddressFamily::Bridge;
    netlink.dump(RTM_GETNEIGH, &bytes(&request), |_, body| read(body))
}

/// Adds an entry. [`MacAddress::ZERO`] may have several, any other replaces what was there.
pub(crate) fn add(netlink: &mut Netlink, link: u32, mac: MacAddress, vtep: IpAddr) -> Result<(), Refusal> {
    let flags = if mac == MacAddress::ZERO { APPEND } else { REPLACE };
    netlink.request(RTM_NEWNEIGH, flags, &bytes(&message(link, mac, vtep)))
}

/// Removes an entry.
pub(crate) fn delete(netlink: &mut Netlink, link: u32, mac: MacAddress, vtep: IpAddr) -> Result<(), Refusal> {
    netlink.request(RTM_DELNEIGH, 0, &bytes(&message(link, mac, vtep)))
}

impl Vxlan {
    /// Takes in what an entry of the device's forwarding table tells of the tunnel.
    pub(crate) fn learn(&mut self, entry: &Entry) {
        if let Some(vtep) = entry.vtep.filter(|vtep| !vtep.is_unspecified()) {
            if !self.peers.contains(&vtep) {
                self.peers.push(vtep);
            }
            self.stations.extend(entry.mac.map(|mac| (mac, vtep)));
        }
        self.ways.extend(entry.way);
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
            NeighbourAttribute::IfIndex(way) => entry.way = Some(*way),
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
    // Without NTF_SELF the entry is meant for a bridge, and the kernel answers EOPNOTSUPP.
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
        assert_eq!((entry.way, entry.vni), (Some(3), Vni::new(42)));
        // A cut message is passed over, or the entry lacks the attributes that stood at its end.
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
            Entry { way: Some(3), vni: Vni::new(42), ..Entry::default() },
        ] {
            vxlan.learn(&entry);
        }
        assert_eq!(vxlan.peers, [ip("192.0.2.2")]);
        assert_eq!(vxlan.stations, [(MacAddress::ZERO, ip("192.0.2.2")), (MAC, ip("192.0.2.2"))]);
        assert_eq!((vxlan.ways, vxlan.more_vnis), (vec![3], vec![Vni::new(42).unwrap()]));
    }
}

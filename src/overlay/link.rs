//! Links, addresses, forwarding entries and neighbours over rtnetlink: the one place with its types.

use super::step::Vxlan;
use crate::netlink::{APPEND, CREATE, Netlink, REPLACE, Refusal};
use crate::packet::{MacAddress, Prefix};
use rtnetlink::packet_core::{Emitable, Parseable};
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{
    InfoData, InfoKind, InfoVxlan, LinkAttribute, LinkExtentMask, LinkFlags, LinkInfo, LinkMessage,
};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use rtnetlink::{LinkBridge, LinkUnspec, LinkVxlan};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::RawFd;

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_SETLINK: u16 = 19;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;
const RTM_NEWNEIGH: u16 = 28;
const RTM_DELNEIGH: u16 = 29;
const RTM_GETNEIGH: u16 = 30;

/// A link as the kernel has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) alias: String,
    pub(super) mac: Option<MacAddress>,
    pub(super) mtu: u32,
    pub(super) up: bool,
    pub(super) master: Option<u32>,
    /// Its other end, for a VXLAN device the underlay, is in another network namespace.
    pub(super) foreign: bool,
    pub(super) bridge: bool,
    pub(super) vxlan: Option<LinkVxlanState>,
}

/// What is particular to a VXLAN device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LinkVxlanState {
    pub(super) vni: u32,
    pub(super) port: u16,
    pub(super) local: Option<IpAddr>,
    pub(super) learning: bool,
    pub(super) proxy: bool,
}

fn bytes(message: &impl Emitable) -> Vec<u8> {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    bytes
}

/// Makes a VXLAN device, down. With `netns` it appears there, while its socket stays where this conversation is.
pub(super) fn add_vxlan(netlink: &mut Netlink, vxlan: &Vxlan, netns: Option<RawFd>) -> Result<(), Refusal> {
    let mut link = LinkVxlan::new(&vxlan.device.name, vxlan.vni.value())
        .port(vxlan.port)
        .append_info_data(match vxlan.local {
            IpAddr::V4(local) => InfoVxlan::Local(local),
            IpAddr::V6(local) => InfoVxlan::Local6(local),
        })
        .append_info_data(InfoVxlan::Learning(vxlan.learning))
        .append_info_data(InfoVxlan::Proxy(vxlan.proxy))
        .address(vxlan.mac.0.to_vec())
        .mtu(vxlan.mtu);
    if let Some(netns) = netns {
        link = link.setns_by_fd(netns);
    }
    netlink.request(RTM_NEWLINK, CREATE, &bytes(&link.build()))
}

/// Asks for a VXLAN device without saying which: refused either way, and the way tells whether there is VXLAN.
pub(super) fn has_vxlan(netlink: &mut Netlink) -> Result<(), Refusal> {
    let mut link = LinkMessage::default();
    link.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Vxlan)]));
    match netlink.request(RTM_NEWLINK, CREATE, &bytes(&link)) {
        Err(refusal) if refusal.errno == nix::libc::EOPNOTSUPP => Err(refusal),
        _ => Ok(()),
    }
}

/// Makes a bridge, down.
pub(super) fn add_bridge(
    netlink: &mut Netlink,
    name: &str,
    mac: MacAddress,
    mtu: u32,
) -> Result<(), Refusal> {
    let link = LinkBridge::new(name).address(mac.0.to_vec()).mtu(mtu).build();
    netlink.request(RTM_NEWLINK, CREATE, &bytes(&link))
}

/// Writes the alias.
pub(super) fn set_alias(netlink: &mut Netlink, index: u32, alias: &str) -> Result<(), Refusal> {
    set(netlink, &LinkUnspec::new_with_index(index).alias(alias).build())
}

/// Sets the MTU.
pub(super) fn set_mtu(netlink: &mut Netlink, index: u32, mtu: u32) -> Result<(), Refusal> {
    set(netlink, &LinkUnspec::new_with_index(index).mtu(mtu).build())
}

/// Sets the link-layer address.
pub(super) fn set_mac(netlink: &mut Netlink, index: u32, mac: MacAddress) -> Result<(), Refusal> {
    set(netlink, &LinkUnspec::new_with_index(index).address(mac.0.to_vec()).build())
}

/// Makes a link a port of a bridge; 0 for none.
pub(super) fn set_master(netlink: &mut Netlink, index: u32, bridge: u32) -> Result<(), Refusal> {
    set(netlink, &LinkUnspec::new_with_index(index).controller(bridge).build())
}

/// Sets it up or down.
pub(super) fn set_up(netlink: &mut Netlink, index: u32, up: bool) -> Result<(), Refusal> {
    let link = LinkUnspec::new_with_index(index);
    set(netlink, &if up { link.up() } else { link.down() }.build())
}

fn set(netlink: &mut Netlink, link: &LinkMessage) -> Result<(), Refusal> {
    netlink.request(RTM_SETLINK, 0, &bytes(link))
}

/// Removes a link.
pub(super) fn delete(netlink: &mut Netlink, index: u32) -> Result<(), Refusal> {
    netlink.request(RTM_DELLINK, 0, &bytes(&LinkUnspec::new_with_index(index).build()))
}

/// The number of the link with a name.
pub(super) fn index_of(netlink: &mut Netlink, name: &str) -> Result<u32, Refusal> {
    let mut index = 0;
    netlink.ask(RTM_GETLINK, &bytes(&LinkUnspec::new_with_name(name).build()), |_, body| {
        index = LinkMessage::parse(body).map_or(0, |link| link.header.index);
    })?;
    Ok(index)
}

/// Adds an address.
pub(super) fn add_address(netlink: &mut Netlink, index: u32, address: Prefix) -> Result<(), Refusal> {
    netlink.request(RTM_NEWADDR, CREATE, &bytes(&address_message(index, address)))
}

/// Removes it again.
pub(super) fn delete_address(netlink: &mut Netlink, index: u32, address: Prefix) -> Result<(), Refusal> {
    netlink.request(RTM_DELADDR, 0, &bytes(&address_message(index, address)))
}

fn address_message(index: u32, prefix: Prefix) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = index;
    message.header.prefix_len = prefix.length();
    message.header.family = family(prefix.address());
    message.attributes.push(AddressAttribute::Local(prefix.address()));
    message.attributes.push(AddressAttribute::Address(prefix.address()));
    if let IpAddr::V4(v4) = prefix.address() {
        if prefix.length() < 31 {
            let broadcast = v4.to_bits() | (u32::MAX >> prefix.length());
            message.attributes.push(AddressAttribute::Broadcast(Ipv4Addr::from_bits(broadcast)));
        }
    } else {
        // Static entries leave nobody to ask whether the address is taken.
        message
            .attributes
            .push(AddressAttribute::Flags(rtnetlink::packet_route::address::AddressFlags::Nodad));
    }
    message
}

/// Adds a forwarding entry. [`MacAddress::ZERO`] may have several, any other replaces what was there.
pub(super) fn add_fdb(
    netlink: &mut Netlink,
    index: u32,
    mac: MacAddress,
    vtep: IpAddr,
) -> Result<(), Refusal> {
    let flags = if mac == MacAddress::ZERO { APPEND } else { REPLACE };
    netlink.request(RTM_NEWNEIGH, flags, &bytes(&fdb_message(index, mac, vtep)))
}

/// Removes a forwarding entry.
pub(super) fn delete_fdb(
    netlink: &mut Netlink,
    index: u32,
    mac: MacAddress,
    vtep: IpAddr,
) -> Result<(), Refusal> {
    netlink.request(RTM_DELNEIGH, 0, &bytes(&fdb_message(index, mac, vtep)))
}

fn fdb_message(index: u32, mac: MacAddress, vtep: IpAddr) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Bridge;
    message.header.ifindex = index;
    message.header.state = NeighbourState::Permanent;
    // Without NTF_SELF the entry is meant for a bridge, and the kernel answers EOPNOTSUPP.
    message.header.flags = NeighbourFlags::Own;
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()));
    message.attributes.push(NeighbourAttribute::Destination(match vtep {
        IpAddr::V4(v4) => NeighbourAddress::Inet(v4),
        IpAddr::V6(v6) => NeighbourAddress::Inet6(v6),
    }));
    message
}

/// Adds a permanent neighbour, or makes one of what the kernel found out, or not, by itself.
pub(super) fn add_neighbour(
    netlink: &mut Netlink,
    index: u32,
    ip: IpAddr,
    mac: MacAddress,
) -> Result<(), Refusal> {
    netlink.request(RTM_NEWNEIGH, REPLACE, &bytes(&neighbour_message(index, ip, mac)))
}

/// Removes a neighbour.
pub(super) fn delete_neighbour(
    netlink: &mut Netlink,
    index: u32,
    ip: IpAddr,
    mac: MacAddress,
) -> Result<(), Refusal> {
    netlink.request(RTM_DELNEIGH, 0, &bytes(&neighbour_message(index, ip, mac)))
}

fn neighbour_message(index: u32, ip: IpAddr, mac: MacAddress) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = family(ip);
    message.header.ifindex = index;
    message.header.state = NeighbourState::Permanent;
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()));
    message.attributes.push(NeighbourAttribute::Destination(match ip {
        IpAddr::V4(v4) => NeighbourAddress::Inet(v4),
        IpAddr::V6(v6) => NeighbourAddress::Inet6(v6),
    }));
    message
}

/// All links.
pub(super) fn links(netlink: &mut Netlink) -> Result<Vec<Link>, Refusal> {
    let mut request = LinkMessage::default();
    request.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    netlink.dump(RTM_GETLINK, &bytes(&request), |_, body| LinkMessage::parse(body).ok().map(read_link))
}

fn read_link(message: LinkMessage) -> Link {
    let flags = message.header.flags;
    let mut link = Link { index: message.header.index, up: flags.contains(LinkFlags::Up), ..Link::default() };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::IfAlias(alias) => link.alias = alias,
            LinkAttribute::Address(mac) => link.mac = MacAddress::from_slice(&mac),
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::Controller(master) => link.master = Some(master).filter(|master| *master != 0),
            LinkAttribute::LinkNetNsId(_) => link.foreign = true,
            LinkAttribute::LinkInfo(infos) => {
                for info in infos {
                    match info {
                        LinkInfo::Kind(InfoKind::Bridge) => link.bridge = true,
                        LinkInfo::Data(InfoData::Vxlan(data)) => link.vxlan = Some(read_vxlan(&data)),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    link
}

fn read_vxlan(data: &[InfoVxlan]) -> LinkVxlanState {
    let mut vxlan = LinkVxlanState::default();
    for attribute in data {
        match attribute {
            InfoVxlan::Id(vni) => vxlan.vni = *vni,
            InfoVxlan::Port(port) => vxlan.port = *port,
            InfoVxlan::Local(local) => vxlan.local = Some(IpAddr::V4(*local)),
            InfoVxlan::Local6(local) => vxlan.local = Some(IpAddr::V6(*local)),
            InfoVxlan::Learning(learning) => vxlan.learning = *learning,
            InfoVxlan::Proxy(proxy) => vxlan.proxy = *proxy,
            _ => {}
        }
    }
    vxlan
}

/// All addresses: link number and address.
pub(super) fn addresses(netlink: &mut Netlink) -> Result<Vec<(u32, Prefix)>, Refusal> {
    netlink.dump(RTM_GETADDR, &bytes(&AddressMessage::default()), |_, body| {
        let message = AddressMessage::parse(body).ok()?;
        let mut found = None;
        for attribute in &message.attributes {
            match attribute {
                AddressAttribute::Local(address) => found = Some(*address),
                AddressAttribute::Address(address) => found = found.or(Some(*address)),
                _ => {}
            }
        }
        let length = message.header.prefix_len;
        Some((message.header.index, Prefix::new(found?, length)?))
    })
}

/// All permanent forwarding entries of VXLAN devices: link number, MAC and where its frames go.
pub(super) fn fdb(netlink: &mut Netlink) -> Result<Vec<(u32, MacAddress, IpAddr)>, Refusal> {
    let mut request = NeighbourMessage::default();
    request.header.family = AddressFamily::Bridge;
    neighbour_dump(netlink, &request, |index, mac, vtep| (index, mac, vtep))
}

/// All permanent neighbours: link number, address and MAC.
pub(super) fn neighbours(netlink: &mut Netlink) -> Result<Vec<(u32, IpAddr, MacAddress)>, Refusal> {
    neighbour_dump(netlink, &NeighbourMessage::default(), |index, mac, address| (index, address, mac))
}

fn neighbour_dump<T>(
    netlink: &mut Netlink,
    request: &NeighbourMessage,
    entry: impl Fn(u32, MacAddress, IpAddr) -> T,
) -> Result<Vec<T>, Refusal> {
    netlink.dump(RTM_GETNEIGH, &bytes(request), |_, body| {
        let message = NeighbourMessage::parse(body).ok()?;
        let permanent = message.header.state == NeighbourState::Permanent;
        let (mac, address) = read_neighbour(&message).filter(|_| permanent)?;
        Some(entry(message.header.ifindex, mac, address))
    })
}

fn read_neighbour(message: &NeighbourMessage) -> Option<(MacAddress, IpAddr)> {
    let (mut mac, mut address) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = MacAddress::from_slice(bytes),
            NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => address = Some(IpAddr::V4(*v4)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => address = Some(IpAddr::V6(*v6)),
            // The dump of forwarding entries has a bridge's family, so that addresses come as bytes.
            NeighbourAttribute::Destination(NeighbourAddress::Other(bytes)) => address = ip(bytes),
            _ => {}
        }
    }
    Some((mac?, address?))
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(v4).into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|v6| Ipv6Addr::from(v6).into())
}

fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

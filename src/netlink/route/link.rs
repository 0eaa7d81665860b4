//! Links, and the tunnels of VXLAN and Geneve devices (linux `net/core/rtnetlink.c`, `drivers/net/vxlan/vxlan_core.c`,
//! `drivers/net/geneve.c`).

use std::net::IpAddr;
use std::os::fd::RawFd;

use rtnetlink::packet_core::Parseable;
use rtnetlink::packet_route::link::{
    InfoData, InfoGeneve, InfoGre, InfoGre6, InfoKind, InfoMacSec, InfoVxlan, LinkAttribute, LinkExtentMask,
    LinkFlags, LinkInfo, LinkMessage, MacSecOffload,
};

use super::{RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK, RTM_SETLINK, address_of, bytes};
use crate::netlink::wireguard::WireGuard;
use crate::netlink::{CREATE, Netlink, Refusal};
use crate::packet::{Form, MacAddress, Prefix, Vni};

/// A network interface of the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The number that the kernel gave it.
    pub index: u32,
    /// Its name. It may hold bytes that steer a terminal, so it must be escaped before it is printed.
    pub name: String,
    /// True if the administrator has set it up.
    pub up: bool,
    /// True if it has a carrier, or does not report one.
    pub running: bool,
    /// True for the loopback.
    pub loopback: bool,
    /// The hardware type, an `ARPHRD_*` number of `linux/if_arp.h`.
    pub hardware: u16,
    /// Its link-layer address, if that has six bytes.
    pub mac: Option<MacAddress>,
    /// The length of the longest packet that it takes, in bytes.
    pub mtu: u32,
    /// Its addresses. The kernel lists them apart from the links, so the caller who asks for both fills them in.
    pub addresses: Vec<Prefix>,
    /// The kind, as in `ip -d link`: `veth`, `bridge`, `vxlan` and so on. Hardware has none.
    pub kind: Option<String>,
    /// True if it has neither a kind nor a device of this machine behind it. A driver of its own made it, and the
    /// kernel does not say what becomes of its packets.
    pub orphan: bool,
    /// The index of the bridge, bond or VRF that it belongs to.
    pub master: Option<u32>,
    /// The index of the link that it is on top of or bound to, if that is in the same network namespace. For a veth
    /// it is the other end. For MACsec that a network card encrypts it is `None`, because the link below then shows
    /// frames in clear as well.
    pub parent: Option<u32>,
    /// True if its other half, the link that it is on top of, or the socket of its tunnel is in another namespace.
    pub elsewhere: bool,
    /// The index of a veth's other end, in the namespace of that one, if that is another namespace.
    pub far_end: Option<u32>,
    /// The index of the link that shows frames in clear, for MACsec that a network card encrypts.
    pub clear_below: Option<u32>,
    /// The address of the other end, for an IP, GRE or Geneve tunnel that has one.
    pub remote: Option<IpAddr>,
    /// The free text that an administrator or a program has set.
    pub alias: Option<String>,
    /// The tunnel, for a VXLAN or Geneve device.
    pub vtep: Option<Vtep>,
    /// The tunnel, for a WireGuard device. Another part of the kernel tells of it, and only to `CAP_NET_ADMIN`. So the
    /// caller who asks for both fills it in, and otherwise it is `None`.
    pub wireguard: Option<WireGuard>,
}

/// The tunnel of a VXLAN or Geneve device. Geneve has no forwarding table: its only peer is `remote`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vtep {
    /// The protocol.
    pub form: Form,
    /// Its network; `None` in metadata mode.
    pub vni: Option<Vni>,
    /// True in metadata mode (`external`): the sender of each packet says to which node and by which VNI it goes. That is
    /// a route, a flow of Open vSwitch or a BPF program, and the device takes all VNIs.
    pub external: bool,
    /// True for VXLAN with a next protocol (GPE), whose packets need not be Ethernet frames.
    pub gpe: bool,
    /// The address of this VTEP.
    pub local: Option<IpAddr>,
    /// The multicast group, or the only peer.
    pub remote: Option<IpAddr>,
    /// The UDP port that packets are sent to.
    pub port: u16,
    /// The index of the link that the tunnel is bound to.
    pub underlay: Option<u32>,
    /// True if the device learns from the traffic which link-layer address is behind which peer.
    pub learning: bool,
    /// True if the device answers ARP from the neighbours that it knows.
    pub proxy: bool,
    /// True if the tunnel's socket is in another network namespace. `underlay`, `local` and the peers then belong to
    /// that namespace.
    pub foreign_socket: bool,
    /// The peers in the forwarding table. The kernel lists that table apart from the links, so the caller who asks
    /// for it fills in this field and those below.
    pub peers: Vec<IpAddr>,
    /// Those of the peers that only traffic has made known, so that anybody on the wire may have caused them.
    pub learned: Vec<IpAddr>,
    /// The numbers of next-hop objects that the forwarding table names and that the namespace of the socket knows, if
    /// that is another one. Their gateways are peers.
    pub next_hops: Vec<u32>,
    /// The forwarding table: link-layer addresses, and the peers that they are behind.
    pub stations: Vec<(MacAddress, IpAddr)>,
    /// The indices of links by which entries of the forwarding table send their frames, whatever the route is.
    pub forced_links: Vec<u32>,
    /// The networks that entries of the forwarding table name beside the device's own.
    pub more_vnis: Vec<Vni>,
    /// The peers to which entries of the forwarding table send frames on a UDP port beside the device's own.
    pub other_ports: Vec<(IpAddr, u16)>,
}

/// Returns all links, in the order of the kernel.
pub(crate) fn all(netlink: &mut Netlink) -> Result<Vec<Link>, Refusal> {
    let mut request = LinkMessage::default();
    request.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    netlink.dump(RTM_GETLINK, &bytes(&request), |_, body| read(body))
}

/// Asks for the index of the link with a name.
pub(crate) fn index_of(netlink: &mut Netlink, name: &str) -> Result<u32, Refusal> {
    let mut request = LinkMessage::default();
    request.attributes.push(LinkAttribute::IfName(name.to_owned()));
    let mut index = 0;
    netlink.ask(RTM_GETLINK, &bytes(&request), |_, body| {
        index = LinkMessage::parse(body).map_or(0, |link| link.header.index);
    })?;
    Ok(index)
}

/// Makes a VXLAN device that is down, from the fields `vni`, `local`, `port`, `learning` and `proxy`. With `netns`, the
/// device appears in that namespace, while its socket stays in the namespace of this conversation.
pub(crate) fn add_vxlan(
    netlink: &mut Netlink,
    name: &str,
    vxlan: &Vtep,
    mac: MacAddress,
    mtu: u32,
    netns: Option<RawFd>,
) -> Result<(), Refusal> {
    let mut message = new(name, InfoKind::Vxlan, Some(InfoData::Vxlan(tunnel(vxlan))), mac, mtu);
    message.attributes.extend(netns.map(LinkAttribute::NetNsFd));
    netlink.request(RTM_NEWLINK, CREATE, &bytes(&message))
}

/// Returns an error if the kernel has no VXLAN. It asks for a VXLAN device without any parameters, which every kernel
/// refuses. The error number tells if the kernel knows the kind.
pub(crate) fn has_vxlan(netlink: &mut Netlink) -> Result<(), Refusal> {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Vxlan)]));
    match netlink.request(RTM_NEWLINK, CREATE, &bytes(&message)) {
        Err(refusal) if refusal.errno == nix::libc::EOPNOTSUPP => Err(refusal),
        _ => Ok(()),
    }
}

/// Makes a bridge that is down.
pub(crate) fn add_bridge(
    netlink: &mut Netlink,
    name: &str,
    mac: MacAddress,
    mtu: u32,
) -> Result<(), Refusal> {
    let message = new(name, InfoKind::Bridge, None, mac, mtu);
    netlink.request(RTM_NEWLINK, CREATE, &bytes(&message))
}

pub(crate) fn set_alias(netlink: &mut Netlink, index: u32, alias: &str) -> Result<(), Refusal> {
    set(netlink, index, LinkAttribute::IfAlias(alias.to_owned()))
}

pub(crate) fn set_mtu(netlink: &mut Netlink, index: u32, mtu: u32) -> Result<(), Refusal> {
    set(netlink, index, LinkAttribute::Mtu(mtu))
}

pub(crate) fn set_mac(netlink: &mut Netlink, index: u32, mac: MacAddress) -> Result<(), Refusal> {
    set(netlink, index, LinkAttribute::Address(mac.0.to_vec()))
}

/// Makes a link a port of a bridge. With 0 for the bridge, takes it out of its bridge.
pub(crate) fn set_master(netlink: &mut Netlink, index: u32, bridge: u32) -> Result<(), Refusal> {
    set(netlink, index, LinkAttribute::Controller(bridge))
}

pub(crate) fn set_up(netlink: &mut Netlink, index: u32) -> Result<(), Refusal> {
    set_flags(netlink, index, LinkFlags::Up)
}

pub(crate) fn set_down(netlink: &mut Netlink, index: u32) -> Result<(), Refusal> {
    set_flags(netlink, index, LinkFlags::empty())
}

fn set_flags(netlink: &mut Netlink, index: u32, flags: LinkFlags) -> Result<(), Refusal> {
    let mut message = of(index);
    message.header.change_mask = LinkFlags::Up;
    message.header.flags = flags;
    netlink.request(RTM_SETLINK, 0, &bytes(&message))
}

pub(crate) fn delete(netlink: &mut Netlink, index: u32) -> Result<(), Refusal> {
    netlink.request(RTM_DELLINK, 0, &bytes(&of(index)))
}

fn set(netlink: &mut Netlink, index: u32, attribute: LinkAttribute) -> Result<(), Refusal> {
    let mut message = of(index);
    message.attributes.push(attribute);
    netlink.request(RTM_SETLINK, 0, &bytes(&message))
}

fn of(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message
}

fn new(name: &str, kind: InfoKind, data: Option<InfoData>, mac: MacAddress, mtu: u32) -> LinkMessage {
    let info = [LinkInfo::Kind(kind)].into_iter().chain(data.map(LinkInfo::Data)).collect();
    let mut message = LinkMessage::default();
    message.attributes = vec![
        LinkAttribute::IfName(name.to_owned()),
        LinkAttribute::Address(mac.0.to_vec()),
        LinkAttribute::Mtu(mtu),
        LinkAttribute::LinkInfo(info),
    ];
    message
}

fn tunnel(vxlan: &Vtep) -> Vec<InfoVxlan> {
    let local = |address| match address {
        IpAddr::V4(v4) => InfoVxlan::Local(v4),
        IpAddr::V6(v6) => InfoVxlan::Local6(v6),
    };
    let mut tunnel: Vec<InfoVxlan> = vxlan.vni.map(|vni| InfoVxlan::Id(vni.value())).into_iter().collect();
    tunnel.push(InfoVxlan::Port(vxlan.port));
    tunnel.extend(vxlan.local.map(local));
    tunnel.extend([InfoVxlan::Learning(vxlan.learning), InfoVxlan::Proxy(vxlan.proxy)]);
    tunnel
}

pub(crate) fn read(body: &[u8]) -> Option<Link> {
    let message = LinkMessage::parse(body).ok()?;
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        up: flags.contains(LinkFlags::Up),
        running: flags.contains(LinkFlags::LowerUp),
        loopback: flags.contains(LinkFlags::Loopback),
        hardware: message.header.link_layer_type.into(),
        ..Link::default()
    };
    let (mut device, mut offloaded) = (false, false);
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::IfAlias(alias) => link.alias = Some(alias),
            LinkAttribute::Address(mac) => link.mac = MacAddress::from_slice(&mac),
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::Controller(index) => link.master = numbered(index),
            LinkAttribute::Link(index) => link.parent = numbered(index),
            LinkAttribute::LinkNetNsId(_) => link.elsewhere = true,
            LinkAttribute::ParentDevName(_) => device = true,
            // The link-layer addresses of a tunnel that is not Ethernet are the IP addresses of its two ends. An
            // Ethernet broadcast address has six bytes and is none.
            LinkAttribute::Broadcast(end) => {
                link.remote = link.remote.or(address_of(&end).filter(is_one));
            }
            LinkAttribute::LinkInfo(info) => offloaded = link.is(info),
            _ => {}
        }
    }
    link.orphan = link.kind.is_none() && !link.loopback && !device;
    if let Some(vtep) = &mut link.vtep {
        vtep.foreign_socket = link.elsewhere;
    }
    // The network card encrypts, so that the link below shows frames in clear as well.
    if offloaded {
        link.clear_below = link.parent.filter(|_| !link.elsewhere);
    }
    link.far_end = link.parent.filter(|_| link.elsewhere && link.kind.as_deref() == Some("veth"));
    // An index in another namespace, or an address there, says nothing here.
    if link.elsewhere || offloaded {
        (link.parent, link.remote) = (None, None);
    }
    Some(link)
}

impl Link {
    /// Sets the kind of the link and its tunnel, and returns true if the network card encrypts for it. A tunnel of
    /// Ethernet frames does not have its other end for a broadcast address.
    fn is(&mut self, info: Vec<LinkInfo>) -> bool {
        let mut offloaded = false;
        for part in info {
            match part {
                LinkInfo::Kind(kind) => self.kind = Some(kind.to_string()),
                LinkInfo::Data(InfoData::Vxlan(tunnel)) => self.vtep = Some(read_vxlan(&tunnel)),
                LinkInfo::Data(InfoData::Geneve(tunnel)) => {
                    let vtep = read_geneve(&tunnel);
                    self.remote = vtep.remote;
                    self.vtep = Some(vtep);
                }
                LinkInfo::Data(InfoData::MacSec(macsec)) => offloaded = macsec.iter().any(is_offload),
                LinkInfo::Data(data) => self.remote = end(&data).filter(is_one).or(self.remote),
                _ => {}
            }
        }
        offloaded
    }
}

/// Returns the other end of a tunnel of Ethernet frames.
fn end(data: &InfoData) -> Option<IpAddr> {
    match data {
        InfoData::GreTap(gre) | InfoData::ErSpan(gre) => gre.iter().find_map(|attribute| match attribute {
            InfoGre::Remote(remote) => Some((*remote).into()),
            _ => None,
        }),
        InfoData::GreTap6(gre) | InfoData::Ip6ErSpan(gre) => {
            gre.iter().find_map(|attribute| match attribute {
                InfoGre6::Remote(remote) => Some((*remote).into()),
                _ => None,
            })
        }
        _ => None,
    }
}

fn is_offload(attribute: &InfoMacSec) -> bool {
    matches!(attribute, InfoMacSec::Offload(by) if *by != MacSecOffload::Off)
}

fn read_vxlan(attributes: &[InfoVxlan]) -> Vtep {
    let mut vxlan = Vtep::default();
    for attribute in attributes {
        match attribute {
            InfoVxlan::Id(id) => vxlan.vni = Vni::new(*id),
            InfoVxlan::Local(address) => vxlan.local = Some((*address).into()),
            InfoVxlan::Local6(address) => vxlan.local = Some((*address).into()),
            InfoVxlan::Group(address) => vxlan.remote = Some((*address).into()),
            InfoVxlan::Group6(address) => vxlan.remote = Some((*address).into()),
            InfoVxlan::Link(index) => vxlan.underlay = numbered(*index),
            InfoVxlan::Port(port) => vxlan.port = *port,
            InfoVxlan::Learning(learning) => vxlan.learning = *learning,
            InfoVxlan::Proxy(proxy) => vxlan.proxy = *proxy,
            InfoVxlan::Gpe => vxlan.gpe = true,
            _ => {}
        }
    }
    if attributes.contains(&InfoVxlan::CollectMetadata(true)) {
        (vxlan.external, vxlan.vni) = (true, None);
    }
    vxlan.local = vxlan.local.filter(is_one);
    vxlan.remote = vxlan.remote.filter(is_one);
    vxlan
}

fn read_geneve(attributes: &[InfoGeneve]) -> Vtep {
    let mut geneve = Vtep { form: Form::Geneve, ..Vtep::default() };
    for attribute in attributes {
        match attribute {
            InfoGeneve::Id(id) => geneve.vni = Vni::new(*id),
            InfoGeneve::Remote(address) => geneve.remote = Some((*address).into()),
            InfoGeneve::Remote6(address) => geneve.remote = Some((*address).into()),
            InfoGeneve::Local(address) => geneve.local = Some((*address).into()),
            InfoGeneve::Local6(address) => geneve.local = Some((*address).into()),
            InfoGeneve::Port(port) => geneve.port = *port,
            InfoGeneve::CollectMetadata => geneve.external = true,
            _ => {}
        }
    }
    if geneve.external {
        geneve.vni = None;
    }
    geneve.local = geneve.local.filter(is_one);
    geneve.remote = geneve.remote.filter(is_one);
    geneve
}

/// Returns the index, `None` for 0, with which the kernel says that there is no link.
fn numbered(index: u32) -> Option<u32> {
    Some(index).filter(|index| *index != 0)
}

fn is_one(address: &IpAddr) -> bool {
    !address.is_unspecified()
}

#[cfg(test)]
mod tests;

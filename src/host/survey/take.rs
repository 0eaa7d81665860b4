//! The one place where rtnetlink is asked. Synchronous outside, and no type of it leaves this file.

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::TryStreamExt;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{
    InfoData, InfoMacSec, InfoVxlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage, MacSecOffload,
};
use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteNextHopFlags, RouteType,
};
use rtnetlink::{Handle, RouteMessageBuilder};

use super::{Error, Link, Neighbour, Survey, Vxlan};
use crate::host::associations;
use crate::host::namespace::Namespace;
use crate::packet::{MacAddress, Prefix, Vni};

/// The kernel answers at once, unless the machine is loaded; when it has not for this long, it will not.
const PATIENCE: Duration = Duration::from_secs(30);

/// Peers of all VXLAN devices, and as many other ends of tunnels, whose routes are looked up.
const MOST_PEERS: usize = 256;

/// Neighbours of one family that are kept.
const MOST_NEIGHBOURS: usize = 4096;

impl Survey {
    /// Asks the kernel about a network namespace, or about the one this thread is in. Needs no privilege but to enter it.
    pub fn take(namespace: Option<&Namespace>) -> Result<Self, Error> {
        Namespace::run(namespace, || {
            let mut survey = block_on(ask())?;
            survey.sa_sources = associations::sources();
            Ok(survey)
        })?
    }
}

/// Runs `work` on a runtime of this thread: the sockets belong to its namespace.
fn block_on<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    runtime.map_err(failed)?.block_on(async {
        tokio::time::timeout(PATIENCE, work)
            .await
            .map_err(|_| Error::Kernel("the kernel does not answer".to_owned()))?
    })
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Kernel(error.to_string())
}

async fn ask() -> Result<Survey, Error> {
    let (connection, handle, _) = rtnetlink::new_connection().map_err(failed)?;
    let connection = tokio::spawn(connection);
    let links: Vec<LinkMessage> = handle.link().get().execute().try_collect().await.map_err(failed)?;
    let mut survey = Survey { links: links.iter().map(link).collect(), ..Survey::default() };
    survey.links.sort_by_key(|link| link.index);

    let addresses: Vec<AddressMessage> =
        handle.address().get().execute().try_collect().await.map_err(failed)?;
    for message in &addresses {
        let owner = survey.links.iter_mut().find(|link| link.index == message.header.index);
        let prefix = address(message).and_then(|address| Prefix::new(address, message.header.prefix_len));
        if let (Some(owner), Some(prefix)) = (owner, prefix) {
            owner.addresses.push(prefix);
        }
    }
    if survey.links.iter().any(|link| link.vxlan.is_some()) {
        // A kernel without bridging has no such table: then there are no peers in it.
        let bridge = handle.neighbours().get().set_address_family(AddressFamily::Bridge).execute();
        let entries: Vec<NeighbourMessage> = bridge.try_collect().await.unwrap_or_default();
        for (index, peer, mac) in entries.iter().filter_map(peer) {
            let link = survey.links.iter_mut().find(|link| link.index == index);
            if let Some(vxlan) = link.and_then(|link| link.vxlan.as_mut()) {
                if !vxlan.peers.contains(&peer) {
                    vxlan.peers.push(peer);
                }
                vxlan.stations.extend(mac.map(|mac| (mac, peer)));
            }
        }
        for entry in &entries {
            let link = survey.links.iter_mut().find(|link| link.index == entry.header.ifindex);
            let Some(vxlan) = link.and_then(|link| link.vxlan.as_mut()) else { continue };
            for attribute in &entry.attributes {
                match attribute {
                    NeighbourAttribute::IfIndex(way) => vxlan.ways.push(*way),
                    NeighbourAttribute::Vni(vni) => vxlan.more_vnis.extend(Vni::new(*vni)),
                    _ => {}
                }
            }
        }
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let table = handle.neighbours().get().set_address_family(family).execute();
            let entries: Vec<NeighbourMessage> = table.try_collect().await.unwrap_or_default();
            survey.neighbours.extend(entries.iter().filter_map(neighbour).take(MOST_NEIGHBOURS));
        }
    }
    for family in [
        RouteMessageBuilder::<std::net::Ipv4Addr>::new().build(),
        RouteMessageBuilder::<std::net::Ipv6Addr>::new().build(),
    ] {
        // Without IPv6 there is no IPv6 route.
        let routes: Vec<RouteMessage> =
            handle.route().get(family).execute().try_collect().await.unwrap_or_default();
        survey.detours.extend(routes.iter().filter_map(detour));
        for index in default_route(&routes) {
            if !survey.default_routes.contains(&index) {
                survey.default_routes.push(index);
            }
        }
    }
    survey.routes = routes(&handle, &survey).await;
    connection.abort();
    Ok(survey)
}

/// Asks for the route to every peer of every VXLAN device, and to the other end of every tunnel.
async fn routes(handle: &Handle, survey: &Survey) -> Vec<(IpAddr, u32)> {
    let mut found: Vec<(IpAddr, u32)> = Vec::new();
    let tunnels = survey.links.iter().filter_map(|link| link.vxlan.as_ref()).filter(|vxlan| !vxlan.elsewhere);
    let peers = tunnels.flat_map(|vxlan| vxlan.remote.iter().chain(&vxlan.peers));
    let ends = survey.links.iter().filter_map(|link| link.remote.as_ref());
    for &peer in peers.take(MOST_PEERS).chain(ends.take(MOST_PEERS)) {
        if found.iter().any(|(known, _)| *known == peer) {
            continue;
        }
        let question = match peer {
            IpAddr::V4(peer) => {
                RouteMessageBuilder::<std::net::Ipv4Addr>::new().destination_prefix(peer, 32).build()
            }
            IpAddr::V6(peer) => {
                RouteMessageBuilder::<std::net::Ipv6Addr>::new().destination_prefix(peer, 128).build()
            }
        };
        // No route is an answer as well.
        if let Ok(Some(route)) = handle.route().get(question).execute().try_next().await {
            found.extend(route.attributes.iter().find_map(outgoing).map(|index| (peer, index)));
        }
    }
    found
}

fn link(message: &LinkMessage) -> Link {
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        up: flags.contains(LinkFlags::Up),
        running: flags.contains(LinkFlags::LowerUp),
        loopback: flags.contains(LinkFlags::Loopback),
        hardware: message.header.link_layer_type.into(),
        ..Link::default()
    };
    let (mut elsewhere, mut other_end, mut offloaded) = (false, None, false);
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::IfAlias(alias) => link.alias = Some(alias.clone()),
            LinkAttribute::Controller(index) => link.master = Some(*index),
            LinkAttribute::LinkNetNsId(_) => elsewhere = true,
            LinkAttribute::Link(index) => link.parent = Some(*index).filter(|index| *index != 0),
            // Of a tunnel that is not Ethernet: its link-layer addresses are its two ends.
            LinkAttribute::Broadcast(bytes) => {
                other_end = from_bytes(bytes).filter(|end| !end.is_unspecified());
            }
            LinkAttribute::LinkInfo(parts) => {
                for part in parts {
                    match part {
                        LinkInfo::Kind(kind) => link.kind = Some(kind.to_string()),
                        LinkInfo::Data(InfoData::Vxlan(attributes)) => link.vxlan = Some(vxlan(attributes)),
                        LinkInfo::Data(InfoData::MacSec(attributes)) => offloaded = is_offloaded(attributes),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    if let Some(vxlan) = &mut link.vxlan {
        vxlan.elsewhere = elsewhere;
    }
    // Where the card encrypts, what is below shows frames in clear as well.
    if elsewhere || offloaded {
        link.parent = None;
    } else {
        link.remote = other_end;
    }
    link
}

fn is_offloaded(attributes: &[InfoMacSec]) -> bool {
    attributes
        .iter()
        .any(|attribute| matches!(attribute, InfoMacSec::Offload(by) if *by != MacSecOffload::Off))
}

fn vxlan(attributes: &[InfoVxlan]) -> Vxlan {
    let mut vxlan = Vxlan::default();
    for attribute in attributes {
        match attribute {
            InfoVxlan::Id(id) => vxlan.vni = Vni::new(*id),
            InfoVxlan::Local(address) => vxlan.local = Some((*address).into()),
            InfoVxlan::Local6(address) => vxlan.local = Some((*address).into()),
            InfoVxlan::Group(address) => vxlan.remote = Some((*address).into()),
            InfoVxlan::Group6(address) => vxlan.remote = Some((*address).into()),
            InfoVxlan::Link(index) => vxlan.underlay = Some(*index).filter(|index| *index != 0),
            InfoVxlan::Port(port) => vxlan.port = *port,
            InfoVxlan::CollectMetadata(true) => vxlan.vni = None,
            _ => {}
        }
    }
    for address in [&mut vxlan.local, &mut vxlan.remote] {
        *address = address.filter(|address| !address.is_unspecified());
    }
    vxlan
}

/// The interface's own address: of a point-to-point link `IFA_ADDRESS` is the other end's.
fn address(message: &AddressMessage) -> Option<IpAddr> {
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    local.or_else(|| {
        message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })
}

/// An entry of a neighbour table that has been resolved.
fn neighbour(message: &NeighbourMessage) -> Option<Neighbour> {
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => Some(IpAddr::from(*address)),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => Some(IpAddr::from(*address)),
        _ => None,
    })?;
    let mac = mac(message).filter(|mac| *mac != MacAddress::ZERO)?;
    let usable = !address.is_multicast() && !address.is_unspecified();
    usable.then_some(Neighbour { link: message.header.ifindex, address, mac })
}

fn mac(message: &NeighbourMessage) -> Option<MacAddress> {
    message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(bytes) => MacAddress::from_slice(bytes),
        _ => None,
    })
}

/// The VXLAN device, the VTEP and the link-layer address of an entry of its forwarding table.
fn peer(message: &NeighbourMessage) -> Option<(u32, IpAddr, Option<MacAddress>)> {
    message.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(address) => {
            let address = match address {
                NeighbourAddress::Inet(address) => (*address).into(),
                NeighbourAddress::Inet6(address) => (*address).into(),
                NeighbourAddress::Other(bytes) => from_bytes(bytes)?,
                _ => return None,
            };
            Some((message.header.ifindex, address, mac(message)))
                .filter(|(_, address, _)| !address.is_unspecified())
        }
        _ => None,
    })
}

/// An address by its length: the entry's family is that of the bridge, not of the address.
fn from_bytes(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

/// The links of the default route with the lowest metric in the main table.
fn default_route(routes: &[RouteMessage]) -> Vec<u32> {
    const MAIN: u8 = 254;
    let best = routes
        .iter()
        .filter(|route| {
            route.header.destination_prefix_length == 0 && route.header.kind == RouteType::Unicast
        })
        .filter(|route| route.header.table == MAIN)
        .min_by_key(|route| {
            let metric = route.attributes.iter().find_map(|attribute| match attribute {
                RouteAttribute::Priority(metric) => Some(*metric),
                _ => None,
            });
            metric.unwrap_or(0)
        });
    let Some(best) = best else { return Vec::new() };
    let mut links = Vec::new();
    for attribute in &best.attributes {
        match attribute {
            RouteAttribute::Oif(index) => links.push(*index),
            RouteAttribute::MultiPath(hops) => {
                links.extend(
                    hops.iter()
                        .filter(|hop| !hop.flags.contains(RouteNextHopFlags::Dead))
                        .map(|hop| hop.interface_index),
                );
            }
            _ => {}
        }
    }
    links
}

/// A route of several next hops, of those that are alive, or one of a table that only a rule leads to.
fn detour(route: &RouteMessage) -> Option<(Prefix, Vec<u32>)> {
    if route.header.kind != RouteType::Unicast {
        return None;
    }
    let attribute =
        |wanted: fn(&RouteAttribute) -> Option<Vec<u32>>| route.attributes.iter().find_map(wanted);
    let hops = attribute(|attribute| match attribute {
        RouteAttribute::MultiPath(hops) => {
            let alive = hops.iter().filter(|hop| !hop.flags.contains(RouteNextHopFlags::Dead));
            Some(alive.map(|hop| hop.interface_index).collect())
        }
        _ => None,
    });
    let elsewhere = || attribute(|attribute| outgoing(attribute).map(|link| vec![link]));
    let links = hops.or_else(|| if is_by_rule(route) { elsewhere() } else { None })?;
    let destination = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(RouteAddress::Inet(address)) => Some(IpAddr::from(*address)),
        RouteAttribute::Destination(RouteAddress::Inet6(address)) => Some(IpAddr::from(*address)),
        _ => None,
    });
    let default = if route.header.address_family == AddressFamily::Inet {
        IpAddr::from([0; 4])
    } else {
        IpAddr::from([0; 16])
    };
    Some((Prefix::new(destination.unwrap_or(default), route.header.destination_prefix_length)?, links))
}

/// Whether the route's table is none of those that every packet is looked up in.
fn is_by_rule(route: &RouteMessage) -> bool {
    const DEFAULT: u32 = 253;
    const MAIN: u32 = 254;
    const LOCAL: u32 = 255;
    let table = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Table(table) => Some(*table),
        _ => None,
    });
    !matches!(table.unwrap_or_else(|| u32::from(route.header.table)), DEFAULT | MAIN | LOCAL)
}

fn outgoing(attribute: &RouteAttribute) -> Option<u32> {
    match attribute {
        RouteAttribute::Oif(index) => Some(*index),
        _ => None,
    }
}

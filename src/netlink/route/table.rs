//! Routing tables (linux `net/ipv4/fib_frontend.c`, `net/ipv6/route.c`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rtnetlink::packet_core::Parseable;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteIp6Tunnel, RouteIpTunnel, RouteLwTunnelEncap, RouteMessage,
    RouteNextHopFlags, RouteType,
};

use super::{NextHop, RTM_GETROUTE, address_of, bytes, family, nexthop, version};
use crate::netlink::{Netlink, Refusal, attributes, u32_at};
use crate::packet::{IpVersion, Ports, Prefix, protocol};

/// The length of `struct rtmsg`, and the offset of its flags.
const HEADER: usize = 12;
const FLAGS: usize = 8;
const RTA_DST: u16 = 1;
const RTA_TABLE: u16 = 15;
/// `RTM_F_CLONED`.
pub(super) const CLONED: u32 = 0x200;
const DEFAULT: u32 = 253;
const MAIN: u32 = 254;
const LOCAL: u32 = 255;

/// A unicast route of a routing table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// The destinations that it is for.
    pub(crate) to: Prefix,
    /// The number of its table.
    table: u32,
    /// The metric. Of several routes to the same destinations, the one with the lowest metric is used.
    pub(crate) metric: u32,
    /// The indices of the links that it leaves by. Next hops that are dead are left out if it has several.
    pub(crate) links: Vec<u32>,
    /// True if it has several next hops.
    pub(crate) several: bool,
    /// The node to which a tunnel device in metadata mode sends its packets (`encap ip … dst`), and the index of the
    /// device. Of a route with several next hops they are not read: the packet crate does not know their encapsulation.
    pub(crate) tunnel: Option<(IpAddr, u32)>,
    /// The number of its next-hop object. The kernel may be told not to describe the object with the route
    /// (`nexthop_compat_mode`), so that the route has no links before [`Self::resolve`].
    next_hop: Option<u32>,
}

impl Route {
    /// Adds the links of its next-hop object, if it has none.
    pub(crate) fn resolve(&mut self, next_hops: &[NextHop]) {
        if let Some(id) = self.next_hop.filter(|_| self.links.is_empty()) {
            self.links = nexthop::members(next_hops, id).filter_map(|hop| hop.link).collect();
            self.several = self.links.len() > 1;
        }
    }

    /// Returns true if the route is in the main table.
    pub(crate) fn is_main(&self) -> bool {
        self.table == MAIN
    }

    /// Returns true if only a rule leads to its table: it is none of the three in which every packet is looked up.
    pub(crate) fn is_by_rule(&self) -> bool {
        !matches!(self.table, DEFAULT | MAIN | LOCAL)
    }
}

/// Returns the unicast routes of all tables for one version of IP.
pub(crate) fn all(netlink: &mut Netlink, version: IpVersion) -> Result<Vec<Route>, Refusal> {
    let mut request = RouteMessage::default();
    request.header.address_family = match version {
        IpVersion::V4 => AddressFamily::Inet,
        IpVersion::V6 => AddressFamily::Inet6,
    };
    netlink.dump(RTM_GETROUTE, &bytes(&request), |_, body| read(body))
}

/// A question for the route of one packet, with all that rules may choose a table by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// The address that the packet is sent to.
    pub(crate) destination: IpAddr,
    /// The address that it is sent from, which must be one of this host. `None` if the sender leaves the choice to the
    /// kernel.
    pub(crate) source: Option<IpAddr>,
    /// Its mark (`fwmark`), 0 for none.
    pub(crate) mark: u32,
    /// Its ports, for UDP. Linux asks for them since 4.17, and older kernels take no notice.
    pub(crate) udp: Option<Ports>,
    /// The index of the link that its sender is bound to.
    pub(crate) link: Option<u32>,
}

/// The answer for a packet that leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Departure {
    /// The index of the link that it leaves by.
    pub(crate) link: u32,
    /// The address that the kernel chooses for its sender.
    pub(crate) source: Option<IpAddr>,
}

impl Question {
    /// Makes the question for a packet of which only the destination is known.
    pub(crate) fn new(destination: IpAddr) -> Self {
        Self { destination, source: None, mark: 0, udp: None, link: None }
    }

    fn message(&self) -> RouteMessage {
        let mut message = RouteMessage::default();
        let host = IpVersion::of(self.destination).bits();
        message.header.address_family = family(self.destination);
        message.header.destination_prefix_length = host;
        message.header.source_prefix_length = if self.source.is_some() { host } else { 0 };
        message.attributes.push(RouteAttribute::Destination(self.destination.into()));
        message.attributes.extend(self.source.map(|source| RouteAttribute::Source(source.into())));
        message.attributes.extend(self.link.map(RouteAttribute::Oif));
        if self.mark != 0 {
            message.attributes.push(RouteAttribute::Mark(self.mark));
        }
        if let Some(Ports { source, destination }) = self.udp {
            message.attributes.push(RouteAttribute::IpProto(protocol::UDP));
            message.attributes.extend([RouteAttribute::Sport(source), RouteAttribute::Dport(destination)]);
        }
        message
    }
}

/// Asks for the index of the link that a packet to this destination leaves by. If there is no route, that is an error.
pub(crate) fn outgoing(netlink: &mut Netlink, destination: IpAddr) -> Result<Option<u32>, Refusal> {
    Ok(departure(netlink, &Question::new(destination))?.map(|departure| departure.link))
}

/// Asks how a packet leaves. If there is no route, that is an error.
pub(crate) fn departure(netlink: &mut Netlink, question: &Question) -> Result<Option<Departure>, Refusal> {
    let mut found = None;
    netlink.ask(RTM_GETROUTE, &bytes(&question.message()), |_, body| found = found.or(answer(body)))?;
    Ok(found)
}

fn answer(body: &[u8]) -> Option<Departure> {
    let route = RouteMessage::parse(body).ok()?;
    let source = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::PrefSource(RouteAddress::Inet(v4)) => Some((*v4).into()),
        RouteAttribute::PrefSource(RouteAddress::Inet6(v6)) => Some((*v6).into()),
        _ => None,
    });
    Some(Departure { link: oif(&route.attributes)?, source })
}

/// Reads a route. Returns `None` if it is not unicast: if it leads to this host itself, to nowhere or to many hosts.
pub(crate) fn read(body: &[u8]) -> Option<Route> {
    let message = RouteMessage::parse(body).ok()?;
    if message.header.kind != RouteType::Unicast {
        return None;
    }
    let any = match message.header.address_family {
        AddressFamily::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        _ => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let (mut to, mut table, mut metric, mut hops) = (any, u32::from(message.header.table), 0, None);
    let mut next_hop = None;
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(v4)) => to = (*v4).into(),
            RouteAttribute::Destination(RouteAddress::Inet6(v6)) => to = (*v6).into(),
            RouteAttribute::Table(number) => table = *number,
            RouteAttribute::Priority(number) => metric = *number,
            RouteAttribute::MultiPath(found) => hops = Some(found),
            RouteAttribute::NhId(id) => next_hop = Some(*id),
            _ => {}
        }
    }
    let tunnel = tunnel(&message.attributes, oif(&message.attributes));
    let alive = hops.into_iter().flatten().filter(|hop| !hop.flags.contains(RouteNextHopFlags::Dead));
    Some(Route {
        to: Prefix::new(to, message.header.destination_prefix_length)?,
        table,
        metric,
        links: oif(&message.attributes).into_iter().chain(alive.map(|hop| hop.interface_index)).collect(),
        several: hops.is_some(),
        tunnel,
        next_hop,
    })
}

/// Returns the node that a route's packets are sent to by a tunnel device in metadata mode, with the device (linux
/// `net/ipv4/ip_tunnel_core.c`, `LWTUNNEL_IP_DST`).
fn tunnel(attributes: &[RouteAttribute], device: Option<u32>) -> Option<(IpAddr, u32)> {
    let to = attributes.iter().find_map(|attribute| {
        let RouteAttribute::Encap(parts) = attribute else { return None };
        parts.iter().find_map(|part| match part {
            RouteLwTunnelEncap::Ip(RouteIpTunnel::Destination(to)) => Some(IpAddr::V4(*to)),
            RouteLwTunnelEncap::Ip6(RouteIp6Tunnel::Destination(to)) => Some(IpAddr::V6(*to)),
            _ => None,
        })
    })?;
    Some((to, device?)).filter(|(to, _)| !to.is_unspecified())
}

/// Reads the destinations and the table of a route of any type.
pub(crate) fn place(body: &[u8]) -> Option<(Prefix, u32)> {
    let [family, length, .., table, _, _, _] = *body.first_chunk::<8>()?;
    let any = match version(family)? {
        IpVersion::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpVersion::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let (mut to, mut number) = (any, u32::from(table));
    for (kind, value) in attributes(body.get(HEADER..)?) {
        match kind {
            RTA_DST => to = address_of(value)?,
            RTA_TABLE => number = u32_at(value, 0)?,
            _ => {}
        }
    }
    Some((Prefix::new(to, length)?, number))
}

/// Returns true for the copy of an IPv6 route that the kernel made for one destination, for its MTU or a redirect.
pub(crate) fn is_copy(body: &[u8]) -> bool {
    u32_at(body, FLAGS).is_some_and(|flags| flags & CLONED != 0)
}

fn oif(attributes: &[RouteAttribute]) -> Option<u32> {
    attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Oif(index) => Some(*index),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtnetlink::packet_route::route::{RouteLwEnCapType, RouteNextHop};

    fn route(to: Option<&str>, length: u8, more: Vec<RouteAttribute>) -> RouteMessage {
        let mut message = RouteMessage::default();
        message.header.address_family = AddressFamily::Inet;
        message.header.destination_prefix_length = length;
        message.header.table = 254;
        message.header.kind = RouteType::Unicast;
        let to = to.map(|to| RouteAttribute::Destination(to.parse::<IpAddr>().unwrap().into()));
        message.attributes.extend(to.into_iter().chain(more));
        message
    }

    fn hop(interface_index: u32, flags: RouteNextHopFlags) -> RouteNextHop {
        let mut hop = RouteNextHop::default();
        (hop.interface_index, hop.flags) = (interface_index, flags);
        hop
    }

    #[test]
    fn a_route_has_its_destination_metric_and_link() {
        let message =
            route(Some("192.0.2.0"), 24, vec![RouteAttribute::Priority(100), RouteAttribute::Oif(3)]);
        let whole = bytes(&message);
        let route = read(&whole).unwrap();
        assert_eq!((route.to.to_string().as_str(), route.metric), ("192.0.2.0/24", 100));
        assert_eq!((route.links.as_slice(), route.several), (&[3][..], false));
        assert!(route.is_main() && !route.is_by_rule());
        for len in 0..whole.len() {
            assert!(read(&whole[..len]).is_none_or(|cut| cut != route), "{len}");
        }
    }

    #[test]
    fn of_several_next_hops_those_that_are_alive_count() {
        let (alive, dead) = (RouteNextHopFlags::empty(), RouteNextHopFlags::Dead);
        let hops = vec![hop(3, alive), hop(4, dead), hop(5, alive)];
        let whole = bytes(&route(None, 0, vec![RouteAttribute::MultiPath(hops)]));
        let route = read(&whole).unwrap();
        assert_eq!((route.to.length(), route.links.as_slice(), route.several), (0, &[3, 5][..], true));
        for len in 0..whole.len() {
            assert!(read(&whole[..len]).is_none_or(|cut| cut != route), "{len}");
        }
    }

    #[test]
    fn a_route_without_links_has_those_of_its_next_hop() {
        let hop = |id, link| NextHop { id, link: Some(link), ..NextHop::default() };
        let hops = [hop(1, 3), hop(2, 4), NextHop { id: 9, group: vec![1, 2], ..NextHop::default() }];
        let resolved = |more| {
            let mut route = read(&bytes(&route(None, 0, more))).unwrap();
            route.resolve(&hops);
            (route.links, route.several)
        };
        assert_eq!(resolved(vec![RouteAttribute::NhId(9)]), (vec![3, 4], true));
        assert_eq!(resolved(vec![RouteAttribute::NhId(2)]), (vec![4], false));
        assert_eq!(resolved(vec![RouteAttribute::NhId(2), RouteAttribute::Oif(7)]), (vec![7], false));
    }

    #[test]
    fn a_route_into_a_tunnel_names_the_node_that_it_leads_to() {
        let to = |node: [u8; 4]| {
            let parts = vec![
                RouteLwTunnelEncap::Ip(RouteIpTunnel::Id(42)),
                RouteLwTunnelEncap::Ip(RouteIpTunnel::Destination(node.into())),
            ];
            vec![RouteAttribute::EncapType(RouteLwEnCapType::Ip), RouteAttribute::Encap(parts)]
        };
        let single = [vec![RouteAttribute::Oif(7)], to([192, 0, 2, 2])].concat();
        let whole = bytes(&route(Some("10.42.2.0"), 24, single));
        assert_eq!(read(&whole).unwrap().tunnel, Some((IpAddr::from([192, 0, 2, 2]), 7)));
        for len in 0..whole.len() {
            assert!(read(&whole[..len]).is_none_or(|cut| cut.tunnel.is_none()), "{len}");
        }
    }

    #[test]
    fn the_wide_number_of_a_table_goes_before_the_narrow_one() {
        let read = |more| read(&bytes(&route(None, 0, more))).unwrap();
        assert!(read(vec![RouteAttribute::Table(1000)]).is_by_rule());
        assert!(!read(vec![RouteAttribute::Table(253)]).is_by_rule());
        assert!(read(Vec::new()).is_main());
    }

    #[test]
    fn a_route_that_is_not_unicast_or_has_too_long_a_prefix_is_passed_over() {
        let mut message = route(Some("192.0.2.1"), 32, vec![RouteAttribute::Oif(1)]);
        message.header.kind = RouteType::Local;
        assert_eq!(read(&bytes(&message)), None);
        assert_eq!(read(&bytes(&route(Some("192.0.2.0"), 33, Vec::new()))), None);
    }

    #[test]
    fn a_question_is_for_one_host() {
        for (host, length) in [("192.0.2.1", 32), ("2001:db8::1", 128)] {
            let question = Question::new(host.parse().unwrap()).message();
            assert_eq!(question.header.destination_prefix_length, length);
            assert_eq!(question.attributes.len(), 1);
            assert_eq!(RouteMessage::parse(&bytes(&question)).unwrap(), question);
        }
    }

    #[test]
    fn a_question_has_all_that_rules_choose_by() {
        let source = "192.0.2.1".parse().unwrap();
        let udp = Some(Ports { source: 51820, destination: 51821 });
        let (mark, link) = (0xca6c, Some(3));
        let to = Question::new("192.0.2.2".parse().unwrap());
        let message = Question { source: Some(source), mark, udp, link, ..to }.message();
        assert_eq!(message.header.source_prefix_length, 32);
        let has = |attribute: RouteAttribute| message.attributes.contains(&attribute);
        assert!(has(RouteAttribute::Source(source.into())) && has(RouteAttribute::Mark(0xca6c)));
        assert!(has(RouteAttribute::IpProto(17)) && has(RouteAttribute::Oif(3)));
        assert!(has(RouteAttribute::Sport(51820)) && has(RouteAttribute::Dport(51821)));
        assert_eq!(RouteMessage::parse(&bytes(&message)).unwrap(), message);
    }

    #[test]
    fn an_answer_has_the_link_and_the_senders_address() {
        let source: IpAddr = "192.0.2.1".parse().unwrap();
        let more = vec![RouteAttribute::Oif(3), RouteAttribute::PrefSource(source.into())];
        let message = bytes(&route(Some("192.0.2.2"), 32, more));
        assert_eq!(answer(&message), Some(Departure { link: 3, source: Some(source) }));
        assert_eq!(answer(&bytes(&route(Some("192.0.2.2"), 32, Vec::new()))), None);
    }
}

//! The kernel's notices of changes: the messages by which it also answers dumps, sent to multicast groups (linux
//! `net/core/rtnetlink.c`, `net/core/fib_rules.c`, `net/ipv4/nexthop.c`).

use super::forwarding::Entry;
use super::{
    Link, Neighbour, NextHop, RTM_DELADDR, RTM_DELLINK, RTM_DELNEIGH, RTM_NEWADDR, RTM_NEWLINK, RTM_NEWNEIGH,
    address, forwarding, link, neighbour, nexthop, table, version,
};
use crate::packet::{IpVersion, Prefix};

const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTM_NEWRULE: u16 = 32;
const RTM_DELRULE: u16 = 33;
const RTM_NEWNEXTHOP: u16 = 104;
const RTM_DELNEXTHOP: u16 = 105;

const AF_BRIDGE: u8 = nix::libc::AF_BRIDGE as u8;

/// The groups that tell of links (1), neighbours and forwarding entries (3), IPv4 addresses (5), routes (7) and rules
/// (8), IPv6 addresses (9), routes (11) and rules (19), and next-hop objects (32). All kernels have the first.
pub(crate) const GROUPS: [u32; 9] = [1, 3, 5, 7, 8, 9, 11, 19, 32];

/// The group that tells of links.
pub(crate) const LINKS: [u32; 1] = [1];

/// The two things that a notice says of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The object came or was changed, and is now as the notice says.
    Set,
    /// The object went away. It was as the notice says.
    Gone,
}

/// A change in a network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A link, without its addresses, peers and next hops. Hardware is an orphan here on kernels before 5.14.
    Link(Event, Box<Link>),
    /// An address of the link with this index.
    Address(Event, u32, Prefix),
    /// A forwarding entry that leads to a VTEP or to a next-hop object.
    Forwarding(Event, Entry),
    /// A neighbour whose link-layer address is known.
    Neighbour(Event, Neighbour),
    /// A route of any type, to these destinations, in the table of this number.
    Route(Event, Prefix, u32),
    /// A rule that says in which tables packets of this version are looked up.
    Rule(Event, IpVersion),
    /// A next-hop object.
    NextHop(Event, NextHop),
    /// Changes that are not known: there were too many, or the kernel's words were not understood.
    Lost,
}

/// Reads a notice. Returns `None` if it tells of nothing that a [`Change`] is for.
pub(crate) fn read(kind: u16, body: &[u8]) -> Option<Change> {
    let event = match kind {
        RTM_NEWLINK | RTM_NEWADDR | RTM_NEWNEIGH | RTM_NEWROUTE | RTM_NEWRULE | RTM_NEWNEXTHOP => Event::Set,
        RTM_DELLINK | RTM_DELADDR | RTM_DELNEIGH | RTM_DELROUTE | RTM_DELRULE | RTM_DELNEXTHOP => Event::Gone,
        _ => return None,
    };
    let Some(&family) = body.first() else { return Some(Change::Lost) };
    let change = match kind {
        // A bridge tells of a port that leaves it as of one that is gone.
        RTM_NEWLINK | RTM_DELLINK => link::read(body).map(|link| {
            let event = if family == AF_BRIDGE { Event::Set } else { event };
            Change::Link(event, Box::new(link))
        }),
        RTM_NEWADDR | RTM_DELADDR => {
            address::read(body).map(|(link, address)| Change::Address(event, link, address))
        }
        RTM_NEWNEIGH | RTM_DELNEIGH if family == AF_BRIDGE => {
            let entry = forwarding::read(body)?;
            let leads = entry.vtep.is_some() || entry.next_hop.is_some();
            return leads.then_some(Change::Forwarding(event, entry));
        }
        RTM_NEWNEIGH | RTM_DELNEIGH => return Some(Change::Neighbour(event, neighbour::read(body)?)),
        RTM_NEWROUTE | RTM_DELROUTE if table::is_copy(body) => return None,
        RTM_NEWROUTE | RTM_DELROUTE => table::place(body).map(|(to, table)| Change::Route(event, to, table)),
        RTM_NEWRULE | RTM_DELRULE => version(family).map(|version| Change::Rule(event, version)),
        _ => nexthop::read(body).map(|hop| Change::NextHop(event, hop)),
    };
    Some(change.unwrap_or(Change::Lost))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::push_attribute;
    use crate::netlink::route::{AF_INET, AF_INET6};

    /// Builds a body: the header, and attributes behind it.
    fn body(header: &[u8], attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = header.to_vec();
        for (kind, value) in attributes {
            push_attribute(&mut body, *kind, value);
        }
        body
    }

    fn link_body(family: u8) -> Vec<u8> {
        let mut header = [0; 16];
        (header[0], header[4], header[8]) = (family, 7, 1);
        body(&header, &[(3, b"eth\0")])
    }

    fn route_body(flags: u32) -> Vec<u8> {
        let mut header = [AF_INET, 24, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0];
        header[8..].copy_from_slice(&flags.to_ne_bytes());
        body(&header, &[(1, &[192, 0, 2, 0]), (15, &1000u32.to_ne_bytes())])
    }

    fn neighbour_body(family: u8, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        body(&[family, 0, 0, 0, 7, 0, 0, 0, 0x80, 0, 2, 0], attributes)
    }

    fn all() -> Vec<(u16, Vec<u8>)> {
        let mac: (u16, &[u8]) = (2, &[2, 0, 0, 0, 0, 7]);
        let to: (u16, &[u8]) = (1, &[192, 0, 2, 2]);
        vec![
            (RTM_NEWLINK, link_body(0)),
            (RTM_NEWADDR, body(&[AF_INET, 24, 0, 0, 7, 0, 0, 0], &[(2, &[192, 0, 2, 1])])),
            (RTM_NEWNEIGH, neighbour_body(AF_BRIDGE, &[mac, to])),
            (RTM_NEWNEIGH, neighbour_body(AF_INET, &[mac, to])),
            (RTM_NEWROUTE, route_body(0)),
            (RTM_NEWRULE, vec![AF_INET6; 12]),
            (RTM_NEWNEXTHOP, body(&[0; 8], &[(1, &7u32.to_ne_bytes()), (6, &[192, 0, 2, 2])])),
        ]
    }

    #[test]
    fn each_kind_of_object_that_comes_or_goes_is_told() {
        let told = |kind, body: &[u8]| match read(kind, body).unwrap() {
            Change::Link(event, link) => (event, format!("link {} {} {}", link.index, link.name, link.up)),
            Change::Address(event, link, address) => (event, format!("address {link} {address}")),
            Change::Forwarding(event, entry) => {
                (event, format!("forwarding {} {:?} {}", entry.link, entry.vtep, entry.permanent))
            }
            Change::Neighbour(event, one) => (event, format!("neighbour {} {}", one.link, one.address)),
            Change::Route(event, to, table) => (event, format!("route {to} {table}")),
            Change::Rule(event, version) => (event, format!("rule {version:?}")),
            Change::NextHop(event, hop) => (event, format!("next hop {} {:?}", hop.id, hop.gateway)),
            Change::Lost => panic!("{kind}"),
        };
        let right = [
            "link 7 eth true",
            "address 7 192.0.2.1/24",
            "forwarding 7 Some(192.0.2.2) true",
            "neighbour 7 192.0.2.2",
            "route 192.0.2.0/24 1000",
            "rule V6",
            "next hop 7 Some(192.0.2.2)",
        ];
        for ((kind, body), right) in all().into_iter().zip(right) {
            assert_eq!(told(kind, &body), (Event::Set, right.to_owned()));
            // The number of the message for what is gone is the next one.
            assert_eq!(told(kind + 1, &body), (Event::Gone, right.to_owned()));
        }
    }

    #[test]
    fn a_notice_cut_off_anywhere_tells_of_something_else_or_of_nothing() {
        for (kind, whole) in all() {
            let change = read(kind, &whole).unwrap();
            for len in 0..whole.len() {
                let cut = read(kind, &whole[..len]);
                // All that matters of a rule is its first byte.
                assert!(cut != Some(change.clone()) || kind == RTM_NEWRULE && len > 0, "{kind} {len}");
            }
            assert_eq!(read(kind, &[]), Some(Change::Lost));
        }
    }

    #[test]
    fn a_port_that_leaves_a_bridge_is_not_gone() {
        let Some(Change::Link(event, link)) = read(RTM_DELLINK, &link_body(AF_BRIDGE)) else { panic!() };
        assert_eq!((event, link.index), (Event::Set, 7));
    }

    #[test]
    fn what_leads_nowhere_or_is_a_copy_is_no_change() {
        let mac: (u16, &[u8]) = (2, &[2, 0, 0, 0, 0, 7]);
        assert_eq!(read(RTM_NEWNEIGH, &neighbour_body(AF_BRIDGE, &[mac])), None);
        assert_eq!(read(RTM_NEWNEIGH, &neighbour_body(AF_INET, &[mac])), None);
        assert_eq!(read(RTM_NEWROUTE, &route_body(table::CLONED)), None);
        assert_eq!(read(RTM_NEWRULE, &[AF_BRIDGE]), Some(Change::Lost));
        assert_eq!(read(2, &[0; 16]), None);
    }
}

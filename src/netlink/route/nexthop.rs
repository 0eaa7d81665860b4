//! Next-hop objects, which routes and forwarding entries share (linux `net/ipv4/nexthop.c`,
//! `include/uapi/linux/nexthop.h`). Linux has them since version 5.3, and in forwarding entries since 5.8.
//!
//! ```text
//!   0 family (1), scope (1), protocol (1), reserved (1), flags (4)
//!   8 attributes
//! ```

use std::net::IpAddr;

use super::{RTM_GETNEXTHOP, address_of};
use crate::netlink::{Netlink, Refusal, attributes, u32_at};

const HEADER: usize = 8;
const NHA_ID: u16 = 1;
const NHA_GROUP: u16 = 2;
const NHA_OIF: u16 = 5;
const NHA_GATEWAY: u16 = 6;
/// The length of an element of a group: its number (4), weight (1 + 1), reserved (2).
const MEMBER: usize = 8;

/// A next-hop object: a single next hop, or a group of others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NextHop {
    /// The number that routes and forwarding entries name it by.
    pub id: u32,
    /// The address that packets are sent to. For a forwarding entry it is the VTEP.
    pub gateway: Option<IpAddr>,
    /// The index of the link that packets leave by. The next hops of forwarding entries have none.
    pub link: Option<u32>,
    /// The numbers of the members of a group.
    pub group: Vec<u32>,
}

/// Returns all next-hop objects, in the order of their numbers.
pub(crate) fn all(netlink: &mut Netlink) -> Result<Vec<NextHop>, Refusal> {
    let mut all = netlink.dump(RTM_GETNEXTHOP, &[0; HEADER], |_, body| read(body))?;
    all.sort_by_key(|hop| hop.id);
    Ok(all)
}

/// Returns the objects of this number that lead somewhere by themselves: the object, or the members of the group. The
/// kernel has no groups of groups.
pub(crate) fn members(in_order: &[NextHop], id: u32) -> impl Iterator<Item = &NextHop> {
    let find = |id: u32| in_order.get(in_order.binary_search_by_key(&id, |hop| hop.id).ok()?);
    let named = find(id);
    let group = named.into_iter().flat_map(|hop| &hop.group).filter_map(move |id| find(*id));
    named.into_iter().chain(group).filter(|hop| hop.group.is_empty())
}

/// Reads a next hop. Returns `None` for one without a number.
pub(crate) fn read(body: &[u8]) -> Option<NextHop> {
    let mut hop = NextHop::default();
    for (kind, value) in attributes(body.get(HEADER..)?) {
        match kind {
            NHA_ID => hop.id = u32_at(value, 0)?,
            NHA_GATEWAY => hop.gateway = address_of(value),
            NHA_OIF => hop.link = u32_at(value, 0),
            NHA_GROUP => {
                hop.group = value.chunks_exact(MEMBER).filter_map(|member| u32_at(member, 0)).collect();
            }
            _ => {}
        }
    }
    Some(hop).filter(|hop| hop.id != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::push_attribute;

    /// Makes a next hop as the kernel sends it.
    fn message(id: u32, more: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = vec![0; HEADER];
        push_attribute(&mut body, NHA_ID, &id.to_ne_bytes());
        for (kind, value) in more {
            push_attribute(&mut body, *kind, value);
        }
        body
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_next_hop_has_its_gateway_and_link_and_a_group_its_members() {
        let hop = read(&message(7, &[(NHA_GATEWAY, &[192, 0, 2, 2]), (NHA_OIF, &3u32.to_ne_bytes())]));
        let right = NextHop { id: 7, gateway: Some(ip("192.0.2.2")), link: Some(3), group: Vec::new() };
        assert_eq!(hop, Some(right));
        let mut members = [0; 2 * MEMBER];
        members[..4].copy_from_slice(&7u32.to_ne_bytes());
        members[MEMBER..][..4].copy_from_slice(&8u32.to_ne_bytes());
        let whole = message(9, &[(NHA_GROUP, &members)]);
        let group = read(&whole).unwrap();
        assert_eq!((group.id, group.group.as_slice()), (9, &[7, 8][..]));
        for len in 0..whole.len() {
            assert!(read(&whole[..len]).is_none_or(|cut| cut != group), "{len}");
        }
        assert_eq!(read(&message(0, &[])), None);
    }

    #[test]
    fn a_number_leads_to_the_object_or_to_the_members_of_its_group() {
        let hop = |id, group: &[u32]| NextHop { id, group: group.to_vec(), ..NextHop::default() };
        let all = [hop(1, &[]), hop(2, &[]), hop(3, &[]), hop(9, &[1, 3, 4, 9])];
        let found = |id| members(&all, id).map(|hop| hop.id).collect::<Vec<_>>();
        assert_eq!((found(2), found(9), found(5)), (vec![2], vec![1, 3], vec![]));
    }
}

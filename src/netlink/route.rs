//! rtnetlink: links, addresses, neighbours, forwarding entries, routes, next hops and what hooks into links (linux
//! `include/uapi/linux/rtnetlink.h`).
//!
//! There is one file for each kind of object. It reads the kernel's messages, and writes them for the objects that this
//! program makes. The types of rtnetlink's packet crate are not used outside these files, whose functions take and
//! return values of this crate. The file `notice.rs` reads the same messages where the kernel sends them unasked.

pub(crate) mod address;
pub(crate) mod forwarding;
pub(crate) mod ingress;
pub(crate) mod link;
pub(crate) mod neighbour;
pub(crate) mod nexthop;
pub(crate) mod notice;
pub(crate) mod table;

use std::net::IpAddr;

use rtnetlink::packet_core::Emitable;
use rtnetlink::packet_route::AddressFamily;

use crate::packet::IpVersion;

pub use link::{Link, Vtep};
pub use neighbour::Neighbour;
pub use nexthop::NextHop;

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const RTM_SETLINK: u16 = 19;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;
const RTM_GETROUTE: u16 = 26;
const RTM_NEWNEIGH: u16 = 28;
const RTM_DELNEIGH: u16 = 29;
const RTM_GETNEIGH: u16 = 30;
const RTM_GETQDISC: u16 = 38;
const RTM_NEWTFILTER: u16 = 44;
const RTM_GETTFILTER: u16 = 46;
const RTM_GETNEXTHOP: u16 = 106;

const AF_INET: u8 = nix::libc::AF_INET as u8;
const AF_INET6: u8 = nix::libc::AF_INET6 as u8;

fn bytes(message: &impl Emitable) -> Vec<u8> {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    bytes
}

fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

/// Returns the version of IP that an address family stands for.
fn version(family: u8) -> Option<IpVersion> {
    match family {
        AF_INET => Some(IpVersion::V4),
        AF_INET6 => Some(IpVersion::V6),
        _ => None,
    }
}

/// Reads an address that comes without a family. The number of its bytes tells IPv4 from IPv6.
fn address_of(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    v4().or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::push_attribute;
    use proptest::prelude::*;

    const IFLA_LINKINFO: u16 = 18;
    const IFLA_INFO_KIND: u16 = 1;
    const IFLA_INFO_DATA: u16 = 2;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        push_attribute(&mut bytes, kind, value);
        bytes
    }

    /// Makes attributes with right lengths, some of them nested, and with types that are known.
    fn attributes(depth: u32) -> BoxedStrategy<Vec<u8>> {
        let bytes = prop::collection::vec(any::<u8>(), 0..40);
        let value =
            if depth == 0 { bytes.boxed() } else { prop_oneof![bytes, attributes(depth - 1)].boxed() };
        let one = (0u16..70, value).prop_map(|(kind, value)| attribute(kind, &value));
        prop::collection::vec(one, 0..6).prop_map(|all| all.concat()).boxed()
    }

    fn link_info() -> impl Strategy<Value = Vec<u8>> {
        let kinds = [
            "vxlan", "macsec", "bridge", "bond", "vlan", "gre", "ip6gre", "vti", "ipip", "xfrm", "vrf", "tun",
        ];
        (prop::sample::select(kinds.to_vec()), attributes(1)).prop_map(|(kind, data)| {
            let info = [attribute(IFLA_INFO_KIND, kind.as_bytes()), attribute(IFLA_INFO_DATA, &data)];
            attribute(IFLA_LINKINFO, &info.concat())
        })
    }

    proptest! {
        /// A user who may make links in a namespace chooses some of these bytes.
        #[test]
        fn no_message_makes_a_reader_panic(
            header in any::<[u8; 16]>(),
            attributes in prop_oneof![attributes(2), link_info()],
        ) {
            let body = |header: &[u8]| [header, &attributes].concat();
            let _ = (link::read(&body(&header)), address::read(&body(&header[..8])));
            let _ = (ingress::xdp(&body(&header)), ingress::qdisc(&[&header[..], &body(&header[..4])].concat()));
            let _ = nexthop::read(&body(&header[..8]));
            let body = body(&header[..12]);
            for kind in 16..34 {
                let _ = notice::read(kind, &body);
            }
            let _ = (forwarding::read(&body), neighbour::read(&body), table::read(&body));
        }
    }
}

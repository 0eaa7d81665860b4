//! rtnetlink: links, addresses, neighbours, forwarding entries and routes (linux `include/uapi/linux/rtnetlink.h`).
//!
//! One file an object, each with what is read of it and, where this program makes such objects, what is written. The
//! messages are those of rtnetlink's packet crate, whose types stay in these files: what comes out are values of our own.
//! A message that cannot be parsed is passed over, as one of a kind that is not known would be.
//!
//! What surprised us: the dump of forwarding entries has the bridge's family, so that their addresses come as bytes and
//! only the length tells IPv4 from IPv6. Of a point-to-point link `IFA_ADDRESS` is the other end's address. A link whose
//! other half is in another network namespace names that half by a number that means nothing here, and says so by
//! `IFLA_LINK_NETNSID`. The 32-bit attribute goes before the header's 8 bits in the number of a routing table.

pub(crate) mod address;
pub(crate) mod forwarding;
pub(crate) mod link;
pub(crate) mod neighbour;
pub(crate) mod table;

use std::net::IpAddr;

use netlink_packet_core::Emitable;
use netlink_packet_route::AddressFamily;

pub use link::{Link, Vxlan};
pub use neighbour::Neighbour;

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

fn bytes(message: &impl Emitable) -> Vec<u8> {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    bytes
}

fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

/// An address by the length of its bytes, where no family goes with it.
fn address_of(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    v4().or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from))
}

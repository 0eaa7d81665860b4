//! Raw sockets that send and receive the messages of a probe.

use std::io::IoSlice;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn6, SockaddrLike, bind, sendmsg,
    setsockopt, socket, sockopt,
};
use rustix::net::netdevice::name_to_index;
use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
};

use crate::keeper::{self, Internet, Request};

/// Returns the index of the device with this name in the namespace of a socket; 0 if there is none.
pub(super) fn index_of(device: &str, socket: &OwnedFd) -> u32 {
    name_to_index(socket, device).unwrap_or(0)
}

/// Returns true if an address means something on one link only.
pub(super) fn needs_scope(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local() || address.is_multicast()
}

/// Sends a message. Never waits.
pub(super) fn send<A: SockaddrLike>(fd: Option<&OwnedFd>, message: &[u8], to: &A) -> nix::Result<usize> {
    let fd = fd.ok_or(Errno::EAFNOSUPPORT)?;
    sendmsg(fd.as_raw_fd(), &[IoSlice::new(message)], &[], MsgFlags::MSG_DONTWAIT, Some(to))
}

/// Returns the address that packets to another one, and to this UDP port, leave from. No packet is sent: a UDP socket that
/// is connected has its route, and with it its source address.
pub(crate) fn source_for(to: IpAddr, port: u16) -> Option<IpAddr> {
    if let Some(keeper) = keeper::installed() {
        let reply = keeper.ask_here(&Request::Source(to, port)).ok()?;
        return std::str::from_utf8(&reply.body).ok()?.parse().ok();
    }
    let any: SocketAddr = if to.is_ipv4() { ([0u8; 4], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect((to, port)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Opens a raw socket. With a device it is bound to that.
pub(super) fn open(device: Option<&str>, version: Internet) -> nix::Result<OwnedFd> {
    let Some(keeper) = keeper::installed() else { return raw(device, version) };
    let opened = keeper.open(&Request::Probe(version, device));
    opened.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}

/// Opens such a socket with the privilege of this process.
pub(crate) fn raw(device: Option<&str>, version: Internet) -> nix::Result<OwnedFd> {
    let (family, protocol) = match version {
        Internet::V4 => (AddressFamily::Inet, SockProtocol::Icmp),
        Internet::V6 => (AddressFamily::Inet6, SockProtocol::IcmpV6),
    };
    let fd = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, protocol)?;
    if let Some(device) = device {
        setsockopt(&fd, sockopt::BindToDevice, &device.into())?;
    }
    // A probe of the device's full length is to leave in one piece, even if the kernel has learnt of a shorter way.
    // A kernel that refuses these options cuts such a probe.
    if family == AddressFamily::Inet6 {
        let _ = set_ipv6_mtu_discover(&fd, Ipv6PathMtuDiscovery::PROBE);
        bind(fd.as_raw_fd(), &SockaddrIn6::from(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0)))?;
    } else {
        let _ = set_ip_mtu_discover(&fd, Ipv4PathMtuDiscovery::PROBE);
        setsockopt(&fd, sockopt::Broadcast, &true)?;
    }
    Ok(fd)
}

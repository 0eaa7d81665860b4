//! Raw sockets that send and receive the messages of a probe.

use std::io::IoSlice;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn6, SockaddrLike, bind, sendmsg,
    setsockopt, socket, sockopt,
};
use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
};

/// Returns true if an address means something on one link only.
pub(super) fn needs_scope(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local() || address.is_multicast()
}

/// Sends a message. Never waits.
pub(super) fn send<A: SockaddrLike>(fd: Option<&OwnedFd>, message: &[u8], to: &A) -> nix::Result<usize> {
    let fd = fd.ok_or(Errno::EAFNOSUPPORT)?;
    sendmsg(fd.as_raw_fd(), &[IoSlice::new(message)], &[], MsgFlags::MSG_DONTWAIT, Some(to))
}

/// Returns the address that packets to another one leave from. No packet is sent: a UDP socket that is connected has its
/// route, and with it its source address.
pub(super) fn source_for(to: IpAddr) -> Option<IpAddr> {
    /// The port does not matter to the route. This one is that of the service "discard".
    const PORT: u16 = 9;
    let any: SocketAddr = if to.is_ipv4() { ([0u8; 4], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect((to, PORT)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Opens a raw socket. With a device it is bound to that.
pub(super) fn raw(
    device: Option<&str>,
    family: AddressFamily,
    protocol: SockProtocol,
) -> nix::Result<OwnedFd> {
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

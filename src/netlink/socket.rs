//! The sockets of netlink: opened here, or by the keeper of a process that has left root.
//!
//! The kernel lets a message do only what its sender may do as well as the opener of the socket. So on a socket of the
//! keeper's, the keeper has to send. Its answers come straight from the kernel, to whoever reads the socket.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::libc::EINVAL;
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;
use rtnetlink::sys::{Socket as Plain, SocketAddr, protocols};
use rustix::buffer::spare_capacity;
use rustix::net::{RecvFlags, recv};

use super::Family;
use crate::keeper::{self, Keeper, Request};

/// The longest wait for an answer, in seconds. The kernel answers at once unless the machine is loaded, and after this
/// time it will not answer any more.
const PATIENCE: i64 = 30;

/// The size of a subscription's buffer for messages that were not read yet, in bytes: enough for some thousand SAs.
const RECEIVE_BUFFER: usize = 8 << 20;

/// A socket of netlink.
#[derive(Debug)]
pub(crate) enum Socket {
    /// One of this process.
    Own(Plain),
    /// One that the keeper opened, and sends on.
    Kept(OwnedFd, &'static Keeper),
}

impl Socket {
    /// Opens a socket to a part of the kernel.
    pub(super) fn open(family: Family) -> io::Result<Self> {
        match keeper::installed() {
            Some(keeper) => Ok(Self::Kept(keeper.open(&Request::Netlink(family.number()))?, keeper)),
            None => connect(family).map(Self::Own),
        }
    }

    /// Opens a socket that has joined groups.
    pub(super) fn subscribed(family: Family, groups: &[u32]) -> io::Result<Self> {
        match keeper::installed() {
            Some(keeper) => {
                let request = Request::Subscribe(family.number(), groups.to_vec());
                Ok(Self::Kept(keeper.open(&request)?, keeper))
            }
            None => subscribe(family, groups).map(Self::Own),
        }
    }

    pub(super) fn send(&self, message: &[u8]) -> io::Result<()> {
        match self {
            Self::Own(socket) => socket.send(message, 0).map(drop),
            Self::Kept(socket, keeper) => keeper.ask(&Request::Send(message), Some(socket.as_fd())).map(drop),
        }
    }

    /// Waits for one datagram, and appends it.
    pub(super) fn receive(&self, to: &mut Vec<u8>) -> io::Result<usize> {
        Ok(recv(self, spare_capacity(to), RecvFlags::empty())?.0)
    }

    /// Reads one datagram if there is one, and returns its length.
    pub(super) fn receive_at_once(&self, to: &mut [u8]) -> io::Result<usize> {
        Ok(recv(self, to, RecvFlags::DONTWAIT)?.0)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Own(socket) => socket.as_fd(),
            Self::Kept(socket, _) => socket.as_fd(),
        }
    }
}

impl Family {
    /// All of them.
    const ALL: [Self; 5] = [Self::Route, Self::Xfrm, Self::Keys, Self::Generic, Self::Netfilter];

    /// Returns the number of its protocol (`NETLINK_…`), or one of our own if another part has that.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Keys => u8::MAX,
            other => u8::try_from(other.protocol()).unwrap_or(u8::MAX),
        }
    }

    /// Returns true if there may be secrets in the kernel's answers. Its sockets stay with the keeper, if there is one.
    pub(super) fn has_secrets(self) -> bool {
        matches!(self, Self::Xfrm | Self::Keys | Self::Generic)
    }

    /// Returns the part with this number.
    pub(crate) fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.number() == number)
    }

    fn protocol(self) -> isize {
        match self {
            Self::Route => protocols::NETLINK_ROUTE,
            Self::Xfrm | Self::Keys => protocols::NETLINK_XFRM,
            Self::Generic => protocols::NETLINK_GENERIC,
            Self::Netfilter => protocols::NETLINK_NETFILTER,
        }
    }
}

/// Opens a socket to a part of the kernel, with the privilege of this process.
pub(crate) fn connect(family: Family) -> io::Result<Plain> {
    let mut socket = Plain::new(family.protocol())?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    // Both may fail: kernels before 4.12 have no words, and those before 4.3 send back what they refuse.
    let _ = socket.set_ext_ack(true);
    let _ = socket.set_cap_ack(true);
    // This holds a thousand SAs. The kernel silently grants less to a process that may not have so much.
    socket.set_rx_buf_sz(1_i32 << 20)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(PATIENCE, 0))?;
    Ok(socket)
}

/// Opens a socket that has joined groups, with the privilege of this process. A kernel may lack groups other than the
/// first.
pub(crate) fn subscribe(family: Family, groups: &[u32]) -> io::Result<Plain> {
    let mut socket = Plain::new(family.protocol())?;
    socket.bind_auto()?;
    // A process that has the privilege only in a user namespace cannot enlarge the buffer and keeps the usual one.
    let _ = setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER);
    for (at, group) in groups.iter().enumerate() {
        match socket.add_membership(*group) {
            Err(error) if at > 0 && error.raw_os_error() == Some(EINVAL) => {}
            joined => joined?,
        }
    }
    Ok(socket)
}

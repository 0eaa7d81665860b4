//! WireGuard devices: their peers, as `wg show` prints them (linux `drivers/net/wireguard/netlink.c`,
//! `include/uapi/linux/wireguard.h`).
//!
//! The kernel's answer holds the private key of the device and the preshared keys of its peers. They are passed over
//! where they lie, and the received bytes are wiped. Only public keys are kept. A keeper has overwritten the others before.
//!
//! A device with many peers needs several messages, and so does a peer with many prefixes. The first message has what
//! belongs to the device. A peer that goes on in the next message stands there once more, with its public key and the
//! rest of its prefixes only.
//!
//! Numbers are in the machine's byte order, but an endpoint's port is in network order.

use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::generic::{self, HEADER};
use super::xfrm::{AF_INET, AF_INET6};
use super::{Netlink, Refusal, array_at, attributes, push_attribute, u16_at, u32_at, u64_at};
use crate::packet::Prefix;

const VERSION: u8 = 1;
const WG_CMD_GET_DEVICE: u8 = 0;
const WGDEVICE_A_IFINDEX: u16 = 1;
const WGDEVICE_A_PUBLIC_KEY: u16 = 4;
const WGDEVICE_A_LISTEN_PORT: u16 = 6;
const WGDEVICE_A_FWMARK: u16 = 7;
pub(super) const WGDEVICE_A_PEERS: u16 = 8;
const WGPEER_A_PUBLIC_KEY: u16 = 1;
const WGPEER_A_ENDPOINT: u16 = 4;
const WGPEER_A_LAST_HANDSHAKE_TIME: u16 = 6;
const WGPEER_A_RX_BYTES: u16 = 7;
const WGPEER_A_TX_BYTES: u16 = 8;
const WGPEER_A_ALLOWEDIPS: u16 = 9;
const WGALLOWEDIP_A_FAMILY: u16 = 1;
const WGALLOWEDIP_A_IPADDR: u16 = 2;
const WGALLOWEDIP_A_CIDR_MASK: u16 = 3;

/// The attributes of a device that are read, but for its peers. No secret is among them.
pub(super) const READ_OF_DEVICE: [u16; 4] =
    [WGDEVICE_A_IFINDEX, WGDEVICE_A_PUBLIC_KEY, WGDEVICE_A_LISTEN_PORT, WGDEVICE_A_FWMARK];
/// The attributes of a peer that are read. No secret is among them.
pub(super) const READ_OF_PEER: [u16; 6] = [
    WGPEER_A_PUBLIC_KEY,
    WGPEER_A_ENDPOINT,
    WGPEER_A_LAST_HANDSHAKE_TIME,
    WGPEER_A_RX_BYTES,
    WGPEER_A_TX_BYTES,
    WGPEER_A_ALLOWEDIPS,
];

/// The greatest numbers of peers and of their prefixes that are read of a device.
const MOST_PEERS: usize = 4096;
const MOST_PREFIXES: usize = 1 << 16;

/// The public key of a device or a peer: a point of Curve25519 (RFC 7748), in the order of the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey(pub [u8; 32]);

/// Base64 with padding, as `wg show` prints it.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// The tunnel of a WireGuard device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireGuard {
    /// The device's own key. A device that was given none can neither send nor receive.
    pub public_key: Option<PublicKey>,
    /// The UDP port that it sends from and listens at, 0 if it was never up.
    pub listen_port: u16,
    /// The mark of its messages, 0 for none. Rules choose routing tables by it.
    pub fwmark: u32,
    /// The peers, in the order of the kernel.
    pub peers: Vec<Peer>,
    /// True if no socket of the device's namespace is at its port, so that its messages leave in another namespace: the
    /// one that the device was made in. The kernel does not say this of the device. The caller who looks for the socket
    /// fills it in.
    pub foreign_socket: bool,
}

/// A peer of a WireGuard device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The key that the peer is known by.
    pub public_key: PublicKey,
    /// The address that messages are sent to: the one that was configured, or the one that the last authentic message
    /// came from.
    pub endpoint: Option<SocketAddr>,
    /// The inner addresses that are the peer's: packets to them are sent to it, and packets from them are taken from it.
    pub allowed: Vec<Prefix>,
    /// The number of bytes of messages that were received, with their headers inside of UDP.
    pub received: u64,
    /// The number of bytes of messages that were sent, with their headers inside of UDP.
    pub sent: u64,
    /// The time of the last handshake.
    pub handshake: Option<SystemTime>,
}

impl WireGuard {
    /// Returns the peer that a packet to this inner address is sent to (cryptokey routing): the one with the longest
    /// prefix. No two peers of a device have the same prefix.
    pub fn peer_for(&self, address: IpAddr) -> Option<&Peer> {
        let holds = |peer: &Peer| {
            let lengths = peer.allowed.iter().filter(|prefix| prefix.contains(address));
            lengths.map(|prefix| prefix.length()).max()
        };
        let found = self.peers.iter().filter_map(|peer| Some((holds(peer)?, peer)));
        found.max_by_key(|(length, _)| *length).map(|(_, peer)| peer)
    }

    /// Returns the addresses that messages are sent to, each once.
    pub fn endpoints(&self) -> Vec<SocketAddr> {
        let mut all: Vec<SocketAddr> = self.peers.iter().filter_map(|peer| peer.endpoint).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Asks for the number under which the kernel has WireGuard, for [`device`].
pub(crate) fn family(netlink: &mut Netlink) -> Result<u16, Refusal> {
    generic::family(netlink, "wireguard")
}

/// Reads the device with this index, for which the kernel wants `CAP_NET_ADMIN`. A device with more peers or prefixes
/// than are kept is an error, because it would not be known which peer a packet is for.
pub(crate) fn device(netlink: &mut Netlink, family: u16, index: u32) -> Result<WireGuard, Refusal> {
    let mut message = generic::command(WG_CMD_GET_DEVICE, VERSION);
    push_attribute(&mut message, WGDEVICE_A_IFINDEX, &index.to_ne_bytes());
    let mut reading = Reading::default();
    netlink.dump(family, &message, |kind, body| {
        if kind == family {
            reading.add(body);
        }
        None::<()>
    })?;
    reading.finish()
}

/// A device whose messages are coming in.
#[derive(Default)]
pub(crate) struct Reading {
    device: Option<WireGuard>,
    prefixes: usize,
    too_many: bool,
}

impl Reading {
    /// Adds one message. A dump that is asked for again begins with the device's own attributes, and so does this.
    pub(crate) fn add(&mut self, body: &[u8]) {
        let all = || attributes(body.get(HEADER..).unwrap_or_default());
        if all().any(|(kind, _)| kind == WGDEVICE_A_IFINDEX) {
            *self = Self { device: Some(WireGuard::default()), ..Self::default() };
        }
        let Some(device) = &mut self.device else { return };
        for (kind, value) in all() {
            match kind {
                WGDEVICE_A_PUBLIC_KEY => device.public_key = array_at(value, 0).map(PublicKey),
                WGDEVICE_A_LISTEN_PORT => device.listen_port = u16_at(value, 0).unwrap_or(0),
                WGDEVICE_A_FWMARK => device.fwmark = u32_at(value, 0).unwrap_or(0),
                WGDEVICE_A_PEERS => {
                    for (_, peer) in attributes(value) {
                        self.too_many |= !add_peer(&mut device.peers, &mut self.prefixes, peer);
                    }
                }
                _ => {}
            }
        }
    }

    pub(crate) fn finish(self) -> Result<WireGuard, Refusal> {
        use nix::libc::{E2BIG, ENODEV};
        if self.too_many {
            return Err(Refusal::new(E2BIG));
        }
        self.device.ok_or_else(|| Refusal::new(ENODEV))
    }
}

/// Adds a peer, or more prefixes of the last one. Returns false if they are more than are kept.
fn add_peer(peers: &mut Vec<Peer>, prefixes: &mut usize, bytes: &[u8]) -> bool {
    let find = |wanted| attributes(bytes).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let Some(key) = find(WGPEER_A_PUBLIC_KEY).and_then(|value| array_at(value, 0)).map(PublicKey) else {
        return true;
    };
    let number = |kind| find(kind).and_then(|value| u64_at(value, 0)).unwrap_or(0);
    if peers.last().is_none_or(|last| last.public_key != key) {
        if peers.len() == MOST_PEERS {
            return false;
        }
        peers.push(Peer {
            public_key: key,
            endpoint: find(WGPEER_A_ENDPOINT).and_then(socket_address),
            allowed: Vec::new(),
            received: number(WGPEER_A_RX_BYTES),
            sent: number(WGPEER_A_TX_BYTES),
            handshake: find(WGPEER_A_LAST_HANDSHAKE_TIME).and_then(time),
        });
    }
    let Some(peer) = peers.last_mut() else { return true };
    for (_, one) in attributes(find(WGPEER_A_ALLOWEDIPS).unwrap_or_default()) {
        if *prefixes == MOST_PREFIXES {
            return false;
        }
        if let Some(prefix) = prefix(one) {
            *prefixes += 1;
            peer.allowed.push(prefix);
        }
    }
    true
}

fn prefix(bytes: &[u8]) -> Option<Prefix> {
    let find = |wanted| attributes(bytes).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let address = find(WGALLOWEDIP_A_IPADDR)?;
    let address = match u16_at(find(WGALLOWEDIP_A_FAMILY)?, 0)? {
        AF_INET => IpAddr::from(array_at::<4>(address, 0)?),
        AF_INET6 => IpAddr::from(array_at::<16>(address, 0)?),
        _ => return None,
    };
    Prefix::new(address, *find(WGALLOWEDIP_A_CIDR_MASK)?.first()?)
}

/// Reads a `sockaddr_in` or a `sockaddr_in6`: family (2), port (2), then the address (4), or the flow (4), the address
/// (16) and the number of the link (4).
fn socket_address(bytes: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes(array_at(bytes, 2)?);
    match u16_at(bytes, 0)? {
        AF_INET => Some(SocketAddrV4::new(array_at::<4>(bytes, 4)?.into(), port).into()),
        AF_INET6 => {
            let address = array_at::<16>(bytes, 8)?.into();
            let flow = u32::from_be_bytes(array_at(bytes, 4)?);
            Some(SocketAddrV6::new(address, port, flow, u32_at(bytes, 24)?).into())
        }
        _ => None,
    }
}

/// Reads a `__kernel_timespec`: seconds (8) and nanoseconds (8). All zeros stand for never.
fn time(bytes: &[u8]) -> Option<SystemTime> {
    let since = Duration::new(u64_at(bytes, 0)?, u32::try_from(u64_at(bytes, 8)?).ok()?.min(999_999_999));
    UNIX_EPOCH.checked_add(since).filter(|_| !since.is_zero())
}

#[cfg(test)]
mod tests;

//! The probe: ICMP echo through the overlay, with a canary in it.
//!
//! The kernel of the target answers, so nothing has to be installed there, and the reply carries the canary back. A
//! raw socket sends the probes, bound to the overlay's device in the network namespace of that device. The canary is
//! text in a line of HTTP, so that it can be found by eye as well. Rounds differ in the length of their probes,
//! because without a key ESP shows little but its length.
//!
//! If an address does not answer, the next one behind the same peer is tried. A target's own refusal counts as an
//! answer, because it shows that the probe arrived.

mod echo;

use std::io::IoSlice;
use std::net::{IpAddr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::SystemTime;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, SockaddrLike, bind,
    recv, sendmsg, setsockopt, socket, sockopt,
};

use super::network::Entry;
use super::tally::Probe;
use crate::escape::escape;
use crate::host::namespace::Namespace;
use crate::packet::IpVersion;

/// A random token that nothing else on the wire has in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary(String);

impl Canary {
    /// Makes a random canary.
    ///
    /// # Errors
    /// The error of the system if it has no randomness to give.
    pub fn random() -> std::io::Result<Self> {
        let mut bytes = [0; 10];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes.iter().fold("ovlsniff-canary-".to_owned(), |text, byte| format!("{text}{byte:02x}"))))
    }

    /// Returns the bytes to look for.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// The most messages that are read at a time, so that a flood of other messages does not hold up the watch.
const MOST_REPLIES: usize = 1024;

/// The target of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The node, by its underlay address.
    pub peer: IpAddr,
    /// The overlay address.
    pub address: IpAddr,
}

/// The reasons why nothing can be probed. Names are escaped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user may not open raw sockets.
    #[error("probe through {0}: permission denied; run as root, or judge what passes by with --passive")]
    Permission(String),
    /// The kernel refused.
    #[error("probe through {device}: {cause}")]
    Socket {
        /// The device.
        device: String,
        /// The kernel's error.
        cause: Errno,
    },
    /// The network namespace of the device cannot be entered.
    #[error(transparent)]
    Namespace(#[from] crate::host::namespace::Error),
}

/// The length of the shortest payload in bytes.
const SHORTEST: usize = 72;
/// The step between two lengths in bytes.
const STEP: usize = super::lengths::STEP as usize;
/// The number of different lengths. The longest packet fits an overlay on the smallest of usual MTUs.
const LENGTHS: usize = 53;

/// The number of probes without a reply after which the next address of a peer is tried.
const SILENT: u32 = 4;

/// A peer, and the addresses behind it. One of them that answers is enough.
#[derive(Debug)]
struct Aim {
    peer: IpAddr,
    addresses: Vec<IpAddr>,
    at: usize,
    /// The number of probes since the last reply, or since the address was changed.
    silent: u32,
}

impl Aim {
    /// Returns the address for the next probe.
    fn next(&mut self) -> Option<IpAddr> {
        if self.silent >= SILENT {
            self.at = (self.at + 1) % self.addresses.len().max(1);
            self.silent = 0;
        }
        self.silent += 1;
        self.addresses.get(self.at).copied()
    }
}

/// Sends probes and takes their replies.
#[derive(Debug)]
pub struct Prober {
    four: Option<OwnedFd>,
    six: Option<OwnedFd>,
    scope: u32,
    canary: Canary,
    aims: Vec<Aim>,
    identifier: u16,
    probes: Vec<Probe>,
    rounds: usize,
}

impl Prober {
    /// Opens the sockets, bound to the device, in its network namespace. If a peer has several targets, the next one
    /// is tried when one does not answer.
    pub fn open(entry: &Entry, canary: Canary, targets: &[Target]) -> Result<Self, Error> {
        let open = || -> Result<_, Errno> {
            let four = targets.iter().any(|target| target.address.is_ipv4());
            let six = targets.iter().any(|target| target.address.is_ipv6());
            let four =
                four.then(|| raw(&entry.device, AddressFamily::Inet, SockProtocol::Icmp)).transpose()?;
            let six =
                six.then(|| raw(&entry.device, AddressFamily::Inet6, SockProtocol::IcmpV6)).transpose()?;
            let scope = nix::net::if_::if_nametoindex(entry.device.as_str()).unwrap_or(0);
            Ok((four, six, scope))
        };
        let namespace = Namespace::given(entry.namespace.as_deref())?;
        let opened = Namespace::run(namespace.as_ref(), open)?;
        let device = || escape(&entry.device).into_owned();
        let (four, six, scope) = opened.map_err(|cause| match cause {
            Errno::EPERM | Errno::EACCES => Error::Permission(device()),
            cause => Error::Socket { device: device(), cause },
        })?;
        let identifier = canary
            .bytes()
            .iter()
            .rev()
            .take(6)
            .fold(0u16, |sum, byte| sum.wrapping_mul(31).wrapping_add(u16::from(*byte)));
        Ok(Self { four, six, scope, canary, aims: aims(targets), identifier, probes: Vec::new(), rounds: 0 })
    }

    /// Sends one probe to every peer. A probe that cannot be sent counts as one without a reply.
    pub fn round(&mut self) {
        let targets: Vec<Target> = self
            .aims
            .iter_mut()
            .filter_map(|aim| Some(Target { peer: aim.peer, address: aim.next()? }))
            .collect();
        self.probe(&targets);
    }

    /// Sends one probe to every target.
    pub fn sweep(&mut self) {
        let all = self
            .aims
            .iter()
            .flat_map(|aim| aim.addresses.iter().map(|&address| Target { peer: aim.peer, address }));
        let all: Vec<Target> = all.collect();
        self.probe(&all);
    }

    fn probe(&mut self, targets: &[Target]) {
        // The walk visits every length once in 53 rounds, because 23 and 53 have no common factor. It does not count
        // up.
        let len = SHORTEST + STEP * (self.rounds * 23 % LENGTHS);
        self.rounds += 1;
        for &Target { peer, address } in targets {
            let sequence = self.probes.len() as u16;
            let message =
                echo::request(IpVersion::of(address), self.identifier, sequence, self.canary.bytes(), len);
            let headers = if address.is_ipv4() { 14 + 20 } else { 14 + 40 };
            let inner_len = headers + message.len() as u32;
            self.probes.push(Probe { peer, sent: SystemTime::now().into(), inner_len, answered: false });
            // The link may be down or the route gone. Then there is no reply.
            let _ = self.send(address, &message);
        }
    }

    /// Takes the replies that have come.
    pub fn collect(&mut self) {
        let mut buffer = [0; 2048];
        for (fd, version) in [(&self.four, IpVersion::V4), (&self.six, IpVersion::V6)] {
            let Some(fd) = fd else { continue };
            for _ in 0..MOST_REPLIES {
                let Ok(len) = recv(fd.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) else { break };
                let packet = buffer.get(..len).unwrap_or(&[]);
                let sequence = echo::answered(packet, version, self.identifier, self.canary.bytes());
                let latest = sequence.and_then(|sequence| latest(self.probes.len(), sequence));
                let Some(probe) = latest.and_then(|at| self.probes.get_mut(at)) else { continue };
                probe.answered = true;
                if let Some(aim) = self.aims.iter_mut().find(|aim| aim.peer == probe.peer) {
                    aim.silent = 0;
                }
            }
        }
    }

    /// Returns the probes that were sent.
    pub fn probes(&self) -> &[Probe] {
        &self.probes
    }

    fn send(&self, to: IpAddr, message: &[u8]) -> nix::Result<usize> {
        match to {
            IpAddr::V4(to) => send(self.four.as_ref(), message, &SockaddrIn::from(SocketAddrV4::new(to, 0))),
            IpAddr::V6(to) => {
                let scope = if needs_scope(to) { self.scope } else { 0 };
                send(self.six.as_ref(), message, &SockaddrIn6::from(SocketAddrV6::new(to, 0, 0, scope)))
            }
        }
    }
}

/// Returns the position of the latest probe with this sequence number, which repeats after 65,536 probes.
fn latest(sent: usize, sequence: u16) -> Option<usize> {
    const NUMBERS: usize = 1 << 16;
    let sequence = usize::from(sequence);
    let later = sent.checked_sub(1 + sequence)? / NUMBERS;
    Some(sequence + later * NUMBERS)
}

/// Groups the targets by their peers, in their order.
fn aims(targets: &[Target]) -> Vec<Aim> {
    let mut aims: Vec<Aim> = Vec::new();
    for &Target { peer, address } in targets {
        match aims.iter_mut().find(|aim| aim.peer == peer) {
            Some(aim) => aim.addresses.push(address),
            None => aims.push(Aim { peer, addresses: vec![address], at: 0, silent: 0 }),
        }
    }
    aims
}

fn needs_scope(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local() || address.is_multicast()
}

fn send<A: SockaddrLike>(fd: Option<&OwnedFd>, message: &[u8], to: &A) -> nix::Result<usize> {
    let fd = fd.ok_or(Errno::EAFNOSUPPORT)?;
    sendmsg(fd.as_raw_fd(), &[IoSlice::new(message)], &[], MsgFlags::MSG_DONTWAIT, Some(to))
}

fn raw(device: &str, family: AddressFamily, protocol: SockProtocol) -> nix::Result<OwnedFd> {
    let fd = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, protocol)?;
    setsockopt(&fd, sockopt::BindToDevice, &device.into())?;
    if family == AddressFamily::Inet6 {
        bind(fd.as_raw_fd(), &SockaddrIn6::from(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0)))?;
    }
    Ok(fd)
}

/// Returns addresses to try if none behind the peers is known: the group of all nodes on the link (RFC 4291 section
/// 2.7.1), and every address of an IPv4 subnet of at most 256 addresses.
pub fn candidates(entry: &Entry) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for own in &entry.addresses {
        let (address, prefix) = (own.address(), own.length());
        match address {
            IpAddr::V4(own) if (24..=30).contains(&prefix) => {
                let first = u32::from(own) & (u32::MAX << (32 - prefix));
                let hosts = (1..(1u32 << (32 - prefix)) - 1).map(|n| IpAddr::from((first + n).to_be_bytes()));
                found.extend(hosts.filter(|host| *host != address));
            }
            IpAddr::V4(own) if prefix == 31 => found.push((u32::from(own) ^ 1).to_be_bytes().into()),
            IpAddr::V6(own) if own.is_unicast_link_local() => {
                found.push(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1).into());
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Prefix;

    #[test]
    fn of_the_probes_with_one_number_the_last_is_answered() {
        assert_eq!(latest(0, 0), None);
        assert_eq!(latest(5, 5), None);
        assert_eq!(latest(5, 4), Some(4));
        assert_eq!(latest(65_536, 0), Some(0));
        assert_eq!(latest(65_537, 0), Some(65_536));
        assert_eq!(latest(65_537, 1), Some(1));
        assert_eq!(latest(200_000, 3), Some(196_611));
    }

    fn target(address: &str) -> Target {
        Target { peer: "192.0.2.2".parse().unwrap(), address: address.parse().unwrap() }
    }

    fn prober() -> Prober {
        Prober {
            four: None,
            six: None,
            scope: 0,
            canary: Canary("ovlsniff-canary-00112233445566778899".to_owned()),
            aims: aims(&[target("10.0.0.2")]),
            identifier: 7,
            probes: Vec::new(),
            rounds: 0,
        }
    }

    #[test]
    fn lengths_are_distinct_and_steps_wider_than_padding() {
        let mut prober = prober();
        (0..LENGTHS).for_each(|_| prober.round());
        let mut lengths: Vec<u32> = prober.probes().iter().map(|probe| probe.inner_len).collect();
        assert!(lengths[1].abs_diff(lengths[0]) > 16);
        lengths.sort_unstable();
        assert!(lengths.windows(2).all(|pair| pair[1] - pair[0] >= 16), "{lengths:?}");
        assert!(lengths[LENGTHS - 1] < 1280);
    }

    #[test]
    fn an_address_that_does_not_answer_is_left_for_the_next_of_its_peer() {
        let mut aims = aims(&[target("10.0.0.2"), target("10.0.0.3")]);
        assert_eq!(aims.len(), 1);
        let tried: Vec<_> = (0..9).filter_map(|_| aims[0].next()).map(|ip| ip.to_string()).collect();
        assert_eq!(tried[..4], ["10.0.0.2"; 4]);
        assert_eq!(tried[4..8], ["10.0.0.3"; 4]);
        assert_eq!(tried[8], "10.0.0.2");
        aims[0].silent = 0;
        assert!((0..3).all(|_| aims[0].next() == Some("10.0.0.2".parse().unwrap())));
    }

    #[test]
    fn a_small_subnet_is_tried_and_a_large_one_not() {
        let entry = |address: &str, length| Entry {
            device: String::new(),
            namespace: None,
            addresses: vec![Prefix::new(address.parse().unwrap(), length).unwrap()],
        };
        assert_eq!(candidates(&entry("10.0.0.1", 30)), ["10.0.0.2".parse::<IpAddr>().unwrap()]);
        assert_eq!(candidates(&entry("10.0.0.1", 31)), ["10.0.0.0".parse::<IpAddr>().unwrap()]);
        assert_eq!(candidates(&entry("10.0.0.1", 24)).len(), 253);
        assert!(candidates(&entry("10.0.0.1", 16)).is_empty());
        assert_eq!(candidates(&entry("fe80::1", 64)), ["ff02::1".parse::<IpAddr>().unwrap()]);
    }
}

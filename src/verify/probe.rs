//! The probe: ICMP echo through the overlay, with a canary in it.
//!
//! The kernel of the target answers, so nothing has to be installed there, and the reply carries the canary back. A
//! raw socket sends the probes, bound to the overlay's device in the network namespace of that device. Where routes or
//! rules lead packets into the overlay, the socket is not bound, so that probes go the way of everybody else. The canary is
//! text in a line of HTTP, so that it can be found by eye as well. Rounds differ in the length of their probes,
//! because without a key ESP shows little but its length (`size`).
//!
//! If an address does not answer, the next one behind the same peer is tried. A target's own refusal counts as an
//! answer, because it shows that the probe arrived.
//!
//! Every probe that was sent has to be seen on a wire, answered or not. Some probes need not be: one that the kernel
//! refused, one that a device called too long, and the first ones to an address, which may wait for a neighbour or a
//! key. The rest are due ([`Probe::due`]).
//!
//! Broadcasts take another way through the overlay than packets to one address. So a few messages are sent that
//! are no probes, because nobody has to let them through: an echo request to the subnet's broadcast address, and one to
//! an address that probably nobody has, for which the kernel asks everybody by ARP. They only have to be encrypted.

mod addresses;
mod aim;
mod canary;
mod echo;
mod size;
mod socket;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::SystemTime;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, SockaddrIn, SockaddrIn6, recv};

use super::network::Entry;
use super::tally::Probe;
use crate::escape::escape;
use crate::host::namespace::Namespace;
use crate::keeper::Internet;
use crate::packet::{IpVersion, Prefix};
pub use addresses::candidates;
use addresses::outside;
use aim::{Aim, aims};
pub use canary::Canary;
use echo::{Heard, Quoted};
use socket::{index_of, needs_scope, send};
pub(crate) use socket::{raw, source_for};

/// The most messages that are read at a time, so that a flood of other messages does not hold up the watch.
const MOST_REPLIES: usize = 1024;

/// The target of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The node, by its underlay address.
    pub peer: IpAddr,
    /// The overlay address.
    pub address: IpAddr,
    /// True if it is only presumed that somebody has the address ([`Probe::presumed`]).
    pub presumed: bool,
}

/// The reasons why nothing can be probed. Names are escaped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user may not open raw sockets.
    #[error("probe through {0}: permission denied; run as root, in a container with the capability NET_RAW")]
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

/// The port of the service "discard". The port of a probe's route does not matter.
const DISCARD: u16 = 9;
/// The number of rounds between two broadcasts.
const ROUNDS_TO_BROADCAST: usize = 4;
/// The lengths of the headers in front of a probe's data in bytes: ICMP and IP. The inner frame has Ethernet's too.
const HEADERS_V4: usize = 8 + 20;
const HEADERS_V6: usize = 8 + 40;
const ETHERNET: usize = 14;

/// Sends probes and takes their replies.
#[derive(Debug)]
pub struct Prober {
    four: Option<OwnedFd>,
    six: Option<OwnedFd>,
    scope: u32,
    canary: Canary,
    aims: Vec<Aim>,
    /// The addresses that were probed at least once.
    tried: BTreeSet<IpAddr>,
    identifier: u16,
    probes: Vec<Probe>,
    rounds: usize,
    /// The length in bytes of the longest packet that the device takes; 0 if that is not known.
    mtu: usize,
    /// The device's own addresses. There are none if probes go by the routes.
    own: Vec<Prefix>,
    /// The addresses that probes leave from, by those that they go to, if they go by the routes.
    sources: BTreeMap<IpAddr, IpAddr>,
    /// False if a probe to an address that never answered may not have left.
    certain: bool,
}

impl Prober {
    /// Opens the sockets in the network namespace of the device, and binds them to the device unless probes go by the
    /// routes. If a peer has several targets, the next one is tried when one does not answer.
    pub fn open(entry: &Entry, canary: Canary, targets: &[Target]) -> Result<Self, Error> {
        let open = || -> Result<_, Errno> {
            let four = targets.iter().any(|target| target.address.is_ipv4());
            let six = targets.iter().any(|target| target.address.is_ipv6());
            let device = (!entry.routed).then_some(entry.device.as_str());
            let four = four.then(|| socket::open(device, Internet::V4)).transpose()?;
            let six = six.then(|| socket::open(device, Internet::V6)).transpose()?;
            let scope = six.as_ref().map_or(0, |six| index_of(&entry.device, six));
            let sources = if entry.routed { sources(targets) } else { BTreeMap::new() };
            Ok((four, six, scope, sources))
        };
        let namespace = Namespace::given(entry.namespace.as_deref())?;
        let opened = Namespace::run(namespace.as_ref(), open)?;
        let device = || escape(&entry.device).into_owned();
        let (four, six, scope, sources) = opened.map_err(|cause| match cause {
            Errno::EPERM | Errno::EACCES => Error::Permission(device()),
            cause => Error::Socket { device: device(), cause },
        })?;
        Ok(Self {
            four,
            six,
            scope,
            identifier: canary.identifier(),
            canary,
            aims: aims(targets, entry.routed),
            tried: BTreeSet::new(),
            probes: Vec::new(),
            rounds: 0,
            mtu: entry.mtu as usize,
            own: if entry.routed { Vec::new() } else { entry.addresses.clone() },
            sources,
            // A device without link-layer addresses asks nobody for one before it sends.
            certain: !entry.routed || entry.mac.is_none(),
        })
    }

    /// Sends a round of probes to every peer, and now and then a broadcast.
    pub fn round(&mut self) {
        let targets: Vec<Target> = self.aims.iter_mut().filter_map(Aim::next).collect();
        for target in &targets {
            let most = self.most(target.address);
            for len in size::of_round(self.rounds, most) {
                self.probe(*target, len);
            }
            self.tried.insert(target.address);
        }
        if self.rounds % ROUNDS_TO_BROADCAST == 0 {
            self.broadcast();
        }
        self.rounds += 1;
    }

    /// Sends one probe of a usual length to every target.
    pub fn sweep(&mut self) {
        let all: Vec<Target> = self.aims.iter().flat_map(|aim| &aim.targets).copied().collect();
        for target in all {
            self.probe(target, size::of_round(0, None)[0]);
        }
    }

    /// Sends a probe. One that the kernel refuses was not sent, and is not remembered.
    fn probe(&mut self, Target { peer, address, presumed }: Target, len: usize) {
        let sequence = self.probes.len() as u16;
        let message =
            echo::request(IpVersion::of(address), self.identifier, sequence, self.canary.bytes(), len);
        let headers = ETHERNET + if address.is_ipv4() { 20 } else { 40 };
        let sent = SystemTime::now().into();
        if self.send(address, &message).is_ok() {
            self.probes.push(Probe {
                peer,
                address,
                sequence,
                sent,
                inner_len: (headers + message.len()) as u32,
                answered: false,
                due: self.certain && self.tried.contains(&address),
                presumed,
            });
        }
    }

    /// Returns the length in bytes of the longest data that fits into one packet.
    fn most(&self, to: IpAddr) -> Option<usize> {
        let headers = if to.is_ipv4() { HEADERS_V4 } else { HEADERS_V6 };
        self.mtu.checked_sub(headers)
    }

    /// Sends an echo request to each subnet's broadcast address, and one to an address that probably nobody has.
    fn broadcast(&self) {
        let identifier = self.identifier.wrapping_add(1);
        let message =
            echo::request(IpVersion::V4, identifier, 0, self.canary.bytes(), size::of_round(0, None)[0]);
        for to in self.own.iter().filter_map(|own| outside(*own, &self.tried)).flatten() {
            // A broadcast is nobody's to answer, and the kernel may refuse it.
            let _ = self.send(to, &message);
        }
    }

    /// Takes the replies that have come.
    pub fn collect(&mut self) {
        let mut buffer = [0; 2048];
        for version in IpVersion::BOTH {
            for _ in 0..MOST_REPLIES {
                let fd = match version {
                    IpVersion::V4 => &self.four,
                    IpVersion::V6 => &self.six,
                };
                let Some(fd) = fd else { break };
                let Ok(len) = recv(fd.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) else { break };
                match echo::heard(buffer.get(..len).unwrap_or(&[]), version) {
                    Some(Heard::Answer(message)) => self.answered(message, version),
                    Some(Heard::TooLong { probe, most }) => self.too_long(probe, most, version),
                    None => {}
                }
            }
        }
    }

    fn answered(&mut self, message: Quoted<'_>, version: IpVersion) {
        let Some(at) = self.sent(message, version) else { return };
        let Some(probe) = self.probes.get_mut(at) else { return };
        probe.answered = true;
        let (peer, address) = (probe.peer, probe.address);
        let aimed = |aim: &&mut Aim| aim.peer == peer && aim.has(address);
        if let Some(aim) = self.aims.iter_mut().find(aimed) {
            aim.silent = 0;
        }
    }

    fn too_long(&mut self, message: Quoted<'_>, most: u32, version: IpVersion) {
        let Some(at) = self.sent(message, version) else { return };
        let Some(probe) = self.probes.get_mut(at) else { return };
        probe.due = false;
        // A length that no link has would make the probes senseless.
        if (576..).contains(&most) {
            self.mtu = self.mtu.min(most as usize);
        }
    }

    /// Returns the position of the probe that this message was.
    fn sent(&self, message: Quoted<'_>, version: IpVersion) -> Option<usize> {
        let at = latest(self.probes.len(), message.sequence()?)?;
        let probe = self.probes.get(at)?;
        let headers = ETHERNET + if probe.address.is_ipv4() { HEADERS_V4 } else { HEADERS_V6 };
        let len = (probe.inner_len as usize).checked_sub(headers)?;
        let sent = echo::request(version, self.identifier, probe.sequence, self.canary.bytes(), len);
        (IpVersion::of(probe.address) == version && message.is(&sent)).then_some(at)
    }

    /// Ends the probing. Probes to addresses on the link that never answered, and for which the kernel has no
    /// neighbour, did not leave: the kernel could not address their frames. `neighbours` are those that it has.
    pub fn finish(&mut self, neighbours: &[IpAddr]) {
        let answered: BTreeSet<IpAddr> =
            self.probes.iter().filter(|probe| probe.answered).map(|probe| probe.address).collect();
        for probe in &mut self.probes {
            let on_link = self.own.iter().any(|own| own.contains(probe.address));
            let known = neighbours.contains(&probe.address) || answered.contains(&probe.address);
            probe.due &= known || !on_link || probe.address.is_multicast();
        }
    }

    /// Returns the addresses that were probed and never answered.
    pub fn silent(&self) -> Vec<IpAddr> {
        let answered: BTreeSet<IpAddr> =
            self.probes.iter().filter(|probe| probe.answered).map(|probe| probe.address).collect();
        self.tried.iter().filter(|address| !answered.contains(address)).copied().collect()
    }

    /// Returns the probes that were sent.
    pub fn probes(&self) -> &[Probe] {
        &self.probes
    }

    /// Returns the identifier of the probes' ICMP messages.
    pub fn identifier(&self) -> u16 {
        self.identifier
    }

    /// Returns the pairs of addresses that probes are sent between, those of this node first.
    pub fn ends(&self) -> Vec<(IpAddr, IpAddr)> {
        let targets = self.aims.iter().flat_map(|aim| &aim.targets);
        let own = |to: IpAddr| {
            let near = self.own.iter().filter(move |own| own.contains(to)).map(|own| own.address());
            near.chain(self.sources.get(&to).copied())
        };
        targets.flat_map(|to| own(to.address).map(move |from| (from, to.address))).collect()
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

/// Returns the addresses that packets to the targets leave from in the namespace of this thread, as far as there are
/// routes.
fn sources(targets: &[Target]) -> BTreeMap<IpAddr, IpAddr> {
    let from = |target: &Target| Some((target.address, source_for(target.address, DISCARD)?));
    targets.iter().filter_map(from).collect()
}

/// Returns the position of the latest probe with this sequence number, which repeats after 65,536 probes.
fn latest(sent: usize, sequence: u16) -> Option<usize> {
    const NUMBERS: usize = 1 << 16;
    let sequence = usize::from(sequence);
    let later = sent.checked_sub(1 + sequence)? / NUMBERS;
    Some(sequence + later * NUMBERS)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        Target { peer: "192.0.2.2".parse().unwrap(), address: address.parse().unwrap(), presumed: false }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Returns a prober that has sent one probe to each of these addresses.
    fn prober(sent: &[&str]) -> Prober {
        let probe = |(at, address): (usize, &&str)| Probe {
            peer: ip("192.0.2.2"),
            address: ip(address),
            sequence: at as u16,
            sent: crate::packet::Timestamp::new(0, 0, 9),
            inner_len: 14 + 20 + 8 + 72,
            answered: false,
            due: true,
            presumed: false,
        };
        Prober {
            certain: true,
            sources: BTreeMap::new(),
            four: None,
            six: None,
            scope: 0,
            canary: Canary("ovlsniff-canary-00112233445566778899".to_owned()),
            aims: aims(&[target("10.0.0.2")], false),
            tried: sent.iter().map(|address| ip(address)).collect(),
            identifier: 7,
            probes: sent.iter().enumerate().map(probe).collect(),
            rounds: 0,
            mtu: 1400,
            own: vec!["10.0.0.1/24".parse().unwrap()],
        }
    }

    #[test]
    fn a_probe_that_the_kernel_refuses_was_not_sent() {
        let mut prober = prober(&[]);
        prober.round();
        assert_eq!(prober.probes(), []);
    }

    #[test]
    fn probes_that_could_not_be_addressed_need_not_be_seen() {
        let mut prober = prober(&["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.9.9.9"]);
        prober.probes[1].answered = true;
        prober.finish(&[ip("10.0.0.4")]);
        // 10.0.0.4 does not answer, but its neighbour is known, and 10.9.9.9 is behind some router.
        let due: Vec<bool> = prober.probes().iter().map(|probe| probe.due).collect();
        assert_eq!(due, [false, true, true, true]);
        assert_eq!(prober.silent(), ["10.0.0.2", "10.0.0.4", "10.9.9.9"].map(ip));
    }

    #[test]
    fn a_device_that_calls_a_probe_too_long_shortens_the_next_ones() {
        let mut prober = prober(&["10.0.0.2"]);
        let sent = echo::request(IpVersion::V4, 7, 0, prober.canary.bytes(), 72);
        let error = [&[0x45; 20][..], &[3, 4, 0, 0, 0, 0, 5, 20], &[0x45; 20], &sent].concat();
        let Some(Heard::TooLong { probe, most }) = echo::heard(&error, IpVersion::V4) else {
            panic!("not heard")
        };
        prober.too_long(probe, most, IpVersion::V4);
        assert!(!prober.probes()[0].due && !prober.probes()[0].answered);
        assert_eq!(prober.most(ip("10.0.0.2")), Some(1300 - 28));
    }
}

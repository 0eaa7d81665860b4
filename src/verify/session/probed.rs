//! A network, with the prober that sends into it.

use std::net::IpAddr;
use std::time::Duration;

use super::Error;
use crate::host::namespace::Namespace;
use crate::host::namespaces::Namespaces;
use crate::host::survey::neighbours;
use crate::packet::{IpVersion, Prefix};
use crate::verify::network::Network;
use crate::verify::probe::{Canary, Prober, Target, candidates};
use crate::verify::sources::refresh;
use crate::verify::tally::Probe;

/// The most addresses of a peer that are tried until one answers.
const TRIED: usize = 4;
/// The time to wait for answers when addresses have to be discovered.
const DISCOVERY: Duration = Duration::from_millis(800);

/// A network, with its prober and the canary.
pub(super) struct Probed {
    pub(super) network: Network,
    prober: Option<Prober>,
    canary: Option<Canary>,
}

impl Probed {
    /// Makes a network that is only watched.
    pub(super) fn passively(network: Network) -> Self {
        Self { network, prober: None, canary: None }
    }

    /// Makes a network with a canary, and opens sockets to probe these targets or, if there are none, the addresses
    /// that are known behind its peers. Without an address, or a device to send from, there is a canary but no
    /// prober.
    pub(super) fn new(network: Network, targets: &[IpAddr]) -> Result<Self, Error> {
        let canary = Canary::random().map_err(Error::Random)?;
        let targets = if targets.is_empty() { found(&network) } else { given(&network, targets) };
        let prober = match &network.entry {
            Some(entry) if !targets.is_empty() => Some(Prober::open(entry, canary.clone(), &targets)?),
            _ => None,
        };
        Ok(Self { network, prober, canary: Some(canary) })
    }

    pub(super) fn canary(&self) -> Option<Vec<u8>> {
        self.canary.as_ref().map(|canary| canary.bytes().to_vec())
    }

    /// Takes the replies that have come, and sends one probe to every peer.
    pub(super) fn round(&mut self) {
        if let Some(prober) = &mut self.prober {
            prober.collect();
            prober.round();
        }
    }

    /// Takes the replies that have come.
    pub(super) fn collect(&mut self) {
        if let Some(prober) = &mut self.prober {
            prober.collect();
        }
    }

    /// Ends the probing: asks the kernel which addresses that did not answer it knows.
    pub(super) fn finish(&mut self) {
        let Some(prober) = self.prober.as_mut().filter(|prober| !prober.silent().is_empty()) else { return };
        let namespace = self.network.entry.as_ref().and_then(|entry| entry.namespace.as_deref());
        let Ok(namespace) = Namespace::given(namespace) else { return };
        // A kernel that does not list its neighbours leaves every probe due.
        if let Some(neighbours) = neighbours(namespace.as_ref()) {
            prober.finish(&neighbours);
        }
    }

    /// Returns the identifier of the probes' ICMP messages.
    pub(super) fn echo(&self) -> Option<u16> {
        self.prober.as_ref().map(Prober::identifier)
    }

    /// Returns the pairs of overlay addresses that probes are sent between.
    pub(super) fn ends(&self) -> Vec<(IpAddr, IpAddr)> {
        self.prober.as_ref().map_or_else(Vec::new, Prober::ends)
    }

    /// Returns the probes that were sent so far.
    pub(super) fn sent(&self) -> &[Probe] {
        self.prober.as_ref().map_or(&[], Prober::probes)
    }

    pub(super) fn probes(&self) -> Vec<Probe> {
        self.prober.as_ref().map_or_else(Vec::new, |prober| prober.probes().to_vec())
    }
}

/// Pairs the addresses with peers. An address belongs to the peer that the kernel knows it behind, or else to the
/// peer in the same position. Where routes lead to the peers, an address that is behind none of them stands for a node of
/// its own, which is not reached by the network's device.
fn given(network: &Network, addresses: &[IpAddr]) -> Vec<Target> {
    let peer = |at: usize, address: IpAddr| {
        let known = network.peers.iter().find(|peer| peer.overlay.contains(&address));
        known
            .or_else(|| network.peers.iter().max_by_key(|peer| peer.prefix_of(address)))
            .filter(|peer| peer.is_before(address))
            .or_else(|| network.peers.get(at))
            .or_else(|| network.peers.first())
    };
    let target = |(at, &address): (usize, &IpAddr)| {
        let peer = match peer(at, address) {
            Some(peer) if !network.is_routed() || peer.is_before(address) => peer.underlay,
            Some(_) => address,
            None => return None,
        };
        // The user says that it is there.
        Some(Target { peer, address, presumed: false })
    };
    addresses.iter().enumerate().filter_map(target).collect()
}

/// Returns the first addresses that are known behind each peer, and then those that are only presumed to be there. A network
/// may have several subnets; addresses outside of this node's own subnets may not be reachable, and come last of each.
fn found(network: &Network) -> Vec<Target> {
    let own = network.entry.iter().flat_map(|entry| &entry.addresses);
    let near = |to: &IpAddr| own.clone().any(|own| own.contains(*to));
    let routed = network.entry.as_ref().is_some_and(|entry| entry.routed);
    let targets = network.peers.iter().flat_map(|peer| {
        let known = peer.overlay.iter().map(|&address| (address, network.stale.contains(&address)));
        let mut targets: Vec<Target> = known
            .chain(first_behind(&peer.behind))
            .map(|(address, presumed)| Target { peer: peer.underlay, address, presumed })
            .collect();
        targets.sort_by_key(|to| (to.presumed, !near(&to.address)));
        // Routes may differ for the versions of IP, so each version has its own targets.
        let (six, others): (Vec<Target>, _) =
            targets.into_iter().partition(|to| routed && to.address.is_ipv6());
        let first = |targets: Vec<Target>| targets.into_iter().take(TRIED);
        first(others).chain(first(six))
    });
    targets.collect()
}

/// Returns addresses that a node may have, if only the prefixes behind it are known, each with true if it is only presumed: a
/// single address, which is not, or the first two of a prefix. Flannel's nodes have the first, and their bridges the second.
fn first_behind(prefixes: &[Prefix]) -> Vec<(IpAddr, bool)> {
    let first = |prefix: &Prefix| match prefix.first() {
        _ if prefix.length() == 0 => Vec::new(),
        first if prefix.length() == IpVersion::of(first).bits() => vec![(first, false)],
        first => vec![(first, true), (next(first), true)],
    };
    prefixes.iter().flat_map(first).collect()
}

fn next(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => u32::from(v4).wrapping_add(1).to_be_bytes().into(),
        IpAddr::V6(v6) => u128::from(v6).wrapping_add(1).to_be_bytes().into(),
    }
}

/// Pings every address that the network may have if no address behind some peer is known. The kernel then learns its
/// neighbours, and its tables are read again.
pub(super) fn discover(network: &mut Network, namespace: Option<&Namespace>) {
    let unknown = network.peers.iter().any(|peer| peer.overlay.is_empty());
    let (true, Some(entry), Some(peer)) = (unknown, &network.entry, network.peers.first()) else { return };
    if entry.routed {
        return;
    }
    let target = |address| Target { peer: peer.underlay, address, presumed: true };
    let targets: Vec<Target> = candidates(entry).into_iter().map(target).collect();
    let Ok(canary) = Canary::random() else { return };
    let Ok(mut prober) = Prober::open(entry, canary, &targets) else { return };
    prober.sweep();
    std::thread::sleep(DISCOVERY);
    if let Ok(namespaces) = Namespaces::survey(namespace) {
        refresh(network, &namespaces);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Form;
    use crate::verify::network::{Entry, Peer};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn network() -> Network {
        let peer = |underlay, overlay: &[&str]| Peer {
            underlay: ip(underlay),
            overlay: overlay.iter().map(|address| ip(address)).collect(),
            behind: Vec::new(),
        };
        let entry = Entry {
            device: "secure".to_owned(),
            namespace: None,
            addresses: vec!["10.42.0.1/24".parse().unwrap()],
            mtu: 1400,
            mac: None,
            routed: false,
            shared: false,
        };
        Network {
            peers: vec![peer("192.0.2.2", &["10.43.0.2", "10.42.0.2"]), peer("192.0.2.3", &["10.42.0.3"])],
            entry: Some(entry),
            ..Network::default()
        }
    }

    fn shown(targets: &[Target]) -> Vec<String> {
        targets.iter().map(|target| format!("{} behind {}", target.address, target.peer)).collect()
    }

    #[test]
    fn addresses_of_our_own_subnet_are_probed_first() {
        assert_eq!(
            shown(&found(&network())),
            ["10.42.0.2 behind 192.0.2.2", "10.43.0.2 behind 192.0.2.2", "10.42.0.3 behind 192.0.2.3"]
        );
    }

    #[test]
    fn addresses_that_are_only_presumed_do_not_come_before_others() {
        let mut network = network();
        network.peers.truncate(1);
        network.peers[0].overlay = ["10.42.0.2", "10.42.0.3", "10.42.0.4"].map(ip).into();
        network.peers[0].behind = vec!["10.42.0.64/26".parse().unwrap(), "10.42.0.5/32".parse().unwrap()];
        network.stale = ["10.42.0.2", "10.42.0.3"].map(ip).into();
        let targets = found(&network);
        let in_order = ["10.42.0.4", "10.42.0.5", "10.42.0.2", "10.42.0.3"];
        assert_eq!(shown(&targets), in_order.map(|address| format!("{address} behind 192.0.2.2")));
        assert_eq!(targets.iter().map(|to| to.presumed).collect::<Vec<_>>(), [false, false, true, true]);
        // The user's own word is as good as the kernel's.
        assert!(!given(&network, &[ip("10.42.0.2")])[0].presumed);
    }

    #[test]
    fn of_a_prefix_behind_a_node_the_first_addresses_are_probed() {
        let behind: Vec<Prefix> =
            ["10.244.2.0/24", "10.99.0.2/32", "fd00:2::/64"].map(|p| p.parse().unwrap()).into();
        let first = [
            ("10.244.2.0", true),
            ("10.244.2.1", true),
            ("10.99.0.2", false),
            ("fd00:2::", true),
            ("fd00:2::1", true),
        ];
        assert_eq!(first_behind(&behind), first.map(|(address, presumed)| (ip(address), presumed)));
        assert_eq!(first_behind(&[Prefix::new(ip("0.0.0.0"), 0).unwrap()]), []);
    }

    #[test]
    fn where_routes_lead_a_target_behind_no_peer_is_a_node_of_its_own() {
        let mut network = network();
        network.form = Some(Form::Routed);
        network.peers[0].behind = vec!["10.244.2.0/24".parse().unwrap()];
        let targets = ["10.244.2.7", "10.244.9.9", "10.42.0.3"].map(ip);
        assert_eq!(
            shown(&given(&network, &targets)),
            ["10.244.2.7 behind 192.0.2.2", "10.244.9.9 behind 10.244.9.9", "10.42.0.3 behind 192.0.2.3"]
        );
    }

    #[test]
    fn a_target_belongs_to_the_peer_that_the_kernel_knows_it_behind_else_to_the_one_in_its_place() {
        let targets = ["10.42.0.3", "10.42.0.99", "10.42.0.98"].map(ip);
        assert_eq!(
            shown(&given(&network(), &targets)),
            ["10.42.0.3 behind 192.0.2.3", "10.42.0.99 behind 192.0.2.3", "10.42.0.98 behind 192.0.2.2"]
        );
    }
}

//! Every overlay network of this host: those of `ovlsniff overlay`, Docker's, and the VXLAN, Geneve and WireGuard devices
//! in every network namespace that can be entered.
//!
//! A device that belongs to a network of Docker's is that network, and is not listed a second time. A WireGuard device
//! that carries another network is listed as well, because it may carry more than that.

use std::time::Duration;

use super::carrier::{Carrier, carriers};
use super::device;
use super::docker::{self, Found};
use super::guests;
use super::network::{Device, Network, Source};
use super::sources;
use crate::escape::escape;
use crate::host::docker::EngineError;
use crate::host::namespace::Namespace;
use crate::host::namespaces::{Namespaces, Surveyed};
use crate::host::survey::{self, Link, Survey};
use crate::packet::Form;

/// The folders whose files are known by their names alone.
const NAMED: [&str; 4] = ["/run/netns/", "/var/run/netns/", "/run/docker/netns/", "/var/run/docker/netns/"];

/// The reason why the engine did not describe a network though it told of its own.
const OTHERS: &str = "it knows no network with the VNI of this device";

/// The overlay networks of a host: its own first, then Docker's, then the others by namespace.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// The networks.
    pub overlays: Vec<Overlay>,
    /// The reason why Docker's engine could not be asked. `None` if it was, and if there is no engine and no device
    /// that looks like one of Docker's.
    pub engine_unread: Option<String>,
    /// The network namespaces that could not be looked into, which may have more networks, and what would help. `None` if there
    /// are none. Escaped.
    pub namespaces_unread: Option<String>,
}

/// One overlay network of the inventory.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    /// The network.
    pub network: Network,
    /// The file of the network namespace that its first device is in; `None` for that of this process, and if the network
    /// has no device that is known.
    pub namespace: Option<String>,
    /// The UDP port: that of [`Self::network`], or the one that a WireGuard device listens on.
    pub port: Option<u16>,
    /// The WireGuard tunnels of this host that carry its packets. There are none for a WireGuard device itself.
    pub carriers: Vec<Carrier>,
    /// True for a WireGuard device whose peers the kernel does not show to this user.
    pub unreadable: bool,
}

impl Inventory {
    /// Takes the inventory, and waits for Docker's engine for at most `patience`. If a namespace is named, only the networks
    /// whose underlay is or may be that one are listed.
    ///
    /// # Errors
    /// The namespace cannot be entered, or the kernel does not list its links.
    pub fn take(underlay: Option<&Namespace>, patience: Duration) -> Result<Self, survey::Error> {
        let namespaces = Namespaces::survey(underlay)?;
        let mut inventory = Self::of(&namespaces, docker::all(patience), underlay.is_some());
        inventory.find_carriers(&namespaces, |network| {
            let nodes: Vec<_> = network.peers.iter().map(|peer| peer.underlay).collect();
            let namespace = Namespace::given(network.underlay.as_deref()).ok()?;
            Survey::take_toward(namespace.as_ref(), &nodes).ok()
        });
        Ok(inventory)
    }

    /// Makes the inventory of these namespaces and the engine's answer. If `near` is true, networks whose underlay is another
    /// namespace than the first are left out.
    fn of(namespaces: &Namespaces, engine: Result<Vec<Found>, EngineError>, near: bool) -> Self {
        let unread = engine.as_ref().err().map(EngineError::with_remedy);
        let why = unread.clone().unwrap_or_else(|| OTHERS.to_owned());
        // Hosts without Docker have no engine, and are told of none.
        let (mut engine_unread, absent) = match engine {
            Err(EngineError::Absent) => (None, unread),
            _ => (unread, None),
        };
        let found = engine.unwrap_or_default();
        let has_part = |network: &Network| {
            !network.peers.is_empty() || network.entry.is_some() || !network.devices.is_empty()
        };
        let docker = found.into_iter().map(|found| sources::from_docker(found, namespaces));
        let docker: Vec<Overlay> = docker.filter(has_part).map(Overlay::of).collect();
        let base = &namespaces.base;
        let mut others: Vec<&Surveyed> = namespaces.all().skip(1).collect();
        others.sort_by(|a, b| a.path.cmp(&b.path));
        let mut own = Vec::new();
        let mut rest = Vec::new();
        for (place, at_base) in std::iter::once((base, true)).chain(others.into_iter().map(|p| (p, false))) {
            for link in &place.survey.links {
                if near && !at_base && !device::is_moved(link) || is_in(&docker, place, link) {
                    continue;
                }
                let Some(mut overlay) = Overlay::of_link(base, place, link) else { continue };
                if device::may_be_dockers(link) {
                    overlay.network = guests::undescribed(overlay.network, namespaces, &why);
                    engine_unread = engine_unread.or_else(|| absent.clone());
                }
                if overlay.network.source == Source::Ours { &mut own } else { &mut rest }.push(overlay);
            }
        }
        let overlays = own.into_iter().chain(docker).chain(rest).collect();
        Self { overlays, engine_unread, namespaces_unread: namespaces.unread() }
    }

    /// Finds the WireGuard tunnels that carry networks. `toward` surveys the underlay of a network, with the routes to its
    /// nodes; it is not asked where there is no WireGuard.
    fn find_carriers(&mut self, namespaces: &Namespaces, toward: impl Fn(&Network) -> Option<Survey>) {
        let has_wireguard = |network: &Network| {
            let place = namespaces.all().find(|place| place.path == network.underlay);
            place.is_none_or(|place| place.survey.links.iter().any(|link| link.wireguard.is_some()))
        };
        for overlay in self.overlays.iter_mut().filter(|overlay| !overlay.network.is_routed()) {
            if has_wireguard(&overlay.network) {
                let survey = toward(&overlay.network);
                overlay.carriers = survey.map_or_else(Vec::new, |survey| carriers(&overlay.network, &survey));
            }
        }
    }
}

impl Source {
    /// Returns its word with the namespace of the network's device, whose file this is, escaped: `vxlan device in blue`.
    pub fn phrase(self, namespace: Option<&str>) -> String {
        let source = self.name();
        namespace.map_or_else(|| source.to_owned(), |file| format!("{source} in {}", escape(name_of(file))))
    }
}

/// Returns the name of the namespace that has this file, or the file if it is in none of the usual folders.
fn name_of(file: &str) -> &str {
    NAMED.iter().find_map(|folder| file.strip_prefix(folder)).unwrap_or(file)
}

impl Overlay {
    fn of(network: Network) -> Self {
        let namespace = network.namespace().map(str::to_owned);
        Self { namespace, port: network.port, network, ..Self::default() }
    }

    pub(super) fn of_link(base: &Surveyed, place: &Surveyed, link: &Link) -> Option<Self> {
        if !device::is_unread(link) {
            let listening = link.wireguard.as_ref().map(|tunnel| tunnel.listen_port);
            let mut overlay = Self::of(device::of_link(base, place, link)?);
            overlay.port = overlay.port.or(listening.filter(|port| *port != 0));
            return Some(overlay);
        }
        let network = Network {
            name: link.name.clone(),
            source: Source::Device(Form::Routed),
            form: Some(Form::Routed),
            devices: vec![Device { namespace: place.path.clone(), index: link.index }],
            underlay: place.path.clone(),
            ..Network::default()
        };
        Some(Self { unreadable: true, ..Self::of(network) })
    }

    /// Returns the name of the namespace, or its file if that is in none of the usual folders. It may hold any character.
    pub fn namespace_name(&self) -> Option<&str> {
        self.namespace.as_deref().map(name_of)
    }

    /// Returns the source in a phrase, with the namespace, escaped: `vxlan device in blue`.
    pub fn source(&self) -> String {
        self.network.source.phrase(self.namespace.as_deref())
    }

    /// Returns the form of its packets in a word.
    pub fn form(&self) -> &'static str {
        match self.network.form {
            Some(Form::Vxlan) => "vxlan",
            Some(Form::Geneve) => "geneve",
            Some(Form::Routed) => "wireguard",
            None => "unknown",
        }
    }
}

/// Returns true if the link is a device of one of Docker's networks: it is known to be, or it was moved away from its socket,
/// as only Docker's are, and has its VNI.
fn is_in(docker: &[Overlay], place: &Surveyed, link: &Link) -> bool {
    docker.iter().any(|overlay| {
        let known = |device: &Device| device.namespace == place.path && device.index == link.index;
        overlay.network.devices.iter().any(known)
            || device::is_vxlan(link)
                && device::is_moved(link)
                && device::has_vni(link, &overlay.network.vnis)
    })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::host::survey::{PublicKey, Vtep, WireGuard, WireGuardPeer};
    use crate::packet::Vni;
    use crate::verify::network::Peer;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn vtep(index: u32, name: &str, vni: u32, change: impl FnOnce(&mut Vtep)) -> Link {
        let mut vtep =
            Vtep { vni: Vni::new(vni), port: 4789, peers: vec![ip("10.99.0.2")], ..Vtep::default() };
        change(&mut vtep);
        Link {
            index,
            name: name.to_owned(),
            kind: Some("vxlan".to_owned()),
            vtep: Some(vtep),
            ..Link::default()
        }
    }

    fn wireguard(index: u32, name: &str, peers: Option<Vec<WireGuardPeer>>) -> Link {
        let wireguard = peers.map(|peers| WireGuard { listen_port: 51820, peers, ..WireGuard::default() });
        let kind = Some("wireguard".to_owned());
        Link { index, name: name.to_owned(), kind, wireguard, ..Link::default() }
    }

    fn host(links: Vec<Link>) -> Namespaces {
        Namespaces::of(Surveyed { path: None, survey: Survey { links, ..Survey::default() } })
    }

    fn peer() -> WireGuardPeer {
        WireGuardPeer {
            public_key: PublicKey([7; 32]),
            endpoint: "192.0.2.2:51820".parse().ok(),
            allowed: vec!["10.99.0.0/24".parse().unwrap()],
            received: 0,
            sent: 0,
            handshake: None,
        }
    }

    fn dockers(name: &str, vni: u32, peers: &[&str]) -> Found {
        let peers =
            peers.iter().map(|peer| Peer { underlay: ip(peer), overlay: Vec::new(), behind: Vec::new() });
        let network = Network {
            name: name.to_owned(),
            source: Source::Docker,
            vnis: Vni::new(vni).into_iter().collect(),
            peers: peers.collect(),
            ..Network::default()
        };
        Found { network, members: Vec::new() }
    }

    fn shown(inventory: &Inventory) -> Vec<String> {
        let shown =
            |overlay: &Overlay| format!("{}: {}", overlay.network.name, overlay.network.source.name());
        inventory.overlays.iter().map(shown).collect()
    }

    #[test]
    fn each_network_is_listed_once_our_own_first() {
        let own =
            Link { alias: Some("ovlsniff overlay=office vni=7".to_owned()), ..vtep(5, "vx7", 7, |_| {}) };
        let geneve = |vtep: &mut Vtep| vtep.form = Form::Geneve;
        let moved = |vtep: &mut Vtep| vtep.foreign_socket = true;
        let links = vec![
            Link { index: 1, name: "lo".to_owned(), ..Link::default() },
            vtep(2, "vx0", 4097, |_| {}),
            vtep(3, "vx-docker", 4097, moved),
            vtep(4, "gnv0", 4097, geneve),
            own,
            wireguard(6, "wg0", Some(vec![peer()])),
            wireguard(7, "wg1", None),
        ];
        // The last one has no part on this host.
        let engine = vec![dockers("ingress", 4097, &["10.99.0.2"]), dockers("away", 4098, &[])];
        let inventory = Inventory::of(&host(links), Ok(engine), false);
        assert_eq!(
            shown(&inventory),
            [
                "office: ovlsniff overlay",
                "ingress: docker overlay",
                "vx0: vxlan device",
                "gnv0: geneve device",
                "wg0: wireguard device",
                "wg1: wireguard device",
            ]
        );
        let unreadable: Vec<bool> = inventory.overlays.iter().map(|overlay| overlay.unreadable).collect();
        assert_eq!(unreadable, [false, false, false, false, false, true]);
    }

    #[test]
    fn an_engine_that_does_not_answer_leaves_its_devices_and_is_told_of() {
        let links = || vec![vtep(2, "vx0", 1, |_| {}), vtep(3, "vx1", 2, |vtep| vtep.foreign_socket = true)];
        let late = EngineError::Late(Duration::from_secs(2));
        let inventory = Inventory::of(&host(links()), Err(late), false);
        let why = inventory.engine_unread.unwrap();
        assert!(why.starts_with("no answer within 2 s; "), "{why}");
        let unread: Vec<_> =
            inventory.overlays.iter().map(|overlay| overlay.network.engine_unread.is_some()).collect();
        assert_eq!(unread, [false, true], "a device beside its socket is none of Docker's");
        let inventory = Inventory::of(&host(links()), Err(EngineError::Absent), false);
        assert!(
            inventory
                .engine_unread
                .unwrap()
                .starts_with("there is no engine at the socket; in a container, mount ")
        );
        let hosts = Inventory::of(&host(vec![vtep(2, "vx0", 1, |_| {})]), Err(EngineError::Absent), false);
        assert_eq!((hosts.engine_unread, hosts.overlays.len()), (None, 1), "nothing here is Docker's");
    }

    #[test]
    fn a_network_whose_route_leads_into_wireguard_names_its_carrier() {
        let links = || vec![vtep(2, "vx0", 1, |_| {}), wireguard(6, "wg0", Some(vec![peer()]))];
        let mut inventory = Inventory::of(&host(links()), Ok(Vec::new()), false);
        let survey = Survey { links: links(), routes: vec![(ip("10.99.0.2"), 6)], ..Survey::default() };
        inventory.find_carriers(&host(links()), |_| Some(survey.clone()));
        let carriers: Vec<Vec<&str>> = inventory
            .overlays
            .iter()
            .map(|overlay| overlay.carriers.iter().map(|carrier| carrier.device.as_str()).collect())
            .collect();
        assert_eq!(carriers, [vec!["wg0"], vec![]]);
        let mut without = Inventory::of(&host(vec![vtep(2, "vx0", 1, |_| {})]), Ok(Vec::new()), false);
        without.find_carriers(&host(vec![vtep(2, "vx0", 1, |_| {})]), |_| panic!("nobody needs a survey"));
    }

    #[test]
    fn a_namespace_has_its_name_or_its_file() {
        let named = |path: &str| Overlay { namespace: Some(path.to_owned()), ..Overlay::default() };
        assert_eq!(named("/run/netns/blue").namespace_name(), Some("blue"));
        assert_eq!(named("/proc/7/ns/net").namespace_name(), Some("/proc/7/ns/net"));
        assert_eq!(Overlay::default().namespace_name(), None);
    }
}

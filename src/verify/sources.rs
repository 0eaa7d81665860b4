//! The sources that may know a network, in the order in which they are asked: `ovlsniff overlay`, the Docker engine,
//! the kernel's VXLAN devices.

use std::net::IpAddr;

use super::device;
use super::docker::{self, Found};
use super::guests;
use super::home::Home;
use super::network::{Entry, Network, Peer};
use crate::host::docker::EngineError;
use crate::host::namespaces::{Closed, Namespaces, Surveyed};
use crate::host::survey::Link;
use crate::packet::{Form, Vni};

/// Finds the network of this name. Returns `None` if no source knows it. If it was found before, that is where it is looked for.
///
/// # Errors
/// There is no engine ([`EngineError::Absent`]), or it may know the network, but may not be asked ([`EngineError::Denied`]), and
/// no device has its name; or it does not answer as it should. A device of that name may then be another network, and is not taken.
pub(super) fn find(
    name: &str,
    home: Option<&Home>,
    namespaces: &Namespaces,
) -> Result<Option<Network>, EngineError> {
    named(name, home, namespaces, docker::find)
}

/// Finds the network of a VXLAN device with one of these VNIs, in the namespace in which it was found before.
pub(super) fn of_vnis(vnis: &[Vni], home: Option<&Home>, namespaces: &Namespaces) -> Option<Network> {
    // The engine does not say in which namespace the device of its network is.
    let home = home.filter(|home| **home != Home::Engine);
    let network = device::find_at(home, namespaces, |link| device::has_vni(link, vnis))?;
    Some(guests::undescribed(network, namespaces, guests::BY_VNI))
}

/// Returns true if there is a device of this name where the network was not found before.
pub(super) fn is_elsewhere(name: &str, home: &Home, namespaces: &Namespaces) -> bool {
    let is_it = |link: &Link| {
        let is_overlay = link.vtep.is_some() || link.wireguard.is_some() || device::is_unread(link);
        is_overlay && (link.name == name || is_ours(link, name))
    };
    namespaces.all().any(|place| !home.has(place) && place.survey.links.iter().any(is_it))
}

/// Returns true if the name is that of a WireGuard device that could not be read.
pub(super) fn is_unreadable(name: &str, namespaces: &Namespaces) -> bool {
    let unread = |link: &Link| link.name == name && device::is_unread(link);
    namespaces.all().any(|place| place.survey.links.iter().any(unread))
}

fn is_ours(link: &Link, name: &str) -> bool {
    device::alias(link).is_some_and(|alias| alias.network == name)
}

fn named(
    name: &str,
    home: Option<&Home>,
    namespaces: &Namespaces,
    ask: impl FnOnce(&str) -> Result<Found, EngineError>,
) -> Result<Option<Network>, EngineError> {
    let ours = |link: &Link| is_ours(link, name);
    let named = |link: &Link| link.name == name;
    let is_near = home.is_none_or(|home| home.has(&namespaces.base));
    if let Some(own) = device::find_near(namespaces, ours).filter(|_| is_near) {
        return Ok(Some(own));
    }
    // Other namespaces come last, because there may be hundreds of them.
    let by_device = || {
        device::find_near(namespaces, named)
            .filter(|_| is_near)
            .or_else(|| device::find_at(home, namespaces, ours))
            .or_else(|| device::find_at(home, namespaces, named))
    };
    match ask(name) {
        Ok(found) => {
            let network = from_docker(found, namespaces);
            // The engine may know the name only since a repetition began with a device.
            if home.is_none_or(|home| home.is_of(&network)) { Ok(Some(network)) } else { Ok(by_device()) }
        }
        Err(error @ (EngineError::Absent | EngineError::Unknown)) => match by_device() {
            Some(network) => Ok(Some(guests::undescribed(network, namespaces, &error.with_remedy()))),
            None if error == EngineError::Absent => Err(error),
            None => Ok(None),
        },
        Err(denied @ EngineError::Denied) => match by_device() {
            Some(network) => {
                let why = denied.with_remedy();
                let network = guests::undescribed(network, namespaces, &why);
                Ok(Some(Network { engine_unread: Some(why), ..network }))
            }
            None => Err(denied),
        },
        Err(error @ (EngineError::Late(_) | EngineError::Broken(_))) => {
            device::find_at(home, namespaces, ours).map(Some).ok_or(error)
        }
    }
}

/// Puts a network together from two sources: the engine knows its options and nodes, the kernel the overlay addresses
/// behind each node.
pub(super) fn from_docker(found: Found, namespaces: &Namespaces) -> Network {
    let mut network = found.network;
    network.underlay.clone_from(&namespaces.base.path);
    let devices = devices(namespaces, &network.vnis);
    network.form = Some(Form::Vxlan);
    network.port = devices.first().and_then(|device| device.port);
    let has = |peer: &Peer| network.peers.iter().any(|known| known.underlay == peer.underlay);
    if devices.iter().any(|device| !device.peers.is_empty())
        && !devices.iter().flat_map(|d| &d.peers).any(has)
    {
        // The engine names the addresses that engines talk to. Where the data path has addresses of its own, the
        // kernel has those, and they are the ones on the wire.
        network.peers.clear();
    }
    for device in &devices {
        network.devices.extend(device.devices.iter().cloned());
        network.stations.extend(device.stations.iter().copied());
        merge_peers(&mut network, device);
        network.destinations.extend(&device.destinations);
        network.other_ports.extend(&device.other_ports);
    }
    for (sandbox, address) in found.members {
        if network.entry.is_some() {
            break;
        }
        match member(namespaces, &sandbox, address) {
            Ok(entry) => network.entry = entry,
            Err(closed) => network.namespaces_unread = Some(closed.with_remedy()),
        }
    }
    match &network.entry {
        Some(_) => network.namespaces_unread = None,
        // Of several namespaces, those that are here and closed come first.
        None => network.namespaces_unread = namespaces.unread().or(network.namespaces_unread),
    }
    network
}

/// Returns the device through which a container sends into the overlay. The engine may know the container's namespace
/// by another file than the one that it was surveyed by, or it may be in none of the folders that were looked at.
fn member(namespaces: &Namespaces, sandbox: &str, address: IpAddr) -> Result<Option<Entry>, Closed> {
    let known = namespaces.all().find(|place| place.is_behind(sandbox));
    Ok(match known {
        Some(place) => device::entry_at(place, address),
        None => device::entry_at(&Surveyed::take(sandbox)?, address),
    })
}

/// Reads again which addresses are behind which peer, because the kernel may have learnt of neighbours since.
pub(super) fn refresh(network: &mut Network, namespaces: &Namespaces) {
    // Another network may have the same VNI, in another namespace or in another form.
    let own = device::again(namespaces, &network.devices);
    let known = if own.is_empty() { devices(namespaces, &network.vnis) } else { own };
    for device in known {
        merge_peers(network, &device);
    }
}

/// Returns the network of the first VXLAN device of each of these VNIs, where there is one. Docker's device was moved
/// into a sandbox and has left its socket behind, so that such a one comes before another device of that VNI.
fn devices(namespaces: &Namespaces, vnis: &[Vni]) -> Vec<Network> {
    let of = |&vni: &Vni| {
        let has_it = |link: &Link| device::is_vxlan(link) && device::has_vni(link, &[vni]);
        device::find(namespaces, |link| has_it(link) && device::is_moved(link))
            .or_else(|| device::find(namespaces, has_it))
    };
    vnis.iter().filter_map(of).collect()
}

fn merge_peers(network: &mut Network, kernel: &Network) {
    let known = |address: &IpAddr| kernel.peers.iter().any(|peer| peer.overlay.contains(address));
    network.stale.retain(|address| !known(address));
    network.stale.extend(&kernel.stale);
    for known in &kernel.peers {
        match network.peers.iter_mut().find(|peer| peer.underlay == known.underlay) {
            Some(peer) => {
                let new: Vec<IpAddr> =
                    known.overlay.iter().filter(|address| !peer.overlay.contains(address)).copied().collect();
                peer.overlay.extend(new);
            }
            None => network.peers.push(known.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::host::survey::{Survey, Vtep};
    use crate::verify::network::Source;

    const LATE: EngineError = EngineError::Late(Duration::from_secs(20));

    /// Returns a host with one VXLAN device, with this name and alias.
    fn host(name: &str, alias: Option<&str>) -> Namespaces {
        let link = Link {
            index: 3,
            name: name.to_owned(),
            alias: alias.map(str::to_owned),
            addresses: vec!["10.42.0.1/24".parse().unwrap()],
            vtep: Some(Vtep { vni: Vni::new(42), ..Vtep::default() }),
            ..Link::default()
        };
        Namespaces::of(Surveyed { path: None, survey: Survey { links: vec![link], ..Survey::default() } })
    }

    fn asked(
        namespaces: &Namespaces,
        answer: Result<Found, EngineError>,
    ) -> Result<Option<Network>, EngineError> {
        named("secure", None, namespaces, |_| answer)
    }

    fn broken() -> EngineError {
        EngineError::Broken("status 500".to_owned())
    }

    #[test]
    fn an_engine_that_is_slow_or_broken_is_not_replaced_by_a_device_of_that_name() {
        for error in [LATE, broken()] {
            assert_eq!(asked(&host("secure", None), Err(error.clone())), Err(error));
        }
    }

    #[test]
    fn a_network_of_our_own_is_found_whatever_the_engine_does() {
        let own = host("vx0", Some("ovlsniff overlay=secure vni=42 cipher=aes-256-gcm key=1f generation=3"));
        for error in [LATE, broken(), EngineError::Denied, EngineError::Absent, EngineError::Unknown] {
            let found = asked(&own, Err(error)).unwrap().unwrap();
            assert_eq!((found.source, found.engine_unread), (Source::Ours, None));
        }
    }

    #[test]
    fn without_an_engine_or_a_network_of_it_a_device_is_the_network() {
        for error in [EngineError::Absent, EngineError::Unknown] {
            let found = asked(&host("secure", None), Err(error.clone())).unwrap().unwrap();
            assert_eq!((found.source, found.engine_unread), (Source::Device(Form::Vxlan), None));
            let other = asked(&host("other", None), Err(error.clone()));
            assert_eq!(other, if error == EngineError::Absent { Err(error) } else { Ok(None) });
        }
    }

    #[test]
    fn a_repetition_stays_where_its_network_was_found() {
        let of = |path: Option<&str>| Surveyed { path: path.map(str::to_owned), ..host("secure", None).base };
        let other = || Some("/run/netns/other".to_owned());
        let found = |home: &Home, namespaces: &Namespaces, answer| {
            let network = named("secure", Some(home), namespaces, |_| answer).unwrap()?;
            Some((network.source, network.devices.first()?.namespace.clone()))
        };
        let vxlan = Source::Device(Form::Vxlan);
        let unknown = || Err(EngineError::Unknown);
        let both = Namespaces::with(of(None), vec![of(other().as_deref())]);
        assert_eq!(found(&Home::Namespace(None), &both, unknown()), Some((vxlan, None)));
        assert_eq!(found(&Home::Namespace(other()), &both, unknown()), Some((vxlan, other())));
        assert_eq!(found(&Home::Engine, &both, unknown()), None);

        let gone = Namespaces::with(Surveyed::default(), vec![of(other().as_deref())]);
        assert_eq!(found(&Home::Namespace(None), &gone, unknown()), None);
        assert!(is_elsewhere("secure", &Home::Namespace(None), &gone));
        assert!(!is_elsewhere("secure", &Home::Namespace(other()), &gone));
        assert_eq!(of_vnis(&Vec::from_iter(Vni::new(42)), Some(&Home::Namespace(None)), &gone), None);

        let engines = || {
            let network =
                Network { source: Source::Docker, vnis: Vec::from_iter(Vni::new(42)), ..Network::default() };
            Ok(Found { network, members: Vec::new() })
        };
        assert_eq!(found(&Home::Engine, &both, engines()), Some((Source::Docker, None)));
        // The engine's network of that name has its device elsewhere.
        assert_eq!(found(&Home::Namespace(other()), &both, engines()), Some((vxlan, other())));
    }

    #[test]
    fn what_the_kernel_has_heard_of_since_is_no_longer_stale() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let known = |stale: &[&str]| Network {
            peers: vec![Peer {
                underlay: ip("192.0.2.2"),
                overlay: vec![ip("10.42.0.2"), ip("10.42.0.3")],
                behind: Vec::new(),
            }],
            stale: stale.iter().map(|address| ip(address)).collect(),
            ..Network::default()
        };
        let mut network = Network { stale: vec![ip("10.42.0.2"), ip("10.43.0.9")], ..known(&[]) };
        merge_peers(&mut network, &known(&["10.42.0.3"]));
        assert_eq!(network.stale, ["10.43.0.9", "10.42.0.3"].map(ip));
    }

    #[test]
    fn a_device_in_place_of_an_engine_that_may_not_be_asked_says_so() {
        let found = asked(&host("secure", None), Err(EngineError::Denied)).unwrap().unwrap();
        assert!(found.engine_unread.unwrap().starts_with("permission denied; run as root, or "));
        assert_eq!(asked(&host("other", None), Err(EngineError::Denied)), Err(EngineError::Denied));
    }

    #[test]
    fn a_containers_namespace_under_another_name_is_the_same_one() {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = folder.path().join("1-0f3b2a");
        std::os::unix::fs::symlink("/proc/self/ns/net", &sandbox).unwrap();
        let found = || Found {
            network: Network { source: Source::Docker, ..Network::default() },
            members: vec![(sandbox.display().to_string(), IpAddr::from([10, 42, 0, 1]))],
        };
        let entry = asked(&host("eth0", None), Ok(found())).unwrap().unwrap().entry.unwrap();
        assert_eq!((entry.device.as_str(), entry.namespace), ("eth0", None));
        // A file of the same name is another one, if it is no file of this namespace.
        std::fs::remove_file(&sandbox).unwrap();
        std::fs::write(&sandbox, "").unwrap();
        assert_eq!(asked(&host("eth0", None), Ok(found())).unwrap().unwrap().entry, None);
    }
}

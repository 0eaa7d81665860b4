//! The network that was asked for. The command line takes precedence; the host's sources add what it leaves out.

use std::net::IpAddr;

use super::docker_inspect::{self, InspectError, Saved};
use super::home::Home;
use super::network::{Network, Peer, Source};
use super::sources;
use crate::escape::escape;
use crate::host::docker::EngineError;
use crate::host::namespaces::Namespaces;
use crate::packet::{Form, Vni};

/// A network as the command line describes it. This description takes precedence over every other source.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The name.
    pub name: Option<String>,
    /// The VNIs.
    pub vnis: Vec<Vni>,
    /// The UDP port.
    pub port: Option<u16>,
    /// The form of its packets, which the option for the port names.
    pub form: Option<Form>,
    /// This node's underlay addresses.
    pub locals: Vec<IpAddr>,
    /// The other nodes' underlay addresses.
    pub peers: Vec<IpAddr>,
    /// A file with the output of `docker network inspect`.
    pub docker_inspect: Option<Saved>,
    /// The network itself, if an inventory has found it. Then no source is asked.
    pub found: Option<Box<Network>>,
    /// The place in which a watch before found the network. It is looked for nowhere else.
    pub home: Option<Home>,
}

/// The reasons why the network that was asked for cannot be verified. Names are escaped.
#[derive(Debug, thiserror::Error)]
pub enum WantedError {
    /// The file of `docker network inspect` does not yield the network.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// No VNI was given, and saved JSON gives none either.
    #[error(
        "no VNI is known of this network; give it with --vni VNI, or the network with --docker-inspect FILE"
    )]
    NameOnly,
    /// A source knows the network of this name, but not its VNI.
    #[error("network {0}: no VNI is known of it; give it with --vni VNI")]
    NoVni(String),
    /// The network's device is in metadata mode, and no route says which nodes its packets go to.
    #[error(
        "network {0}: its device is in metadata mode, and no route names a node; name the nodes with --peer ADDRESS, and addresses behind them with --target ADDRESS"
    )]
    NoNodes(String),
    /// No peer of the network's WireGuard device has an endpoint.
    #[error(
        "network {0}: no peer of this WireGuard device has an endpoint yet, so that nothing can be sent; wait for a peer to connect, or see: wg show"
    )]
    NoEndpoint(String),
    /// Only a VNI was given, and no VXLAN device has it.
    #[error("no device of VNI {vni} is here; name the other node with --peer ADDRESS{}", beside(.unread.as_deref()))]
    NoDevice {
        /// The VNI.
        vni: Vni,
        /// The network namespaces that could not be looked into, and what would help, escaped.
        unread: Option<String>,
    },
    /// The network is a WireGuard device whose peers the kernel does not tell.
    #[error(
        "network {0}: the kernel does not show this WireGuard device's peers to this user; run as root, in a container with the capability NET_ADMIN"
    )]
    Unreadable(String),
    /// The network is no longer where it was found before, and there is a device of its name elsewhere.
    #[error(
        "network {0}: it is no longer where it was found first; a device of that name in another place is another network, which verify would watch if it were started again"
    )]
    Elsewhere(String),
    /// No source knows a network of this name.
    #[error(
        "network {name}: not known to ovlsniff overlay, to Docker on this host, or as a VXLAN, Geneve or WireGuard device (a Swarm worker knows a network only while one of its containers is on it); describe it with --vni VNI --peer ADDRESS{}", beside(.unread.as_deref())
    )]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The network namespaces that could not be looked into, and what would help, escaped.
        unread: Option<String>,
    },
    /// No source knows a network of this name, and there is no engine that may know it.
    #[error(
        "network {name}: not known to ovlsniff overlay or as a VXLAN, Geneve or WireGuard device, and no engine of Docker is here to be asked (in a container, mount /var/run/docker.sock); describe it with --vni VNI --peer ADDRESS{}", beside(.unread.as_deref())
    )]
    NoEngine {
        /// The name that was asked for.
        name: String,
        /// The network namespaces that could not be looked into, and what would help, escaped.
        unread: Option<String>,
    },
    /// The engine, which may know the network, refuses to be asked, and no other source knows it.
    #[error(
        "network {0}: Docker's engine may not be asked: permission denied; run as root, or describe the network with --docker-inspect FILE, or with --vni VNI --peer ADDRESS"
    )]
    Denied(String),
    /// The engine, which may know the network, does not answer as it should.
    #[error(
        "network {name}: Docker's engine gives {cause}; try again when it does, or describe the network with --docker-inspect FILE, or with --vni VNI --peer ADDRESS"
    )]
    Engine {
        /// The name that was asked for.
        name: String,
        /// The engine's failure.
        cause: EngineError,
    },
}

/// A network that was found, with or without a part on this host.
#[derive(Debug)]
pub enum Described {
    /// The network has a part on this host, or the command line names its nodes.
    Here(Network),
    /// The engine knows the network, but no container of this host is on it, and so the engine names no other node.
    NotHere(Network),
}

impl Wanted {
    /// Returns the network as saved JSON and the command line describe it. A capture file has no other source: the
    /// host that reads it need not be the one that was captured on.
    pub fn described(&self) -> Result<Network, WantedError> {
        let mut network = match (&self.docker_inspect, &self.name) {
            (Some(saved), Some(name)) => docker_inspect::from_file(saved, name)?,
            (Some(saved), None) => docker_inspect::of_vnis(saved, &self.vnis)?,
            (None, name) => Network { name: name.clone().unwrap_or_default(), ..Network::default() },
        };
        self.add_to(&mut network);
        if network.vnis.is_empty() { Err(WantedError::NameOnly) } else { Ok(network) }
    }

    /// Finds the network on this host, and adds the description of the command line.
    pub fn find(&self, namespaces: &Namespaces) -> Result<Described, WantedError> {
        let mut network = self.known(namespaces)?;
        let no_part = network.source == Source::Docker && network.peers.is_empty() && network.entry.is_none();
        self.add_to(&mut network);
        if no_part && network.peers.is_empty() {
            return Ok(Described::NotHere(network));
        }
        match network.vnis.first() {
            None if network.is_routed() && network.peers.is_empty() => {
                Err(WantedError::NoEndpoint(escape(&network.name).into_owned()))
            }
            None if network.any_vni && network.peers.is_empty() => {
                Err(WantedError::NoNodes(escape(&network.name).into_owned()))
            }
            None if network.any_vni || network.is_routed() => Ok(Described::Here(network)),
            None => Err(WantedError::NoVni(escape(&network.name).into_owned())),
            Some(&vni) if network.peers.is_empty() && network.source == Source::Given => {
                Err(WantedError::NoDevice { vni, unread: namespaces.unread() })
            }
            Some(_) => Ok(Described::Here(network)),
        }
    }

    fn known(&self, namespaces: &Namespaces) -> Result<Network, WantedError> {
        if let Some(found) = &self.found {
            return Ok(Network::clone(found));
        }
        let Some(name) = &self.name else {
            if let Some(saved) = &self.docker_inspect {
                let mut network = docker_inspect::of_vnis(saved, &self.vnis)?;
                sources::refresh(&mut network, namespaces);
                return Ok(network);
            }
            return Ok(sources::of_vnis(&self.vnis, self.home.as_ref(), namespaces).unwrap_or_default());
        };
        if let Some(saved) = &self.docker_inspect {
            let mut network = docker_inspect::from_file(saved, name)?;
            sources::refresh(&mut network, namespaces);
            return Ok(network);
        }
        // A VNI and a peer are enough. The name is then only a title in the report.
        let described = !self.vnis.is_empty() && !self.peers.is_empty();
        let titled = || Network { name: name.clone(), ..Network::default() };
        let home = self.home.as_ref();
        let is_elsewhere = || home.is_some_and(|home| sources::is_elsewhere(name, home, namespaces));
        match sources::find(name, home, namespaces) {
            Ok(Some(network)) => Ok(network),
            Ok(None) | Err(EngineError::Absent) if described => Ok(titled()),
            Ok(None) | Err(EngineError::Absent) if is_elsewhere() => {
                Err(WantedError::Elsewhere(escape(name).into_owned()))
            }
            Ok(None) | Err(EngineError::Absent) if sources::is_unreadable(name, namespaces) => {
                Err(WantedError::Unreadable(escape(name).into_owned()))
            }
            Ok(None) => Err(WantedError::unknown(name, namespaces)),
            // Its device is known by the VNI that was given, which says more than a name.
            Err(error) if described => Ok(Network {
                name: name.clone(),
                engine_unread: Some(escape(&error.to_string()).into_owned()),
                ..sources::of_vnis(&self.vnis, home, namespaces).unwrap_or_default()
            }),
            Err(error) => Err(WantedError::of_engine(name, error, namespaces)),
        }
    }

    fn add_to(&self, network: &mut Network) {
        if !self.vnis.is_empty() {
            network.vnis.clone_from(&self.vnis);
            network.any_vni = false;
        }
        network.port = self.port.or(network.port);
        network.form = self.form.or(network.form);
        if !self.locals.is_empty() {
            network.locals.clone_from(&self.locals);
        }
        if !self.peers.is_empty() {
            let known = std::mem::take(&mut network.peers);
            let named = |&underlay: &IpAddr| {
                let known = known.iter().find(|known| known.underlay == underlay).cloned();
                known.unwrap_or(Peer { underlay, overlay: Vec::new(), behind: Vec::new() })
            };
            network.peers = self.peers.iter().map(named).collect();
        }
        network.peers.retain(|peer| !network.locals.contains(&peer.underlay));
        if network.name.is_empty() && network.source == Source::Given {
            let vnis: Vec<String> = network.vnis.iter().map(ToString::to_string).collect();
            network.name = format!("vni {}", vnis.join(","));
        }
    }
}

impl WantedError {
    fn unknown(name: &str, namespaces: &Namespaces) -> Self {
        Self::Unknown { name: escape(name).into_owned(), unread: namespaces.unread() }
    }

    fn of_engine(name: &str, error: EngineError, namespaces: &Namespaces) -> Self {
        let name = escape(name).into_owned();
        match error {
            EngineError::Absent => Self::NoEngine { name, unread: namespaces.unread() },
            EngineError::Denied => Self::Denied(name),
            cause => Self::Engine { name, cause },
        }
    }
}

/// Finds the control network: a network that the user knows to be clear.
pub(super) fn control(name: &str, namespaces: &Namespaces) -> Result<Network, WantedError> {
    let of_engine = |error| WantedError::of_engine(name, error, namespaces);
    let found = sources::find(name, None, namespaces).map_err(of_engine)?;
    found.ok_or_else(|| WantedError::unknown(name, namespaces))
}

/// Returns the end of a sentence that tells what could not be looked into.
fn beside(unread: Option<&str>) -> String {
    unread.map_or_else(String::new, |unread| format!("; {unread}"))
}

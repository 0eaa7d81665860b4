//! The names that an engine knows, by address and network.
//!
//! An address alone says little: overlay networks may share their subnets with each other, with bridges of other hosts
//! and with the wire itself. A wrong name is worse than none, so an address has a name only if its network is certain:
//!
//! - The VNI of a VXLAN packet decides. In a network that the engine does not know, nothing has a name.
//! - A packet without a tunnel is in the network in which one of its ends has this Ethernet address *and* this IP address.
//!   So are packets in the network namespace of a container or of an overlay network.
//! - Otherwise it may have the address of a container on a bridge, macvlan or ipvlan network of this host, which no other
//!   host on its wires should have. If several of these networks have the address, it has no name.
//! - A packet in another tunnel is in a network that the engine knows nothing of.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use super::name::shown;
use crate::packet::{Encapsulation, Headers, MacAddress, Packet, Tunnel, Vni};

/// The most addresses that have a name. A node runs a few hundred containers.
const MOST: usize = 1 << 16;

/// The names of containers, services and networks.
#[derive(Debug, Default)]
pub struct Table {
    networks: Vec<Network>,
    /// `None` for a VNI that two networks claim.
    vnis: HashMap<Vni, Option<Place>>,
    names: HashMap<(Place, IpAddr), Named>,
    /// The networks in which an interface has these two addresses. `None` for several.
    stations: HashMap<(MacAddress, IpAddr), Option<Place>>,
    /// The addresses that need no network, and the one in which each has its name. `None` for several.
    local: HashMap<IpAddr, Option<Place>>,
}

/// The place of a network in [`Table::networks`].
type Place = u32;

#[derive(Debug)]
struct Network {
    name: Option<Box<str>>,
    is_local: bool,
}

#[derive(Debug)]
struct Named {
    /// `None` if one answer of the engine gave two names to the address.
    name: Option<Box<str>>,
    source: Source,
}

/// The answer that a name is from. The first that names an address counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The list of containers.
    Containers,
    /// The containers of a network.
    Members,
    /// The services of a network, which nodes tell each other.
    Gossip,
    /// The lists of services and tasks, which managers have.
    Managers,
}

/// The names of the two ends of a level of headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends<'a> {
    /// The name of the sender's address.
    pub source: Option<&'a str>,
    /// The name of the receiver's address.
    pub destination: Option<&'a str>,
}

/// The surroundings of a level of headers.
#[derive(Clone, Copy)]
enum Scope {
    Vni(Vni),
    /// No tunnel.
    Plain,
    /// A tunnel that the engine knows nothing of.
    Foreign,
}

impl Table {
    /// Returns the names of the ends of a packet (level 0), or of the headers in front of a wrapping: level 1 for the
    /// innermost, 2 for the next one.
    #[cold]
    pub fn ends(&self, packet: &Packet<'_>, level: usize) -> Ends<'_> {
        let mut around = packet.encapsulations.iter().rev().skip(level.saturating_sub(1));
        let headers = match level {
            0 => Some(&packet.headers),
            _ => around.next().map(|wrapping| &wrapping.outer),
        };
        let Some((headers, ip)) = headers.and_then(|headers| Some((headers, headers.ip?))) else {
            return Ends::default();
        };
        match scope(headers, around) {
            Scope::Vni(vni) => {
                let Some(network) = self.vnis.get(&vni).copied().flatten() else { return Ends::default() };
                self.ends_in(network, ip.source, ip.destination)
            }
            Scope::Plain => self.plain(headers, ip.source, ip.destination),
            Scope::Foreign => Ends::default(),
        }
    }

    fn plain(&self, headers: &Headers, source: IpAddr, destination: IpAddr) -> Ends<'_> {
        let station = |mac, ip| self.stations.get(&(mac, ip)).copied().flatten();
        let by_mac = headers.mac.and_then(|macs| {
            match (station(macs.source, source), station(macs.destination, destination)) {
                (Some(one), Some(other)) => (one == other).then_some(one),
                (one, other) => one.or(other),
            }
        });
        let ends = by_mac.map(|network| self.ends_in(network, source, destination)).unwrap_or_default();
        if by_mac.is_some_and(|network| !self.network_at(network).is_some_and(|network| network.is_local)) {
            return ends;
        }
        Ends {
            source: ends.source.or_else(|| self.local(source)),
            destination: ends.destination.or_else(|| self.local(destination)),
        }
    }

    fn ends_in(&self, network: Place, source: IpAddr, destination: IpAddr) -> Ends<'_> {
        let name = |address| self.names.get(&(network, address))?.name.as_deref();
        Ends { source: name(source), destination: name(destination) }
    }

    /// Returns the name of an address outside of tunnels, of a packet of which nothing else is known.
    pub fn local(&self, address: IpAddr) -> Option<&str> {
        let network = (*self.local.get(&address)?)?;
        self.names.get(&(network, address))?.name.as_deref()
    }

    /// Returns the name of the overlay network with this VNI.
    #[cold]
    pub fn network(&self, vni: Vni) -> Option<&str> {
        self.network_at((*self.vnis.get(&vni)?)?)?.name.as_deref()
    }

    fn network_at(&self, place: Place) -> Option<&Network> {
        self.networks.get(usize::try_from(place).ok()?)
    }

    /// Returns true if nothing has a name.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.vnis.is_empty()
    }
}

/// Returns the surroundings of headers, by the wrappings around them from the inside out.
fn scope<'a>(headers: &Headers, around: impl Iterator<Item = &'a Encapsulation>) -> Scope {
    let ends = |headers: &Headers| headers.ip.map(|ip| (ip.source, ip.destination));
    for wrapping in around {
        match wrapping.tunnel {
            Tunnel::Vxlan(vni) => return Scope::Vni(vni),
            // Transport mode: these addresses are the wrapping's own.
            Tunnel::Esp { .. } | Tunnel::Ah { .. } if ends(&wrapping.outer) == ends(headers) => {}
            Tunnel::Macsec { .. } => {}
            _ => return Scope::Foreign,
        }
    }
    Scope::Plain
}

/// A table in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    table: Table,
    /// The networks by identifier, and by name. `None` for several of one name.
    known: HashMap<String, Option<Place>>,
}

impl Draft {
    /// Adds a network with its driver and its VNIs.
    pub(super) fn network(&mut self, id: Option<&str>, name: Option<&str>, driver: &str, vnis: &[Vni]) {
        let Ok(place) = Place::try_from(self.table.networks.len()) else { return };
        let is_local = matches!(driver, "bridge" | "macvlan" | "ipvlan");
        self.table.networks.push(Network { name: name.and_then(shown), is_local });
        // Podman has the name in place of an identifier in some answers.
        for key in [id, name.filter(|name| id != Some(name))].into_iter().flatten() {
            once(&mut self.known, key.to_owned(), place);
        }
        for &vni in vnis {
            once(&mut self.table.vnis, vni, place);
        }
    }

    /// Gives a name to an address in a network, which is told by its identifier or name, if that network was added.
    pub(super) fn name(&mut self, network: &str, address: IpAddr, name: &str, source: Source) {
        let Some(network) = self.known.get(network).copied().flatten() else { return };
        let room = self.table.names.len() < MOST;
        let name = shown(name);
        match self.table.names.entry((network, address)) {
            Entry::Vacant(free) if room && name.is_some() => {
                free.insert(Named { name, source });
            }
            Entry::Occupied(mut taken) if taken.get().source == source && taken.get().name != name => {
                taken.get_mut().name = None;
            }
            _ => {}
        }
    }

    /// Notes that an interface in a network has these two addresses.
    pub(super) fn station(&mut self, network: &str, mac: MacAddress, address: IpAddr) {
        let Some(network) = self.known.get(network).copied().flatten() else { return };
        if mac != MacAddress::ZERO && self.table.stations.len() < MOST {
            once(&mut self.table.stations, (mac, address), network);
        }
    }

    pub(super) fn finish(self) -> Table {
        let mut table = self.table;
        let mut local = HashMap::new();
        for &(network, address) in table.names.keys() {
            if table.network_at(network).is_some_and(|network| network.is_local) {
                once(&mut local, address, network);
            }
        }
        table.local = local;
        table
    }
}

/// Notes the place of a key, or that it has several.
fn once<K: std::hash::Hash + Eq>(places: &mut HashMap<K, Option<Place>>, key: K, place: Place) {
    places
        .entry(key)
        .and_modify(|known| *known = known.filter(|&known| known == place))
        .or_insert(Some(place));
}

#[cfg(test)]
impl Table {
    /// Makes a table of networks with their VNIs, or 0 for a bridge, and of addresses and their names in them.
    pub(crate) fn of(networks: &[(&str, u32)], names: &[(&str, &str, &str)]) -> Self {
        let mut draft = Draft::default();
        for &(network, vni) in networks {
            let driver = if vni > 0 { "overlay" } else { "bridge" };
            draft.network(None, Some(network), driver, Vni::new(vni).filter(|_| vni > 0).as_slice());
        }
        for &(network, address, name) in names {
            draft.name(network, address.parse().unwrap(), name, Source::Containers);
        }
        draft.finish()
    }
}

#[cfg(test)]
mod tests;

//! The UDP ports of the kernel's tunnels, as the packets of a network namespace have them.
//!
//! A tunnel's packets pass the namespace of its socket. The device may be in another one: Docker makes its VXLAN devices
//! on the host and moves them into sandboxes, and `ovlsniff overlay up --in-netns` makes them there. The kernel says of a
//! VXLAN device that its socket is elsewhere, but not where, and of others it says nothing. But it lists its own sockets like
//! every other one: a device that is up has left its socket in a namespace where its port has one, if there is none beside it.
//!
//! A device that is down has no socket, and may be set up at any time. It counts.

use std::collections::BTreeSet;
use std::fmt;

use super::namespace::{self, Namespace};
use super::namespaces;
use super::survey::{self, Link, Survey, Vtep};
use crate::packet::{Form, Ports, TunnelPorts};

/// The greatest number of other namespaces that are looked into.
const MOST_NAMESPACES: usize = 1024;

/// The greatest number of ports and of ranges of them that are printed of a kind.
const MOST_PRINTED: usize = 8;

/// The tunnels that are told by their UDP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// VXLAN.
    Vxlan,
    /// VXLAN with a next protocol.
    VxlanGpe,
    /// Geneve.
    Geneve,
    /// FOU or GUE.
    Fou,
    /// WireGuard.
    WireGuard,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Vxlan, Self::VxlanGpe, Self::Geneve, Self::Fou, Self::WireGuard];

    fn name(self) -> &'static str {
        match self {
            Self::Vxlan => "vxlan",
            Self::VxlanGpe => "vxlan-gpe",
            Self::Geneve => "geneve",
            Self::Fou => "fou",
            Self::WireGuard => "wireguard",
        }
    }

    fn is_known(self, port: u16, ports: &TunnelPorts) -> bool {
        match self {
            Self::Vxlan => ports.is_vxlan(port),
            Self::VxlanGpe => ports.is_vxlan_gpe(port),
            Self::Geneve => ports.is_geneve(port),
            Self::Fou => ports.is_fou(port),
            Self::WireGuard => ports.is_wireguard(Ports { source: port, destination: port }),
        }
    }

    fn add(self, port: u16, ports: &mut TunnelPorts) {
        match self {
            Self::Vxlan => ports.add_vxlan(port),
            Self::VxlanGpe => ports.add_vxlan_gpe(port),
            Self::Geneve => ports.add_geneve(port),
            Self::Fou => ports.add_fou(port),
            Self::WireGuard => ports.add_wireguard(port),
        }
    }
}

/// UDP ports, each with the kind of tunnel that has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tunnels(BTreeSet<(Kind, u16)>);

/// The tunnels that were found, and the doubts that are left.
#[derive(Debug, Default)]
pub struct Found {
    /// The tunnels.
    pub tunnels: Tunnels,
    /// The ports of sockets that may be those of tunnels whose devices are in namespaces that were not looked into.
    pub doubtful: Vec<u16>,
}

/// Finds the tunnels whose packets pass a network namespace, or that of this thread.
///
/// # Errors
/// The namespace cannot be entered, or the kernel does not list its links. Other namespaces that cannot be entered are no
/// error.
pub fn find(namespace: Option<&Namespace>) -> Result<Found, survey::Error> {
    let base = Survey::take_tunnels(namespace)?;
    let (others, all) = others(namespace);
    let tunnels = Tunnels::of(&base, &others);
    let doubtful = if all { Vec::new() } else { doubtful(&base, &tunnels) };
    Ok(Found { tunnels, doubtful })
}

/// Surveys the other namespaces. Returns false beside them if there are too many, or this user may not look into all that have a
/// name.
fn others(namespace: Option<&Namespace>) -> (Vec<Survey>, bool) {
    let (mut surveys, mut all) = (Vec::new(), !namespace::files::are_hidden());
    for (number, file) in namespaces::beside(namespace).enumerate() {
        if number == MOST_NAMESPACES {
            all = false;
            break;
        }
        let found = Namespace::find(&file.display().to_string());
        match found.map_err(survey::Error::from).and_then(|other| Survey::take_tunnels(Some(&other))) {
            Ok(survey) => surveys.push(survey),
            // A thread that may not enter one of them, or could not come back, may enter none.
            Err(survey::Error::Namespace(
                namespace::Error::Permission { .. } | namespace::Error::NoReturn { .. },
            )) => {
                all = false;
                break;
            }
            Err(_) => {}
        }
    }
    (surveys, all)
}

/// Returns the ports of sockets that are as those of tunnels, but of which no tunnel is known. Those below 1024 are left
/// to services.
fn doubtful(base: &Survey, tunnels: &Tunnels) -> Vec<u16> {
    let usual = TunnelPorts::default();
    let is_known = |port: u16| {
        Kind::ALL.iter().any(|kind| kind.is_known(port, &usual) || tunnels.0.contains(&(*kind, port)))
    };
    let open = base.udp_sockets.iter().flatten().filter(|socket| socket.open_to_all && socket.port >= 1024);
    let found: BTreeSet<u16> = open.map(|socket| socket.port).filter(|port| !is_known(*port)).collect();
    found.into_iter().collect()
}

impl Tunnels {
    /// Returns the tunnels whose packets pass the namespace of `base`: those of its own devices, and those of devices in
    /// other namespaces that have left their sockets there.
    pub fn of(base: &Survey, others: &[Survey]) -> Self {
        // Of several WireGuard devices with the same port, one has its socket here, and it is not known which.
        let is_here =
            |link: &&Link| !is_foreign(link) || link.vtep.is_none() && has_socket(base, link) == Some(true);
        let own = base.links.iter().filter(is_here);
        let left_behind = others.iter().flat_map(|other| {
            let elsewhere =
                move |link: &&Link| is_foreign(link) || link.up && has_socket(other, link) == Some(false);
            // A device that is down has no socket. Without a list of sockets, each of them may be here.
            let may_be_here = |link: &&Link| !link.up || has_socket(base, link) != Some(false);
            other.links.iter().filter(elsewhere).filter(may_be_here)
        });
        let fou = base.fou_ports.iter().map(|port| (Kind::Fou, *port));
        Self(own.chain(left_behind).flat_map(ports_of).chain(fou).collect())
    }

    /// Returns the tunnels of a device whose socket is in its own namespace.
    pub fn of_link(link: &Link) -> Self {
        if is_foreign(link) { Self::default() } else { Self(ports_of(link).collect()) }
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds more of them.
    pub fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// Returns those that a decoder with these ports does not know yet. The ports that were `typed` are left out: of them the
    /// user knows more.
    #[must_use]
    pub fn beyond(&self, ports: &TunnelPorts, typed: &[u16]) -> Self {
        let new = self.0.iter().filter(|(kind, port)| !typed.contains(port) && !kind.is_known(*port, ports));
        Self(new.copied().collect())
    }

    /// Has a decoder take these ports for tunnels.
    pub fn add_to(&self, ports: &mut TunnelPorts) {
        for (kind, port) in &self.0 {
            kind.add(*port, ports);
        }
    }
}

/// Returns true if the kernel says that the socket of a device is in another namespace. It says so of VXLAN only.
fn is_foreign(link: &Link) -> bool {
    let vtep = link.vtep.as_ref().is_some_and(|vtep| vtep.foreign_socket);
    vtep || link.wireguard.as_ref().is_some_and(|tunnel| tunnel.foreign_socket)
}

/// Returns true if a namespace has a socket with the port of a device. `None` if its sockets are not known.
fn has_socket(survey: &Survey, link: &Link) -> Option<bool> {
    let wireguard = link.wireguard.as_ref().map(|tunnel| tunnel.listen_port);
    let port = link.vtep.as_ref().map(|vtep| vtep.port).or(wireguard);
    Some(survey.udp_sockets.as_ref()?.iter().any(|socket| Some(socket.port) == port))
}

/// Yields the ports of a device.
fn ports_of(link: &Link) -> impl Iterator<Item = (Kind, u16)> {
    let kind = |vtep: &Vtep| match vtep.form {
        Form::Vxlan if vtep.gpe => Some(Kind::VxlanGpe),
        Form::Vxlan => Some(Kind::Vxlan),
        Form::Geneve => Some(Kind::Geneve),
        Form::Routed => None,
    };
    let vtep = link.vtep.as_ref().and_then(|vtep| Some((vtep, kind(vtep)?)));
    let own = vtep.map(|(vtep, kind)| (kind, vtep.port));
    // Forwarding entries may send to nodes that listen on another port.
    let peers =
        vtep.into_iter().flat_map(|(vtep, kind)| vtep.other_ports.iter().map(move |(_, port)| (kind, *port)));
    let wireguard = link.wireguard.as_ref().map(|tunnel| (Kind::WireGuard, tunnel.listen_port));
    own.into_iter().chain(peers).chain(wireguard).filter(|(_, port)| *port != 0)
}

/// Prints `vxlan 8888, 18885-18934; geneve 6082`.
impl fmt::Display for Tunnels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = "";
        for kind in Kind::ALL {
            let ports = self.0.iter().filter(|(of, _)| *of == kind).map(|(_, port)| *port);
            let ranges = ranges(ports);
            if ranges.is_empty() {
                continue;
            }
            write!(f, "{before}{} ", kind.name())?;
            before = "; ";
            for (at, (first, last)) in ranges.iter().take(MOST_PRINTED).enumerate() {
                write!(f, "{}{first}", if at == 0 { "" } else { ", " })?;
                match last - first {
                    0 => {}
                    1 => write!(f, ", {last}")?,
                    _ => write!(f, "-{last}")?,
                }
            }
            let more: usize =
                ranges.iter().skip(MOST_PRINTED).map(|(first, last)| usize::from(last - first) + 1).sum();
            if more > 0 {
                write!(f, " and {more} more")?;
            }
        }
        Ok(())
    }
}

/// Returns the first and the last of the ports that follow one another.
fn ranges(ports: impl Iterator<Item = u16>) -> Vec<(u16, u16)> {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for port in ports {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(port) => *last = port,
            _ => ranges.push((port, port)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::survey::{UdpSocket, WireGuard};

    fn device(form: Form, port: u16) -> Link {
        Link { up: true, vtep: Some(Vtep { form, port, ..Vtep::default() }), ..Link::default() }
    }

    fn moved(port: u16) -> Link {
        let mut link = device(Form::Vxlan, port);
        link.vtep.as_mut().unwrap().foreign_socket = true;
        link
    }

    fn wireguard(listen_port: u16, foreign_socket: bool) -> Link {
        let tunnel = WireGuard { listen_port, foreign_socket, ..WireGuard::default() };
        Link { up: true, wireguard: Some(tunnel), ..Link::default() }
    }

    fn survey(links: Vec<Link>, sockets: &[u16]) -> Survey {
        let socket = |port: &u16| UdpSocket { port: *port, open_to_all: true };
        Survey { links, udp_sockets: Some(sockets.iter().map(socket).collect()), ..Survey::default() }
    }

    fn told(base: &Survey, others: &[Survey]) -> String {
        Tunnels::of(base, others).to_string()
    }

    #[test]
    fn each_kind_of_device_has_its_ports() {
        let mut gpe = device(Form::Vxlan, 4790);
        gpe.vtep.as_mut().unwrap().gpe = true;
        let mut sends_elsewhere = device(Form::Vxlan, 18_998);
        sends_elsewhere.vtep.as_mut().unwrap().other_ports = vec![("192.0.2.2".parse().unwrap(), 7777)];
        let links = vec![
            Link::default(),
            sends_elsewhere,
            device(Form::Vxlan, 0),
            device(Form::Vxlan, 4789),
            device(Form::Geneve, 6082),
            gpe,
            wireguard(51_999, false),
            wireguard(0, false),
        ];
        let right = "vxlan 4789, 7777, 18998; vxlan-gpe 4790; geneve 6082; fou 5555; wireguard 51999";
        let base = Survey { fou_ports: vec![5555], ..survey(links, &[]) };
        assert_eq!(told(&base, &[]), right);
    }

    #[test]
    fn a_device_that_was_moved_away_counts_where_its_socket_is() {
        let sandbox = || [survey(vec![moved(18_998), moved(18_999), device(Form::Geneve, 6082)], &[6082])];
        assert_eq!(told(&survey(vec![], &[53, 6082]), &sandbox()), "");
        assert_eq!(told(&survey(vec![], &[53, 18_998]), &sandbox()), "vxlan 18998");
        // Its socket is in the namespace of somebody else.
        assert_eq!(told(&survey(vec![moved(18_998)], &[53]), &[]), "");
        assert_eq!(told(&survey(vec![], &[]), &sandbox()), "");
        // Each of them may be here if sockets are not listed.
        assert_eq!(told(&Survey::default(), &sandbox()), "vxlan 18998, 18999");
        // The kernel says nothing of Geneve's sockets, but there is none beside this device.
        let geneve = || [survey(vec![device(Form::Geneve, 6083)], &[6082])];
        assert_eq!(told(&survey(vec![], &[6083]), &geneve()), "geneve 6083");
        assert_eq!(told(&survey(vec![], &[6082]), &geneve()), "");
        // A device that is down has no socket yet.
        let down = Link { up: false, ..moved(7777) };
        assert_eq!(told(&survey(vec![], &[53]), &[survey(vec![down], &[])]), "vxlan 7777");
    }

    #[test]
    fn wireguard_counts_where_a_socket_has_its_port() {
        let two = || vec![wireguard(443, true), wireguard(443, true)];
        assert_eq!(told(&survey(two(), &[443]), &[]), "wireguard 443");
        assert_eq!(told(&survey(two(), &[53]), &[]), "");
        assert_eq!(told(&survey(vec![], &[443]), &[survey(two(), &[])]), "wireguard 443");
    }

    #[test]
    fn a_node_of_fifty_networks_is_told_in_a_line() {
        let many = (18_885..18_935).chain([7, 8, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000]);
        let links = many.map(|port| device(Form::Vxlan, port)).collect();
        let right = "vxlan 7, 8, 1000, 2000, 3000, 4000, 5000, 6000, 7000 and 52 more";
        assert_eq!(told(&survey(links, &[]), &[]), right);
        let links = (18_885..18_935).map(|port| device(Form::Vxlan, port)).collect();
        assert_eq!(told(&survey(links, &[]), &[]), "vxlan 18885-18934");
        assert_eq!(ranges([1, 65_534, 65_535].into_iter()), [(1, 1), (65_534, 65_535)]);
    }

    #[test]
    fn what_was_typed_counts_more_than_what_was_learned() {
        let links = vec![device(Form::Vxlan, 6081), device(Form::Vxlan, 4789), device(Form::Geneve, 7777)];
        let found = Tunnels::of(&survey(links, &[]), &[]);
        let mut ports = TunnelPorts::default();
        ports.add_vxlan(7777);
        let new = found.beyond(&ports, &[7777]);
        assert_eq!(new.to_string(), "vxlan 6081");
        new.add_to(&mut ports);
        assert!(ports.is_vxlan(6081) && !ports.is_geneve(6081) && ports.is_vxlan(7777));
        assert!(found.beyond(&ports, &[7777]).is_empty(), "they are known now");
    }

    #[test]
    fn a_socket_of_nobody_known_is_doubtful() {
        let mut base = survey(vec![device(Form::Vxlan, 18_998)], &[18_998, 9999, 9999, 4789, 51_820, 123]);
        base.udp_sockets.as_mut().unwrap().push(UdpSocket { port: 7777, open_to_all: false });
        assert_eq!(doubtful(&base, &Tunnels::of(&base, &[])), [9999]);
    }
}

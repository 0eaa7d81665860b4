//! The preparation of a watch: finding the network, its underlay, its links and its keys, and opening the capture.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use super::probed::{Probed, discover};
use super::{Error, Prepared, Request, Session, Underlay};
use crate::capture::live::{self, Device, Live};
use crate::escape::escape;
use crate::host::namespace::Namespace;
use crate::host::namespaces::Namespaces;
use crate::host::survey::Survey;
use crate::ipsec::{self, Opener, Sa};
use crate::packet::VXLAN_PORT;
use crate::verify::judge::judge;
use crate::verify::kernel::KernelState;
use crate::verify::network::{Network, Source, tunnel_ports};
use crate::verify::report::Report;
use crate::verify::tally::{Circumstances, Question, Tally};
use crate::verify::underlay;
use crate::verify::wanted::{self, Described};
use crate::verify::watch::Watch;

impl Session {
    /// Finds everything that a watch needs, and opens it.
    pub fn prepare(request: &Request) -> Result<Prepared, Error> {
        if request.interfaces.iter().any(|name| name == "any") {
            return Err(Error::Any);
        }
        let given = Namespace::given(request.netns.as_deref())?;
        let namespaces = Namespaces::survey(given.as_ref())?;
        let mut network = match request.wanted.find(&namespaces)? {
            Described::Here(network) => network,
            Described::NotHere(network) => return Ok(Prepared::Judged(Box::new(not_here(network)))),
        };
        let mut control =
            request.control.as_deref().map(|name| wanted::control(name, &namespaces)).transpose()?;
        let underlay = underlay_of(&network, &namespaces)?;
        for network in std::iter::once(&mut network).chain(&mut control) {
            let sources = underlay.run(|| sources(network))?;
            find_locals(network, &sources, request);
        }
        if !request.passive && request.targets.is_empty() {
            discover(&mut network, given.as_ref());
        }
        let captured = captured(request, &network, &underlay.survey)?;
        let probed = |network, targets: &[IpAddr]| {
            if request.passive { Ok(Probed::passively(network)) } else { Probed::new(network, targets) }
        };
        let asked = probed(network, &request.targets)?;
        let control = control.map(|network| probed(network, &[])).transpose()?;
        Ok(Prepared::Ready(Box::new(Self::open(request, asked, control, captured, underlay)?)))
    }

    fn open(
        request: &Request,
        asked: Probed,
        control: Option<Probed>,
        captured: Vec<String>,
        underlay: Underlay,
    ) -> Result<Self, Error> {
        let kernel = underlay.run(KernelState::read)?;
        let (opener, warning) = underlay.run(|| opener(request.sas.clone()))?;
        let notices = opener.due().map(|due| due.try_clone_to_owned()).transpose().map_err(Error::Notices)?;
        let ports = tunnel_ports([&asked].into_iter().chain(&control).map(|probed| &probed.network))?;
        let question = |probed: &Probed| question(probed, &captured, &underlay);
        let watch =
            Watch::new(question(&asked)?, control.as_ref().map(question).transpose()?, ports, Some(opener));
        let mut live = capture(&captured, request.buffer, underlay.namespace.as_ref())?;
        // The capture is woken by notices of new SAs, so that the packets that follow can be opened.
        if let Some(notices) = notices {
            live.wake_on(notices);
        }
        let (duration, named) = (request.duration, !request.interfaces.is_empty());
        Ok(Self { asked, control, captured, underlay, kernel, duration, named, live, watch, warning })
    }
}

/// Judges a network that this host has no part in.
fn not_here(network: Network) -> Report {
    let circumstances = Circumstances { source: "no interface".to_owned(), ..Circumstances::default() };
    let question = Question { network, no_member: true, ..Question::default() };
    judge(&Tally::new(question), circumstances)
}

/// Finds the network namespace of the network's VXLAN socket, and surveys it.
fn underlay_of(network: &Network, namespaces: &Namespaces) -> Result<Underlay, Error> {
    let namespace = Namespace::given(network.underlay.as_deref())?;
    let survey = if network.underlay == namespaces.base.path {
        namespaces.base.survey.clone()
    } else {
        Survey::take(namespace.as_ref())?
    };
    Ok(Underlay { namespace, survey })
}

/// Returns for each peer, by its address, the address that this host sends from. No packet is sent: a UDP socket that
/// is connected has its route, and with it its source address.
fn sources(network: &Network) -> BTreeMap<IpAddr, IpAddr> {
    let from = |peer: IpAddr| {
        let any: SocketAddr = if peer.is_ipv4() { ([0u8; 4], 0).into() } else { ([0u16; 8], 0).into() };
        let socket = UdpSocket::bind(any).ok()?;
        socket.connect((peer, network.port.unwrap_or(VXLAN_PORT))).ok()?;
        Some((peer, socket.local_addr().ok()?.ip()))
    };
    network.peers.iter().filter_map(|peer| from(peer.underlay)).collect()
}

/// Fills in this node's own addresses where none were given, and removes them from the peers.
fn find_locals(network: &mut Network, sources: &BTreeMap<IpAddr, IpAddr>, request: &Request) {
    let found = network.peers.iter().filter_map(|peer| sources.get(&peer.underlay)).copied();
    if network.locals.is_empty() {
        network.locals = underlay::once(found);
    } else if network.source == Source::Docker && request.wanted.locals.is_empty() {
        // The engine's own address differs from that of the data path if the data path was given one.
        network.locals = underlay::once(found.chain(network.locals.iter().copied()));
    }
    network.peers.retain(|peer| !network.locals.contains(&peer.underlay));
}

fn captured(request: &Request, network: &Network, survey: &Survey) -> Result<Vec<String>, Error> {
    if !request.interfaces.is_empty() {
        return Ok(underlay::named(&request.interfaces, survey));
    }
    let wires = underlay::wires(network, survey);
    if wires.is_empty() { Err(Error::NoLink(escape(&network.name).into_owned())) } else { Ok(wires) }
}

fn question(probed: &Probed, captured: &[String], underlay: &Underlay) -> Result<Question, Error> {
    let (network, survey) = (&probed.network, &underlay.survey);
    let own = survey.links.iter().flat_map(|link| link.addresses.iter().map(|own| own.address()));
    Ok(Question {
        network: network.clone(),
        canary: probed.canary(),
        encrypting: underlay::encrypting(captured, survey),
        enclosed: underlay::routed(network, survey).iter().any(|link| survey.encloses(link)),
        own: own.collect(),
        sources: underlay.run(|| sources(network))?,
        ..Question::default()
    })
}

/// Makes an opener with these keys and those of the kernel, including later ones, as far as the kernel gives them
/// out. Also returns a message to the user about keys that it keeps back.
fn opener(sas: Vec<Sa>) -> (Opener, Option<String>) {
    // A watch goes on without the kernel's keys. The finding `kernel-unknown` tells the user of it.
    let kernel = ipsec::dump_and_follow().unwrap_or_default();
    let warning = kernel.warning();
    (Opener::with_kernel(sas, kernel), warning)
}

fn capture(
    links: &[String],
    buffer: Option<u32>,
    namespace: Option<&Namespace>,
) -> Result<Live, live::Error> {
    let devices: Vec<Device> = links.iter().map(String::as_str).map(Device::new).collect();
    let defaults = live::CaptureOptions::default();
    let options = live::CaptureOptions {
        promiscuous: false,
        directed: true,
        buffer: buffer.unwrap_or(defaults.buffer),
        namespace,
        ..defaults
    };
    Live::open(&devices, &options)
}

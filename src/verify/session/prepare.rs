//! The preparation of a watch: finding the network, its underlay, its links and its keys, and opening the capture.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::follow::Follow;
use super::probed::{Probed, discover};
use super::{Error, Prepared, Request, Session, Underlay, Watched};
use crate::capture::live::{self, Device, Live};
use crate::escape::escape;
use crate::host::namespace::Namespace;
use crate::host::namespaces::Namespaces;
use crate::host::survey::{Survey, leaving};
use crate::ipsec::{self, Opener};
use crate::packet::{Prefix, TunnelPorts};
use crate::verify::carrier::carriers;
use crate::verify::judge::judge;
use crate::verify::kept::{Facts, FrameKeeper};
use crate::verify::kernel::KernelState;
use crate::verify::network::{Network, Source, tunnel_ports};
use crate::verify::probe::source_for;
use crate::verify::tally::{Circumstances, OverlayMacs, Question, Tally};
use crate::verify::underlay::{self, Views};
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
            Described::NotHere(network) => {
                return Ok(Prepared::Judged(Box::new(not_here(network, request.keep))));
            }
        };
        let mut control =
            request.control.as_deref().map(|name| wanted::control(name, &namespaces)).transpose()?;
        let underlay = underlay_of(&network)?;
        for network in std::iter::once(&mut network).chain(&mut control) {
            let sources = underlay.run(|| sources(network))?;
            find_locals(network, &sources, request);
        }
        if !request.passive && request.targets.is_empty() {
            discover(&mut network, given.as_ref());
        }
        check(&request.interfaces, &underlay.survey)?;
        if let Some(local) =
            request.wanted.locals.iter().find(|local| underlay.survey.owner(**local).is_none())
        {
            return Err(Error::NotLocal(*local));
        }
        let shown = shown(request, &network, &underlay.survey)?;
        let probed = |network, targets: &[IpAddr]| {
            if request.passive { Ok(Probed::passively(network)) } else { Probed::new(network, targets) }
        };
        let asked = probed(network, &request.targets)?;
        let control = control.map(|network| probed(network, &[])).transpose()?;
        Ok(Prepared::Ready(Box::new(Self::open(request, asked, control, shown, underlay)?)))
    }

    fn open(
        request: &Request,
        asked: Probed,
        control: Option<Probed>,
        shown: Vec<String>,
        underlay: Underlay,
    ) -> Result<Self, Error> {
        let named = request.interfaces.clone();
        let networks = || [&asked].into_iter().chain(&control).map(|probed| &probed.network);
        let follow = Follow::open(networks(), &underlay)?;
        // No notice tells of changes between the first survey and the subscription.
        let underlay = underlay.again(networks())?;
        let kernel = underlay.run(KernelState::read)?;
        let (opener, warning) = underlay.run(|| opener(request))?;
        let notices = opener.due().map(|due| due.try_clone_to_owned()).transpose().map_err(Error::Notices)?;
        let mut ports = tunnel_ports(networks());
        add_wireguard(&mut ports, &underlay.survey);
        let question = |probed: &Probed| question(probed, &named, &underlay);
        let mut watch =
            Watch::new(question(&asked)?, control.as_ref().map(question).transpose()?, ports, Some(opener));
        if request.keep {
            watch.keep_frames();
        }
        let views = underlay::views(networks(), &named, &underlay.survey);
        let unseen = unseen(&views);
        watch.look_at(views);
        let mut live = capture(&unseen, &shown, request.buffer, underlay.namespace.as_ref())?;
        // The capture is woken by notices of new SAs, so that the packets that follow can be opened.
        for notices in notices.into_iter().chain(follow.descriptors().map_err(Error::Notices)?) {
            live.wake_on(notices);
        }
        let duration = request.duration;
        Ok(Self {
            asked,
            control,
            shown,
            named,
            unseen,
            overlooked: None,
            underlay,
            follow,
            kernel,
            duration,
            live,
            watch,
            warning,
        })
    }
}

/// Adds the ports of the WireGuard devices and of their endpoints. On others only some messages are recognised.
fn add_wireguard(ports: &mut TunnelPorts, survey: &Survey) {
    for tunnel in survey.links.iter().filter_map(|link| link.wireguard.as_ref()) {
        let ends = tunnel.endpoints().into_iter().map(|endpoint| endpoint.port());
        for port in [tunnel.listen_port].into_iter().chain(ends).filter(|port| *port != 0) {
            ports.add_wireguard(port);
        }
    }
}

/// Judges a network that this host has no part in.
fn not_here(network: Network, keep: bool) -> Watched {
    let circumstances = Circumstances { source: "no interface".to_owned(), ..Circumstances::default() };
    let question = Question { network, no_member: true, ..Question::default() };
    let tally = Tally::new(question);
    let kept = keep.then(|| (Facts::new(&tally, circumstances.clone()), FrameKeeper::default()));
    Watched { report: judge(&tally, circumstances), complaint: None, kept }
}

/// Finds the network namespace of the network's VXLAN socket, and surveys it.
fn underlay_of(network: &Network) -> Result<Underlay, Error> {
    let namespace = Namespace::given(network.underlay.as_deref())?;
    Underlay::of(namespace, std::iter::once(network))
}

/// Returns for each peer and other destination, by its address, the address that this host sends from.
fn sources(network: &Network) -> BTreeMap<IpAddr, IpAddr> {
    let from = |peer: IpAddr| Some((peer, source_for(peer, network.port_or_usual())?));
    let peers = network.peers.iter().map(|peer| peer.underlay);
    peers.chain(network.destinations.iter().copied()).filter_map(from).collect()
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

/// Returns an error if a link that the user named does not exist or is down.
fn check(named: &[String], survey: &Survey) -> Result<(), Error> {
    for name in named {
        let device = Device::new(name.as_str());
        let Some(link) = survey.named(name) else {
            let there_is = survey.links.iter().map(|link| Device::new(link.name.as_str())).collect();
            let there_is = device.nearest_first(there_is);
            return Err(live::Error::NoSuchInterface { device, there_is }.into());
        };
        if !link.up {
            return Err(live::Error::Down { device }.into());
        }
    }
    Ok(())
}

/// Returns the names of the links to show to the user: those that were named, or else those that lead to the nodes.
fn shown(request: &Request, network: &Network, survey: &Survey) -> Result<Vec<String>, Error> {
    if !request.interfaces.is_empty() {
        return Ok(underlay::named(&request.interfaces, survey));
    }
    let wires = underlay::wires(network, survey);
    if wires.is_empty() { Err(Error::NoLink(escape(&network.name).into_owned())) } else { Ok(wires) }
}

fn question(probed: &Probed, named: &[String], underlay: &Underlay) -> Result<Question, Error> {
    let (network, survey) = (&probed.network, &underlay.survey);
    let own = survey.links.iter().flat_map(|link| link.addresses.iter().map(|own| own.address()));
    Ok(Question {
        network: network.clone(),
        canary: probed.canary(),
        echo: probed.echo(),
        ends: probed.ends(),
        left_out: underlay::left_out(network, named, survey),
        enclosed: underlay::routed(network, survey).iter().any(|link| survey.encloses(link)),
        arrivals: underlay::arrivals(network, survey),
        no_copies: underlay::by_interface(network, survey),
        macs: macs(network),
        own: own.collect(),
        astray: astray(network, underlay),
        carriers: carriers(network, survey),
        sources: underlay.run(|| sources(network))?,
        ..Question::default()
    })
}

/// Returns the prefixes behind the nodes of a network of routed packets to which routes lead past its device. Those of a
/// link of their own are none, and neither is a default route, which is for what nothing else is.
fn astray(network: &Network, underlay: &Underlay) -> Vec<(Prefix, String)> {
    if !network.is_routed() {
        return Vec::new();
    }
    let nearer = |prefix: &Prefix| {
        let mut beside = network.beside.iter();
        beside.any(|subnet| subnet.length() > prefix.length() && subnet.contains(prefix.first()))
    };
    let is_node = |address| network.peers.iter().any(|peer| peer.underlay == address);
    let behind = network.peers.iter().flat_map(|peer| peer.behind.iter().copied());
    let prefixes: Vec<Prefix> =
        behind.filter(|prefix| prefix.length() > 0 && !is_node(prefix.first()) && !nearer(prefix)).collect();
    let firsts: Vec<IpAddr> = prefixes.iter().map(|prefix| prefix.first()).collect();
    let is_its_device = |index: u32| network.devices.iter().any(|device| device.index == index);
    let routes = leaving(underlay.namespace.as_ref(), &firsts);
    let past = prefixes.into_iter().zip(routes).filter_map(|(prefix, (_, link))| {
        let link =
            link.filter(|index| !is_its_device(*index)).and_then(|index| underlay.survey.link(index))?;
        (!link.loopback).then(|| (prefix, link.name.clone()))
    });
    past.collect()
}

/// Returns the link-layer addresses by which a frame of the network is known without its tunnel: that of the device
/// which sends into the overlay, and those behind the nodes.
fn macs(network: &Network) -> Option<OverlayMacs> {
    let own = network.entry.as_ref()?.mac?;
    Some(OverlayMacs { own, others: network.stations.clone() })
}

/// Returns the links whose frames are not looked at.
fn unseen(views: &Views) -> Vec<u32> {
    views.iter().filter(|(_, view)| view.is_none()).map(|(index, _)| *index).collect()
}

/// Makes an opener with the keys that were given and those of the kernel, including later ones, as far as they are wanted and the
/// kernel gives them out. Also returns a message to the user about keys that it keeps back.
fn opener(request: &Request) -> (Opener, Option<String>) {
    // A watch goes on without the kernel's keys. The finding `kernel-unknown` tells the user of it.
    let dump = request.kernel_keys.then(ipsec::dump_and_follow);
    let kernel = dump.and_then(Result::ok).unwrap_or_default();
    let warning = kernel.warning();
    (Opener::with_kernel(request.sas.clone(), kernel), warning)
}

/// Opens a capture on all links of a namespace, without those that are `unseen`. `shown` are those to name in an error.
fn capture(
    unseen: &[u32],
    shown: &[String],
    buffer: Option<u32>,
    namespace: Option<&Namespace>,
) -> Result<Live, Error> {
    Live::on_all_but(unseen, buffer, namespace).map_err(|error| {
        let error = match (error, shown.first()) {
            (live::Error::Permission { program, .. }, Some(name)) => {
                live::Error::Permission { device: Device::new(name.as_str()), program }
            }
            (error, _) => error,
        };
        error.into()
    })
}

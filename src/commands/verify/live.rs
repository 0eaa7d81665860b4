//! The verdict on what passes by, with a probe or without.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{anyhow, bail};
use ovlsniff::capture::live::{Device, Event, Live, Options};
use ovlsniff::escape::escape;
use ovlsniff::host::namespace::Namespace;
use ovlsniff::host::survey::{Link, Survey, Vxlan, in_prefix};
use ovlsniff::ipsec::{self, Notices, Opener, Sa};
use ovlsniff::verify::probe::{Canary, Prober, Target, candidates};
use ovlsniff::verify::{
    Circumstances, Kernel, Network, Places, Question, Report, Source, Tally, Watch, esp_offload, exempt,
    judge, refresh,
};

use super::find;
use crate::cli::Verify;
use crate::commands::signals::Signals;
use crate::commands::tell;

/// Between two rounds of probes.
const PACE: Duration = Duration::from_millis(250);
/// What the capture outlives the last probe by, at most.
const GRACE: Duration = Duration::from_secs(1);
/// What is in the rings at the end is read for so long at most, and until nothing more has come for a moment.
const DRAIN: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_millis(50);
/// Addresses of a peer that are tried until one answers.
const TRIED: usize = 4;
/// How long neighbours are waited for, when none is known.
const DISCOVERY: Duration = Duration::from_millis(800);

/// What one watch needs and the next one needs again.
pub(super) struct Job<'a> {
    args: &'a Verify,
    pub(super) signals: Signals,
    /// The interfaces that were named last.
    told: RefCell<Vec<String>>,
}

/// A network that is probed.
struct Probed {
    network: Network,
    prober: Option<Prober>,
    canary: Option<Canary>,
}

impl<'a> Job<'a> {
    pub(super) fn new(args: &'a Verify) -> anyhow::Result<Self> {
        if args.interface.iter().any(|name| name == "any") {
            bail!(
                "verify has to know the interface: a device 'any' shows frames before and behind encryption; name it with -i"
            );
        }
        let signals = Signals::install().map_err(|error| anyhow!("install signal handlers: {error}"))?;
        Ok(Self { args, signals, told: RefCell::default() })
    }

    /// One watch from its beginning to its end.
    pub(super) fn watch(&self) -> anyhow::Result<Report> {
        let args = self.args;
        let given = args.netns.as_deref().map(Namespace::find).transpose()?;
        let mut places = Places::look(given.as_ref()).map_err(|error| anyhow!(error))?;
        let (mut network, no_member) = find::live(args, &places)?;
        if no_member {
            let circumstances =
                Circumstances { source: "no interface".to_owned(), ..Circumstances::default() };
            let question = Question { network, no_member, ..Question::default() };
            return Ok(judge(&Tally::new(question), circumstances));
        }
        let underlay = match &network.underlay {
            Some(path) => Some(Namespace::find(path)?),
            None => None,
        };
        let elsewhere = network.underlay != places.base.path;
        let survey =
            if elsewhere { inside(underlay.as_ref(), Survey::take)?? } else { places.base.survey.clone() };
        let mut control = args.control.as_deref().map(|name| find::control(name, &places)).transpose()?;
        for network in std::iter::once(&mut network).chain(&mut control) {
            let ends = inside(underlay.as_ref(), || ends(network))?;
            let found = once(network.peers.iter().filter_map(|peer| ends.get(&peer.underlay)));
            if network.locals.is_empty() {
                network.locals = found;
            } else if network.source == Source::Docker && args.local.is_empty() {
                // The engine's own address is not that of its data path, where it was given one.
                let engines = std::mem::replace(&mut network.locals, found);
                network.locals = once(network.locals.iter().chain(&engines));
            }
            let own = network.locals.clone();
            network.peers.retain(|peer| !own.contains(&peer.underlay));
        }
        if !args.passive && args.target.is_empty() {
            discover(&mut network, &mut places, given.as_ref());
        }
        let links = self.links(&network, &survey)?;
        let mut probed = vec![self.probed(network, &args.target)?];
        if let Some(control) = control {
            probed.push(self.probed(control, &[])?);
        }
        self.run(probed, &links, &survey, underlay)
    }

    fn run(
        &self,
        mut probed: Vec<Probed>,
        links: &[String],
        survey: &Survey,
        underlay: Option<Namespace>,
    ) -> anyhow::Result<Report> {
        let args = self.args;
        let before = inside(underlay.as_ref(), || Kernel::read(false))?;
        let opener = opener(super::keys(args)?, underlay.as_ref())?;
        let notices = opener.due().map(|due| due.try_clone_to_owned()).transpose()?;
        let own: Vec<IpAddr> =
            survey.links.iter().flat_map(|link| link.addresses.iter().map(|(address, _)| *address)).collect();
        let ends = inside(underlay.as_ref(), || {
            probed.iter().map(|probed| ends(&probed.network)).collect::<Vec<_>>()
        })?;
        let questions = probed.iter().zip(ends).map(|(probed, ends)| Question {
            ends,
            network: probed.network.clone(),
            canary: probed.canary.as_ref().map(|canary| canary.bytes().to_vec()),
            encrypting: encrypting(links, survey),
            enclosed: routed(&probed.network, survey).iter().any(|link| survey.encloses(link)),
            own: own.clone(),
            ..Question::default()
        });
        let questions = questions.collect();
        let mut watch =
            Watch::new(questions, super::ports(probed.iter().map(|probed| &probed.network))?, Some(opener));

        let devices: Vec<Device> = links.iter().map(String::as_str).map(Device::new).collect();
        let defaults = Options::default();
        let options = Options {
            promiscuous: false,
            directed: true,
            buffer: args.buffer.unwrap_or(defaults.buffer),
            namespace: underlay,
            ..defaults
        };
        let mut live = Live::open(&devices, &options)?;
        let wake: OwnedFd = self.signals.descriptor()?;
        live.wake_on(wake);
        // A packet may come before the SA that opens those behind it.
        if let Some(notices) = notices {
            live.wake_on(notices);
        }
        if self.told.replace(links.to_vec()) != links {
            tell(format_args!("interface: {}", escape(&links.join(", "))));
        }
        let begun = Instant::now();
        let cut_short = self.look(&mut live, &mut watch, &mut probed, begun);
        if let Some(complaint) = watch.complaint() {
            tell(format_args!("ovlsniff: {complaint}"));
        }
        // Not every interface that goes down ends a capture: what came afterwards was not seen all the same.
        let now = inside(options.namespace.as_ref(), Survey::take)?;
        let cut_short = cut_short.or_else(|| {
            let now = now.map_err(|error| error.to_string());
            let chosen = args.interface.is_empty();
            now.map_or_else(Some, |now| {
                let joined = || if chosen { unwatched(&probed, links, survey, &now) } else { None };
                gone(links, &now).or_else(|| moved(&probed, survey, &now)).or_else(joined)
            })
        });
        let statistics = live.statistics();
        // A tunnel's device is where its packets arrive a second time.
        let routes = probed.iter().flat_map(|probed| routed(&probed.network, survey));
        let passed = routes.flat_map(|link| survey.passes(link)).map(|link| &link.name);
        let passed = once(links.iter().chain(passed));
        let nanos = i64::try_from(begun.elapsed().as_nanos()).unwrap_or(i64::MAX);
        let after = inside(options.namespace.as_ref(), || {
            Kernel::read(true)
                .map(|kernel| Kernel { exempt: exempt(passed.iter().map(String::as_str)), ..kernel })
        })?;
        let (kernel, kernel_unread) = match (before, after) {
            (Ok(before), Ok(after)) => (Some(Kernel::between(&before, after)), None),
            (Err(error), _) | (_, Err(error)) => (None, Some(error.to_string())),
        };
        let mut control = None;
        let mut endings = probed.iter().map(|probed| Circumstances {
            source: links.join(", "),
            nanos,
            dropped: Some(statistics.dropped_kernel + statistics.dropped_interface),
            cut_short: cut_short.clone(),
            probes: probed.prober.as_ref().map_or_else(Vec::new, |prober| prober.probes().to_vec()),
            kernel: kernel.clone(),
            kernel_unread: kernel_unread.clone(),
            control: None,
            esp_offload: esp_offload(),
        });
        let mut circumstances = endings.next().unwrap_or_default();
        if probed.len() > 1 {
            control = watch.canary_left_in_clear(1);
        }
        circumstances.control = control;
        let mut reports = watch.finish(|_, _| circumstances.clone());
        if reports.is_empty() {
            bail!("no verdict");
        }
        Ok(reports.swap_remove(0))
    }

    /// Captures and probes until the time is over. Why it ended before, if it did.
    fn look(
        &self,
        live: &mut Live,
        watch: &mut Watch,
        probed: &mut [Probed],
        begun: Instant,
    ) -> Option<String> {
        let end = begun + self.args.duration;
        let last_probe = end.checked_sub(GRACE.min(self.args.duration / 3)).unwrap_or(end);
        let mut next_probe = begun;
        loop {
            let now = Instant::now();
            if now >= next_probe && now < last_probe {
                for prober in probed.iter_mut().filter_map(|probed| probed.prober.as_mut()) {
                    prober.collect();
                    prober.round();
                }
                next_probe = now + PACE;
            }
            if now >= end {
                break;
            }
            let deadline = if next_probe < last_probe { next_probe } else { end };
            match live.next(Some(deadline.max(now))) {
                Ok(Event::Frame(frame)) => watch.frame(&frame),
                Ok(Event::Idle | Event::Deadline) => {}
                Ok(Event::Woken) => {
                    self.signals.drain();
                    watch.catch_up();
                    if self.signals.stopped() {
                        break;
                    }
                }
                Err(error) => {
                    collect(probed);
                    return Some(error.to_string());
                }
            }
        }
        collect(probed);
        drain(live, watch, &self.signals)
    }

    /// The canary and the sockets of a network. Without an address to probe there is a canary and no probe.
    fn probed(&self, network: Network, targets: &[IpAddr]) -> anyhow::Result<Probed> {
        if self.args.passive {
            return Ok(Probed { network, prober: None, canary: None });
        }
        let canary = Canary::random().map_err(|error| anyhow!("read /dev/urandom: {error}"))?;
        let mut chosen: Vec<Target> = Vec::new();
        for (at, &address) in targets.iter().enumerate() {
            // One target a peer in their order, unless the kernel knows behind which it is.
            let behind = network.peers.iter().find(|peer| peer.overlay.contains(&address));
            let peer = behind.or_else(|| network.peers.get(at)).or_else(|| network.peers.first());
            chosen.extend(peer.map(|peer| Target { peer: peer.underlay, address }));
        }
        if targets.is_empty() {
            // A network of several subnets has addresses that may not be reached from this one: they come last.
            let entries = network.entry.iter().flat_map(|entry| &entry.addresses);
            let near = |to: &IpAddr| entries.clone().any(|&(own, prefix)| in_prefix(*to, own, prefix));
            for peer in &network.peers {
                let mut addresses = peer.overlay.clone();
                addresses.sort_by_key(|to| !near(to));
                let target = |address| Target { peer: peer.underlay, address };
                chosen.extend(addresses.into_iter().take(TRIED).map(target));
            }
        }
        let prober = match &network.entry {
            Some(entry) if !chosen.is_empty() => Some(Prober::open(entry, canary.clone(), &chosen)?),
            _ => None,
        };
        Ok(Probed { network, prober, canary: Some(canary) })
    }

    /// The interfaces of the underlay.
    fn links(&self, network: &Network, survey: &Survey) -> anyhow::Result<Vec<String>> {
        if !self.args.interface.is_empty() {
            // The device of a VRF shows frames before and behind their encryption, in one.
            let vrf = |name: &&String| {
                survey.links.iter().find(|link| link.name == **name && link.kind.as_deref() == Some("vrf"))
            };
            let names = self.args.interface.iter().flat_map(|name| match vrf(&name) {
                Some(vrf) => survey.wires(vrf).into_iter().map(|link| &link.name).collect(),
                None => vec![name],
            });
            return Ok(once(names));
        }
        let names = once(leads_to(network, survey).into_iter().map(|link| &link.name));
        if names.is_empty() {
            bail!(
                "no interface of this host leads to the nodes of {}; name one with -i, or the namespace with --netns",
                escape(&network.name)
            );
        }
        Ok(names)
    }
}

/// Takes what was in the rings when the watch ended, also where it was kept from reading it. Why that is not all, if so.
fn drain(live: &mut Live, watch: &mut Watch, signals: &Signals) -> Option<String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let end = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
    let give_up = Instant::now() + DRAIN;
    let mut quiet = Instant::now() + QUIET;
    while Instant::now() < give_up {
        match live.next(Some(quiet)) {
            Ok(Event::Frame(frame)) if frame.time.nanos > end => return None,
            Ok(Event::Frame(frame)) => {
                watch.frame(&frame);
                quiet = Instant::now() + QUIET;
            }
            Ok(Event::Deadline) if Instant::now() >= quiet => return None,
            Ok(Event::Idle | Event::Deadline) => {}
            Ok(Event::Woken) => {
                signals.drain();
                watch.catch_up();
            }
            Err(error) => return Some(error.to_string()),
        }
    }
    Some("more was captured than could be read in time".to_owned())
}

/// Each once, in their order: of an interface that is opened twice every frame would count twice.
fn once<'n, T: Clone + PartialEq + 'n>(all: impl Iterator<Item = &'n T>) -> Vec<T> {
    let mut found: Vec<T> = Vec::new();
    for one in all {
        if !found.contains(one) {
            found.push(one.clone());
        }
    }
    found
}

fn collect(probed: &mut [Probed]) {
    probed.iter_mut().filter_map(|probed| probed.prober.as_mut()).for_each(Prober::collect);
}

/// The links that the packets to the other nodes are routed to, or may be.
fn routed<'s>(network: &Network, survey: &'s Survey) -> Vec<&'s Link> {
    let mut links: Vec<&Link> = network.links.iter().filter_map(|&index| survey.link(index)).collect();
    if links.is_empty() {
        links = network.locals.iter().filter_map(|&local| survey.owner(local)).collect();
    }
    links.extend(network.peers.iter().flat_map(|peer| survey.detours(peer.underlay)).filter(|link| link.up));
    links
}

/// The links on whose wires those packets are.
fn leads_to<'s>(network: &Network, survey: &'s Survey) -> Vec<&'s Link> {
    routed(network, survey).into_iter().flat_map(|link| survey.wires(link)).collect()
}

/// Numbers, in the order of the capture, of the links on which frames are clear that may be encrypted on the wire. Who names
/// one with -i is not told that it leaks.
fn encrypting(links: &[String], survey: &Survey) -> Vec<u32> {
    let named = |name: &str| survey.links.iter().find(|link| link.name == name);
    (0..)
        .zip(links)
        .filter(|(_, name)| named(name).is_some_and(|link| !survey.shows_its_wire(link)))
        .map(|(number, _)| number)
        .collect()
}

/// The interface that is no longer there, or down.
fn gone(links: &[String], survey: &Survey) -> Option<String> {
    let up = |name: &&String| survey.links.iter().any(|link| link.name == **name && link.up);
    links.iter().find(|name| !up(name)).map(|name| format!("{name}: the interface went down"))
}

/// Whether packets to a peer leave by another interface than they did: what passed it was not seen.
fn moved(probed: &[Probed], before: &Survey, now: &Survey) -> Option<String> {
    let mut peers = probed.iter().flat_map(|probed| &probed.network.peers).map(|peer| peer.underlay);
    peers.find_map(|peer| {
        let was = before.wires(before.route(peer)?);
        let is = now.wires(now.route(peer)?);
        let new = is.into_iter().find(|wire| was.iter().all(|known| known.index != wire.index))?;
        Some(format!("packets to {peer} leave by {} now, and did not at the beginning", escape(&new.name)))
    })
}

/// A node of the network that packets leave to by an interface that was not watched, since it joined after the beginning.
fn unwatched(probed: &[Probed], links: &[String], before: &Survey, now: &Survey) -> Option<String> {
    fn tunnels(survey: &Survey) -> impl Iterator<Item = &Vxlan> {
        survey.links.iter().filter_map(|link| link.vxlan.as_ref())
    }
    let vnis = |vni| probed.iter().any(|probed| probed.network.vnis.contains(&vni));
    let ours = tunnels(now).filter(|vxlan| vxlan.vni.is_some_and(vnis));
    let known = |peer: &&IpAddr| tunnels(before).any(|vxlan| vxlan.peers.contains(peer));
    let mut joined = ours.flat_map(|vxlan| &vxlan.peers).filter(|peer| !known(peer));
    joined.find_map(|peer| {
        let wires = now.route(*peer).map(|link| now.wires(link)).unwrap_or_default();
        let leads = wires.into_iter().find(|link| !links.contains(&link.name) && !link.loopback)?;
        Some(format!("packets to {peer} leave by {}, which was not watched", escape(&leads.name)))
    })
}

/// Opens with these keys and those of the kernel, as far as it gives them out, the later ones too.
fn opener(mut sas: Vec<Sa>, namespace: Option<&Namespace>) -> anyhow::Result<Opener> {
    // Opened before the dump, so that no SA falls between the two.
    let notices = inside(namespace, Notices::open)?.ok();
    if let Ok(dumped) = inside(namespace, ipsec::dump)? {
        if let Some(warning) = dumped.warning() {
            tell(format_args!("ovlsniff: {warning}"));
        }
        sas.extend(dumped.sas);
    }
    let mut opener = Opener::new(sas);
    if let Some(notices) = notices {
        opener.follow(notices);
    }
    Ok(opener)
}

/// Runs `work` in a namespace, or here.
fn inside<T>(namespace: Option<&Namespace>, work: impl FnOnce() -> T) -> anyhow::Result<T> {
    match namespace {
        Some(namespace) => Ok(namespace.visit(work)?),
        None => Ok(work()),
    }
}

/// The addresses this host would send to the peers from, by the peers'. No packet is sent for it.
fn ends(network: &Network) -> BTreeMap<IpAddr, IpAddr> {
    let from = |peer: IpAddr| {
        let any: SocketAddr = if peer.is_ipv4() { ([0u8; 4], 0).into() } else { ([0u16; 8], 0).into() };
        let socket = UdpSocket::bind(any).ok()?;
        socket.connect((peer, network.port.unwrap_or(4789))).ok()?;
        Some((peer, socket.local_addr().ok()?.ip()))
    };
    network.peers.iter().filter_map(|peer| from(peer.underlay)).collect()
}

/// Wakes the neighbours up when no address behind a peer is known, and reads the tables once more.
fn discover(network: &mut Network, places: &mut Places, given: Option<&Namespace>) {
    let unknown = network.peers.iter().any(|peer| peer.overlay.is_empty());
    let (true, Some(entry), Some(peer)) = (unknown, &network.entry, network.peers.first()) else { return };
    let targets: Vec<Target> =
        candidates(entry).into_iter().map(|address| Target { peer: peer.underlay, address }).collect();
    let Ok(canary) = Canary::random() else { return };
    let Ok(mut prober) = Prober::open(entry, canary, &targets) else { return };
    prober.sweep();
    std::thread::sleep(DISCOVERY);
    if let Ok(now) = Places::look(given) {
        *places = now;
        refresh(network, places);
    }
}

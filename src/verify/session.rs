//! A live verification: from the request to the report.
//!
//! It has three acts. [`Session::prepare`] finds the network, the links of the underlay, the keys and the state of the
//! kernel, and opens the capture. [`Session::run`] then watches: it sends a round of probes four times a second and has
//! every frame counted, until the time is over or a signal comes. At last it drains the ring, because the frames in it
//! were on the wire as well.
//!
//! One ring takes the frames of all links, also of those that come later. So a route that moves and moves back, and a
//! leak by a link that nobody thought of, are seen.
//!
//! The kernel is asked in the network namespace of the underlay, where the VXLAN socket and the IPsec policies are.
//! With Docker the VXLAN device is in another namespace, a sandbox, and the probes start in that of a container.

mod follow;
mod prepare;
mod probed;
mod progress;

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant, SystemTime};

use super::carrier::carriers;
use super::kept::{Facts, FrameKeeper};
use super::kernel::{KernelState, KernelUnread, esp_offload};
use super::network::Network;
use super::probe;
use super::report::Report;
use super::tally::Circumstances;
use super::underlay;
use super::wanted::{Wanted, WantedError};
use super::watch::Watch;
use crate::capture::live::{self, Event, Live};
use crate::escape::escape;
use crate::host::namespace::{self, Namespace};
use crate::host::survey::{self, Survey};
use crate::ipsec::Sa;
use crate::keeper;
use crate::packet::Timestamp;
pub use crate::verify::peer_progress::PeerProgress;
use follow::Follow;
use probed::Probed;
use progress::Beat;
pub use progress::Progress;

/// The shortest time between two rounds of probes.
const PACE: Duration = Duration::from_millis(250);
/// The most probes of a watch, roughly. A longer watch, or one of more nodes, has longer pauses between its rounds.
const MOST_PROBES: u32 = 200_000;
/// The most rounds of a watch. Each has two probes for a node, and evidence is kept of each.
const MOST_ROUNDS: u32 = 20_000;
/// The longest time that the capture goes on after the last probe, so that replies are still seen.
const GRACE: Duration = Duration::from_secs(1);
/// The longest time to drain the rings.
const DRAIN: Duration = Duration::from_secs(10);
/// The rings are empty when no frame has come for this time.
const QUIET: Duration = Duration::from_millis(50);

/// A request to watch a network.
#[derive(Clone, Debug)]
pub struct Request {
    /// The network.
    pub wanted: Wanted,
    /// A network that is known to be clear.
    pub control: Option<String>,
    /// The network namespace of the underlay; `None` for that of this process.
    pub netns: Option<String>,
    /// The links on whose wires the proof is looked for. If there are none, it is looked for on all. Clear frames count on
    /// every wire.
    pub interfaces: Vec<String>,
    /// The length of the watch.
    pub duration: Duration,
    /// True if nothing may be sent.
    pub passive: bool,
    /// The overlay addresses to probe. If there are none, they are found out.
    pub targets: Vec<IpAddr>,
    /// SAs with their keys, beside those of the kernel.
    pub sas: Vec<Sa>,
    /// True if ESP is to be opened with the kernel's keys.
    pub kernel_keys: bool,
    /// The size in bytes of the ring between kernel and program.
    pub buffer: Option<u32>,
    /// True if what the verdict follows from is to be kept.
    pub keep: bool,
}

/// The reasons why nothing can be watched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The device `any`, which stands for all interfaces, was asked for.
    #[error(
        "verify has to know the interface: a device 'any' shows frames before and behind encryption; name it with -i"
    )]
    Any,
    /// The network was not found.
    #[error(transparent)]
    Wanted(#[from] WantedError),
    /// A network namespace cannot be entered.
    #[error(transparent)]
    Namespace(#[from] namespace::Error),
    /// The kernel does not list its links.
    #[error(transparent)]
    Survey(#[from] survey::Error),
    /// No link was named, and none was found. Holds the network's name, escaped.
    #[error(
        "no interface of this host leads to the nodes of {0}; name one with -i, or the namespace with --netns"
    )]
    NoLink(String),
    /// No link has the address that was given for this node.
    #[error("--local {0}: no interface of this host has this address; give an address of 'ip address'")]
    NotLocal(IpAddr),
    /// The system gives no randomness for a canary.
    #[error("make a canary of random bytes: {0}")]
    Random(io::Error),
    /// No probe can be sent.
    #[error(transparent)]
    Probe(#[from] probe::Error),
    /// Nothing can be captured.
    #[error(transparent)]
    Capture(#[from] live::Error),
    /// The kernel's notices of new SAs cannot be waited for.
    #[error("wait for the kernel's notices: {0}")]
    Notices(io::Error),
}

/// The reasons why a capture does not hold all that passed.
#[derive(Debug, thiserror::Error)]
enum CutShort {
    /// The capture failed.
    #[error(transparent)]
    Capture(#[from] live::Error),
    /// Frames were left in the rings.
    #[error("more was captured than could be read in time")]
    Unread,
}

/// The result of a preparation.
pub enum Prepared {
    /// Everything is open, and the watch can begin.
    Ready(Box<Session>),
    /// There is nothing to watch, because this host has no part in the network.
    Judged(Box<Watched>),
}

/// The result of a watch.
pub struct Watched {
    /// The verdict, with its evidence.
    pub report: Report,
    /// A message to the user about SAs that were missed.
    pub complaint: Option<String>,
    /// The facts that the verdict follows from, if they were to be kept.
    pub kept: Option<(Facts, FrameKeeper)>,
}

/// A verification that is ready to watch: everything that it needs is open.
pub struct Session {
    asked: Probed,
    control: Option<Probed>,
    /// The names of the links to show to the user.
    shown: Vec<String>,
    /// The names of the links that the user named.
    named: Vec<String>,
    /// The links whose frames the kernel's filter leaves out.
    unseen: Vec<u32>,
    /// The name of the first such link that became a wire during the watch, escaped.
    overlooked: Option<String>,
    underlay: Underlay,
    follow: Follow,
    kernel: Result<KernelState, KernelUnread>,
    duration: Duration,
    live: Live,
    watch: Watch,
    warning: Option<String>,
}

/// The underlay's network namespace, and its last survey.
struct Underlay {
    namespace: Option<Namespace>,
    survey: Survey,
}

impl Underlay {
    /// Surveys the namespace, with the routes to the nodes of these networks.
    fn of<'n>(
        namespace: Option<Namespace>,
        networks: impl Iterator<Item = &'n Network>,
    ) -> Result<Self, Error> {
        let nodes: Vec<IpAddr> =
            networks.flat_map(|network| &network.peers).map(|peer| peer.underlay).collect();
        let survey = Survey::take_toward(namespace.as_ref(), &nodes)?;
        Ok(Self { namespace, survey })
    }

    /// Surveys the namespace again.
    fn again<'n>(self, networks: impl Iterator<Item = &'n Network>) -> Result<Self, Error> {
        Self::of(self.namespace, networks)
    }

    /// Runs `work` in the namespace.
    fn run<T>(&self, work: impl FnOnce() -> T) -> Result<T, namespace::Error> {
        Namespace::run(self.namespace.as_ref(), work)
    }
}

impl Session {
    /// Returns the names of the links that the network's packets pass, or that the user named. They may hold any
    /// character.
    pub fn shown(&self) -> &[String] {
        &self.shown
    }

    /// Returns a message to the user about keys that the kernel keeps back.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Watches, drains the rings and judges. Whenever `wake` is readable, `interrupted` is asked whether to end the
    /// watch early. `progress` is told how far the watch has come, about once a second.
    ///
    /// # Errors
    /// [`Error::Namespace`] if the underlay's network namespace can no longer be entered.
    pub fn run(
        mut self,
        wake: OwnedFd,
        mut interrupted: impl FnMut() -> bool,
        progress: &mut impl FnMut(Progress),
    ) -> Result<Watched, Error> {
        self.live.wake_on(wake);
        if let Some(end) = keeper::descriptor() {
            self.live.wake_on(end);
        }
        let begun = Instant::now();
        let watched = self.watch(begun, &mut interrupted, progress);
        // A reply that comes later may not be among the frames.
        self.probed().for_each(Probed::collect);
        let watched = watched.and_then(|()| self.drain(&mut interrupted));
        self.probed().for_each(Probed::finish);
        let complaint = self.watch.complaint();
        let circumstances = self.circumstances(begun, watched.err().map(|why| why.to_string()))?;
        let (report, kept) = self.watch.finish_and_keep(circumstances);
        Ok(Watched { report, complaint, kept })
    }

    fn probed(&mut self) -> impl Iterator<Item = &mut Probed> {
        std::iter::once(&mut self.asked).chain(&mut self.control)
    }

    /// Captures and probes until the time is over.
    fn watch(
        &mut self,
        begun: Instant,
        interrupted: &mut impl FnMut() -> bool,
        progress: &mut impl FnMut(Progress),
    ) -> Result<(), CutShort> {
        let end = begun + self.duration;
        let last_probe = end.checked_sub(GRACE.min(self.duration / 3)).unwrap_or(end);
        let nodes: usize = self.probed().map(|probed| probed.network.peers.len()).sum();
        let pace = pace(self.duration, u32::try_from(nodes).unwrap_or(u32::MAX));
        let mut next_probe = begun;
        let mut beat = Beat::from(begun);
        loop {
            let now = Instant::now();
            if beat.is_due(now) {
                progress(Progress::of(end.saturating_duration_since(now), &self.watch, &self.asked));
                // One that has ended wakes the watch, and one that is silent does not.
                if keeper::is_lost() {
                    return Ok(());
                }
            }
            if now >= next_probe && now < last_probe {
                self.probed().for_each(Probed::round);
                next_probe = now + pace;
            }
            if self.follow.wants_a_survey(now) {
                // If it fails, the links stay as they were known. The survey at the end tells why.
                let _ = self.survey();
                self.follow.surveyed(now);
            }
            self.follow.read_rules(&self.underlay, now);
            if now >= end {
                return Ok(());
            }
            let deadline = if next_probe < last_probe { next_probe } else { end };
            match self.live.next(Some(beat.next_before(deadline).max(now)))? {
                Event::Frame(frame) => self.watch.frame(&frame),
                Event::Idle | Event::Deadline => {}
                Event::Woken => {
                    self.catch_up();
                    if interrupted() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Takes the kernel's notices: new SAs, so that the packets that follow can be opened, and everything else.
    fn catch_up(&mut self) {
        self.watch.catch_up();
        for node in self.follow.take() {
            self.watch.joins(node);
        }
    }

    /// Surveys the underlay again, and looks at its links as they are now.
    fn survey(&mut self) -> Result<(), survey::Error> {
        let networks = || [&self.asked].into_iter().chain(&self.control).map(|probed| &probed.network);
        let nodes: Vec<IpAddr> =
            networks().flat_map(|network| &network.peers).map(|peer| peer.underlay).collect();
        let survey = Survey::take_toward(self.underlay.namespace.as_ref(), &nodes)?;
        let views = underlay::views(networks(), &self.named, &survey);
        // The kernel's filter leaves out the frames of links that were not looked at in the beginning.
        let unseen = self.unseen.iter().find(|index| views.get(index).is_some_and(Option::is_some));
        if let Some(link) = unseen.and_then(|index| survey.link(*index)) {
            self.overlooked.get_or_insert_with(|| escape(&link.name).into_owned());
        }
        self.watch.look_at(views);
        self.watch.owns(survey.links.iter().flat_map(|link| link.addresses.iter().map(|own| own.address())));
        self.underlay.survey = survey;
        Ok(())
    }

    /// Takes the frames that were in the rings when the watch ended. Signals do not cut this short.
    fn drain(&mut self, interrupted: &mut impl FnMut() -> bool) -> Result<(), CutShort> {
        let end = Timestamp::from(SystemTime::now());
        let give_up = Instant::now() + DRAIN;
        let mut quiet = Instant::now() + QUIET;
        while Instant::now() < give_up {
            match self.live.next(Some(quiet))? {
                Event::Frame(frame) if frame.time.nanos > end.nanos => return Ok(()),
                Event::Frame(frame) => {
                    self.watch.frame(&frame);
                    quiet = Instant::now() + QUIET;
                }
                Event::Deadline if Instant::now() >= quiet => return Ok(()),
                Event::Idle | Event::Deadline => {}
                Event::Woken => {
                    self.catch_up();
                    interrupted();
                    // The end of its socket would wake this for ever, and nobody asks for the verdict any more.
                    if keeper::is_lost() {
                        return Ok(());
                    }
                }
            }
        }
        Err(CutShort::Unread)
    }

    /// Collects the circumstances at the end of the watch: everything that is known beside the frames.
    fn circumstances(&mut self, begun: Instant, cut_short: Option<String>) -> Result<Circumstances, Error> {
        self.catch_up();
        self.follow.end_reading();
        let cut_short = cut_short.or_else(|| match self.survey() {
            Ok(()) => self.missed(),
            Err(error) => Some(error.to_string()),
        });
        let statistics = self.live.statistics();
        let nanos = i64::try_from(begun.elapsed().as_nanos()).unwrap_or(i64::MAX);
        let (kernel, kernel_unread) = match self.kernel_between()? {
            Ok(kernel) => (Some(kernel), None),
            Err(unread) => (None, Some(unread)),
        };
        let (joined, left) = self.follow.nodes();
        Ok(Circumstances {
            joined,
            left,
            source: self.shown.join(", "),
            nanos,
            dropped: Some(statistics.dropped_kernel + statistics.dropped_interface),
            cut_short,
            filters: Vec::new(),
            probes: self.asked.probes(),
            kernel,
            kernel_unread,
            carriers: carriers(&self.asked.network, &self.underlay.survey),
            control: self.watch.control_left_in_clear(),
            esp_offload: esp_offload(),
        })
    }

    /// Says which packets may have passed unseen.
    fn missed(&self) -> Option<String> {
        let overlooked = self.overlooked.as_ref();
        underlay::gone(&self.shown, &self.underlay.survey)
            .or_else(|| self.follow.missed(&self.shown))
            .or_else(|| overlooked.map(|link| format!("{link} became a wire during the watch")))
    }

    /// Returns the state of the kernel with the changes during the watch, or the reason why it is not known.
    fn kernel_between(&self) -> Result<Result<KernelState, KernelUnread>, Error> {
        let before = match &self.kernel {
            Ok(before) => before,
            Err(unread) => return Ok(Err(unread.clone())),
        };
        let networks = [&self.asked].into_iter().chain(&self.control).map(|probed| &probed.network);
        let passed = underlay::passed(networks, &self.underlay.survey);
        let after = self.underlay.run(|| KernelState::read_with_rules(&passed))?;
        let between = |after| KernelState::between(before, after);
        Ok(after.map(between).map(|kernel| self.follow.add_to(kernel)))
    }
}

/// Returns the time between two rounds of probes.
fn pace(duration: Duration, nodes: u32) -> Duration {
    let rounds = (MOST_PROBES / nodes.max(1).saturating_mul(2)).clamp(1, MOST_ROUNDS);
    PACE.max(duration / rounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_watch_of_many_nodes_probes_slowly() {
        let day = Duration::from_secs(86_400);
        assert_eq!(pace(Duration::from_secs(10), 3), PACE);
        assert_eq!(pace(Duration::from_secs(3600), 1), PACE);
        assert_eq!(pace(day, 1), Duration::from_millis(4320));
        assert_eq!(pace(day, 1000), Duration::from_secs(864));
        assert_eq!(pace(day, u32::MAX), day);
    }
}

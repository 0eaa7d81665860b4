//! A live verification: from what was asked for to the report.
//!
//! It has three acts. [`Session::prepare`] finds the network, the links that its packets leave by, the keys and the state
//! of the kernel, and opens the capture. [`Session::run`] then *watches*, sending a round of probes four times a second,
//! until the time is over or a signal comes, and *drains* the rings, since what lies there at the end was on the wire as
//! well. What was known at the beginning is then held against the kernel once more: a link that went down, a route that
//! moved or a node that joined makes the watch incomplete.
//!
//! All that is asked of the kernel is asked in the namespace of the underlay, where the VXLAN socket and the IPsec policies
//! are, and which is another one than that of the VXLAN device as often as not (Docker's sandboxes).

mod prepare;
mod probed;

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant, SystemTime};

use super::kernel::{Error as KernelError, KernelState, esp_offload, exempt};
use super::network::Network;
use super::probe;
use super::report::Report;
use super::tally::Circumstances;
use super::underlay;
use super::wanted::{Wanted, WantedError};
use super::watch::Watch;
use crate::capture::live::{self, Event, Live};
use crate::host::namespace::{self, Namespace};
use crate::host::survey::{self, Survey};
use crate::ipsec::Sa;
use crate::packet::{Timestamp, TooManyPorts};
use probed::Probed;

/// Between two rounds of probes.
const PACE: Duration = Duration::from_millis(250);
/// What the capture outlives the last probe by, at most.
const GRACE: Duration = Duration::from_secs(1);
/// What is in the rings at the end is read for so long at most, and until nothing more has come for a moment.
const DRAIN: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_millis(50);

/// What to watch, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// The network.
    pub wanted: Wanted,
    /// A network that is known to be clear.
    pub control: Option<String>,
    /// The namespace of the underlay; none for the one this process is in.
    pub netns: Option<String>,
    /// The links to capture on; found out when empty.
    pub interfaces: Vec<String>,
    /// How long to watch.
    pub duration: Duration,
    /// Nothing is sent.
    pub passive: bool,
    /// Addresses in the overlay to probe; found out when empty.
    pub targets: Vec<IpAddr>,
    /// Keys beside those of the kernel.
    pub sas: Vec<Sa>,
    /// Bytes of the ring between kernel and program.
    pub buffer: Option<u32>,
}

/// Why nothing can be watched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The device of all interfaces was asked for.
    #[error(
        "verify has to know the interface: a device 'any' shows frames before and behind encryption; name it with -i"
    )]
    Any,
    /// No such network.
    #[error(transparent)]
    Wanted(#[from] WantedError),
    /// A namespace cannot be entered.
    #[error(transparent)]
    Namespace(#[from] namespace::Error),
    /// The kernel does not list its links.
    #[error(transparent)]
    Survey(#[from] survey::Error),
    /// No link was named, and none was found. With the network's name, escaped.
    #[error(
        "no interface of this host leads to the nodes of {0}; name one with -i, or the namespace with --netns"
    )]
    NoLink(String),
    /// The networks have too many ports.
    #[error(transparent)]
    Ports(#[from] TooManyPorts),
    /// There is no canary.
    #[error("make a canary of random bytes: {0}")]
    Random(io::Error),
    /// No probe can be sent.
    #[error(transparent)]
    Probe(#[from] probe::Error),
    /// Nothing can be captured.
    #[error(transparent)]
    Capture(#[from] live::Error),
    /// The kernel's word of new SAs cannot be waited for.
    #[error("wait for the kernel's notices: {0}")]
    Notices(io::Error),
}

/// What a request leads to.
pub enum Prepared {
    /// All is open: it can be watched.
    Ready(Box<Session>),
    /// There is nothing to watch: this host has no part in the network.
    Judged(Box<Report>),
}

/// What is found out when the watch has ended.
pub struct Watched {
    /// The verdict, with its evidence.
    pub report: Report,
    /// What to tell the user of SAs that were missed.
    pub complaint: Option<String>,
}

/// A verification with all that it needs, open.
pub struct Session {
    asked: Probed,
    control: Option<Probed>,
    /// The names of the links that are captured.
    captured: Vec<String>,
    underlay: Underlay,
    kernel: Result<KernelState, KernelError>,
    duration: Duration,
    /// The links were named by the user.
    named: bool,
    live: Live,
    watch: Watch,
    warning: Option<String>,
}

/// The underlay's network namespace as it was at the beginning.
struct Underlay {
    namespace: Option<Namespace>,
    survey: Survey,
}

impl Underlay {
    /// Runs `work` in it.
    fn run<T>(&self, work: impl FnOnce() -> T) -> Result<T, namespace::Error> {
        Namespace::run(self.namespace.as_ref(), work)
    }
}

impl Session {
    /// The names of the links that are captured; they may hold any character.
    pub fn captured(&self) -> &[String] {
        &self.captured
    }

    /// What to tell the user of keys that the kernel keeps back.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Watches to the end. Whenever `wake` is readable, `interrupted` is asked whether that comes early.
    ///
    /// # Errors
    /// When the namespace of the underlay cannot be entered any more.
    pub fn run(mut self, wake: OwnedFd, mut interrupted: impl FnMut() -> bool) -> Result<Watched, Error> {
        self.live.wake_on(wake);
        let begun = Instant::now();
        let watched = self.watch(begun, &mut interrupted);
        self.probed().for_each(Probed::collect);
        let watched = watched.and_then(|()| self.drain(&mut interrupted));
        let complaint = self.watch.complaint();
        let circumstances = self.circumstances(begun, watched.err())?;
        Ok(Watched { report: self.watch.finish(circumstances), complaint })
    }

    fn probed(&mut self) -> impl Iterator<Item = &mut Probed> {
        std::iter::once(&mut self.asked).chain(&mut self.control)
    }

    /// Captures and probes until the time is over. Else says why it ended before.
    fn watch(&mut self, begun: Instant, interrupted: &mut impl FnMut() -> bool) -> Result<(), String> {
        let end = begun + self.duration;
        let last_probe = end.checked_sub(GRACE.min(self.duration / 3)).unwrap_or(end);
        let mut next_probe = begun;
        loop {
            let now = Instant::now();
            if now >= next_probe && now < last_probe {
                self.probed().for_each(Probed::round);
                next_probe = now + PACE;
            }
            if now >= end {
                return Ok(());
            }
            let deadline = if next_probe < last_probe { next_probe } else { end };
            match self.live.next(Some(deadline.max(now))).map_err(|error| error.to_string())? {
                Event::Frame(frame) => self.watch.frame(&frame),
                Event::Idle | Event::Deadline => {}
                Event::Woken => {
                    self.watch.catch_up();
                    if interrupted() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Takes what was in the rings when the watch ended, also where it was kept from reading it. Else says why that is
    /// not all.
    fn drain(&mut self, interrupted: &mut impl FnMut() -> bool) -> Result<(), String> {
        let end = Timestamp::from(SystemTime::now());
        let give_up = Instant::now() + DRAIN;
        let mut quiet = Instant::now() + QUIET;
        while Instant::now() < give_up {
            match self.live.next(Some(quiet)).map_err(|error| error.to_string())? {
                Event::Frame(frame) if frame.time.nanos > end.nanos => return Ok(()),
                Event::Frame(frame) => {
                    self.watch.frame(&frame);
                    quiet = Instant::now() + QUIET;
                }
                Event::Deadline if Instant::now() >= quiet => return Ok(()),
                Event::Idle | Event::Deadline => {}
                Event::Woken => {
                    self.watch.catch_up();
                    interrupted();
                }
            }
        }
        Err("more was captured than could be read in time".to_owned())
    }

    /// What is known beside the frames, now that the watch has ended.
    fn circumstances(&mut self, begun: Instant, cut_short: Option<String>) -> Result<Circumstances, Error> {
        let now = Survey::take(self.underlay.namespace.as_ref());
        let cut_short = cut_short.or_else(|| match now {
            Ok(now) => self.missed(&now),
            Err(error) => Some(error.to_string()),
        });
        let statistics = self.live.statistics();
        let nanos = i64::try_from(begun.elapsed().as_nanos()).unwrap_or(i64::MAX);
        let (kernel, kernel_unread) = match self.kernel_between()? {
            Ok(kernel) => (Some(kernel), None),
            Err(unread) => (None, Some(unread)),
        };
        Ok(Circumstances {
            source: self.captured.join(", "),
            nanos,
            dropped: Some(statistics.dropped_kernel + statistics.dropped_interface),
            cut_short,
            probes: self.asked.probes(),
            kernel,
            kernel_unread,
            control: self.watch.control_left_in_clear(),
            esp_offload: esp_offload(),
        })
    }

    fn networks(&self) -> impl Iterator<Item = &Network> + Clone {
        std::iter::once(&self.asked).chain(&self.control).map(|probed| &probed.network)
    }

    /// Says what passed and was not seen: not every interface that goes down ends a capture.
    fn missed(&self, now: &Survey) -> Option<String> {
        let before = &self.underlay.survey;
        underlay::gone(&self.captured, now).or_else(|| underlay::moved(self.networks(), before, now)).or_else(
            || underlay::joined(self.networks(), &self.captured, before, now).filter(|_| !self.named),
        )
    }

    /// The state of the kernel with what changed in it during the watch, or why that is not known.
    fn kernel_between(&self) -> Result<Result<KernelState, String>, Error> {
        let before = match &self.kernel {
            Ok(before) => before,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let passed = underlay::passed(self.networks(), &self.captured, &self.underlay.survey);
        let after = self.underlay.run(|| {
            let exempt = exempt(passed.iter().map(String::as_str));
            KernelState::read(true).map(|kernel| KernelState { exempt, ..kernel })
        })?;
        Ok(after.map(|after| KernelState::between(before, after)).map_err(|error| error.to_string()))
    }
}

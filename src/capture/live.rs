//! Live capture from one or several interfaces, with the frames in the order of their time stamps.

mod block;
mod device;
mod error;
mod everywhere;
mod frames;
mod merge;
mod names;
mod open;
mod program;
mod ring;
mod tap;

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub use device::Device;
pub use error::Error;
pub(crate) use everywhere::ready_but;
pub use frames::{Frames, Taken};
pub use names::Names;
pub use open::{ANY, CaptureOptions};

use crate::host::namespace::Namespace;
use crate::packet::{Frame, InterfaceNumber, LinkType};
use merge::Merge;
use tap::Tap;

/// The number of frames between two looks at the wake descriptors and the deadline, as long as the rings never run dry.
const STRIDE: u32 = 256;

/// The number of strides between two readings of the kernel's counters. They have 32 bits, and may wrap only once
/// between two readings.
const STRIDES_PER_COUNT: u32 = 1 << 14;

/// The longest wait without a look at the rings. When an interface goes down, the kernel reports that once, and
/// reports nothing when the interface is then deleted (net/packet/af_packet.c, `packet_notifier`). The deletion is noticed
/// only when a ring is asked for a frame.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// The time for which the rings are still drained after an interface has gone: `DRAIN` if they run empty, and at most
/// `DRAIN_AT_MOST` longer while other interfaces go on delivering.
const DRAIN: Duration = Duration::from_millis(20);
const DRAIN_AT_MOST: Duration = Duration::from_secs(1);

/// The result of [`Live::next`].
#[derive(Debug)]
pub enum Event<'a> {
    /// A frame, borrowed until the next call.
    Frame(Frame<'a>),
    /// No frame is pending, so this is the moment to flush. The next call waits, and may end with this event again.
    Idle,
    /// A wake descriptor is readable. This event is repeated at once until the owner of the descriptor has read it
    /// empty.
    Woken,
    /// The deadline has passed.
    Deadline,
}

/// An interface that is captured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The interface's name.
    pub device: Device,
    /// The link type of its frames.
    pub link: LinkType,
}

/// The kernel's counters, of an interface or summed over all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Frames that passed the kernel filter. An interface with two rings counts once.
    pub received: u64,
    /// Of these, frames that the ring was too full to take, because the program was too slow. Each ring counts by
    /// itself.
    pub dropped_kernel: u64,
    /// Frames that the interface or its driver dropped. Always 0 for another network namespace, whose counters
    /// libpcap does not see.
    pub dropped_interface: u64,
    /// Frames that were given out by [`Live::next`].
    pub delivered: u64,
}

/// An open live capture.
pub struct Live {
    interfaces: Vec<Interface>,
    sources: Vec<Source>,
    merge: Merge,
    wake: Vec<OwnedFd>,
    /// The number of frames given out so far.
    number: u64,
    /// Set when all rings were empty, or when the pending frame has to be held back: the next call waits before it
    /// reads.
    wait: Option<Wait>,
    /// The number of frames until the next look at the wake descriptors and the deadline.
    stride: u32,
    /// The number of strides until the counters are read again.
    strides: u32,
    /// Set when an interface has gone: the time until which the rings are drained, and the error that follows.
    ending: Option<(Instant, Error)>,
    /// True if the interfaces are in another network namespace than this process.
    other_netns: bool,
}

/// A ring and the interface it belongs to. An interface has two of them when its directions are captured apart.
struct Source {
    tap: Tap,
    interface: InterfaceNumber,
    /// The number of frames given out so far.
    given: u64,
}

/// The reason to wait.
#[derive(Clone, Copy)]
enum Wait {
    /// No frame is pending.
    Frame,
    /// A frame is held back for at most this long.
    AtMost(Duration),
}

impl Live {
    /// Opens all `devices`. If one of them cannot be opened, none is.
    ///
    /// [`Frame::interface`] of a frame is the position of its interface in `devices`.
    pub fn open(devices: &[Device], options: &CaptureOptions<'_>) -> Result<Self, Error> {
        options.check()?;
        if devices.is_empty() {
            return Err(Error::None);
        }
        let open_all =
            || devices.iter().map(|device| open::open(device, options)).collect::<Result<Vec<_>, _>>();
        let opened = Namespace::run(options.namespace, open_all)??;
        Ok(Self::over(devices, opened, options.namespace.is_some()))
    }

    /// Begins to read taps that are open, those of each device.
    fn over(devices: &[Device], opened: Vec<Vec<Tap>>, other_netns: bool) -> Self {
        let mut interfaces = Vec::with_capacity(devices.len());
        let mut sources = Vec::with_capacity(devices.len());
        for ((device, taps), interface) in devices.iter().zip(opened).zip((0..).map(InterfaceNumber)) {
            let link = taps.first().map_or(LinkType::ETHERNET, |tap| tap.link);
            interfaces.push(Interface { device: device.clone(), link });
            sources.extend(taps.into_iter().map(|tap| Source { tap, interface, given: 0 }));
        }
        Self {
            merge: Merge::new(sources.len()),
            interfaces,
            sources,
            wake: Vec::new(),
            number: 0,
            wait: None,
            stride: STRIDE,
            strides: STRIDES_PER_COUNT,
            ending: None,
            other_netns,
        }
    }

    /// Has [`Self::next`] return [`Event::Woken`] as soon as `wake` is readable. It may be the read end of a pipe
    /// that a signal handler writes to. Several descriptors may be added; none of them is ever read here.
    pub fn wake_on(&mut self, wake: OwnedFd) {
        self.wake.push(wake);
    }

    /// Returns the interfaces, in the order of [`Self::open`].
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Returns the next frame or event. After an [`Event::Idle`], waits until there is one or `deadline` has passed.
    pub fn next(&mut self, deadline: Option<Instant>) -> Result<Event<'_>, Error> {
        if let Some(event) = self.look_aside(deadline)? {
            return Ok(event);
        }
        if let Some(error) = over(&mut self.ending, DRAIN_AT_MOST) {
            return Err(error);
        }
        if self.sources.len() > 1 {
            return self.next_merged();
        }
        let Some(source) = self.sources.first_mut() else { return Err(Error::None) };
        let link = source.tap.link;
        match source.tap.next() {
            Ok(Some(lent)) => {
                self.number += 1;
                source.given += 1;
                Ok(Event::Frame(Frame {
                    number: self.number,
                    time: lent.time,
                    link,
                    interface: source.interface,
                    direction: lent.direction,
                    wire_len: lent.wire_len,
                    bytes: lent.bytes,
                }))
            }
            Ok(None) => {
                self.wait = Some(Wait::Frame);
                over(&mut self.ending, Duration::ZERO).map_or(Ok(Event::Idle), Err)
            }
            Err(words) => {
                let device = &self.interfaces[source.interface.place()].device;
                self.wait = Some(Wait::AtMost(Duration::from_millis(2)));
                self.ending.get_or_insert_with(|| gone(device, words));
                over(&mut self.ending, Duration::ZERO).map_or(Ok(Event::Idle), Err)
            }
        }
    }

    /// Returns the frames behind the one that [`Self::next`] gave last which are there at once, if there are some. Tell
    /// [`Self::took`] how far they were taken.
    pub fn frames(&self) -> Option<Frames<'_>> {
        let [source] = &self.sources[..] else { return None };
        source.tap.frames(source.interface, self.number)
    }

    /// Goes on behind the frames of [`Self::frames`] that were taken.
    pub fn took(&mut self, taken: &Taken) {
        let [source] = &mut self.sources[..] else { return };
        source.tap.took(taken);
        source.given += taken.frames;
        self.number += taken.frames;
        self.stride = self.stride.saturating_sub(u32::try_from(taken.frames).unwrap_or(u32::MAX)).max(1);
    }

    /// Reads the counters, and adds those of all interfaces up. They count from the opening.
    pub fn statistics(&mut self) -> Statistics {
        self.statistics_of_each().into_iter().fold(Statistics::default(), |all, of| Statistics {
            received: all.received + of.received,
            dropped_kernel: all.dropped_kernel + of.dropped_kernel,
            dropped_interface: all.dropped_interface + of.dropped_interface,
            delivered: all.delivered + of.delivered,
        })
    }

    /// Reads the counters of each interface, in the order of [`Self::open`].
    pub fn statistics_of_each(&mut self) -> Vec<Statistics> {
        let mut each = vec![Statistics::default(); self.interfaces.len()];
        for source in &mut self.sources {
            let [received, kernel, interface] = source.tap.count();
            let of = &mut each[source.interface.place()];
            of.dropped_kernel += kernel;
            of.dropped_interface += if self.other_netns { 0 } else { interface };
            of.delivered += source.given;
            // libpcap selects the direction after the ring, so each of its two rings of an interface receives the frames
            // of both directions. The larger of the two counts is taken for the interface.
            of.received = of.received.max(received);
        }
        each
    }

    /// Returns the oldest frame of several rings.
    fn next_merged(&mut self) -> Result<Event<'_>, Error> {
        let Self { merge, sources, interfaces, ending, .. } = self;
        let found = merge.next(|index| {
            let source = &mut sources[index];
            source.tap.hold().unwrap_or_else(|words| {
                let device = &interfaces[source.interface.place()].device;
                ending.get_or_insert_with(|| gone(device, words));
                merge::Look::Dark
            })
        });
        match found {
            merge::Next::Frame(index) => {
                let source = &mut self.sources[index];
                let Some(lent) = source.tap.held() else { return Ok(Event::Idle) };
                self.number += 1;
                source.given += 1;
                Ok(Event::Frame(Frame {
                    number: self.number,
                    time: lent.time,
                    link: source.tap.link,
                    interface: source.interface,
                    direction: lent.direction,
                    wire_len: lent.wire_len,
                    bytes: lent.bytes,
                }))
            }
            merge::Next::Hold(time) => {
                self.wait = Some(Wait::AtMost(time));
                Ok(Event::Idle)
            }
            merge::Next::Dry => {
                self.wait = Some(Wait::Frame);
                over(&mut self.ending, Duration::ZERO).map_or(Ok(Event::Idle), Err)
            }
        }
    }

    /// Looks at everything that is not a frame: the wake descriptors, the deadline, the counters. Waits if
    /// `self.wait` says so; otherwise looks once a stride.
    fn look_aside(&mut self, deadline: Option<Instant>) -> Result<Option<Event<'static>>, Error> {
        let waiting = self.wait.take();
        let most = match waiting {
            None => {
                self.stride -= 1;
                if self.stride > 0 {
                    return Ok(None);
                }
                Some(Duration::ZERO)
            }
            Some(Wait::AtMost(time)) => Some(time),
            Some(Wait::Frame) => Some(HEARTBEAT),
        };
        self.stride = STRIDE;
        self.strides -= 1;
        if self.strides == 0 {
            self.strides = STRIDES_PER_COUNT;
            self.statistics();
        }
        let ends = [deadline, self.ending.as_ref().map(|(until, _)| *until)];
        let left = ends.iter().flatten().map(|end| end.saturating_duration_since(Instant::now()));
        let most = left.chain(most).min();
        if self.poll(most)? {
            // The wait was cut short, so the next call waits again.
            self.wait = waiting;
            return Ok(Some(Event::Woken));
        }
        Ok(deadline.filter(|deadline| Instant::now() >= *deadline).map(|_| Event::Deadline))
    }

    /// Waits until a ring has a new block, a wake descriptor is readable, or `most` has passed. Returns true if a
    /// wake descriptor is readable.
    fn poll(&self, most: Option<Duration>) -> Result<bool, Error> {
        let timeout = most.map_or(PollTimeout::NONE, |most| {
            // The time is rounded up, because a wait that ends too early would be repeated until the time is over.
            let millis = most.as_micros().div_ceil(1000);
            PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
        });
        let mut fds: Vec<PollFd<'_>> = Vec::with_capacity(self.wake.len() + self.sources.len());
        let watch = |fd| PollFd::new(fd, PollFlags::POLLIN);
        fds.extend(self.wake.iter().map(|wake| watch(wake.as_fd())));
        // A ring whose frame is held back is left out. It may well have more frames, which would end the wait at
        // once.
        fds.extend(
            (0..).zip(&self.sources).filter(|(i, _)| !self.merge.holds(*i)).map(|(_, s)| watch(s.tap.fd())),
        );
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(Error::Wait(error.into())),
        }
        Ok(fds.iter().take(self.wake.len()).any(|fd| fd.any().unwrap_or(true)))
    }
}

/// Takes the error of an interface that has gone, if its time came at least `after` ago.
fn over(ending: &mut Option<(Instant, Error)>, after: Duration) -> Option<Error> {
    ending.take_if(|(until, _)| Instant::now() >= *until + after).map(|(_, error)| error)
}

/// Makes the error that ends the capture, and the time until which the rings are drained first.
fn gone(device: &Device, words: String) -> (Instant, Error) {
    let cause = match words.as_str() {
        "The interface disappeared" => "the interface disappeared".to_owned(),
        "The interface went down" => "the interface went down".to_owned(),
        _ => words,
    };
    (Instant::now() + DRAIN, Error::Gone { device: device.clone(), cause })
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("interfaces", &self.interfaces)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

//! Live capture from one or several interfaces, in the order of the wire.
//!
//! The rings are read without blocking, and poll(2) is asked only when all of them are empty: at full load a frame
//! costs no system call, and on a quiet wire the caller hears at once that it may flush.

mod device;
mod error;
mod merge;
mod names;
mod open;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub use device::Device;
pub use error::Error;
pub use names::Names;
pub use open::CaptureOptions;

use crate::host::namespace::Namespace;
use crate::packet::{Frame, InterfaceNumber, LinkType, Timestamp};
use merge::Merge;
use open::Handle;

/// Frames between two looks at the wake descriptor, the deadline and the counters while the rings never run dry.
const STRIDE: u32 = 256;

/// Strides between two readings of libpcap's counters, which have 32 bits.
const STRIDES_PER_COUNT: u32 = 1 << 14;

/// The longest wait without a look at the ring. The kernel tells once that an interface went down, and not again when it
/// is deleted then (net/packet/af_packet.c, `packet_notifier`): libpcap sees that when it is asked.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// How long more frames are waited for when an interface has gone, and how long they are taken at most while others go on.
const DRAIN: Duration = Duration::from_millis(20);
const DRAIN_AT_MOST: Duration = Duration::from_secs(1);

/// What [`Live::next`] has to say.
#[derive(Debug)]
pub enum Event<'a> {
    /// A frame, borrowed until the next call.
    Frame(Frame<'a>),
    /// Nothing is pending: the moment to flush. The next call waits. May come several times in a row.
    Idle,
    /// A wake descriptor is readable. Comes again at once until it has been read empty by its owner.
    Woken,
    /// The deadline has passed.
    Deadline,
}

/// An interface that is captured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub device: Device,
    /// What its frames begin with.
    pub link: LinkType,
}

/// What the kernel counted, over all interfaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Frames that passed the kernel filter.
    pub received: u64,
    /// Frames of those that found no room in the ring: the program was too slow.
    pub dropped_kernel: u64,
    /// Frames that the interface or its driver dropped. 0 in another network namespace, whose counters libpcap does
    /// not see.
    pub dropped_interface: u64,
}

/// An open live capture.
pub struct Live {
    interfaces: Vec<Interface>,
    sources: Vec<Source>,
    merge: Merge,
    wake: Vec<OwnedFd>,
    /// Frames given out so far.
    number: u64,
    /// All rings were empty, or what is pending has to be held back: wait before looking again.
    wait: Option<Wait>,
    /// Frames until the next look aside, and strides until the next reading of the counters.
    stride: u32,
    strides: u32,
    /// An interface has gone: until when its ring is drained, and the error after that.
    ending: Option<(Instant, Error)>,
    elsewhere: bool,
}

/// A handle and the interface it belongs to.
struct Source {
    handle: Handle,
    interface: InterfaceNumber,
    /// libpcap's counters when they were last read, and the sums that do not wrap.
    last: [u32; 3],
    counted: [u64; 3],
}

/// What to wait for.
#[derive(Clone, Copy)]
enum Wait {
    /// A frame.
    Frame,
    /// A frame, or that this much time passes.
    AtMost(Duration),
}

impl Live {
    /// Opens all `devices`; when one cannot be opened none is.
    ///
    /// Frames name their interface by its place in `devices`.
    pub fn open(devices: &[Device], options: &CaptureOptions<'_>) -> Result<Self, Error> {
        options.check()?;
        if devices.is_empty() {
            return Err(Error::None);
        }
        let open_all =
            || devices.iter().map(|device| open::open(device, options)).collect::<Result<Vec<_>, _>>();
        let opened = Namespace::run(options.namespace, open_all)??;
        let mut interfaces = Vec::with_capacity(devices.len());
        let mut sources = Vec::with_capacity(devices.len());
        for ((device, handles), interface) in devices.iter().zip(opened).zip((0..).map(InterfaceNumber)) {
            let link = handles.first().map_or(LinkType::ETHERNET, |handle| handle.link);
            interfaces.push(Interface { device: device.clone(), link });
            sources.extend(handles.into_iter().map(|handle| Source {
                handle,
                interface,
                last: [0; 3],
                counted: [0; 3],
            }));
        }
        Ok(Self {
            merge: Merge::new(sources.len()),
            interfaces,
            sources,
            wake: Vec::new(),
            number: 0,
            wait: None,
            stride: STRIDE,
            strides: STRIDES_PER_COUNT,
            ending: None,
            elsewhere: options.namespace.is_some(),
        })
    }

    /// Has [`Self::next`] return [`Event::Woken`] as soon as `wake` is readable: the read end of a pipe that a signal
    /// handler writes to, for one. There may be several; none is ever read here.
    pub fn wake_on(&mut self, wake: OwnedFd) {
        self.wake.push(wake);
    }

    /// The interfaces, in the order they were given in.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// The next frame or event. Waits, after one [`Event::Idle`], until there is one or `deadline` has passed.
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
        match source.handle.capture.next_packet() {
            Ok(packet) => {
                self.number += 1;
                Ok(Event::Frame(Frame {
                    number: self.number,
                    time: time(packet.header),
                    link: source.handle.link,
                    interface: source.interface,
                    direction: source.handle.direction,
                    wire_len: packet.header.len,
                    bytes: packet.data,
                }))
            }
            Err(pcap::Error::TimeoutExpired) => {
                self.wait = Some(Wait::Frame);
                over(&mut self.ending, Duration::ZERO).map_or(Ok(Event::Idle), Err)
            }
            Err(error) => {
                let device = &self.interfaces[source.interface.place()].device;
                self.wait = Some(Wait::AtMost(Duration::from_millis(2)));
                self.ending.get_or_insert_with(|| gone(device, &error));
                over(&mut self.ending, Duration::ZERO).map_or(Ok(Event::Idle), Err)
            }
        }
    }

    /// The counters so far.
    pub fn statistics(&mut self) -> Statistics {
        let mut all = Statistics::default();
        let mut received_of = (None, 0);
        for source in &mut self.sources {
            let [received, kernel, interface] = source.count();
            all.dropped_kernel += kernel;
            all.dropped_interface += if self.elsewhere { 0 } else { interface };
            // The two directions of an interface are told apart after the ring: both rings receive everything.
            if received_of.0 == Some(source.interface) {
                all.received -= received_of.1.min(received);
            }
            all.received += received;
            received_of = (Some(source.interface), received);
        }
        all
    }

    /// Several rings: the oldest frame of all.
    fn next_merged(&mut self) -> Result<Event<'_>, Error> {
        let found = self.merge.next(|index, held| {
            let source = &mut self.sources[index];
            match source.handle.capture.next_packet() {
                Ok(packet) => {
                    held.time = time(packet.header);
                    held.wire_len = packet.header.len;
                    held.bytes.clear();
                    held.bytes.extend_from_slice(packet.data);
                    true
                }
                Err(pcap::Error::TimeoutExpired) => false,
                Err(error) => {
                    let device = &self.interfaces[source.interface.place()].device;
                    self.ending.get_or_insert_with(|| gone(device, &error));
                    false
                }
            }
        });
        match found {
            merge::Next::Frame(index) => {
                self.number += 1;
                let (source, held) = (&self.sources[index], self.merge.frame(index));
                Ok(Event::Frame(Frame {
                    number: self.number,
                    time: held.time,
                    link: source.handle.link,
                    interface: source.interface,
                    direction: source.handle.direction,
                    wire_len: held.wire_len,
                    bytes: &held.bytes,
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

    /// What is to be heard beside frames: waits if there is reason to, else looks once a stride.
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
            // Whatever there was to wait for has not been waited for.
            self.wait = waiting;
            return Ok(Some(Event::Woken));
        }
        Ok(deadline.filter(|deadline| Instant::now() >= *deadline).map(|_| Event::Deadline))
    }

    /// Waits until a ring has something new, a wake descriptor is readable, or `most` has passed. Whether it was a wake
    /// descriptor.
    fn poll(&self, most: Option<Duration>) -> Result<bool, Error> {
        let timeout = most.map_or(PollTimeout::NONE, |most| {
            // Rounded up: a wait that ends too early would be repeated until the time is over.
            let millis = most.as_micros().div_ceil(1000);
            PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
        });
        let mut fds: Vec<PollFd<'_>> = Vec::with_capacity(self.wake.len() + self.sources.len());
        let watch = |fd| PollFd::new(fd, PollFlags::POLLIN);
        fds.extend(self.wake.iter().map(|wake| watch(wake.as_fd())));
        // A ring whose frame is held back may well have more: it would end the wait at once.
        fds.extend(
            (0..).zip(&self.sources).filter(|(i, _)| !self.merge.holds(*i)).map(|(_, s)| watch(s.fd())),
        );
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(Error::Wait(error.into())),
        }
        Ok(fds.iter().take(self.wake.len()).any(|fd| fd.any().unwrap_or(true)))
    }
}

impl Source {
    /// Received, dropped by the kernel, dropped by the interface.
    fn count(&mut self) -> [u64; 3] {
        // When the interface has gone there may be nothing to read, and what was read before stands.
        if let Ok(now) = self.handle.capture.stats() {
            let now = [now.received, now.dropped, now.if_dropped];
            for ((counted, last), now) in self.counted.iter_mut().zip(self.last).zip(now) {
                *counted += u64::from(now.wrapping_sub(last));
            }
            self.last = now;
        }
        self.counted
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.handle.capture.as_fd()
    }
}

/// The error that is due, so long after its time.
fn over(ending: &mut Option<(Instant, Error)>, after: Duration) -> Option<Error> {
    ending.take_if(|(until, _)| Instant::now() >= *until + after).map(|(_, error)| error)
}

/// The error that ends the capture once the rest of the ring has been read.
fn gone(device: &Device, error: &pcap::Error) -> (Instant, Error) {
    let words = open::words(error);
    let cause = match words.as_str() {
        "The interface disappeared" => "the interface disappeared".to_owned(),
        "The interface went down" => "the interface went down".to_owned(),
        _ => words,
    };
    (Instant::now() + DRAIN, Error::Gone { device: device.clone(), cause })
}

/// libpcap was asked for nanoseconds, which stand where the header's type says microseconds.
fn time(header: &pcap::PacketHeader) -> Timestamp {
    Timestamp::new(header.ts.tv_sec, u32::try_from(header.ts.tv_usec).unwrap_or(0), 9)
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live")
            .field("interfaces", &self.interfaces)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

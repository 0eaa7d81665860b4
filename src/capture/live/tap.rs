//! The two ways to frames of an interface: a ring of our own, or libpcap.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};

use pcap::{Active, Capture};

use super::block::Place;
use super::error::words;
use super::frames::{Frames, Taken};
use super::merge::Look;
use super::ring::{Ring, Trouble};
use crate::packet::{Direction, InterfaceNumber, LinkType, Timestamp};

/// An open interface, or one direction of it.
pub(super) struct Tap {
    pub(super) link: LinkType,
    way: Way,
    /// Frames received, dropped by the kernel, and dropped by the interface, since the opening.
    counted: [u64; 3],
}

enum Way {
    Own {
        ring: Ring,
        /// True if the direction of a frame is told.
        directed: bool,
        /// The frame that is held back. It stays in the ring.
        held: Option<Place>,
        drops: Option<InterfaceDrops>,
    },
    Libpcap {
        capture: Capture<Active>,
        direction: Option<Direction>,
        /// libpcap's counters at the last reading. They may wrap.
        last: [u32; 3],
        /// The frame that is held back, copied out of libpcap's ring.
        held: Held,
    },
}

struct Held {
    time: Timestamp,
    wire_len: u32,
    bytes: Vec<u8>,
}

/// A frame of a tap.
pub(super) struct Lent<'a> {
    pub(super) time: Timestamp,
    pub(super) wire_len: u32,
    pub(super) direction: Option<Direction>,
    pub(super) bytes: &'a [u8],
}

/// The number of frames that an interface of this network namespace had dropped before the opening.
struct InterfaceDrops {
    device: String,
    before: u64,
}

impl Tap {
    /// Takes frames from a ring of our own. `drops_of` is the name of the interface whose own drops are counted.
    pub(super) fn own(ring: Ring, link: LinkType, directed: bool, drops_of: Option<&str>) -> Self {
        let drops = drops_of.map(InterfaceDrops::begin);
        Self { link, way: Way::Own { ring, directed, held: None, drops }, counted: [0; 3] }
    }

    /// Takes frames from libpcap, all of them of this direction, if there is one.
    pub(super) fn libpcap(capture: Capture<Active>, direction: Option<Direction>) -> Self {
        let link = LinkType::from_dlt(capture.get_datalink().0);
        let held = Held { time: Timestamp::new(0, 0, 9), wire_len: 0, bytes: Vec::new() };
        Self { link, way: Way::Libpcap { capture, direction, last: [0; 3], held }, counted: [0; 3] }
    }

    /// Lends the next frame; `None` if there is none yet. The error says what became of the interface.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Lent<'_>>, String> {
        match &mut self.way {
            Way::Own { ring, directed, .. } => match ring.advance() {
                Ok(place) => Ok(place.map(|place| lent(ring, &place, *directed))),
                Err(trouble) => Err(said(&trouble)),
            },
            Way::Libpcap { capture, direction, .. } => match capture.next_packet() {
                Ok(packet) => Ok(Some(Lent {
                    time: time(packet.header),
                    wire_len: packet.header.len,
                    direction: *direction,
                    bytes: packet.data,
                })),
                Err(error) if is_empty(&error) => Ok(None),
                Err(error) => Err(words(&error)),
            },
        }
    }

    /// As [`Self::next`], and keeps the frame until it is asked for by [`Self::held`]. Returns its time.
    pub(super) fn hold(&mut self) -> Result<Look, String> {
        match &mut self.way {
            Way::Own { ring, held, .. } => {
                *held = ring.advance().map_err(|trouble| said(&trouble))?;
                Ok(match held {
                    Some(place) => Look::Frame(place.time),
                    None if ring.is_empty() => Look::Empty,
                    None => Look::Dark,
                })
            }
            Way::Libpcap { capture, held, .. } => match capture.next_packet() {
                Ok(packet) => {
                    held.time = time(packet.header);
                    held.wire_len = packet.header.len;
                    held.bytes.clear();
                    held.bytes.extend_from_slice(packet.data);
                    Ok(Look::Frame(held.time))
                }
                Err(error) if is_empty(&error) => Ok(Look::Dark),
                Err(error) => Err(words(&error)),
            },
        }
    }

    /// Lends the frame that was last held.
    pub(super) fn held(&self) -> Option<Lent<'_>> {
        match &self.way {
            Way::Own { ring, directed, held, .. } => held.map(|place| lent(ring, &place, *directed)),
            Way::Libpcap { held, direction, .. } => Some(Lent {
                time: held.time,
                wire_len: held.wire_len,
                direction: *direction,
                bytes: &held.bytes,
            }),
        }
    }

    /// Returns the frames behind the last one that can be lent all at once. `number` is that of the last frame.
    pub(super) fn frames(&self, interface: InterfaceNumber, number: u64) -> Option<Frames<'_>> {
        let Way::Own { ring, directed, .. } = &self.way else { return None };
        let ((block, walk), (only, snaplen)) = (ring.lying()?, ring.limits());
        let (link, directed, taken) = (self.link, *directed, Taken { walk, ..Taken::default() });
        Some(Frames { block, only, snaplen, link, interface, directed, number, end: walk.ahead(), taken })
    }

    /// Goes on behind the frames of [`Self::frames`] that were taken.
    pub(super) fn took(&mut self, taken: &Taken) {
        if let Way::Own { ring, .. } = &mut self.way {
            ring.took(taken.walk);
        }
    }

    /// Returns how many frames were received, dropped by the kernel, and dropped by the interface.
    pub(super) fn count(&mut self) -> [u64; 3] {
        // The counters of an interface that has gone may be unreadable. The last reading then stands.
        let counted = &mut self.counted;
        match &mut self.way {
            Way::Own { ring, drops, .. } => {
                if let Some([received, dropped]) = ring.count() {
                    counted[0] += received;
                    counted[1] += dropped;
                }
                if let Some(drops) = drops {
                    counted[2] = drops.since().max(counted[2]);
                }
            }
            Way::Libpcap { capture, last, .. } => {
                if let Ok(now) = capture.stats() {
                    let now = [now.received, now.dropped, now.if_dropped];
                    for ((counted, last), now) in counted.iter_mut().zip(*last).zip(now) {
                        *counted += u64::from(now.wrapping_sub(last));
                    }
                    *last = now;
                }
            }
        }
        self.counted
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        match &self.way {
            Way::Own { ring, .. } => ring.as_fd(),
            Way::Libpcap { capture, .. } => capture.as_fd(),
        }
    }
}

#[inline]
fn lent<'a>(ring: &'a Ring, place: &Place, directed: bool) -> Lent<'a> {
    Lent {
        time: place.time,
        wire_len: place.wire_len,
        direction: directed.then_some(place.direction),
        bytes: ring.bytes(place),
    }
}

/// Says what became of a ring, in libpcap's words for it.
fn said(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Gone => "The interface disappeared".to_owned(),
        Trouble::Socket(errno) => errno.desc().to_owned(),
        Trouble::Damaged => "the ring of the kernel is damaged".to_owned(),
    }
}

impl InterfaceDrops {
    fn begin(device: &str) -> Self {
        Self { device: device.to_owned(), before: read(device) }
    }

    fn since(&self) -> u64 {
        read(&self.device).saturating_sub(self.before)
    }
}

/// Returns the number of frames that an interface has dropped, as libpcap counts them.
fn read(device: &str) -> u64 {
    let of = |counter| fs::read_to_string(format!("/sys/class/net/{device}/statistics/{counter}"));
    let number = |counter| of(counter).ok().and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0);
    number("rx_missed_errors") + number("rx_fifo_errors")
}

/// Returns true if there is no frame yet. libpcap's netlink sources (`nflog:1`) report that as an error.
fn is_empty(error: &pcap::Error) -> bool {
    match error {
        pcap::Error::TimeoutExpired => true,
        pcap::Error::PcapError(words) => words.ends_with("Resource temporarily unavailable"),
        _ => false,
    }
}

/// Reads a frame's time stamp. libpcap was asked for nanoseconds, which it puts into the field named for
/// microseconds.
fn time(header: &pcap::PacketHeader) -> Timestamp {
    Timestamp::new(header.ts.tv_sec, u32::try_from(header.ts.tv_usec).unwrap_or(0), 9)
}

//! Putting IP datagrams together from their fragments (RFC 791 section 3.2, RFC 8200 section 4.5).
//!
//! Fragments are held until their datagram is whole, so that its payload is searched in one piece. The fragments of a
//! datagram that stays incomplete come back one by one when its time is over or memory is short. So nothing is lost;
//! it only comes later. The bounds are those of Linux: 30 seconds (`ipfrag_time`) by the capture's clock, and 4 MiB
//! (`ipfrag_high_thresh`). Fragments in different tunnels are told apart.
//!
//! Fragments that overlap are joined as Linux joins them (`ip_frag_queue` in `net/ipv4/ip_fragment.c`, `ip6_frag_queue`
//! in `net/ipv6/reassembly.c`, and `inet_frag_queue_insert` in `net/ipv4/inet_fragment.c`), because another rule would
//! let a sender show one datagram to the receiver and another one to us:
//!
//! - A fragment that lies within a run of held ones is dropped, whatever its bytes are. A run is what arrived without a
//!   hole and in order at the end of the datagram; every other fragment is one of its own.
//! - Any other overlap discards the datagram (RFC 5722, also for IPv4).
//! - So does a last fragment that ends before held bytes do, one with another end than an earlier last one, a fragment
//!   beyond the end, and an empty one.
//! - IPv4 cuts a fragment that others follow down to a multiple of 8 bytes. IPv6 drops it.
//!
//! Fragments that are dropped or discarded come back, one at a time.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use super::{Direction, Fragment, Frame, InterfaceNumber, LinkType, Packet, Timestamp, Vlans, Vni, Why};

/// The time that a datagram may stay incomplete, in nanoseconds.
const MAX_AGE: i64 = 30_000_000_000;
/// The most bytes of all that is held: the frames, and what it takes to keep them.
const MAX_BYTES: usize = 4 << 20;
/// The bytes that it takes to keep a fragment, and a datagram. A datagram is in two tables, which double when they grow, and
/// its lists begin with room for four fragments. With less than that, a flood of lone fragments took 36 MiB.
const FRAGMENT: usize = 128;
const DATAGRAM: usize = 1280;
/// The most fragments of one datagram: 64 KiB at an MTU of 256 bytes. Somebody who sends smaller ones wants to keep
/// us busy.
const MAX_FRAGMENTS: usize = 300;

/// The datagrams that are incomplete.
#[derive(Debug, Default)]
pub struct Reassembly {
    datagrams: HashMap<Key, Datagram>,
    /// The datagrams by the arrival of their first frame. Some entries are of datagrams that are gone.
    order: VecDeque<Begun>,
    bytes: usize,
    arrivals: u64,
}

#[derive(Clone, Copy, Debug)]
struct Begun {
    key: Key,
    arrival: u64,
    since: i64,
}

/// The result of adding a fragment.
#[derive(Debug)]
pub enum Added {
    /// It waits for the others.
    Held,
    /// It completes its datagram.
    Whole {
        /// The protocol of the payload, from the first fragment.
        protocol: u8,
        /// The datagram's payload.
        payload: Vec<u8>,
        /// The frames that came before, in the order of their arrival.
        earlier: Datagram,
    },
    /// It cannot be put together with others: it was cut off by the capture, its length is impossible, or its bytes are
    /// there already.
    Alone,
    /// Its datagram is discarded: fragments overlap, or there are too many. The frames that were held come back.
    GivenUp(Datagram),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    id: u32,
    /// The protocol is part of the key in IPv4 only (RFC 791); in IPv6 fragments may differ in it.
    protocol: Option<u8>,
    interface: InterfaceNumber,
    /// The interface that the frame passed, in a capture on all interfaces.
    of_any: Option<u32>,
    vlan: Vlans,
    tunnel: Option<Tunnel>,
}

/// The tunnel that a fragment passed. Different networks may use the same addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Tunnel {
    depth: usize,
    vni: Option<Vni>,
    number: Option<u32>,
    ends: Option<(IpAddr, IpAddr)>,
}

impl Tunnel {
    fn around(packet: &Packet<'_>) -> Option<Self> {
        let innermost = packet.encapsulations.last()?;
        let ends = innermost.outer.ip.map(|ip| (ip.source, ip.destination));
        let number = innermost.tunnel.number();
        Some(Self { depth: packet.encapsulations.len(), vni: packet.vni(), number, ends })
    }
}

/// The fragments of one datagram, as the frames they came in.
#[derive(Debug, Default)]
pub struct Datagram {
    frames: Vec<Held>,
    /// The end of the last fragment, or else of the one furthest on.
    len: usize,
    /// True if the last fragment was there.
    ended: bool,
    /// The runs: start and end of the bytes that are held in one piece each.
    runs: Vec<(usize, usize)>,
    /// Bytes of payload held.
    have: usize,
    arrival: u64,
}

/// The place of a fragment among those that are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nothing is there yet.
    Free,
    /// All of it is there already.
    Taken,
    /// It does not fit, and the datagram is discarded.
    Contradiction,
}

/// A frame that was kept.
#[derive(Debug)]
pub struct Held {
    number: u64,
    time: Timestamp,
    link: LinkType,
    interface: InterfaceNumber,
    direction: Option<Direction>,
    wire_len: u32,
    bytes: Box<[u8]>,
    fragment: Fragment,
    protocol: u8,
    payload: Payload,
}

/// The place of a fragment's payload.
#[derive(Debug)]
enum Payload {
    /// In the frame, from this byte on.
    At(usize),
    /// Apart from the frame, because a key has opened the ESP around it.
    Opened(Box<[u8]>),
}

impl Payload {
    fn of(packet: &Packet<'_>, frame: &Frame<'_>) -> Self {
        let (part, whole) = (packet.payload.as_ptr_range(), frame.bytes.as_ptr_range());
        if whole.start <= part.start && part.end <= whole.end {
            Self::At(part.start as usize - whole.start as usize)
        } else {
            Self::Opened(packet.payload.into())
        }
    }
}

impl Held {
    /// Returns the frame as it came.
    pub fn frame(&self) -> Frame<'_> {
        Frame {
            number: self.number,
            time: self.time,
            link: self.link,
            interface: self.interface,
            direction: self.direction,
            wire_len: self.wire_len,
            bytes: &self.bytes,
        }
    }

    fn payload(&self) -> &[u8] {
        let from = match &self.payload {
            Payload::At(at) => self.bytes.get(*at..),
            Payload::Opened(bytes) => Some(&bytes[..]),
        };
        from.and_then(|rest| rest.get(..usize::from(self.fragment.len))).unwrap_or(&[])
    }

    fn range(&self) -> (usize, usize) {
        let start = usize::from(self.fragment.offset);
        (start, start + usize::from(self.fragment.len))
    }

    fn size(&self) -> usize {
        let opened = if let Payload::Opened(bytes) = &self.payload { bytes.len() } else { 0 };
        self.bytes.len() + opened + FRAGMENT
    }
}

impl Datagram {
    /// Returns the frames, in the order of their arrival.
    pub fn frames(&self) -> &[Held] {
        &self.frames
    }

    fn push(&mut self, held: Held) {
        let (start, end) = held.range();
        let furthest = self.runs.iter_mut().max_by_key(|(_, to)| *to);
        match furthest {
            Some((_, to)) if *to == start => *to = end,
            _ => self.runs.push((start, end)),
        }
        self.have += end - start;
        self.frames.push(held);
    }

    /// Says what becomes of a fragment, and keeps the end of the datagram that it tells of.
    fn place(&mut self, held: &Held) -> Place {
        let (start, end) = held.range();
        if held.fragment.more {
            if end > self.len && self.ended {
                return Place::Contradiction;
            }
            self.len = self.len.max(end);
        } else {
            if end < self.len || self.ended && end != self.len {
                return Place::Contradiction;
            }
            (self.ended, self.len) = (true, end);
        }
        if start == end {
            return Place::Contradiction;
        }
        match self.runs.iter().find(|&&(from, to)| start < to && from < end) {
            None => Place::Free,
            Some(&(from, to)) if from <= start && end <= to => Place::Taken,
            Some(_) => Place::Contradiction,
        }
    }

    fn bytes(&self) -> usize {
        DATAGRAM + self.frames.iter().map(Held::size).sum::<usize>()
    }

    fn payload(&self) -> Vec<u8> {
        let mut payload = vec![0; self.have];
        for held in &self.frames {
            let (start, end) = held.range();
            if let Some(place) = payload.get_mut(start..end) {
                place.copy_from_slice(held.payload());
            }
        }
        payload
    }
}

impl Reassembly {
    /// Adds a fragment. `packet` is what [`super::Decoder::decode`] made of `frame`.
    pub fn add(&mut self, frame: &Frame<'_>, packet: &Packet<'_>) -> Added {
        let Some((ip, fragment)) = packet.headers.ip.and_then(|ip| ip.fragment.map(|f| (ip, f))) else {
            return Added::Alone;
        };
        let end = usize::from(fragment.offset) + usize::from(fragment.len);
        let cut = packet.stop.is_some_and(|stop| stop.why == Why::Truncated);
        let odd = fragment.more && fragment.len % 8 != 0;
        // A datagram's length has 16 bits.
        if cut || odd && ip.source.is_ipv6() || end > usize::from(u16::MAX) {
            return Added::Alone;
        }
        let whole = if fragment.more { fragment.len & !7 } else { fragment.len };
        let fragment = Fragment { len: whole, ..fragment };
        let key = Key {
            source: ip.source,
            destination: ip.destination,
            id: fragment.id,
            protocol: ip.source.is_ipv4().then_some(ip.protocol),
            interface: frame.interface,
            of_any: frame.passed(),
            vlan: packet.headers.vlan,
            tunnel: Tunnel::around(packet),
        };
        let held = Held {
            number: frame.number,
            time: frame.time,
            link: frame.link,
            interface: frame.interface,
            direction: frame.direction,
            wire_len: frame.wire_len,
            bytes: frame.bytes.into(),
            fragment,
            protocol: ip.protocol,
            payload: Payload::of(packet, frame),
        };
        self.insert(key, held)
    }

    fn insert(&mut self, key: Key, held: Held) -> Added {
        let since = held.time.nanos;
        if !self.datagrams.contains_key(&key) {
            self.arrivals += 1;
            self.bytes += DATAGRAM;
            self.begin(Begun { key, arrival: self.arrivals, since });
        }
        let arrival = self.arrivals;
        let datagram =
            self.datagrams.entry(key).or_insert_with(|| Datagram { arrival, ..Datagram::default() });
        let place = datagram.place(&held);
        if place == Place::Taken {
            return Added::Alone;
        }
        if place == Place::Contradiction || datagram.frames.len() >= MAX_FRAGMENTS {
            return Added::GivenUp(self.take(key).unwrap_or_default());
        }
        self.bytes += held.size();
        datagram.push(held);
        if !datagram.ended || datagram.len != datagram.have {
            return Added::Held;
        }
        let mut datagram = self.take(key).unwrap_or_default();
        let first = datagram.frames.iter().find(|held| held.fragment.offset == 0);
        let protocol = first.map_or(0, |held| held.protocol);
        let payload = datagram.payload();
        // The caller has the completing frame.
        datagram.frames.pop();
        Added::Whole { protocol, payload, earlier: datagram }
    }

    /// Takes out the oldest datagram, if its time is over at `now` or it must make way for newer ones.
    #[inline]
    pub fn expired(&mut self, now: Timestamp) -> Option<Datagram> {
        if self.order.is_empty() { None } else { self.expired_of_some(now) }
    }

    fn expired_of_some(&mut self, now: Timestamp) -> Option<Datagram> {
        let begun = *self.order.front()?;
        if now.nanos.saturating_sub(begun.since) <= MAX_AGE && self.bytes <= MAX_BYTES {
            return None;
        }
        let begun = self.oldest()?;
        let over = now.nanos.saturating_sub(begun.since) > MAX_AGE || self.bytes > MAX_BYTES;
        over.then(|| self.take(begun.key)).flatten()
    }

    /// Returns the time, in nanoseconds since the epoch, up to which [`Self::expired`] takes out nothing.
    #[inline]
    pub fn patient_until(&self) -> i64 {
        match self.order.front() {
            None => i64::MAX,
            Some(_) if self.bytes > MAX_BYTES => i64::MIN,
            Some(begun) => begun.since.saturating_add(MAX_AGE),
        }
    }

    /// Returns true if a datagram ever was incomplete.
    pub fn was_used(&self) -> bool {
        self.arrivals > 0
    }

    /// Returns true if no datagram is incomplete.
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Takes out the oldest datagram, at the end of a capture.
    pub fn drain(&mut self) -> Option<Datagram> {
        let begun = self.oldest()?;
        self.take(begun.key)
    }

    fn oldest(&mut self) -> Option<Begun> {
        while let Some(&begun) = self.order.front() {
            if self.waits(&begun) {
                return Some(begun);
            }
            self.order.pop_front();
        }
        None
    }

    fn begin(&mut self, begun: Begun) {
        // While the oldest datagram waits, many others may come and go. Their entries must not pile up after it.
        if self.order.len() > 2 * self.datagrams.len() + 64 {
            let order = std::mem::take(&mut self.order);
            self.order = order.into_iter().filter(|begun| self.waits(begun)).collect();
        }
        self.order.push_back(begun);
    }

    fn waits(&self, begun: &Begun) -> bool {
        self.datagrams.get(&begun.key).is_some_and(|datagram| datagram.arrival == begun.arrival)
    }

    fn take(&mut self, key: Key) -> Option<Datagram> {
        let datagram = self.datagrams.remove(&key)?;
        self.bytes -= datagram.bytes();
        if self.datagrams.is_empty() {
            // The next fragments depend on nothing that came before.
            self.order.clear();
        }
        Some(datagram)
    }
}

#[cfg(test)]
mod tests;

//! Putting IP datagrams together from their fragments (RFC 791 section 3.2, RFC 8200 section 4.5).
//!
//! Fragments are held until their datagram is whole, so that its payload is searched in one piece. The fragments of a
//! datagram that stays incomplete come back one by one when its time is over or memory is short. So nothing is lost;
//! it only comes later. The bounds are those of Linux: 30 seconds (`ipfrag_time`) by the capture's clock, and 4 MiB
//! (`ipfrag_high_thresh`). Fragments in different tunnels are told apart. A datagram with overlapping fragments is
//! given up, as RFC 5722 wants it, since what an overlap hides depends on the receiver.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use super::{Direction, Fragment, Frame, InterfaceNumber, LinkType, Packet, Timestamp, Vlans, Vni, Why};

/// The time that a datagram may stay incomplete, in nanoseconds.
const MAX_AGE: i64 = 30_000_000_000;
/// The most bytes of all held fragments: their frames, with a fixed share for the bookkeeping of each.
const MAX_BYTES: usize = 4 << 20;
const BOOKKEEPING: usize = 128;
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
    /// It cannot be put together with others: it was cut off by the capture, its length is impossible, or it is a
    /// duplicate.
    Alone,
    /// Its datagram cannot be put together: fragments overlap, or there are too many. The frames that were held come
    /// back.
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
    /// Payload length, once the last fragment is there.
    len: Option<usize>,
    /// Bytes of payload held.
    have: usize,
    arrival: u64,
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
        self.bytes.len() + opened + BOOKKEEPING
    }
}

impl Datagram {
    /// Returns the frames, in the order of their arrival.
    pub fn frames(&self) -> &[Held] {
        &self.frames
    }

    fn push(&mut self, held: Held) {
        let (start, end) = held.range();
        if !held.fragment.more {
            self.len = Some(end);
        }
        self.have += end - start;
        self.frames.push(held);
    }

    /// Returns true if this fragment is held already. The network may deliver it twice.
    fn has(&self, held: &Held) -> bool {
        self.frames.iter().any(|other| other.range() == held.range() && other.payload() == held.payload())
    }

    /// Returns true if the fragment overlaps another, or disagrees about the end of the datagram.
    fn contradicts(&self, held: &Held) -> bool {
        let (start, end) = held.range();
        let last = !held.fragment.more;
        self.len.is_some_and(|len| end > len || last)
            || self.frames.iter().any(|other| {
                let (from, to) = other.range();
                start < to && from < end || last && to > end
            })
    }

    fn bytes(&self) -> usize {
        self.frames.iter().map(Held::size).sum()
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
        // Every fragment but the last carries a multiple of 8 bytes, and a datagram's length has 16 bits.
        let odd = fragment.more && fragment.len % 8 != 0;
        if cut || odd || fragment.len == 0 || end > usize::from(u16::MAX) {
            return Added::Alone;
        }
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
            self.begin(Begun { key, arrival: self.arrivals, since });
        }
        let arrival = self.arrivals;
        let datagram =
            self.datagrams.entry(key).or_insert_with(|| Datagram { arrival, ..Datagram::default() });
        if datagram.has(&held) {
            return Added::Alone;
        }
        if datagram.contradicts(&held) || datagram.frames.len() >= MAX_FRAGMENTS {
            return Added::GivenUp(self.take(key).unwrap_or_default());
        }
        self.bytes += held.size();
        datagram.push(held);
        if datagram.len != Some(datagram.have) {
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
    pub fn expired(&mut self, now: Timestamp) -> Option<Datagram> {
        let begun = *self.order.front()?;
        if now.nanos.saturating_sub(begun.since) <= MAX_AGE && self.bytes <= MAX_BYTES {
            return None;
        }
        let begun = self.oldest()?;
        let over = now.nanos.saturating_sub(begun.since) > MAX_AGE || self.bytes > MAX_BYTES;
        over.then(|| self.take(begun.key)).flatten()
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
        Some(datagram)
    }
}

#[cfg(test)]
mod tests;

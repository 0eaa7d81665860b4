//! The connections, found by a hash, and bounded in all.
//!
//! A connection stays in its place until it ends. Places are made a block at a time, so that nothing is ever moved. Two
//! lists have the order in which connections were last heard of: one of those with which nothing is lost (a SYN, or over
//! already), and one of the others. Whoever must make way is taken from the first one, and from the second one if that is
//! empty. The order is that of whole seconds. Within one, connections that were heard of are marked, and one that is marked
//! comes behind the others when it would have to make way. Each of these steps was paid for by a segment.

use std::hash::BuildHasher;

use super::connection::{Arrival, Connection, Outcome};
use super::path::{Path, Paths};
use super::{EndWhy, Follower, Limits, Piece, StreamCounts, Way};
use crate::packet::{Frame, Packet, TcpSegment, Timestamp};
use crate::search::context::{Conversation, Folding, Side};

/// Stands for no place.
const NONE: u32 = u32::MAX;
/// The connections of a block of places.
const BLOCK: usize = 1 << 9;
/// The number of buckets to begin with.
const FIRST_BUCKETS: usize = 1 << 10;
/// The time, in nanoseconds by the capture's clock, after which a connection that was not heard of is over.
const IDLE: i64 = 300_000_000_000;
/// The time for which a connection that was heard of keeps its place in the order. Most packets so move nothing.
const RECENT: i64 = 1_000_000_000;

/// Connections and their directions, each with the state of whoever follows it.
#[derive(Debug)]
pub(in crate::search) struct Streams<S> {
    limits: Limits,
    folding: Folding,
    /// The first place of each bucket.
    buckets: Vec<u32>,
    blocks: Vec<Vec<Place<S>>>,
    free: u32,
    /// The connections that are known.
    known: usize,
    lists: [List; 2],
    /// The memory that segments wait in, and that the states take.
    charged: usize,
    counts: StreamCounts,
}

#[derive(Debug)]
struct Place<S> {
    conversation: Conversation,
    paths: Paths,
    connection: Connection<S>,
    number: u64,
    /// The time of its last move in the order, in nanoseconds since the epoch.
    heard: i64,
    charged: usize,
    /// The next place of the bucket, or of those that are free.
    next: u32,
    older: u32,
    newer: u32,
    rank: Rank,
    /// True if it was heard of since it came to its place in the order.
    is_active: bool,
}

/// The list that a connection is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rank {
    /// Nothing is lost with it.
    Bare = 0,
    Live = 1,
}

#[derive(Clone, Copy, Debug)]
struct List {
    oldest: u32,
    newest: u32,
}

impl<S: Follower> Streams<S> {
    /// Makes a table without connections.
    pub(in crate::search) fn new(limits: Limits) -> Self {
        // Half of the memory is for the connections, and half for what waits and for the states.
        let most = (limits.memory / 2 / size_of::<Place<S>>()).max(1);
        Self {
            limits: Limits { connections: limits.connections.clamp(1, most), ..limits },
            folding: Folding::default(),
            buckets: vec![NONE; FIRST_BUCKETS],
            blocks: Vec::new(),
            free: NONE,
            known: 0,
            lists: [List { oldest: NONE, newest: NONE }; 2],
            charged: 0,
            counts: StreamCounts::default(),
        }
    }

    /// Returns the numbers of what became of connections and segments so far.
    pub(in crate::search) fn counts(&self) -> StreamCounts {
        self.counts
    }

    /// Returns the memory that everything takes.
    pub(in crate::search) fn footprint(&self) -> usize {
        let places = self.blocks.len() * BLOCK * size_of::<Place<S>>();
        places + self.buckets.len() * size_of::<u32>() + self.charged
    }

    /// Takes a packet, if it is a TCP segment. Tells `sink` what its receiver reads now, and returns true.
    ///
    /// # Errors
    /// The error of the sink.
    pub(in crate::search) fn take<E>(
        &mut self,
        frame: &Frame<'_>,
        packet: &Packet<'_>,
        sink: &mut impl FnMut(&mut S, &Way, Piece<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let (Some(segment), Some(flow)) = (packet.tcp_segment(), packet.headers.flow()) else {
            return Ok(false);
        };
        let conversation = Conversation::new(packet.vni(), &flow);
        let now = frame.time.nanos;
        let mut bucket = self.bucket(&conversation);
        let (from, path) = (conversation.sender(&flow), Path::of(packet, &self.folding));
        let found =
            self.find(bucket, |place| place.conversation == conversation && place.paths.has(from, path));
        let found = found.or_else(|| self.find_moved(bucket, &conversation, from, path, &segment));
        let Some(at) = found.or_else(|| begins(&segment).then_some(NONE)) else { return Ok(true) };
        let at = if at == NONE {
            self.make_way(sink)?;
            if self.grow() {
                bucket = self.bucket(&conversation);
            }
            self.add((conversation, Paths::begin(from, path)), bucket, now, &segment)
        } else {
            at
        };
        let silence = now.saturating_sub(self.at(at).heard);
        let arrival = Arrival { segment: &segment, frame, from, silence };
        let place = &mut self.blocks[at as usize / BLOCK][at as usize % BLOCK];
        let number = place.number;
        let mut done = place.connection.take(number, arrival, &mut self.counts, sink);
        let renewed = match done {
            Ok(Outcome::Renewed) => Some(Connection::default()),
            Ok(Outcome::Succeeded(isns)) => Some(Connection::begun(from, isns)),
            _ => None,
        };
        if let Some(renewed) = renewed {
            let has_begun = segment.has_syn() || matches!(done, Ok(Outcome::Succeeded(_)));
            place.connection = renewed;
            self.counts.connections += 1;
            self.counts.without_handshake += u64::from(!has_begun);
            place.number = self.counts.connections;
            let number = place.number;
            done = place.connection.take(number, arrival, &mut self.counts, sink);
        }
        let charged = place.connection.footprint();
        self.charged = self.charged + charged - std::mem::replace(&mut place.charged, charged);
        let rank = if place.connection.is_bare() { Rank::Bare } else { Rank::Live };
        if rank != place.rank || !(0..RECENT).contains(&silence) {
            self.unlink(at);
            self.link(at, rank, now);
        } else {
            place.is_active = true;
        }
        done?;
        self.relieve(sink)?;
        Ok(true)
    }

    /// Lets time pass: connections that were not heard of for five minutes are over.
    ///
    /// # Errors
    /// The error of the sink.
    #[inline]
    pub(in crate::search) fn tick<E>(
        &mut self,
        now: Timestamp,
        sink: &mut impl FnMut(&mut S, &Way, Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for rank in [Rank::Bare, Rank::Live] {
            loop {
                let oldest = self.lists[rank as usize].oldest;
                if oldest == NONE || now.nanos.saturating_sub(self.at(oldest).heard) <= IDLE {
                    break;
                }
                self.end(oldest, EndWhy::Idle, sink)?;
            }
        }
        Ok(())
    }

    /// Ends the capture, or one file of several: all connections are over.
    ///
    /// # Errors
    /// The error of the sink.
    pub(in crate::search) fn finish<E>(
        &mut self,
        sink: &mut impl FnMut(&mut S, &Way, Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for rank in [Rank::Live, Rank::Bare] {
            while self.lists[rank as usize].oldest != NONE {
                self.end(self.lists[rank as usize].oldest, EndWhy::Capture, sink)?;
            }
        }
        Ok(())
    }

    fn at(&mut self, place: u32) -> &mut Place<S> {
        &mut self.blocks[place as usize / BLOCK][place as usize % BLOCK]
    }

    fn bucket(&self, conversation: &Conversation) -> usize {
        self.folding.hash_one(conversation) as usize & (self.buckets.len() - 1)
    }

    /// Returns the place of a connection that was seen through other networks, if the numbers of the segment show that it is
    /// the same one: it is the first one of its direction and acknowledges what the other one sent, or it is the next one.
    #[cold]
    fn find_moved(
        &mut self,
        bucket: usize,
        conversation: &Conversation,
        from: Side,
        path: Path,
        segment: &TcpSegment<'_>,
    ) -> Option<u32> {
        let found = self.find(bucket, |place| {
            let lacks = place.paths.lacks(from);
            place.conversation == *conversation && place.connection.goes_on_with(segment, from, lacks)
        })?;
        self.at(found).paths.set(from, path);
        Some(found)
    }

    #[inline]
    fn find(&self, bucket: usize, is_wanted: impl Fn(&Place<S>) -> bool) -> Option<u32> {
        let mut at = self.buckets[bucket];
        while at != NONE {
            let place = &self.blocks[at as usize / BLOCK][at as usize % BLOCK];
            if is_wanted(place) {
                return Some(at);
            }
            at = place.next;
        }
        None
    }

    /// Lets a connection go, if there are as many as may be.
    fn make_way<E>(
        &mut self,
        sink: &mut impl FnMut(&mut S, &Way, Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.known < self.limits.connections {
            return Ok(());
        }
        self.counts.evicted += 1;
        let bare = self.least_active(Rank::Bare);
        if bare == NONE {
            let live = self.least_active(Rank::Live);
            self.end(live, EndWhy::Evicted, sink)
        } else {
            self.counts.evicted_idle += 1;
            self.end(bare, EndWhy::Evicted, sink)
        }
    }

    /// Returns the oldest connection of a list that was not heard of since it came to its place, or `NONE`. Those that were come
    /// behind all others, each once for a segment at least: so the order costs nothing while there is room.
    fn least_active(&mut self, rank: Rank) -> u32 {
        loop {
            let oldest = self.lists[rank as usize].oldest;
            if oldest == NONE || !self.at(oldest).is_active {
                return oldest;
            }
            // It does not count as heard of now. It may stand behind younger ones then, and be over a little late.
            let heard = self.at(oldest).heard;
            self.unlink(oldest);
            self.link(oldest, rank, heard);
        }
    }

    /// Lets connections go until what waits, and the states, are within their memory.
    #[inline]
    fn relieve<E>(
        &mut self,
        sink: &mut impl FnMut(&mut S, &Way, Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while self.footprint() > self.limits.memory {
            let oldest = self.least_active(Rank::Live);
            if oldest == NONE {
                break;
            }
            self.counts.evicted += 1;
            self.end(oldest, EndWhy::Evicted, sink)?;
        }
        Ok(())
    }

    /// Doubles the buckets, if there are as many connections. Returns true if it did.
    fn grow(&mut self) -> bool {
        if self.known < self.buckets.len() {
            return false;
        }
        let buckets = self.buckets.len() * 2;
        self.buckets = vec![NONE; buckets];
        for rank in [Rank::Bare, Rank::Live] {
            let mut at = self.lists[rank as usize].oldest;
            while at != NONE {
                let conversation = self.at(at).conversation;
                let bucket = self.bucket(&conversation);
                self.at(at).next = std::mem::replace(&mut self.buckets[bucket], at);
                at = self.at(at).newer;
            }
        }
        true
    }

    fn add(
        &mut self,
        (conversation, paths): (Conversation, Paths),
        bucket: usize,
        now: i64,
        segment: &TcpSegment<'_>,
    ) -> u32 {
        self.counts.connections += 1;
        self.counts.without_handshake += u64::from(!segment.has_syn());
        let place = Place {
            conversation,
            paths,
            connection: Connection::default(),
            number: self.counts.connections,
            heard: now,
            charged: 0,
            next: self.buckets[bucket],
            older: NONE,
            newer: NONE,
            rank: Rank::Bare,
            is_active: false,
        };
        let at = if self.free == NONE {
            if self.blocks.last().is_none_or(|block| block.len() == BLOCK) {
                self.blocks.push(Vec::with_capacity(BLOCK));
            }
            let block = self.blocks.len() - 1;
            self.blocks[block].push(place);
            (block * BLOCK + self.blocks[block].len() - 1) as u32
        } else {
            let at = self.free;
            self.free = self.at(at).next;
            *self.at(at) = place;
            at
        };
        self.buckets[bucket] = at;
        self.known += 1;
        self.link(at, Rank::Bare, now);
        at
    }

    /// Ends a connection, and lets it go.
    fn end<E>(
        &mut self,
        at: u32,
        why: EndWhy,
        sink: &mut impl FnMut(&mut S, &Way, Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.unlink(at);
        let place = self.at(at);
        let (conversation, next, number) = (place.conversation, place.next, place.number);
        let mut connection = std::mem::take(&mut place.connection);
        let charged = std::mem::take(&mut place.charged);
        self.charged -= charged;
        self.known -= 1;
        let bucket = self.bucket(&conversation);
        if self.buckets[bucket] == at {
            self.buckets[bucket] = next;
        } else {
            let mut before = self.buckets[bucket];
            while self.at(before).next != at {
                before = self.at(before).next;
            }
            self.at(before).next = next;
        }
        self.at(at).next = std::mem::replace(&mut self.free, at);
        connection.end(number, why, &mut self.counts, sink)
    }

    /// Puts a connection behind all others of a list.
    fn link(&mut self, at: u32, rank: Rank, now: i64) {
        let newest = std::mem::replace(&mut self.lists[rank as usize].newest, at);
        let place = self.at(at);
        (place.rank, place.heard, place.older, place.newer) = (rank, now, newest, NONE);
        place.is_active = false;
        if newest == NONE {
            self.lists[rank as usize].oldest = at;
        } else {
            self.at(newest).newer = at;
        }
    }

    fn unlink(&mut self, at: u32) {
        let &mut Place { rank, older, newer, .. } = self.at(at);
        let list = rank as usize;
        if older == NONE {
            self.lists[list].oldest = newer;
        } else {
            self.at(older).newer = newer;
        }
        if newer == NONE {
            self.lists[list].newest = older;
        } else {
            self.at(newer).older = older;
        }
    }
}

/// Returns true if a segment of no known connection begins one: a SYN, or data.
fn begins(segment: &TcpSegment<'_>) -> bool {
    !segment.has_rst() && (segment.has_syn() || segment.has_ack() && segment.declared > 0)
}

#[cfg(test)]
mod tests;

//! The context of a match: the packets of the same flow before and after it.
//!
//! Every packet that is not shown may be wanted by a match that follows, so keeping one has to be cheap: its conversation is
//! hashed by three multiplications ([`conversation`], [`queues`]), and its bytes are copied into cells ([`store`]). Once there are
//! as many packets as ever, nothing is allocated.
//!
//! Most of the cost is memory that is in none of the processor's caches, and the copies of 16 MiB push all else out of them.
//! So of frames that come from a plain file, and were not dissected, only their place in it is kept. The few that are wanted
//! are read once more. If the file was cut meanwhile, they are left out.

mod conversation;
mod queues;
mod store;

use std::collections::HashMap;

use super::Outcome;
use crate::capture::savefile::Again;
use crate::dissect::{Dissected, Known};
use crate::packet::{Frame, Packet};
pub(super) use conversation::{Conversation, Folding, Side};
use queues::Queues;
pub(super) use store::Kept;
use store::Store;

/// The most bytes of frames that are kept, here or in the file, because a match may follow.
const MAX_KEPT: usize = 16 << 20;
/// The greatest number of conversations that are followed at the same time after a match: as many as a table of 32,768 places
/// takes before it grows.
const MAX_FOLLOWED: usize = 28_672;

/// The number of packets that are still to be shown, for each conversation.
#[derive(Debug)]
pub(super) struct Following {
    count: usize,
    left: HashMap<Conversation, usize, Folding>,
}

impl Following {
    pub(super) fn new(count: usize) -> Self {
        Self { count, left: HashMap::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Returns true if the next packet of this conversation is to be shown.
    pub(super) fn awaits(&self, conversation: &Conversation) -> bool {
        !self.left.is_empty() && self.left.contains_key(conversation)
    }

    /// Returns true if the packet matches or follows a match. A match begins the count anew.
    #[inline]
    pub(super) fn passes(&mut self, packet: &Packet<'_>, outcome: Outcome) -> bool {
        let idle = self.count == 0 || self.left.is_empty() && outcome != Outcome::Match;
        if idle { false } else { self.count_down(packet, outcome) }
    }

    fn count_down(&mut self, packet: &Packet<'_>, outcome: Outcome) -> bool {
        let Some(conversation) = Conversation::of(packet) else { return false };
        if outcome == Outcome::Match {
            if self.left.len() < MAX_FOLLOWED {
                self.left.insert(conversation, self.count);
            }
            return true;
        }
        let Some(left) = self.left.get_mut(&conversation) else { return false };
        *left -= 1;
        if *left == 0 {
            self.left.remove(&conversation);
        }
        true
    }
}

/// The packets that have not been shown: the latest of each conversation.
#[derive(Debug)]
pub(super) struct Preceding {
    /// The number of packets that are kept of a conversation.
    count: usize,
    queues: Queues,
    store: Store,
    /// The file from which packets can be read once more. The bytes of others are kept.
    file: Option<Again>,
}

/// The packets of a conversation that were taken out, and are still to be given.
#[derive(Debug, Default)]
pub(super) struct Taken {
    oldest: u32,
    len: u32,
}

impl Preceding {
    pub(super) fn new(count: usize) -> Self {
        Self { count, queues: Queues::default(), store: Store::default(), file: None }
    }

    /// Returns true if no packet is asked for.
    pub(super) fn is_off(&self) -> bool {
        self.count == 0
    }

    /// Reads packets of this file once more, rather than to keep their bytes.
    pub(super) fn read_again(&mut self, file: Option<Again>) {
        self.file = file;
    }

    /// Keeps a packet, unless it was shown. The oldest ones give way to it.
    #[inline]
    pub(super) fn keep(&mut self, shown: bool, dissected: &Dissected<'_>) {
        if self.count > 0 && !shown {
            if let Some(conversation) = Conversation::of(dissected.packet) {
                self.push(conversation, dissected.frame, None, store::datagram(dissected));
            }
        }
    }

    /// Keeps a packet of this conversation. Its frame ends at this offset in the file, if it is a file's.
    pub(super) fn push(
        &mut self,
        conversation: Conversation,
        frame: &Frame<'_>,
        end: Option<u64>,
        datagram: Option<Known<'_>>,
    ) {
        let at = end.filter(|_| self.file.is_some()).map(|end| end - frame.bytes.len() as u64);
        let Self { count, queues, store, .. } = self;
        let place = queues.find_or_add(conversation);
        let queue = queues.at(place);
        // The place of the packet that goes is that of the one that comes.
        if queue.len as usize == *count {
            queue.oldest = store.remove(queue.oldest);
            queue.len -= 1;
        }
        let new = store.push(place, frame, at, datagram);
        if queue.len == 0 {
            queue.oldest = new;
        } else {
            store.follow(queue.newest, new);
        }
        queue.newest = new;
        queue.len += 1;
        while self.store.bytes > MAX_KEPT && self.drop_oldest() {}
    }

    /// Drops the oldest packet, which is the oldest of its conversation too. Returns false if there was none.
    fn drop_oldest(&mut self) -> bool {
        let Some((oldest, place)) = self.store.oldest() else { return false };
        let queue = self.queues.at(place);
        queue.oldest = self.store.remove(oldest);
        queue.len -= 1;
        if queue.len == 0 {
            self.queues.remove(place);
        }
        true
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.count);
    }

    /// Takes out the kept packets of this packet's conversation, for [`Self::next`].
    pub(super) fn take(&mut self, packet: &Packet<'_>) -> Taken {
        let same = if self.count == 0 { None } else { Conversation::of(packet) };
        let Some(place) = same.and_then(|same| self.queues.find(&same)) else { return Taken::default() };
        let queue = self.queues.at(place);
        let taken = Taken { oldest: queue.oldest, len: queue.len };
        self.queues.remove(place);
        taken
    }

    /// Gives the next packet of those that were taken, the oldest first. Returns false if there is none left.
    pub(super) fn next(&mut self, taken: &mut Taken, kept: &mut Kept) -> bool {
        while taken.len > 0 {
            let read = self.store.read(taken.oldest, self.file.as_ref(), kept);
            taken.oldest = self.store.remove(taken.oldest);
            taken.len -= 1;
            if read {
                return true;
            }
            // The file was cut meanwhile.
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use super::store::OVERHEAD;
    use super::*;
    use crate::packet::{Decoder, InterfaceNumber, LinkType, Timestamp, TunnelPorts};

    fn frame(number: u64, bytes: &[u8]) -> Frame<'_> {
        let wire_len = bytes.len() as u32;
        let time = Timestamp::new(0, 0, 6);
        Frame {
            number,
            time,
            link: LinkType::RAW,
            interface: InterfaceNumber(0),
            direction: None,
            wire_len,
            bytes,
        }
    }

    /// Makes a datagram between two hosts; the sender's address ends with `host`.
    fn datagram(host: u16, len: u16) -> Vec<u8> {
        let [h0, h1] = host.to_be_bytes();
        let [l0, l1] = (20 + len).to_be_bytes();
        let header = [0x45, 0, l0, l1, 0, 0, 0, 0, 64, 200, 0, 0, 10, 0, h0, h1, 192, 0, 2, 2];
        [&header[..], &vec![7; usize::from(len)]].concat()
    }

    fn with<T>(number: u64, bytes: &[u8], work: impl FnOnce(&Frame<'_>, &Packet<'_>) -> T) -> T {
        thread_local!(static DECODER: RefCell<Decoder> = RefCell::new(Decoder::new(TunnelPorts::default())));
        let frame = frame(number, bytes);
        DECODER.with_borrow_mut(|decoder| work(&frame, &decoder.decode(&frame)))
    }

    fn keep(preceding: &mut Preceding, number: u64, bytes: &[u8]) {
        with(number, bytes, |frame, packet| {
            preceding.keep(false, &Dissected { frame, packet, whole: None });
        });
    }

    /// Returns the numbers of the packets, each of which must have come back as it was.
    fn taken(preceding: &mut Preceding, bytes: &[u8]) -> Vec<u64> {
        let mut queue = with(0, bytes, |_, packet| preceding.take(packet));
        let (mut kept, mut numbers) = (Kept::default(), Vec::new());
        while preceding.next(&mut queue, &mut kept) {
            let frame = kept.frame();
            let host = u16::from_be_bytes([frame.bytes[14], frame.bytes[15]]);
            assert_eq!(frame.bytes, datagram(host, frame.bytes.len() as u16 - 20));
            assert!(kept.known().is_none());
            numbers.push(frame.number);
        }
        numbers
    }

    #[test]
    fn the_last_packets_of_a_conversation_are_given_once() {
        let mut preceding = Preceding::new(2);
        for number in 1..=10 {
            keep(&mut preceding, number, &datagram((number % 2) as u16, 30));
        }
        assert_eq!(taken(&mut preceding, &datagram(0, 9)), [8, 10]);
        assert!(taken(&mut preceding, &datagram(0, 9)).is_empty());
        assert_eq!(taken(&mut preceding, &datagram(1, 9)), [7, 9]);
        assert_eq!((preceding.store.packets(), preceding.store.bytes), (0, 0));
    }

    #[test]
    fn the_payload_of_a_datagram_comes_back_with_its_frame() {
        let bytes = datagram(1, 300);
        let mut preceding = Preceding::new(3);
        for len in [0_u32, 1, 255, 256, 257, 4000] {
            let payload: Vec<u8> = (0..len).map(|at| at as u8).collect();
            with(7, &bytes, |frame, packet| {
                let known = Known { protocol: 17, payload: &payload, frames: 3 };
                preceding.push(Conversation::of(packet).unwrap(), frame, None, Some(known));
            });
            let mut queue = with(0, &bytes, |_, packet| preceding.take(packet));
            let mut kept = Kept::default();
            assert!(preceding.next(&mut queue, &mut kept));
            let known = kept.known().unwrap();
            assert_eq!((known.protocol, known.payload, known.frames), (17, &payload[..], 3));
            assert_eq!(kept.frame().bytes, bytes);
            assert_eq!(preceding.store.bytes, 0);
        }
    }

    #[test]
    fn memory_is_bounded_by_few_conversations_and_by_many() {
        for hosts in [1, 60_000] {
            let mut preceding = Preceding::new(1);
            for number in 0..100_000 {
                keep(&mut preceding, number, &datagram((number % hosts) as u16, 1000));
                assert!(preceding.store.bytes <= MAX_KEPT);
            }
            assert!(!taken(&mut preceding, &datagram((99_999 % hosts) as u16, 9)).is_empty());
            // With many conversations, the oldest packets have been dropped.
            assert_eq!(preceding.store.packets() > 0, hosts > 1);
        }
    }

    /// The plain way: a list of packets by their arrival.
    struct Plain {
        count: usize,
        kept: VecDeque<(u64, u16, usize)>,
    }

    impl Plain {
        fn keep(&mut self, number: u64, host: u16, len: usize) {
            self.kept.push_back((number, host, len + OVERHEAD));
            let same = |&&(_, of, _): &&(u64, u16, usize)| of == host;
            if self.kept.iter().filter(same).count() > self.count {
                let at = self.kept.iter().position(|packet| same(&packet)).unwrap();
                self.kept.remove(at);
            }
            while self.kept.iter().map(|(.., bytes)| bytes).sum::<usize>() > MAX_KEPT {
                self.kept.pop_front();
            }
        }

        fn take(&mut self, host: u16) -> Vec<u64> {
            let numbers = self.kept.iter().filter(|(_, of, _)| *of == host).map(|(number, ..)| *number);
            let numbers = numbers.collect();
            self.kept.retain(|(_, of, _)| *of != host);
            numbers
        }
    }

    #[test]
    fn what_is_given_is_what_a_plain_list_would_give() {
        let mut random = 7_u64;
        let mut random = move || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random
        };
        for count in [1, 2, 5, 300] {
            let (mut preceding, mut plain) = (Preceding::new(count), Plain { count, kept: VecDeque::new() });
            for number in 0..4000 {
                let host = (random() % 9 * (random() % 9)) as u16;
                if random() % 50 == 0 {
                    assert_eq!(taken(&mut preceding, &datagram(host, 9)), plain.take(host), "{number}");
                }
                // With 300 packets of 30 conversations the bytes are the limit, too.
                let len =
                    if count == 300 { 8000 + (random() % 40_000) as u16 } else { (random() % 2000) as u16 };
                keep(&mut preceding, number, &datagram(host, len));
                plain.keep(number, host, 20 + usize::from(len));
            }
            for host in 0..81 {
                assert_eq!(taken(&mut preceding, &datagram(host, 9)), plain.take(host));
            }
            assert_eq!((preceding.store.packets(), preceding.store.bytes), (0, 0));
        }
    }
}

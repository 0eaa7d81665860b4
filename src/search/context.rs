//! The context of a match: the packets of the same flow before and after it.

use std::collections::{HashMap, VecDeque};

use super::Outcome;
use crate::dissect::{Dissected, Known};
use crate::packet::{Flow, Frame, Packet, Vni};

/// The most bytes of frames that are kept because a match may follow.
const MAX_KEPT: usize = 16 << 20;
/// The greatest number of conversations that are followed at the same time after a match.
const MAX_FOLLOWED: usize = 65_536;

/// A conversation: both directions of a flow, within one virtual network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Conversation {
    vni: Option<Vni>,
    flow: Flow,
}

impl Conversation {
    fn of(packet: &Packet<'_>) -> Option<Self> {
        let flow = packet.headers.flow()?;
        let sender = |flow: &Flow| (flow.source, flow.ports.map(|ports| ports.source));
        let reversed = flow.reversed();
        let flow = if sender(&flow) <= sender(&reversed) { flow } else { reversed };
        Some(Self { vni: packet.vni(), flow })
    }
}

/// The number of packets that are still to be shown, for each conversation.
#[derive(Debug)]
pub(super) struct Following {
    count: usize,
    left: HashMap<Conversation, usize>,
}

impl Following {
    pub(super) fn new(count: usize) -> Self {
        Self { count, left: HashMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Returns true if the packet matches or follows a match. A match begins the count anew.
    #[inline]
    pub(super) fn passes(&mut self, packet: &Packet<'_>, outcome: Outcome) -> bool {
        if self.count == 0 { false } else { self.count_down(packet, outcome) }
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
    kept: HashMap<Conversation, VecDeque<(u64, Kept)>>,
    /// All kept packets by their arrival. Packets that are gone stay listed here until they come to the front, or
    /// until there are more of them than of kept packets.
    order: VecDeque<(u64, Conversation)>,
    arrivals: u64,
    packets: usize,
    bytes: usize,
}

/// A kept packet. It is dissected again when it is shown, because a decoded packet borrows from its frame.
#[derive(Debug)]
pub(super) struct Kept {
    /// The frame without its bytes.
    frame: Frame<'static>,
    bytes: Box<[u8]>,
    /// The protocol, the payload and the number of frames of a reassembled datagram.
    datagram: Option<(u8, Box<[u8]>, u32)>,
}

impl Kept {
    pub(super) fn new(&Dissected { frame, packet, whole }: &Dissected<'_>) -> Self {
        Self {
            frame: Frame { bytes: &[], ..*frame },
            bytes: frame.bytes.into(),
            datagram: whole.map(|whole| (whole.protocol, whole.payload.into(), packet.frames)),
        }
    }

    pub(super) fn frame(&self) -> Frame<'_> {
        Frame { bytes: &self.bytes, ..self.frame }
    }

    pub(super) fn known(&self) -> Option<Known<'_>> {
        let (protocol, payload, frames) = self.datagram.as_ref()?;
        Some(Known { protocol: *protocol, payload, frames: *frames })
    }

    fn len(&self) -> usize {
        // The packet has one entry in its conversation's queue, and there are up to two entries in `order` for each
        // packet.
        size_of::<(u64, Self)>()
            + 2 * size_of::<(u64, Conversation)>()
            + self.bytes.len()
            + self.datagram.as_ref().map_or(0, |(_, payload, _)| payload.len())
    }
}

impl Preceding {
    pub(super) fn new(count: usize) -> Self {
        let (kept, order) = (HashMap::new(), VecDeque::new());
        Self { count, kept, order, arrivals: 0, packets: 0, bytes: 0 }
    }

    /// Keeps a packet, unless it was shown. The oldest ones give way to it.
    #[inline]
    pub(super) fn keep(&mut self, shown: bool, packet: &Packet<'_>, kept: impl FnOnce() -> Kept) {
        if self.count > 0 && !shown {
            self.push(packet, kept());
        }
    }

    fn push(&mut self, packet: &Packet<'_>, kept: Kept) {
        let Some(conversation) = Conversation::of(packet) else { return };
        self.arrivals += 1;
        self.packets += 1;
        self.bytes += kept.len();
        self.order.push_back((self.arrivals, conversation));
        let same = self.kept.entry(conversation).or_default();
        same.push_back((self.arrivals, kept));
        if same.len() > self.count {
            let oldest = same.pop_front();
            self.forget(oldest);
        }
        while self.bytes > MAX_KEPT && self.drop_oldest() {}
        if self.order.len() > 2 * self.packets {
            let Self { kept, order, .. } = self;
            order.retain(|(arrival, of)| {
                kept.get(of).is_some_and(|same| same.front().is_some_and(|(first, _)| first <= arrival))
            });
        }
    }

    /// Drops the oldest packet. Returns false if there was none.
    fn drop_oldest(&mut self) -> bool {
        while let Some((arrival, conversation)) = self.order.pop_front() {
            let Some(same) = self.kept.get_mut(&conversation) else { continue };
            if same.front().is_some_and(|(first, _)| *first == arrival) {
                let oldest = same.pop_front();
                if same.is_empty() {
                    self.kept.remove(&conversation);
                }
                self.forget(oldest);
                return true;
            }
        }
        false
    }

    fn forget(&mut self, gone: Option<(u64, Kept)>) {
        if let Some((_, gone)) = gone {
            self.packets -= 1;
            self.bytes -= gone.len();
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.count);
    }

    /// Takes out the kept packets of this packet's conversation, the oldest first.
    pub(super) fn take(&mut self, packet: &Packet<'_>) -> Vec<Kept> {
        if self.kept.is_empty() {
            return Vec::new();
        }
        let same = Conversation::of(packet).and_then(|conversation| self.kept.remove(&conversation));
        let same: Vec<Kept> = same.into_iter().flatten().map(|(_, kept)| kept).collect();
        self.packets -= same.len();
        self.bytes -= same.iter().map(Kept::len).sum::<usize>();
        same
    }
}

#[cfg(test)]
mod tests {
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
        let frame = frame(number, bytes);
        work(&frame, &Decoder::new(TunnelPorts::default()).decode(&frame))
    }

    fn keep(preceding: &mut Preceding, number: u64, bytes: &[u8]) {
        with(number, bytes, |frame, packet| {
            preceding.keep(false, packet, || Kept::new(&Dissected { frame, packet, whole: None }));
        });
    }

    fn taken(preceding: &mut Preceding, bytes: &[u8]) -> Vec<u64> {
        let taken = with(0, bytes, |_, packet| preceding.take(packet));
        taken.iter().map(|kept| kept.frame().number).collect()
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
        assert_eq!((preceding.packets, preceding.bytes), (0, 0));
    }

    #[test]
    fn memory_is_bounded_by_few_conversations_and_by_many() {
        for hosts in [1, 60_000] {
            let mut preceding = Preceding::new(1);
            for number in 0..100_000 {
                keep(&mut preceding, number, &datagram((number % hosts) as u16, 1000));
                assert!(preceding.bytes <= MAX_KEPT);
                assert!(preceding.order.len() <= 2 * preceding.packets);
            }
            assert!(!taken(&mut preceding, &datagram((99_999 % hosts) as u16, 9)).is_empty());
            // With many conversations, the oldest packets have been dropped.
            assert_eq!(preceding.packets > 0, hosts > 1);
        }
    }
}

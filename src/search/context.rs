//! The packets of the same flow before and after a match.

use std::collections::{HashMap, VecDeque};

use super::Outcome;
use crate::packet::{Flow, Frame, Packet, Vni};

/// Bytes of frames that are kept for the time before a match.
const MAX_KEPT: usize = 16 << 20;
/// Flows whose packets are shown after a match at the same time.
const MAX_FOLLOWED: usize = 65_536;

/// A conversation: both directions of a flow, in one virtual network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Conversation {
    vni: Option<Vni>,
    flow: Flow,
}

impl Conversation {
    fn of(packet: &Packet<'_>) -> Option<Self> {
        let flow = packet.headers.flow()?;
        let ends = |flow: &Flow| (flow.source, flow.ports.map(|ports| ports.source));
        let reversed = flow.reversed();
        let flow = if ends(&flow) <= ends(&reversed) { flow } else { reversed };
        Some(Self { vni: packet.vni(), flow })
    }
}

/// How many packets of each conversation are still to be shown.
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

    /// Whether the packet follows a match; after a match of its own the count begins again.
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

/// The latest packets that were not shown.
#[derive(Debug)]
pub(super) struct Preceding {
    count: usize,
    kept: VecDeque<(Conversation, Kept)>,
    bytes: usize,
}

/// A packet that was kept.
#[derive(Debug)]
pub(super) struct Kept {
    /// All but the bytes.
    frame: Frame<'static>,
    bytes: Box<[u8]>,
    datagram: Option<(u8, Box<[u8]>, u32)>,
}

impl Kept {
    /// `datagram`: protocol, payload and number of frames of what was put together.
    pub(super) fn new(frame: &Frame<'_>, datagram: Option<(u8, &[u8], u32)>) -> Self {
        Self {
            frame: Frame { bytes: &[], ..*frame },
            bytes: frame.bytes.into(),
            datagram: datagram.map(|(protocol, payload, frames)| (protocol, payload.into(), frames)),
        }
    }

    pub(super) fn frame(&self) -> Frame<'_> {
        Frame { bytes: &self.bytes, ..self.frame }
    }

    pub(super) fn datagram(&self) -> Option<(u8, &[u8], u32)> {
        self.datagram.as_ref().map(|(protocol, payload, frames)| (*protocol, &payload[..], *frames))
    }

    fn len(&self) -> usize {
        size_of::<(Conversation, Self)>()
            + self.bytes.len()
            + self.datagram.as_ref().map_or(0, |(_, payload, _)| payload.len())
    }
}

impl Preceding {
    pub(super) fn new(count: usize) -> Self {
        Self { count, kept: VecDeque::new(), bytes: 0 }
    }

    /// Keeps a packet that was not shown; the oldest give way.
    #[inline]
    pub(super) fn keep(&mut self, shown: bool, packet: &Packet<'_>, kept: impl FnOnce() -> Kept) {
        if self.count > 0 && !shown {
            self.push(packet, kept());
        }
    }

    fn push(&mut self, packet: &Packet<'_>, kept: Kept) {
        let Some(conversation) = Conversation::of(packet) else { return };
        self.bytes += kept.len();
        self.kept.push_back((conversation, kept));
        while self.bytes > MAX_KEPT {
            let Some((_, oldest)) = self.kept.pop_front() else { break };
            self.bytes -= oldest.len();
        }
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.bytes = 0;
    }

    /// The last packets of this one's conversation, oldest first. They and older ones of it are kept no longer.
    pub(super) fn take(&mut self, packet: &Packet<'_>) -> Vec<Kept> {
        if self.kept.is_empty() {
            return Vec::new();
        }
        let Some(conversation) = Conversation::of(packet) else { return Vec::new() };
        let (same, others): (VecDeque<_>, _) =
            self.kept.drain(..).partition(|(of, _): &(Conversation, Kept)| *of == conversation);
        self.kept = others;
        self.bytes = self.kept.iter().map(|(_, kept)| kept.len()).sum();
        let skip = same.len().saturating_sub(self.count);
        same.into_iter().skip(skip).map(|(_, kept)| kept).collect()
    }
}

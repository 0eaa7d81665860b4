//! The packet with which a match was complete, as far as it is printed.

use std::sync::Arc;

use super::memory::taken;
use super::stretch::{Copied, Copies};
use crate::dissect::{Dissected, Dissector};
use crate::packet::{Direction, Encapsulation, Frame, Headers, LinkType, Packet};

/// The bytes at the beginning of a frame that tell the interface, in a capture on all of them.
const HEAD: usize = 32;

/// The packet in hand, in which bytes of a stream came.
#[derive(Clone, Copy)]
pub(super) struct Hand<'a> {
    pub(super) dissected: Dissected<'a>,
}

/// A packet without its payload, and the beginning of its frame. There may be many, so that it is small.
#[derive(Debug)]
pub(super) struct Card {
    head: Copied,
    encapsulations: Box<[Encapsulation]>,
    headers: Headers,
    direction: Option<Direction>,
    pub(super) captured_len: u32,
}

impl Card {
    fn new(frame: &Frame<'_>, packet: &Packet<'_>) -> Self {
        let head = if frame.link == LinkType::LINUX_SLL2 { HEAD } else { 0 };
        let head = Frame { bytes: frame.bytes.get(..head).unwrap_or(frame.bytes), ..*frame };
        Self {
            head: Copied::new(&head),
            encapsulations: packet.encapsulations.iter().copied().collect(),
            headers: packet.headers,
            direction: packet.direction,
            captured_len: frame.bytes.len() as u32,
        }
    }

    /// Makes the card of the packet that came in a frame: of the packet in hand, if it is that one.
    pub(super) fn of(hand: Option<&Hand<'_>>, frame: &Frame<'_>, dissector: &mut Dissector) -> Arc<Self> {
        Arc::new(match hand {
            Some(Hand { dissected }) => Self::new(dissected.frame, dissected.packet),
            None => dissector.again(frame, None, |packet| Self::new(frame, packet)),
        })
    }

    pub(super) fn frame(&self) -> Frame<'_> {
        self.head.frame()
    }

    /// Returns the packet with another payload.
    pub(super) fn with<'p>(&self, payload: &'p [u8], frames: u32) -> Packet<'p> {
        Packet {
            encapsulations: self.encapsulations.iter().copied().collect(),
            headers: self.headers,
            direction: self.direction,
            payload,
            frames,
            ..Packet::default()
        }
    }

    pub(super) fn footprint(&self) -> usize {
        // It is counted, in front of it, by two numbers.
        let counted = size_of::<Self>() + 2 * size_of::<usize>();
        taken(counted) + taken(size_of_val(&*self.encapsulations)) + taken(self.head.frame().bytes.len())
    }
}

/// Copies the frames of a packet. Of one that waited for bytes before it, and is not the packet in hand therefore, the last
/// fragment alone is there.
pub(super) fn copies(
    copies: Copies,
    hand: Option<&Hand<'_>>,
    frame: &Frame<'_>,
    dissector: &mut Dissector,
) -> Option<Vec<Copied>> {
    let mut scratch = Vec::new();
    let mut inner = |frame: &Frame<'_>, packet: &Packet<'_>| {
        let (link, bytes) = packet.rebuild_inner(&mut scratch);
        vec![Copied::new(&Frame { link, bytes, wire_len: bytes.len() as u32, ..*frame })]
    };
    let hand = hand.filter(|hand| hand.dissected.frame.number == frame.number);
    Some(match (copies, hand) {
        (Copies::None, _) => return None,
        (Copies::Frames, Some(Hand { dissected })) => {
            let earlier = dissected.whole.map_or(&[][..], |whole| whole.earlier);
            let earlier = earlier.iter().map(|held| Copied::new(&held.frame()));
            earlier.chain([Copied::new(frame)]).collect()
        }
        (Copies::Frames, None) => vec![Copied::new(frame)],
        (Copies::Inner, Some(Hand { dissected })) => inner(frame, dissected.packet),
        (Copies::Inner, None) => dissector.again(frame, None, |packet| inner(frame, packet)),
    })
}

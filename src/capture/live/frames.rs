//! The frames of a block that can be lent as they lie there, all at once.
//!
//! A block has up to 256 KiB, which a search goes through by far larger steps than a frame. A frame with a VLAN tag that is
//! to be put back ends the batch, and so does one that needs a cooked header: these come by [`Live::next`](super::Live::next).

use super::block::{Place, Walk};
use super::ring;
use crate::capture::Batch;
use crate::packet::{Direction, Frame, InterfaceNumber, LinkType, Timestamp};

/// The frames of a block behind the one that [`Live::next`](super::Live::next) gave last.
#[derive(Debug)]
pub struct Frames<'a> {
    pub(super) block: &'a [u8],
    pub(super) only: Option<Direction>,
    pub(super) snaplen: usize,
    pub(super) link: LinkType,
    pub(super) interface: InterfaceNumber,
    /// True if the direction of a frame is told.
    pub(super) directed: bool,
    /// The number of the last frame.
    pub(super) number: u64,
    /// The end of the last frame in the block.
    pub(super) end: usize,
    pub(super) taken: Taken,
}

/// The part of some frames that was taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taken {
    pub(super) walk: Walk,
    pub(super) frames: u64,
    /// The time of the last frame. `None` if none was taken.
    pub time: Option<Timestamp>,
}

impl Frames<'_> {
    /// Returns how far the frames were taken.
    pub fn taken(&self) -> Taken {
        self.taken
    }
}

impl<'a> Batch<'a> for Frames<'a> {
    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        loop {
            let place = self.taken.walk.next_as_it_lies(self.block)?;
            if !place.is_wanted(self.only) {
                continue;
            }
            ring::fetch_ahead(self.block, &self.taken.walk);
            let Place { start, len, wire_len, time, direction, .. } = place;
            let bytes = self.block.get(start..start + len.min(self.snaplen))?;
            self.end = start + len;
            self.number += 1;
            self.taken.frames += 1;
            self.taken.time = Some(time);
            return Some(Frame {
                number: self.number,
                time,
                link: self.link,
                interface: self.interface,
                direction: self.directed.then_some(direction),
                wire_len,
                bytes,
            });
        }
    }

    #[inline]
    fn taken(&self) -> usize {
        self.end
    }

    #[inline]
    fn bytes(&self) -> &'a [u8] {
        self.block
    }
}

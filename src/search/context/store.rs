//! The bytes of packets that are kept, in cells that are used again and again.
//!
//! The bytes of frames that can be read from their file once more are not kept, but count as if they were, so that the same
//! packets are shown.
//!
//! Packets come and go with every frame, in lengths from 60 bytes to 64 KiB. With an allocation for each, the memory
//! would be in pieces, and the allocator would take longer than the rest. So the bytes lie in cells of one size, chained, and
//! the packets in slots. Both only grow, to the most that was kept at one time.

use crate::capture::savefile::Again;
use crate::dissect::{Dissected, Known};
use crate::packet::Frame;

/// Stands for no slot and no cell.
pub(super) const NONE: u32 = u32::MAX;

const CELL: usize = 256;

/// The bytes that a packet counts for beside its own: its slot, the end of its last cell, and its conversation.
pub(super) const OVERHEAD: usize = 232;

/// A kept packet, copied out of its cells. It is dissected again when it is shown, because a decoded packet borrows from its
/// frame.
#[derive(Debug)]
pub(in crate::search) struct Kept {
    /// The frame without its bytes.
    frame: Frame<'static>,
    bytes: Vec<u8>,
    piece: Option<Piece>,
    payload: Vec<u8>,
}

/// The properties of a reassembled datagram beside its payload.
#[derive(Clone, Copy, Debug)]
struct Piece {
    protocol: u8,
    frames: u32,
}

impl Kept {
    pub(in crate::search) fn frame(&self) -> Frame<'_> {
        Frame { bytes: &self.bytes, ..self.frame }
    }

    pub(in crate::search) fn known(&self) -> Option<Known<'_>> {
        let Piece { protocol, frames } = self.piece?;
        Some(Known { protocol, payload: &self.payload, frames })
    }
}

/// All kept packets: each with the next one of its conversation, and all in the order of their arrival.
#[derive(Debug, Default)]
pub(super) struct Store {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// The ends of the order of arrival.
    ends: Option<(u32, u32)>,
    cells: Cells,
    /// The bytes that the packets count for.
    pub(super) bytes: usize,
}

#[derive(Debug)]
struct Slot {
    /// The place of its conversation's queue.
    queue: u32,
    frame: Frame<'static>,
    len: u32,
    bytes: Bytes,
    /// The payload of a reassembled datagram.
    datagram: Option<(Piece, u32, Chain)>,
    /// The neighbours in the order of arrival.
    before: u32,
    after: u32,
    /// The next packet of the conversation.
    newer: u32,
}

/// The place of a frame's bytes.
#[derive(Clone, Copy, Debug)]
enum Bytes {
    Kept(Chain),
    /// They are in the file, from this offset on.
    InFile(u64),
}

impl Slot {
    fn counts_for(&self) -> usize {
        OVERHEAD + self.len as usize + self.datagram.map_or(0, |(_, len, _)| len as usize)
    }
}

impl Store {
    /// Returns the number of kept packets.
    #[cfg(test)]
    pub(super) fn packets(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Returns the packet that came first, and the place of its conversation's queue.
    pub(super) fn oldest(&self) -> Option<(u32, u32)> {
        let (oldest, _) = self.ends?;
        Some((oldest, self.slots[oldest as usize].queue))
    }

    /// Makes `newer` the packet that follows `slot` in their conversation.
    pub(super) fn follow(&mut self, slot: u32, newer: u32) {
        self.slots[slot as usize].newer = newer;
    }

    /// Keeps a packet, but not the frame's bytes where they are in the file at an offset. Returns its slot.
    pub(super) fn push(
        &mut self,
        queue: u32,
        frame: &Frame<'_>,
        at: Option<u64>,
        datagram: Option<Known<'_>>,
    ) -> u32 {
        let datagram = datagram.map(|Known { protocol, payload, frames }| {
            (Piece { protocol, frames }, payload.len() as u32, self.cells.write(payload))
        });
        let slot = Slot {
            queue,
            frame: Frame { bytes: &[], ..*frame },
            len: frame.bytes.len() as u32,
            bytes: at.map_or_else(|| Bytes::Kept(self.cells.write(frame.bytes)), Bytes::InFile),
            datagram,
            before: self.ends.map_or(NONE, |(_, newest)| newest),
            after: NONE,
            newer: NONE,
        };
        self.bytes += slot.counts_for();
        let at = if let Some(free) = self.free.pop() {
            self.slots[free as usize] = slot;
            free
        } else {
            self.slots.push(slot);
            self.slots.len() as u32 - 1
        };
        self.ends = match self.ends {
            Some((oldest, newest)) => {
                self.slots[newest as usize].after = at;
                Some((oldest, at))
            }
            None => Some((at, at)),
        };
        at
    }

    /// Copies a packet out of its cells, or reads it from the file. Returns false if it is no more there.
    pub(super) fn read(&self, slot: u32, file: Option<&Again>, kept: &mut Kept) -> bool {
        let Slot { frame, len, bytes, datagram, .. } = &self.slots[slot as usize];
        kept.frame = *frame;
        match *bytes {
            Bytes::Kept(chain) => self.cells.read(chain, *len, &mut kept.bytes),
            Bytes::InFile(at) => {
                kept.bytes.resize(*len as usize, 0);
                if file.is_none_or(|file| file.read(at, &mut kept.bytes).is_err()) {
                    return false;
                }
            }
        }
        kept.piece = datagram.as_ref().map(|(piece, len, chain)| {
            self.cells.read(*chain, *len, &mut kept.payload);
            *piece
        });
        true
    }

    /// Drops a packet. Returns the next one of its conversation, or [`NONE`].
    pub(super) fn remove(&mut self, slot: u32) -> u32 {
        let &Slot { bytes, datagram, before, after, newer, .. } = &self.slots[slot as usize];
        self.bytes -= self.slots[slot as usize].counts_for();
        if let Bytes::Kept(chain) = bytes {
            self.cells.release(chain);
        }
        if let Some((_, _, chain)) = datagram {
            self.cells.release(chain);
        }
        if before != NONE {
            self.slots[before as usize].after = after;
        }
        if after != NONE {
            self.slots[after as usize].before = before;
        }
        self.ends = self.ends.and_then(|(oldest, newest)| {
            let oldest = if oldest == slot { after } else { oldest };
            let newest = if newest == slot { before } else { newest };
            (oldest != NONE).then_some((oldest, newest))
        });
        self.free.push(slot);
        newer
    }
}

/// A chain of cells.
#[derive(Clone, Copy, Debug)]
struct Chain {
    first: u32,
    last: u32,
}

#[derive(Debug)]
struct Cells {
    bytes: Vec<[u8; CELL]>,
    /// The next cell of the same chain, or of those that are free.
    next: Vec<u32>,
    free: u32,
}

impl Default for Cells {
    fn default() -> Self {
        Self { bytes: Vec::new(), next: Vec::new(), free: NONE }
    }
}

impl Cells {
    fn take(&mut self) -> u32 {
        if self.free == NONE {
            self.bytes.push([0; CELL]);
            self.next.push(NONE);
            return self.bytes.len() as u32 - 1;
        }
        let cell = self.free;
        self.free = self.next[cell as usize];
        cell
    }

    fn write(&mut self, bytes: &[u8]) -> Chain {
        let mut chain = Chain { first: NONE, last: NONE };
        for part in bytes.chunks(CELL) {
            let cell = self.take();
            if chain.last == NONE {
                chain.first = cell;
            } else {
                self.next[chain.last as usize] = cell;
            }
            chain.last = cell;
            let place = &mut self.bytes[cell as usize];
            // A copy of a known length is a few instructions without a call.
            match <&[u8; CELL]>::try_from(part) {
                Ok(whole) => *place = *whole,
                Err(_) => place[..part.len()].copy_from_slice(part),
            }
        }
        chain
    }

    fn read(&self, chain: Chain, len: u32, bytes: &mut Vec<u8>) {
        bytes.clear();
        let (mut cell, mut left) = (chain.first, len as usize);
        while left > 0 {
            let part = left.min(CELL);
            bytes.extend_from_slice(&self.bytes[cell as usize][..part]);
            left -= part;
            cell = self.next[cell as usize];
        }
    }

    fn release(&mut self, chain: Chain) {
        if chain.first != NONE {
            self.next[chain.last as usize] = self.free;
            self.free = chain.first;
        }
    }
}

impl Default for Kept {
    fn default() -> Self {
        use crate::packet::{InterfaceNumber, LinkType, Timestamp};
        let frame = Frame {
            number: 0,
            time: Timestamp::new(0, 0, 0),
            link: LinkType::RAW,
            interface: InterfaceNumber(0),
            direction: None,
            wire_len: 0,
            bytes: &[],
        };
        Self { frame, bytes: Vec::new(), piece: None, payload: Vec::new() }
    }
}

/// Returns the datagram of a packet, to dissect it once more.
pub(super) fn datagram<'a>(dissected: &Dissected<'a>) -> Option<Known<'a>> {
    let frames = dissected.packet.frames;
    dissected.whole.map(|whole| Known { protocol: whole.protocol, payload: whole.payload, frames })
}

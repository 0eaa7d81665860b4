//! Matches in streams, as they are told.

use super::memory::taken_with_holes;
use crate::packet::{Direction, Frame, InterfaceNumber, LinkType, Timestamp};
use crate::search::{Begun, EndWhy, Overlap};

/// The place of a packet that is a stretch of a stream with matches in it.
#[derive(Clone, Copy, Debug)]
pub struct Stretch<'a> {
    /// The number of the connection, counted from 1.
    pub connection: u64,
    /// The lowest and the highest number of the frames in which the bytes came from the first match to the end of the last.
    pub frames: (u64, u64),
    /// The place of the first match in the stream, in bytes from its beginning or from the first byte that was seen.
    pub offset: u64,
    /// The number of bytes from there to the end of the last match.
    pub len: u64,
    /// The beginning of the stream, if it was seen.
    pub begun: Begun,
    /// True if bytes of the stream before these were not captured.
    pub gap_before: bool,
    /// The agreement of all segments that had bytes of the stretch. It is that of whole segments.
    pub overlap: Overlap,
    /// The reason why the stream ended, if it ended before the matches were told.
    pub closed: Option<EndWhy>,
    /// The bytes that were captured of the last frame.
    pub captured_len: u32,
    /// The frames to write, in the order of the capture, if they were asked for. Those that were written before are left out.
    pub written: &'a [Copied],
}

/// The frames of a match that are copied, because they may have to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Copies {
    /// None.
    #[default]
    None,
    /// Those that were captured.
    Frames,
    /// The innermost ones.
    Inner,
}

/// A frame that was copied.
#[derive(Clone, Debug)]
pub struct Copied {
    number: u64,
    time: Timestamp,
    link: LinkType,
    interface: InterfaceNumber,
    direction: Option<Direction>,
    wire_len: u32,
    bytes: Box<[u8]>,
}

impl Copied {
    pub(super) fn new(frame: &Frame<'_>) -> Self {
        let Frame { number, time, link, interface, direction, wire_len, bytes } = *frame;
        Self { number, time, link, interface, direction, wire_len, bytes: bytes.into() }
    }

    /// Returns the frame.
    pub fn frame(&self) -> Frame<'_> {
        let Self { number, time, link, interface, direction, wire_len, ref bytes } = *self;
        Frame { number, time, link, interface, direction, wire_len, bytes }
    }

    pub(super) fn footprint(&self) -> usize {
        taken_with_holes(size_of::<Self>()) + taken_with_holes(self.bytes.len())
    }
}

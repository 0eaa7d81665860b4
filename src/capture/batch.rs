//! Many frames that are in memory at once, one behind the other: records of a file, or a block of a ring.

use crate::packet::Frame;

/// Frames of which the next one is always the first that was not taken.
pub trait Batch<'a> {
    /// Takes the next frame. `None` if there is none left that can be lent as it lies there.
    fn next(&mut self) -> Option<Frame<'a>>;

    /// Returns the number of bytes up to the end of the last frame that was taken.
    fn taken(&self) -> usize;

    /// Returns all bytes: the frames, and what lies between them.
    fn bytes(&self) -> &'a [u8];

    /// Returns the offset in the file at which the last frame that was taken ends, if the frames are those of a file.
    #[inline]
    fn offset(&self) -> Option<u64> {
        None
    }
}

/// A frame alone.
#[derive(Debug)]
pub struct One<'a> {
    frame: Frame<'a>,
    is_taken: bool,
}

impl<'a> One<'a> {
    /// Makes a batch of this frame.
    pub fn new(frame: &Frame<'a>) -> Self {
        Self { frame: *frame, is_taken: false }
    }
}

impl<'a> Batch<'a> for One<'a> {
    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        let frame = (!self.is_taken).then_some(self.frame);
        self.is_taken = true;
        frame
    }

    #[inline]
    fn taken(&self) -> usize {
        if self.is_taken { self.frame.bytes.len() } else { 0 }
    }

    #[inline]
    fn bytes(&self) -> &'a [u8] {
        self.frame.bytes
    }
}

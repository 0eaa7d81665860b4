//! Pieces of a classic file, which several threads read at the same time.
//!
//! Nothing in a classic file marks the beginning of a record: only the record in front of it tells where it is. A thread that
//! begins in the middle guesses. It takes the first place from which [`IN_A_ROW`] records in a row are plausible by their
//! lengths and times. Payloads can hold records too, as those of a capture that was sent over the network do, so a guess may be
//! wrong. That does no harm: a piece counts only if its first record is where the last one of the piece before it ended. Then
//! it is the record that reading in order would have come to.
//!
//! A piece has the records that begin in its span. The last one may end behind it.

use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::{Error, Form, Reading, Records, Savefile, Taken};

/// The number of records that make a guess credible. With 4, and without a look at the time, 381 guesses of 382 were wrong in
/// a file of small packets.
const IN_A_ROW: usize = 8;
/// The number of records that do where the bytes end.
const AT_THE_END: usize = 3;
/// The bytes in which the first record of a piece is looked for. Longer frames are rare, and guessing must not take long.
const LOOK: usize = 256 << 10;
/// The bytes that are read at a time. They are to stay in the second-level cache.
const WINDOW: usize = 256 << 10;
/// The same where there are very many readers, and the most bytes of all their windows.
const NARROW: usize = 64 << 10;
const WINDOWS: usize = 8 << 20;
/// The bytes that are read behind a piece, in which its last record mostly ends.
const BEHIND: u64 = 4 << 10;
/// The longest record that is read as a whole. Memory is kept for it, and for what is printed of it.
const LONGEST: usize = 512 << 10;

/// A plain classic file with usual records.
#[derive(Debug)]
pub struct Pieces {
    file: File,
    form: Form,
    /// The second of the first record.
    second: u32,
    len: u64,
    /// The bytes that are read at a time.
    window: usize,
    reading: Arc<Reading>,
}

/// A window on the bytes of one piece after the other.
#[derive(Debug, Default)]
pub struct Piece {
    /// The bytes that were read and not taken are `bytes[start..end]`.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// The offset of `bytes[0]` in the file.
    base: u64,
    /// The offset at which the span ends.
    until: u64,
}

impl Savefile {
    /// Returns the file for reading it in pieces, if it is a plain one with usual records.
    pub fn pieces(&self) -> Option<Pieces> {
        let form = self.form()?;
        let second = form.second(self.buffer.available())?;
        let (file, len) = self.buffer.plain_file()?;
        Some(Pieces { file, form, second, len, window: WINDOW, reading: self.reading() })
    }

    /// Goes on at another place of a plain file, at which a record begins. `number` is that of the frame before it.
    ///
    /// # Errors
    /// That of the file.
    pub fn go_on_at(&mut self, offset: u64, number: u64) -> Result<(), Error> {
        self.number = number;
        self.buffer.go_on_at(offset).map_err(|source| Error::Read { file: self.file.clone(), offset, source })
    }
}

impl Pieces {
    /// Returns the length of the file in bytes, as it was at first.
    #[allow(clippy::len_without_is_empty)] // It has at least one record.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Takes note that all pieces before this offset were taken, for [`Savefile::reading`].
    pub fn passed(&self, offset: u64) {
        self.reading.set(offset);
    }

    /// Bounds the memory of so many readers.
    #[must_use]
    pub fn for_readers(self, readers: usize) -> Self {
        Self { window: (WINDOWS / readers.max(1)).clamp(NARROW, WINDOW), ..self }
    }

    /// Fills `bytes` from the file, as far as it reaches, and returns the number of bytes that were read.
    fn fill(&self, bytes: &mut [u8], offset: u64) -> Option<usize> {
        let mut read = 0;
        while read < bytes.len() {
            match self.file.read_at(&mut bytes[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        Some(read)
    }
}

impl Piece {
    /// Begins the piece of this span. Its first record is where the span begins if that is known, and is guessed otherwise.
    /// `None` if the file cannot be read, or there is no place that may be the beginning of a record.
    pub fn begin(&mut self, pieces: &Pieces, span: Range<u64>, known: bool) -> Option<()> {
        (self.start, self.end, self.base, self.until) = (0, 0, span.start, span.end);
        self.read_on(pieces, 0)?;
        self.start = if known { 0 } else { guess(pieces, self.bytes.get(..self.end)?)? };
        Some(())
    }

    /// Returns the offset of the next record in the file.
    pub fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Returns true if the next record is none of this piece.
    pub fn is_done(&self) -> bool {
        self.offset() >= self.until
    }

    /// Returns the next records of the piece, at least one. Tell [`Self::took`] how far they were taken. `None` if the next
    /// record is no usual one, or cut off. `number` is that of the frame before.
    pub fn records(&mut self, pieces: &Pieces, number: u64) -> Option<Records<'_>> {
        // Behind the span, too, since not even the header of the last record need end within it.
        if !self.has_whole(pieces) && self.base + (self.end as u64) < self.until + BEHIND {
            self.read_on(pieces, 0)?;
        }
        let end = if self.has_whole(pieces) {
            self.end_of_span()
        } else {
            // This record ends behind the span, or it is longer than the window.
            let len = pieces.form.record_len(self.bytes.get(self.start..self.end)?)?;
            if len > self.end - self.start {
                self.read_on(pieces, len)?;
            }
            self.start + len
        };
        let bytes = self.bytes.get(self.start..end).filter(|_| end <= self.end)?;
        Some(Records::new(pieces.form, bytes, self.base + self.start as u64, number))
    }

    /// Goes on behind records that were taken.
    pub fn took(&mut self, taken: Taken) {
        self.start += taken.bytes;
    }

    /// Returns the index behind the bytes that were read of the span.
    fn end_of_span(&self) -> usize {
        usize::try_from(self.until.saturating_sub(self.base)).unwrap_or(usize::MAX).min(self.end)
    }

    /// Returns true if the next record is there as a whole, and ends within the span.
    fn has_whole(&self, pieces: &Pieces) -> bool {
        let bytes = self.bytes.get(self.start..self.end_of_span()).unwrap_or(&[]);
        pieces.form.record_len(bytes).is_some_and(|len| len <= bytes.len())
    }

    /// Reads a window, or `least` bytes if that is more, from the next record on. Nothing far behind the span is read, and less
    /// where the file ends before.
    fn read_on(&mut self, pieces: &Pieces, least: usize) -> Option<()> {
        if least > LONGEST {
            return None;
        }
        self.bytes.copy_within(self.start..self.end, 0);
        (self.base, self.end, self.start) = (self.offset(), self.end - self.start, 0);
        let left = usize::try_from(self.until.saturating_sub(self.base) + BEHIND).ok()?;
        let size = left.min(pieces.window).max(least);
        if self.bytes.len() < size {
            self.bytes.resize(size, 0);
        }
        if self.end < size {
            self.end += pieces.fill(self.bytes.get_mut(self.end..size)?, self.base + self.end as u64)?;
        }
        Some(())
    }
}

/// Returns the first place in `bytes` from which records in a row are plausible.
fn guess(pieces: &Pieces, bytes: &[u8]) -> Option<usize> {
    // A hostile file may have records that nearly are plausible at every place.
    let mut steps = 4 * LOOK;
    (0..bytes.len().min(LOOK)).find(|&at| {
        let (mut next, mut found) = (at, 0);
        while found < IN_A_ROW {
            let rest = bytes.get(next..).unwrap_or(&[]);
            if rest.len() < 16 && found >= AT_THE_END {
                return true;
            }
            let len = if steps > 0 { pieces.form.plausible_len(rest, pieces.second) } else { None };
            let Some(len) = len else { return false };
            steps -= 1;
            next += len;
            found += 1;
        }
        true
    })
}

#[cfg(test)]
mod tests;

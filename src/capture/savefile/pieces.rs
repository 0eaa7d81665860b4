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

use super::{Error, Form, Records, Savefile, Taken};

/// The number of records that make a guess credible. With 4, and without a look at the time, 381 guesses of 382 were wrong in
/// a file of small packets.
const IN_A_ROW: usize = 8;
/// The number of records that do where the bytes end.
const AT_THE_END: usize = 3;
/// The bytes in which the first record of a piece is looked for. Longer frames are rare, and guessing must not take long.
const LOOK: usize = 256 << 10;
/// The bytes that are read behind a piece, in which its last record mostly ends.
const BEHIND: usize = 4 << 10;
/// The longest record that may end behind a piece. Memory is kept for it.
const LONGEST: usize = 1 << 20;

/// A plain classic file with usual records.
#[derive(Debug)]
pub struct Pieces {
    file: File,
    form: Form,
    /// The second of the first record.
    second: u32,
    len: u64,
}

/// A buffer for the bytes of one piece after the other, and how far they were taken.
#[derive(Debug, Default)]
pub struct Piece {
    bytes: Vec<u8>,
    /// The number of bytes that were read.
    read: usize,
    /// The offset of the first byte in the file.
    offset: u64,
    /// The length of the span.
    len: usize,
    /// The bytes before the next record.
    taken: usize,
}

impl Savefile {
    /// Returns the file for reading it in pieces, if it is a plain one with usual records.
    pub fn pieces(&self) -> Option<Pieces> {
        let form = self.form()?;
        let second = form.second(self.buffer.available())?;
        let (file, len) = self.buffer.plain_file()?;
        Some(Pieces { file, form, second, len })
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
    /// Reads the piece of this span. Its first record is where the span begins if that is known, and is guessed otherwise.
    /// `None` if the file cannot be read, or there is no place that may be the beginning of a record.
    pub fn read(&mut self, pieces: &Pieces, span: Range<u64>, known: bool) -> Option<()> {
        self.offset = span.start;
        self.len = usize::try_from(span.end.saturating_sub(span.start)).ok()?;
        let size = self.len + BEHIND;
        if self.bytes.len() < size {
            self.bytes.resize(size, 0);
        }
        self.read = pieces.fill(&mut self.bytes[..size], span.start)?;
        self.taken = if known { 0 } else { guess(pieces, &self.bytes[..self.read])? };
        Some(())
    }

    /// Returns the offset of the next record in the file.
    pub fn offset(&self) -> u64 {
        self.offset + self.taken as u64
    }

    /// Returns true if the next record is none of this piece.
    pub fn is_done(&self) -> bool {
        self.taken >= self.len
    }

    /// Returns the records that end within the span. Tell [`Self::took`] how far they were taken.
    pub fn records(&self, pieces: &Pieces, number: u64) -> Records<'_> {
        let end = self.len.min(self.read);
        Records::new(pieces.form, self.bytes.get(self.taken..end).unwrap_or(&[]), number)
    }

    /// Returns the record that begins within the span and ends behind it. `None` if it is no usual one, or cut off.
    pub fn last(&mut self, pieces: &Pieces, number: u64) -> Option<Records<'_>> {
        let len = pieces.form.record_len(self.bytes.get(self.taken..self.read)?)?;
        let end = self.taken + len;
        if end > self.read {
            if len > LONGEST {
                return None;
            }
            if self.bytes.len() < end {
                self.bytes.resize(end, 0);
            }
            self.read += pieces.fill(&mut self.bytes[self.read..end], self.offset + self.read as u64)?;
        }
        let bytes = self.bytes.get(self.taken..end).filter(|_| end <= self.read)?;
        Some(Records::new(pieces.form, bytes, number))
    }

    /// Goes on behind records that were taken.
    pub fn took(&mut self, taken: Taken) {
        self.taken += taken.bytes;
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

//! The usual records of a classic file that are whole in memory, frame by frame, without reading and without errors.
//!
//! Nearly all records of nearly all files are such. They can be taken wherever their bytes are: in the buffer of a
//! [`Savefile`], or in a buffer of its own that a thread has read from the middle of the file. At the first record that is
//! cut off, empty or too long, these records are over. [`Savefile::advance`] knows what to do with it.

use super::{Format, Record, Savefile, classic};
use crate::capture::Batch;
use crate::packet::Frame;

/// The form of a classic file's records, as its header has it: byte order, unit of time, link type, and the like.
#[derive(Clone, Copy, Debug)]
pub struct Form(classic::Header);

impl Form {
    /// Returns the second of the record that `bytes` begin with, if its header is there.
    pub(super) fn second(self, bytes: &[u8]) -> Option<u32> {
        self.0.head(bytes).map(|[second, ..]| second)
    }

    /// Returns the length of the record that `bytes` begin with, its header included, if it is a usual one. Only its header
    /// need be there.
    pub(super) fn record_len(self, bytes: &[u8]) -> Option<usize> {
        classic::record_len(self.0.head(bytes)?)
    }

    /// Returns the length of the record that `bytes` may begin with in the middle of a file whose first record is of this
    /// second.
    #[inline]
    pub(super) fn plausible_len(self, bytes: &[u8], second: u32) -> Option<usize> {
        const YEAR: u32 = 366 * 24 * 60 * 60;
        let fields = self.0.head(bytes)?;
        let [seconds, fraction, captured, wire] = fields;
        let sound = seconds.abs_diff(second) <= YEAR && self.0.is_fraction(fraction) && captured <= wire;
        if sound { classic::record_len(fields) } else { None }
    }
}

/// Usual records in memory, of which the next one is always the first that was not taken.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    form: Form,
    bytes: &'a [u8],
    /// The offset of the bytes in the file.
    at: u64,
    taken: Taken,
}

/// The part of some records that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The number of their bytes, the headers of the records included.
    pub bytes: usize,
    /// The number of the last frame in the file, or that of the frame before if none was taken.
    pub number: u64,
}

impl<'a> Records<'a> {
    /// Makes records of `bytes`, which begin with a record, at this offset in the file. `number` is that of the frame before in
    /// the file, or 0.
    pub fn new(form: Form, bytes: &'a [u8], at: u64, number: u64) -> Self {
        Self { form, bytes, at, taken: Taken { bytes: 0, number } }
    }

    /// Takes the next frame. `None` if what is left does not begin with a usual record that is whole.
    #[allow(clippy::should_implement_trait)] // An iterator over frames would not be asked how far it came.
    #[inline]
    pub fn next(&mut self) -> Option<Frame<'a>> {
        let rest = self.bytes.get(self.taken.bytes..)?;
        let (record, len) = self.form.0.whole_in(rest)?;
        let Record { time, link, interface, direction, wire_len, start, len: captured } = record;
        let bytes = rest.get(start..start + captured)?;
        self.taken.bytes += len;
        self.taken.number += 1;
        Some(Frame { number: self.taken.number, time, link, interface, direction, wire_len, bytes })
    }

    /// Returns how far the records were taken.
    #[inline]
    pub fn taken(&self) -> Taken {
        self.taken
    }
}

impl<'a> Batch<'a> for Records<'a> {
    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        Records::next(self)
    }

    #[inline]
    fn taken(&self) -> usize {
        self.taken.bytes
    }

    #[inline]
    fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    #[inline]
    fn offset(&self) -> Option<u64> {
        Some(self.at + self.taken.bytes as u64)
    }
}

impl Savefile {
    /// Returns the form of the records, if they are usual ones of a classic file.
    pub fn form(&self) -> Option<Form> {
        match &self.format {
            Format::Classic(header) if header.is_usual() => Some(Form(*header)),
            _ => None,
        }
    }

    /// Returns the records that are in the buffer, if the file has usual ones. Tell [`Self::took`] how far they were taken.
    pub fn records(&self) -> Option<Records<'_>> {
        Some(Records::new(self.form()?, self.buffer.available(), self.buffer.offset(), self.number))
    }

    /// Goes on behind the records of [`Self::records`] that were taken.
    pub fn took(&mut self, taken: Taken) {
        self.buffer.consume(taken.bytes.min(self.buffer.available().len()));
        self.number = taken.number;
    }
}

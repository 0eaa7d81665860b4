//! The one buffer that a file is read through.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::compression::{Compression, Input};
use super::error::Fault;
use super::reading::Reading;
use super::source::Source;

/// The size of the first read, in bytes. When many files are opened at the same time, little more than their headers
/// is read at first.
const FIRST: usize = 64 << 10;

/// The size of later reads, in bytes. They stay in the second-level cache, beside all else: skimming took 3 to 10 % less time in
/// all than with 1 MiB, and 2 to 4 % less than with 128 KiB or 512 KiB.
const CAPACITY: usize = 256 << 10;

/// A window on the (uncompressed) bytes of a file. It grows once when there is more to read than the first time, and
/// for a record that is larger than the buffer. Callers check a record's length before they ask for it.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    /// The bytes that are not consumed yet are `bytes[start..end]`.
    start: usize,
    end: usize,
    /// The offset of `bytes[0]` in the file.
    base: u64,
    input: Input,
    /// Compressed input may be unpacked by a thread of its own.
    ahead: bool,
    stop: Arc<AtomicBool>,
    reading: Arc<Reading>,
}

impl Buffer {
    pub(super) fn new(source: Source) -> Self {
        let (stop, reading) = (Arc::clone(source.stop()), Arc::clone(source.reading()));
        // A short file has its end within the first read, one byte behind it. The pages of a longer buffer would be touched in
        // vain, because they are zeroed.
        let len = source.len().map_or(FIRST, |len| (len + 1).min(FIRST as u64) as usize);
        Self {
            bytes: vec![0; len],
            start: 0,
            end: 0,
            base: 0,
            input: Input::Plain(source),
            ahead: false,
            stop,
            reading,
        }
    }

    /// Looks at the first bytes. If they are compressed, unpacks from here on.
    pub(super) fn unpack(&mut self) -> Result<(), Fault> {
        let Some(compression) = self.peek::<4>()?.and_then(Compression::of) else { return Ok(()) };
        let head = self.available().to_vec();
        self.end = self.start;
        self.bytes.resize(FIRST, 0);
        self.input = match std::mem::replace(&mut self.input, Input::Ended) {
            Input::Plain(source) => Input::unpack(compression, head, source)
                .map_err(|source| Fault::Input { offset: 0, source })?,
            packed => packed,
        };
        Ok(())
    }

    /// Returns the count of the bytes that were read of the file.
    pub(super) fn reading(&self) -> &Arc<Reading> {
        &self.reading
    }

    pub(super) fn compression(&self) -> Option<Compression> {
        self.input.compression()
    }

    /// Waits up to 100 ms for something to read. Returns false if there is nothing yet.
    pub(super) fn wait(&self) -> bool {
        self.input.wait()
    }

    /// Lets a thread of its own unpack compressed input, if there is more than one read of it.
    pub(super) fn allow_ahead(&mut self) {
        self.ahead = self.input.compression().is_some();
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Returns the file and its length, if it is a plain one in which the offsets of this buffer are its own. (Standard input
    /// may begin in the middle of a file.)
    pub(super) fn plain_file(&self) -> Option<(File, u64)> {
        let Input::Plain(source) = &self.input else { return None };
        source.plain_file(self.base + self.end as u64)
    }

    /// Returns the length of a plain file that was cut before the place up to which it was read.
    pub(super) fn cut_to(&self) -> Option<u64> {
        if let Input::Plain(source) = &self.input { source.cut_to() } else { None }
    }

    /// Goes on at another offset of a plain file.
    pub(super) fn go_on_at(&mut self, offset: u64) -> io::Result<()> {
        let Input::Plain(source) = &mut self.input else { return Err(io::ErrorKind::NotSeekable.into()) };
        source.seek(offset)?;
        (self.base, self.start, self.end) = (offset, 0, 0);
        Ok(())
    }

    /// Returns the offset of the next byte in the file.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Returns the bytes that are in the buffer and not consumed.
    pub(super) fn available(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Returns the index of the next byte in the buffer.
    #[inline]
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// Returns `len` bytes from index `start`. Indices are valid until the next [`Self::fill`].
    #[inline]
    pub(super) fn slice(&self, start: usize, len: usize) -> &[u8] {
        self.bytes.get(start..start + len).unwrap_or_default()
    }

    /// Returns the next `N` bytes if they are in the buffer already.
    #[inline]
    pub(super) fn head<const N: usize>(&self) -> Option<[u8; N]> {
        self.bytes.get(self.start..self.end)?.first_chunk::<N>().copied()
    }

    /// Returns the next `N` bytes, or `None` if the file ends before.
    #[inline]
    pub(super) fn peek<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Fault> {
        if self.fill(N)? { Ok(self.head()) } else { Ok(None) }
    }

    /// Reads until `len` bytes are in the buffer. Returns false if the file ends before.
    #[inline]
    pub(super) fn fill(&mut self, len: usize) -> Result<bool, Fault> {
        if self.end - self.start >= len { Ok(true) } else { self.refill(len) }
    }

    /// Consumes `len` bytes that are in the buffer.
    #[inline]
    pub(super) fn consume(&mut self, len: usize) {
        debug_assert!(len <= self.end - self.start);
        self.start += len;
    }

    /// Consumes `len` bytes without keeping them. Returns false if the file ends before.
    pub(super) fn skip(&mut self, mut len: u64) -> Result<bool, Fault> {
        loop {
            let here = (self.end - self.start) as u64;
            if len <= here {
                self.start += len as usize;
                return Ok(true);
            }
            len -= here;
            self.start = self.end;
            if !self.refill(1)? {
                return Ok(false);
            }
        }
    }

    #[inline(never)]
    fn refill(&mut self, len: usize) -> Result<bool, Fault> {
        let more_is_likely = self.end == self.bytes.len();
        self.bytes.copy_within(self.start..self.end, 0);
        self.base += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        let size = if more_is_likely { len.max(CAPACITY) } else { len };
        if size > self.bytes.len() {
            self.bytes.resize(size, 0);
        }
        if more_is_likely && std::mem::take(&mut self.ahead) {
            self.input.read_ahead();
        }
        while self.end < len {
            if self.stopped() {
                return Ok(false);
            }
            let free = self.bytes.get_mut(self.end..).unwrap_or_default();
            match self.input.read(free) {
                Ok(0) => return Ok(false),
                Ok(read) => self.end += read,
                Err(source) => return Err(Fault::Input { offset: self.base + self.end as u64, source }),
            }
        }
        Ok(true)
    }
}

//! The one buffer a file is read through.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::compression::{Compression, Input};
use super::error::Fault;
use super::source::Source;

/// What the first read asks for: of many files that are open at the same time, little more than the header is wanted.
const FIRST: usize = 64 << 10;

/// What one read asks for. Reads of 256 KiB, which stay in the second-level cache, took 6 to 8 % longer in all.
const CAPACITY: usize = 1 << 20;

/// A window on the (unpacked) bytes of a file. It grows once, when there is more to read than the first time, and for a
/// record that is larger than it: callers check a record's length before they ask for it.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    /// What was not consumed yet is `bytes[start..end]`.
    start: usize,
    end: usize,
    /// The place of `bytes[0]` in the file.
    base: u64,
    input: Input,
    stop: Arc<AtomicBool>,
}

impl Buffer {
    pub(super) fn new(source: Source) -> Self {
        let stop = Arc::clone(source.stop());
        Self { bytes: vec![0; FIRST], start: 0, end: 0, base: 0, input: Input::Plain(source), stop }
    }

    /// Looks at the first bytes and unpacks from now on if they are compressed.
    pub(super) fn unpack(&mut self) -> Result<(), Fault> {
        let Some(compression) = self.peek::<4>()?.and_then(Compression::of) else { return Ok(()) };
        let head = self.available().to_vec();
        self.end = self.start;
        self.input = match std::mem::replace(&mut self.input, Input::Ended) {
            Input::Plain(source) => Input::unpack(compression, head, source)
                .map_err(|source| Fault::Input { offset: 0, source })?,
            packed => packed,
        };
        Ok(())
    }

    /// What the file is compressed with.
    pub(super) fn compression(&self) -> Option<Compression> {
        self.input.compression()
    }

    /// Waits a little for something to read; false when there is none yet.
    pub(super) fn wait(&self) -> bool {
        self.input.wait()
    }

    /// Whether the reading was stopped from outside.
    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The place in the file of the next byte.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// What is in the buffer and not consumed.
    pub(super) fn available(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Index in the buffer of the next byte.
    #[inline]
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// `len` bytes from index `start`; indices hold until the next [`Self::fill`].
    #[inline]
    pub(super) fn slice(&self, start: usize, len: usize) -> &[u8] {
        self.bytes.get(start..start + len).unwrap_or_default()
    }

    /// The next `N` bytes, if they are in the buffer already.
    #[inline]
    pub(super) fn head<const N: usize>(&self) -> Option<[u8; N]> {
        self.bytes.get(self.start..self.end)?.first_chunk::<N>().copied()
    }

    /// The next `N` bytes; `None` if the file ends before.
    #[inline]
    pub(super) fn peek<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Fault> {
        if self.fill(N)? { Ok(self.head()) } else { Ok(None) }
    }

    /// Sees to it that `len` bytes are in the buffer; false if the file ends before.
    #[inline]
    pub(super) fn fill(&mut self, len: usize) -> Result<bool, Fault> {
        if self.end - self.start >= len { Ok(true) } else { self.refill(len) }
    }

    /// Goes past `len` bytes that are in the buffer.
    #[inline]
    pub(super) fn consume(&mut self, len: usize) {
        debug_assert!(len <= self.end - self.start);
        self.start += len;
    }

    /// Goes past `len` bytes without keeping them; false if the file ends before.
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

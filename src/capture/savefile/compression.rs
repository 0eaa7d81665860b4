//! Capture files that are compressed with gzip or zstd.

mod ahead;
mod gzip;

use std::io::{self, BufReader, Chain, Cursor, Read};

use super::source::Source;
use ahead::Ahead;
pub(super) use gzip::Garbage;
use gzip::Members;

/// A compression that can be unpacked while reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 8878, any number of frames.
    Zstd,
}

/// The log2 of the largest zstd window that is accepted: 128 MiB, which is also the limit of `zstd` itself unless
/// told otherwise. It bounds the memory that a file can ask for.
const WINDOW_LOG_MAX: u32 = 27;

impl Compression {
    /// Recognises the compression of a file that begins with these bytes.
    pub(super) fn of(magic: [u8; 4]) -> Option<Self> {
        match magic {
            [0x1f, 0x8b, 8, _] => Some(Self::Gzip),
            // A frame, or a skippable frame, with which pzstd and others begin (RFC 8878 3.1.2).
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Some(Self::Zstd),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// The rest of a compressed file: the bytes that were read to recognise it, then the source.
type Packed = BufReader<Chain<Cursor<Vec<u8>>, Source>>;

/// The most bytes that are unpacked at a time.
const STEP: usize = 64 << 10;

/// A decompressor that stops at every [`STEP`]. Where data is damaged, it loses what it has unpacked since its last stop.
/// So the frames that are found before the damage do not depend on the reader's buffer, nor on a thread.
pub(super) struct Steps<R> {
    packed: R,
    /// The number of bytes that were unpacked since the last stop.
    at: usize,
}

impl<R: Read> Read for Steps<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let len = into.len().min(STEP - self.at);
        let read = self.packed.read(into.get_mut(..len).unwrap_or_default())?;
        self.at = (self.at + read) % STEP;
        Ok(read)
    }
}

/// The input of a [`super::buffer::Buffer`].
pub(super) enum Input {
    Plain(Source),
    Gzip(Box<Steps<Members<Packed>>>),
    Zstd(Box<Steps<zstd::Decoder<'static, Packed>>>),
    /// One of the two, in a thread of its own.
    Ahead(Compression, Ahead),
    Ended,
}

impl Input {
    /// Unpacks a file of which `head` was read already.
    pub(super) fn unpack(compression: Compression, head: Vec<u8>, source: Source) -> io::Result<Self> {
        let packed = BufReader::with_capacity(128 << 10, Cursor::new(head).chain(source));
        Ok(match compression {
            Compression::Gzip => Self::Gzip(Box::new(Steps { packed: Members::new(packed), at: 0 })),
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(packed)?;
                decoder.window_log_max(WINDOW_LOG_MAX)?;
                Self::Zstd(Box::new(Steps { packed: decoder, at: 0 }))
            }
        })
    }

    /// From now on, compressed input is unpacked ahead of the reader, if there is a processor for that.
    pub(super) fn read_ahead(&mut self) {
        if !std::thread::available_parallelism().is_ok_and(|processors| processors.get() > 1) {
            return;
        }
        *self = match std::mem::replace(self, Self::Ended) {
            Self::Gzip(decoder) => {
                Ahead::new(decoder).map_or_else(Self::Gzip, |ahead| Self::Ahead(Compression::Gzip, ahead))
            }
            Self::Zstd(decoder) => {
                Ahead::new(decoder).map_or_else(Self::Zstd, |ahead| Self::Ahead(Compression::Zstd, ahead))
            }
            same => same,
        };
    }

    /// Waits up to 100 ms for something to read. Returns false if there is nothing yet. A decompressor may have bytes
    /// of its own, so compressed input always counts as readable.
    pub(super) fn wait(&self) -> bool {
        if let Self::Plain(source) = self { source.wait() } else { true }
    }

    pub(super) fn compression(&self) -> Option<Compression> {
        match self {
            Self::Plain(_) | Self::Ended => None,
            Self::Gzip(_) => Some(Compression::Gzip),
            Self::Zstd(_) => Some(Compression::Zstd),
            Self::Ahead(compression, _) => Some(*compression),
        }
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(source) => source.read(into),
            Self::Gzip(decoder) => decoder.read(into),
            Self::Zstd(decoder) => decoder.read(into),
            Self::Ahead(_, ahead) => ahead.read(into),
            Self::Ended => Ok(0),
        }
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.compression().map_or("plain", Compression::name))
    }
}

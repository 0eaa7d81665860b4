//! Capture files, read frame by frame: classic pcap and pcapng, plain or compressed, from a file, a FIFO or standard
//! input.
//!
//! Everything passes through one buffer that is used again and again, so memory stays bounded whatever a file claims:
//! a compressed bomb is unpacked a buffer at a time and never held, a frame may be [`MAX_FRAME`] bytes at most, and
//! what is skipped is not stored. The frames before a damaged place are delivered, then the error names the place.

mod buffer;
mod classic;
mod compression;
mod error;
mod pcapng;
mod source;

pub use error::{Error, shown};

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::packet::{Direction, Frame, InterfaceNumber, LinkType, Timestamp};
use buffer::Buffer;
use source::Source;

/// The longest frame that is believed, in bytes. The longest real ones are super-frames of a few hundred KiB; a
/// longer claim is damage.
pub const MAX_FRAME: u32 = 16 << 20;

/// The most interfaces one file may declare.
pub const MAX_INTERFACES: usize = 65_536;

/// An interface frames were captured on, as the file describes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Interface {
    /// Its name, where the file has one; may hold any character, so escape it before a terminal.
    pub name: Option<String>,
    /// What its frames' first byte belongs to.
    pub link: LinkType,
    /// The most bytes captured of a frame; 0 for no limit.
    pub snaplen: u32,
    /// Digits of a second that its time stamps carry, 0 to 9.
    pub digits: u8,
}

/// An open capture file.
#[derive(Debug)]
pub struct Savefile {
    file: String,
    buffer: Buffer,
    format: Format,
    interfaces: Vec<Interface>,
    record: Record,
    number: u64,
    dropped: Option<u64>,
    waits: bool,
}

#[derive(Debug)]
enum Format {
    Classic(classic::Header),
    Pcapng(pcapng::Section),
    /// No frame is to come any more.
    Ended,
}

/// A frame as a format finds it: all but its number, and its bytes as a place in the buffer.
#[derive(Debug)]
struct Record {
    time: Timestamp,
    link: LinkType,
    interface: InterfaceNumber,
    direction: Option<Direction>,
    wire_len: u32,
    start: usize,
    len: usize,
}

impl Record {
    const NONE: Self = Self {
        time: Timestamp { nanos: 0, digits: 0 },
        link: LinkType::NULL,
        interface: InterfaceNumber(0),
        direction: None,
        wire_len: 0,
        start: 0,
        len: 0,
    };
}

impl Savefile {
    /// Opens `path`, or standard input for `-`, and reads the file's header.
    ///
    /// Compression is recognised by its magic bytes, not by the name. On a FIFO or a pipe this waits for the writer.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_until(path, &Arc::default())
    }

    /// As [`Self::open`], for a reader that can be stopped: once `stop` is true the file is at its end for
    /// [`Self::next`], also while it waits for the writer of a pipe.
    ///
    /// Whoever catches the signal sets `stop` in its handler. A signal that reaches the reading thread ends its
    /// waiting at once (poll(2) is never restarted); one that another thread takes is noticed within 100 ms.
    pub fn open_until(path: &Path, stop: &Arc<AtomicBool>) -> Result<Self, Error> {
        let file = shown(path);
        let source = Source::open(path, Arc::clone(stop)).map_err(|e| Error::opening(file.clone(), e))?;
        let waits = source.waits();
        let mut buffer = Buffer::new(source);
        let mut interfaces = Vec::new();
        let format = match read_format(&mut buffer, &mut interfaces) {
            Ok(format) => format,
            Err(_) if buffer.stopped() => Format::Ended,
            Err(e) => return Err(e.of(&file, buffer.compression())),
        };
        Ok(Self { file, buffer, format, interfaces, record: Record::NONE, number: 0, dropped: None, waits })
    }

    /// Goes on to the next frame, which [`Self::frame`] then gives; false at the end of the file and after an error.
    #[inline]
    pub fn advance(&mut self) -> Result<bool, Error> {
        // Mostly the whole record is in the buffer, and right; all else is for the other way.
        let record = match &self.format {
            Format::Classic(header) => header.whole(&mut self.buffer),
            Format::Pcapng(section) => section.whole(&mut self.buffer),
            Format::Ended => None,
        };
        match record {
            Some(record) => {
                self.number += 1;
                self.record = record;
                Ok(true)
            }
            None => self.read_on(),
        }
    }

    /// The frame that [`Self::advance`] found: there until the next call of it.
    #[inline]
    pub fn frame(&self) -> Frame<'_> {
        let record = &self.record;
        Frame {
            number: self.number,
            time: record.time,
            link: record.link,
            interface: record.interface,
            direction: record.direction,
            wire_len: record.wire_len,
            bytes: self.buffer.slice(record.start, record.len),
        }
    }

    /// The next frame; `None` at the end of the file and after an error.
    #[allow(clippy::should_implement_trait)] // Iterator cannot lend the frame from the buffer.
    #[inline]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, Error> {
        Ok(if self.advance()? { Some(self.frame()) } else { None })
    }

    /// The interfaces declared so far: in a pcapng file the list may grow with every [`Self::next`], and a
    /// [`Frame::interface`] is always within it.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Frames that the capture lost, as the statistics of a pcapng file say, which mostly stand at its end; `None` where
    /// there are none.
    pub fn dropped(&self) -> Option<u64> {
        self.dropped
    }

    /// Whether the frames come from a pipe, a FIFO or the like, where the next one may be long in coming.
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// Whether [`Self::next`] can go on without reading, so without waiting for the writer of a pipe.
    ///
    /// Before a `next` for which this is false, whatever is to be seen should be flushed.
    pub fn ready(&self) -> bool {
        match &self.format {
            Format::Classic(header) => header.ready(&self.buffer),
            Format::Pcapng(section) => section.ready(&self.buffer),
            Format::Ended => true,
        }
    }

    /// Waits for the writer of a pipe, at most 100 ms: false when it has written nothing, or a signal came first. Of
    /// packed input it cannot be said, and the next read waits.
    pub fn wait(&self) -> bool {
        self.buffer.wait()
    }

    /// Bytes of the (uncompressed) capture that were consumed, up to the end of the last frame.
    pub fn offset(&self) -> u64 {
        self.buffer.offset()
    }

    /// [`Self::advance`] when the buffer runs out, when a block is not a frame, at the end and for faults.
    #[inline(never)]
    fn read_on(&mut self) -> Result<bool, Error> {
        let read = match &mut self.format {
            Format::Classic(header) => header.next(&mut self.buffer),
            Format::Pcapng(section) => section.next(&mut self.buffer, &mut self.interfaces),
            Format::Ended => Ok(None),
        };
        if let Format::Pcapng(section) = &self.format {
            self.dropped = section.lost();
        }
        match read {
            Ok(Some(record)) => {
                self.number += 1;
                self.record = record;
                return Ok(true);
            }
            Ok(None) => self.format = Format::Ended,
            Err(fault) => {
                self.format = Format::Ended;
                if !self.buffer.stopped() {
                    return Err(fault.of(&self.file, self.buffer.compression()));
                }
            }
        }
        Ok(false)
    }
}

fn read_format(buffer: &mut Buffer, interfaces: &mut Vec<Interface>) -> Result<Format, error::Fault> {
    buffer.unpack()?;
    let magic = match buffer.peek::<4>()? {
        Some(magic) => magic,
        None if buffer.available().is_empty() => return Err(error::Fault::Empty),
        None => return Err(error::Fault::CutFileHeader { len: buffer.available().len() }),
    };
    if magic == pcapng::SECTION_HEADER {
        return pcapng::Section::open(buffer, interfaces).map(Format::Pcapng);
    }
    let (header, interface) = classic::Header::open(buffer, magic)?;
    interfaces.push(interface);
    Ok(Format::Classic(header))
}

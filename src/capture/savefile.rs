//! Capture files, read frame by frame: classic pcap and pcapng, plain or compressed, from a file, a FIFO or standard
//! input.
//!
//! All bytes pass through one buffer that is used again and again, so memory stays bounded whatever a file claims. A
//! compression bomb is unpacked a buffer at a time and never held, a frame may have [`MAX_FRAME`] bytes at most, and
//! skipped blocks are not stored. The frames before a damaged place are delivered first; then the error names the
//! place.

mod again;
mod buffer;
mod classic;
mod compression;
mod error;
mod foreign;
mod magic;
mod pcapng;
mod pieces;
mod reading;
mod records;
mod source;
mod unread;

pub use again::Again;
pub use error::{Error, shown};
pub use pieces::{Piece, Pieces};
pub use reading::Reading;
pub use records::{Form, Records, Taken};
pub use unread::Unread;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::packet::{Direction, Frame, InterfaceNumber, LinkType, Timestamp};
use buffer::Buffer;

/// The longest frame that is believed, in bytes. The longest real ones are super-frames of a few hundred KiB, so a
/// longer claim is damage.
pub const MAX_FRAME: u32 = 16 << 20;

/// The most interfaces one file may declare.
pub const MAX_INTERFACES: usize = 65_536;

/// An interface that frames were captured on, as the file describes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Interface {
    /// Its name, if the file has one. It may hold any character, so escape it before it is printed.
    pub name: Option<String>,
    /// The link type of its frames.
    pub link: LinkType,
    /// The most bytes that were captured of a frame; 0 for no limit.
    pub snaplen: u32,
    /// The digits after the second's point that its time stamps carry, 0 to 9.
    pub digits: u8,
    /// The filter that frames had to pass to be captured, if the file says that there was one. (A classic file never
    /// does.)
    pub filter: Option<Filtered>,
}

/// A capture filter, as a file tells of it. What it refused is not in the file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Filtered {
    /// By an expression of libpcap. It is whole, at most 1 KiB, and may hold any character: escape it before it is printed.
    Expression(String),
    /// By something that is not read here: a BPF program, another kind of filter, or one that is too long.
    Unread,
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
    counts: pcapng::Counts,
    waits: bool,
    /// True if the reading ended because it was told to stop, before the file's end.
    stopped: bool,
}

#[derive(Debug)]
enum Format {
    Classic(classic::Header),
    Pcapng(pcapng::Section),
    /// There are no more frames.
    Ended,
}

/// A frame as a format reader finds it: everything but the frame's number, and the bytes as a range of the buffer.
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
        time: Timestamp { nanos: 0, digits: 0, known: false },
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
    /// Compression is recognised by its magic bytes, not by the file's name. On a FIFO or a pipe this waits for the
    /// writer.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_until(path, &Arc::default())
    }

    /// Opens `path` like [`Self::open`], for a reader that can be stopped. Once `stop` is true, [`Self::next`] finds
    /// the file at its end, even while it waits for the writer of a pipe.
    ///
    /// A signal handler may set `stop`. A signal that reaches the reading thread ends its waiting at once, because
    /// poll(2) is never restarted. A signal that another thread receives is noticed within 100 ms.
    pub fn open_until(path: &Path, stop: &Arc<AtomicBool>) -> Result<Self, Error> {
        Unread::open(path, stop)?.read()
    }

    /// Reads a plain file that was opened already, or could not be. Its path is for messages.
    ///
    /// # Errors
    /// It could not be opened, is no capture file, or is damaged at its beginning.
    pub fn held(file: io::Result<File>, path: &Path) -> Result<Self, Error> {
        Unread::held(file, path)?.read()
    }

    /// Lets a thread of its own unpack compressed input, ahead of the search. It begins with the second read of a file, and
    /// only where there is more than one processor. Call this when root has been left.
    pub fn unpack_ahead(&mut self) {
        self.buffer.allow_ahead();
    }

    /// Returns the count of the bytes that were read of the file, which goes on with the reading.
    pub fn reading(&self) -> Arc<Reading> {
        Arc::clone(self.buffer.reading())
    }

    /// Goes on to the next frame, which [`Self::frame`] then returns. Returns false at the end of the file and after
    /// an error.
    #[inline]
    pub fn advance(&mut self) -> Result<bool, Error> {
        // In most cases the whole record is in the buffer and sound. `read_on` does everything else.
        let record = match &self.format {
            Format::Classic(header) => header.whole(&mut self.buffer),
            Format::Pcapng(section) => section.whole(&mut self.buffer, &mut self.counts),
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

    /// Returns the frame that [`Self::advance`] found.
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

    /// Returns the next frame, or `None` at the end of the file and after an error.
    #[allow(clippy::should_implement_trait)] // Iterator cannot lend the frame from the buffer.
    #[inline]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, Error> {
        Ok(if self.advance()? { Some(self.frame()) } else { None })
    }

    /// Reads as far as the description of the first interface, for those who need the link type before the first frame. Most
    /// pcapng files begin with it; for the others, and for what is wrong with it, there is [`Self::next`].
    pub fn read_first_interface(&mut self) {
        if let (Format::Pcapng(section), []) = (&mut self.format, &self.interfaces[..]) {
            section.first_interface(&mut self.buffer, &mut self.interfaces, &mut self.counts);
        }
    }

    /// Returns the interfaces that were declared so far. In a pcapng file the list may grow with every [`Self::next`].
    /// [`Frame::interface`] is always a position in it.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Returns the number of frames that the capture lost, as far as a pcapng file has told until here. `None` if nothing in it
    /// says that frames were lost, or that none were.
    ///
    /// It is told by statistics, which mostly stand at the file's end, by packets that count the losses before them, and by
    /// [`Self::missing`] frames.
    pub fn dropped(&self) -> Option<u64> {
        self.counts.lost()
    }

    /// Returns the number of frames that were delivered to the writer of a pcapng file, and are not among those that were read
    /// until here. At the file's end, these were taken out of it, or are in another file of the same capture. `None` if the
    /// file does not say how many were delivered.
    pub fn missing(&self) -> Option<u64> {
        self.counts.missing()
    }

    /// Returns the number of frames that a capture filter refused, according to the statistics of a pcapng file. `None` if they
    /// do not say so, which is mostly so: [`Interface::filter`] is the other place to look. A small number may only be frames
    /// that arrived before the filter was there.
    pub fn refused(&self) -> Option<u64> {
        self.counts.refused()
    }

    /// Returns true if the frames come from a pipe, a FIFO or the like, where the next one may be long in coming.
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// Returns true if the buffer holds the next record or block as a whole, so that [`Self::next`] need not wait for
    /// the writer of a pipe. (It may still have to, if a pcapng block turns out to hold no frame.)
    ///
    /// Before a `next` for which this is false, all output should be flushed.
    pub fn ready(&self) -> bool {
        match &self.format {
            Format::Classic(header) => header.ready(&self.buffer),
            Format::Pcapng(section) => section.ready(&self.buffer),
            Format::Ended => true,
        }
    }

    /// Waits up to 100 ms for the writer of a pipe. Returns false if nothing was written, or a signal came first.
    /// Always returns true for compressed input, whose decompressor may have bytes of its own; the next read then
    /// waits.
    pub fn wait(&self) -> bool {
        self.buffer.wait()
    }

    /// Returns true if the file was read to its end, or as far as it is sound. False while there is more to read, and if
    /// the reader was stopped before the end.
    pub fn ended(&self) -> bool {
        matches!(self.format, Format::Ended) && !self.stopped
    }

    /// Returns the number of the last frame, or 0 before the first one.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the bytes of the (uncompressed) capture that were consumed, up to the end of the last frame.
    pub fn offset(&self) -> u64 {
        self.buffer.offset()
    }

    /// Advances when the buffer runs out, when a block holds no frame, at the end of the file, and on errors.
    #[inline(never)]
    fn read_on(&mut self) -> Result<bool, Error> {
        let read = match &mut self.format {
            Format::Classic(header) => header.next(&mut self.buffer),
            Format::Pcapng(section) => {
                section.next(&mut self.buffer, &mut self.interfaces, &mut self.counts, &mut self.number)
            }
            Format::Ended => Ok(None),
        };
        match read {
            Ok(Some(record)) => {
                self.number += 1;
                let time = if record.time.known { record.time } else { self.record.time.unknown() };
                self.record = Record { time, ..record };
                return Ok(true);
            }
            Err(fault) if !self.buffer.stopped() => {
                self.format = Format::Ended;
                return Err(fault.of(&self.file, self.buffer.compression()));
            }
            Ok(None) | Err(_) => {}
        }
        self.format = Format::Ended;
        self.stopped = self.buffer.stopped();
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
    if magic == magic::SECTION_HEADER {
        return pcapng::Section::open(buffer, interfaces).map(Format::Pcapng);
    }
    let (header, interface) = classic::Header::open(buffer, magic)?;
    interfaces.push(interface);
    Ok(Format::Classic(header))
}

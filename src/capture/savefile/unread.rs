//! A capture file between opening and reading.
//!
//! Opening takes the rights of the user, and reading takes none. The bytes of a file may be hostile from the first one on: those by
//! which compression is recognised are unpacked. So a process that has rights to leave does so in between.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::buffer::Buffer;
use super::source::Source;
use super::{Error, Format, Record, Savefile, pcapng, read_format, shown};

/// A capture file that is open, and of which no byte has been read.
#[derive(Debug)]
pub struct Unread {
    file: String,
    source: Source,
}

impl Unread {
    /// Opens `path`, or standard input for `-`, for a reader that can be stopped as [`Savefile::open_until`] says. A FIFO is
    /// opened without waiting for its writer.
    ///
    /// # Errors
    /// It cannot be opened, or is a folder or a terminal.
    pub fn open(path: &Path, stop: &Arc<AtomicBool>) -> Result<Self, Error> {
        let file = shown(path);
        match Source::open(path, Arc::clone(stop)) {
            Ok(source) => Ok(Self { file, source }),
            Err(error) => Err(Error::opening(file, error)),
        }
    }

    /// Takes a plain file that was opened already, or could not be. Its path is for messages.
    pub(super) fn held(file: io::Result<File>, path: &Path) -> Result<Self, Error> {
        match file.and_then(|file| Source::of(file, Arc::default())) {
            Ok(source) => Ok(Self { file: shown(path), source }),
            Err(error) => Err(Error::opening(shown(path), error)),
        }
    }

    /// Reads the file's header. On a FIFO or a pipe this waits for the writer.
    ///
    /// # Errors
    /// It is no capture file, or is damaged at its beginning.
    pub fn read(self) -> Result<Savefile, Error> {
        let Self { file, source } = self;
        let waits = source.waits();
        let mut buffer = Buffer::new(source);
        let (mut interfaces, counts) = (Vec::new(), pcapng::Counts::default());
        let (format, stopped) = match read_format(&mut buffer, &mut interfaces) {
            Ok(format) => (format, false),
            Err(_) if buffer.stopped() => (Format::Ended, true),
            Err(e) => return Err(e.of(&file, buffer.compression())),
        };
        let record = Record::NONE;
        Ok(Savefile { file, buffer, format, interfaces, record, number: 0, counts, waits, stopped })
    }
}

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
use super::compression::Compression;
use super::magic::{SECTION_HEADER, is_classic};
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

    /// Returns true if a plain file begins neither as a capture nor as a compressed file does, so that [`Self::read`] will fail. Four
    /// bytes are compared for that, by whatever rights the process has, and nothing is made of them.
    pub fn is_no_capture(&self) -> bool {
        let Some(first) = self.source.first::<4>() else { return false };
        let known =
            |magic: [u8; 4]| magic == SECTION_HEADER || is_classic(magic) || Compression::of(magic).is_some();
        !<[u8; 4]>::try_from(first).is_ok_and(known)
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_begins_as_no_capture_is_known_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let stop = Arc::default();
        for (bytes, is_none) in [
            (&b"no capture file"[..], true),
            (b"", true),
            (b"\xd4\xc3", true),
            (b"\xd4\xc3\xb2\xa1", false),
            (b"\xa1\xb2\x3c\x4d", false),
            (b"\x0a\x0d\x0d\x0a", false),
            (b"\x1f\x8b\x08\x00", false),
            (b"\x28\xb5\x2f\xfd", false),
        ] {
            fs::write(&path, bytes).unwrap();
            let unread = Unread::open(&path, &stop).unwrap();
            assert_eq!(unread.is_no_capture(), is_none, "{bytes:?}");
            assert!(unread.read().is_err(), "{bytes:?}");
        }
        // Nobody waits for the writer of a pipe.
        let (pipe, _writer) = nix::unistd::pipe().unwrap();
        let held = Unread::held(Ok(File::from(pipe)), &path).unwrap();
        assert!(!held.is_no_capture());
    }
}

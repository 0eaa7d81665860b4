//! The bytes of a file, a FIFO or standard input.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, IsTerminal, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::reading::Reading;

/// The size to which a pipe's buffer is enlarged, if the system allows it. At the usual 64 KiB, reader and writer
/// wait for each other most of the time.
const PIPE_SIZE: i32 = 1 << 20;

/// The interval, in milliseconds, at which a waiting reader looks at the stop flag when no signal interrupts it.
const LOOK: u16 = 100;

/// An open file that can be waited for.
#[derive(Debug)]
pub(super) struct Source {
    file: File,
    /// True for a pipe or the like: reading may have to wait for a writer, and must stop when told to.
    waits: bool,
    /// The length of a plain file when it was opened. `None` if the system does not tell it, as for those of /proc.
    len: Option<u64>,
    stop: Arc<AtomicBool>,
    reading: Arc<Reading>,
}

impl Source {
    /// Opens `path`; `-` is standard input. A FIFO is opened without waiting for its writer; reading waits for it.
    pub(super) fn open(path: &Path, stop: Arc<AtomicBool>) -> io::Result<Self> {
        let file = if path.as_os_str() == "-" {
            if io::stdin().is_terminal() {
                return Err(io::Error::other(
                    "it is a terminal; send a capture to it, as in: tcpdump -w - | ovlsniff -r -",
                ));
            }
            // This duplicate of the descriptor bypasses the standard library's own buffer.
            File::from(io::stdin().as_fd().try_clone_to_owned()?)
        } else {
            OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?
        };
        Self::of(file, stop)
    }

    /// Reads a file that is open, from where it is.
    pub(super) fn of(file: File, stop: Arc<AtomicBool>) -> io::Result<Self> {
        let (kind, len) = file.metadata().map(|metadata| (metadata.file_type(), metadata.len()))?;
        if kind.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if kind.is_fifo() {
            let _ = fcntl(&file, FcntlArg::F_SETPIPE_SZ(PIPE_SIZE));
        }
        let waits = !kind.is_file() && !kind.is_block_device();
        let len = Some(len).filter(|&len| kind.is_file() && len > 0);
        // Standard input may begin in the middle of a file.
        let at = len.and_then(|_| (&file).stream_position().ok()).unwrap_or_default();
        Ok(Self { file, waits, len, stop, reading: Arc::new(Reading::new(at, len)) })
    }

    /// Returns true if reading may have to wait for a writer.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// Returns the first bytes of a plain file, or fewer if it has no more. They are still there to be read.
    pub(super) fn first<const N: usize>(&self) -> Option<Vec<u8>> {
        let at = (&self.file).stream_position().ok().filter(|_| !self.waits)?;
        let mut first = vec![0; N];
        let len = self.file.read_at(&mut first, at).ok()?;
        first.truncate(len);
        Some(first)
    }

    /// Returns the length of a plain file when it was opened.
    pub(super) fn len(&self) -> Option<u64> {
        self.len
    }

    /// Waits up to 100 ms for something to read. Returns false if a signal or the end of that time came first.
    pub(super) fn wait(&self) -> bool {
        // An error of the file is reported when it is read.
        !self.waits || wait(self.file.as_fd()).unwrap_or(true)
    }

    /// Returns the file once more, and its length, if it is a plain file that was read up to this offset.
    pub(super) fn plain_file(&self, offset: u64) -> Option<(File, u64)> {
        let kind = self.file.metadata().ok().filter(Metadata::is_file)?;
        let at = (&self.file).stream_position().ok()?;
        if at == offset { self.file.try_clone().ok().map(|file| (file, kind.len())) } else { None }
    }

    /// Returns the length of a plain file that was read further than it is long now, because it was cut meanwhile.
    pub(super) fn cut_to(&self) -> Option<u64> {
        let len = self.file.metadata().ok().filter(|_| self.len.is_some())?.len();
        ((&self.file).stream_position().ok()? > len).then_some(len)
    }

    /// Returns the count of the bytes that were read.
    pub(super) fn reading(&self) -> &Arc<Reading> {
        &self.reading
    }

    /// Goes on at another offset.
    pub(super) fn seek(&mut self, offset: u64) -> io::Result<()> {
        self.reading.set(offset);
        self.file.seek(SeekFrom::Start(offset)).map(drop)
    }

    pub(super) fn stop(&self) -> &Arc<AtomicBool> {
        &self.stop
    }
}

impl Read for Source {
    /// Reads the bytes that are there, and waits for the first. Fails with an error of no particular kind once the
    /// stop flag is set.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(io::Error::other("stopped"));
            }
            if self.waits && !wait(self.file.as_fd())? {
                continue;
            }
            match self.file.read(into) {
                Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
                read => return read.inspect(|bytes| self.reading.add(*bytes)),
            }
        }
    }
}

/// Waits until there is something to read or the writer is gone. Returns false if a signal or the end of [`LOOK`]
/// came first.
///
/// A FIFO that no writer has opened yet is in neither state (pipe(7)), so its reader waits here.
fn wait(fd: BorrowedFd<'_>) -> io::Result<bool> {
    match poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], PollTimeout::from(LOOK)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::EINTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

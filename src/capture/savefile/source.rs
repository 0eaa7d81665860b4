//! The bytes of a file, a FIFO or standard input.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// What a pipe's buffer is enlarged to, where the system allows it: at the usual 64 KiB reader and writer wait for each
/// other most of the time.
const PIPE_SIZE: i32 = 1 << 20;

/// How often a waiting reader looks at the stop flag when no signal interrupts it, in milliseconds.
const LOOK: u16 = 100;

/// An open file and how to wait for it.
#[derive(Debug)]
pub(super) struct Source {
    file: File,
    /// A pipe or the like: reading may have to wait for a writer, and must stop when told to.
    waits: bool,
    stop: Arc<AtomicBool>,
}

impl Source {
    /// Opens `path`; `-` is standard input. A FIFO is opened without waiting for its writer: reading waits for it.
    pub(super) fn open(path: &Path, stop: Arc<AtomicBool>) -> io::Result<Self> {
        let file = if path.as_os_str() == "-" {
            // A duplicate of the descriptor, past the standard library's own buffer.
            File::from(io::stdin().as_fd().try_clone_to_owned()?)
        } else {
            OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?
        };
        let kind = file.metadata()?.file_type();
        if kind.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if kind.is_fifo() {
            let _ = fcntl(&file, FcntlArg::F_SETPIPE_SZ(PIPE_SIZE));
        }
        Ok(Self { file, waits: !kind.is_file() && !kind.is_block_device(), stop })
    }

    /// Whether reading may have to wait for somebody to write.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// Waits a little for something to read; false when a signal or the time came first.
    pub(super) fn wait(&self) -> bool {
        // What is wrong with the file shows when it is read.
        !self.waits || wait(self.file.as_fd()).unwrap_or(true)
    }

    /// The flag that ends the reading.
    pub(super) fn stop(&self) -> &Arc<AtomicBool> {
        &self.stop
    }
}

impl Read for Source {
    /// Reads what is there, waiting for the first byte; an error of no particular kind once the stop flag is set.
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
                read => return read,
            }
        }
    }
}

/// Waits until there is something to read or the writer is gone; false when a signal or the time came first.
///
/// A FIFO that no writer has opened yet counts as neither (pipe(7)), so its reader waits here.
fn wait(fd: BorrowedFd<'_>) -> io::Result<bool> {
    match poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], PollTimeout::from(LOOK)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::EINTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

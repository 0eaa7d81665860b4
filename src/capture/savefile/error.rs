//! The errors of a capture file.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::MAX_FRAME;
use super::compression::{Compression, Garbage};
use super::foreign::{Foreign, STANDARD_INPUT, piped};
use crate::escape::{escape_bytes, reason};

/// Words of libzstd's message about a window that is larger than the reader allows. The error has no other mark.
const TOO_MUCH_MEMORY: &str = "too much memory";
/// Words of its message about memory that the system does not give.
const NO_MEMORY: &str = "not enough memory";

/// An error of opening a capture file or of reading it to its end. Every message names the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened: it is missing, or permission is denied.
    #[error("open {file}: {}", opening(source))]
    Open {
        /// The file, fit for a terminal.
        file: String,
        /// The cause.
        source: io::Error,
    },
    /// The path is a directory.
    #[error("{file} is a directory, not a capture file; name the files in it")]
    Directory {
        /// The file, fit for a terminal.
        file: String,
    },
    /// The file has no bytes.
    #[error("{file} is empty: a capture file has at least a header")]
    Empty {
        /// The file, fit for a terminal.
        file: String,
    },
    /// The file does not begin as a capture file does.
    #[error("{file} is not a capture file: {what}")]
    NotACapture {
        /// The file, fit for a terminal.
        file: String,
        /// The fault at its beginning.
        what: String,
    },
    /// The file ends within a header or a frame.
    #[error("{file} is cut off at byte {offset}, in {what}{unpacked}")]
    Cut {
        /// The file, fit for a terminal.
        file: String,
        /// The offset at which its bytes end, counted from 0 in the (uncompressed) capture.
        offset: u64,
        /// The header or frame that is cut off, and where it began.
        what: String,
        /// Empty, or a remark that the offset counts unpacked bytes.
        unpacked: &'static str,
    },
    /// The bytes of the file contradict each other.
    #[error("{file} is damaged at byte {offset}: {what}{unpacked}")]
    Damaged {
        /// The file, fit for a terminal.
        file: String,
        /// The offset of the record or block that cannot be right, counted from 0 in the (uncompressed) capture.
        offset: u64,
        /// The contradiction.
        what: String,
        /// Empty, or a remark that the offset counts unpacked bytes.
        unpacked: &'static str,
    },
    /// The compressed data is damaged or cut off.
    #[error(
        "{file}: the {compression} data is damaged or cut off after {offset} unpacked bytes: {}",
        reason(source)
    )]
    Compressed {
        /// The file, fit for a terminal.
        file: String,
        /// `gzip` or `zstd`.
        compression: &'static str,
        /// The number of bytes that could be unpacked.
        offset: u64,
        /// The decompressor's error.
        source: io::Error,
    },
    /// A zstd file needs more memory to unpack than this program gives it.
    #[error(
        "{file} was packed with a long window, and takes much memory to unpack; let zstd do it: {command}"
    )]
    Window {
        /// The file, fit for a terminal.
        file: String,
        /// The command line that unpacks it.
        command: String,
    },
    /// The system does not give the memory to unpack a zstd file.
    #[error("{file}: there is no memory to unpack it, which takes up to 128 MiB; allow more (ulimit -v)")]
    Memory {
        /// The file, fit for a terminal.
        file: String,
    },
    /// Behind a gzip file's data is something that is neither gzip nor zeros.
    #[error(
        "{file}: behind the gzip data, of which {offset} bytes were unpacked, is something else, which was not read"
    )]
    Behind {
        /// The file, fit for a terminal.
        file: String,
        /// The number of unpacked bytes.
        offset: u64,
    },
    /// The operating system could not read on.
    #[error(
        "read {file} at byte {offset}: {}; what came before was read: copy the file to a disk that can be read whole",
        reason(source)
    )]
    Read {
        /// The file, fit for a terminal.
        file: String,
        /// The number of bytes of the (uncompressed) capture that could be read.
        offset: u64,
        /// The cause.
        source: io::Error,
    },
}

impl Error {
    /// Makes an error from that of [`super::source::Source::open`].
    pub(super) fn opening(file: String, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::IsADirectory {
            Self::Directory { file }
        } else {
            Self::Open { file, source }
        }
    }
}

/// An error that does not name its file yet.
#[derive(Debug)]
pub(super) enum Fault {
    Empty,
    CutFileHeader { len: usize },
    NotACapture { what: String },
    Foreign(Foreign),
    Cut { offset: u64, what: String },
    Damaged { offset: u64, what: String },
    Input { offset: u64, source: io::Error },
}

impl Fault {
    /// Makes the error for a classic capture file that begins inside of a file, or that has another behind it.
    #[cold]
    pub(super) fn another(offset: u64) -> Self {
        let what = "another capture file begins there; read them one by one, or join them with mergecap";
        Self::Damaged { offset, what: what.into() }
    }

    /// Makes the error for a frame that claims to be longer than any real one.
    #[cold]
    pub(super) fn absurd(offset: u64, claimed: u32) -> Self {
        Self::Damaged {
            offset,
            what: format!(
                "a frame cannot be {claimed} bytes long (more than {} MiB is not believed)",
                MAX_FRAME >> 20
            ),
        }
    }

    pub(super) fn of(self, file: &str, compression: Option<Compression>) -> Error {
        let file = file.to_owned();
        let unpacked = if compression.is_some() { " (counted in the unpacked capture)" } else { "" };
        match self {
            Self::Empty => Error::Empty { file },
            Self::CutFileHeader { len } => {
                Error::Cut { file, offset: len as u64, what: "the file's header".into(), unpacked }
            }
            Self::NotACapture { what } => Error::NotACapture { file, what },
            Self::Foreign(kind) => Error::NotACapture { what: kind.sentence(&file), file },
            Self::Cut { offset, what } => Error::Cut { file, offset, what, unpacked },
            Self::Damaged { offset, what } => Error::Damaged { file, offset, what, unpacked },
            Self::Input { offset, source } => Self::input(file, compression, offset, source),
        }
    }

    fn input(file: String, compression: Option<Compression>, offset: u64, source: io::Error) -> Error {
        let Some(compression) = compression.filter(|_| source.raw_os_error().is_none()) else {
            return Error::Read { file, offset, source };
        };
        if source.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Garbage>) {
            return Error::Behind { file, offset };
        }
        if source.to_string().contains(TOO_MUCH_MEMORY) {
            return Error::Window { command: piped("zstd -dc --long=31", &file), file };
        }
        if source.to_string().contains(NO_MEMORY) {
            return Error::Memory { file };
        }
        Error::Compressed { file, compression: compression.name(), offset, source }
    }
}

/// Returns a path as it may stand in a message: `-` by its meaning, and everything escaped that a terminal would act
/// on.
pub fn shown(path: &Path) -> String {
    if path.as_os_str() == "-" {
        return STANDARD_INPUT.to_owned();
    }
    escape_bytes(path.as_os_str().as_bytes())
}

fn opening(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "permission denied; let this user read it, or run as root".to_owned()
        }
        _ if matches!(error.raw_os_error(), Some(nix::libc::EMFILE | nix::libc::ENFILE)) => {
            "too many open files; allow more (ulimit -n), or name fewer files with -r".to_owned()
        }
        // open(2): the file is a socket, or a device that is not there.
        _ if error.raw_os_error() == Some(nix::libc::ENXIO) => {
            "it cannot be read; it may be a socket".to_owned()
        }
        _ => reason(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_refuses_is_told_with_what_to_do() {
        let said = |errno| opening(&io::Error::from_raw_os_error(errno));
        assert_eq!(said(nix::libc::EACCES), "permission denied; let this user read it, or run as root");
        assert!(said(nix::libc::EMFILE).contains("allow more (ulimit -n)"));
        let source = io::Error::from_raw_os_error(nix::libc::EIO);
        let error = Error::Read { file: "a.pcap".to_owned(), offset: 7, source }.to_string();
        assert!(error.starts_with("read a.pcap at byte 7: ") && error.contains("copy the file"), "{error}");
    }
}

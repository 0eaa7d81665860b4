//! The errors of writing a capture file.

use std::io;

use crate::escape::reason;
use crate::packet::LinkType;

/// An error of writing a capture file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be created.
    #[error("create {file}: {}", creation(source))]
    Create {
        /// The file, fit for a terminal.
        file: String,
        /// The cause.
        source: io::Error,
    },
    /// Another user has put it into a folder like `/tmp`.
    #[error("create {file}: another user has put something there; give another name")]
    Strangers {
        /// The file, fit for a terminal.
        file: String,
    },
    /// Nobody has opened the other end of a named pipe.
    #[error("write {file}: nobody reads this pipe; start its reader")]
    NoReader {
        /// The file, fit for a terminal.
        file: String,
    },
    /// A classic pcap file can have one link type only.
    #[error(
        "{file}: a pcap file cannot hold {first} and {other} frames; write pcapng (a name that ends in .pcapng)"
    )]
    LinkTypes {
        /// The file, fit for a terminal.
        file: String,
        /// The link type in the file's header.
        first: LinkType,
        /// The link type of the frame that does not fit.
        other: LinkType,
    },
    /// The operating system did not accept the bytes.
    #[error("write {file}: {}", reason(source))]
    Write {
        /// The file, fit for a terminal.
        file: String,
        /// The cause.
        source: io::Error,
    },
}

/// Describes why a file cannot be created. "Not found" means its directory.
fn creation(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such directory".to_owned(),
        _ => reason(error),
    }
}

impl Error {
    /// Returns true if the reader of the pipe has gone, which is a quiet end.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

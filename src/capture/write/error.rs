//! What can go wrong with writing a capture file.

use std::io;

use crate::escape::reason;
use crate::packet::LinkType;

/// Why a capture file could not be written.
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
    /// A classic pcap file has one link type only.
    #[error(
        "{file}: a pcap file cannot hold {first} and {other} frames; write pcapng (a name that ends in .pcapng)"
    )]
    LinkTypes {
        /// The file, fit for a terminal.
        file: String,
        /// The link type in the file's header.
        first: LinkType,
        /// That of the frame that does not fit.
        other: LinkType,
    },
    /// The operating system did not take the bytes.
    #[error("write {file}: {}", reason(source))]
    Write {
        /// The file, fit for a terminal.
        file: String,
        /// The cause.
        source: io::Error,
    },
}

/// What is missing for a file to be made is its directory.
fn creation(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such directory".to_owned(),
        _ => reason(error),
    }
}

impl Error {
    /// Whether the reader of the pipe that was written to has gone, which is a quiet end.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

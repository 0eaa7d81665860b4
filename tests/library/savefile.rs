//! Capture files: every format, and every fault that a file can have.

mod build;
mod damage;
mod foreign;
mod formats;
mod in_memory;
mod libpcap;
mod losses;
mod packed;
mod pipes;
mod records;
mod variants;
mod write;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use ovlsniff::capture::savefile::{Error, Interface, Savefile};
use ovlsniff::packet::{Direction, LinkType};

const SWARM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/swarm/swarm-node1.pcap");

/// A frame that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owned {
    number: u64,
    nanos: i64,
    digits: u8,
    known: bool,
    link: LinkType,
    interface: u32,
    direction: Option<Direction>,
    wire_len: u32,
    bytes: Vec<u8>,
}

/// The contents of a file: its frames up to the end or the error, its interfaces, and the error.
#[derive(Debug)]
struct Contents {
    frames: Vec<Owned>,
    interfaces: Vec<Interface>,
    error: Option<Error>,
}

impl Contents {
    fn message(&self) -> String {
        self.error.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

fn read(path: &Path) -> Contents {
    match Savefile::open(path) {
        Ok(file) => rest(file),
        Err(error) => Contents { frames: vec![], interfaces: vec![], error: Some(error) },
    }
}

fn rest(mut file: Savefile) -> Contents {
    let mut frames = Vec::new();
    let error = loop {
        match file.next() {
            Ok(Some(f)) => frames.push(Owned {
                number: f.number,
                nanos: f.time.nanos,
                digits: f.time.digits,
                known: f.time.known,
                link: f.link,
                interface: f.interface.0,
                direction: f.direction,
                wire_len: f.wire_len,
                bytes: f.bytes.to_vec(),
            }),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(file.next().unwrap().is_none(), "the end stays the end");
    Contents { frames, interfaces: file.interfaces().to_vec(), error }
}

/// Reads the bytes from a file named `capture`.
fn read_bytes(bytes: &[u8]) -> Contents {
    let (_dir, path) = file(bytes);
    read(&path)
}

fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("capture");
    std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    (dir, path)
}

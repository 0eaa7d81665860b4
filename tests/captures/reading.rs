//! Reading the captures of `tests/fixtures` through the library.

use std::path::{Path, PathBuf};

use ovlsniff::capture::savefile::Savefile;
use ovlsniff::packet::{
    Added, Decoder, Frame, InterfaceNumber, LinkType, Packet, Reassembly, Timestamp, TunnelPorts,
};

/// All captures, sorted by name, with paths relative to `tests/fixtures`.
pub(crate) fn all() -> Vec<String> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.contains(".pcap") {
                found.push(name);
            }
        }
    }
    found.sort();
    assert!(found.len() > 40, "the fixtures are not there: {found:?}");
    found
}

/// The path of a capture.
pub(crate) fn path(fixture: &str) -> PathBuf {
    root().join(fixture)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// A frame that owns its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) number: u64,
    pub(crate) link: LinkType,
    pub(crate) wire_len: u32,
    pub(crate) time: Timestamp,
    pub(crate) bytes: Vec<u8>,
}

impl Kept {
    /// The frame as if only its first `len` bytes had been captured.
    pub(crate) fn cut(&self, len: usize) -> Frame<'_> {
        Frame {
            number: self.number,
            time: self.time,
            link: self.link,
            interface: InterfaceNumber(0),
            direction: None,
            wire_len: self.wire_len,
            bytes: &self.bytes[..len],
        }
    }

    pub(crate) fn frame(&self) -> Frame<'_> {
        self.cut(self.bytes.len())
    }
}

/// All frames of a capture. Of a damaged one, the frames before the damage.
pub(crate) fn frames(fixture: &str) -> Vec<Kept> {
    let mut file = Savefile::open(&path(fixture)).unwrap();
    let mut kept = Vec::new();
    while let Ok(Some(frame)) = file.next() {
        let Frame { number, link, wire_len, time, bytes, .. } = frame;
        kept.push(Kept { number, link, wire_len, time, bytes: bytes.to_vec() });
    }
    kept
}

/// The ports of the tunnels in the fixtures: the usual ones, and 5555 for VXLAN.
pub(crate) fn ports() -> TunnelPorts {
    let mut ports = TunnelPorts::default();
    ports.add_vxlan(5555);
    ports
}

/// Decodes a capture frame by frame, as the search does. A datagram in fragments is decoded with the frame that
/// completes it; its other frames are decoded up to their IP header.
pub(crate) fn decode(fixture: &str, mut each: impl FnMut(&Kept, &Packet<'_>)) {
    let mut decoder = Decoder::new(ports()).hold_in_tunnels();
    let mut reassembly = Reassembly::default();
    for kept in frames(fixture) {
        let frame = kept.frame();
        let packet = decoder.decode(&frame);
        if packet.is_fragment() {
            if let Added::Whole { protocol, payload, earlier } = reassembly.add(&frame, &packet) {
                let frames = earlier.frames().len() as u32 + 1;
                each(&kept, &decoder.datagram(packet, protocol, &payload, frames));
                continue;
            }
        }
        each(&kept, &packet);
    }
}

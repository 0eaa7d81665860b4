//! Capture files to seeds of the target `frames`: `seeds FOLDER FILE…`, a seed a file.

use std::path::Path;

use ovlsniff::capture::savefile::Savefile;

/// More of a capture teaches the fuzzer nothing.
const FRAMES: usize = 20;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("usage: seeds FOLDER FILE…");
    for (at, file) in arguments.enumerate() {
        let Ok(mut capture) = Savefile::open(Path::new(&file)) else { continue };
        let mut seed = Vec::new();
        for _ in 0..FRAMES {
            // A damaged file is a seed as far as it goes.
            let Ok(Some(frame)) = capture.next() else { break };
            if seed.is_empty() {
                let link = everything::LINKS.iter().position(|link| *link == frame.link);
                seed.push(link.unwrap_or_default() as u8);
            }
            let Ok(len) = u16::try_from(frame.bytes.len()) else { continue };
            seed.extend(len.to_be_bytes());
            seed.push(0);
            seed.extend(frame.bytes);
        }
        std::fs::write(Path::new(&folder).join(format!("seed-{at}")), seed).expect("a seed written");
    }
}

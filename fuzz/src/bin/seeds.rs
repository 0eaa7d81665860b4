//! Turns capture files into seeds of the target `frames`, one seed for each file: `seeds FOLDER FILE…`.

use std::path::Path;

use ovlsniff::capture::savefile::Savefile;

/// The most frames of a seed. More of the same capture would teach the fuzzer nothing.
const FRAMES: usize = 20;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("usage: seeds FOLDER FILE…");
    for (at, file) in arguments.enumerate() {
        let Ok(mut capture) = Savefile::open(Path::new(&file)) else { continue };
        let mut seed = Vec::new();
        for _ in 0..FRAMES {
            // A damaged file is used up to the damage.
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

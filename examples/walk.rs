//! Reads capture files and does nothing with the frames: the cost of reading before anything is decoded.

use ovlsniff::capture::savefile::Savefile;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args_os().skip(1) {
        let mut file = Savefile::open(path.as_ref())?;
        let (mut frames, mut bytes) = (0u64, 0u64);
        while let Some(frame) = file.next()? {
            frames += 1;
            bytes += frame.bytes.len() as u64;
        }
        println!("{frames} frames, {bytes} bytes");
    }
    Ok(())
}

//! The time that the decompressors need for a file, which is the floor for a search of it: `cargo bench --bench expand --
//! FILE`. `./x bench` runs it in turn with ovlsniff.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

fn main() -> io::Result<()> {
    // Cargo itself adds the argument --bench.
    let Some(path) = std::env::args().skip(1).find(|word| word != "--bench") else { return Ok(()) };
    let packed = BufReader::with_capacity(128 << 10, File::open(&path)?);
    let expanded = if Path::new(&path).extension() == Some("gz".as_ref()) {
        drain(flate2::bufread::MultiGzDecoder::new(packed))
    } else {
        drain(zstd::Decoder::with_buffer(packed)?)
    };
    println!("{} bytes", expanded?);
    Ok(())
}

/// Reads to the end in pieces that fit into the second-level cache. Returns the number of bytes.
fn drain(mut from: impl Read) -> io::Result<u64> {
    let (mut piece, mut all) = (vec![0; 256 << 10], 0);
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(all),
            read => all += read as u64,
        }
    }
}

//! Files of SAs, in either of two formats.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::bad_line::BadLine;
use super::{Error, Sa, esp_sa, ip_xfrm};
use crate::escape::escape;

/// The size of the largest file that is read, in bytes. Ten thousand SAs take far less, so a larger file is something
/// else.
const LARGEST: u64 = 64 << 20;

/// Reads the SAs of a file, which holds the output of `ip xfrm state` or Wireshark's `esp_sa` table. `-` is standard
/// input.
pub fn read_file(path: &Path) -> Result<Vec<Sa>, Error> {
    let name = || escape(&path.display().to_string()).into_owned();
    let unreadable = |cause| Error::Unreadable { file: name(), cause };
    let mut file: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(unreadable)?)
    };
    let text = read_text(&mut file).map_err(unreadable)?;
    let text = std::str::from_utf8(&text).map_err(|_| Error::NoSa { file: name() })?;
    let sas = parse(text).map_err(|bad| Error::BadLine { file: name(), line: bad.line, what: bad.what })?;
    if sas.is_empty() { Err(Error::NoSa { file: name() }) } else { Ok(sas) }
}

/// Reads the SAs of several files, in the order of the files.
///
/// # Errors
/// The error of the first file that cannot be read.
pub fn read_files<P: AsRef<Path>>(paths: &[P]) -> Result<Vec<Sa>, Error> {
    let mut sas = Vec::new();
    for path in paths {
        sas.extend(read_file(path.as_ref())?);
    }
    Ok(sas)
}

/// Reads all of a file. Each larger buffer is made by hand, so that the smaller one is wiped.
fn read_text(file: &mut dyn Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::new());
    let mut piece = Zeroizing::new(vec![0; 1 << 16]);
    loop {
        let len = match file.read(&mut piece) {
            Ok(0) => return Ok(text),
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if (text.len() + len) as u64 > LARGEST {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "more than 64 MiB are no list of SAs"));
        }
        if text.capacity() < text.len() + len {
            let mut larger = Zeroizing::new(Vec::with_capacity((text.len() + len) * 2));
            larger.extend_from_slice(&text);
            text = larger;
        }
        text.extend_from_slice(piece.get(..len).unwrap_or(&piece));
    }
}

/// Reads either format. In a table, the first line that is neither empty nor a comment begins with a quote.
fn parse(text: &str) -> Result<Vec<Sa>, BadLine> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    match first {
        Some(line) if line.starts_with('"') => esp_sa::parse(text),
        _ => ip_xfrm::parse(text),
    }
}

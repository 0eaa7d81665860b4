//! Bytes that are too many for a message: they are put into a piece of memory whose descriptor is handed over
//! (`memfd_create(2)`).
//!
//! Several files go into one piece, each behind its name:
//!
//! ```text
//!   0 length of the name (2)
//!   2 name, in UTF-8
//!   … length of the file (8), in the machine's byte order
//!   … bytes
//! ```

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};

/// The most files of a folder.
const MOST_FILES: usize = 1 << 12;

/// Puts bytes into memory to hand over.
pub(crate) fn hold(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut memory = File::from(memfd_create("ovlsniff", MFdFlags::MFD_CLOEXEC)?);
    memory.write_all(bytes)?;
    Ok(memory.into())
}

/// Reads all that is in a piece of memory that was handed over. More than `most` bytes are an error, `EFBIG`.
pub(crate) fn held(memory: OwnedFd, most: u64) -> io::Result<Vec<u8>> {
    let mut memory = File::from(memory);
    // Anything else, such as a pipe, might let the reader wait for ever.
    if !memory.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    memory.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    // It may still grow, so that its length is no measure. Nothing is written of what is too long.
    memory.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(Errno::EFBIG.into()) } else { Ok(bytes) }
}

/// Makes one text of several files.
pub(crate) fn pack(files: &[(String, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for (name, file) in files {
        let length = u16::try_from(name.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        bytes.extend_from_slice(&length.to_ne_bytes());
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(&(file.len() as u64).to_ne_bytes());
        bytes.extend_from_slice(file);
    }
    Ok(bytes)
}

/// Makes files of such a text again. Returns `None` unless it is exactly one.
pub(crate) fn unpack(mut bytes: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk()?;
        let (name, rest) = rest.split_at_checked(u16::from_ne_bytes(*length).into())?;
        let (length, rest) = rest.split_first_chunk()?;
        let (file, rest) = rest.split_at_checked(usize::try_from(u64::from_ne_bytes(*length)).ok()?)?;
        if files.len() == MOST_FILES {
            return None;
        }
        files.push((String::from_utf8(name.to_vec()).ok()?, file.to_vec()));
        bytes = rest;
    }
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_out_as_they_went_in() {
        let files = vec![("a/b.json".to_owned(), b"{}".to_vec()), ("empty".to_owned(), Vec::new())];
        let packed = pack(&files).unwrap();
        assert_eq!(unpack(&held(hold(&packed).unwrap(), 1 << 10).unwrap()), Some(files));
        assert_eq!(unpack(b""), Some(Vec::new()));
        let first = 2 + 8 + 8 + 2;
        for len in (1..packed.len()).filter(|len| *len != first) {
            assert_eq!(unpack(&packed[..len]), None, "{len}");
        }
    }

    #[test]
    fn a_length_that_no_file_has_is_refused() {
        let mut packed = pack(&[("a".to_owned(), vec![0; 4])]).unwrap();
        packed[3..11].copy_from_slice(&[0xff; 8]);
        assert_eq!(unpack(&packed), None);
        let many: Vec<_> = (0..=MOST_FILES).map(|_| (String::new(), Vec::new())).collect();
        assert_eq!(unpack(&pack(&many).unwrap()), None);
    }

    #[test]
    fn what_is_no_memory_is_not_read() {
        let (pipe, _kept_open) = rustix::pipe::pipe().unwrap();
        assert!(held(pipe, 1 << 10).is_err());
    }

    #[test]
    fn bytes_that_are_too_many_are_refused_and_not_cut_off() {
        let memory = || hold(&[0; 8]).unwrap();
        assert_eq!(held(memory(), 8).unwrap().len(), 8);
        assert_eq!(held(memory(), 7).unwrap_err().raw_os_error(), Some(Errno::EFBIG as i32));
        // A piece with nothing in it but a length.
        let memory = File::from(memory());
        memory.set_len(1 << 40).unwrap();
        assert!(held(memory.into(), 1 << 20).is_err());
    }
}

//! Reading frames of a plain file once more.
//!
//! Few of the frames that may be wanted later are. The system has their bytes in its page cache for as long as anybody could
//! keep a copy of them, so it is enough to know where they are.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::Savefile;

/// A plain file, in which the bytes of each frame stay where they are.
#[derive(Debug)]
pub struct Again {
    file: File,
}

impl Savefile {
    /// Returns the file for reading frames of [`Self::records`] once more, if it is a plain one with usual records.
    pub fn again(&self) -> Option<Again> {
        let (file, _) = self.form().and_then(|_| self.buffer.plain_file())?;
        Some(Again { file })
    }
}

impl Again {
    /// Fills `bytes` with those from this offset on.
    ///
    /// # Errors
    /// That of the file, or that it ends before, because it was cut.
    pub fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(bytes, offset)
    }
}

//! Unpacking gzip: members one behind the other (RFC 1952 section 2.2), and what may stand behind the last one.
//!
//! Zeros behind a member fill the last block of a tape or a disk. gzip ignores them, and so does this reader. It warns of
//! anything else, with exit status 2: the rest of the file may be a member that is damaged.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// The members of a file, unpacked one after the other.
pub(in crate::capture::savefile) struct Members<R> {
    /// The member that is unpacked; `None` at the end of the file and after an error.
    member: Option<GzDecoder<R>>,
}

/// The error at the end of the last member, if neither zeros nor another member follow.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("something that is not gzip stands behind the gzip data")]
pub(in crate::capture::savefile) struct Garbage;

impl<R: BufRead> Members<R> {
    pub(super) fn new(packed: R) -> Self {
        Self { member: Some(GzDecoder::new(packed)) }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            let Some(mut packed) = self.member.take().map(GzDecoder::into_inner) else { break };
            match after_zeros(&mut packed)? {
                None => {}
                Some(0x1f) => self.member = Some(GzDecoder::new(packed)),
                Some(_) => return Err(io::Error::other(Garbage)),
            }
        }
        Ok(0)
    }
}

/// Skips zeros. Returns the byte that follows, which is not consumed, or `None` at the end of the file.
fn after_zeros(packed: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let bytes = packed.fill_buf()?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let (next, ended) = (bytes.get(zeros).copied(), bytes.is_empty());
        packed.consume(zeros);
        if next.is_some() || ended {
            return Ok(next);
        }
    }
}

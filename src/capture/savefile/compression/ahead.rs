//! Unpacking in a thread of its own, ahead of the reader.
//!
//! To search what zstd unpacks takes half as long as to unpack it, so the two side by side are done sooner. The chunks go
//! round: the thread fills one, the reader copies it out and gives it back. There are [`CHUNKS`] of them, so the thread is
//! never further ahead than that. Errors are passed on at their place in the stream, behind all bytes before it.
//!
//! The thread ends when the stream does, or an error comes, or the reader is gone. It looks for the reader between two
//! chunks only: one that waits for the writer of a pipe goes on waiting, until the writer is gone or the stop flag is set.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::STEP;

/// The number of chunks, of [`STEP`] bytes each. All of them together stay in the second-level cache.
const CHUNKS: usize = 16;

/// A chunk and the number of its bytes that are filled.
type Filled = (Box<[u8]>, usize);

/// The reader's end.
pub(in crate::capture::savefile) struct Ahead {
    filled: Receiver<io::Result<Filled>>,
    empty: Sender<Box<[u8]>>,
    chunk: Box<[u8]>,
    /// The bytes that were not read yet are `chunk[start..end]`.
    start: usize,
    end: usize,
}

impl Ahead {
    /// Moves a decompressor to a thread of its own. Gives it back if there can be no thread.
    pub(super) fn new<R: Read + Send + 'static>(packed: R) -> Result<Self, R> {
        let (give, take) = channel::<R>();
        let (fill, filled) = channel();
        let (empty, empties) = channel();
        let run = move || take.recv().map_or((), |packed| unpack(packed, &empties, &fill));
        if thread::Builder::new().name("unpack".to_owned()).spawn(run).is_err() {
            return Err(packed);
        }
        let _ = give.send(packed);
        for _ in 1..CHUNKS {
            let _ = empty.send(vec![0; STEP].into());
        }
        Ok(Self { filled, empty, chunk: vec![0; STEP].into(), start: 0, end: 0 })
    }
}

impl Read for Ahead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end {
            // A thread that has ended takes no chunk, and has left an error or an empty one as its last.
            let _ = self.empty.send(std::mem::take(&mut self.chunk));
            let lost = |_| io::Error::other("the thread that unpacks it is gone");
            (self.chunk, self.end) = self.filled.recv().map_err(lost)??;
            self.start = 0;
        }
        let mut rest = self.chunk.get(self.start..self.end).unwrap_or_default();
        let read = rest.read(into)?;
        self.start += read;
        Ok(read)
    }
}

/// Fills chunks until the stream ends, which an empty one tells, or fails, or there is no reader any more.
fn unpack(mut packed: impl Read, empty: &Receiver<Box<[u8]>>, filled: &Sender<io::Result<Filled>>) {
    for mut chunk in empty {
        let read = packed.read(&mut chunk);
        let is_last = !matches!(read, Ok(1..));
        if filled.send(read.map(|len| (chunk, len))).is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives bytes in pieces of different lengths, then fails.
    struct Failing(Vec<Vec<u8>>);

    impl Read for Failing {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let Some(next) = self.0.pop() else { return Err(io::ErrorKind::InvalidData.into()) };
            into[..next.len()].copy_from_slice(&next);
            Ok(next.len())
        }
    }

    #[test]
    fn bytes_come_in_order_and_the_error_behind_all_of_them() {
        let pieces: Vec<Vec<u8>> = (1..=50u8).map(|n| vec![n; usize::from(n) * 1_250]).collect();
        let wanted: Vec<u8> = pieces.iter().rev().flatten().copied().collect();
        let mut ahead = Ahead::new(Failing(pieces)).unwrap_or_else(|_| panic!("no thread"));
        let mut bytes = Vec::new();
        assert_eq!(ahead.read_to_end(&mut bytes).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(bytes == wanted, "{} bytes of {}", bytes.len(), wanted.len());
    }

    #[test]
    fn the_end_stays_the_end_for_one_reader() {
        let mut ahead = Ahead::new(&b"abc"[..]).unwrap_or_else(|_| panic!("no thread"));
        let mut into = [0; 2];
        assert_eq!(ahead.read(&mut into).unwrap(), 2);
        assert_eq!(ahead.read(&mut into).unwrap(), 1);
        assert_eq!(ahead.read(&mut into).unwrap(), 0);
    }

    #[test]
    fn the_thread_ends_with_its_reader() {
        struct Endless(Sender<()>);
        impl Read for Endless {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let _ = self.0.send(());
                Ok(into.len())
            }
        }
        let (reads, seen) = channel();
        drop(Ahead::new(Endless(reads)));
        // The channel is closed once the thread has dropped its end.
        assert!(seen.iter().count() <= CHUNKS);
    }
}

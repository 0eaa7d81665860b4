//! The time for which the keeper is waited for.
//!
//! A keeper that has ended closes its socket, and every wait ends. One that is stopped (by a signal, or in a debugger) keeps it
//! open and says nothing. It is given up after a while, and sooner once a signal has come that ends this program.
//!
//! Looks are counted here, and not seconds: a terminal stops both processes together, and a reply is not late because
//! nobody looked for it.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::{Keeper, Request};

/// The time between two looks.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// The looks for a reply: 10 seconds. A keeper answers within milliseconds.
const LOOKS: u32 = 100;
/// The looks for a reply that the kernel has a part in: 35 seconds. The keeper gives the kernel 30 seconds to answer.
const LOOKS_FOR_KERNEL: u32 = 350;
/// The looks for a reply once a signal has come: 2 seconds.
const LAST_LOOKS: u32 = 20;
/// The looks for the reply that something is written: 5 minutes. A disk may be slow, and so may the reader of a pipe.
const LOOKS_FOR_WRITING: u32 = 3_000;
/// The looks for more of what a program prints, before the keeper is asked if it is still there: 1 second.
const LOOKS_FOR_OUTPUT: u32 = 10;

static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Lets no reply be waited for much longer once this flag is set. A signal sets it that ends the program. Only the first call
/// counts.
pub fn heed(stop: &Arc<AtomicBool>) {
    let _ = STOP.set(Arc::clone(stop));
}

fn is_to_stop() -> bool {
    STOP.get().is_some_and(|stop| stop.load(Ordering::Relaxed))
}

/// Waits until the reply to a request can be read, or the keeper has ended.
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] if the keeper says nothing.
pub(super) fn for_reply(socket: &OwnedFd, request: &Request<'_>) -> io::Result<()> {
    match request {
        // These may be the report on what was seen until a signal came. Another signal ends the program.
        Request::Deliver(_) | Request::Keep(_) | Request::Forget(_) => {
            look(socket, LOOKS_FOR_WRITING, LOOKS_FOR_WRITING)
        }
        Request::Ask(..) => look(socket, LOOKS_FOR_KERNEL, LAST_LOOKS),
        _ => look(socket, LOOKS, LAST_LOOKS),
    }
}

/// Reads a pipe from the keeper to its end. A program may take long to print, so the keeper is asked meanwhile if it is there.
pub(crate) fn read_to_end(keeper: &Keeper, pipe: &OwnedFd) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    let mut file = File::from(pipe.try_clone()?);
    loop {
        while look(pipe, LOOKS_FOR_OUTPUT, LOOKS_FOR_OUTPUT).is_err() {
            keeper.ask(&Request::Enter, None)?;
        }
        match file.read(&mut buffer)? {
            0 => return Ok(bytes),
            len => bytes.extend_from_slice(buffer.get(..len).unwrap_or_default()),
        }
    }
}

/// Looks so many times if something can be read, or `last` times from a signal on.
fn look(at: &OwnedFd, mut looks: u32, last: u32) -> io::Result<()> {
    while looks > 0 {
        match poll(&mut [PollFd::new(at, PollFlags::IN)], Some(&LOOK)) {
            Ok(0) => looks -= 1,
            Ok(_) => return Ok(()),
            // A signal has come to this thread.
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if is_to_stop() {
            looks = looks.min(last);
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::keeper::pair;

    #[test]
    fn a_keeper_that_says_nothing_is_given_up() {
        let (one, other) = pair().unwrap();
        assert_eq!(look(&one, 2, 2).unwrap_err().kind(), io::ErrorKind::TimedOut);
        crate::keeper::send(&other, b"x", None).unwrap();
        assert!(look(&one, 2, 2).is_ok());
    }

    #[test]
    fn a_keeper_that_has_ended_is_not_waited_for() {
        let (one, other) = pair().unwrap();
        drop(other);
        assert!(look(&one, u32::MAX, u32::MAX).is_ok());
    }

    #[test]
    fn what_a_program_prints_is_read_to_its_end() {
        let (keeper, _its_end) = pair().unwrap();
        let (output, input) = rustix::pipe::pipe().unwrap();
        let mut input = File::from(input);
        let printed = vec![b'x'; 200 << 10];
        std::thread::scope(|scope| {
            let read = scope.spawn(|| read_to_end(&Keeper::at(keeper), &output).unwrap());
            input.write_all(&printed).unwrap();
            drop(input);
            assert!(read.join().unwrap() == printed);
        });
    }
}

//! The number of threads that search a file.

use std::num::NonZero;
use std::thread;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

/// The most threads that are taken unasked.
const MOST: usize = 4;
/// The threads that are made if they are asked for, even where there are fewer processors. More would take memory for nothing.
const ASKED: usize = 8;
/// The address space that a thread takes, in bytes: 64 MiB that the C library sets aside for its memory, 2 MiB of stack, and
/// what it works on. A thread that finds no memory ends the program.
const SPACE: u64 = 96 << 20;

/// Returns the number of threads to take if `typed` ones were asked for. `None` leaves it to the file.
///
/// It is one if the address space is limited (`ulimit -v`), unless more were asked for and there is room for them.
pub(super) fn number(typed: Option<usize>) -> Option<usize> {
    let room = getrlimit(Resource::RLIMIT_AS).map_or(RLIM_INFINITY, |(soft, _)| soft);
    if room == RLIM_INFINITY {
        return typed.map(|typed| typed.min(ASKED.max(processors())));
    }
    let threads = usize::try_from(room / SPACE).unwrap_or(usize::MAX);
    Some(typed.map_or(1, |typed| typed.min(threads).min(ASKED.max(processors())).max(1)))
}

/// Returns the number of threads for a file that is worth several.
pub(super) fn unasked() -> usize {
    processors().min(MOST)
}

/// Returns the number of processors that the scheduler may give to this process.
fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

//! The descriptors that this program is started with, and how many it may have.
//!
//! A program inherits all that whoever starts it has left open without a mark to close it: files that only root may open,
//! sockets, terminals. Here they would reach a process that is to have nothing but what it needs, and its keeper. So all of them
//! are closed, but for those that the command line names: `/dev/fd/63` is what a shell makes of `-r <(zcat x)` and of
//! `-o >(cat)`. A keeper closes in the same way what its own command line does not name.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::fd::RawFd;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::close;

/// The descriptors that are tried without a list of those that are open: as many as a process usually may have.
const USUAL: RawFd = 1024;

/// Closes every descriptor but the standard ones and those that a word names, as `/dev/fd/N` or `/proc/self/fd/N`. Call this
/// first of all: what was opened since the start of the process would be closed as well.
pub fn close_inherited(words: impl IntoIterator<Item = OsString>) {
    let named: Vec<RawFd> = words.into_iter().flat_map(|word| named(&word)).collect();
    for descriptor in open().into_iter().filter(|descriptor| *descriptor > 2 && !named.contains(descriptor)) {
        // The one by which the list was read is closed already.
        let _ = close(descriptor);
    }
}

fn open() -> Vec<RawFd> {
    let Ok(list) = fs::read_dir("/proc/self/fd") else { return (0..USUAL).collect() };
    list.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Returns the descriptors that a word names: the numbers behind each `/fd/`.
fn named(word: &OsStr) -> Vec<RawFd> {
    let word = word.to_string_lossy();
    let number = |rest: &str| {
        let end = rest.find(|byte: char| !byte.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..end)?.parse().ok()
    };
    word.split("/fd/").skip(1).filter_map(number).collect()
}

/// Raises the number of descriptors that this process may have to the most that it may set itself, and returns it.
pub fn raise_limit() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 0 };
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_named_by_a_path_in_any_place_of_a_word() {
        let of = |word: &str| named(OsStr::new(word));
        assert_eq!(of("/dev/fd/63"), [63]);
        assert_eq!(of("--sa=/proc/self/fd/5"), [5]);
        assert_eq!(of("-o/dev/fd/7,/dev/fd/8"), [7, 8]);
        for none in ["63", "/dev/fd/", "/dev/fd/x", "/dev/stdin", "/dev/fd/99999999999"] {
            assert_eq!(of(none), [0; 0], "{none}");
        }
    }
}

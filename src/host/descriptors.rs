//! The number of files that a process may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the number of descriptors that this process may have to the most that it may set itself, and returns it.
pub fn raise_limit() -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 0 };
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    }
}

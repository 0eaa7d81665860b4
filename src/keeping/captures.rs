//! The captures that a keeper has handed over.
//!
//! Each has a ring of the kernel's memory, which no limit of the other process counts. So there is a largest size, which is
//! said when the keeper starts, and a largest number of rings at the same time. The kernel lists the packet sockets of a
//! network namespace with their inodes; one that is no longer in the list has been closed by all who had it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;

use nix::errno::Errno;

use super::{refused, visit};
use crate::capture::live::ready_but;
use crate::host::namespace::Namespace;

/// The most captures at the same time. `verify --all` watches eight networks, and opens the next capture before it closes one.
const MOST: usize = 32;

/// The sockets of the captures that may still be open.
#[derive(Debug)]
pub(super) struct Captures {
    /// The largest ring in bytes.
    largest: u32,
    open: Vec<(Option<Namespace>, u64)>,
}

impl Captures {
    /// Begins with none. No ring may be larger than this.
    pub(super) fn up_to(largest: u32) -> Self {
        Self { largest, open: Vec::new() }
    }

    /// Opens one with a ring of this size in a namespace, on all links but some.
    pub(super) fn open(
        &mut self,
        namespace: Option<Namespace>,
        size: u32,
        but: &[u32],
    ) -> io::Result<OwnedFd> {
        if size > self.largest {
            return Err(refused());
        }
        self.open.retain(|(namespace, inode)| is_open(namespace.as_ref(), *inode));
        if self.open.len() >= MOST {
            return Err(Errno::EMFILE.into());
        }
        let socket = visit(namespace.as_ref(), || ready_but(size, but))?;
        let inode = File::from(socket.as_fd().try_clone_to_owned()?).metadata()?.ino();
        self.open.push((namespace, inode));
        Ok(socket)
    }
}

/// Returns true if a socket is in the list of its namespace, or if the list cannot be read.
fn is_open(namespace: Option<&Namespace>, inode: u64) -> bool {
    let list = visit(namespace, || std::fs::read_to_string("/proc/thread-self/net/packet"));
    list.map_or(true, |list| lists(&list, inode))
}

fn lists(list: &str, inode: u64) -> bool {
    list.lines().filter_map(|line| line.split_whitespace().last()).any(|last| last.parse() == Ok(inode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_that_is_larger_than_was_said_at_the_start_is_refused() {
        for (largest, size) in [(0, 1), (1 << 20, (1 << 20) + 1), (32 << 20, u32::MAX)] {
            let refused = Captures::up_to(largest).open(None, size, &[]).unwrap_err();
            assert_eq!(refused.raw_os_error(), Some(Errno::EPERM as i32));
        }
    }

    #[test]
    fn a_socket_is_open_while_the_kernel_lists_it() {
        let list = "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n\
                    000000004ab1c1b5 3      3    0003   0     1 0      0      81210\n";
        assert!(lists(list, 81210));
        assert!(!lists(list, 8121) && !lists("", 0));
    }
}

//! Questions to the parts of the kernel that also tell keys. The keeper has the sockets, and passes the answers on.
//!
//! Nobody who decodes packets needs a private key of WireGuard's, or the key by which AH authenticates. The keys of ESP are
//! needed where its packets are opened, and nowhere else: to know an SA, the length of its key is enough.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Builder;

use nix::errno::Errno;

use crate::keeper;
use crate::netlink::blank::Secrets;
use crate::netlink::{self, Family};

/// The most sockets on which keys of new SAs are told at the same time. `verify --all` watches eight networks.
const MOST: usize = 32;

/// The number of such sockets.
static FOLLOWED: AtomicUsize = AtomicUsize::new(0);

/// Asks the kernel in the network namespace of this thread, and returns the memory with its answers.
pub(super) fn ask(family: Family, message: &[u8], secrets: Secrets) -> io::Result<OwnedFd> {
    let mut memory = File::from(keeper::hold(&[])?);
    netlink::answer(family, message, secrets, &mut memory)?;
    memory.seek(SeekFrom::Start(0))?;
    Ok(memory.into())
}

/// Follows the SAs of the network namespace of this thread, and returns the socket on which those of ESP are told.
pub(super) fn follow(groups: &[u32]) -> io::Result<OwnedFd> {
    let notices = netlink::join(Family::Keys, groups)?;
    let (here, there) = keeper::pair()?;
    if FOLLOWED.fetch_add(1, Ordering::Relaxed) >= MOST {
        FOLLOWED.fetch_sub(1, Ordering::Relaxed);
        return Err(Errno::EAGAIN.into());
    }
    Builder::new().spawn(move || {
        netlink::relay(&notices, Secrets::SasButEsp, &here);
        FOLLOWED.fetch_sub(1, Ordering::Relaxed);
    })?;
    Ok(there)
}

//! The keeper: a small process that keeps the privilege which the rest of the program has left.
//!
//! `verify` goes on asking the kernel for as long as it watches: for new keys, policies and firewall rules, for links in other
//! network namespaces, for one more capture. All that takes root. It also decodes whatever is sent to it from
//! outside, and code that decodes hostile bytes should have no privilege that a bug in it could abuse. So the program is two
//! processes. The one that the user started leaves root before it opens anything, and decodes packets. The other one is the
//! same program, started again: it keeps root, and never sees a packet. This room is what the first one needs of it:
//! what may be asked ([`Request`]), and how (`Keeper`). The keeper's own side is the room `keeping`.
//!
//! Most of what is asked for is a descriptor. The keeper opens a socket or a file, in the network namespace that the
//! request names by a descriptor of its own, and hands it over (`SCM_RIGHTS`). What has to be said with privilege on a socket
//! of netlink is sent by the keeper, because the kernel checks the sender as well as the opener; the answer comes straight from
//! the kernel. Where the kernel tells keys too, of SAs and of WireGuard, the keeper asks and reads itself, and hands the answers
//! over without these. A connection to Docker's engine is worth root to whoever holds it, and is
//! therefore not handed over: the keeper passes a few kinds of questions on, and the parts of the answers that are read.
//!
//! # How the rest of the library uses it
//!
//! Nothing above this room knows if there is a keeper. The few places where the library opens something ask
//! `installed`, and open it themselves if there is none. So a run as an unprivileged user, `--no-drop`, `keys` and `overlay`
//! are as they always were, and the keeper itself uses the very same functions.
//!
//! A thread that has no privilege cannot enter a network namespace. `within` notes which one it would be in, and what the
//! thread asks for is then opened there.
//!
//! # What the keeper has to withstand
//!
//! A packet that takes over the first process has the socket to the keeper, and may ask for anything. Requests are therefore
//! few, small and checked in two steps: [`Request::decode`] refuses all that has not one of the few shapes, and
//! `keeping` all that has the shape but asks for more than the program ever does. What remains is what `verify`
//! itself can do: see the state of the kernel, the keys of ESP included, and the frames. With [`Scope::Facts`] no key is.
//!
//! # What surprised us
//!
//! - The kernel checks the sender of a netlink message besides the opener of its socket since CVE-2014-0181. A socket that
//!   root opened is of no use to others for a dump of keys, and the notices that it has subscribed to arrive all the same.
//! - A program with capabilities in its file has them whoever starts it. So the keeper may not trust what it has: it keeps
//!   only what is in its *inheritable* set too, which file capabilities leave alone, and which a process can only fill
//!   with capabilities that it has itself. Started by hand, a keeper is an ordinary process.
//! - A process that changes its user is no longer dumpable, and the files of `/proc/self` then belong to root.

mod memory;
mod message;
mod patience;
mod request;

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

pub(crate) use memory::{held, hold, pack, unpack};
pub(crate) use message::{Received, name_senders, pair, receive, send, send_at_once};
pub use patience::heed;
pub(crate) use patience::read_to_end;
pub use request::{Internet, Request, Scope, Tool};

/// The first byte of a reply to a request that was fulfilled. What was asked for follows.
pub(crate) const DONE: u8 = 0;
/// The first byte of a reply to a request that was not. The error number follows, in 4 bytes.
pub(crate) const REFUSED: u8 = 1;

/// The longest request in bytes.
pub(crate) const LONGEST_REQUEST: usize = 8 << 10;
/// The longest reply in bytes.
pub(crate) const LONGEST_REPLY: usize = 64 << 10;

static KEEPER: OnceLock<Keeper> = OnceLock::new();

thread_local! {
    /// The network namespace that this thread would be in; `None` for the process's own.
    static PLACE: RefCell<Place> = const { RefCell::new(Place(None)) };
}

/// The other end of the conversation with the keeper.
#[derive(Debug)]
pub(crate) struct Keeper {
    socket: OwnedFd,
    /// Held from a request to its reply, because several threads may ask.
    turn: Mutex<()>,
    /// True once a message could not be sent or received.
    lost: AtomicBool,
    /// True once a reply was waited for in vain. A later one would be taken for that to the next request.
    silent: AtomicBool,
}

/// The end of a keeper that can be asked no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It has ended.
    Ended,
    /// It does not answer, because somebody has stopped it.
    Silent,
}

/// A network namespace that a thread is taken to be in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place(Option<Arc<OwnedFd>>);

/// The reply to a request.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) body: Vec<u8>,
    pub(crate) fd: Option<OwnedFd>,
}

/// Has the whole process ask the keeper behind this socket from now on. Only the first call counts.
pub(crate) fn install(socket: OwnedFd) {
    let _ = KEEPER.set(Keeper::at(socket));
}

/// Returns the keeper, if the process has one.
pub(crate) fn installed() -> Option<&'static Keeper> {
    KEEPER.get()
}

/// Returns true if there was a keeper, and nothing can be asked any more.
pub fn is_lost() -> bool {
    loss().is_some()
}

/// Returns what became of the keeper, if there was one and nothing can be asked any more.
pub fn loss() -> Option<Loss> {
    installed().and_then(Keeper::loss)
}

/// Returns a descriptor that is readable once the keeper has ended. It may be readable for a moment before that too.
pub fn descriptor() -> Option<OwnedFd> {
    installed().and_then(|keeper| keeper.socket.try_clone().ok())
}

/// Returns the network namespace that this thread is taken to be in, for a thread that it starts.
pub(crate) fn place() -> Place {
    PLACE.with_borrow(Place::clone)
}

impl Place {
    /// Runs `work`, and has everything that it asks the keeper for opened in this namespace.
    pub(crate) fn run<T>(self, work: impl FnOnce() -> T) -> T {
        let before = PLACE.replace(self);
        let _back = Back(before);
        work()
    }
}

/// Puts the former namespace back, even if the work panics.
struct Back(Place);

impl Drop for Back {
    fn drop(&mut self) {
        PLACE.set(std::mem::take(&mut self.0));
    }
}

/// Runs `work` as [`Place::run`] does, in the namespace of this descriptor.
///
/// # Errors
/// The keeper may not enter it: `EPERM`; it could not come back: `ENOTRECOVERABLE`; it is no network namespace: `EINVAL`.
pub(crate) fn within<T>(
    keeper: &Keeper,
    namespace: BorrowedFd<'_>,
    work: impl FnOnce() -> T,
) -> io::Result<T> {
    keeper.ask(&Request::Enter, Some(namespace))?;
    let namespace = namespace.try_clone_to_owned()?;
    Ok(Place(Some(Arc::new(namespace))).run(work))
}

/// Reads a text of the kernel's, as `std::fs::read_to_string` does, by the keeper if there is one.
pub(crate) fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    let path = path.as_ref();
    let Some(keeper) = installed() else { return std::fs::read_to_string(path) };
    let mut text = String::new();
    File::from(keeper.open(&Request::Read(path))?).read_to_string(&mut text)?;
    Ok(text)
}

/// Returns true if the kernel has a file of this path.
pub(crate) fn exists(path: impl AsRef<Path>) -> bool {
    let path = path.as_ref();
    match installed() {
        Some(keeper) => keeper.ask_here(&Request::Exists(path)).is_ok(),
        None => path.exists(),
    }
}

impl Keeper {
    fn at(socket: OwnedFd) -> Self {
        Self { socket, turn: Mutex::new(()), lost: AtomicBool::new(false), silent: AtomicBool::new(false) }
    }

    /// Asks for something in the namespace of this thread.
    pub(crate) fn ask_here(&self, request: &Request<'_>) -> io::Result<Reply> {
        let Place(namespace) = place();
        self.ask(request, namespace.as_ref().map(AsFd::as_fd))
    }

    /// Asks for a descriptor in the namespace of this thread.
    pub(crate) fn open(&self, request: &Request<'_>) -> io::Result<OwnedFd> {
        self.ask_here(request)?.fd.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Asks for something, and hands a descriptor over for it.
    pub(crate) fn ask(&self, request: &Request<'_>, with: Option<BorrowedFd<'_>>) -> io::Result<Reply> {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.silent.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let mut buffer = vec![0; LONGEST_REPLY];
        let received = send(&self.socket, &request.encode(), with)
            .and_then(|()| patience::for_reply(&self.socket, request))
            .and_then(|()| receive(&self.socket, &mut buffer)?.whole());
        let gone = |error: &io::Error| match error.kind() {
            io::ErrorKind::TimedOut => &self.silent,
            _ => &self.lost,
        };
        // If there is no room for a descriptor, the keeper has answered all the same.
        let is_crowded = |error: &io::Error| error.raw_os_error() == Some(nix::libc::EMFILE);
        let received = received.inspect_err(|error| {
            if !is_crowded(error) {
                gone(error).store(true, Ordering::Relaxed);
            }
        });
        drop(turn);
        let Received { len, fd, .. } = received?;
        buffer.truncate(len);
        match buffer.split_first() {
            Some((&DONE, body)) => Ok(Reply { body: body.to_vec(), fd }),
            Some((&REFUSED, errno)) => {
                let errno = errno
                    .first_chunk()
                    .map_or(rustix::io::Errno::IO.raw_os_error(), |bytes| i32::from_ne_bytes(*bytes));
                Err(io::Error::from_raw_os_error(errno))
            }
            // An empty message is the end of the conversation.
            _ => {
                self.lost.store(true, Ordering::Relaxed);
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
    }

    /// Hands bytes over with a request.
    pub(crate) fn hand(&self, request: &Request<'_>, bytes: &[u8]) -> io::Result<()> {
        let memory = hold(bytes)?;
        self.ask(request, Some(memory.as_fd())).map(drop)
    }

    fn loss(&self) -> Option<Loss> {
        let hung_up = || {
            let mut polled = [PollFd::new(&self.socket, PollFlags::empty())];
            let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
            poll(&mut polled, Some(&at_once)).is_ok_and(|count| count > 0)
        };
        if self.lost.load(Ordering::Relaxed) || hung_up() {
            return Some(Loss::Ended);
        }
        self.silent.load(Ordering::Relaxed).then_some(Loss::Silent)
    }
}

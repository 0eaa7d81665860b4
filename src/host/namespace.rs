//! Visits to network namespaces. A socket stays in the namespace that it was opened in, so a thread only has to enter,
//! open its sockets and come back.

pub(crate) mod files;

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};

use crate::escape::{escape, reason};
use crate::keeper;
use crate::netlink::Refusal;
use crate::packet::digits;
use files::FOLDERS;

/// A network namespace that exists. Its file is open, so it cannot go away before it is entered.
#[derive(Debug)]
pub struct Namespace {
    file: File,
    path: PathBuf,
}

/// The reasons for which a namespace cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no namespace of that name.
    #[error("network namespace {name}: no such namespace{}; give a name of `ip netns list`, a path or a PID", there_is(.known))]
    Unknown {
        /// The name that was asked for, escaped.
        name: String,
        /// The names that exist, escaped.
        known: Vec<String>,
    },
    /// The namespace exists, but cannot be opened.
    #[error("network namespace {name}: {}", reason(.cause))]
    Open {
        /// The name that was asked for, escaped.
        name: String,
        /// The kernel's reason.
        cause: io::Error,
    },
    /// The file is no network namespace.
    #[error("network namespace {name}: not a network namespace")]
    Other {
        /// The name that was asked for, escaped.
        name: String,
    },
    /// The privilege to enter is missing.
    #[error(
        "enter network namespace {name}: permission denied; run as root, in a container with the capability SYS_ADMIN"
    )]
    Permission {
        /// The path of the namespace, escaped.
        name: String,
    },
    /// The thread could enter, but not come back: its own namespace belongs to another user namespace.
    #[error(
        "enter network namespace {name}: there would be no way back; run as root of this machine, or inside of it: nsenter --net={name} ovlsniff"
    )]
    NoReturn {
        /// The path of the namespace, escaped.
        name: String,
    },
    /// Entering failed for another reason.
    #[error("enter network namespace {name}: {}", reason(&io::Error::from(*.cause)))]
    Enter {
        /// The path of the namespace, escaped.
        name: String,
        /// The kernel's reason.
        cause: Errno,
    },
    /// The thread cannot leave the namespace again. It must not be used for anything more.
    #[error("leave network namespace {name}: {}", reason(&io::Error::from(*.cause)))]
    Leave {
        /// The path of the namespace, escaped.
        name: String,
        /// The kernel's reason.
        cause: Errno,
    },
}

impl Error {
    fn unknown(word: &str) -> Self {
        let known = names().iter().take(20).map(|name| escape(name).into_owned()).collect();
        Self::Unknown { name: shown(word), known }
    }
}

/// A namespace that cannot be entered is a refusal of the kernel to those who talk to it there.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let errno = match &error {
            Error::Unknown { .. } => Errno::ENOENT as i32,
            Error::Open { cause, .. } => cause.raw_os_error().unwrap_or(Errno::EIO as i32),
            Error::Other { .. } => Errno::EINVAL as i32,
            Error::Permission { .. } | Error::NoReturn { .. } => Errno::EPERM as i32,
            Error::Enter { cause, .. } | Error::Leave { cause, .. } => *cause as i32,
        };
        Self::new(errno).saying(&error.to_string())
    }
}

/// Returns a word that was typed, escaped. The empty word becomes two quotes, so that it can be seen.
fn shown(word: &str) -> String {
    if word.is_empty() { "''".to_owned() } else { escape(word).into_owned() }
}

fn there_is(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!(" (there is: {})", known.join(", ")) }
}

impl Namespace {
    /// Finds a namespace by a name under `/run/netns`, by a path, or by the PID of a process that is in it.
    ///
    /// A word with a `/` is a path. A number is a name if there is such a name, otherwise a PID.
    pub fn find(word: &str) -> Result<Self, Error> {
        if word.contains('/') {
            return Self::open(word, PathBuf::from(word));
        }
        match (named(word), digits::<u32>(word)) {
            (Some(path), _) => Self::open(word, path),
            (None, Some(pid)) => Self::open(word, PathBuf::from(format!("/proc/{pid}/ns/net"))),
            (None, None) => Err(Error::unknown(word)),
        }
    }

    /// Finds the namespace that was given, as [`Self::find`] does. `None` stands for that of this thread.
    pub fn given(word: Option<&str>) -> Result<Option<Self>, Error> {
        word.map(Self::find).transpose()
    }

    /// Finds a namespace by its name under `/run/netns`. A number is no PID here.
    pub fn by_name(name: &str) -> Result<Self, Error> {
        Self::open(name, named(name).ok_or_else(|| Error::unknown(name))?)
    }

    fn open(word: &str, path: PathBuf) -> Result<Self, Error> {
        let name = || escape(word).into_owned();
        let file = files::open(&path).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => Error::unknown(word),
            io::ErrorKind::PermissionDenied => Error::Permission { name: name() },
            // A keeper looks at the file before it opens it.
            _ if cause.raw_os_error() == Some(nix::libc::EINVAL) => Error::Other { name: name() },
            _ => Error::Open { name: name(), cause },
        })?;
        Ok(Self { file, path })
    }

    /// Takes a namespace whose file is open already.
    pub(crate) fn held(file: OwnedFd) -> Self {
        Self { file: file.into(), path: PathBuf::from("(handed over)") }
    }

    /// Returns the file that it was found by. It may have any characters: escape it before it is printed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` in a namespace, or in that of this thread if none is given.
    ///
    /// # Errors
    /// The same as those of [`Self::visit`].
    pub fn run<T>(namespace: Option<&Self>, work: impl FnOnce() -> T) -> Result<T, Error> {
        match namespace {
            Some(namespace) => namespace.visit(work),
            None => Ok(work()),
        }
    }

    /// Runs `work` in the namespace, on this thread, and comes back.
    ///
    /// Sockets that `work` opens stay in the namespace. Threads that it starts would stay there as well, so it should
    /// start none.
    pub fn visit<T>(&self, work: impl FnOnce() -> T) -> Result<T, Error> {
        let name = || escape(&self.path.display().to_string()).into_owned();
        if let Some(keeper) = keeper::installed() {
            return keeper::within(keeper, self.as_fd(), work).map_err(|cause| match cause.raw_os_error() {
                Some(nix::libc::EPERM) => Error::Permission { name: name() },
                Some(nix::libc::ENOTRECOVERABLE) => Error::NoReturn { name: name() },
                Some(nix::libc::EINVAL) => Error::Other { name: name() },
                errno => Error::Enter { name: name(), cause: errno.map_or(Errno::EIO, Errno::from_raw) },
            });
        }
        let home =
            File::open("/proc/thread-self/ns/net").map_err(|cause| Error::Open { name: name(), cause })?;
        let enter = || {
            setns(&self.file, CloneFlags::CLONE_NEWNET).map_err(|cause| match cause {
                Errno::EPERM => Error::Permission { name: name() },
                Errno::EINVAL | Errno::ENOTTY => Error::Other { name: name() },
                cause => Error::Enter { name: name(), cause },
            })
        };
        // To stay takes the same privilege as to come back. A thread that cannot come back would take the links of the other
        // namespace for its own. So only a thread that ends may then find out if it could enter at all.
        if setns(&home, CloneFlags::CLONE_NEWNET).is_err() {
            let entered = std::thread::scope(|scope| {
                let thread = std::thread::Builder::new().spawn_scoped(scope, enter).ok()?;
                thread.join().ok()
            });
            return Err(entered.and_then(Result::err).unwrap_or_else(|| Error::NoReturn { name: name() }));
        }
        enter()?;
        let home = Return(Some(home));
        let done = work();
        home.now().map_err(|cause| Error::Leave { name: name(), cause })?;
        Ok(done)
    }
}

/// Brings the thread back to its namespace, even if the work panics.
struct Return(Option<File>);

impl Return {
    fn now(mut self) -> Result<(), Errno> {
        self.0.take().map_or(Ok(()), |home| setns(&home, CloneFlags::CLONE_NEWNET))
    }
}

impl Drop for Return {
    fn drop(&mut self) {
        if let Some(home) = self.0.take() {
            let _ = setns(&home, CloneFlags::CLONE_NEWNET);
        }
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape(&self.path.display().to_string()))
    }
}

/// Returns the file of the namespace that has this name under `/run/netns`.
fn named(name: &str) -> Option<PathBuf> {
    if matches!(name, "" | "." | "..") || name.contains('/') {
        return None;
    }
    FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| files::exists(path))
}

/// Returns the names that `ip netns` knows, sorted. Names that are not UTF-8 are left out.
pub fn names() -> Vec<String> {
    let in_folders = files::named().filter(|path| FOLDERS.iter().any(|folder| path.starts_with(folder)));
    let mut names: Vec<String> =
        in_folders.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_name_is_one_sentence_with_the_name_escaped() {
        let error = Namespace::find("no\x1bsuch").unwrap_err().to_string();
        assert!(error.starts_with("network namespace no\\u{1b}such: no such namespace"), "{error}");
        assert!(!error.contains('\n') && !error.contains('\x1b'));
    }

    #[test]
    fn number_without_a_name_is_a_process() {
        assert!(Namespace::find(&std::process::id().to_string()).is_ok());
        for wrong in ["4294967295", "+1"] {
            assert!(matches!(Namespace::find(wrong), Err(Error::Unknown { .. })), "{wrong}");
        }
    }

    #[test]
    fn a_number_is_no_process_where_a_name_is_asked_for() {
        assert!(matches!(Namespace::by_name(&std::process::id().to_string()), Err(Error::Unknown { .. })));
    }

    #[test]
    fn an_empty_name_is_shown() {
        let error = Namespace::find("").unwrap_err().to_string();
        assert!(error.starts_with("network namespace '': no such namespace"), "{error}");
    }

    #[test]
    fn dots_do_not_leave_the_folder() {
        assert!(matches!(Namespace::find(".."), Err(Error::Unknown { .. })));
        assert!(matches!(Namespace::find(""), Err(Error::Unknown { .. })));
    }
}

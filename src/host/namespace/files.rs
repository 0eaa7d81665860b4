//! The files by which network namespaces are found: those with a name, Docker's sandboxes, and those of processes.
//!
//! A process that has left root may see few of them, and open none. Its keeper then lists and opens them.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::keeper::{self, Request};

/// The folders in which `ip netns` keeps the names. Older systems use the second.
pub(super) const FOLDERS: [&str; 2] = ["/run/netns", "/var/run/netns"];

/// The folders with the files of Docker's sandboxes, each a network namespace.
const DOCKER_FOLDERS: [&str; 2] = ["/run/docker/netns", "/var/run/docker/netns"];

/// The file of this thread's network namespace.
pub(in crate::host) const OWN: &str = "/proc/thread-self/ns/net";

/// Opens the file of a namespace.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let Some(keeper) = keeper::installed() else { return File::open(path) };
    let reply = keeper.ask(&Request::Namespace(path), None)?;
    reply.fd.map(File::from).ok_or_else(|| Errno::EIO.into())
}

/// Returns true if there is such a file.
pub(super) fn exists(path: &Path) -> bool {
    if keeper::installed().is_some() { open(path).is_ok() } else { path.exists() }
}

/// Returns the device and the inode of a namespace's file, which are the same for all files of one namespace.
pub(in crate::host) fn identity(path: &Path) -> Option<(u64, u64)> {
    let known = match keeper::installed() {
        Some(_) => open(path).and_then(|file| file.metadata()),
        None => path.metadata(),
    };
    known.ok().map(|file| (file.dev(), file.ino()))
}

/// Returns true if this user may not see which namespaces have a name.
pub(in crate::host) fn are_hidden() -> bool {
    let is_hidden = |folder: &&str| {
        std::fs::read_dir(folder).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    };
    keeper::installed().is_none() && folders().any(|folder| is_hidden(&folder))
}

/// Yields the folders in which namespaces have a name.
pub(crate) fn folders() -> impl Iterator<Item = &'static str> {
    FOLDERS.into_iter().chain(DOCKER_FOLDERS)
}

/// Yields the files in the folders of namespaces.
pub(crate) fn named() -> Box<dyn Iterator<Item = PathBuf>> {
    if keeper::installed().is_some() {
        return Box::new(listed(&Request::Named));
    }
    let files = folders().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    Box::new(files.flatten().map(|file| file.path()))
}

/// Yields the same without those of a namespace that another file before was of, so that there is room for more in a reply.
pub(crate) fn named_once() -> impl Iterator<Item = PathBuf> {
    distinct(None, named())
}

/// Yields the files of all namespaces: first those that have a name, then that of this thread, then those of processes.
/// Each namespace comes once.
pub(crate) fn every() -> Box<dyn Iterator<Item = PathBuf>> {
    if keeper::installed().is_some() {
        return Box::new(listed(&Request::Namespaces));
    }
    Box::new(distinct(None, named().chain([PathBuf::from(OWN)]).chain(of_processes())))
}

/// Asks the keeper for a list of files. There are none if it refuses.
fn listed(request: &Request<'_>) -> impl Iterator<Item = PathBuf> + use<> {
    let reply = keeper::installed().and_then(|keeper| keeper.ask(request, None).ok());
    let list = reply.map(|reply| reply.body).unwrap_or_default();
    let files = list.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    files.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect::<Vec<_>>().into_iter()
}

/// Yields the files of the namespaces that processes of this user namespace are in. Anybody can make user namespaces, and
/// have any devices in them.
fn of_processes() -> impl Iterator<Item = PathBuf> {
    let own = identity(Path::new("/proc/self/ns/user"));
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_number = |name: &OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    let folders = all.filter(move |entry| is_number(&entry.file_name())).map(|entry| entry.path().join("ns"));
    let ours = folders.filter(move |folder| own.is_some() && identity(&folder.join("user")) == own);
    ours.map(|folder| folder.join("net"))
}

/// Leaves out the files of the namespace `here`, and those of namespaces that another file before was of.
pub(in crate::host) fn distinct(
    here: Option<(u64, u64)>,
    files: impl Iterator<Item = PathBuf>,
) -> impl Iterator<Item = PathBuf> {
    let mut seen: HashSet<_> = here.into_iter().collect();
    files.filter(move |file| identity(file).is_some_and(|identity| seen.insert(identity)))
}

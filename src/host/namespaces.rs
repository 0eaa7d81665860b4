//! The network namespaces of this machine that can be entered. Docker moves its VXLAN devices into sandboxes, each a
//! namespace of its own.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::namespace::{FOLDERS, Namespace, identity, names};
use super::survey::{self, Survey};
use crate::keeper::{self, Keeper, Request};

/// The folders with the files of Docker's sandboxes, each a network namespace.
const DOCKER_FOLDERS: [&str; 2] = ["/run/docker/netns", "/var/run/docker/netns"];

/// The file of this thread's network namespace.
const OWN: &str = "/proc/thread-self/ns/net";

/// The greatest number of namespace files that are looked at.
const MOST: usize = 256;

/// A network namespace with its survey.
#[derive(Debug)]
pub struct Surveyed {
    /// The path of the namespace's file. `None` for the namespace of this thread.
    pub path: Option<String>,
    /// The survey.
    pub survey: Survey,
}

impl Surveyed {
    /// Surveys the namespace behind a file. Returns `None` if it cannot be entered.
    pub fn take(path: &str) -> Option<Self> {
        let namespace = Namespace::find(path).ok()?;
        let survey = Survey::take(Some(&namespace)).ok()?;
        Some(Self { path: Some(path.to_owned()), survey })
    }

    /// Returns true if this is the namespace behind the file, whatever names it has. A namespace has one inode, and
    /// may have a file in several folders.
    pub fn is_behind(&self, file: &str) -> bool {
        let own = identity(Path::new(self.path.as_deref().unwrap_or(OWN)));
        own.is_some() && own == identity(Path::new(file))
    }
}

/// The namespaces of this machine: that of the underlay, which is surveyed at once, and all others, which are surveyed
/// when they are asked for.
#[derive(Debug)]
pub struct Namespaces {
    /// The namespace of the underlay.
    pub base: Surveyed,
    others: OnceCell<Vec<Surveyed>>,
}

impl Namespaces {
    /// Surveys the namespace of the underlay.
    ///
    /// # Errors
    /// The namespace cannot be entered, or the kernel does not list its links.
    pub fn survey(underlay: Option<&Namespace>) -> Result<Self, survey::Error> {
        let survey = Survey::take(underlay)?;
        let base =
            Surveyed { path: underlay.map(|namespace| namespace.path().display().to_string()), survey };
        Ok(Self { base, others: OnceCell::new() })
    }

    /// Returns all namespaces, that of the underlay first. The others are surveyed when the iterator comes to them.
    pub fn all(&self) -> impl Iterator<Item = &Surveyed> {
        std::iter::once(&self.base).chain(self.others())
    }

    /// Makes a value with one namespace and no others.
    pub fn of(base: Surveyed) -> Self {
        Self { base, others: OnceCell::from(Vec::new()) }
    }

    fn others(&self) -> impl Iterator<Item = &Surveyed> {
        // The closure delays the survey of the others until the caller comes this far.
        std::iter::once(()).flat_map(|()| self.others.get_or_init(|| self.look_around()))
    }

    fn look_around(&self) -> Vec<Surveyed> {
        let here = identity(Path::new(self.base.path.as_deref().unwrap_or(OWN)));
        let files = distinct(here, named().into_iter().take(MOST));
        files.filter_map(|path| Surveyed::take(&path.display().to_string())).collect()
    }
}

/// Yields the files of other namespaces than this one, or than that of this thread: first those that have a name, then
/// that of this thread, then those of processes. Each namespace comes once.
pub(super) fn beside(namespace: Option<&Namespace>) -> impl Iterator<Item = PathBuf> {
    let here = identity(namespace.map_or(Path::new(OWN), Namespace::path));
    let all: Box<dyn Iterator<Item = PathBuf>> = match keeper::installed() {
        Some(keeper) => Box::new(listed(keeper, &Request::Namespaces).into_iter()),
        None => Box::new(all()),
    };
    distinct(here, all)
}

/// Yields the files of all namespaces: first those that have a name, then that of this thread, then those of processes.
/// Each namespace comes once.
pub(crate) fn all() -> impl Iterator<Item = PathBuf> {
    distinct(None, named().into_iter().chain([PathBuf::from(OWN)]).chain(of_processes()))
}

/// Asks the keeper for a list of files. There are none if it refuses.
fn listed(keeper: &Keeper, request: &Request<'_>) -> Vec<PathBuf> {
    let body = keeper.ask(request, None).map(|reply| reply.body).unwrap_or_default();
    let files = body.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    files.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect()
}

/// Returns true if this user may not see which namespaces have a name.
pub(super) fn are_hidden() -> bool {
    let is_hidden = |folder: &&str| {
        std::fs::read_dir(folder).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    };
    folders().any(|folder| is_hidden(&folder))
}

fn folders() -> impl Iterator<Item = &'static str> {
    FOLDERS.into_iter().chain(DOCKER_FOLDERS)
}

/// Returns the files in the folders of namespaces.
pub(crate) fn named() -> Vec<PathBuf> {
    if let Some(keeper) = keeper::installed() {
        return listed(keeper, &Request::Named);
    }
    let files = folders().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    files.flatten().map(|file| file.path()).collect()
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
fn distinct(here: Option<(u64, u64)>, files: impl Iterator<Item = PathBuf>) -> impl Iterator<Item = PathBuf> {
    let mut seen: HashSet<_> = here.into_iter().collect();
    files.filter(move |file| identity(file).is_some_and(|identity| seen.insert(identity)))
}

/// Returns the names that `ip netns` knows, sorted, without those of this process's own namespace.
pub fn names_of_others() -> Vec<String> {
    let own = identity(Path::new("/proc/self/ns/net"));
    let is_own =
        |name: &String| Namespace::by_name(name).is_ok_and(|namespace| identity(namespace.path()) == own);
    names().into_iter().filter(|name| !is_own(name)).collect()
}

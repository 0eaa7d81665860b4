//! The network namespaces of this machine that can be entered. Docker moves its VXLAN devices into sandboxes, each a
//! namespace of its own.

mod closed;

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use super::namespace::files::{self, OWN, distinct, identity, named};
use super::namespace::{Namespace, names};
use super::survey::{self, Survey};
pub use closed::Closed;

/// The greatest number of namespaces beside that of the underlay that are looked into.
const MOST: usize = 1024;

/// A network namespace with its survey.
#[derive(Debug, Default)]
pub struct Surveyed {
    /// The path of the namespace's file. `None` for the namespace of this thread.
    pub path: Option<String>,
    /// The survey.
    pub survey: Survey,
}

impl Surveyed {
    /// Surveys the namespace behind a file.
    pub fn take(path: &str) -> Result<Self, Closed> {
        let survey = || Survey::take(Some(&Namespace::find(path)?));
        let survey = survey().map_err(|cause| Closed::new(path, cause))?;
        Ok(Self { path: Some(path.to_owned()), survey })
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
    others: OnceCell<Others>,
}

/// The namespaces beside that of the underlay: those that were surveyed, those that could not be, and the number of those that
/// were too many to be looked into.
#[derive(Debug, Default)]
struct Others {
    surveyed: Vec<Surveyed>,
    closed: Vec<Closed>,
    too_many: usize,
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
        Self::with(base, Vec::new())
    }

    /// Makes a value with these namespaces.
    pub fn with(base: Surveyed, others: Vec<Surveyed>) -> Self {
        Self { base, others: OnceCell::from(Others { surveyed: others, ..Others::default() }) }
    }

    fn others(&self) -> impl Iterator<Item = &Surveyed> {
        // The closure delays the survey of the others until the caller comes this far.
        std::iter::once(()).flat_map(|()| &self.looked_around().surveyed)
    }

    /// Returns the namespaces that were not looked into and what would help, in one escaped sentence. `None` if all were.
    pub fn unread(&self) -> Option<String> {
        let Others { closed, too_many, .. } = self.looked_around();
        closed::all(closed, *too_many)
    }

    fn looked_around(&self) -> &Others {
        self.others.get_or_init(|| self.look_around())
    }

    fn look_around(&self) -> Others {
        let here = identity(Path::new(self.base.path.as_deref().unwrap_or(OWN)));
        Others::behind(distinct(here, named()), MOST)
    }
}

impl Others {
    /// Surveys the namespaces behind these files, `most` of them. Files of none do not count, as far as they were looked at.
    fn behind(mut files: impl Iterator<Item = PathBuf>, most: usize) -> Self {
        let mut others = Self::default();
        while others.surveyed.len() + others.closed.len() < most {
            let Some(path) = files.next() else { break };
            match Surveyed::take(&path.display().to_string()) {
                Ok(surveyed) => others.surveyed.push(surveyed),
                Err(closed) if closed.is_none() => {}
                Err(closed) => others.closed.push(closed),
            }
        }
        Self { too_many: files.count(), ..others }
    }
}

/// Yields the files of other namespaces than this one, or than that of this thread: first those that have a name, then
/// that of this thread, then those of processes. Each namespace comes once.
pub(super) fn beside(namespace: Option<&Namespace>) -> impl Iterator<Item = PathBuf> {
    let here = identity(namespace.map_or(Path::new(OWN), Namespace::path));
    distinct(here, files::every())
}

/// Returns the names that `ip netns` knows, sorted, without those of this process's own namespace.
pub fn names_of_others() -> Vec<String> {
    let own = identity(Path::new("/proc/self/ns/net"));
    let is_own =
        |name: &String| Namespace::by_name(name).is_ok_and(|namespace| identity(namespace.path()) == own);
    names().into_iter().filter(|name| !is_own(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_that_are_too_many_to_look_into_are_counted() {
        let own = |count| std::iter::repeat_n(PathBuf::from("/proc/self/ns/net"), count);
        let no_namespace = [PathBuf::from("/proc/self/cmdline")];
        let others = Others::behind(no_namespace.into_iter().chain(own(5)), 3);
        assert_eq!((others.surveyed.len(), others.closed.len(), others.too_many), (3, 0, 2));
        let few = Others::behind(own(3), 3);
        let place = Namespaces { base: Surveyed::default(), others: OnceCell::from(few) };
        assert_eq!(place.unread(), None);
        let many = Namespaces { base: Surveyed::default(), others: OnceCell::from(others) };
        assert!(many.unread().unwrap().starts_with("2 network namespaces "));
    }
}

//! The folder of a replay, held open: every file in it was opened at once, while whoever started the program could. What is
//! read of them is read by a process that may have left that right.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::libc::{O_NOFOLLOW, O_NONBLOCK};

use super::{ReplayError, follows};
use crate::audit::{folder, sums};
use crate::capture::savefile::{self, Savefile};

/// The most files and folders of a folder of evidence. A network has seven files at most.
const MOST_ENTRIES: usize = 100_000;

/// A folder of evidence, of which nothing was read yet.
#[derive(Debug)]
pub struct HeldFolder {
    path: PathBuf,
    /// All that is in it, by the names that the sums have for it, and what is in the folders of it.
    entries: BTreeMap<String, Entry>,
}

/// Something in the folder.
#[derive(Debug)]
pub(super) enum Entry {
    File(File),
    Unopened(io::Error),
    Folder,
    /// A link, a pipe, or something with a name that no list has.
    Other,
}

impl HeldFolder {
    /// Opens all files of a folder. A link is not followed, and nothing but a file is opened.
    ///
    /// # Errors
    /// The folder cannot be read, or is none of evidence.
    pub fn open(path: &Path) -> Result<Self, ReplayError> {
        let mut held = Self { path: path.to_owned(), entries: BTreeMap::new() };
        // Another folder may have any number of files, which are better left alone.
        opened(&path.join(sums::NAME)).map_err(|error| follows::without_sums(path, error))?;
        held.list(path, "").map_err(|source| ReplayError::Unread { file: folder::shown(path), source })?;
        Ok(held)
    }

    /// Lists a folder, and opens its files.
    fn list(&mut self, folder: &Path, before: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let file_name = entry.file_name();
            let name = format!("{before}{}", file_name.to_string_lossy());
            let kind = entry.file_type()?;
            if self.entries.len() >= MOST_ENTRIES {
                return Err(io::Error::other("there are too many files in it"));
            }
            // Two names may look like one if they are no text.
            let found = if file_name.to_str().is_none() || self.entries.contains_key(&name) {
                Entry::Other
            } else if kind.is_dir() {
                Entry::Folder
            } else if kind.is_file() {
                opened(&entry.path()).unwrap_or_else(Entry::Unopened)
            } else {
                Entry::Other
            };
            self.entries.insert(name.clone(), found);
            if kind.is_dir() && before.is_empty() {
                self.list(&entry.path(), &format!("{name}/"))?;
            }
        }
        Ok(())
    }

    /// Returns the path of the folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Yields all that is in the folder.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    /// Reads a file of at most this many bytes.
    pub(super) fn bytes(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        let mut file = self.file(name)?;
        if file.metadata()?.len() > most {
            return Err(io::Error::new(ErrorKind::InvalidData, "it is too long"));
        }
        file.rewind()?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Opens a file as a capture.
    pub(super) fn capture(&self, name: &str) -> Result<Savefile, savefile::Error> {
        let path = self.path.join(name);
        let file = self.file(name).and_then(|mut file| file.rewind().and_then(|()| file.try_clone()));
        Savefile::held(file, &path)
    }

    fn file(&self, name: &str) -> io::Result<&File> {
        match self.entries.get(name) {
            Some(Entry::File(file)) => Ok(file),
            Some(Entry::Unopened(error)) => {
                Err(error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error))
            }
            Some(_) => Err(io::Error::new(ErrorKind::InvalidData, "this is no file")),
            None => Err(ErrorKind::NotFound.into()),
        }
    }
}

/// Opens a file. Somebody may have put something else in its place by now.
fn opened(path: &Path) -> io::Result<Entry> {
    let file = OpenOptions::new().read(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path)?;
    Ok(if file.metadata()?.is_file() { Entry::File(file) } else { Entry::Other })
}

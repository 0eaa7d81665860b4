//! A folder that is there whole or not at all.
//!
//! It is made when the work begins, beside its place and under another name, so that a disk that cannot be written is
//! known before anything is watched. It gets its name when everything is in it and on the disk.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::sums::is_safe;
use crate::escape::{escape, reason};
use crate::keeper::{self, Request, pack};
use crate::whole_file::is_strangers;

/// A folder in the making.
#[derive(Debug)]
pub struct Folder {
    place: PathBuf,
    staging: PathBuf,
    /// True if the staging folder is there, and has to go if nothing comes of it.
    made: bool,
}

/// The error of a folder that cannot be written. The name of the folder in it is escaped.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is something in the folder already.
    #[error("--evidence {0}: the folder is not empty; name a new one")]
    NotEmpty(String),
    /// Another user has made the folder, or a link of its name, in a folder like `/tmp`.
    #[error("--evidence {0}: another user has made this; name a new one")]
    Strangers(String),
    /// The name is that of a file.
    #[error("--evidence {0}: this is no folder; name a new one")]
    NoFolder(String),
    /// The file system does not take it.
    #[error("--evidence {folder}: {}", reason(.source))]
    Unwritten {
        /// The folder.
        folder: String,
        /// The error of the system.
        source: io::Error,
    },
}

impl Folder {
    /// Begins a folder for this place, which must be free or an empty folder.
    ///
    /// # Errors
    /// [`FolderError`] if the place is taken, or nothing can be written beside it.
    pub fn open(place: &Path) -> Result<Self, FolderError> {
        if keeper::installed().is_some() {
            // It makes the folder and all that is in it in one go, later.
            return Ok(Self { place: place.to_owned(), staging: PathBuf::new(), made: false });
        }
        is_free(place)?;
        let name = place.file_name().ok_or_else(|| FolderError::NoFolder(shown(place)))?;
        // A folder cannot be given the name of a link, wherever that leads.
        if fs::symlink_metadata(place.with_file_name(name)).is_ok_and(|there| there.is_symlink()) {
            return Err(FolderError::NoFolder(shown(place)));
        }
        let staging = format!(".{}.partial-{}", name.to_string_lossy(), std::process::id());
        let mut folder =
            Self { place: place.to_owned(), staging: place.with_file_name(staging), made: false };
        folder.make().map_err(|source| FolderError::Unwritten { folder: shown(place), source })?;
        Ok(folder)
    }

    fn make(&mut self) -> io::Result<()> {
        // Nothing is taken over from somebody else: this fails if there is anything of this name.
        DirBuilder::new().mode(0o700).create(&self.staging)?;
        self.made = true;
        Ok(())
    }

    /// Writes these files, each by its name in the folder, and gives the folder its place.
    ///
    /// # Errors
    /// [`FolderError`] if it cannot be written. Nothing is then left of it.
    pub fn keep(mut self, files: &[(String, Vec<u8>)]) -> Result<(), FolderError> {
        let kept = match keeper::installed() {
            Some(keeper) => pack(files).and_then(|files| keeper.hand(&Request::Keep(&self.place), &files)),
            None => self.write(files).and_then(|()| fs::rename(&self.staging, &self.place)),
        };
        kept.map_err(|source| match source.kind() {
            ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists => {
                FolderError::NotEmpty(shown(&self.place))
            }
            ErrorKind::NotADirectory => FolderError::NoFolder(shown(&self.place)),
            _ => FolderError::Unwritten { folder: shown(&self.place), source },
        })?;
        self.made = false;
        if keeper::installed().is_some() {
            return Ok(());
        }
        // The new name is on the disk once the folder around it is. It is in place already, so this can only warn.
        let _ = sync(self.place.parent());
        Ok(())
    }

    fn write(&self, files: &[(String, Vec<u8>)]) -> io::Result<()> {
        for (name, bytes) in files {
            if !is_safe(name) {
                return Err(io::Error::new(ErrorKind::InvalidInput, "a file in it has an unsafe name"));
            }
            let path = self.staging.join(name);
            if let Some(parent) = path.parent().filter(|parent| *parent != self.staging) {
                match DirBuilder::new().mode(0o700).create(parent) {
                    Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                    _ => {}
                }
            }
            let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
            file.write_all(bytes)?;
            file.sync_all()?;
        }
        sync(Some(&self.staging))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.made {
            let _ = fs::remove_dir_all(&self.staging);
        }
    }
}

/// Returns an error if something is in this place, other than an empty folder.
pub(super) fn is_free(place: &Path) -> Result<(), FolderError> {
    match fs::read_dir(place) {
        Ok(mut entries) => match entries.next() {
            // Whoever owns a folder can put anything in the place of what is written into it.
            None if fs::symlink_metadata(place).is_ok_and(|there| is_strangers(place, &there)) => {
                Err(FolderError::Strangers(shown(place)))
            }
            None => Ok(()),
            Some(_) => Err(FolderError::NotEmpty(shown(place))),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => Err(FolderError::NoFolder(shown(place))),
        Err(source) => Err(FolderError::Unwritten { folder: shown(place), source }),
    }
}

pub(super) fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}

fn sync(folder: Option<&Path>) -> io::Result<()> {
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(name: &str) -> (String, Vec<u8>) {
        (name.to_owned(), name.as_bytes().to_vec())
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_folder_is_there_whole_and_for_its_owner_alone() {
        let around = tempfile::tempdir().unwrap();
        let place = around.path().join("evidence");
        let folder = Folder::open(&place).unwrap();
        assert!(!place.exists());
        folder.keep(&[file("a.txt"), file("n/b.txt"), file("n/c.txt")]).unwrap();
        assert_eq!(fs::read(place.join("n/c.txt")).unwrap(), b"n/c.txt");
        assert_eq!((mode(&place), mode(&place.join("n")), mode(&place.join("a.txt"))), (0o700, 0o700, 0o600));
        assert_eq!(fs::read_dir(around.path()).unwrap().count(), 1);
        assert!(matches!(Folder::open(&place), Err(FolderError::NotEmpty(_))));
        assert!(matches!(Folder::open(&place.join("a.txt")), Err(FolderError::NoFolder(_))));
    }

    #[test]
    fn a_link_is_no_place_for_a_folder_even_if_it_leads_nowhere() {
        let around = tempfile::tempdir().unwrap();
        let (link, folder) = (around.path().join("link"), around.path().join("folder"));
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        for _ in 0..2 {
            assert!(matches!(Folder::open(&link), Err(FolderError::NoFolder(_))));
            assert!(matches!(Folder::open(&link.join("")), Err(FolderError::NoFolder(_))));
            fs::create_dir_all(&folder).unwrap();
        }
    }

    #[test]
    fn nothing_is_left_of_a_folder_that_failed_or_was_given_up() {
        let around = tempfile::tempdir().unwrap();
        let place = around.path().join("evidence");
        drop(Folder::open(&place).unwrap());
        let failed = Folder::open(&place).unwrap().keep(&[file("a.txt"), file("../b.txt")]);
        assert!(failed.is_err());
        // Somebody else was faster.
        let folder = Folder::open(&place).unwrap();
        fs::create_dir_all(place.join("other")).unwrap();
        assert!(matches!(folder.keep(&[file("a.txt")]), Err(FolderError::NotEmpty(_))));
        let left: Vec<_> = fs::read_dir(around.path()).unwrap().collect();
        assert_eq!(left.len(), 1);
        let nowhere = Folder::open(&around.path().join("missing/evidence"));
        assert!(matches!(nowhere, Err(FolderError::Unwritten { .. })));
    }
}

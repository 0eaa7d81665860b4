//! Files of reports: written whole, or not at all.
//!
//! Another program may read the file at any moment, as node_exporter does. So its bytes are written to a temporary file in
//! the same folder, put on the disk, and given the name in one step: a reader sees the old file or the new one. A full disk,
//! a signal or a loss of power leaves the old one.
//!
//! Some names cannot be replaced so. A pipe or a device is written to as it is. So is whatever lies below `/dev`
//! and `/proc`: `/dev/stdout` and the `/dev/fd/63` of a shell lead to open files, which a new file would not reach. A
//! symbolic link elsewhere is itself replaced, and what it leads to stays as it is: in a folder like `/tmp` anybody may have
//! put it there, and root must not write to where it leads.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown,
};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::escape::reason;
use crate::keeper::{self, Request};

/// The reasons why a file was not written. It is then as it was before, unless it is a pipe or a device.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The path names a folder.
    #[error("write {}: it is a folder; give the name of a file in it", .0.display())]
    Folder(PathBuf),
    /// No file can be made in the folder.
    #[error("write {}: no file can be made in its folder: {}", .0.display(), reason(.1))]
    Making(PathBuf, io::Error),
    /// A pipe or the like was put into a folder like `/tmp` by another user.
    #[error("write {}: another user has put something there that is no file; give another name", .0.display())]
    Strangers(PathBuf),
    /// Nobody has opened the other end of a named pipe.
    #[error("write {}: nobody reads this pipe; start its reader first", .0.display())]
    NoReader(PathBuf),
    /// The file system refused.
    #[error("write {}: {}", .0.display(), reason(.1))]
    Writing(PathBuf, io::Error),
}

/// The ways in which bytes get to a path.
enum Way {
    /// The path is given to a new file. An earlier file there has this metadata.
    Replaced(Option<Metadata>),
    /// The bytes are written to what is there.
    Through,
}

/// Writes these bytes to the file, which is replaced whole. A new file has the mode that the umask leaves of 0666, and one
/// that replaces another has the mode and the owner of that, each if the kernel allows it. A file that another user has put into
/// a folder like `/tmp` is replaced as if it were not there.
///
/// # Errors
/// See [`Error`].
pub fn put(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let writing = |error| Error::Writing(path.to_owned(), error);
    if let Some(keeper) = keeper::installed() {
        return keeper.hand(&Request::Deliver(path), bytes).map_err(|error| match error.raw_os_error() {
            Some(nix::libc::ENXIO) => Error::NoReader(path.to_owned()),
            _ => writing(error),
        });
    }
    let earlier = match way(path)? {
        Way::Through => return through(path, bytes),
        Way::Replaced(earlier) => earlier,
    };
    let mut file = temporary(path)?;
    if let Some(earlier) = earlier.filter(Metadata::is_file) {
        let mode = Permissions::from_mode(earlier.permissions().mode() & 0o777);
        // The mode comes first: a file that is another user's already may take more than the right to give it away.
        let _ = file.as_file().set_permissions(mode);
        let _ = keep_owner(file.as_file(), &earlier);
    }
    // The temporary file is removed when it is dropped without a name.
    file.as_file_mut().write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(writing)?;
    file.persist(path).map_err(|unnamed| writing(unnamed.error))?;
    // The new name is on the disk once its folder is. A folder may be open for writing and closed for reading.
    match File::open(folder(path)) {
        Ok(folder) => folder.sync_all().map_err(writing),
        Err(_) => Ok(()),
    }
}

/// Finds out if [`put`] would work, as far as that can be known without doing it: before a watch of hours, and not after it.
///
/// # Errors
/// See [`Error`].
pub fn check(path: &Path) -> Result<(), Error> {
    match way(path)? {
        Way::Through => Ok(()),
        Way::Replaced(_) => temporary(path).map(drop),
    }
}

fn way(path: &Path) -> Result<Way, Error> {
    if leads_to_open_files(path) {
        return if path.is_dir() { Err(Error::Folder(path.to_owned())) } else { Ok(Way::Through) };
    }
    if path.file_name().is_none() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(Error::Folder(path.to_owned()));
    }
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => Err(Error::Folder(path.to_owned())),
        Ok(there) if there.is_file() || there.is_symlink() => {
            // A stranger who has put a file there beforehand does not get the report by it.
            Ok(Way::Replaced(Some(there).filter(|there| !is_strangers(path, there))))
        }
        Ok(there) if is_strangers(path, &there) => Err(Error::Strangers(path.to_owned())),
        Ok(_) => Ok(Way::Through),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Way::Replaced(None)),
        Err(error) => Err(Error::Writing(path.to_owned(), error)),
    }
}

/// Returns true for what another user has put into a folder that is open to many and where nobody can remove what others have
/// put, as `/tmp` is. What belongs to the folder's owner is nobody's trap. Linux has the same rule for files that are opened to be
/// written (`fs.protected_regular` and `fs.protected_fifos` in `proc(5)`), if it is switched on.
pub(crate) fn is_strangers(path: &Path, there: &Metadata) -> bool {
    let owner = |folder: Metadata| {
        (folder.mode() & 0o1000 != 0 && folder.mode() & 0o022 != 0).then_some(folder.uid())
    };
    let owner = fs::metadata(folder(path)).ok().and_then(owner);
    owner.is_some_and(|owner| there.uid() != owner && there.uid() != nix::unistd::geteuid().as_raw())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the temporary file. Its name begins with a dot and has no ending, so that a program that reads all files of an
/// ending passes it by.
fn temporary(path: &Path) -> Result<NamedTempFile, Error> {
    // The umask takes bits away from the mode. `tempfile_in` would do the same, and hide the number of the system's error, which a
    // keeper sends on.
    let make =
        |place: &Path| OpenOptions::new().read(true).write(true).create_new(true).mode(0o666).open(place);
    let file = tempfile::Builder::new().prefix(".ovlsniff-").make_in(folder(path), make);
    file.map_err(|error| Error::Making(path.to_owned(), error))
}

fn keep_owner(file: &File, earlier: &Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) == (earlier.uid(), earlier.gid()) {
        return Ok(());
    }
    fchown(file, Some(earlier.uid()), Some(earlier.gid()))
}

/// Writes to a pipe or a device. The file of an open descriptor is appended to.
fn through(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let writing = |error| Error::Writing(path.to_owned(), error);
    // A pipe that nobody reads is told at once then, and not waited for.
    let flags = nix::libc::O_NOCTTY | nix::libc::O_NONBLOCK;
    let is_trusted = leads_to_open_files(path);
    let flags = if is_trusted { flags } else { flags | nix::libc::O_NOFOLLOW };
    let is_pipe = || fs::metadata(path).is_ok_and(|there| there.file_type().is_fifo());
    let opened = OpenOptions::new().append(true).custom_flags(flags).open(path);
    let mut file = opened.map_err(|error| match error.raw_os_error() {
        Some(nix::libc::ENXIO) if is_pipe() => Error::NoReader(path.to_owned()),
        _ => writing(error),
    })?;
    // The owner of a folder may put a link, or a file of others, in a pipe's place at any moment. So only what has been
    // opened says what it is.
    let there = file.metadata().map_err(writing)?;
    let kind = there.file_type();
    let is_fit = (kind.is_fifo() || kind.is_char_device()) && !is_strangers(path, &there);
    if !is_trusted && !is_fit {
        return Err(writing(nix::errno::Errno::EPERM.into()));
    }
    // A reader that is slow is waited for.
    let blocking = nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_APPEND);
    nix::fcntl::fcntl(&file, blocking).map_err(|error| writing(error.into()))?;
    file.write_all(bytes).map_err(writing)
}

/// Returns true for the places of which links lead to what is open, and which only root fills. In `/dev/shm` anybody may.
fn leads_to_open_files(path: &Path) -> bool {
    ["/dev", "/proc"].iter().any(|place| path.starts_with(place)) && !path.starts_with("/dev/shm")
}

#[cfg(test)]
mod tests;

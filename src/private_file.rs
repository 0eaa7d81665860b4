//! Files that only their owner may read, written completely or not at all.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Replaces the file at `path` by one with these bytes. They are written to `temporary` first, which must not exist
/// yet and must be in the same folder. The file has mode 0600 from its first byte on, and is on the disk when this
/// returns.
///
/// # Errors
/// The error of the file system. The file at `path` is then unchanged, and `temporary` is removed if it was created
/// here. The exception is an error of the last step, which puts the folder on the disk: the file has been replaced by
/// then.
pub fn replace(path: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
    // No symbolic link is followed: the temporary file is created here, or this fails.
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(temporary)?;
    let mut write = || {
        // The umask may have removed bits from the mode, but never added any. The owner must be able to read the
        // file.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(temporary, path)
    };
    if let Err(error) = write() {
        let _ = fs::remove_file(temporary);
        return Err(error);
    }
    // The new name is on the disk once its folder is.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_belongs_to_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let [path, temporary, other] = ["keys", "keys.new", "other"].map(|name| folder.path().join(name));
        fs::write(&path, "before").unwrap();
        replace(&path, &temporary, b"after").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"after");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!temporary.exists());
        // A symbolic link that somebody else made is neither followed nor removed.
        std::os::unix::fs::symlink(&other, &temporary).unwrap();
        assert_eq!(replace(&path, &temporary, b"more").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(!other.exists() && temporary.is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"after");
        // A file that cannot be put in place leaves nothing behind.
        let folder_there = folder.path().join("folder");
        fs::create_dir_all(folder_there.join("full")).unwrap();
        fs::remove_file(&temporary).unwrap();
        assert!(replace(&folder_there, &temporary, b"more").is_err());
        assert!(!temporary.exists());
    }
}

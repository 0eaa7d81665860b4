//! Files that their owner alone may read, written whole or not at all.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Puts a file with these bytes in the place of `path`, by way of `temporary`, which must not be there yet and lies in the
/// same folder. The file has mode 0600 from its first byte on, and is on the disk when this returns.
///
/// # Errors
/// What the file system says. What was at `path` is still there then, and `temporary` is gone if this made it.
pub fn replace(path: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
    // Nobody's symbolic link is followed: the temporary file is made here or not at all.
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(temporary)?;
    let mut write = || {
        // The umask may have taken bits away, never added some; the owner is to be able to read it.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(temporary, path)
    };
    if let Err(error) = write() {
        let _ = fs::remove_file(temporary);
        return Err(error);
    }
    // The new name is on the disk when its folder is.
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
        // A link that somebody laid is not followed, and is not ours to remove.
        std::os::unix::fs::symlink(&other, &temporary).unwrap();
        assert_eq!(replace(&path, &temporary, b"more").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(!other.exists() && temporary.is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"after");
        // What cannot be put in place leaves nothing behind.
        let folder_there = folder.path().join("folder");
        fs::create_dir_all(folder_there.join("full")).unwrap();
        fs::remove_file(&temporary).unwrap();
        assert!(replace(&folder_there, &temporary, b"more").is_err());
        assert!(!temporary.exists());
    }
}

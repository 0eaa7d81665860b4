//! The folders of a repeated verification: one for each verdict that is worth one, named by its time.
//!
//! Their number is bounded. The oldest ones whose frames nobody could read go first. Those with frames in clear stay.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::folder::{is_free, shown};
use super::{Folder, FolderError, clock};
use crate::keeper::{self, Request};
use crate::packet::Timestamp;

/// The most folders of a series.
const MOST: usize = 200;
/// The most folders without frames in clear.
const MOST_HEALTHY: usize = 20;

/// A folder of folders.
#[derive(Debug)]
pub struct Series {
    place: PathBuf,
    /// The names of those without frames in clear, the oldest first.
    healthy: Vec<String>,
    /// The number of the others.
    readable: usize,
}

impl Series {
    /// Begins a series in this place, which must be free or an empty folder.
    ///
    /// # Errors
    /// [`FolderError`] if the place is taken, or cannot be written.
    pub fn open(place: &Path) -> Result<Self, FolderError> {
        is_free(place)?;
        match DirBuilder::new().mode(0o700).create(place) {
            Err(source) if source.kind() != ErrorKind::AlreadyExists => {
                return Err(FolderError::Unwritten { folder: shown(place), source });
            }
            _ => {}
        }
        let series = Self { place: place.to_owned(), healthy: Vec::new(), readable: 0 };
        // A folder that cannot be made is known now, and not at the first verdict.
        drop(Folder::open(&series.place.join("probe"))?);
        Ok(series)
    }

    /// Keeps these files in a folder that is named by this time. `readable` is true if they have frames in clear. Returns
    /// false if there are too many such folders already.
    ///
    /// # Errors
    /// [`FolderError`] if it cannot be written.
    pub fn keep(
        &mut self,
        time: Timestamp,
        readable: bool,
        files: &[(String, Vec<u8>)],
    ) -> Result<bool, FolderError> {
        if readable && self.readable >= MOST {
            return Ok(false);
        }
        let name = clock::name(time);
        Folder::open(&self.place.join(&name))?.keep(files)?;
        if readable {
            self.readable += 1;
        } else {
            self.healthy.push(name);
        }
        if self.healthy.len() > MOST_HEALTHY {
            let oldest = self.healthy.remove(0);
            // One that cannot be removed is no reason to stop watching.
            let oldest = self.place.join(oldest);
            let _ = match keeper::installed() {
                Some(keeper) => keeper.ask(&Request::Forget(&oldest), None).map(drop),
                None => fs::remove_dir_all(oldest),
            };
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_healthy_folders_go_and_those_with_leaks_stay() {
        let around = tempfile::tempdir().unwrap();
        let place = around.path().join("series");
        let mut series = Series::open(&place).unwrap();
        let files = [("a.txt".to_owned(), b"a".to_vec())];
        for second in 0..60 {
            let time = Timestamp::new(1_764_270_000 + second, 0, 9);
            assert!(series.keep(time, second == 0, &files).unwrap());
        }
        let mut names: Vec<_> = fs::read_dir(&place)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names.len(), 1 + MOST_HEALTHY);
        assert_eq!((&*names[0], &*names[1]), ("20251127T190000.000Z", "20251127T190040.000Z"));
        assert!(matches!(Series::open(&place), Err(FolderError::NotEmpty(_))));
    }
}

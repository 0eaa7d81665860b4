//! The files that a keeper writes: the report of `-o`, and folders of evidence.
//!
//! They are written into folders of root's, which the process that makes them may not. Their places are named on the
//! keeper's command line, before anything is decoded; what comes later is bytes.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use nix::errno::Errno;

use super::refused;
use crate::audit::Folder;
use crate::keeper::{Request, held, unpack};
use crate::whole_file;

/// The most bytes of a report: as many as `--replay` reads of a file.
const MOST_REPORT: u64 = 128 << 20;
/// The most bytes of a folder of evidence. A network has at most 64 MiB of facts and 16 MiB of frames, and far less unless
/// somebody makes it so; a host may have many.
const MOST_EVIDENCE: u64 = 512 << 20;

/// The places that a keeper may write to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outputs<'p> {
    /// The file of `-o`.
    pub file: Option<&'p Path>,
    /// The folder of `--evidence`.
    pub folder: Option<&'p Path>,
}

impl<'p> Outputs<'p> {
    /// Returns the words that stand for them on the keeper's command line. An empty word stands for no place.
    pub(super) fn words(&self) -> [OsString; 2] {
        [self.file, self.folder].map(|place| place.map(OsString::from).unwrap_or_default())
    }

    /// Returns true if there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.file.is_none() && self.folder.is_none()
    }

    /// Reads the words.
    pub fn of(words: &'p [OsString]) -> Self {
        let place = |at: usize| words.get(at).filter(|word| !word.is_empty()).map(Path::new);
        Self { file: place(0), folder: place(1) }
    }

    /// Does what a request for one of these places asks for; `None` for another request.
    pub(super) fn take(&self, request: &Request<'_>, with: Option<&OwnedFd>) -> Option<io::Result<()>> {
        let bytes = |most| with.ok_or_else(refused)?.try_clone().and_then(|memory| held(memory, most));
        match request {
            Request::Deliver(path) => Some(self.deliver(path, bytes)),
            Request::Keep(path) => Some(self.keep(path, bytes)),
            Request::Forget(path) => Some(self.forget(path)),
            _ => None,
        }
    }

    fn deliver(&self, path: &Path, bytes: impl Fn(u64) -> io::Result<Vec<u8>>) -> io::Result<()> {
        if self.file != Some(path) {
            return Err(refused());
        }
        whole_file::put(path, &bytes(MOST_REPORT)?).map_err(|error| match error {
            whole_file::Error::Making(_, cause) | whole_file::Error::Writing(_, cause) => errno_of(&cause),
            whole_file::Error::NoReader(_) => Errno::ENXIO.into(),
            whole_file::Error::Strangers(_) => Errno::EPERM.into(),
            whole_file::Error::Folder(_) => Errno::EISDIR.into(),
        })
    }

    fn keep(&self, path: &Path, bytes: impl Fn(u64) -> io::Result<Vec<u8>>) -> io::Result<()> {
        if self.folder != Some(path) && !self.is_in_series(path) {
            return Err(refused());
        }
        let files = unpack(&bytes(MOST_EVIDENCE)?).ok_or(Errno::EINVAL)?;
        Folder::open(path).and_then(|folder| folder.keep(&files)).map_err(|error| errno_of(&error))
    }

    fn forget(&self, path: &Path) -> io::Result<()> {
        if self.is_in_series(path) { fs::remove_dir_all(path) } else { Err(refused()) }
    }

    /// Returns true for a folder right in that of the evidence, with a name as times have it.
    fn is_in_series(&self, path: &Path) -> bool {
        let is_time = |name: &OsStr| {
            let name = name.as_encoded_bytes();
            name.ends_with(b"Z") && name.iter().all(|byte| byte.is_ascii_digit() || b"TZ.-".contains(byte))
        };
        let Some(mut rest) =
            self.folder.and_then(|folder| path.strip_prefix(folder).ok()).map(Path::components)
        else {
            return false;
        };
        matches!((rest.next(), rest.next()), (Some(Component::Normal(name)), None) if is_time(name))
    }
}

/// Returns the system's error inside of one of ours.
fn errno_of(error: &(dyn std::error::Error + 'static)) -> io::Error {
    let mut inner = Some(error);
    while let Some(error) = inner {
        let errno = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
        if let Some(errno) = errno {
            return io::Error::from_raw_os_error(errno);
        }
        inner = error.source();
    }
    Errno::EEXIST.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keeper::{hold, pack};

    #[test]
    fn only_the_places_that_were_named_are_written() {
        let around = tempfile::tempdir().unwrap();
        let (file, folder) = (around.path().join("report"), around.path().join("evidence"));
        fs::create_dir(&folder).unwrap();
        let outputs = Outputs { file: Some(&file), folder: Some(&folder) };
        let ask = |request: Request<'_>, bytes: &[u8]| {
            let done = outputs.take(&request, Some(&hold(bytes).unwrap())).unwrap();
            done.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap()))
        };
        assert_eq!(ask(Request::Deliver(&file), b"verdict"), Ok(()));
        assert_eq!(fs::read(&file).unwrap(), b"verdict");
        let files = pack(&[("a.txt".to_owned(), b"a".to_vec())]).unwrap();
        let time = folder.join("20251127T190000.000Z");
        assert_eq!(ask(Request::Keep(&time), &files), Ok(()));
        assert_eq!(fs::read(time.join("a.txt")).unwrap(), b"a");
        assert_eq!(ask(Request::Forget(&time), b""), Ok(()));
        assert!(!time.exists());
        for wrong in [
            around.path().join("other"),
            folder.join("..").join("report"),
            folder.join("../20251127T190000.000Z"),
            folder.join("20251127T190000.000Z/2Z"),
            folder.join("name"),
            "/etc/passwd".into(),
        ] {
            assert_eq!(ask(Request::Deliver(&wrong), b"x"), Err(Errno::EPERM), "{wrong:?}");
            assert_eq!(ask(Request::Keep(&wrong), &files), Err(Errno::EPERM), "{wrong:?}");
            assert_eq!(ask(Request::Forget(&wrong), b""), Err(Errno::EPERM), "{wrong:?}");
        }
        assert_eq!(ask(Request::Forget(&folder), b""), Err(Errno::EPERM));
        let upwards = pack(&[("../x".to_owned(), Vec::new())]).unwrap();
        assert!(ask(Request::Keep(&time), &upwards).is_err() && !folder.join("x").exists());
        let full = Path::new("/dev/full");
        let no_room = Outputs { file: Some(full), folder: None }
            .take(&Request::Deliver(full), Some(&hold(b"verdict").unwrap()));
        assert_eq!(no_room.unwrap().unwrap_err().raw_os_error(), Some(Errno::ENOSPC as i32));
        assert!(Outputs::default().take(&Request::Deliver(&file), None).unwrap().is_err());
    }
}

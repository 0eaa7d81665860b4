//! The state that a node keeps across reboots. It tells which keys the node has used.
//!
//! The state is one file. It is written whole (temporary file, fsync, rename, fsync of the folder) before a counter
//! in it is first used. It holds no key and nothing that leads to one.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::keys::KeyId;
use crate::escape::reason;
use crate::packet::Vni;
use crate::private_file;

/// The folder of the state, unless another is given.
pub const FOLDER: &str = "/var/lib/ovlsniff";
const FILE: &str = "overlay.json";

/// An error in reading or keeping the state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A file or folder of the state could not be used.
    #[error("state {path}: {}; run as root, or give another folder with --state DIR", reason(cause))]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
    /// The file is not as this program wrote it.
    #[error(
        "state {path} is damaged ({cause}): which keys were used is lost; move it away, rotate the other nodes (ovlsniff overlay rotate), and give the generation they are in: ovlsniff overlay up … --generation N"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first error in it.
        cause: serde_json::Error,
    },
    /// Another process of this program has the lock.
    #[error("state {0} is in use by another ovlsniff overlay; try again when it is done")]
    Busy(PathBuf),
}

/// The time that a process waits for another to be done. A thousand networks take seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// The state folder, locked for this process. So one process at a time reads the kernel, plans, and changes it.
pub struct Store {
    folder: PathBuf,
    _lock: Flock<File>,
}

/// The progress of all networks of this node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The progress by the public name of the secret, then by VNI. With a new secret, a network begins anew.
    secrets: BTreeMap<String, BTreeMap<u32, Progress>>,
}

/// The progress of one network on this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The network's name, so that `down NAME` finds the network when its device is gone.
    pub name: String,
    /// The file with the secret, so that `rotate` finds it.
    pub key: PathBuf,
    /// The generation that this node sends with.
    pub generation: u32,
    /// The oldest generation that is still accepted: `generation`, or one less while a rotation is under way.
    pub oldest: u32,
    /// The Unix time of the last change of `generation`, in seconds.
    pub since: u64,
    /// The progress with each peer, by its underlay address.
    pub peers: BTreeMap<IpAddr, PeerProgress>,
}

/// The progress of one network between this node and one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerProgress {
    /// This node's start counter towards the peer, in the generation it sends with. 0 before the first.
    pub start: u32,
    /// The generation and the start counter that this node sent with before the last rotation.
    pub before: Option<(u32, u32)>,
    /// The highest start counter of the peer that was seen in use, by generation.
    pub seen: BTreeMap<u32, u32>,
}

impl Progress {
    /// Returns the progress of a network at its beginning.
    pub fn new(name: &str, key: &Path, generation: u32, now: u64) -> Self {
        let (name, key) = (name.to_owned(), key.to_owned());
        Self { name, key, generation, oldest: generation, since: now, peers: BTreeMap::new() }
    }

    pub(super) fn peer(&self, underlay: IpAddr) -> PeerProgress {
        self.peers.get(&underlay).cloned().unwrap_or_default()
    }
}

impl PeerProgress {
    pub(super) fn seen_in(&self, generation: u32) -> u32 {
        self.seen.get(&generation).copied().unwrap_or(0)
    }
}

impl State {
    /// Returns the progress of a network with a secret.
    pub fn progress(&self, key: KeyId, vni: Vni) -> Option<&Progress> {
        self.secrets.get(&key.to_string())?.get(&vni.value())
    }

    /// Notes the progress of a network with a secret.
    pub fn note(&mut self, key: KeyId, vni: Vni, progress: Progress) {
        self.secrets.entry(key.to_string()).or_default().insert(vni.value(), progress);
    }

    /// Returns the VNIs of the networks with a name, for when the device that would tell the VNI is gone.
    pub fn vnis_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Vni> + 'a {
        self.secrets
            .values()
            .flatten()
            .filter(move |(_, progress)| progress.name == name)
            .filter_map(|(vni, _)| Vni::new(*vni))
    }
}

impl Store {
    /// Opens the folder and locks it. A missing folder is made (mode 0700). If another process has the lock, this
    /// waits up to 30 seconds.
    pub fn open(folder: &Path) -> Result<Self, StateError> {
        Self::open_within(PATIENCE, folder)
    }

    fn open_within(patience: Duration, folder: &Path) -> Result<Self, StateError> {
        let failed = |cause| StateError::File { path: folder.to_owned(), cause };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(folder.join("overlay.lock"))
            .map_err(failed)?;
        let give_up = Instant::now() + patience;
        let mut file = lock;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(Self { folder: folder.to_owned(), _lock: lock }),
                Err((again, Errno::EWOULDBLOCK)) if Instant::now() < give_up => file = again,
                Err((_, Errno::EWOULDBLOCK)) => return Err(StateError::Busy(folder.to_owned())),
                Err((_, errno)) => return Err(failed(errno.into())),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Reads the state. It is empty on the first start.
    pub fn load(&self) -> Result<State, StateError> {
        Self::read(&self.folder)
    }

    /// Reads a folder's state without locking it, for callers that do not change it.
    pub fn read(folder: &Path) -> Result<State, StateError> {
        let path = folder.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|cause| StateError::Damaged { path, cause }),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(State::default()),
            Err(cause) => Err(StateError::File { path, cause }),
        }
    }

    /// Writes the state. It is on the disk when this returns.
    pub fn save(&self, state: &State) -> Result<(), StateError> {
        let (path, temporary) = (self.folder.join(FILE), self.folder.join("overlay.json.new"));
        // A crash may have left this file. Nobody else is writing it, because this process has the lock.
        let _ = fs::remove_file(&temporary);
        let write = || {
            private_file::replace(&path, &temporary, &serde_json::to_vec(state)?)?;
            // The folder itself may be new, and is on the disk once its parent is.
            File::open(self.folder.join(".."))?.sync_all()
        };
        write().map_err(|cause| StateError::File { path: path.clone(), cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_there_after_a_restart_and_only_one_writes_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let (vni, key) = (Vni::new(4098).unwrap(), KeyId::parse("00ff").unwrap());
        let store = Store::open(folder.path()).unwrap();
        let impatient = Store::open_within(Duration::ZERO, folder.path());
        assert!(matches!(impatient, Err(StateError::Busy(_))));
        let mut state = store.load().unwrap();
        assert_eq!(state, State::default());
        let mut progress = Progress::new("secure", Path::new("/etc/secure.key"), 1, 1_700_000_000);
        progress.peers.insert("192.0.2.2".parse().unwrap(), PeerProgress { start: 3, ..Default::default() });
        state.note(key, vni, progress);
        store.save(&state).unwrap();
        drop(store);
        let state = Store::open(folder.path()).unwrap().load().unwrap();
        assert_eq!(state.progress(key, vni).unwrap().peer("192.0.2.2".parse().unwrap()).start, 3);
        assert_eq!(state.vnis_named("secure").collect::<Vec<_>>(), [vni]);
    }

    #[test]
    fn a_damaged_state_is_an_error_and_never_a_fresh_start() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "{\"secrets\":").unwrap();
        assert!(matches!(Store::read(folder.path()), Err(StateError::Damaged { .. })));
    }
}

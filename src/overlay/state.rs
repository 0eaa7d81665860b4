//! What a node has to remember across reboots: which keys it has used.
//!
//! One file, written whole (temporary file, fsync, rename, fsync of the folder) before a counter in it is first used.
//! It holds no key and nothing that leads to one.

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

/// Where it lies unless told otherwise.
pub const FOLDER: &str = "/var/lib/ovlsniff";
const FILE: &str = "overlay.json";

/// Why the state cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The system's reason.
    #[error("state {path}: {}; run as root, or give another folder with --state DIR", reason(cause))]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        cause: io::Error,
    },
    /// Not what this program wrote.
    #[error(
        "state {path} is damaged ({cause}): which keys were used is lost; move it away, rotate the other nodes (ovlsniff overlay rotate), and give the generation they are in: ovlsniff overlay up … --generation N"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: serde_json::Error,
    },
    /// Another process of this program is at work.
    #[error("state {0} is in use by another ovlsniff overlay; try again when it is done")]
    Busy(PathBuf),
}

/// How long one waits for another to be done: a thousand networks take seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// The state folder, locked for this process: one at a time reads the kernel, plans, and changes it.
pub struct Store {
    folder: PathBuf,
    _lock: Flock<File>,
}

/// How far the networks of this node have come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// By the public name of the secret, then by VNI: a new secret starts from nothing.
    secrets: BTreeMap<String, BTreeMap<u32, Progress>>,
}

/// How far one network has come on this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Its name, so that it can be named when its link is gone.
    pub name: String,
    /// Where the secret lies, so that `rotate` finds it.
    pub key: PathBuf,
    /// What is sent with.
    pub generation: u32,
    /// The oldest that is still accepted: `generation`, or one less while a rotation is under way.
    pub oldest: u32,
    /// Unix time of the last change of `generation`.
    pub since: u64,
    /// By underlay address.
    pub peers: BTreeMap<IpAddr, PeerProgress>,
}

/// How far this node and one peer have come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerProgress {
    /// This node's start counter towards the peer, in the generation it sends with. 0 before the first.
    pub start: u32,
    /// Generation and start counter that were sent with before the last rotation.
    pub before: Option<(u32, u32)>,
    /// By generation: the highest start counter of the peer that was seen in use.
    pub seen: BTreeMap<u32, u32>,
}

impl Progress {
    /// A network at its beginning.
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
    /// How far a network has come with a secret.
    pub fn progress(&self, key: KeyId, vni: Vni) -> Option<&Progress> {
        self.secrets.get(&key.to_string())?.get(&vni.value())
    }

    /// Notes how far it has come.
    pub fn note(&mut self, key: KeyId, vni: Vni, progress: Progress) {
        self.secrets.entry(key.to_string()).or_default().insert(vni.value(), progress);
    }

    /// The networks known by name: used when a link that would tell is gone.
    pub fn vnis_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Vni> + 'a {
        self.secrets
            .values()
            .flatten()
            .filter(move |(_, progress)| progress.name == name)
            .filter_map(|(vni, _)| Vni::new(*vni))
    }
}

impl Store {
    /// Opens the folder, makes it if need be (0700), and locks it, waiting for whoever has it now.
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

    /// What was kept; nothing on the first start.
    pub fn load(&self) -> Result<State, StateError> {
        Self::read(&self.folder)
    }

    /// Reads a folder's state without locking it, for those who only look.
    pub fn read(folder: &Path) -> Result<State, StateError> {
        let path = folder.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|cause| StateError::Damaged { path, cause }),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(State::default()),
            Err(cause) => Err(StateError::File { path, cause }),
        }
    }

    /// Keeps it: when this returns, it is on the disk.
    pub fn save(&self, state: &State) -> Result<(), StateError> {
        let (path, temporary) = (self.folder.join(FILE), self.folder.join("overlay.json.new"));
        // One that a crash left. We have the lock, so that nobody else is at it.
        let _ = fs::remove_file(&temporary);
        let write = || {
            private_file::replace(&path, &temporary, &serde_json::to_vec(state)?)?;
            // The folder itself may be new.
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

//! The file `KEY.used` beside a key file. It records which network used the key from which address, and up to which
//! generation.
//!
//! The file is a second witness beside the state. If it knows of a use that the state does not know, the state was
//! lost, and start counters might repeat.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use super::keys::KeyId;
use crate::packet::Vni;
use crate::private_file;

/// One use of a key: the key, this node's underlay address, and the network.
pub(super) type Use = (KeyId, IpAddr, Vni);

/// The recorded uses of the keys in one key file, each with its highest generation.
pub(super) struct Witness {
    key: PathBuf,
    generations: BTreeMap<Use, u32>,
}

impl Witness {
    /// Reads the file beside a key file. A missing or unreadable file counts as empty, and a damaged line is
    /// skipped.
    pub(super) fn beside(key: &Path) -> Self {
        let text = fs::read_to_string(beside(key, ".used")).unwrap_or_default();
        let generations = text.lines().filter_map(parse).collect();
        Self { key: key.to_owned(), generations }
    }

    /// Returns the highest generation that is recorded for a use.
    pub(super) fn generation(&self, used: Use) -> Option<u32> {
        self.generations.get(&used).copied()
    }

    /// Records uses, each with its generation. They are on the disk when this returns. Fails if the key lies on a
    /// read-only file system. The key file is locked meanwhile, so nodes that share it wait for each other.
    pub(super) fn add(key: &Path, about: &[(Use, u32)]) -> io::Result<()> {
        let news = |known: &Self| about.iter().any(|(used, at)| known.generation(*used) < Some(*at));
        if !news(&Self::beside(key)) {
            return Ok(());
        }
        let _lock = Flock::lock(File::open(key)?, FlockArg::LockExclusive).map_err(|(_, errno)| errno)?;
        let mut known = Self::beside(key);
        for (used, at) in about {
            let highest = known.generations.entry(*used).or_default();
            *highest = (*highest).max(*at);
        }
        known.write()
    }

    fn write(&self) -> io::Result<()> {
        let mut text = String::new();
        for ((key, local, vni), at) in &self.generations {
            let _ = writeln!(text, "key {key} was used from {local} for vni {vni} up to generation {at}");
        }
        let temporary = beside(&self.key, ".used.new");
        // A crash may have left this file, or somebody put a symbolic link here in the hope that it is followed.
        let _ = fs::remove_file(&temporary);
        private_file::replace(&beside(&self.key, ".used"), &temporary, text.as_bytes())
    }
}

fn beside(key: &Path, ending: &str) -> PathBuf {
    let mut path = key.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

fn parse(line: &str) -> Option<(Use, u32)> {
    let rest = line.strip_prefix("key ")?;
    let (key, rest) = rest.split_once(" was used from ")?;
    let (local, rest) = rest.split_once(" for vni ")?;
    let (vni, at) = rest.split_once(" up to generation ")?;
    let used = (KeyId::parse(key)?, local.parse().ok()?, Vni::new(vni.parse().ok()?)?);
    Some((used, at.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_witness_remembers_what_the_state_lost_and_only_the_highest_generation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secure.key");
        fs::write(&path, "").unwrap();
        let key = KeyId::parse("00ff").unwrap();
        let from = |local: &str| (key, local.parse().unwrap(), Vni::new(4098).unwrap());
        Witness::add(&path, &[(from("192.0.2.1"), 1)]).unwrap();
        Witness::add(&path, &[(from("192.0.2.1"), 3), (from("2001:db8::1"), 1)]).unwrap();
        Witness::add(&path, &[(from("192.0.2.1"), 2)]).unwrap();
        let witness = Witness::beside(&path);
        assert_eq!(witness.generation(from("192.0.2.1")), Some(3));
        assert_eq!(witness.generation(from("2001:db8::1")), Some(1));
        assert_eq!(witness.generation(from("192.0.2.2")), None);
        let text = fs::read_to_string(folder.path().join("secure.key.used")).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
    }
}

//! The file beside the key that says from which address which network used it, and up to which generation.
//!
//! It is the second witness to what the state remembers: where it knows more, the state was lost, and start counters
//! might repeat.

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

/// Who used a key for what.
pub(super) type Use = (KeyId, IpAddr, Vni);

/// What is known beside one key.
pub(super) struct Witness {
    key: PathBuf,
    generations: BTreeMap<Use, u32>,
}

impl Witness {
    pub(super) fn beside(key: &Path) -> Self {
        let text = fs::read_to_string(beside(key, ".used")).unwrap_or_default();
        let generations = text.lines().filter_map(parse).collect();
        Self { key: key.to_owned(), generations }
    }

    /// The highest generation that was used.
    pub(super) fn generation(&self, used: Use) -> Option<u32> {
        self.generations.get(&used).copied()
    }

    /// Adds what is about to be used: when this returns, it is on the disk. Fails where the key lies on a read-only file
    /// system. Nodes that share one file wait for each other.
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
        // Left by a crash, or by somebody who hopes that it is followed.
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

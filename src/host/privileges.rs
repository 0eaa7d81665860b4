//! Leaving root once everything is open. The code that decodes hostile bytes then has no privilege that a bug in it
//! could abuse.

use std::io;

use caps::errors::CapsError;
use caps::{CapSet, Capability, CapsHashSet};
use nix::errno::Errno;
use nix::unistd::{Gid, Uid, User, setgroups, setresgid, setresuid};

use crate::escape::{escape, reason};

/// The result of [`leave`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Departure {
    /// Root was left for this user.
    Left(String),
    /// The process was not root. Its capabilities are gone.
    NotRoot,
    /// The process stays root, because its user namespace has no other user. Its capabilities are gone. This deserves a
    /// note, but is no error.
    Alone,
    /// The process stays root, because whoever started it has taken away the capabilities to become another user, as
    /// orchestrators of containers do. The other ones are gone now as well. This too deserves a note.
    Bound,
}

impl Departure {
    /// Returns the reason why the process stays root, to tell the user.
    pub fn note(&self) -> Option<&'static str> {
        match self {
            Self::Left(_) | Self::NotRoot => None,
            Self::Alone => Some("staying root: this user namespace has no other user"),
            Self::Bound => Some(
                "staying root, without capabilities: CAP_SETUID or CAP_SETGID is missing to become another user",
            ),
        }
    }
}

/// The reasons for which root could not be left.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such user.
    #[error("leave root for {0}: no such user; name one with -Z or keep root with --no-drop")]
    NoSuchUser(String),
    /// The kernel or the user database refused.
    #[error("leave root for {user}: {operation}: {}; {}", reason(.cause), remedy(.cause))]
    Refused {
        /// The user, escaped.
        user: String,
        /// The step that failed.
        operation: &'static str,
        /// The reason of the kernel or of the user database.
        cause: io::Error,
    },
    /// The keeper's capabilities could not be set.
    #[error("keep a part of the privileges: {}", reason(.0))]
    Keep(io::Error),
    /// The user is root, or the process could become root again.
    #[error("leave root for {0}: root can be taken again; keep root with --no-drop")]
    StillRoot(String),
}

/// Returns what to do about a refusal. Where descriptors run out, the program would not get far as root either.
fn remedy(cause: &io::Error) -> &'static str {
    match cause.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EMFILE | Errno::ENFILE) => "allow more (ulimit -n)",
        _ => "keep root with --no-drop",
    }
}

/// Becomes `user` for good, with the user's own group only. Without root, drops all capabilities that the program's
/// file gave.
///
/// Only one thread may be running, because capabilities belong to a thread.
pub fn leave(user: &str) -> Result<Departure, Error> {
    let shown = escape(user).into_owned();
    let refused = |operation, cause: io::Error| Error::Refused { user: shown.clone(), operation, cause };
    // A program that is started from here on gains no privilege by a setuid bit or by the capabilities of its file.
    nix::sys::prctl::set_no_new_privs().map_err(|cause| refused("no_new_privs", cause.into()))?;
    // Other processes of the same user may not look into this one, which may hold keys.
    nix::sys::prctl::set_dumpable(false).map_err(|cause| refused("dumpable", cause.into()))?;
    if !Uid::effective().is_root() {
        drop_capabilities().map_err(|cause| refused("capabilities", cause))?;
        return Ok(Departure::NotRoot);
    }
    let target = find(user)?;
    // A program that is started later then has no capability, whoever's file it is. A process without the capability to
    // empty this set keeps it; what it starts gains nothing by it all the same.
    let _ = caps::clear(None, CapSet::Bounding);
    match become_user(target.uid, target.gid) {
        Ok(()) => {}
        Err((_, Errno::EINVAL | Errno::EPERM)) if only_root_is_mapped() => {
            drop_capabilities().map_err(|cause| refused("capabilities", cause))?;
            return Ok(Departure::Alone);
        }
        Err((_, Errno::EPERM)) if !may_become_another() => {
            drop_capabilities().map_err(|cause| refused("capabilities", cause))?;
            return Ok(Departure::Bound);
        }
        Err((operation, cause)) => return Err(refused(operation, cause.into())),
    }
    if setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).is_ok()
        || Uid::effective() != target.uid
    {
        return Err(Error::StillRoot(shown));
    }
    // The kernel has emptied the others with the change of the user, unless somebody had told it not to.
    drop_capabilities().map_err(|cause| refused("capabilities", cause))?;
    Ok(Departure::Left(shown))
}

/// Returns true if this process has a privilege: it is root, or its file gave it a capability.
pub fn has_any() -> bool {
    Uid::effective().is_root() || caps::read(None, CapSet::Permitted).is_ok_and(|set| !set.is_empty())
}

/// A part of a keeper's work, which needs capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// To open captures and probes, to read SAs and rules, to enter network namespaces, and to look for those of processes.
    Kernel,
    /// To reach an engine whose socket is another user's.
    Engine,
    /// To write files into folders of others, and to leave them to their owners.
    Files,
}

impl Duty {
    fn capabilities(self) -> &'static [Capability] {
        match self {
            Self::Kernel => &[
                Capability::CAP_DAC_OVERRIDE,
                Capability::CAP_NET_ADMIN,
                Capability::CAP_NET_RAW,
                Capability::CAP_SYS_ADMIN,
                Capability::CAP_SYS_PTRACE,
            ],
            Self::Engine => &[Capability::CAP_DAC_OVERRIDE],
            Self::Files => &[Capability::CAP_DAC_OVERRIDE, Capability::CAP_CHOWN],
        }
    }
}

fn needed(duties: &[Duty]) -> CapsHashSet {
    duties.iter().flat_map(|duty| duty.capabilities()).copied().collect()
}

/// Has the programs that this process starts inherit the capabilities which a keeper of these duties needs, as far as it has them itself.
pub fn pass_on(duties: &[Duty]) -> Result<(), Error> {
    let passed = || {
        let own = caps::read(None, CapSet::Permitted)?;
        caps::set(None, CapSet::Inheritable, &(&needed(duties) & &own))
    };
    passed().map_err(|cause: CapsError| Error::Keep(io::Error::other(cause)))
}

/// Reduces this process to what [`pass_on`] has passed on to it. Everything else that it has comes from its file, and
/// whoever may start it would have that too. Nothing that it starts gains anything.
pub fn keep_inherited(duties: &[Duty]) -> Result<(), Error> {
    if Uid::current() != Uid::effective() || Gid::current() != Gid::effective() {
        return Err(Error::Keep(io::Error::other("its file has a setuid bit")));
    }
    let keep = || {
        let own = caps::read(None, CapSet::Permitted)?;
        let inherited = caps::read(None, CapSet::Inheritable)?;
        let kept = &(&needed(duties) & &own) & &inherited;
        for capability in caps::all() {
            if !kept.contains(&capability) {
                // Without the capability to do so, the set stays as it is. No new privileges are gained by it all the same.
                let _ = caps::drop(None, CapSet::Bounding, capability);
            }
        }
        caps::clear(None, CapSet::Ambient)?;
        caps::set(None, CapSet::Effective, &kept)?;
        caps::set(None, CapSet::Permitted, &kept)?;
        caps::clear(None, CapSet::Inheritable)
    };
    keep().map_err(|cause: CapsError| Error::Keep(io::Error::other(cause)))?;
    nix::sys::prctl::set_no_new_privs().map_err(|cause| Error::Keep(cause.into()))?;
    nix::sys::prctl::set_dumpable(false).map_err(|cause| Error::Keep(cause.into()))
}

/// Checks in the user database that [`leave`] can become `user`. Call this before anything is changed. Without root it
/// always succeeds, because the user is not needed.
pub fn check(user: &str) -> Result<(), Error> {
    if Uid::effective().is_root() { find(user).map(drop) } else { Ok(()) }
}

fn find(user: &str) -> Result<User, Error> {
    let shown = escape(user).into_owned();
    match User::from_name(user) {
        Ok(Some(target)) if target.uid.is_root() => Err(Error::StillRoot(shown)),
        Ok(Some(target)) => Ok(target),
        Ok(None) => Err(Error::NoSuchUser(shown)),
        Err(cause) => Err(Error::Refused { user: shown, operation: "look up", cause: cause.into() }),
    }
}

fn become_user(uid: Uid, gid: Gid) -> Result<(), (&'static str, Errno)> {
    setgroups(&[gid]).map_err(|cause| ("setgroups", cause))?;
    setresgid(gid, gid, gid).map_err(|cause| ("setresgid", cause))?;
    setresuid(uid, uid, uid).map_err(|cause| ("setresuid", cause))
}

fn drop_capabilities() -> io::Result<()> {
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set).map_err(io::Error::other)?;
    }
    Ok(())
}

fn may_become_another() -> bool {
    let has = |capability| caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false);
    has(Capability::CAP_SETUID) && has(Capability::CAP_SETGID)
}

/// Returns true if this user namespace has a single user, as `unshare -r` and rootless containers make it.
fn only_root_is_mapped() -> bool {
    std::fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| one_user(&map))
}

/// Reads the text of `uid_map`. A line has the first user ID inside, the first one outside, and the number of IDs
/// (`user_namespaces(7)`).
fn one_user(map: &str) -> bool {
    let counts =
        map.lines().map(|line| line.split_whitespace().nth(2).and_then(|count| count.parse::<u64>().ok()));
    counts.map(|count| count.unwrap_or(0)).sum::<u64>() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_no_descriptors_left_is_not_told_to_keep_root() {
        let refused = |errno: Errno| {
            let user = "nobody".to_owned();
            Error::Refused { user, operation: "look up", cause: errno.into() }.to_string()
        };
        assert!(refused(Errno::EMFILE).ends_with("; allow more (ulimit -n)"));
        assert!(refused(Errno::EPERM).ends_with("; keep root with --no-drop"));
    }

    #[test]
    fn map_of_one_user_is_told_from_a_whole_one() {
        assert!(one_user("         0       1000          1\n"));
        assert!(!one_user("         0          0 4294967295\n"));
        assert!(!one_user("         0       1000          1\n         1     100000      65536\n"));
        assert!(!one_user(""));
    }
}

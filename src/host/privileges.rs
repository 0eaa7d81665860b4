//! Leaving root once everything is open. The code that decodes hostile bytes then has no privilege that a bug in it
//! could abuse.

use std::io;

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
}

/// The reasons for which root could not be left.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such user.
    #[error("leave root for {0}: no such user; name one with -Z or keep root with --no-drop")]
    NoSuchUser(String),
    /// The kernel or the user database refused.
    #[error("leave root for {user}: {operation}: {}; keep root with --no-drop", reason(.cause))]
    Refused {
        /// The user, escaped.
        user: String,
        /// The step that failed.
        operation: &'static str,
        /// The reason of the kernel or of the user database.
        cause: io::Error,
    },
    /// The user is root, or the process could become root again.
    #[error("leave root for {0}: root can be taken again; keep root with --no-drop")]
    StillRoot(String),
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
    if !Uid::effective().is_root() {
        drop_capabilities().map_err(|cause| refused("capabilities", cause))?;
        return Ok(Departure::NotRoot);
    }
    let target = find(user)?;
    match become_user(target.uid, target.gid) {
        Ok(()) => {}
        Err((_, Errno::EINVAL | Errno::EPERM)) if only_root_is_mapped() => {
            drop_capabilities().map_err(|cause| refused("capabilities", cause))?;
            return Ok(Departure::Alone);
        }
        Err((operation, cause)) => return Err(refused(operation, cause.into())),
    }
    if setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).is_ok()
        || Uid::effective() != target.uid
    {
        return Err(Error::StillRoot(shown));
    }
    Ok(Departure::Left(shown))
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
    for set in
        [caps::CapSet::Ambient, caps::CapSet::Inheritable, caps::CapSet::Effective, caps::CapSet::Permitted]
    {
        caps::clear(None, set).map_err(io::Error::other)?;
    }
    Ok(())
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
    fn map_of_one_user_is_told_from_a_whole_one() {
        assert!(one_user("         0       1000          1\n"));
        assert!(!one_user("         0          0 4294967295\n"));
        assert!(!one_user("         0       1000          1\n         1     100000      65536\n"));
        assert!(!one_user(""));
    }
}

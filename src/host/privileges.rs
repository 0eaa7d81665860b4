//! Leaving root once everything is open: what decodes hostile bytes should not be able to do more than print.

use std::io;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, User, setgroups, setresgid, setresuid};

use crate::escape::{escape, reason};

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Departure {
    /// Root was left for this user.
    Left(String),
    /// There was no root to leave; what capabilities there were are gone.
    NotRoot,
    /// Root of a user namespace that knows no other user: nobody to become. Worth a note, not an error.
    Alone,
}

/// Why root could not be left.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such user.
    #[error("leave root for {0}: no such user; name one with -Z or keep root with --no-drop")]
    NoSuchUser(String),
    /// The kernel or the user database refused.
    #[error("leave root for {user}: {operation}: {}; keep root with --no-drop", reason(.cause))]
    Refused {
        /// The user, escaped.
        user: String,
        /// What was tried.
        operation: &'static str,
        /// The refusal.
        cause: io::Error,
    },
    /// Root came back.
    #[error("leave root for {0}: root can be taken again; keep root with --no-drop")]
    StillRoot(String),
}

/// Becomes `user`, with its group only, for good. Without root, drops all capabilities that a file gave.
///
/// Call it with one thread running: capabilities belong to the thread.
pub fn leave(user: &str) -> Result<Departure, Error> {
    let shown = escape(user).into_owned();
    let refused = |operation, cause: io::Error| Error::Refused { user: shown.clone(), operation, cause };
    // No program that is started from here on can gain what was left, by a setuid bit or a file's capabilities.
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

/// Whether [`leave`] can become `user`, as far as the user database knows: to be asked before anything is changed.
/// Without root there is nobody to become.
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

/// Whether this user namespace has a single user, as `unshare -r` and rootless containers make it.
fn only_root_is_mapped() -> bool {
    std::fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| one_user(&map))
}

/// `uid_map`: inside, outside and how many (`user_namespaces(7)`).
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

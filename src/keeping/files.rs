//! The files that a keeper opens: network namespaces, and those of the kernel from which a verdict is made.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::libc::{O_NOCTTY, O_NONBLOCK, O_PATH};
use nix::sys::statfs::{NSFS_MAGIC, fstatfs};

use super::errno_of;
use crate::host::namespace::{Error, Namespace, files};
use crate::keeper::LONGEST_REPLY;

/// The files that may be read. A `*` stands for one part of a path, whatever it is.
const READABLE: [&str; 17] = [
    "/proc/modules",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/net/ipv4/conf/*/disable_policy",
    "/proc/sys/net/ipv4/conf/*/disable_xfrm",
    "/proc/sys/net/ipv6/conf/*/disable_policy",
    "/proc/sys/net/ipv6/conf/*/disable_xfrm",
    "/proc/thread-self/net/ip6_tables_names",
    "/proc/thread-self/net/ip_tables_names",
    "/proc/thread-self/net/udp",
    "/proc/thread-self/net/udp6",
    "/proc/thread-self/net/xfrm_stat",
    "/sys/class/net/*/device",
    "/sys/class/net/*/ifindex",
    "/sys/kernel/security/lockdown",
    "/sys/module/nf_tables",
    "/lib/modules/*/modules.builtin",
    "/usr/lib/modules/*/modules.builtin",
];

/// Opens one of these files.
pub(super) fn open(path: &Path) -> io::Result<OwnedFd> {
    if !is_readable(path) {
        return Err(Errno::EACCES.into());
    }
    let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK | O_NOCTTY).open(path)?;
    // The folder of a driver or a module is there to be seen, and not to be looked into.
    if file.metadata()?.is_dir() { Err(Errno::EISDIR.into()) } else { Ok(file.into()) }
}

/// Looks if one of these files is there.
pub(super) fn look(path: &Path) -> io::Result<()> {
    if is_readable(path) { path.metadata().map(drop) } else { Err(Errno::EACCES.into()) }
}

fn is_readable(path: &Path) -> bool {
    READABLE.iter().any(|pattern| fits(path, Path::new(pattern)))
}

fn fits(path: &Path, pattern: &Path) -> bool {
    // Two spellings of a path are one here, but none leads upwards.
    let parts = || path.components();
    parts().count() == pattern.components().count()
        && parts().zip(pattern.components()).all(|(part, wanted)| {
            wanted == part || wanted.as_os_str() == "*" && matches!(part, Component::Normal(_))
        })
}

/// Opens the file of a network namespace. Nothing else can be opened by it, wherever it is: a file is looked at first, because
/// opening a device may do something.
///
/// The reason why there is none is told of the usual places alone. Of other paths the answer would tell if there is such a file,
/// and of all that root may see.
pub(super) fn namespace(path: &Path) -> io::Result<OwnedFd> {
    let seen = OpenOptions::new().read(true).custom_flags(O_PATH).open(path);
    let seen = seen.map_err(|error| if is_usual(path) { error } else { Errno::EINVAL.into() })?;
    if fstatfs(&seen)?.filesystem_type() != NSFS_MAGIC {
        return Err(Errno::EINVAL.into());
    }
    let file = File::open(format!("/proc/self/fd/{}", seen.as_raw_fd()))?;
    let namespace = Namespace::held(file.try_clone()?.into());
    match namespace.visit(|| ()) {
        // Those that this process may not enter are of no use, and it is told when they are to be entered.
        Ok(()) | Err(Error::Permission { .. } | Error::NoReturn { .. }) => Ok(file.into()),
        Err(error) => Err(errno_of(&error)),
    }
}

/// Returns true for a path right in a folder of namespaces, and for the namespace of a process.
fn is_usual(path: &Path) -> bool {
    let is_process = fits(path, Path::new("/proc/*/ns/net"));
    let mut folders = files::folders();
    is_process || folders.any(|folder| fits(path, &Path::new(folder).join("*")))
}

/// Returns paths, each ended by a zero byte, as many as fit into a reply.
pub(super) fn list(paths: impl IntoIterator<Item = PathBuf>) -> Vec<u8> {
    let mut body = Vec::new();
    for path in paths {
        let path = path.as_os_str().as_bytes();
        if body.len() + path.len() + 2 > LONGEST_REPLY {
            break;
        }
        body.extend_from_slice(path);
        body.push(0);
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errno<T>(done: io::Result<T>) -> Option<Errno> {
        done.err().and_then(|error| error.raw_os_error()).map(Errno::from_raw)
    }

    #[test]
    fn the_files_of_a_verdict_are_read_and_no_others() {
        assert!(open(Path::new("/proc/thread-self/net/udp")).is_ok());
        assert!(open(Path::new("/proc/sys/net/ipv4/conf/lo/disable_xfrm")).is_ok());
        for wrong in [
            "/etc/shadow",
            "/proc/1/environ",
            "/proc/self/mem",
            "/proc/sys/net/ipv4/conf/../../../kernel/osrelease/disable_xfrm",
            "/proc/sys/net/ipv4/conf/lo/../disable_xfrm",
            "/proc/sys/net/ipv4/conf/disable_xfrm",
            "/proc/sys/net/ipv4/conf/lo/disable_xfrm/x",
            "/sys/class/net/lo/address",
            "proc/modules",
            "/lib/modules/../modules.builtin",
        ] {
            assert_eq!(errno(open(Path::new(wrong))), Some(Errno::EACCES), "{wrong}");
            assert_eq!(errno(look(Path::new(wrong))), Some(Errno::EACCES), "{wrong}");
        }
    }

    #[test]
    fn a_file_that_is_no_network_namespace_is_not_handed_over() {
        for wrong in ["/etc/passwd", "/dev/null", "/proc/self/ns/mnt", "/proc/self/ns/user", "/"] {
            assert_eq!(errno(namespace(Path::new(wrong))), Some(Errno::EINVAL), "{wrong}");
        }
        assert!(namespace(Path::new("/proc/self/ns/net")).is_ok());
        assert_eq!(errno(namespace(Path::new("/run/netns/no-such"))), Some(Errno::ENOENT));
        assert_eq!(errno(namespace(Path::new("/proc/0/ns/net"))), Some(Errno::ENOENT));
    }

    #[test]
    fn nobody_learns_if_there_is_a_file_that_is_no_namespace() {
        let of = |path: &str| errno(namespace(Path::new(path)));
        for (there, missing) in [
            ("/etc/passwd", "/etc/no-such"),
            ("/etc", "/no/such/folder"),
            ("/run/netns/../../etc/passwd", "/run/netns/../../etc/no-such"),
            ("/proc/self/maps", "/proc/self/no-such"),
            ("/etc/passwd/x", "/etc/no-such/x"),
        ] {
            assert_eq!((of(there), of(missing)), (Some(Errno::EINVAL), Some(Errno::EINVAL)), "{there}");
        }
    }

    #[test]
    fn a_list_ends_where_a_reply_does() {
        let paths = || std::iter::repeat_n(PathBuf::from("/run/netns/a"), 10_000);
        let body = list(paths());
        assert!(body.len() < LONGEST_REPLY && body.len() > LONGEST_REPLY - 20 && body.ends_with(b"/a\0"));
    }
}

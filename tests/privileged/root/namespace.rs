//! Network namespaces that cannot be entered.

use std::process::{Command, Stdio};

use ovlsniff::host::namespace::{Error, Namespace};
use ovlsniff::host::namespaces::Surveyed;

use super::hosts::Hosts;
use crate::run::{finish, plain};

#[test]
#[ignore = "needs root"]
fn path_that_is_no_namespace_says_so() {
    let namespace = Namespace::find("/dev/null").unwrap();
    assert!(matches!(namespace.visit(|| ()), Err(Error::Other { .. })));
}

/// Root of a user namespace may enter the network namespaces that it made, but not come back to the machine's. Had it
/// entered one to look around, it would go on there, and watch the wrong links.
#[test]
#[ignore = "needs root"]
fn a_namespace_without_a_way_back_is_not_entered() {
    let program = env!("CARGO_BIN_EXE_ovlsniff");
    let script = format!(
        "mount -t tmpfs none /run && ip netns add aside 2>/dev/null; exec {program} interfaces --netns aside"
    );
    let mut unshare = plain(Command::new("unshare"));
    unshare.args(["-Urm", "sh", "-c", &script]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let there = finish(unshare.spawn().unwrap());
    assert_eq!(there.code, Some(2), "{there:?}");
    assert_eq!(
        there.err,
        "ovlsniff: enter network namespace /run/netns/aside: there would be no way back; run as root of this machine, \
         or inside of it: nsenter --net=/run/netns/aside ovlsniff\n"
    );
}

/// Docker keeps its sandboxes in a folder of its own, and may have been told to use another one.
#[test]
#[ignore = "needs root"]
fn a_namespace_is_the_same_one_by_every_name() {
    let hosts = Hosts::new();
    let folder = tempfile::tempdir().unwrap();
    let other_name = folder.path().join("sandbox");
    std::os::unix::fs::symlink(hosts.a.namespace.path(), &other_name).unwrap();
    let place = Surveyed::take(other_name.to_str().unwrap()).unwrap();
    assert!(place.survey.named("eth0").is_some(), "{place:?}");
    assert!(place.is_behind(hosts.a.namespace.path().to_str().unwrap()));
    assert!(!place.is_behind(hosts.b.namespace.path().to_str().unwrap()));
    assert!(!place.is_behind("/proc/self/ns/net") && !place.is_behind("/nonexistent"));
}

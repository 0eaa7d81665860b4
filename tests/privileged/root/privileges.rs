//! Privileges: dropping root once a capture is open, and the messages to users who are not root or cannot drop it.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use ovlsniff::host::namespace::Namespace;

use super::hosts::leave_the_machine;
use super::sniffer::Sniffer;
use crate::changing::Changing;
use crate::made::SWARM;
use crate::run::{Ran, finish, plain, refused, until};

/// A copy of the program in a `/run` of the test's own. Every user may run it there, which Cargo's target directory
/// need not allow, and the capabilities of a file count there, which they need not in /tmp.
pub(super) struct Installed(pub(super) &'static str);

impl Installed {
    pub(super) fn new() -> Self {
        leave_the_machine();
        Self::here()
    }

    /// Installs it in the `/run` that there is.
    pub(super) fn here() -> Self {
        let path = "/run/ovlsniff";
        // Another process makes the copy. If this one did, a program that a test beside this one starts could inherit
        // the descriptor, and a file that is open for writing cannot be run.
        let mut install = Command::new("install");
        assert!(
            install.args(["-m", "755", env!("CARGO_BIN_EXE_ovlsniff"), path]).status().unwrap().success()
        );
        Self(path)
    }

    /// The program, run by `nobody`, who has no privileges but those that the file brings.
    pub(super) fn by_nobody(&self) -> Command {
        let mut command = plain(Command::new("setpriv"));
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", self.0]);
        command
    }

    /// Has `nobody` run the program with these words, and returns the outcome.
    pub(super) fn ran(&self, words: &[&str]) -> Ran {
        finish(self.by_nobody().args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }
}

/// Sends three datagrams that match over the loopback.
fn feed() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..3 {
        socket.send_to(b"canary", socket.local_addr().unwrap()).unwrap();
    }
}

#[test]
#[ignore = "needs root"]
fn root_becomes_nobody_for_good_and_goes_on_capturing() {
    let installed = Installed::new();
    let sniffer = Sniffer::start(plain(Command::new(installed.0)).args(["-i", "lo", "-n", "3", "canary"]));
    for set in ["Uid", "Gid"] {
        assert_eq!(sniffer.status(set), "65534 65534 65534 65534", "{set}");
    }
    assert_eq!(sniffer.status("Groups"), "65534");
    assert_eq!(sniffer.status("NoNewPrivs"), "1");
    assert_eq!(sniffer.status("Seccomp"), "2");
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd"] {
        assert_eq!(sniffer.status(set), "0000000000000000", "{set}");
    }
    feed();
    assert_eq!(sniffer.end().0, Some(0));
}

/// The socket is root's, so `nobody` could not open it again.
#[test]
#[ignore = "needs root"]
fn names_are_kept_new_after_root_was_left() {
    let installed = Installed::new();
    let changing = Changing::new("before");
    for (path, mode) in
        [(changing.socket.clone(), 0o600), (changing.socket.replace("/docker.sock", ""), 0o700)]
    {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut command = plain(Command::new(installed.0));
    command.env("DOCKER_HOST", format!("unix://{}", changing.socket));
    let mut sniffer = Sniffer::start(command.args([
        "--resolve",
        "-l",
        "-W",
        "single",
        "--marks",
        "none",
        "-i",
        "lo",
        "canary",
    ]));
    assert_eq!(sniffer.status("Uid"), "65534 65534 65534 65534");
    assert_eq!(sniffer.status("Threads"), "2");
    feed();
    let mut named = |name: &str| sniffer.line().starts_with(&format!("U {name}(127.0.0.1):"));
    assert!(named("before"));
    changing.rename("after");
    until("another name", || {
        feed();
        named("after")
    });
    let (code, _, err) = sniffer.stop();
    assert_eq!(code, Some(0), "{err}");
    assert!(!err.contains("--resolve"), "{err}");
}

#[test]
#[ignore = "needs root"]
fn capabilities_of_the_file_are_enough_and_are_dropped() {
    let installed = Installed::new();
    let set = Command::new("setcap").args(["cap_net_raw,cap_net_admin+ep", installed.0]).status().unwrap();
    assert!(set.success());
    let sniffer = Sniffer::start(installed.by_nobody().args(["-i", "lo", "-n", "3", "canary"]));
    assert_eq!(sniffer.status("NoNewPrivs"), "1");
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(sniffer.status(set), "0000000000000000", "{set}");
    }
    feed();
    assert_eq!(sniffer.end().0, Some(0));
}

#[test]
#[ignore = "needs root"]
fn root_of_a_namespace_without_other_users_goes_on() {
    let installed = Installed::new();
    let inside = format!("ip link set lo up && exec {} -i lo -n 3 canary", installed.0);
    let sniffer = Sniffer::start(plain(Command::new("unshare")).args(["-Urn", "sh", "-c", &inside]));
    let told = "ovlsniff: staying root: this user namespace has no other user\n";
    assert!(sniffer.banner.contains(told), "{}", sniffer.banner);
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(sniffer.status(set), "0000000000000000", "{set}");
    }
    Namespace::find(&sniffer.child.id().to_string()).unwrap().visit(feed).unwrap();
    assert_eq!(sniffer.end().0, Some(0));
}

#[test]
#[ignore = "needs root"]
fn who_may_not_capture_is_told_the_setcap_line_with_our_own_path() {
    let installed = Installed::new();
    let expected = format!(
        "ovlsniff: open lo: permission denied; run as root (in a container with the capability NET_RAW) or: sudo setcap cap_net_raw,cap_net_admin+ep {}",
        installed.0
    );
    assert_eq!(installed.ran(&["-i", "lo", "HTTP"]).complaint(), expected);
    assert_eq!(
        installed.ran(&["--netns", "1", "HTTP"]).complaint(),
        "ovlsniff: enter network namespace 1: permission denied; run as root, in a container with the capability SYS_ADMIN"
    );
}

#[test]
#[ignore = "needs root"]
fn without_permission_the_remedy_has_our_own_path() {
    let installed = Installed::new();
    let ran = installed.ran(&["verify", "-i", "lo", "--vni", "1", "--peer", "127.0.0.1"]);
    assert!(ran.complaint().ends_with(&format!("+ep {}", installed.0)), "{}", ran.err);
}

#[test]
#[ignore = "needs root"]
fn without_privilege_interfaces_are_listed_and_associations_are_unknown() {
    let ran = Installed::new().ran(&["interfaces"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(
        ran.out.contains("loopback") && ran.out.contains("IPsec SAs: not known without CAP_NET_ADMIN"),
        "{}",
        ran.out
    );
}

#[test]
#[ignore = "needs root"]
fn a_user_that_does_not_exist_cannot_be_become() {
    assert_eq!(
        refused(&["-r", SWARM, "-Z", "nosuchuser", "HTTP"]),
        "ovlsniff: leave root for nosuchuser: no such user; name one with -Z or keep root with --no-drop"
    );
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("kept.pcap");
    fs::write(&kept, "precious").unwrap();
    refused(&["-r", SWARM, "-Z", "nosuchuser", "-O", kept.to_str().unwrap(), "HTTP"]);
    assert_eq!(fs::read_to_string(&kept).unwrap(), "precious");
}

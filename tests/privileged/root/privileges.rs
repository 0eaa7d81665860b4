//! What is left of root once a capture is open. A process that gives up root cannot run another test, so these start
//! `examples/frames.rs`.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The example, copied to where every user may read it.
struct Frames {
    _place: tempfile::TempDir,
    path: PathBuf,
}

impl Frames {
    fn new() -> Self {
        let built = build();
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("frames");
        std::fs::copy(built, &path).unwrap();
        for open in [place.path(), &path] {
            std::fs::set_permissions(open, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        Self { _place: place, path }
    }

    fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

/// Cargo builds examples beside all tests, but not beside one that is named.
fn build() -> PathBuf {
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--example", "frames", "--target-dir"]).arg(&target);
    assert!(cargo.status().unwrap().success());
    target.join("debug/examples/frames")
}

const NOBODY: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

fn start(words: &[&str]) -> Child {
    Command::new(words[0]).args(&words[1..]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The first line on stderr, which comes when the capture is open and root has been left.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    line
}

/// Lines of `/proc/PID/status` by their names.
fn status(child: &Child, name: &str) -> String {
    let text =
        std::fs::read_to_string(Path::new("/proc").join(child.id().to_string()).join("status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Sends over the loopback until the child has seen enough.
fn feed(mut child: Child) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while child.try_wait().unwrap().is_none() {
        if std::time::Instant::now() > end {
            child.kill().unwrap();
            panic!("no frame was seen");
        }
        let _ = socket.send_to(b"frame", "127.0.0.1:9");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(child.wait().unwrap().success());
}

#[test]
#[ignore = "needs root"]
fn root_becomes_nobody_for_good_and_goes_on_capturing() {
    let frames = Frames::new();
    let mut child = start(&[frames.path(), "lo", "3"]);
    assert_eq!(first_line(&mut child), "root: Left(\"nobody\")\n");
    assert_eq!(status(&child, "Uid"), "65534 65534 65534 65534");
    assert_eq!(status(&child, "Gid"), "65534 65534 65534 65534");
    assert_eq!(status(&child, "Groups"), "65534");
    assert_eq!(status(&child, "NoNewPrivs"), "1");
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(status(&child, set), "0000000000000000", "{set}");
    }
    feed(child);
}

#[test]
#[ignore = "needs root"]
fn capabilities_of_the_file_are_enough_and_are_dropped() {
    let frames = Frames::new();
    let set = Command::new("setcap").args(["cap_net_raw,cap_net_admin+ep", frames.path()]).status().unwrap();
    assert!(set.success());
    let mut child = start(&[&NOBODY[..], &[frames.path(), "lo", "3"]].concat());
    assert_eq!(first_line(&mut child), "root: NotRoot\n");
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(status(&child, set), "0000000000000000", "{set}");
    }
    feed(child);
}

#[test]
#[ignore = "needs root"]
fn root_of_a_namespace_without_other_users_goes_on() {
    let frames = Frames::new();
    let inside = format!("ip link set lo up && exec {} lo 0", frames.path());
    let out = start(&["unshare", "-Urn", "sh", "-c", &inside]).wait_with_output().unwrap();
    let err = String::from_utf8(out.stderr).unwrap();
    assert_eq!((err.as_str(), out.status.code()), ("root: Alone\n", Some(0)));
}

#[test]
#[ignore = "needs root"]
fn without_permission_the_remedy_has_our_own_path() {
    let frames = Frames::new();
    let out = start(&[&NOBODY[..], &[frames.path(), "lo"]].concat()).wait_with_output().unwrap();
    let expected = format!(
        "frames: open lo: permission denied; run as root or: sudo setcap cap_net_raw,cap_net_admin+ep {}\n",
        frames.path()
    );
    assert_eq!((String::from_utf8(out.stderr).unwrap(), out.status.code()), (expected, Some(2)));
}

//! Searching capture files as root: root is left before the first byte of a file is looked at.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::made::SWARM;
use crate::run::{Ran, finish, ovlsniff, program, until};

fn status(child: &Child, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Has the program read a file slowly: not a byte of it is written until root is left and the fence stands.
fn fed_once_root_is_left(words: &[&str], file: &[u8]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("capture");
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    let mut command = program();
    command.args(words).arg("-r").arg(&fifo).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let mut writer = File::options().write(true).open(&fifo).unwrap();
    until("root is left", || status(&child, "Uid") == "65534 65534 65534 65534");
    until("the fence stands", || status(&child, "Seccomp") == "2");
    assert_eq!((status(&child, "CapEff"), status(&child, "NoNewPrivs")), ("0".repeat(16), "1".to_owned()));
    // A reader that has seen enough closes the pipe.
    let _ = writer.write_all(file);
    drop(writer);
    finish(child)
}

#[test]
#[ignore = "needs root"]
fn root_is_left_before_the_first_byte_of_a_file_is_looked_at() {
    let plain = fs::read(SWARM).unwrap();
    let gzip = Command::new("gzip").arg("-c").arg(SWARM).output().unwrap().stdout;
    for file in [&plain, &gzip] {
        let ran = fed_once_root_is_left(&["-q", "HTTP"], file);
        assert_eq!((ran.code, ran.out.is_empty()), (Some(0), false), "{}", ran.err);
        let ran = fed_once_root_is_left(&["verify", "--vni", "4097", "--local", "192.0.2.1"], file);
        assert!(ran.code.is_some_and(|code| code != 2), "{}", ran.err);
    }
    let ran = fed_once_root_is_left(&["-q", "HTTP"], b"no capture file");
    assert_eq!(ran.code, Some(2), "{}", ran.err);
}

/// The file to write is opened as root, before it is known that there is nothing to write to it.
#[test]
#[ignore = "needs root"]
fn a_file_that_is_no_capture_empties_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let [wrong, kept] = ["wrong", "kept.pcap"].map(|name| folder.path().join(name));
    fs::write(&wrong, "no capture file").unwrap();
    fs::write(&kept, "precious").unwrap();
    let ran = ovlsniff(&["-r".as_ref(), wrong.as_os_str(), "-O".as_ref(), kept.as_os_str(), "HTTP".as_ref()]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert_eq!(fs::read_to_string(&kept).unwrap(), "precious");
}

/// Root has been left when it turns out that there is nothing to write, and this folder is root's.
#[test]
#[ignore = "needs root"]
fn a_file_that_is_no_capture_leaves_no_new_file_behind() {
    let folder = tempfile::tempdir().unwrap();
    let [capture, wrong, new] = ["capture", "wrong", "new.pcap"].map(|name| folder.path().join(name));
    fs::copy(SWARM, &capture).unwrap();
    for bytes in [&b"no capture file"[..], b"", b"\xd4"] {
        fs::write(&wrong, bytes).unwrap();
        let ran = ovlsniff(&[
            "-r".as_ref(),
            capture.as_os_str(),
            "-r".as_ref(),
            wrong.as_os_str(),
            "-O".as_ref(),
            new.as_os_str(),
            "HTTP".as_ref(),
        ]);
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(ran.err.contains("wrong") && !new.exists(), "{}", ran.err);
    }
}

/// Anybody may put a link into a folder like `/tmp`, and Linux follows it for root where `fs.protected_symlinks` is off.
#[test]
#[ignore = "needs root"]
fn a_link_that_a_stranger_has_put_into_a_folder_for_all_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let [open_to_all, precious] = ["open-to-all", "precious"].map(|name| folder.path().join(name));
    fs::create_dir(&open_to_all).unwrap();
    fs::set_permissions(&open_to_all, Permissions::from_mode(0o1777)).unwrap();
    fs::write(&precious, "precious").unwrap();
    let place = open_to_all.join("written.pcap");
    std::os::unix::fs::symlink(&precious, &place).unwrap();
    let written = || {
        ovlsniff(&[
            "-q".as_ref(),
            "-r".as_ref(),
            SWARM.as_ref(),
            "-O".as_ref(),
            place.as_os_str(),
            "HTTP".as_ref(),
        ])
    };

    std::os::unix::fs::lchown(&place, Some(1000), None).unwrap();
    let ran = written();
    assert_eq!(
        (ran.code, ran.err.contains("another user has put something there")),
        (Some(2), true),
        "{}",
        ran.err
    );
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");

    // A link of one's own leads on.
    std::os::unix::fs::lchown(&place, Some(0), None).unwrap();
    assert_eq!(written().code, Some(0));
    assert_ne!(fs::read(&precious).unwrap(), b"precious");
}

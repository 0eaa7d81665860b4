//! What only root can be refused, or be told when it is root no longer.

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};

use crate::made::SWARM;
use crate::run::{finish, ovlsniff};

/// The sentence about these words, which is all that is on standard error; nothing is on standard output.
fn refused(words: &[&str]) -> String {
    let ran = ovlsniff(words);
    let complaint = ran.complaint().to_owned();
    assert_eq!((ran.err.trim_end(), ran.out.as_str()), (complaint.as_str(), ""), "{words:?}");
    complaint
}

#[test]
#[ignore = "needs root"]
fn who_may_not_capture_is_told_the_setcap_line_with_our_own_path() {
    let dir = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap();
    let copy = dir.path().join("ovlsniff");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o755).open(&copy).unwrap();
    std::io::copy(&mut File::open(env!("CARGO_BIN_EXE_ovlsniff")).unwrap(), &mut file).unwrap();
    drop(file);
    let told = |words: [&str; 3]| {
        let child = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"])
            .arg(&copy)
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        finish(child).complaint().to_owned()
    };
    let expected = format!(
        "ovlsniff: open lo: permission denied; run as root or: sudo setcap cap_net_raw,cap_net_admin+ep {}",
        copy.display()
    );
    assert_eq!(told(["-i", "lo", "HTTP"]), expected);
    assert_eq!(
        told(["--netns", "1", "HTTP"]),
        "ovlsniff: enter network namespace 1: permission denied; run as root"
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

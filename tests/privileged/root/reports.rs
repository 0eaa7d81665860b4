//! Reports and evidence that root reads: they come from other machines, so they are parsed by a process that has left root.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Stdio};

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use crate::run::{Watchdog, finish, program, until};

/// Asserts that a process has become `nobody` without any capability, behind a filter of system calls.
fn has_left_root(child: &Child) {
    let status = || fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = |name: &str| {
        let status = status();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    until("root is left", || line("Uid") == "65534 65534 65534 65534");
    until("the fence stands", || line("Seccomp") == "2");
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(line(set), "0000000000000000", "{set}");
    }
    assert_eq!((line("Groups"), line("NoNewPrivs")), ("65534".to_owned(), "1".to_owned()));
}

/// Makes a folder of evidence that only its owner can enter, and returns what was printed beside it.
fn evidence(place: &Path) -> String {
    let ran = program()
        .args(["verify", "--local", "192.0.2.1", "--peer", "192.0.2.2", "--vni", "4097", "--json"])
        .args(["-r", "tests/fixtures/swarm/swarm-node1.pcap", "--evidence"])
        .arg(place)
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
#[ignore = "needs root"]
fn merge_parses_reports_without_root_and_still_reads_and_writes_in_closed_folders() {
    let closed = tempfile::tempdir().unwrap();
    let [report, matrix] = ["report.json", "matrix"].map(|name| closed.path().join(name));
    fs::write(&report, evidence(&closed.path().join("evidence"))).unwrap();
    let mut command = program();
    command
        .args(["verify", "merge", "--json", "--at", "newest", "-"])
        .arg(closed.path())
        .arg("-o")
        .arg(&matrix);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _watchdog = Watchdog::of(&child);
    has_left_root(&child);
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"{\"v\":1,\"netw").unwrap();
    drop(input);
    let ran = finish(child);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(1), "", ""));
    let merged: serde_json::Value = serde_json::from_slice(&fs::read(&matrix).unwrap()).unwrap();
    assert_eq!((merged["verdict"].as_str(), merged["reports"].as_u64()), (Some("CLEAR"), Some(1)));
    assert_eq!(merged["problems"][0]["file"], "-");
}

#[test]
#[ignore = "needs root"]
fn a_replay_parses_evidence_without_root_and_still_reads_a_closed_folder() {
    let closed = tempfile::tempdir().unwrap();
    let place = closed.path().join("evidence");
    let report = evidence(&place);
    // The program waits to print its report into a pipe that is full.
    let (from, to) = pipe2(OFlag::O_CLOEXEC).unwrap();
    let full = fill(&to);
    let mut command = program();
    command.args(["verify", "--json", "--replay"]).arg(&place);
    let child = command.stdout(to).stderr(Stdio::piped()).spawn().unwrap();
    drop(command);
    let _watchdog = Watchdog::of(&child);
    has_left_root(&child);
    let mut printed = Vec::new();
    File::from(from).read_to_end(&mut printed).unwrap();
    let ran = finish(child);
    assert_eq!((ran.code, &printed[full..]), (Some(1), report.as_bytes()), "{ran:?}");
    let out = closed.path().join("replayed.json");
    let ran =
        program().args(["verify", "--json", "--replay"]).arg(&place).arg("-o").arg(&out).output().unwrap();
    assert_eq!((ran.status.code(), fs::read_to_string(&out).unwrap()), (Some(1), report));
}

/// Fills a pipe, and returns the number of bytes in it.
fn fill(pipe: &OwnedFd) -> usize {
    let mut pipe = File::from(pipe.try_clone().unwrap());
    let size = nix::fcntl::fcntl(&pipe, nix::fcntl::FcntlArg::F_GETPIPE_SZ).unwrap();
    let size = usize::try_from(size).unwrap();
    pipe.write_all(&vec![b' '; size]).unwrap();
    size
}

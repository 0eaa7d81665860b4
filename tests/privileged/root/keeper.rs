//! `verify` as two processes: one that decodes packets and has no privilege, and its keeper, which has it and sees no packet.

use std::fs;
use std::io::{BufRead, BufReader, IoSliceMut, Read};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, recv, recvmsg, socketpair,
};
use nix::unistd::Pid;

use super::hosts::Hosts;
use super::privileges::Installed;
use crate::run::{Watchdog, finish, plain, send, until};

/// A `verify` that watches a network in clear for a minute.
pub(super) struct Watching {
    pub(super) child: Child,
    pub(super) keeper: Pid,
    _watchdog: Watchdog,
    hosts: Hosts,
}

fn hosts() -> Hosts {
    let hosts = Hosts::new();
    hosts.overlay("clear", 42, "42.0");
    hosts
}

impl Watching {
    /// Starts it, and waits until it captures.
    fn start(mut command: Command, hosts: Hosts, words: &[&str]) -> Self {
        command.args(["verify", "--net", "clear"]).args(words);
        if !words.contains(&"--for") {
            command.args(["--for", "60s"]);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = hosts.a.run(|| command.spawn()).unwrap();
        let watchdog = Watchdog::of(&child);
        let mut err = BufReader::new(child.stderr.as_mut().unwrap());
        let mut line = String::new();
        while !line.starts_with("interface: ") {
            line.clear();
            assert!(err.read_line(&mut line).unwrap() > 0, "it ended");
        }
        let keeper = Pid::from_raw(children(child.id()).first().copied().unwrap_or(0));
        Self { child, keeper, _watchdog: watchdog, hosts }
    }

    pub(super) fn as_root(words: &[&str]) -> Self {
        Self::start(plain(Command::new(env!("CARGO_BIN_EXE_ovlsniff"))), hosts(), words)
    }

    /// Waits for the end, and returns the exit status and what was told last.
    pub(super) fn end(mut self) -> (Option<i32>, String) {
        let mut err = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), err)
    }
}

fn pid(of: &Child) -> i32 {
    of.id().try_into().unwrap()
}

/// Lists the children of a process that has one thread.
fn children(of: u32) -> Vec<i32> {
    let list = fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap();
    list.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// Returns a line of `/proc/PID/status` by its name.
fn status(pid: i32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn is_alive(pid: Pid) -> bool {
    // A process that has ended stays in the table until its parent asks for its status.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// The capabilities that a keeper has: `CAP_DAC_OVERRIDE`, `CAP_NET_ADMIN`, `CAP_NET_RAW`, `CAP_SYS_PTRACE`,
/// `CAP_SYS_ADMIN`.
const KEPT: &str = "0000000000283002";
const NONE: &str = "0000000000000000";

#[test]
#[ignore = "needs root"]
fn the_process_that_decodes_packets_has_no_privilege_and_its_keeper_has_no_packets() {
    let watching = Watching::as_root(&[]);
    let (own, keeper) = (pid(&watching.child), watching.keeper.as_raw());
    for set in ["Uid", "Gid"] {
        assert_eq!(status(own, set), "65534 65534 65534 65534", "{set}");
    }
    assert_eq!(status(own, "Groups"), "65534");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status(own, set), NONE, "{set}");
    }
    assert_eq!((status(own, "NoNewPrivs"), status(own, "Seccomp")), ("1".to_owned(), "2".to_owned()));
    assert_eq!(status(keeper, "Uid"), "0 0 0 0");
    for (set, capabilities) in
        [("CapInh", NONE), ("CapPrm", KEPT), ("CapEff", KEPT), ("CapBnd", KEPT), ("CapAmb", NONE)]
    {
        assert_eq!(status(keeper, set), capabilities, "{set}");
    }
    assert_eq!(status(keeper, "NoNewPrivs"), "1");
    // The keeper has its end of the conversation, and nothing else that stays open, a capture least of all.
    let open_of = |process: &str| -> Vec<String> {
        let open = fs::read_dir(format!("/proc/{process}/fd")).unwrap().flatten();
        open.filter_map(|fd| Some(fs::read_link(fd.path()).ok()?.display().to_string())).collect()
    };
    let open = || -> Vec<String> {
        open_of(&keeper.to_string()).into_iter().filter(|target| target != "/dev/null").collect()
    };
    until("nothing is open but its socket", || open().iter().all(|target| target.starts_with("socket:")));
    let open = open();
    let packet = watching.hosts.a.run(|| fs::read_to_string("/proc/thread-self/net/packet")).unwrap();
    let inodes: Vec<String> = packet
        .lines()
        .skip(1)
        .map(|line| format!("socket:[{}]", line.split_whitespace().last().unwrap()))
        .collect();
    assert!(
        !inodes.is_empty() && !open.is_empty() && !open.iter().any(|target| inodes.contains(target)),
        "{inodes:?} {open:?}"
    );
    send(&watching.child, Signal::SIGTERM);
}

#[test]
#[ignore = "needs root"]
fn other_processes_of_nobody_cannot_look_into_it() {
    let watching = Watching::as_root(&[]);
    for file in ["environ", "maps", "mem", "fd/0"] {
        let read = format!("cat /proc/{}/{file}", watching.child.id());
        let mut other = Command::new("setpriv");
        other.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", &read]);
        let read = other.stderr(Stdio::piped()).output().unwrap();
        assert!(!read.status.success() && read.stdout.is_empty(), "{file}");
        assert!(String::from_utf8_lossy(&read.stderr).contains("ermission denied"), "{file} {read:?}");
    }
}

#[test]
#[ignore = "needs root"]
fn a_keeper_that_dies_ends_the_watch_with_a_sentence() {
    let watching = Watching::as_root(&[]);
    kill(watching.keeper, Signal::SIGKILL).unwrap();
    let (code, told) = watching.end();
    let expected = "ovlsniff: the process that kept root for this one has ended, so that nothing more is known of the kernel; start again\n";
    assert_eq!(
        (code, told.lines().last().map(|line| format!("{line}\n")).as_deref()),
        (Some(2), Some(expected))
    );
}

#[test]
#[ignore = "needs root"]
fn a_watch_that_dies_takes_its_keeper_with_it() {
    let mut watching = Watching::as_root(&[]);
    // Signals of a terminal are for the watch to answer.
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        kill(watching.keeper, signal).unwrap();
    }
    assert!(is_alive(watching.keeper) && watching.child.try_wait().unwrap().is_none());
    watching.child.kill().unwrap();
    assert_eq!(watching.child.wait().unwrap().signal(), Some(9));
    until("the keeper has ended", || !is_alive(watching.keeper));
}

/// Whoever has taken the watch over may hand its end of the conversation to another process.
#[test]
#[ignore = "needs root"]
fn a_copy_of_the_socket_does_not_keep_a_keeper_alive() {
    let program = r#"
import socket, subprocess, sys
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
keeper = subprocess.Popen([sys.argv[1], "--keep-privileges", "watch"], stdin=theirs)
theirs.close()
ours.recv(8)
copy = subprocess.Popen(["sleep", "60"], stdin=ours)
print(keeper.pid, copy.pid, flush=True)
keeper.wait()
"#;
    let mut python = Command::new("python3");
    python.args(["-c", program, env!("CARGO_BIN_EXE_ovlsniff")]).stdout(Stdio::piped());
    let mut first = python.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(first.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pids: Vec<Pid> = line.split_whitespace().map(|pid| Pid::from_raw(pid.parse().unwrap())).collect();
    let &[keeper, copy] = &pids[..] else { panic!("{line}") };
    assert!(is_alive(keeper) && is_alive(copy));
    first.kill().unwrap();
    first.wait().unwrap();
    until("the keeper has ended", || !is_alive(keeper));
    assert!(is_alive(copy));
    kill(copy, Signal::SIGKILL).unwrap();
}

#[test]
#[ignore = "needs root"]
fn a_request_of_another_process_is_not_answered() {
    let (ours, theirs) =
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ovlsniff"));
    let child = command.args(["--keep-privileges", "watch"]).stdin(theirs).spawn().unwrap();
    let _watchdog = Watchdog::of(&child);
    assert_eq!(recv(ours.as_raw_fd(), &mut [0; 8], MsgFlags::empty()), Ok(1));
    // The paths of network namespaces, and a message that is too long.
    for said in [r"printf '\010' >&0", "dd if=/dev/zero bs=9000 count=1 >&0 2>/dev/null"] {
        let copy = ours.try_clone().unwrap();
        assert!(Command::new("sh").args(["-c", said]).stdin(copy).status().unwrap().success());
    }
    // Answers come in the order of the requests, and this one is of no known kind.
    let refused = [&[1][..], &nix::libc::EINVAL.to_ne_bytes()].concat();
    assert_eq!(ask(&ours, &[255]), refused);
    let mut more = [0; 8];
    assert_eq!(recv(ours.as_raw_fd(), &mut more, MsgFlags::MSG_DONTWAIT), Err(nix::errno::Errno::EAGAIN));
    drop(ours);
    assert_eq!(finish(child).code, Some(0));
}

#[test]
#[ignore = "needs root"]
fn another_user_may_be_named_and_root_may_be_kept() {
    let watching = Watching::as_root(&["-Z", "daemon"]);
    assert_eq!(status(pid(&watching.child), "Uid"), "1 1 1 1");
    drop(watching);
    let watching = Watching::as_root(&["--no-drop"]);
    let own = watching.child.id();
    assert_eq!((status(pid(&watching.child), "Uid"), children(own)), ("0 0 0 0".to_owned(), Vec::new()));
    assert_eq!(status(pid(&watching.child), "Seccomp"), "0");
}

#[test]
#[ignore = "needs root"]
fn capabilities_of_the_file_go_to_the_keeper() {
    let hosts = hosts();
    let installed = Installed::here();
    let set = Command::new("setcap").args(["cap_net_raw,cap_net_admin+ep", installed.0]).status().unwrap();
    assert!(set.success());
    let watching = Watching::start(installed.by_nobody(), hosts, &[]);
    assert_eq!(status(pid(&watching.child), "CapPrm"), NONE);
    let keeper = watching.keeper.as_raw();
    assert_eq!(
        (status(keeper, "CapPrm"), status(keeper, "Uid")),
        ("0000000000003000".to_owned(), "65534 65534 65534 65534".to_owned())
    );
}

#[test]
#[ignore = "needs root"]
fn a_report_of_another_user_is_renewed_and_stays_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    fs::write(&path, "earlier").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    for place in [folder.path(), &path] {
        chown(place, Some(65534), Some(65534)).unwrap();
    }
    let watching = Watching::as_root(&["-o", path.to_str().unwrap()]);
    send(&watching.child, Signal::SIGTERM);
    let (_, told) = watching.end();
    let there = fs::metadata(&path).unwrap();
    assert_eq!((there.uid(), there.gid(), there.mode() & 0o7777), (65534, 65534, 0o640), "{told}");
    assert!(fs::read_to_string(&path).unwrap().contains("clear"), "{told}");
}

/// Says something to a keeper, and returns its reply.
fn ask(socket: &OwnedFd, request: &[u8]) -> Vec<u8> {
    let sent = nix::sys::socket::send(socket.as_raw_fd(), request, MsgFlags::empty()).unwrap();
    assert_eq!(sent, request.len());
    let mut reply = [0; 64];
    let len = recv(socket.as_raw_fd(), &mut reply, MsgFlags::empty()).unwrap();
    reply[..len].to_vec()
}

/// The file of the program may bring capabilities. Whoever starts a keeper by hand must not get anything by them.
#[test]
#[ignore = "needs root"]
fn a_keeper_that_is_started_by_hand_gives_nothing_away() {
    let installed = Installed::new();
    let set =
        Command::new("setcap").args(["cap_net_raw,cap_net_admin,cap_sys_admin+ep", installed.0]).status();
    assert!(set.unwrap().success());
    let (ours, theirs) =
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
    let child =
        installed.by_nobody().args(["--keep-privileges", "watch", "33554432"]).stdin(theirs).spawn().unwrap();
    let _watchdog = Watchdog::of(&child);
    let mut ready = [0; 8];
    assert_eq!(recv(ours.as_raw_fd(), &mut ready, MsgFlags::empty()), Ok(1));
    assert_eq!(status(pid(&child), "CapPrm"), NONE);
    let refused = [&[1][..], &nix::libc::EPERM.to_ne_bytes()].concat();
    // A capture, the socket of a probe, notices of SAs.
    for request in [&[3, 0, 0, 16, 0][..], &[4, 4], &[2, 6, 3, 0, 0, 0]] {
        assert_eq!(ask(&ours, request), refused, "{request:?}");
    }
    drop(ours);
    assert_eq!(finish(child).code, Some(0));
    let by_hand = installed.ran(&["--keep-privileges", "watch"]);
    let told =
        "ovlsniff: --keep-privileges is for ovlsniff itself, which talks to this process; leave it out";
    assert_eq!(by_hand.complaint(), told);
}

/// Says something to a keeper, and returns the descriptor that it hands over.
fn opened(socket: &OwnedFd, request: &[u8]) -> Option<RawFd> {
    nix::sys::socket::send(socket.as_raw_fd(), request, MsgFlags::empty()).unwrap();
    let (mut reply, mut space) = ([0; 64], nix::cmsg_space!(RawFd));
    let mut room = [IoSliceMut::new(&mut reply)];
    let received = recvmsg::<()>(socket.as_raw_fd(), &mut room, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC);
    let received = received.unwrap();
    let mut messages = received.cmsgs().unwrap();
    messages.find_map(|message| match message {
        ControlMessageOwned::ScmRights(descriptors) => descriptors.first().copied(),
        _ => None,
    })
}

/// A ring is memory of the kernel's, which no limit of the process that has it counts.
#[test]
#[ignore = "needs root"]
fn captures_are_bounded_in_size_and_in_number() {
    const SIZE: u32 = 1 << 20;
    const MOST: usize = 32;
    let hosts = Hosts::new();
    let (ours, theirs) =
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--inh-caps=+net_raw,+net_admin,+sys_admin", env!("CARGO_BIN_EXE_ovlsniff")]);
    command.args(["--keep-privileges", "watch", &SIZE.to_string()]).stdin(theirs);
    let child = hosts.a.run(|| command.spawn()).unwrap();
    let _watchdog = Watchdog::of(&child);
    assert_eq!(recv(ours.as_raw_fd(), &mut [0; 8], MsgFlags::empty()), Ok(1));
    let request = |size: u32| [&[3][..], &size.to_ne_bytes()].concat();
    let refused = |errno: i32| [&[1][..], &errno.to_ne_bytes()].concat();
    assert_eq!(ask(&ours, &request(SIZE + 1)), refused(nix::libc::EPERM));
    // Those that are closed count no more. This reader takes no descriptor, so that the kernel closes it.
    for _ in 0..MOST + 8 {
        assert_eq!(ask(&ours, &request(SIZE)), [0]);
    }
    let open: Vec<RawFd> = (0..MOST).map(|_| opened(&ours, &request(SIZE)).unwrap()).collect();
    assert_eq!(ask(&ours, &request(SIZE)), refused(nix::libc::EMFILE));
    for capture in open {
        nix::unistd::close(capture).unwrap();
    }
    assert_eq!(ask(&ours, &request(SIZE)), [0]);
    drop(ours);
    assert_eq!(finish(child).code, Some(0));
}

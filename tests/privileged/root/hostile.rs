//! A keeper in the face of a watch that somebody has taken over, and files in folders that others may write to.

use std::fs::{self, Permissions};
use std::io::IoSlice;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::{Child, Command};

use nix::libc::{EINVAL, EPERM};
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, recv, sendmsg, socketpair,
};

use crate::made::SWARM;
use crate::run::{Watchdog, finish, ovlsniff};

/// A keeper, and the socket on which the process that it is there for asks it.
struct Asked {
    socket: OwnedFd,
    keeper: Child,
    _watchdog: Watchdog,
}

impl Asked {
    /// Starts a keeper with the capabilities that a watch passes on to it.
    fn start(words: &[&str]) -> Self {
        let (socket, theirs) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--inh-caps=+net_raw,+net_admin,+sys_admin,+dac_override,+chown"]);
        let keeper = command
            .args([env!("CARGO_BIN_EXE_ovlsniff"), "--keep-privileges"])
            .args(words)
            .stdin(theirs)
            .spawn()
            .unwrap();
        let watchdog = Watchdog::of(&keeper);
        let asked = Self { socket, keeper, _watchdog: watchdog };
        assert_eq!(asked.hear(), [0]);
        asked
    }

    fn hear(&self) -> Vec<u8> {
        let mut reply = vec![0; 64 << 10];
        let len = recv(self.socket.as_raw_fd(), &mut reply, MsgFlags::empty()).unwrap();
        reply.truncate(len);
        reply
    }

    fn ask_with(&self, request: &[u8], descriptors: &[RawFd]) -> Vec<u8> {
        let rights = [ControlMessage::ScmRights(descriptors)];
        let rights = if descriptors.is_empty() { &[][..] } else { &rights };
        let sent = sendmsg::<()>(
            self.socket.as_raw_fd(),
            &[IoSlice::new(request)],
            rights,
            MsgFlags::MSG_NOSIGNAL,
            None,
        );
        assert_eq!(sent, Ok(request.len()));
        self.hear()
    }

    fn ask(&self, request: &[u8]) -> Vec<u8> {
        self.ask_with(request, &[])
    }

    /// Ends the conversation, which the keeper is to end with status 0.
    fn end(self) {
        drop(self.socket);
        assert_eq!(finish(self.keeper).code, Some(0));
    }
}

fn refused(errno: i32) -> Vec<u8> {
    [&[1][..], &errno.to_ne_bytes()].concat()
}

/// A sequence of bytes that looks random, and is the same each time.
fn noise() -> impl FnMut() -> u8 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    }
}

#[test]
#[ignore = "needs root"]
fn every_message_has_one_answer_whatever_is_in_it() {
    let asked = Asked::start(&["watch", "1048576"]);
    let mut byte = noise();
    for round in 0..20_000 {
        // All kinds but the programs, which take their time.
        let kind = [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 13, 14, 15, 16, 17, 18, 255][round % 17];
        let len = usize::from(byte()) % if round % 7 == 0 { 200 } else { 12 };
        let request: Vec<u8> = [kind].into_iter().chain((0..len).map(|_| byte())).collect();
        let reply = asked.ask(&request);
        assert!(matches!(reply[..], [0, ..] | [1, _, _, _, _]), "{request:?} {reply:?}");
    }
    // More descriptors than one, one that is none of a namespace, and a request that is too long.
    let null = fs::File::open("/dev/null").unwrap();
    let null = null.as_raw_fd();
    for count in [2, 3, 16, 253] {
        assert_eq!(asked.ask_with(&[7], &vec![null; count]), refused(EINVAL), "{count}");
    }
    for request in [&[7][..], &[0, 0], &[3, 0, 0, 1, 0], &[4, 4], b"\x0a/proc/modules"] {
        assert_eq!(asked.ask_with(request, &[null])[0], 1, "{request:?}");
    }
    // A message of netlink is not sent on what is no socket of netlink.
    let dump = [20, 0, 0, 0, 18, 0, 1, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let say = [&[1][..], &dump].concat();
    for descriptor in [null, asked.socket.as_raw_fd()] {
        assert_eq!(asked.ask_with(&say, &[descriptor]), refused(EPERM));
    }
    assert_eq!(asked.ask(&say), refused(EPERM));
    assert_eq!(asked.ask(&vec![6; 9_000]), refused(EINVAL));
    assert_eq!(asked.ask(&[255]), refused(EINVAL));
    asked.end();
}

/// The paths that lead out of the places on the command line, and those to which a keeper of another scope would write.
#[test]
#[ignore = "needs root"]
fn no_other_file_is_written_or_removed_than_was_named() {
    let around = tempfile::tempdir().unwrap();
    let at = |name: &str| around.path().join(name).display().to_string();
    let (report, evidence) = (at("report"), at("evidence"));
    fs::create_dir_all(around.path().join("evidence/20251127T190000.000Z")).unwrap();
    fs::create_dir(around.path().join("20251127T190000.000Z")).unwrap();
    let victim = around.path().join("victim");
    fs::create_dir(&victim).unwrap();
    fs::write(victim.join("file"), "there").unwrap();
    symlink(&victim, around.path().join("evidence/20251127T190001.000Z")).unwrap();
    let asked = Asked::start(&["outputs", "0", &report, &evidence]);
    let memory = tempfile::tempfile().unwrap();
    let memory = memory.as_raw_fd();
    for path in [
        at("other"),
        at("./report"),
        at("evidence/../report"),
        at("evidence/../20251127T190000.000Z"),
        at("evidence/20251127T190000.000Z/.."),
        at("evidence/20251127T190000.000Z/../../20251127T190000.000Z"),
        at("evidence/sub/20251127T190000.000Z"),
        format!("{evidence}//../20251127T190000.000Z"),
        "/etc/passwd".to_owned(),
        "report".to_owned(),
    ] {
        for kind in [14, 15, 16] {
            let request = [&[kind][..], path.as_bytes()].concat();
            let reply = asked.ask_with(&request, &[memory]);
            // A spelling of the same place is the same place.
            let is_same = kind == 14 && Path::new(&path) == Path::new(&report);
            assert_eq!(reply, if is_same { vec![0] } else { refused(EPERM) }, "{kind} {path}");
        }
    }
    // Anything but a file might never end, and is not read.
    let (pipe, _open) = nix::unistd::pipe().unwrap();
    assert_eq!(asked.ask_with(&[&[14], report.as_bytes()].concat(), &[pipe.as_raw_fd()])[0], 1);
    assert_eq!(asked.ask(&[&[14], report.as_bytes()].concat()), refused(EPERM));
    // A link is removed, and what it leads to stays.
    let _ = asked.ask(&[&[16], at("evidence/20251127T190001.000Z").as_bytes()].concat());
    assert_eq!(fs::read_to_string(victim.join("file")).unwrap(), "there");
    // Of the other requests it answers none.
    for request in
        [&[0, 0][..], &[3, 0, 0, 0, 0], &[7], &[8], &[12, 6], b"\x0a/proc/modules", b"\x06/proc/self/ns/net"]
    {
        assert_eq!(asked.ask(request), refused(EPERM), "{request:?}");
    }
    asked.end();
}

#[test]
#[ignore = "needs root"]
fn replies_that_are_not_read_end_the_keeper() {
    let asked = Asked::start(&["watch", "0"]);
    for _ in 0..100_000 {
        let sent = nix::sys::socket::send(
            asked.socket.as_raw_fd(),
            &[255],
            MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT,
        );
        match sent {
            Ok(_) | Err(nix::errno::Errno::EAGAIN) => {}
            Err(_) => break,
        }
    }
    let Asked { socket, keeper, .. } = asked;
    // The socket is still open here.
    let code = finish(keeper).code;
    drop(socket);
    assert_eq!(code, Some(2));
}

/// Makes a folder like `/tmp`: everybody may make files in it, and remove their own.
fn open_to_all() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
    folder
}

fn nobodys(path: &Path) {
    chown(path, Some(65534), Some(65534)).unwrap();
}

#[test]
#[ignore = "needs root"]
fn who_has_put_a_file_into_a_folder_like_tmp_does_not_get_the_report() {
    let folder = open_to_all();
    let path = folder.path().join("report");
    let report = |words: &[&str]| {
        let path = path.to_str().unwrap();
        let all = [&["verify", "-r", SWARM, "--vni", "4097", "--local", "192.0.2.1", "-o", path][..], words]
            .concat();
        ovlsniff(&all)
    };
    for words in [&[][..], &["--no-drop"]] {
        fs::write(&path, "bait").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        nobodys(&path);
        let ran = report(words);
        let there = fs::metadata(&path).unwrap();
        assert_eq!((there.uid(), there.mode() & 0o022), (0, 0), "{}", ran.err);
        assert_ne!(fs::read(&path).unwrap(), b"bait");
        fs::remove_file(&path).unwrap();

        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        nobodys(&path);
        let said = format!(
            "ovlsniff: write {}: another user has put something there that is no file; give another name",
            path.display()
        );
        assert_eq!(report(words).complaint(), said);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
#[ignore = "needs root"]
fn evidence_is_not_put_into_a_folder_that_another_user_has_made_in_tmp() {
    let folder = open_to_all();
    let made = folder.path().join("evidence");
    fs::create_dir(&made).unwrap();
    nobodys(&made);
    let ran = ovlsniff(&[
        "verify",
        "-r",
        SWARM,
        "--vni",
        "4097",
        "--local",
        "192.0.2.1",
        "--evidence",
        made.to_str().unwrap(),
    ]);
    assert_eq!(
        ran.complaint(),
        format!("ovlsniff: --evidence {}: another user has made this; name a new one", made.display())
    );
    assert_eq!(fs::read_dir(&made).unwrap().count(), 0);
}

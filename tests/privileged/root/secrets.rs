//! The facts that a keeper tells of the kernel to a process that somebody else has taken over. The SAs of a kernel with ESP are asked for in
//! `lab/keeper-keys.sh`; the machine's own may have none.

use std::fs::File;
use std::io::{IoSlice, IoSliceMut, Read as _};
use std::iter;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command};

use nix::libc::EPERM;
use rustix::cmsg_space;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recv, recvmsg, sendmsg, socketpair,
};

use super::hosts::leave_the_machine;
use crate::run::{Watchdog, finish, until};

const ROUTE: u8 = 0;
const XFRM: u8 = 6;
const NETFILTER: u8 = 12;
const GENERIC: u8 = 16;
/// The keeper's own number for SAs with the keys of ESP.
const KEYS: u8 = 255;

/// A keeper, and the end of the conversation with it.
struct Keeper {
    socket: OwnedFd,
    child: Child,
    _watchdog: Watchdog,
}

/// A descriptor, or the number of an error.
type Answer = Result<OwnedFd, i32>;

impl Keeper {
    fn start(scope: &str) -> Self {
        leave_the_machine();
        let (socket, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--inh-caps=+net_raw,+net_admin,+sys_admin", env!("CARGO_BIN_EXE_ovlsniff")]);
        let child = command.args(["--keep-privileges", scope, "0"]).stdin(theirs).spawn().unwrap();
        assert_eq!(recv(&socket, &mut [0; 8], RecvFlags::empty()).unwrap().0, 1);
        Self { socket, _watchdog: Watchdog::of(&child), child }
    }

    fn ask(&self, request: &[u8], with: Option<&OwnedFd>) -> Answer {
        let with = with.map(|fd| [fd.as_fd()]);
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut rights = SendAncillaryBuffer::new(&mut space);
        if let Some(with) = &with {
            rights.push(SendAncillaryMessage::ScmRights(with));
        }
        sendmsg(&self.socket, &[IoSlice::new(request)], &mut rights, SendFlags::empty()).unwrap();
        let mut reply = [0; 64];
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut handed = RecvAncillaryBuffer::new(&mut space);
        let mut room = [IoSliceMut::new(&mut reply)];
        recvmsg(&self.socket, &mut room, &mut handed, RecvFlags::CMSG_CLOEXEC).unwrap();
        let handed = handed.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        handed.ok_or(i32::from_ne_bytes(reply[1..5].try_into().unwrap()))
    }

    fn end(self) {
        drop(self.socket);
        assert_eq!(finish(self.child).code, Some(0));
    }
}

/// Returns a message of netlink that asks for a dump.
fn dump(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut message = (16 + body.len() as u32).to_ne_bytes().to_vec();
    for number in [kind, 0x301, 1, 0, 0, 0] {
        message.extend_from_slice(&number.to_ne_bytes());
    }
    message.extend_from_slice(body);
    message
}

fn ask_for(part: u8, message: &[u8]) -> Vec<u8> {
    [&[17, part], message].concat()
}

fn subscribe(part: u8, group: u32) -> Vec<u8> {
    [&[2, part], &group.to_ne_bytes()[..]].concat()
}

const GETSA: u16 = 0x12;

#[test]
#[ignore = "needs root"]
fn sockets_on_which_the_kernel_tells_keys_stay_with_the_keeper() {
    let keeper = Keeper::start("watch");
    for part in [XFRM, GENERIC, NETFILTER, KEYS] {
        assert_eq!(keeper.ask(&[0, part], None).err(), Some(EPERM), "{part}");
    }
    // The notices of SAs have keys in them, and those of policies have not.
    assert_eq!(keeper.ask(&subscribe(XFRM, 3), None).err(), Some(EPERM));
    let policies = keeper.ask(&subscribe(XFRM, 4), None).unwrap();
    assert!(keeper.ask(&[0, ROUTE], None).is_ok());
    let asked = keeper.ask(&[&[1][..], &dump(GETSA, &[])].concat(), Some(&policies));
    assert_eq!(asked.err(), Some(EPERM));
    let mut answers = Vec::new();
    File::from(keeper.ask(&ask_for(XFRM, &dump(GETSA, &[])), None).unwrap())
        .read_to_end(&mut answers)
        .unwrap();
    // The last message says that there are no more.
    assert_eq!(answers.get(8..10), Some(&3u16.to_ne_bytes()[..]), "{answers:?}");
    // `XFRM_MSG_NEWSA`, `…DELSA`, `…FLUSHSA`.
    for kind in [0x10, 0x11, 0x1c] {
        assert_eq!(keeper.ask(&ask_for(XFRM, &dump(kind, &[0; 300])), None).err(), Some(EPERM), "{kind}");
    }
    keeper.end();
}

#[test]
#[ignore = "needs root"]
fn a_keeper_of_facts_alone_is_asked_for_keys_in_vain() {
    let keeper = Keeper::start("facts");
    let sas = dump(GETSA, &[]);
    assert_eq!(keeper.ask(&ask_for(KEYS, &sas), None).err(), Some(EPERM));
    assert_eq!(keeper.ask(&subscribe(KEYS, 3), None).err(), Some(EPERM));
    assert!(keeper.ask(&ask_for(XFRM, &sas), None).is_ok());
    keeper.end();
    let keeper = Keeper::start("watch");
    assert!(keeper.ask(&ask_for(KEYS, &sas), None).is_ok());
    let follow = || keeper.ask(&subscribe(KEYS, 3), None);
    let many: Vec<Answer> = iter::repeat_with(follow).take(40).collect();
    assert_eq!(many.iter().filter(|answer| answer.is_ok()).count(), 32);
    // The keeper ceases to listen where nobody does.
    drop(many);
    until("there is room for one more", || follow().is_ok());
    keeper.end();
}

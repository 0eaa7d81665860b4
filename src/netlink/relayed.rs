//! Conversations that a keeper holds for another process, because there are keys in the kernel's answers.
//!
//! The other process hands its question over, and is given all the answers at once, in a piece of memory: each datagram
//! behind its length (4 bytes, in the machine's byte order). Notices come one by one, on a socket that keeps their boundaries.
//! Keys were overwritten in all of them ([`blank`]), so the socket on which the kernel answered never leaves the keeper.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use zeroize::Zeroizing;

use super::blank::{Secrets, blank};
use super::socket::{connect, subscribe};
use super::{Family, HEADER, NLMSG_DONE, NLMSG_ERROR, NLMSG_OVERRUN, messages};
use crate::keeper::{self, Keeper, Place, Request};

/// The longest datagram of the kernel's in bytes.
const LONGEST: usize = 1 << 16;
/// The most bytes of all answers to a question: some 400,000 SAs.
const MOST: usize = 1 << 28;

/// A conversation of which this process has only questions and answers.
pub(super) struct Relayed {
    family: Family,
    keeper: &'static Keeper,
    place: Place,
    answers: Option<BufReader<File>>,
}

impl Relayed {
    /// Begins one in the network namespace of this thread.
    pub(super) fn new(family: Family, keeper: &'static Keeper) -> Self {
        Self { family, keeper, place: keeper::place(), answers: None }
    }

    pub(super) fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let request = Request::Ask(self.family.number(), message);
        let answers = self.place.clone().run(|| self.keeper.open(&request))?;
        self.answers = Some(BufReader::new(answers.into()));
        Ok(())
    }

    /// Appends the next datagram. Behind the last one there is none to wait for.
    pub(super) fn receive(&mut self, to: &mut Vec<u8>) -> io::Result<usize> {
        let answers = self.answers.as_mut().ok_or(io::ErrorKind::WouldBlock)?;
        let mut length = [0; 4];
        answers.read_exact(&mut length).map_err(|_| io::ErrorKind::WouldBlock)?;
        answers.take(u32::from_ne_bytes(length).into()).read_to_end(to)
    }
}

/// Asks a part of the kernel with the privilege of this process, and writes the answers without their secrets.
///
/// # Errors
/// The kernel cannot be asked: its error; it does not answer: `ETIMEDOUT`; its answers are too many: `EFBIG`.
pub(crate) fn answer(
    family: Family,
    message: &[u8],
    secrets: Secrets,
    to: &mut impl Write,
) -> io::Result<()> {
    let socket = connect(family)?;
    socket.send(message, 0)?;
    let (mut buffer, mut written) = (Zeroizing::new(vec![0; LONGEST]), 0);
    loop {
        let len = match recv(&socket, buffer.as_mut_slice(), RecvFlags::empty()) {
            Ok((len, _)) => len,
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => return Err(Errno::TIMEDOUT.into()),
            Err(error) => return Err(error.into()),
        };
        let datagram = buffer.get_mut(..len).unwrap_or_default();
        blank(datagram, secrets);
        written += len;
        if written > MOST {
            return Err(Errno::FBIG.into());
        }
        to.write_all(&u32::try_from(len).unwrap_or(0).to_ne_bytes())?;
        to.write_all(datagram)?;
        if messages(datagram).any(|message| matches!(message.kind, NLMSG_ERROR | NLMSG_DONE)) {
            return Ok(());
        }
    }
}

/// Joins groups with the privilege of this process, for [`relay`].
pub(crate) fn join(family: Family, groups: &[u32]) -> io::Result<OwnedFd> {
    subscribe(family, groups)?.as_fd().try_clone_to_owned()
}

/// Passes notices on without their secrets, until the other end of `to` is closed.
pub(crate) fn relay(notices: &OwnedFd, secrets: Secrets, to: &OwnedFd) {
    let mut buffer = Zeroizing::new(vec![0; LONGEST]);
    loop {
        let mut polled = [PollFd::new(notices, PollFlags::IN), PollFd::new(to, PollFlags::empty())];
        let _ = poll(&mut polled, None);
        if !polled.last().is_none_or(|to| to.revents().is_empty()) {
            return;
        }
        let passed = match recv(notices, buffer.as_mut_slice(), RecvFlags::DONTWAIT) {
            Ok((len, _)) => {
                let notice = buffer.get_mut(..len).unwrap_or_default();
                blank(notice, secrets);
                keeper::send(to, notice, None)
            }
            Err(Errno::NOBUFS) => keeper::send(to, &overrun(), None),
            Err(Errno::AGAIN | Errno::INTR) => continue,
            Err(_) => return,
        };
        if passed.is_err() {
            return;
        }
    }
}

/// Makes the message which says that others were lost. The kernel has a type for it, and uses an error of the socket instead.
pub(super) fn overrun() -> Vec<u8> {
    let mut message = (HEADER as u32).to_ne_bytes().to_vec();
    message.extend_from_slice(&NLMSG_OVERRUN.to_ne_bytes());
    message.resize(HEADER, 0);
    message
}

//! Messages on the socket between the two processes. Each may carry one descriptor.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::cmsg_space;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::set_socket_passcred;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

/// A message that has arrived.
#[derive(Debug)]
pub(crate) struct Received {
    /// Its length in bytes; 0 if the other side has ended.
    pub(crate) len: usize,
    /// The descriptor that came with it.
    pub(crate) fd: Option<OwnedFd>,
    /// The number of the process that has sent it, if [`name_senders`] has asked for it. The kernel fills it in.
    pub(crate) from: Option<i32>,
    /// False if a part of it did not fit, or if more descriptors than one came with it. They are closed.
    pub(crate) is_whole: bool,
    /// True if a descriptor came with it for which this process has no room (`ulimit -n`).
    pub(crate) is_crowded: bool,
}

impl Received {
    /// Makes an error of a message that is not whole: `EMFILE` if there was no room for its descriptor, else `EMSGSIZE`.
    pub(crate) fn whole(self) -> io::Result<Self> {
        match (self.is_whole, self.is_crowded) {
            (true, _) => Ok(self),
            (false, true) => Err(Errno::MFILE.into()),
            (false, false) => Err(Errno::MSGSIZE.into()),
        }
    }
}

/// Makes the two ends of a conversation, which keeps the boundaries of messages.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Has the kernel say of each message from now on which process has sent it.
pub(crate) fn name_senders(socket: &OwnedFd) -> io::Result<()> {
    Ok(set_socket_passcred(socket, true)?)
}

/// Sends a message, and waits until there is room for it.
pub(crate) fn send(socket: &OwnedFd, bytes: &[u8], with: Option<BorrowedFd<'_>>) -> io::Result<()> {
    send_by(socket, bytes, with, SendFlags::empty())
}

/// Sends a message if there is room for it, as there is for the reply to a single request. Whoever asks for more and more without
/// reading the replies would keep the sender waiting for ever.
///
/// # Errors
/// There is no room: `EAGAIN`.
pub(crate) fn send_at_once(socket: &OwnedFd, bytes: &[u8], with: Option<BorrowedFd<'_>>) -> io::Result<()> {
    send_by(socket, bytes, with, SendFlags::DONTWAIT)
}

fn send_by(socket: &OwnedFd, bytes: &[u8], with: Option<BorrowedFd<'_>>, flags: SendFlags) -> io::Result<()> {
    let descriptors = with.map(|fd| [fd]);
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if let Some(descriptors) = &descriptors {
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let bytes = [IoSlice::new(bytes)];
    // A peer that has ended is an error, and no signal.
    retry_on_intr(|| sendmsg(socket.as_fd(), &bytes, &mut ancillary, flags | SendFlags::NOSIGNAL))?;
    Ok(())
}

/// Waits for a message.
pub(crate) fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<Received> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1), ScmCredentials(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut room = [IoSliceMut::new(buffer)];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = retry_on_intr(|| recvmsg(socket.as_fd(), &mut room, &mut ancillary, flags))?;
    let (mut descriptors, mut from) = (Vec::new(), None);
    for message in ancillary.drain() {
        match message {
            RecvAncillaryMessage::ScmRights(handed) => descriptors.extend(handed),
            RecvAncillaryMessage::ScmCredentials(sender) => from = Some(sender.pid.as_raw_nonzero().get()),
            _ => {}
        }
    }
    // The kernel closes the descriptors for which there is no room. There is some for two or more, because it is aligned.
    let is_cut = received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC);
    let is_whole = !is_cut && descriptors.len() < 2;
    // There is room in the buffer for one at least, so that the table of open files was full if none came.
    let is_crowded = is_cut && !received.flags.contains(ReturnFlags::TRUNC) && descriptors.is_empty();
    let fd = descriptors.pop().filter(|_| is_whole);
    Ok(Received { len: received.bytes, fd, from, is_whole, is_crowded })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;

    use super::*;

    /// Sends a message with so many copies of a descriptor.
    fn send_many(socket: &OwnedFd, descriptor: &OwnedFd, count: usize) {
        let descriptors = vec![descriptor.as_fd(); count];
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(8))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
        sendmsg(socket, &[IoSlice::new(b"x")], &mut ancillary, SendFlags::empty()).unwrap();
    }

    #[test]
    fn a_message_with_more_descriptors_than_one_is_refused_and_they_are_closed() {
        let (one, other) = pair().unwrap();
        for count in [1, 2, 3, 8] {
            let (output, input) = rustix::pipe::pipe().unwrap();
            send_many(&one, &input, count);
            drop(input);
            let received = receive(&other, &mut [0; 8]).and_then(Received::whole);
            assert_eq!(received.as_ref().is_ok_and(|received| received.fd.is_some()), count == 1, "{count}");
            drop(received);
            // The pipe ends when nothing has its other end open any more.
            assert_eq!(File::from(output).read(&mut [0; 8]).unwrap(), 0, "{count}");
        }
    }

    #[test]
    fn a_message_that_does_not_fit_is_refused() {
        let (one, other) = pair().unwrap();
        send(&one, b"too long", None).unwrap();
        assert!(receive(&other, &mut [0; 4]).and_then(Received::whole).is_err());
        send(&one, b"fits", None).unwrap();
        assert_eq!(receive(&other, &mut [0; 4]).unwrap().len, 4);
    }

    #[test]
    fn replies_that_nobody_reads_are_an_error_and_are_not_waited_for() {
        let (one, _other) = pair().unwrap();
        let sent =
            (0..10_000).map(|_| send_at_once(&one, &[0; 1024], None)).take_while(Result::is_ok).count();
        assert!((1..10_000).contains(&sent), "{sent}");
        // The longest one fits into a socket in which nothing waits.
        let (one, _other) = pair().unwrap();
        send_at_once(&one, &vec![0; crate::keeper::LONGEST_REPLY], None).unwrap();
    }

    #[test]
    fn the_kernel_names_the_sender() {
        let (one, other) = pair().unwrap();
        name_senders(&other).unwrap();
        let (output, _input) = rustix::pipe::pipe().unwrap();
        for with in [None, Some(output.as_fd())] {
            send(&one, b"x", with).unwrap();
            let received = receive(&other, &mut [0; 8]).unwrap();
            assert_eq!(received.from, i32::try_from(std::process::id()).ok());
            assert_eq!((received.fd.is_some(), received.is_whole), (with.is_some(), true));
        }
    }
}

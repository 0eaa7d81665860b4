//! Messages on the socket between the two processes. Each may carry one descriptor.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::cmsg_space;
use rustix::io::{Errno, retry_on_intr};
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
}

/// Makes the two ends of a conversation, which keeps the boundaries of messages.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Sends a message.
pub(crate) fn send(socket: &OwnedFd, bytes: &[u8], with: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let descriptors = with.map(|fd| [fd]);
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if let Some(descriptors) = &descriptors {
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let bytes = [IoSlice::new(bytes)];
    // A peer that has ended is an error, and no signal.
    retry_on_intr(|| sendmsg(socket.as_fd(), &bytes, &mut ancillary, SendFlags::NOSIGNAL))?;
    Ok(())
}

/// Waits for a message. One that does not fit is an error, and so is one with more descriptors than one: the kernel
/// closes those for which there is no room. What is refused is closed.
pub(crate) fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<Received> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut room = [IoSliceMut::new(buffer)];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = retry_on_intr(|| recvmsg(socket.as_fd(), &mut room, &mut ancillary, flags))?;
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(handed) = message {
            descriptors.extend(handed);
        }
    }
    // The room for one is as large as that for two, because it is aligned.
    if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) || descriptors.len() > 1 {
        return Err(Errno::MSGSIZE.into());
    }
    Ok(Received { len: received.bytes, fd: descriptors.pop() })
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
            let received = receive(&other, &mut [0; 8]);
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
        assert_eq!(
            receive(&other, &mut [0; 4]).unwrap_err().raw_os_error(),
            Some(Errno::MSGSIZE.raw_os_error())
        );
        send(&one, b"fits", None).unwrap();
        assert_eq!(receive(&other, &mut [0; 4]).unwrap().len, 4);
    }
}

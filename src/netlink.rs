//! The one way to talk netlink: a conversation with the kernel of requests and their answers, and of dumps.
//!
//! [`Netlink`] carries bytes. What they mean is [`route`]'s for links, addresses, neighbours and routes, and [`xfrm`]'s for
//! security associations and policies; a [`Subscription`] hears what the kernel tells by itself.
//!
//! The socket is synchronous: one message is sent after the other and each waited for to be acknowledged.
//! Extended acknowledgements are on, so that the kernel's own words reach the user, and capped, so that a refused
//! message (which may hold a key) is not sent back. What was received is wiped.

pub(crate) mod route;
mod subscription;
pub(crate) mod xfrm;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;
use rtnetlink::sys::{Socket, SocketAddr, protocols};
use zeroize::{Zeroize, Zeroizing};

use crate::escape::reason;

pub(crate) use subscription::Subscription;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLM_F_CAPPED: u16 = 0x100;
const NLM_F_ACK_TLVS: u16 = 0x200;
const NLMSGERR_ATTR_MSG: u16 = 1;
const HEADER: usize = 16;
/// How often an interrupted dump is asked for again: some four seconds of others' changes.
const DUMPS: u64 = 40;
/// Seconds: the kernel answers at once, unless the machine is loaded; when it has not for this long, it will not.
const PATIENCE: i64 = 30;

/// Create it, and fail if it is there.
pub(crate) const CREATE: u16 = 0x400 | 0x200;
/// Create it, or put it in the place of what is there.
pub(crate) const REPLACE: u16 = 0x400 | 0x100;
/// Create it beside what is there.
pub(crate) const APPEND: u16 = 0x400 | 0x800;

/// Why the kernel did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// The error number, positive.
    pub errno: i32,
    /// What the kernel said beside the number.
    pub said: Option<String>,
}

impl Refusal {
    pub(crate) fn new(errno: i32) -> Self {
        Self { errno, said: None }
    }

    /// With words where the kernel has none.
    pub(crate) fn saying(self, words: &str) -> Self {
        Self { said: self.said.or_else(|| Some(words.to_owned())), ..self }
    }

    /// Whether the object is not there, in any of the kernel's ways to say so.
    pub(crate) fn is_absent(&self) -> bool {
        use nix::libc;
        matches!(self.errno, libc::ENOENT | libc::ESRCH | libc::ENODEV | libc::EADDRNOTAVAIL)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = reason(&io::Error::from_raw_os_error(self.errno));
        match &self.said {
            Some(said) => write!(f, "{said} ({error})"),
            None => f.write_str(&error),
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::new(error.raw_os_error().unwrap_or(nix::libc::EIO))
    }
}

/// Which part of the kernel is talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Links, addresses, neighbours.
    Route,
    /// Security associations and policies.
    Xfrm,
}

/// A socket to one part of the kernel in one network namespace.
pub(crate) struct Netlink {
    socket: Socket,
    sequence: u32,
    received: Vec<u8>,
}

impl Netlink {
    /// Opens the socket in the network namespace of this process, or in the one that `netns` is a file of.
    pub(crate) fn open(family: Family, netns: Option<&Path>) -> io::Result<Self> {
        let socket = match netns {
            None => connect(family)?,
            // A thread of its own enters the namespace and ends: this one never leaves its own.
            Some(path) => {
                let namespace = File::open(path)?;
                std::thread::spawn(move || {
                    nix::sched::setns(namespace, nix::sched::CloneFlags::CLONE_NEWNET)?;
                    connect(family)
                })
                .join()
                .map_err(|_| io::Error::other("entering a network namespace failed"))??
            }
        };
        Ok(Self { socket, sequence: 0, received: Vec::with_capacity(1 << 16) })
    }

    /// How many requests were sent.
    pub(crate) fn sent(&self) -> u32 {
        self.sequence
    }

    /// Sends one request and waits for its acknowledgement.
    pub(crate) fn request(&mut self, kind: u16, flags: u16, body: &[u8]) -> Result<(), Refusal> {
        let answered = self.exchange(kind, NLM_F_REQUEST | NLM_F_ACK | flags, body, |_, _| ());
        // Where refusals are not capped, what was sent came back.
        self.received.as_mut_slice().zeroize();
        answered
    }

    /// Sends one request and hands over what is answered before the acknowledgement.
    pub(crate) fn ask(
        &mut self,
        kind: u16,
        body: &[u8],
        each: impl FnMut(u16, &[u8]),
    ) -> Result<(), Refusal> {
        self.exchange(kind, NLM_F_REQUEST | NLM_F_ACK, body, each)
    }

    /// Every object of a kind, as it is read from message type and body. What was received is wiped afterwards, as a dump
    /// of SAs holds their keys. A dump that others change things under is asked for again: half of it may be from before.
    pub(crate) fn dump<T>(
        &mut self,
        kind: u16,
        body: &[u8],
        mut read: impl FnMut(u16, &[u8]) -> Option<T>,
    ) -> Result<Vec<T>, Refusal> {
        let mut tried = 0;
        loop {
            let mut found = Vec::new();
            let flags = NLM_F_REQUEST | NLM_F_DUMP;
            let answered = self.exchange(kind, flags, body, |kind, body| found.extend(read(kind, body)));
            self.received.zeroize();
            match answered {
                Ok(()) => return Ok(found),
                Err(refusal) if refusal.errno == nix::libc::EINTR && tried < DUMPS => {
                    tried += 1;
                    std::thread::sleep(Duration::from_millis(5 * tried));
                }
                Err(refusal) => return Err(refusal),
            }
        }
    }

    /// Waits for one datagram. A signal that comes meanwhile is no answer.
    fn receive(&mut self) -> Result<(), Refusal> {
        loop {
            self.received.clear();
            self.received.reserve(1 << 16);
            match self.socket.recv(&mut self.received, 0) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(Refusal::new(nix::libc::ETIMEDOUT).saying("the kernel does not answer"));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn exchange(
        &mut self,
        kind: u16,
        flags: u16,
        body: &[u8],
        mut each: impl FnMut(u16, &[u8]),
    ) -> Result<(), Refusal> {
        self.sequence += 1;
        let mut message = Zeroizing::new(Vec::with_capacity(HEADER + body.len()));
        message.extend_from_slice(&((HEADER + body.len()) as u32).to_ne_bytes());
        message.extend_from_slice(&kind.to_ne_bytes());
        message.extend_from_slice(&flags.to_ne_bytes());
        message.extend_from_slice(&self.sequence.to_ne_bytes());
        message.extend_from_slice(&[0; 4]);
        message.extend_from_slice(body);
        self.socket.send(&message, 0)?;
        let mut interrupted = false;
        loop {
            self.receive()?;
            for message in messages(&self.received) {
                if message.sequence != self.sequence {
                    continue;
                }
                interrupted |= message.flags & NLM_F_DUMP_INTR != 0;
                match message.kind {
                    NLMSG_DONE if interrupted => return Err(Refusal::new(nix::libc::EINTR)),
                    NLMSG_ERROR | NLMSG_DONE => return message.outcome(),
                    kind => each(kind, message.body),
                }
            }
        }
    }
}

impl Family {
    fn protocol(self) -> isize {
        match self {
            Self::Route => protocols::NETLINK_ROUTE,
            Self::Xfrm => protocols::NETLINK_XFRM,
        }
    }
}

fn connect(family: Family) -> io::Result<Socket> {
    let mut socket = Socket::new(family.protocol())?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    // Kernels before 4.12 have no words, and those before 4.3 send back what they refuse.
    let _ = socket.set_ext_ack(true);
    let _ = socket.set_cap_ack(true);
    // A thousand SAs in one dump; the kernel caps it where this process may not ask for so much.
    socket.set_rx_buf_sz(1_i32 << 20)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(PATIENCE, 0))?;
    Ok(socket)
}

/// A message of a datagram.
pub(crate) struct Message<'a> {
    pub(crate) kind: u16,
    flags: u16,
    sequence: u32,
    /// What follows the header.
    pub(crate) body: &'a [u8],
}

/// The messages of a datagram, up to the first that is not whole.
pub(crate) fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let (message, rest) = Message::parse(bytes)?;
        bytes = rest;
        Some(message)
    })
}

impl<'a> Message<'a> {
    fn parse(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let length = u32_at(bytes, 0)? as usize;
        let body = bytes.get(HEADER..length)?;
        let message =
            Self { kind: u16_at(bytes, 4)?, flags: u16_at(bytes, 6)?, sequence: u32_at(bytes, 8)?, body };
        Some((message, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
    }

    /// The error number an acknowledgement carries, 0 for success, and the kernel's words after it.
    fn outcome(&self) -> Result<(), Refusal> {
        let errno = i32_at(self.body, 0).map_or(0, i32::wrapping_neg);
        if errno == 0 {
            return Ok(());
        }
        let said = (self.kind == NLMSG_ERROR && self.flags & NLM_F_ACK_TLVS != 0).then(|| {
            let echoed = u32_at(self.body, 4).unwrap_or(0) as usize;
            let skip = if self.flags & NLM_F_CAPPED != 0 { HEADER } else { echoed.next_multiple_of(4) };
            attributes(self.body.get(4 + skip..).unwrap_or_default())
                .find(|(kind, _)| *kind == NLMSGERR_ATTR_MSG)
                .map(|(_, text)| String::from_utf8_lossy(text).trim_end_matches('\0').to_owned())
        });
        Err(Refusal { errno, said: said.flatten() })
    }
}

/// The attributes of a message: type without its flag bits, and value.
pub(crate) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = u16_at(bytes, 0)? as usize;
        let kind = u16_at(bytes, 2)? & 0x3fff;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// Appends one attribute with its padding.
pub(crate) fn push_attribute(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend_from_slice(&((4 + value.len()) as u16).to_ne_bytes());
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

/// So many bytes at an offset.
pub(crate) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// The number in the host's byte order at an offset.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_ne_bytes)
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    array_at(bytes, at).map(i32::from_ne_bytes)
}

/// The number in the host's byte order at an offset.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_ne_bytes)
}

/// The number in the host's byte order at an offset.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array_at(bytes, at).map(u64::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acknowledgement(flags: u16, errno: i32, said: Option<&str>) -> Vec<u8> {
        let mut body = (-errno).to_ne_bytes().to_vec();
        body.extend_from_slice(&[0; HEADER]);
        if let Some(said) = said {
            push_attribute(&mut body, NLMSGERR_ATTR_MSG, format!("{said}\0").as_bytes());
        }
        let mut message = ((HEADER + body.len()) as u32).to_ne_bytes().to_vec();
        message.extend_from_slice(&NLMSG_ERROR.to_ne_bytes());
        message.extend_from_slice(&flags.to_ne_bytes());
        message.extend_from_slice(&[7, 0, 0, 0, 0, 0, 0, 0]);
        message.extend_from_slice(&body);
        message
    }

    #[test]
    fn a_refusal_carries_the_kernels_words() {
        let bytes = acknowledgement(NLM_F_CAPPED | NLM_F_ACK_TLVS, 93, Some("Requested type not found"));
        let (message, rest) = Message::parse(&bytes).unwrap();
        let refusal = message.outcome().unwrap_err();
        assert!(rest.is_empty());
        assert_eq!(refusal.to_string(), "Requested type not found (protocol not supported)");
    }

    #[test]
    fn zero_is_success() {
        let bytes = acknowledgement(NLM_F_CAPPED, 0, None);
        assert_eq!(Message::parse(&bytes).unwrap().0.outcome(), Ok(()));
    }

    #[test]
    fn a_message_that_claims_more_than_there_is_ends_the_parsing() {
        let mut bytes = acknowledgement(0, 1, None);
        bytes[0] = 0xff;
        assert!(Message::parse(&bytes).is_none());
        assert_eq!(attributes(&[9, 0, 1, 0, 5]).count(), 0);
    }
}

//! Netlink: the conversation with the kernel about links, routes, security associations (SAs) and policies.
//!
//! A [`Netlink`] is a socket to one part of the kernel, in one network namespace. It sends one request at a time and
//! waits for the acknowledgement, or reads a whole dump, so nothing here is asynchronous and no answer can be taken
//! for another. It carries bytes: [`route`], [`xfrm`] and [`wireguard`] know the messages. A [`Subscription`] receives what the
//! kernel reports without being asked.
//!
//! The messages of [`route`] are parsed and built by rtnetlink's packet crate. Those of [`xfrm`] and [`wireguard`] are
//! not, because they hold keys. [`xfrm::UserSa`] and [`xfrm::UserPolicy`] are views over the received bytes: the length is
//! checked once, then each field has a method, and no key is copied on the way. All that was received of a dump is wiped.
//!
//! Every answer is hostile input, because users may make links in namespaces of their own. A message that cannot be
//! parsed is passed over, like one of an unknown type.
//!
//! # What surprised us
//!
//! - Notices of SAs that go away have their keys in them, as those of new ones do.
//! - The kernel sends a refused message back with its error, and that message may hold a key. Acknowledgements can be
//!   capped to prevent this, since Linux 4.3. The extended ones, since 4.12, bring the reason in words.
//! - A dump during which somebody changes the objects goes on without an error, and one half of it may be older than
//!   the other. Only a flag says so (`NLM_F_DUMP_INTR`). Such a dump is asked for again.
//! - A socket stays in the network namespace that it was opened in. So a thread visits a namespace only to open it.
//! - A socket that joined a multicast group as root goes on to hear that group after root was left.
//! - The dump of forwarding entries has the address family of bridges. Only the length of an address then tells IPv4
//!   from IPv6.
//! - `IFA_ADDRESS` of a point-to-point link is the address of the other end. `IFA_LOCAL` is the link's own.
//! - A link whose other half is in another namespace names that half by an index that means nothing here. Only
//!   `IFLA_LINK_NETNSID` gives this away.
//! - The number of a routing table stands twice in a message. The 8 bits of the header cannot hold every number, so
//!   the 32 bits of the attribute go first. The replay window of an SA is twice there in the same manner.
//! - A forwarding entry without `NTF_SELF` is meant for a bridge, and the kernel refuses it for a VXLAN device.

pub(crate) mod blank;
pub(crate) mod fou;
mod generic;
pub(crate) mod nftables;
mod relayed;
pub(crate) mod route;
mod socket;
mod subscription;
pub(crate) mod wireguard;
pub(crate) mod xfrm;

use std::fmt;
use std::io;
use std::time::Duration;

use zeroize::{Zeroize, Zeroizing};

use crate::escape::reason;
use crate::keeper;

use relayed::Relayed;
pub(crate) use relayed::{answer, join, relay};
pub(crate) use socket::{Socket, connect};
pub(crate) use subscription::Subscription;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLM_F_CAPPED: u16 = 0x100;
const NLM_F_ACK_TLVS: u16 = 0x200;
const NLMSGERR_ATTR_MSG: u16 = 1;
const HEADER: usize = 16;
/// The number of times that an interrupted dump is asked for again. The waits between them add up to four seconds.
const DUMPS: u64 = 40;

/// Creates an object, and fails if it exists (`NLM_F_CREATE | NLM_F_EXCL`).
pub(crate) const CREATE: u16 = 0x400 | 0x200;
/// Creates an object, or replaces the one that exists (`NLM_F_CREATE | NLM_F_REPLACE`).
pub(crate) const REPLACE: u16 = 0x400 | 0x100;
/// Creates an object beside those that exist (`NLM_F_CREATE | NLM_F_APPEND`).
pub(crate) const APPEND: u16 = 0x400 | 0x800;

/// The kernel's reason not to do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// The error number, positive.
    pub errno: i32,
    /// The words that the kernel added to the number.
    pub said: Option<String>,
}

impl Refusal {
    pub(crate) fn new(errno: i32) -> Self {
        Self { errno, said: None }
    }

    /// Adds words if the kernel had none.
    pub(crate) fn saying(self, words: &str) -> Self {
        Self { said: self.said.or_else(|| Some(words.to_owned())), ..self }
    }

    /// Returns true if the object does not exist, for which the kernel has several error numbers.
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

/// A part of the kernel to talk to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Links, addresses, neighbours, forwarding entries and routes.
    Route,
    /// Security associations and policies. A keeper passes no key of these on.
    Xfrm,
    /// Security associations with the keys of ESP, for those who open its packets.
    Keys,
    /// The parts that have no number of their own, such as WireGuard.
    Generic,
    /// Firewall rules.
    Netfilter,
}

/// A socket to one part of the kernel in one network namespace.
pub(crate) struct Netlink {
    line: Line,
    sequence: u32,
    received: Vec<u8>,
}

/// The way to the kernel and back.
enum Line {
    Socket(Socket),
    /// The keeper asks, because there are secrets in the answers.
    Relayed(Relayed),
}

impl Netlink {
    /// Opens the socket in the network namespace of this thread.
    pub(crate) fn open(family: Family) -> io::Result<Self> {
        let line = match keeper::installed() {
            Some(keeper) if family.has_secrets() => Line::Relayed(Relayed::new(family, keeper)),
            _ => Line::Socket(Socket::open(family)?),
        };
        Ok(Self { line, sequence: 0, received: Vec::with_capacity(1 << 16) })
    }

    /// Returns the number of requests that were sent.
    pub(crate) fn sent(&self) -> u32 {
        self.sequence
    }

    /// Sends one request and waits for its acknowledgement.
    pub(crate) fn request(&mut self, kind: u16, flags: u16, body: &[u8]) -> Result<(), Refusal> {
        let answered = self.exchange(kind, NLM_F_REQUEST | NLM_F_ACK | flags, body, |_, _| ());
        // A kernel that does not cap its refusals has sent the request back.
        self.received.as_mut_slice().zeroize();
        answered
    }

    /// Sends one request and hands over type and body of each answer before the acknowledgement.
    pub(crate) fn ask(
        &mut self,
        kind: u16,
        body: &[u8],
        each: impl FnMut(u16, &[u8]),
    ) -> Result<(), Refusal> {
        self.exchange(kind, NLM_F_REQUEST | NLM_F_ACK, body, each)
    }

    /// Returns every object of a kind. `read` makes one of message type and body. The received bytes are wiped
    /// afterwards, because a dump of SAs holds their keys. A dump that was interrupted by changes is asked for again.
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

    /// Waits for one datagram, and goes on waiting after a signal.
    fn receive(&mut self) -> Result<(), Refusal> {
        loop {
            self.received.clear();
            self.received.reserve(1 << 16);
            let received = match &mut self.line {
                Line::Socket(socket) => socket.receive(&mut self.received),
                Line::Relayed(relayed) => relayed.receive(&mut self.received),
            };
            match received {
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
        match &mut self.line {
            Line::Socket(socket) => socket.send(&message)?,
            Line::Relayed(relayed) => relayed.send(&message)?,
        }
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

/// Returns the number of a part of generic netlink, if the kernel has it now.
pub(crate) fn generic_number(name: &str) -> Option<u16> {
    generic::loaded(&mut Netlink::open(Family::Generic).ok()?, name).ok().flatten()
}

/// One message of a datagram.
pub(crate) struct Message<'a> {
    pub(crate) kind: u16,
    flags: u16,
    sequence: u32,
    /// The bytes behind the header.
    pub(crate) body: &'a [u8],
}

/// Splits a datagram into its messages, up to the first that is not whole.
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

    /// Reads the error number of an acknowledgement, which is 0 for success, and the kernel's words behind it.
    pub(crate) fn outcome(&self) -> Result<(), Refusal> {
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

/// Splits bytes into attributes, each with its type, without the flag bits, and its value.
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

/// Returns the `N` bytes at an offset.
pub(crate) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Reads a number in the machine's byte order at an offset.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_ne_bytes)
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    array_at(bytes, at).map(i32::from_ne_bytes)
}

/// Reads a number in the machine's byte order at an offset.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_ne_bytes)
}

/// Reads a number in the machine's byte order at an offset.
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

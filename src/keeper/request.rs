//! The requests that the keeper knows, and their bytes.
//!
//! ```text
//!   0 kind (1)
//!   1 fields of a fixed length, numbers in the machine's byte order
//!   … at most one field of any length, which ends the message
//! ```
//!
//! The decoder is the one piece of the keeper that reads bytes of an attacker's choice, if one has taken over the process that
//! decodes packets. It allocates nothing but a bounded list of numbers, and gives no message a second reading.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The most multicast groups of a subscription.
const MOST_GROUPS: usize = 32;
/// The most links that a capture leaves out.
const MOST_LINKS: usize = 240;
/// The longest path in bytes.
const LONGEST_PATH: usize = 4095;
/// The longest name of a link in bytes (`IFNAMSIZ` without its zero byte).
const LONGEST_NAME: usize = 15;

/// A version of the Internet protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Internet {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A program of the system that prints firewall rules, with all its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// `iptables-legacy-save`.
    IptablesLegacy,
    /// `iptables-save`.
    Iptables,
    /// `ip6tables-legacy-save`.
    Ip6tablesLegacy,
    /// `ip6tables-save`.
    Ip6tables,
    /// `iptables-nft-save`.
    IptablesNft,
    /// `ip6tables-nft-save`.
    Ip6tablesNft,
    /// `nft list ruleset`.
    Nft,
}

impl Tool {
    /// All of them. The place of one is its number in a request.
    pub const ALL: [Self; 7] = [
        Self::IptablesLegacy,
        Self::Iptables,
        Self::Ip6tablesLegacy,
        Self::Ip6tables,
        Self::IptablesNft,
        Self::Ip6tablesNft,
        Self::Nft,
    ];

    /// Returns the name of the program, and its arguments.
    pub fn command(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::IptablesLegacy => ("iptables-legacy-save", &[]),
            Self::Iptables => ("iptables-save", &[]),
            Self::Ip6tablesLegacy => ("ip6tables-legacy-save", &[]),
            Self::Ip6tables => ("ip6tables-save", &[]),
            Self::IptablesNft => ("iptables-nft-save", &[]),
            Self::Ip6tablesNft => ("ip6tables-nft-save", &[]),
            Self::Nft => ("nft", &["list", "ruleset"]),
        }
    }
}

/// The things that a keeper is there for. It refuses all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything that `verify` asks for.
    Watch,
    /// The same, but no key.
    Facts,
    /// The engine alone, for the names of `--resolve`.
    Names,
    /// The files to write alone, for a verdict on a capture file.
    Outputs,
}

impl Scope {
    /// Returns the word that stands for it on the keeper's command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Facts => "facts",
            Self::Names => "names",
            Self::Outputs => "outputs",
        }
    }

    /// Reads the word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Watch, Self::Facts, Self::Names, Self::Outputs].into_iter().find(|scope| scope.word() == word)
    }
}

/// A request. Those that open something open it in the network namespace whose descriptor comes with the request, or in the
/// keeper's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Opens a conversation with a part of the kernel that tells no secrets, by the number of its protocol (`NETLINK_…`).
    Netlink(u8),
    /// Sends one message of netlink on the socket that comes with the request.
    Send(&'a [u8]),
    /// Subscribes to groups of such a part.
    Subscribe(u8, Vec<u32>),
    /// Opens a capture on all links but some, with a ring of this size in bytes.
    Capture(u32, Vec<u32>),
    /// Opens a socket for the messages of a probe, bound to a device if one is named. The number of the device is replied.
    Probe(Internet, Option<&'a str>),
    /// Asks for the address that packets to another one, and to this UDP port, leave from.
    Source(IpAddr, u16),
    /// Opens the file of a network namespace.
    Namespace(&'a Path),
    /// Enters the namespace, and comes back.
    Enter,
    /// Asks for the paths of the network namespaces that have a name.
    Named,
    /// Asks for the paths of all namespaces, those of processes among them.
    Namespaces,
    /// Opens a file of the kernel's, to read.
    Read(&'a Path),
    /// Asks for nothing, and is refused if the kernel has no such file.
    Exists(&'a Path),
    /// Runs a program. A pipe is handed over, with a byte 0 and its output if it succeeds, and else with nothing.
    Run(Tool),
    /// Opens a conversation with the engine at this socket, in which it may be asked a few kinds of questions.
    Engine(&'a Path),
    /// Writes the file that was named with `-o`. Its bytes are in the memory that comes with the request.
    Deliver(&'a Path),
    /// Writes a folder of evidence. Its files are in the memory that comes with the request, as `pack` puts them.
    Keep(&'a Path),
    /// Removes an old folder of evidence.
    Forget(&'a Path),
    /// Asks a part of the kernel that also tells secrets. The answers are handed over in memory, without these.
    Ask(u8, &'a [u8]),
}

impl<'a> Request<'a> {
    /// Returns the bytes of the request.
    pub fn encode(&self) -> Vec<u8> {
        let path = |kind: u8, path: &Path| [&[kind], path.as_os_str().as_bytes()].concat();
        let numbers = |head: &[u8], numbers: &[u32]| {
            let numbers = numbers.iter().flat_map(|number| number.to_ne_bytes());
            head.iter().copied().chain(numbers).collect()
        };
        match self {
            Self::Netlink(protocol) => vec![0, *protocol],
            Self::Send(message) => [&[1], *message].concat(),
            Self::Subscribe(protocol, groups) => numbers(&[2, *protocol], groups),
            Self::Capture(size, without) => {
                let size = size.to_ne_bytes();
                numbers(&[&[3], &size[..]].concat(), without)
            }
            Self::Probe(version, device) => {
                let version = if *version == Internet::V4 { 4 } else { 6 };
                [&[4, version], device.unwrap_or("").as_bytes()].concat()
            }
            Self::Source(to, port) => {
                let port = port.to_ne_bytes();
                match to {
                    IpAddr::V4(to) => [&[5][..], &port, &to.octets()].concat(),
                    IpAddr::V6(to) => [&[5][..], &port, &to.octets()].concat(),
                }
            }
            Self::Namespace(file) => path(6, file),
            Self::Enter => vec![7],
            Self::Named => vec![8],
            Self::Namespaces => vec![9],
            Self::Read(file) => path(10, file),
            Self::Exists(file) => path(11, file),
            Self::Run(tool) => {
                let number = Tool::ALL.iter().position(|one| one == tool).and_then(|at| at.try_into().ok());
                vec![12, number.unwrap_or(u8::MAX)]
            }
            Self::Engine(socket) => path(13, socket),
            Self::Deliver(file) => path(14, file),
            Self::Keep(folder) => path(15, folder),
            Self::Forget(folder) => path(16, folder),
            Self::Ask(part, message) => [&[17, *part], *message].concat(),
        }
    }

    /// Reads a request. Returns `None` for everything that is not exactly one.
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        Some(match (*kind, rest) {
            (0, &[protocol]) => Self::Netlink(protocol),
            (1, message) => Self::Send(message),
            (2, &[protocol, ref groups @ ..]) => Self::Subscribe(protocol, numbers(groups, MOST_GROUPS)?),
            (3, rest) => {
                let (size, links) = rest.split_first_chunk()?;
                Self::Capture(u32::from_ne_bytes(*size), numbers(links, MOST_LINKS)?)
            }
            (4, &[4, ref device @ ..]) => Self::Probe(Internet::V4, named(device_name(device)?)),
            (4, &[6, ref device @ ..]) => Self::Probe(Internet::V6, named(device_name(device)?)),
            (5, rest) => {
                let (port, address) = rest.split_first_chunk()?;
                Self::Source(ip(address)?, u16::from_ne_bytes(*port))
            }
            (6, file) => Self::Namespace(path(file)?),
            (7, &[]) => Self::Enter,
            (8, &[]) => Self::Named,
            (9, &[]) => Self::Namespaces,
            (10, file) => Self::Read(path(file)?),
            (11, file) => Self::Exists(path(file)?),
            (12, &[tool]) => Self::Run(*Tool::ALL.get(usize::from(tool))?),
            (13, socket) => Self::Engine(path(socket)?),
            (14, file) => Self::Deliver(path(file)?),
            (15, folder) => Self::Keep(path(folder)?),
            (16, folder) => Self::Forget(path(folder)?),
            (17, &[part, ref message @ ..]) => Self::Ask(part, message),
            _ => return None,
        })
    }
}

/// Reads numbers of four bytes, up to a number of them.
fn numbers(bytes: &[u8], most: usize) -> Option<Vec<u32>> {
    if bytes.len() > most * 4 || bytes.len() % 4 != 0 {
        return None;
    }
    let number = |bytes: &[u8]| bytes.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes));
    bytes.chunks_exact(4).map(number).collect()
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    four.or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from))
}

/// Returns a name unless it is empty.
fn named(name: &str) -> Option<&str> {
    Some(name).filter(|name| !name.is_empty())
}

/// Reads the name of a device, which is empty if none is named.
fn device_name(bytes: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(bytes).ok()?;
    if name.len() > LONGEST_NAME || name.contains(['\0', '/']) {
        return None;
    }
    Some(name)
}

fn path(bytes: &[u8]) -> Option<&Path> {
    let fits = !bytes.is_empty() && bytes.len() <= LONGEST_PATH && !bytes.contains(&0);
    fits.then(|| Path::new(OsStr::from_bytes(bytes)))
}

#[cfg(test)]
mod tests;

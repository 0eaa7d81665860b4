//! The keeper's own side: the process that keeps root for one that has left it. The room [`crate::keeper`] says what for.
//!
//! [`start`] runs the program again, with a hidden first argument and one end of a socket as its standard input, while
//! nothing is open yet and one thread is running. It is a new process image and no fork: no key and no byte of
//! the first process is in it, and no descriptor that it has opened. It reduces itself to the few capabilities that the requests need, and then answers
//! requests, one after the other, until the other end of the socket is closed or the first process has ended ([`run`]).
//!
//! # What the keeper may be asked
//!
//! The first process may be in the hands of whoever sent it a packet. So a request never says *how*: no flags, no
//! program, no address of a socket.
//!
//! - Netlink (`allowed`): one message at a time, which reads. Never one that sets or deletes anything. Subscriptions to the
//!   groups that the program knows. Where the kernel also tells keys (`secrets`), the sockets stay here, and the answers are
//!   passed on without these.
//! - Sockets: a capture on all interfaces but some, and ICMP sockets for probes. Both are bound before they are handed over.
//! - Files (`files`): network namespaces, and the few files of `/proc` and `/sys` that a verdict needs.
//! - Programs (`tools`): those that print firewall rules, with fixed arguments.
//! - Files to write (`delivery`): those that were named on the command line, and no others.
//! - Docker's engine (`engine`): GET of a few paths. The connection itself stays here, because its holder is root.
//!
//! # What it may not give away
//!
//! Everything above is reading, but two things: whoever has the socket of a capture or of a probe can also send on it. That is
//! so for every program that sniffs, and the kernel has no ring that cannot send.
//!
//! # Its own rights
//!
//! A keeper that somebody starts by hand must not hand out what the file of the program has (`setcap`). Its rule is
//! simple: it keeps the capabilities that are in its inheritable set, which come from its parent alone
//! ([`crate::host::privileges::keep_inherited`]).

mod allowed;
mod captures;
mod delivery;
mod engine;
mod files;
mod first;
mod secrets;
mod tools;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::socket_type;
use rustix::net::{SendFlags, SocketType, sendto};

use crate::escape::reason;
use crate::host::namespace::{self, Namespace};
use crate::host::privileges::{self, Duty};
use crate::keeper::{self, DONE, LONGEST_REPLY, LONGEST_REQUEST, REFUSED, Received, Reply, Request, Scope};
use crate::netlink::{self, Family};
use crate::verify::probe;
use allowed::Numbers;
use captures::Captures;
pub use delivery::Outputs;
#[cfg(test)]
pub(crate) use engine::tests::{kept, told};
use first::First;

/// The hidden first argument of a keeper. The second one is the word of its [`Scope`], and the third one the size of the largest
/// ring that a capture may have.
pub const ARGUMENT: &str = "--keep-privileges";

/// The variables of the environment that a keeper needs: those that say where an engine listens.
const VARIABLES: [&str; 2] = ["DOCKER_HOST", "XDG_RUNTIME_DIR"];

/// The reasons for which there is no keeper.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be started.
    #[error("start the process that keeps root for this one: {}; {}", reason(.0), remedy(.0))]
    Start(#[from] io::Error),
    /// The capabilities could not be passed on.
    #[error(transparent)]
    Privileges(#[from] privileges::Error),
    /// The process was started by hand.
    #[error("{ARGUMENT} is for ovlsniff itself, which talks to this process; leave it out")]
    ByHand,
}

/// Starts a keeper, and has this process ask it from now on. Call this before the first thread, and before root is left.
/// `ring` is the size in bytes of the largest ring that a capture may have; 0 for none.
pub fn start(scope: Scope, ring: u32, outputs: &Outputs<'_>) -> Result<(), Error> {
    let (ours, theirs) = keeper::pair()?;
    privileges::pass_on(duties(scope, outputs))?;
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("ovlsniff")
        .args([ARGUMENT, scope.word(), &ring.to_string()])
        .args(outputs.words())
        .env_clear();
    command.envs(VARIABLES.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.stdin(theirs).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    drop(command);
    // The first message says that the other end is a keeper, and ready.
    match keeper::receive(&ours, &mut [0; 8])? {
        Received { len: 1, .. } => keeper::install(ours),
        _ => return Err(io::Error::other("it ended").into()),
    }
    Ok(())
}

/// Is the keeper of the process at the other end of standard input, until that ends. `ring` is as for [`start`].
///
/// # Errors
/// Standard input is no such socket: somebody has started this process by hand.
pub fn run(scope: &str, ring: u32, outputs: &Outputs<'_>) -> Result<(), Error> {
    let scope = Scope::of(scope).ok_or(Error::ByHand)?;
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    if socket_type(&socket).ok() != Some(SocketType::SEQPACKET) {
        return Err(Error::ByHand);
    }
    let first = First::of(&socket)?;
    privileges::keep_inherited(duties(scope, outputs))?;
    let mut keeping = Keeping {
        scope,
        outputs: *outputs,
        numbers: Numbers::default(),
        captures: Captures::up_to(ring),
        crew: tools::Crew::default(),
    };
    keeper::send(&socket, &[DONE], None)?;
    let mut buffer = vec![0; LONGEST_REQUEST];
    loop {
        if !first.has_said_something(&socket)? {
            return Ok(());
        }
        let (bytes, with) = match keeper::receive(&socket, &mut buffer)? {
            Received { len: 0, .. } => return Ok(()),
            // Nothing is answered: the first process would take it for the answer to a request of its own.
            Received { from, .. } if !first.is(from) => continue,
            Received { len, fd, is_whole: true, .. } => (buffer.get(..len).unwrap_or_default(), fd),
            Received { is_crowded: true, .. } => {
                keeper::send_at_once(&socket, &refusal(Errno::EMFILE as i32), None)?;
                continue;
            }
            Received { is_whole: false, .. } => (&[][..], None),
        };
        let fulfilled = Request::decode(bytes).ok_or(Errno::EINVAL.into());
        match fulfilled.and_then(|request| keeping.fulfil(&request, with)) {
            Ok(Reply { body, fd }) => {
                let body = [&[DONE], body.get(..LONGEST_REPLY - 1).unwrap_or(&body)].concat();
                keeper::send_at_once(&socket, &body, fd.as_ref().map(AsFd::as_fd))?;
            }
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(Errno::EIO as i32);
                keeper::send_at_once(&socket, &refusal(errno), None)?;
            }
        }
    }
}

/// Returns the answer to a request that was not fulfilled.
fn refusal(errno: i32) -> Vec<u8> {
    [&[REFUSED], &errno.to_ne_bytes()[..]].concat()
}

/// Returns what a keeper needs capabilities for.
fn duties(scope: Scope, outputs: &Outputs<'_>) -> &'static [Duty] {
    match (scope, outputs.is_empty()) {
        (Scope::Watch | Scope::Facts, true) => &[Duty::Kernel],
        (Scope::Watch | Scope::Facts, false) => &[Duty::Kernel, Duty::Files],
        (Scope::Names, _) => &[Duty::Engine],
        (Scope::Outputs, _) => &[Duty::Files],
    }
}

struct Keeping<'p> {
    scope: Scope,
    outputs: Outputs<'p>,
    numbers: Numbers,
    captures: Captures,
    crew: tools::Crew,
}

impl Keeping<'_> {
    /// Does what a request asks for, if it may be asked for. `with` is the descriptor that came with it.
    fn fulfil(&mut self, request: &Request<'_>, with: Option<OwnedFd>) -> io::Result<Reply> {
        let is_asked_for = match self.scope {
            Scope::Watch => true,
            Scope::Facts => !allowed::asks_for_keys(request),
            Scope::Names => matches!(request, Request::Engine(_)),
            Scope::Outputs => {
                matches!(request, Request::Deliver(_) | Request::Keep(_) | Request::Forget(_))
            }
        };
        if !is_asked_for {
            return Err(refused());
        }
        if let Request::Send(message) = request {
            return Self::pass_on(message, &with.ok_or_else(refused)?).map(|()| reply(Vec::new()));
        }
        if let Some(done) = self.outputs.take(request, with.as_ref()) {
            return done.map(|()| reply(Vec::new()));
        }
        let namespace = with.map(Namespace::held);
        let within = namespace.as_ref();
        match request {
            Request::Netlink(protocol) => {
                let family = Family::of(*protocol).filter(|family| allowed::hands_over(*family));
                let family = family.ok_or_else(refused)?;
                visit(within, || netlink::connect(family)?.as_fd().try_clone_to_owned()).map(opened)
            }
            Request::Subscribe(protocol, groups) => {
                let family = Family::of(*protocol).filter(|family| allowed::groups(*family, groups));
                let family = family.ok_or_else(refused)?;
                let open = || match family {
                    Family::Keys => secrets::follow(groups),
                    _ => netlink::join(family, groups),
                };
                visit(within, open).map(opened)
            }
            Request::Ask(part, message) => {
                let family = Family::of(*part).ok_or_else(refused)?;
                let secrets = self.numbers.may_ask(family, message).ok_or_else(refused)?;
                visit(within, || secrets::ask(family, message, secrets)).map(opened)
            }
            Request::Capture(size, without) => self.captures.open(namespace, *size, without).map(opened),
            Request::Probe(version, device) => {
                visit(within, || Ok(probe::raw(*device, *version)?)).map(opened)
            }
            Request::Source(to, port) => {
                let source = visit(within, || Ok(probe::source_for(*to, *port)))?;
                Ok(reply(source.ok_or(Errno::ENETUNREACH)?.to_string().into_bytes()))
            }
            Request::Namespace(path) => files::namespace(path).map(opened),
            Request::Enter => visit(within, || Ok(reply(Vec::new()))),
            Request::Named => Ok(reply(files::list(namespace::files::named_once()))),
            Request::Namespaces => Ok(reply(files::list(namespace::files::every()))),
            Request::Read(path) => visit(within, || files::open(path)).map(opened),
            Request::Exists(path) => visit(within, || files::look(path)).map(|()| reply(Vec::new())),
            Request::Run(tool) => self.crew.run(*tool, namespace).map(opened),
            Request::Engine(socket) => engine::connect(socket).map(opened),
            Request::Send(_) | Request::Deliver(_) | Request::Keep(_) | Request::Forget(_) => Err(refused()),
        }
    }

    /// Sends a message of netlink that reads.
    fn pass_on(message: &[u8], socket: &OwnedFd) -> io::Result<()> {
        let family = allowed::family_of(socket).ok_or_else(refused)?;
        if !allowed::may_send(family, message) {
            return Err(refused());
        }
        // The address is given, because whoever holds the socket too may have connected it elsewhere.
        let kernel = SocketAddrNetlink::new(0, 0);
        sendto(socket, message, SendFlags::DONTWAIT, &kernel)?;
        Ok(())
    }
}

/// Returns what to do if no keeper can be started.
fn remedy(cause: &io::Error) -> &'static str {
    match cause.raw_os_error() {
        Some(nix::libc::EMFILE | nix::libc::ENFILE) => "allow more (ulimit -n)",
        // It is this program once more, which is found there.
        Some(nix::libc::ENOENT) if !Path::new("/proc/self").exists() => {
            "/proc is not mounted: mount it (mount -t proc proc /proc), or go on as root with --no-drop"
        }
        _ => "go on as root with --no-drop",
    }
}

fn refused() -> io::Error {
    Errno::EPERM.into()
}

fn reply(body: Vec<u8>) -> Reply {
    Reply { body, fd: None }
}

fn opened(fd: OwnedFd) -> Reply {
    Reply { body: Vec::new(), fd: Some(fd) }
}

/// Runs `work` in a namespace.
fn visit<T>(namespace: Option<&Namespace>, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    Namespace::run(namespace, work).map_err(|error| errno_of(&error))?
}

/// Returns the error number by which the other side knows why a namespace cannot be entered.
fn errno_of(error: &namespace::Error) -> io::Error {
    match error {
        namespace::Error::Permission { .. } => Errno::EPERM.into(),
        namespace::Error::NoReturn { .. } => Errno::ENOTRECOVERABLE.into(),
        namespace::Error::Other { .. } => Errno::EINVAL.into(),
        namespace::Error::Unknown { .. } => Errno::ENOENT.into(),
        namespace::Error::Open { cause, .. } => {
            io::Error::from_raw_os_error(cause.raw_os_error().unwrap_or(Errno::EIO as i32))
        }
        namespace::Error::Enter { cause, .. } | namespace::Error::Leave { cause, .. } => (*cause).into(),
    }
}

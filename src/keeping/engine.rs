//! The conversation with Docker's engine that a keeper passes on.
//!
//! Whoever may talk to the engine is root: it starts containers with the host's files in them. So its connection stays
//! here. The other process gets one end of a pair of sockets instead, and says on it what it would say to the engine.
//! A question that is known is asked anew, in words of the keeper's own; everything else ends the conversation.
//!
//! Nothing of what the other process says reaches the engine but a path, and that is made of characters that cannot end a
//! line or the path. So no second question can hide in one. Nothing of what the engine says reaches the other process but the
//! parts that the program reads (`told`): an answer has the environments of containers in it, and passwords in these.

mod told;

use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Builder};

use nix::errno::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};

use crate::host::docker::engine::{Line, Told};
use crate::host::docker::names;

/// The longest question in bytes.
const LONGEST: usize = 4 << 10;
/// The most conversations at the same time.
const MOST: usize = 32;

/// The number of conversations.
static CONVERSATIONS: AtomicUsize = AtomicUsize::new(0);

/// Connects to the engine at a socket, if that is one of the usual places or the one that `DOCKER_HOST` names. Returns the
/// descriptor to say questions on.
pub(super) fn connect(socket: &Path) -> io::Result<OwnedFd> {
    if !names::places().iter().any(|place| Path::new(place) == socket) {
        return Err(Errno::EPERM.into());
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let engine = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // An engine that has no room for one more is an error, which the other side waits for and tries again.
    rustix::net::connect(&engine, &SocketAddrUnix::new(socket)?)?;
    let (here, there) = UnixStream::pair()?;
    if CONVERSATIONS.fetch_add(1, Ordering::Relaxed) >= MOST {
        CONVERSATIONS.fetch_sub(1, Ordering::Relaxed);
        return Err(Errno::EAGAIN.into());
    }
    Builder::new().spawn(move || {
        converse(&here, &UnixStream::from(engine));
        CONVERSATIONS.fetch_sub(1, Ordering::Relaxed);
    })?;
    Ok(there.into())
}

/// Passes questions and answers on until one of the two ends the conversation.
fn converse(program: &UnixStream, engine: &UnixStream) {
    thread::scope(|scope| {
        let (ask, asked) = sync_channel(1);
        // Without a thread nobody would answer, and the program is told so by the end of the conversation.
        if Builder::new().spawn_scoped(scope, || answers(asked, engine, program)).is_ok() {
            questions(program, &ask);
        }
        end(program, engine);
    });
}

/// Passes the questions on until there is one that is not known.
fn questions(mut from: &UnixStream, to: &SyncSender<(String, Told)>) {
    let mut heard = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        heard.extend_from_slice(buffer.get(..len).unwrap_or_default());
        while let Some(end) = heard.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let Some((path, told)) = heard.get(..end).and_then(question) else { return };
            // The program waits for an answer before it asks again.
            if to.try_send((path.to_owned(), told)).is_err() {
                return;
            }
            heard.drain(..end + 4);
        }
        if heard.len() > LONGEST {
            return;
        }
    }
}

/// Asks the questions, and passes the answers on.
fn answers(asked: Receiver<(String, Told)>, engine: &UnixStream, mut program: &UnixStream) {
    if let Ok(mut line) = engine.try_clone().and_then(Line::on) {
        for (path, told) in asked {
            if line.pass(&path, told, &mut program).is_err() {
                break;
            }
        }
    }
    end(program, engine);
}

fn end(one: &UnixStream, other: &UnixStream) {
    let _ = one.shutdown(Shutdown::Both);
    let _ = other.shutdown(Shutdown::Both);
}

/// Returns the path of a question, if it is one that may be asked, and what is told of the answer. `head` is everything before the
/// empty line.
fn question(head: &[u8]) -> Option<(&str, Told)> {
    let head = std::str::from_utf8(head).ok()?;
    let line = head.lines().next()?;
    let path = line.strip_prefix("GET ")?.strip_suffix(" HTTP/1.1")?;
    Some((path, told_of(path)?))
}

/// Returns what is told of the answer to a path, `None` if it may not be asked for.
fn told_of(path: &str) -> Option<Told> {
    let is_harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"/?&=%._-~:,".contains(&byte);
    let rest = path.strip_prefix('/').filter(|path| path.bytes().all(is_harmless))?;
    let (rest, _) = rest.split_once('?').unwrap_or((rest, ""));
    match rest.split_once('/') {
        Some((version, rest)) if is_version(version) => {
            told::PATHS.iter().find(|(pattern, _)| fits(rest, pattern)).map(|(_, told)| *told)
        }
        _ => told::WITHOUT_VERSION.iter().find(|(path, _)| *path == rest).map(|(_, told)| *told),
    }
}

/// Returns true for `v1.41`.
fn is_version(word: &str) -> bool {
    let digits =
        |word: &str| !word.is_empty() && word.len() < 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = word.strip_prefix('v').and_then(|word| word.split_once('.'));
    numbers.is_some_and(|(major, minor)| digits(major) && digits(minor))
}

fn fits(path: &str, pattern: &str) -> bool {
    // A name has no character that the engine would read as more than a part of a path.
    let is_name = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !part.is_empty() && part.bytes().all(plain) && !part.starts_with('.')
    };
    path.split('/').count() == pattern.split('/').count()
        && path
            .split('/')
            .zip(pattern.split('/'))
            .all(|(part, wanted)| if wanted == "*" { is_name(part) } else { part == wanted })
}

#[cfg(test)]
pub(super) mod tests;

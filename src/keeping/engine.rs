//! The conversation with Docker's engine that a keeper passes on.
//!
//! Whoever may talk to the engine is root: it starts containers with the host's files in them. So its connection stays
//! here. The other process gets one end of a pair of sockets instead, and says on it what it would say to the engine.
//! A question that is known is asked anew, in words of the keeper's own; everything else ends the conversation. What the engine
//! says is passed on as it is: it comes from the engine, and is for the other process alone.
//!
//! Nothing of what the other process says reaches the engine but a path, and that is made of characters that cannot end a
//! line or the path. So no second question can hide in one.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Builder};

use nix::errno::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};

use crate::host::docker::names;

/// The longest question in bytes.
const LONGEST: usize = 4 << 10;
/// The most conversations at the same time.
const MOST: usize = 32;

/// The paths that may be asked for, behind the version. A `*` stands for a name or an identifier.
const PATHS: [&str; 9] = [
    "_ping",
    "containers/*/json",
    "containers/json",
    "events",
    "info",
    "networks",
    "networks/*",
    "services",
    "tasks",
];

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
    let engine = UnixStream::from(engine);
    engine.set_nonblocking(false)?;
    let (here, there) = UnixStream::pair()?;
    if CONVERSATIONS.fetch_add(1, Ordering::Relaxed) >= MOST {
        CONVERSATIONS.fetch_sub(1, Ordering::Relaxed);
        return Err(Errno::EAGAIN.into());
    }
    let converse = move || {
        thread::scope(|scope| {
            scope.spawn(|| answers(&engine, &here));
            questions(&here, &engine);
        });
        CONVERSATIONS.fetch_sub(1, Ordering::Relaxed);
    };
    Builder::new().spawn(converse)?;
    Ok(there.into())
}

/// Passes the questions on until there is one that is not known.
fn questions(mut from: &UnixStream, mut to: &UnixStream) {
    let mut heard = Vec::new();
    let mut buffer = [0; 1024];
    'heard: while let Ok(len @ 1..) = from.read(&mut buffer) {
        heard.extend_from_slice(buffer.get(..len).unwrap_or_default());
        while let Some(end) = heard.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let Some(path) = heard.get(..end).and_then(question) else { break 'heard };
            let said = format!("GET {path} HTTP/1.1\r\nHost: docker\r\n\r\n");
            if to.write_all(said.as_bytes()).is_err() {
                break 'heard;
            }
            heard.drain(..end + 4);
        }
        if heard.len() > LONGEST {
            break;
        }
    }
    end(from, to);
}

/// Passes the engine's answers on as they are.
fn answers(mut from: &UnixStream, mut to: &UnixStream) {
    let _ = io::copy(&mut from, &mut to);
    end(from, to);
}

fn end(one: &UnixStream, other: &UnixStream) {
    let _ = one.shutdown(Shutdown::Both);
    let _ = other.shutdown(Shutdown::Both);
}

/// Returns the path of a question, if it is one that may be asked. `head` is everything before the empty line.
fn question(head: &[u8]) -> Option<&str> {
    let head = std::str::from_utf8(head).ok()?;
    let line = head.lines().next()?;
    let path = line.strip_prefix("GET ")?.strip_suffix(" HTTP/1.1")?;
    may_be_asked(path).then_some(path)
}

fn may_be_asked(path: &str) -> bool {
    let is_harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"/?&=%._-~:,".contains(&byte);
    let Some(rest) = path.strip_prefix('/').filter(|path| path.bytes().all(is_harmless)) else {
        return false;
    };
    let (rest, _) = rest.split_once('?').unwrap_or((rest, ""));
    match rest.split_once('/') {
        Some((version, rest)) if is_version(version) => PATHS.iter().any(|pattern| fits(rest, pattern)),
        _ => matches!(rest, "version" | "_ping"),
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
mod tests {
    use super::*;

    #[test]
    fn the_questions_of_the_program_are_passed_on() {
        for path in [
            "/version",
            "/_ping",
            "/v1.41/info",
            "/v1.56/networks?filters=%7B%22driver%22%3A%5B%22overlay%22%5D%7D",
            "/v1.41/networks/secure",
            "/v1.41/networks/0f3b2a?verbose=true",
            "/v1.41/containers/json",
            "/v1.41/containers/0f3b2a/json",
            "/v1.41/services",
            "/v1.41/tasks?filters=%7B%22desired-state%22%3A%5B%22running%22%5D%7D",
            "/v1.41/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D",
        ] {
            let head = format!("GET {path} HTTP/1.1\r\nhost: docker");
            assert_eq!(question(head.as_bytes()), Some(path));
        }
    }

    #[test]
    fn questions_that_give_root_or_secrets_away_are_not_passed_on() {
        for path in [
            "/v1.41/containers/create",
            "/v1.41/containers/0f3b2a/archive?path=/etc/shadow",
            "/v1.41/containers/0f3b2a/attach/ws",
            "/v1.41/containers/../configs/json",
            "/v1.41/containers/..%2f..%2fconfigs/json",
            "/v1.41/configs",
            "/v1.41/secrets",
            "/v1.41/images/debian/get",
            "/v1.41/plugins/json",
            "/v1.41//networks/a",
            "/v1.41/networks/",
            "/networks",
            "/v1/networks",
            "version",
            "",
        ] {
            assert!(!may_be_asked(path), "{path}");
        }
        for head in [
            "POST /v1.41/containers/create HTTP/1.1",
            "GET /version HTTP/1.0",
            "GET /version\r\nGET /v1.41/configs HTTP/1.1",
            "GET /version HTTP/1.1 HTTP/1.1",
            "get /version HTTP/1.1",
            "",
        ] {
            assert_eq!(question(head.as_bytes()), None, "{head}");
        }
        assert_eq!(question(b"GET /version\xff HTTP/1.1"), None);
    }

    /// Holds a conversation with an engine that answers every question with its length.
    fn converse(said: &[&[u8]]) -> (Vec<String>, String) {
        let (program, here) = UnixStream::pair().unwrap();
        let (there, engine) = UnixStream::pair().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::scope(|both| {
                    both.spawn(|| answers(&there, &here));
                    questions(&here, &there);
                });
            });
            let heard = scope.spawn(|| {
                let mut heard = String::new();
                (&engine).read_to_string(&mut heard).unwrap();
                heard
            });
            for part in said {
                // The conversation may be over by now.
                let _ = (&program).write_all(part);
            }
            let _ = program.shutdown(Shutdown::Write);
            let heard = heard.join().unwrap();
            let mut rest = String::new();
            let _ = (&program).read_to_string(&mut rest);
            (heard.split_terminator("\r\n\r\n").map(str::to_owned).collect(), rest)
        })
    }

    #[test]
    fn a_question_is_asked_anew_and_what_hides_behind_it_is_not() {
        let (heard, _) =
            converse(&[b"GET /version HTTP/1.1\r\nUpgrade: h2c\r\n", b"Connection: upgrade\r\n\r\n"]);
        assert_eq!(heard, ["GET /version HTTP/1.1\r\nHost: docker"]);
        let post = b"POST /containers/create HTTP/1.1\r\n\r\n";
        let (heard, _) = converse(&[
            b"GET /_ping HTTP/1.1\r\nContent-Length: 40\r\n\r\n",
            post,
            b"GET /version HTTP/1.1\r\n\r\n",
        ]);
        assert_eq!(heard, ["GET /_ping HTTP/1.1\r\nHost: docker"]);
        let (heard, _) = converse(&[&[b'a'; 2 * LONGEST]]);
        assert!(heard.is_empty());
    }
}

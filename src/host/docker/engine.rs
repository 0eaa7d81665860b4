//! Questions to the Docker Engine of this host: HTTP GET requests over its Unix socket, answered in JSON.
//!
//! The engine is optional, and the program at its socket need not be an engine. So one limit of time holds for the whole
//! conversation, and an answer that grows too long is dropped. An [`EngineError`] tells apart what a caller may want to:
//! no engine, no permission, nothing known of that name, and an engine that does not answer as it should. Every request has
//! a connection of its own. On a Unix socket that costs microseconds, and an answer that was not read to its end cannot
//! spoil the next one.
//!
//! The API's documentation deprecates paths without a version, so only `/version` is asked for without one. Its answer
//! gives the range of versions that the engine speaks. All other paths have the newest of them that is known here, so
//! that a future engine answers in a format of today. If the whole range is newer, they have its oldest version.

mod error;
mod kept;
mod passed;
mod reduced;

use std::future::poll_fn;
use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;

use crate::keeper::{self, Keeper, Request};
pub use error::EngineError;
pub(crate) use kept::{Heard, Kept, Opened, rest};
pub(crate) use passed::{Line, Told};
pub(crate) use reduced::Shape;
pub(crate) use serde_json::value::RawValue;

/// The major and the minor number of a version of the Engine API.
type ApiVersion = (u32, u32);

/// The newest version that is known here. No version up to this one has changed or removed anything that is read of an
/// answer.
const NEWEST: ApiVersion = (1, 56);

/// The length of the longest answer that is read, in bytes. A network with a thousand containers on one host takes 300
/// KiB.
const LONGEST: usize = 8 << 20;

/// The time after which a connection is tried again that the engine had no room for.
const AGAIN: Duration = Duration::from_millis(50);

/// The engine behind a socket.
pub(crate) struct Engine {
    socket: String,
    /// The beginning of every path: the version, such as `/v1.41`.
    prefix: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Versions {
    api_version: String,
    #[serde(rename = "MinAPIVersion")]
    min_api_version: Option<String>,
}

/// Returns the path of the engine's socket: the one in `DOCKER_HOST`, or `/var/run/docker.sock`. Returns `None` if
/// `DOCKER_HOST` is no `unix://` address, because its engine may be on another host, with other interfaces.
pub(crate) fn socket() -> Option<String> {
    match std::env::var("DOCKER_HOST") {
        Ok(host) if !host.is_empty() => host.strip_prefix("unix://").map(str::to_owned),
        _ => Some("/var/run/docker.sock".to_owned()),
    }
}

/// Talks to the engine behind a socket, for at most `patience`.
///
/// # Errors
/// Every [`EngineError`]; [`EngineError::Late`] if the conversation was not over in time.
pub(crate) fn converse<T>(
    socket: &str,
    patience: Duration,
    talk: impl AsyncFnOnce(Engine) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(|error| EngineError::broken(format!("start a conversation: {error}")))?;
    let talk = async { talk(Engine::find(socket).await?).await };
    let done = runtime.block_on(async { tokio::time::timeout(patience, talk).await });
    done.unwrap_or(Err(EngineError::Late(patience)))
}

impl Engine {
    /// Asks the engine for its versions and chooses one.
    async fn find(socket: &str) -> Result<Self, EngineError> {
        let mut engine = Self { socket: socket.to_owned(), prefix: String::new() };
        engine.prefix = prefix(engine.get("/version").await)?;
        Ok(engine)
    }

    /// Returns the engine's answer to a path. The path must already be encoded for a URL.
    ///
    /// # Errors
    /// Every [`EngineError`] but [`EngineError::Late`].
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, EngineError> {
        let request = request(&self.prefix, path)?;
        let mut sender = handshake(connect(&self.socket).await?).await?;
        parsed(&text(send(&mut sender, request).await?, LONGEST).await?)
    }
}

/// Connects to a socket, and tries again while the engine has no room for one more.
async fn connect(socket: &str) -> Result<UnixStream, EngineError> {
    loop {
        let connected = match keeper::installed() {
            Some(keeper) => kept(keeper, socket),
            None => UnixStream::connect(socket).await,
        };
        match connected {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::time::sleep(AGAIN).await,
            connected => return connected.map_err(|error| EngineError::unconnected(&error)),
        }
    }
}

/// Has the keeper connect to a socket. It passes on what is said, if it is one of the questions that it knows.
fn kept(keeper: &Keeper, socket: &str) -> io::Result<UnixStream> {
    let stream = StdStream::from(keeper.open(&Request::Engine(Path::new(socket)))?);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

/// Begins to speak HTTP on a connection.
async fn handshake(stream: UnixStream) -> Result<SendRequest<String>, EngineError> {
    let (sender, connection) = http1::handshake(Stream(stream)).await.map_err(broken_off)?;
    tokio::spawn(connection);
    Ok(sender)
}

/// The cause of a connection on which no whole answer came.
const BROKEN_OFF: &str = "it broke off, or is no HTTP";

fn broken_off(_: hyper::Error) -> EngineError {
    EngineError::broken(BROKEN_OFF)
}

/// Makes the request for a path behind the prefix of a version.
fn request(prefix: &str, path: &str) -> Result<hyper::Request<String>, EngineError> {
    // The engine refuses a request without a host header, but accepts any host.
    let request = hyper::Request::get(format!("{prefix}{path}")).header("host", "docker").body(String::new());
    request.map_err(|_| EngineError::broken("the path is none that can be asked for"))
}

/// Sends a request, and returns the answer without its body if its status is 200.
async fn send(
    sender: &mut SendRequest<String>,
    request: hyper::Request<String>,
) -> Result<Response<Incoming>, EngineError> {
    let answer = sender.send_request(request).await.map_err(broken_off)?;
    match answer.status() {
        StatusCode::OK => Ok(answer),
        status => Err(EngineError::of_status(status.as_u16())),
    }
}

/// Returns the body of an answer, unless it is too long. It is given up for good after `most` bytes; up to there the
/// rest of an answer that is too long is read and forgotten.
async fn text(answer: Response<Incoming>, most: usize) -> Result<Vec<u8>, EngineError> {
    let mut body = answer.into_body();
    let (mut text, mut len) = (Vec::new(), 0);
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(bytes) = frame.map_err(broken_off)?.into_data() else { continue };
        len += bytes.len();
        if len <= LONGEST {
            text.extend_from_slice(&bytes);
        } else {
            text = Vec::new();
        }
        if len > most {
            break;
        }
    }
    if len > LONGEST { Err(EngineError::too_long()) } else { Ok(text) }
}

fn parsed<T: DeserializeOwned>(text: &[u8]) -> Result<T, EngineError> {
    // A name in another encoding must not take the others away.
    let text = String::from_utf8_lossy(text);
    // The parser's message could quote the answer, whatever that holds.
    serde_json::from_str(&text).map_err(|_| EngineError::broken("it is not the JSON of an engine"))
}

/// Returns a part of an answer if it is one of this type.
pub(crate) fn read<T: DeserializeOwned>(part: &RawValue) -> Option<T> {
    serde_json::from_str(part.get()).ok()
}

/// Chooses a version from the engine's answer, and returns the beginning of every path.
fn prefix(versions: Result<Versions, EngineError>) -> Result<String, EngineError> {
    let versions = versions.map_err(|error| match error {
        EngineError::Unknown => EngineError::broken("it gives no version"),
        error => error,
    })?;
    let newest = api_version(&versions.api_version);
    let newest = newest.ok_or_else(|| EngineError::broken("its version is no version"))?;
    let oldest = versions.min_api_version.and_then(|oldest| api_version(&oldest)).unwrap_or_default();
    let (major, minor) = newest.min(NEWEST).max(oldest);
    Ok(format!("/v{major}.{minor}"))
}

fn api_version(text: &str) -> Option<ApiVersion> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A socket of tokio with the traits that hyper needs.
struct Stream(UnixStream);

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut wanted: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // Hyper's buffer cannot be lent to tokio without unsafe code, so the bytes are copied.
        let mut bytes = [0; 8192];
        let room = wanted.remaining().min(bytes.len());
        let mut read = ReadBuf::new(&mut bytes[..room]);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut read))?;
        wanted.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;

//! Questions to the Docker Engine of this host: HTTP GET requests over its Unix socket, answered in JSON.
//!
//! The engine is optional, and the program at its socket need not be an engine. So every failure is the same `None`,
//! one limit of time holds for the whole conversation, and an answer that grows too long is dropped. Every request has
//! a connection of its own. On a Unix socket that costs microseconds, and an answer that was not read to its end cannot
//! spoil the next one.
//!
//! The API's documentation deprecates paths without a version, so only `/version` is asked for without one. Its answer
//! gives the range of versions that the engine speaks. All other paths have the newest of them that is known here, so
//! that a future engine answers in a format of today. If the whole range is newer, they have its oldest version.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::Body;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;

/// The major and the minor number of a version of the Engine API.
type ApiVersion = (u32, u32);

/// The newest version that is known here. No version up to this one has changed or removed anything that is read of an
/// answer.
const NEWEST: ApiVersion = (1, 56);

/// The length of the longest answer that is read, in bytes. A network with a thousand containers on one host takes 300
/// KiB.
const LONGEST: usize = 8 << 20;

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
pub(crate) fn converse<T>(
    socket: &str,
    patience: Duration,
    talk: impl AsyncFnOnce(Engine) -> Option<T>,
) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().ok()?;
    let talk = async { talk(Engine::find(socket).await?).await };
    runtime.block_on(async { tokio::time::timeout(patience, talk).await.ok()? })
}

impl Engine {
    /// Asks the engine for its versions and chooses one.
    async fn find(socket: &str) -> Option<Self> {
        let mut engine = Self { socket: socket.to_owned(), prefix: String::new() };
        let versions: Versions = engine.get("/version").await?;
        let (newest, oldest) = (api_version(&versions.api_version)?, versions.min_api_version);
        let oldest = oldest.and_then(|oldest| api_version(&oldest)).unwrap_or_default();
        let (major, minor) = newest.min(NEWEST).max(oldest);
        engine.prefix = format!("/v{major}.{minor}");
        Some(engine)
    }

    /// Returns the engine's answer to a path. The path must already be encoded for a URL.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        let (mut sender, connection) =
            http1::handshake(Stream(UnixStream::connect(&self.socket).await.ok()?)).await.ok()?;
        tokio::spawn(connection);
        // The engine refuses a request without a host header, but accepts any host.
        let request = Request::get(format!("{}{path}", self.prefix)).header("host", "docker");
        let answer = sender.send_request(request.body(String::new()).ok()?).await.ok()?;
        if answer.status() != StatusCode::OK {
            return None;
        }
        let mut body = answer.into_body();
        let mut text = Vec::new();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let Ok(bytes) = frame.ok()?.into_data() else { continue };
            if text.len() + bytes.len() > LONGEST {
                return None;
            }
            text.extend_from_slice(&bytes);
        }
        serde_json::from_slice(&text).ok()
    }
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

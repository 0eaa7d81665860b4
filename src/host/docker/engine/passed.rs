//! Questions that are passed on for another process, and the parts of the answers that it may read.

use std::future::poll_fn;
use std::io::{self, Write};
use std::os::unix::net::UnixStream as Plain;
use std::pin::Pin;

use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::{Response, StatusCode};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};

use super::kept::ENDLESS;
use super::reduced::Shape;
use super::{EngineError, handshake, request, text};

/// The part of an answer that the other process may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The parts with this shape.
    Parts(Shape),
    /// Nothing but that something has happened, for as long as the engine tells of events.
    Events,
}

/// A connection to an engine.
pub(crate) struct Line {
    runtime: Runtime,
    sender: SendRequest<String>,
}

impl Line {
    /// Begins to speak HTTP on a connection.
    pub(crate) fn on(connection: Plain) -> io::Result<Self> {
        connection.set_nonblocking(true)?;
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let sender =
            runtime.block_on(async { handshake(UnixStream::from_std(connection)?).await.map_err(other) });
        Ok(Self { sender: sender?, runtime })
    }

    /// Asks for a path, and writes the answer. Waits for as long as the engine takes; of events it never comes back while
    /// they are told.
    ///
    /// # Errors
    /// No answer came, or nobody reads it.
    pub(crate) fn pass(&mut self, path: &str, told: Told, to: &mut impl Write) -> io::Result<()> {
        let request = request("", path).map_err(other)?;
        self.runtime.block_on(async {
            self.sender.ready().await.map_err(other)?;
            let answer = self.sender.send_request(request).await.map_err(other)?;
            match (answer.status(), told) {
                (StatusCode::OK, Told::Events) => events(answer, to).await,
                (StatusCode::OK, Told::Parts(shape)) => match text(answer, ENDLESS).await {
                    // A text that is no JSON is passed on as nothing, which is none either.
                    Ok(text) => {
                        let text = shape.of(&String::from_utf8_lossy(&text)).unwrap_or_default();
                        whole(StatusCode::OK, &text, to)
                    }
                    Err(error) if error == EngineError::too_long() => {
                        whole(StatusCode::PAYLOAD_TOO_LARGE, "", to)
                    }
                    Err(broken_off) => Err(other(broken_off)),
                },
                (status, _) => {
                    // The engine's words may quote anything. Its status says enough.
                    let _ = text(answer, ENDLESS).await;
                    whole(status, "", to)
                }
            }
        })
    }
}

fn whole(status: StatusCode, body: &str, to: &mut impl Write) -> io::Result<()> {
    let (status, length) = (status.as_u16(), body.len());
    to.write_all(format!("HTTP/1.1 {status} -\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes())
}

/// Writes an empty object whenever the engine says something.
async fn events(answer: Response<Incoming>, to: &mut impl Write) -> io::Result<()> {
    to.write_all(b"HTTP/1.1 200 -\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    let mut body = answer.into_body();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        frame.map_err(other)?;
        to.write_all(b"2\r\n{}\r\n")?;
    }
    to.write_all(b"0\r\n\r\n")
}

fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(error)
}

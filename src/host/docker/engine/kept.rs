//! Two connections to an engine that are opened once and kept: one for questions, one for the engine's events.
//!
//! A program that leaves root can open the socket only before. What it has open stays open, so both connections are
//! made first ([`Opened`]), and used afterwards on a thread of their own ([`Kept`]). A connection that the engine closes
//! is opened anew where this user may.
//!
//! Engines close a connection that is idle: Podman's service after ten seconds, Docker built with some versions of Go
//! after five minutes. So whoever keeps one has to [`Kept::ping`].

use std::future::{Future, poll_fn};
use std::os::unix::net::UnixStream as Plain;
use std::pin::Pin;
use std::time::Duration;

use hyper::Response;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::SendRequest;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{EngineError, connect, handshake, parsed, prefix, request, send, text};

/// The longest wait for an answer. The engine of a busy node has been seen to take several seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// The bytes after which an answer that is too long is no longer read, and its connection given up.
const ENDLESS: usize = 64 << 20;

/// Two connections that nothing was said on yet. They may be used by another thread and by another user than the one
/// that opened them.
#[derive(Debug)]
pub(crate) struct Opened {
    socket: String,
    questions: Plain,
    events: Plain,
}

impl Opened {
    /// Connects to the first of these sockets that an engine listens at, within `patience`.
    ///
    /// # Errors
    /// [`EngineError::Late`], or that of the first socket which is there.
    pub(crate) fn open(sockets: &[String], patience: Duration) -> Result<Self, EngineError> {
        let mut found = EngineError::Absent;
        let opened = run(async {
            timeout(patience, async {
                for socket in sockets {
                    match Self::at(socket).await {
                        Ok(opened) => return Ok(opened),
                        Err(error) if found == EngineError::Absent => found = error,
                        Err(_) => {}
                    }
                }
                Err(found)
            })
            .await
        })?;
        opened.unwrap_or(Err(EngineError::Late(patience)))
    }

    async fn at(socket: &str) -> Result<Self, EngineError> {
        let plain =
            |stream: UnixStream| stream.into_std().map_err(|error| EngineError::unconnected(&error));
        let (questions, events) = (plain(connect(socket).await?)?, plain(connect(socket).await?)?);
        Ok(Self { socket: socket.to_owned(), questions, events })
    }

    /// Returns the path of the socket.
    pub(crate) fn socket(&self) -> &str {
        &self.socket
    }

    /// Talks to the engine on this thread.
    ///
    /// # Errors
    /// [`EngineError::Broken`] if the connections cannot be used on this thread.
    pub(crate) fn talk<T>(self, talk: impl AsyncFnOnce(Kept) -> T) -> Result<T, EngineError> {
        run(async {
            let stream =
                |plain| UnixStream::from_std(plain).map_err(|error| EngineError::unconnected(&error));
            let (questions, events) = (stream(self.questions)?, stream(self.events)?);
            let questions = handshake(questions).await.ok();
            let events = handshake(events).await.map_or(Events::Lost, Events::Silent);
            Ok(talk(Kept { socket: self.socket, prefix: None, questions, events }).await)
        })?
    }
}

/// Runs a conversation on this thread.
fn run<T>(conversation: impl Future<Output = T>) -> Result<T, EngineError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(|error| EngineError::broken(format!("start a conversation: {error}")))?;
    Ok(runtime.block_on(conversation))
}

/// An engine that is asked time and again, and listened to.
pub(crate) struct Kept {
    socket: String,
    /// The beginning of every path, once the engine has told its versions.
    prefix: Option<String>,
    /// `None` once the engine has closed the connection, and another one could not be opened.
    questions: Option<SendRequest<String>>,
    events: Events,
}

/// The result of waiting for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Something has happened. One event or several: they are not told apart.
    Event,
    /// Nothing was heard in time.
    Nothing,
    /// The engine has just stopped telling events.
    End,
}

/// The connection for events.
enum Events {
    /// They were not asked for yet.
    Silent(SendRequest<String>),
    /// They were asked for, and the engine has not said yet that it will tell them.
    Asked(Answer),
    /// They arrive. The connection lives as long as its sender.
    Told(Incoming, SendRequest<String>),
    /// The connection is closed.
    Lost,
    /// The engine does not tell them to this user.
    Refused,
}

type Answer =
    Pin<Box<dyn Future<Output = (Result<Response<Incoming>, EngineError>, SendRequest<String>)>>>;

impl Kept {
    /// Returns the engine's answer to a path. The path must already be encoded for a URL.
    ///
    /// # Errors
    /// Every [`EngineError`]. If the connection was lost over it, [`Self::is_lost`] returns true.
    pub(crate) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, EngineError> {
        match timeout(PATIENCE, self.ask(path)).await {
            Ok(text) => parsed(&text?),
            Err(_) => {
                // The answer may still come, and must not pass for that to the next question.
                self.questions = None;
                Err(EngineError::Late(PATIENCE))
            }
        }
    }

    /// Keeps the connection from being idle.
    pub(crate) async fn ping(&mut self) {
        if timeout(PATIENCE, self.exchange("", "/_ping")).await.is_err() {
            self.questions = None;
        }
    }

    /// Returns true if the engine cannot be asked any more, unless another connection can be opened.
    pub(crate) fn is_lost(&self) -> bool {
        self.questions.as_ref().is_none_or(SendRequest::is_closed)
    }

    async fn ask(&mut self, path: &str) -> Result<Vec<u8>, EngineError> {
        let prefix = match &self.prefix {
            Some(prefix) => prefix.clone(),
            None => {
                let versions = self.exchange("", "/version").await.and_then(|text| parsed(&text));
                self.prefix.insert(prefix(versions)?).clone()
            }
        };
        self.exchange(&prefix, path).await
    }

    /// Asks on the connection that there is, or on a new one if that is closed.
    async fn exchange(&mut self, prefix: &str, path: &str) -> Result<Vec<u8>, EngineError> {
        if let Some(sender) = self.questions.as_mut().filter(|sender| !sender.is_closed()) {
            let asked = exchange(sender, prefix, path).await;
            if asked.is_ok() || !sender.is_closed() {
                return asked;
            }
        }
        self.questions = None;
        let sender = self.questions.insert(handshake(connect(&self.socket).await?).await?);
        exchange(sender, prefix, path).await
    }

    /// Asks for events, on a new connection if the last one is closed. Does nothing while they are told, or if the engine
    /// has refused.
    pub(crate) async fn listen(&mut self, path: &str) -> Result<(), EngineError> {
        let mut sender = match std::mem::replace(&mut self.events, Events::Lost) {
            Events::Silent(sender) => sender,
            Events::Lost => timeout(PATIENCE, async { handshake(connect(&self.socket).await?).await })
                .await
                .unwrap_or(Err(EngineError::Late(PATIENCE)))?,
            other => {
                self.events = other;
                return Ok(());
            }
        };
        let request = request(self.prefix.as_deref().unwrap_or_default(), path)?;
        self.events = Events::Asked(Box::pin(async move {
            let answer = match sender.ready().await {
                Ok(()) => send(&mut sender, request).await,
                Err(_) => Err(EngineError::broken("it is closed")),
            };
            (answer, sender)
        }));
        Ok(())
    }

    /// Returns true if events are, or may still be, told.
    pub(crate) fn listens(&self) -> bool {
        matches!(self.events, Events::Asked(_) | Events::Told(..))
    }

    /// Waits for an event, for at most `patience`.
    pub(crate) async fn heard(&mut self, patience: Duration) -> Heard {
        if self.listens() {
            timeout(patience, self.event()).await.unwrap_or(Heard::Nothing)
        } else {
            rest(patience).await;
            Heard::Nothing
        }
    }

    /// Waits for an event. If it is dropped, nothing is lost.
    async fn event(&mut self) -> Heard {
        loop {
            match &mut self.events {
                Events::Asked(answer) => {
                    let (answer, sender) = answer.as_mut().await;
                    self.events = match answer {
                        Ok(answer) => Events::Told(answer.into_body(), sender),
                        Err(EngineError::Broken(_)) if sender.is_closed() => Events::Lost,
                        Err(_) => Events::Refused,
                    };
                }
                Events::Told(body, _) => {
                    match poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
                        Some(Ok(_)) => return Heard::Event,
                        Some(Err(_)) | None => self.events = Events::Lost,
                    }
                }
                Events::Silent(_) | Events::Lost | Events::Refused => return Heard::End,
            }
        }
    }
}

/// Waits.
pub(crate) async fn rest(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Asks for a path, and reads the answer to its end, so that the connection is good for another question.
async fn exchange(
    sender: &mut SendRequest<String>,
    prefix: &str,
    path: &str,
) -> Result<Vec<u8>, EngineError> {
    let request = request(prefix, path)?;
    sender.ready().await.map_err(super::broken_off)?;
    let answer = sender.send_request(request).await.map_err(super::broken_off)?;
    let status = answer.status().as_u16();
    let text = text(answer, ENDLESS).await;
    if status == 200 { text } else { Err(EngineError::of_status(status)) }
}

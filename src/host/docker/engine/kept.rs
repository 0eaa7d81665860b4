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

use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::{Request, Response};
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{BROKEN_OFF, EngineError, broken_off, connect, handshake, parsed, prefix, request, send, text};

/// The longest wait for an answer. The engine of a busy node has been seen to take several seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// The bytes after which an answer that is too long is no longer read, and its connection given up.
pub(super) const ENDLESS: usize = 64 << 20;

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
        let plain = |stream: UnixStream| stream.into_std().map_err(|error| EngineError::unconnected(&error));
        let (questions, events) = (plain(connect(socket).await?)?, plain(connect(socket).await?)?);
        Ok(Self { socket: socket.to_owned(), questions, events })
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
            Ok(talk(Kept {
                socket: self.socket,
                prefix: None,
                questions,
                is_lost: false,
                ended: None,
                events,
            })
            .await)
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
    /// `None` if there is no connection that another question can be asked on.
    questions: Option<SendRequest<String>>,
    /// True if the last question could not be asked, or was not answered.
    is_lost: bool,
    /// The reason for which the last connection for questions ended.
    ended: Option<String>,
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
    /// They arrive. A connection without a sender could be taken for one that nobody needs.
    Told { body: Incoming, _sender: SendRequest<String> },
    /// The connection is closed.
    Lost,
    /// The engine does not tell them to this user.
    Refused,
}

type Answer = Pin<Box<dyn Future<Output = (Result<Response<Incoming>, EngineError>, SendRequest<String>)>>>;

impl Kept {
    /// Returns the engine's answer to a path. The path must already be encoded for a URL.
    ///
    /// # Errors
    /// Every [`EngineError`]. If the connection was lost over it, [`Self::is_lost`] returns true.
    pub(crate) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, EngineError> {
        parsed(&self.in_time(async |kept| kept.ask(path).await).await?)
    }

    /// Keeps the connection from being idle.
    pub(crate) async fn ping(&mut self) {
        let _ = self.in_time(async |kept| kept.exchange("", "/_ping").await).await;
    }

    /// Returns true if the last question could not be asked, or was not answered. An answer that is of no use is one.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Returns true once the engine has told its version.
    pub(crate) fn is_known(&self) -> bool {
        self.prefix.is_some()
    }

    /// Says why the engine is lost, from the error of the last question.
    pub(crate) fn loss(&self, error: &EngineError) -> String {
        match (&self.ended, error) {
            (Some(ended), EngineError::Denied) => {
                format!("{ended}, and its socket cannot be opened again, because root was left")
            }
            (Some(ended), EngineError::Absent) => format!("{ended}, and {error} any more"),
            (_, error) => error.to_string(),
        }
    }

    async fn in_time<T>(
        &mut self,
        question: impl AsyncFnOnce(&mut Self) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.is_lost = true;
        timeout(PATIENCE, question(self)).await.unwrap_or_else(|_| {
            // The answer may still come, and must not pass for that to the next question.
            self.questions = None;
            self.ended = Some(format!("it did not answer within {} s", PATIENCE.as_secs()));
            self.is_lost = true;
            Err(EngineError::Late(PATIENCE))
        })
    }

    async fn ask(&mut self, path: &str) -> Result<Vec<u8>, EngineError> {
        let prefix = self.prefix().await?;
        self.exchange(&prefix, path).await
    }

    /// Returns the beginning of every path. The engine is asked for its versions the first time.
    async fn prefix(&mut self) -> Result<String, EngineError> {
        if let Some(prefix) = &self.prefix {
            return Ok(prefix.clone());
        }
        let versions = self.exchange("", "/version").await.and_then(|text| parsed(&text));
        Ok(self.prefix.insert(prefix(versions)?).clone())
    }

    /// Asks on the connection that there is, or on a new one if that is closed.
    async fn exchange(&mut self, prefix: &str, path: &str) -> Result<Vec<u8>, EngineError> {
        if let Some(sender) = self.questions.as_mut().filter(|sender| !sender.is_closed()) {
            match exchange(sender, request(prefix, path)?).await {
                Ok(answered) => return self.answered(answered),
                Err(error) if error.is_parse() => self.ended = Some("its answer was no HTTP".to_owned()),
                Err(_) => {}
            }
        }
        self.is_lost = true;
        self.ended.get_or_insert_with(|| "it closed the connection".to_owned());
        self.questions = None;
        let sender = self.questions.insert(handshake(connect(&self.socket).await?).await?);
        let answered = exchange(sender, request(prefix, path)?).await.map_err(broken_off)?;
        self.answered(answered)
    }

    /// Notes that a question was answered, and what was wrong with the answer if that may end the connection.
    fn answered(&mut self, answer: Result<Vec<u8>, EngineError>) -> Result<Vec<u8>, EngineError> {
        self.is_lost = false;
        self.ended = match &answer {
            Err(EngineError::Broken(cause)) => Some(format!("its last answer was of no use ({cause})")),
            _ => None,
        };
        answer
    }

    /// Asks for events, on a new connection if the last one is closed. Does nothing while they are told, or if the engine
    /// has refused.
    pub(crate) async fn listen(&mut self, path: &str) -> Result<(), EngineError> {
        if self.listens() || matches!(self.events, Events::Refused) {
            return Ok(());
        }
        let prefix = match &self.prefix {
            // Nothing is asked, so nothing is learned about the connection for questions.
            Some(prefix) => prefix.clone(),
            None => self.in_time(async |kept| kept.prefix().await).await?,
        };
        let mut sender = match std::mem::replace(&mut self.events, Events::Lost) {
            Events::Silent(sender) => sender,
            _ => timeout(PATIENCE, async { handshake(connect(&self.socket).await?).await })
                .await
                .unwrap_or(Err(EngineError::Late(PATIENCE)))?,
        };
        let request = request(&prefix, path)?;
        self.events = Events::Asked(Box::pin(async move {
            let answer = match sender.ready().await {
                Ok(()) => send(&mut sender, request).await,
                Err(error) => Err(broken_off(error)),
            };
            (answer, sender)
        }));
        Ok(())
    }

    /// Returns true if events are, or may still be, told.
    pub(crate) fn listens(&self) -> bool {
        matches!(self.events, Events::Asked(_) | Events::Told { .. })
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

    /// Forgets the events that have arrived until now, or as many of them as a storm does not bring anew meanwhile.
    pub(crate) async fn forget(&mut self) {
        for _ in 0..1024 {
            if self.heard(Duration::ZERO).await != Heard::Event {
                break;
            }
        }
    }

    /// Waits for an event. If it is dropped, nothing is lost.
    async fn event(&mut self) -> Heard {
        loop {
            match &mut self.events {
                Events::Asked(answer) => {
                    let (answer, sender) = answer.as_mut().await;
                    self.events = match answer {
                        Ok(answer) => Events::Told { body: answer.into_body(), _sender: sender },
                        Err(EngineError::Broken(cause)) if cause == BROKEN_OFF => Events::Lost,
                        Err(_) => Events::Refused,
                    };
                }
                Events::Told { body, .. } => match poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
                    Some(Ok(_)) => return Heard::Event,
                    Some(Err(_)) | None => self.events = Events::Lost,
                },
                Events::Silent(_) | Events::Lost | Events::Refused => return Heard::End,
            }
        }
    }
}

/// Waits.
pub(crate) async fn rest(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Sends a request, and reads the answer to its end, so that the connection is good for another one. The outer error is
/// that of a connection on which no answer came.
async fn exchange(
    sender: &mut SendRequest<String>,
    request: Request<String>,
) -> hyper::Result<Result<Vec<u8>, EngineError>> {
    sender.ready().await?;
    let answer = sender.send_request(request).await?;
    let status = answer.status().as_u16();
    let text = text(answer, ENDLESS).await;
    Ok(if status == 200 { text } else { Err(EngineError::of_status(status)) })
}

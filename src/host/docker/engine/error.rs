//! The reasons for which the engine gave no answer. They differ in what follows: a host without an engine has no Docker
//! networks, but an engine that is slow may know the very network that was asked for.

use std::io;
use std::time::Duration;

use super::LONGEST;
use crate::escape::reason;

/// The status by which a keeper says that the engine's answer was too long to be read. It is about the length of a question, and
/// no question that is asked here has any content.
pub(super) const TOO_LONG: u16 = 413;

/// The reasons for which there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// There is no engine: its socket is not there, nobody listens at it, or `DOCKER_HOST` names no Unix socket.
    #[error("there is no engine at the socket")]
    Absent,
    /// This user may not ask, or not ask this.
    #[error("permission denied")]
    Denied,
    /// The engine knows nothing of that name.
    #[error("nothing of that name is known")]
    Unknown,
    /// The answer did not come in this time.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Late(Duration),
    /// The answer is none that can be used. Holds the cause.
    #[error("no usable answer ({0})")]
    Broken(String),
}

impl EngineError {
    /// Returns the reason with what to do about it, in one line.
    pub fn with_remedy(&self) -> String {
        let remedy = match self {
            Self::Absent => {
                "in a container, mount /var/run/docker.sock; elsewhere name it with DOCKER_HOST=unix://PATH"
            }
            Self::Denied => {
                "run as root, or have what guards its socket let GET of /version, /info, /networks and /containers pass"
            }
            Self::Unknown => "give the name that 'docker network ls' has",
            Self::Late(_) | Self::Broken(_) => "see on the host if 'docker info' is answered",
        };
        format!("{self}; {remedy}")
    }

    /// Makes the error of an answer that cannot be used.
    pub(super) fn broken(cause: impl Into<String>) -> Self {
        Self::Broken(cause.into())
    }

    /// Makes the error of an answer that is longer than any that is read.
    pub(super) fn too_long() -> Self {
        Self::broken(format!("the answer is longer than {} MiB", LONGEST >> 20))
    }

    /// Makes the error of a socket that cannot be connected to.
    pub(super) fn unconnected(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::ConnectionRefused => {
                Self::Absent
            }
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::broken(format!("connect to its socket: {}", reason(error))),
        }
    }

    /// Makes the error of an answer with this status. A proxy before the socket refuses with 401 or 403.
    pub(super) fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Denied,
            404 => Self::Unknown,
            TOO_LONG => Self::too_long(),
            status => Self::broken(format!("status {status}")),
        }
    }
}

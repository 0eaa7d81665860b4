//! The names of containers, services and networks, as the engine of this host knows them at the moment.
//!
//! A thread of its own asks the engine, and asks again when the engine tells of an event. It puts what it learned into a
//! [`Table`], which whoever prints takes as a whole ([`Names::table`]): a lock for the time of a copied pointer. Nobody
//! who reads packets waits for the engine.
//!
//! The socket is opened before root is left ([`connect`]), and the thread starts afterwards ([`Connected::watch`]): it has
//! then no privileges either, and root is left while one thread is running, as it must be. What stays is the connection
//! itself: who may talk to an engine can have it run anything as root. So names are only asked for where the user wants
//! them.
//!
//! An event only says that something has changed. All names are asked for again then, but at most once a second, and so
//! that the engine is busy with it for a tenth of the time at most. An engine that says nothing of its events, as one
//! behind a proxy may, is asked every few seconds. Every engine is asked once a minute, because no event tells of a task
//! on another node.
//!
//! An engine that goes away leaves the names as they were. A part that it does not tell leaves the others their names. One
//! sentence for each of these says so ([`Names::complaint`]).

pub(crate) mod ask;
mod few;
mod name;
mod table;
mod watch;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use super::EngineError;
use super::engine::Opened;
use crate::escape::{escape, quoted};
pub use table::{Ends, Table};

/// Connections to an engine that has not been asked yet.
#[derive(Debug)]
pub struct Connected(Opened);

/// The names that an engine knows. The thread that keeps them new ends some seconds after this was dropped.
#[derive(Debug)]
pub struct Names(Arc<Shared>);

/// The state that the thread and the others share.
#[derive(Debug, Default)]
struct Shared {
    table: RwLock<Arc<Table>>,
    told: Mutex<Told>,
    /// Notified when the engine has answered for the first time, or is known not to.
    answered: Condvar,
}

#[derive(Debug, Default)]
struct Told {
    answered: bool,
    /// The faults that were complained of.
    faults: Vec<Fault>,
    complaints: VecDeque<String>,
}

/// The faults of an engine. Each is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It cannot be asked any more.
    Lost,
    /// It does not tell something, or nothing.
    Missing,
    /// It tells no events.
    Deaf,
}

/// The reasons for which there is no connection. The texts say what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unconnected {
    /// `DOCKER_HOST` names no Unix socket. Holds its value.
    #[error("DOCKER_HOST is {}, and only Unix sockets are asked; name one as unix:///PATH, or unset it", quoted(.0))]
    NoSocket(String),
    /// No engine can be reached at any of these sockets.
    #[error("{error} ({}); start the engine, or name its socket in DOCKER_HOST", escape(&.sockets.join(", ")))]
    Unreached {
        /// The sockets that were tried, at least one.
        sockets: Vec<String>,
        /// That of the first socket which is there.
        error: EngineError,
    },
}

/// Connects to the engine of this host, within `patience`: to the one that `DOCKER_HOST` names, else to Docker, else to
/// Podman.
///
/// # Errors
/// Every [`Unconnected`].
pub fn connect(patience: Duration) -> Result<Connected, Unconnected> {
    connect_by(variable("DOCKER_HOST").as_deref(), variable("XDG_RUNTIME_DIR").as_deref(), patience)
}

fn connect_by(
    host: Option<&str>,
    runtime: Option<&str>,
    patience: Duration,
) -> Result<Connected, Unconnected> {
    let sockets = sockets(host, runtime);
    if let (Some(host), []) = (host, &sockets[..]) {
        return Err(Unconnected::NoSocket(host.to_owned()));
    }
    Opened::open(&sockets, patience).map(Connected).map_err(|error| Unconnected::Unreached { sockets, error })
}

/// Returns the places where the engine of this process's environment may listen.
pub(crate) fn places() -> Vec<String> {
    sockets(variable("DOCKER_HOST").as_deref(), variable("XDG_RUNTIME_DIR").as_deref())
}

/// Returns a variable of the environment. An address that is no text is no path of a socket either.
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Returns the places where an engine may listen: the one that was named, or all usual ones, those of root before those
/// in the user's own folder.
fn sockets(host: Option<&str>, runtime: Option<&str>) -> Vec<String> {
    if let Some(host) = host.filter(|host| !host.is_empty()) {
        return host.strip_prefix("unix://").map(str::to_owned).into_iter().collect();
    }
    let runtime = runtime.filter(|folder| folder.starts_with('/'));
    let own = |name: &str| runtime.map(|folder| format!("{folder}/{name}"));
    let docker = [Some("/var/run/docker.sock".to_owned()), own("docker.sock")];
    let podman = [Some("/run/podman/podman.sock".to_owned()), own("podman/podman.sock")];
    docker.into_iter().chain(podman).flatten().collect()
}

impl Connected {
    /// Begins to ask the engine, on a thread of its own.
    pub fn watch(self) -> Names {
        let shared = Arc::new(Shared::default());
        let watched = Arc::downgrade(&shared);
        let work = move || {
            let watch = async |engine| watch::watch(engine, &watched).await;
            if let (Err(error), Some(shared)) = (self.0.talk(watch), watched.upgrade()) {
                shared.complain(Fault::Lost, format!("no names: {error}"));
                shared.answer();
            }
        };
        if thread::Builder::new().name("names".into()).spawn(work).is_err() {
            shared.complain(Fault::Lost, "no names: the system has no room for another thread".to_owned());
            shared.answer();
        }
        Names(shared)
    }
}

impl Names {
    /// Waits for the engine's first answer, for at most `patience`. Returns true once it is there, or is known not to come.
    pub fn wait(&self, patience: Duration) -> bool {
        let waited = self.0.answered.wait_timeout_while(self.0.told(), patience, |told| !told.answered);
        waited.unwrap_or_else(PoisonError::into_inner).0.answered
    }

    /// Returns the names as they are known now.
    #[cold]
    pub fn table(&self) -> Arc<Table> {
        Arc::clone(&self.0.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns a sentence about the engine that the user has not been told yet. There is at most one of
    /// each fault.
    pub fn complaint(&self) -> Option<String> {
        self.0.told().complaints.pop_front()
    }
}

impl Shared {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, table: Table) {
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
    }

    /// Lets those go on who wait for the first answer. What it was is put and complained of before.
    fn answer(&self) {
        self.told().answered = true;
        self.answered.notify_all();
    }

    fn has_names(&self) -> bool {
        !self.table.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Complains that the engine is lost.
    fn lose(&self, cause: &str) {
        let names = if self.has_names() { "names stay as they were" } else { "there are no names" };
        self.complain(Fault::Lost, format!("the engine is lost: {cause}; {names}"));
    }

    /// Complains, if it is the first time for this fault.
    fn complain(&self, fault: Fault, complaint: String) {
        let mut told = self.told();
        if !told.faults.contains(&fault) {
            told.faults.push(fault);
            told.complaints.push_back(complaint);
        }
    }
}

#[cfg(test)]
mod tests;

//! The names beside addresses. The engine is reached before root is left, because `nobody` may not open its socket, and
//! asked afterwards, by a keeper that passes the questions on.
//!
//! A search goes on without an engine: what passes on the wire now is worth more than its names.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ovlsniff::host::docker::names::{Connected, connect};
use ovlsniff::keeper::Scope;
use ovlsniff::keeping::{self, Outputs};

use super::Job;
use super::meant::Meant;
use super::output::Output;
use crate::commands::tell;

/// The longest wait for the engine before a live capture begins. Later names are shown from then on.
const LIVE: Duration = Duration::from_millis(500);
/// The longest wait before a file is searched, which does not pass by meanwhile. Later names are not shown.
const FILE: Duration = Duration::from_secs(5);

/// The longest time until a signal is noticed meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// An engine to be asked for names.
pub(super) struct Engine {
    connected: Connected,
    /// The time until which its first answer is waited for.
    end: Instant,
}

/// Connects to the engine if names were asked for. Tells the user if there is none.
pub(super) fn reach(meant: &Meant) -> Option<Engine> {
    if !meant.resolve {
        return None;
    }
    // Whoever may ask the engine is root, and what decodes packets should not be. So a keeper asks it.
    if let Some(Err(error)) =
        meant.user.as_ref().map(|_| keeping::start(Scope::Names, 0, &Outputs::default()))
    {
        tell(format_args!("ovlsniff: --resolve: no names: {error}"));
        return None;
    }
    let patience = if meant.read.is_empty() { LIVE } else { FILE };
    let end = Instant::now() + patience;
    match connect(patience.min(LIVE)) {
        Ok(connected) => Some(Engine { connected, end }),
        Err(error) => {
            tell(format_args!("ovlsniff: --resolve: no names: {error}"));
            None
        }
    }
}

/// Asks the engine for names, and goes on asking on another thread. A signal ends the wait for the first ones.
pub(super) fn begin(job: &mut Job, meant: &Meant, engine: Option<Engine>) {
    let Some(Engine { connected, end }) = engine else { return };
    let names = connected.watch();
    let mut left = end.saturating_duration_since(Instant::now());
    while !names.wait(left.min(LOOK)) && !job.signals.stopped() {
        left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            if !meant.read.is_empty() {
                // A file is mostly over before a late answer, and its output should not depend on the engine's pace.
                let waited = FILE.as_secs();
                tell(format_args!(
                    "ovlsniff: --resolve: the engine has not answered within {waited} s; no names are shown"
                ));
                return;
            }
            tell("ovlsniff: --resolve: the engine has not answered yet; names are shown once it has");
            break;
        }
    }
    job.output.resolved = Some(Arc::new(names));
    job.output.complaints_of_names().iter().for_each(tell);
}

impl Output {
    /// Returns the sentences about the engine that the user has not been told yet.
    pub(super) fn complaints_of_names(&self) -> Vec<String> {
        let names = self.resolved.iter();
        let complaints = names.flat_map(|names| std::iter::from_fn(|| names.complaint()));
        complaints.map(|complaint| format!("ovlsniff: --resolve: {complaint}")).collect()
    }
}

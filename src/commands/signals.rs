//! The signals that end a search or a watch, and USR1, which asks for its statistics.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::{flag, low_level::pipe};

/// The signals that have arrived. The handlers only set flags and make a descriptor readable, which wakes the search.
pub(super) struct Signals {
    stop: Arc<AtomicBool>,
    report: Arc<AtomicBool>,
    woken: UnixStream,
}

impl Signals {
    /// Installs the handlers. INT, TERM, QUIT and HUP (unless it is ignored) then set the stop flag, and a second one
    /// ends the program at once. USR1 asks for a report.
    pub(super) fn install() -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let report = Arc::new(AtomicBool::new(false));
        let (woken, wake) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
            if signal == SIGHUP && is_ignored(signal) {
                // nohup ignores HUP for the program, which is to outlive its terminal.
                continue;
            }
            // A program that hangs in a full pipe never looks at the flag. The second signal ends it, with the status
            // that shells use for a signal: 128 and its number.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
            flag::register(signal, Arc::clone(&stop))?;
            pipe::register(signal, wake.try_clone()?)?;
        }
        flag::register(SIGUSR1, Arc::clone(&report))?;
        pipe::register(SIGUSR1, wake)?;
        Ok(Self { stop, report, woken })
    }

    /// Returns the flag that the ending signals set.
    pub(super) fn stop_flag(&self) -> &Arc<AtomicBool> {
        &self.stop
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Returns true if USR1 has arrived since the last call.
    pub(super) fn take_report(&self) -> bool {
        self.report.load(Ordering::Relaxed) && self.report.swap(false, Ordering::Relaxed)
    }

    /// Returns a descriptor that a signal makes readable, until [`Self::drain`].
    pub(super) fn descriptor(&self) -> std::io::Result<OwnedFd> {
        Ok(self.woken.try_clone()?.into())
    }

    /// Empties the descriptor, so that the next signal is seen.
    pub(super) fn drain(&self) {
        let mut bytes = [0; 64];
        while matches!((&self.woken).read(&mut bytes), Ok(1..)) {}
    }
}

/// Keeps USR1 from ending a program that has no statistics to print.
pub(super) fn outlive_report() -> std::io::Result<()> {
    flag::register(SIGUSR1, Arc::default()).map(drop)
}

/// Lets a write beyond the longest file that is allowed (`ulimit -f`) fail as one on a full disk does, with a sentence.
pub(crate) fn outlive_long_files() {
    // Without a handler it is as it always was.
    let _ = flag::register(SIGXFSZ, Arc::default());
}

/// Keeps every signal that ends the other process from ending this one.
pub(super) fn outlive_all() -> std::io::Result<()> {
    [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1]
        .into_iter()
        .try_for_each(|signal| flag::register(signal, Arc::default()).map(drop))
}

/// Returns true if the signal was ignored when this program was started.
fn is_ignored(signal: i32) -> bool {
    // The file claims to have no bytes. Room for all of them from the start saves a dozen reads.
    let mut status = String::with_capacity(4 << 10);
    let _ = File::open("/proc/self/status").and_then(|mut file| file.read_to_string(&mut status));
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

//! The signals that end a search or a watch, and the one that asks how it goes.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1};
use signal_hook::{flag, low_level::pipe};

/// The signals that came. Handlers only set flags and wake whoever waits.
pub(super) struct Signals {
    stop: Arc<AtomicBool>,
    report: Arc<AtomicBool>,
    woken: UnixStream,
}

impl Signals {
    /// From now on INT, TERM, HUP (unless it is ignored) and QUIT set the stop flag, or end the program where it is set
    /// already; USR1 asks for a report.
    pub(super) fn install() -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let report = Arc::new(AtomicBool::new(false));
        let (woken, wake) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
            if signal == SIGHUP && is_ignored(signal) {
                // nohup: the terminal may go, we stay.
                continue;
            }
            // Where we hang, in a pipe that nobody reads, the second one ends us.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
            flag::register(signal, Arc::clone(&stop))?;
            pipe::register(signal, wake.try_clone()?)?;
        }
        flag::register(SIGUSR1, Arc::clone(&report))?;
        pipe::register(SIGUSR1, wake)?;
        Ok(Self { stop, report, woken })
    }

    /// The flag that is set once the search is to end.
    pub(super) fn stop_flag(&self) -> &Arc<AtomicBool> {
        &self.stop
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether a report was asked for since the last time.
    pub(super) fn take_report(&self) -> bool {
        self.report.load(Ordering::Relaxed) && self.report.swap(false, Ordering::Relaxed)
    }

    /// A descriptor that is readable after a signal, until [`Self::drain`].
    pub(super) fn descriptor(&self) -> std::io::Result<OwnedFd> {
        Ok(self.woken.try_clone()?.into())
    }

    /// Reads the descriptor empty.
    pub(super) fn drain(&self) {
        let mut bytes = [0; 64];
        while matches!((&self.woken).read(&mut bytes), Ok(1..)) {}
    }
}

/// Whether a signal was ignored when this program was started.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

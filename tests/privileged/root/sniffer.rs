//! The program while it captures.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use nix::sys::signal::Signal;

use crate::run::{Watchdog, send};

pub(super) struct Sniffer {
    pub(super) child: Child,
    pub(super) out: BufReader<ChildStdout>,
    pub(super) err: BufReader<ChildStderr>,
    /// The lines of standard error up to the last one of the banner.
    pub(super) banner: String,
    _watchdog: Watchdog,
}

impl Sniffer {
    /// Starts the program, and waits until it has printed its banner, which it does when it captures.
    pub(super) fn start(command: &mut Command) -> Self {
        Self::begin(command, "match: ")
    }

    /// Does the same for a search whose banner ends with another line, because it has no pattern.
    pub(super) fn begin(command: &mut Command, last: &str) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let watchdog = Watchdog::of(&child);
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let mut banner = String::new();
        while !banner.contains(last) {
            assert!(err.read_line(&mut banner).unwrap() > 0, "ended: {banner}");
        }
        Self { child, out, err, banner, _watchdog: watchdog }
    }

    pub(super) fn signal(&self, signal: Signal) {
        send(&self.child, signal);
    }

    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.out.read_line(&mut line).unwrap() > 0, "it ended");
        line
    }

    /// Returns a line of `/proc/PID/status` by its name.
    pub(super) fn status(&self, name: &str) -> String {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Waits for the end. Returns the exit status, and the rest of standard output and of standard error.
    pub(super) fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        self.err.read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }

    /// Asks for the statistics until this many packets have matched.
    pub(super) fn wait_for(&mut self, matched: usize) {
        let mut line = String::new();
        while !line.contains(&format!(": {matched} matched, ")) {
            self.signal(Signal::SIGUSR1);
            line.clear();
            assert!(self.err.read_line(&mut line).unwrap() > 0, "it ended");
        }
    }

    /// Ends the program by TERM, and returns what [`Self::end`] does.
    pub(super) fn stop(self) -> (Option<i32>, String, String) {
        self.signal(Signal::SIGTERM);
        self.end()
    }
}

impl Drop for Sniffer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! Runs the program, and returns its exit status and its output.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

/// The longest wait for something that comes at once or not at all. The machine may be slow and busy with other work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// Waits until `so` returns true. Fails with `what` after [`PATIENCE`].
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The outcome of a run: exit status, standard output as text and as bytes, and standard error.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) bytes: Vec<u8>,
}

/// The program, in an environment that does not change its output.
pub(crate) fn program() -> Command {
    plain(Command::new(env!("CARGO_BIN_EXE_ovlsniff")))
}

/// The program with every signal at its default effect, even if the tests were started with some ignored (by `nohup`,
/// or by `&` in a script).
pub(crate) fn program_that_heeds_signals() -> Command {
    let mut command = plain(Command::new("env"));
    command.args(["--default-signal", env!("CARGO_BIN_EXE_ovlsniff")]);
    command
}

/// Cleans a command's environment of variables that change output, and lets it find no Docker engine.
pub(crate) fn plain(mut command: Command) -> Command {
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LS_COLORS", "BASH_ENV"] {
        command.env_remove(name);
    }
    command.env("TZ", "UTC").env("LC_ALL", "C").env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    command.stdin(Stdio::null());
    command
}

pub(crate) fn send(child: &Child, signal: Signal) {
    kill(pid(child), signal).unwrap();
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap())
}

/// Kills a program that has not ended in time, so that its test fails and does not hang.
pub(crate) struct Watchdog {
    /// Nothing is ever sent on this channel. The watchdog ends when this side is dropped.
    _leash: Sender<()>,
}

impl Watchdog {
    pub(crate) fn of(child: &Child) -> Self {
        let pid = pid(child);
        let (leash, end) = channel();
        thread::spawn(move || {
            // Once the child was waited for, its number may belong to another process. So look before killing.
            let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
            if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout)
                && waitid(Id::Pid(pid), flags).is_ok()
            {
                let _ = kill(pid, Signal::SIGKILL);
            }
        });
        Self { _leash: leash }
    }
}

/// Runs the program with these words.
pub(crate) fn ovlsniff<S: AsRef<std::ffi::OsStr>>(words: &[S]) -> Ran {
    finish(program().args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// Runs the program with these words and with `input` on its standard input.
pub(crate) fn with_input(words: &[&str], input: &[u8]) -> Ran {
    let mut child = program()
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that has read enough closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input);
    finish(child)
}

/// Waits for the end of a program that was started with pipes.
pub(crate) fn finish(child: Child) -> Ran {
    let _watchdog = Watchdog::of(&child);
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        bytes: output.stdout,
    }
}

/// Runs the program, expects it to refuse these words, and returns its one sentence. Nothing else may be on standard
/// error, and nothing at all on standard output.
pub(crate) fn refused(words: &[&str]) -> String {
    let ran = ovlsniff(words);
    let complaint = ran.complaint().to_owned();
    assert_eq!((ran.err.trim_end(), ran.out.as_str()), (complaint.as_str(), ""), "{words:?}");
    complaint
}

/// Runs the program, expects status 0, and returns its standard output.
pub(crate) fn printed(words: &[&str]) -> String {
    let ran = ovlsniff(words);
    assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.err);
    ran.out
}

/// Runs the program with `-qq`, and returns the numbers of the frames that it shows.
pub(crate) fn shown(words: &[&str]) -> Vec<u64> {
    let all: Vec<&str> = ["-qq"].iter().chain(words).copied().collect();
    let ran = ovlsniff(&all);
    assert!(matches!(ran.code, Some(0 | 1)), "{words:?}: {}", ran.err);
    numbers(&ran.out)
}

/// Returns the frame numbers at the ends of header lines.
pub(crate) fn numbers(out: &str) -> Vec<u64> {
    out.lines().filter_map(|line| line.rsplit_once(" #")?.1.parse().ok()).collect()
}

impl Ran {
    /// Returns the one line of standard error that begins with the program's name. Fails unless the status is 2 and
    /// there is exactly one such line.
    pub(crate) fn complaint(&self) -> &str {
        assert_eq!(self.code, Some(2), "{self:?}");
        let own: Vec<&str> = self.err.lines().filter(|line| line.starts_with("ovlsniff: ")).collect();
        assert_eq!(own.len(), 1, "{self:?}");
        own[0]
    }

    /// Returns the last line of standard error.
    pub(crate) fn summary(&self) -> &str {
        self.err.lines().last().unwrap_or("")
    }
}

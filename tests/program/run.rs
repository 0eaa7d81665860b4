//! Running the program and looking at what it wrote.

use std::io::Write;
use std::process::{Child, Command, Stdio};

/// What became of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) bytes: Vec<u8>,
}

/// The program, with nothing of our own environment that would change its output.
pub(crate) fn program() -> Command {
    plain(Command::new(env!("CARGO_BIN_EXE_ovlsniff")))
}

/// The same, heeding every signal also where whoever started the tests ignores some: `nohup`, or a script's `&`.
pub(crate) fn program_that_heeds_signals() -> Command {
    let mut command = plain(Command::new("env"));
    command.args(["--default-signal", env!("CARGO_BIN_EXE_ovlsniff")]);
    command
}

fn plain(mut command: Command) -> Command {
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LS_COLORS"] {
        command.env_remove(name);
    }
    command.env("TZ", "UTC").env("LC_ALL", "C").stdin(Stdio::null());
    command
}

/// Runs it with these words.
pub(crate) fn ovlsniff<S: AsRef<std::ffi::OsStr>>(words: &[S]) -> Ran {
    finish(program().args(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// Runs it with these words and with `input` on its standard input.
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
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        bytes: output.stdout,
    }
}

/// What it prints on standard output when it ends with status 0.
pub(crate) fn printed(words: &[&str]) -> String {
    let ran = ovlsniff(words);
    assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.err);
    ran.out
}

/// The numbers of the frames that are shown.
pub(crate) fn shown(words: &[&str]) -> Vec<u64> {
    let all: Vec<&str> = ["-qq"].iter().chain(words).copied().collect();
    let ran = ovlsniff(&all);
    assert!(matches!(ran.code, Some(0 | 1)), "{words:?}: {}", ran.err);
    numbers(&ran.out)
}

/// The numbers at the ends of header lines.
pub(crate) fn numbers(out: &str) -> Vec<u64> {
    out.lines().filter_map(|line| line.rsplit_once(" #")?.1.parse().ok()).collect()
}

impl Ran {
    /// The program's own words: its one line that begins with its name. Anything else than status 2 and one such line
    /// is a failure.
    pub(crate) fn complaint(&self) -> &str {
        assert_eq!(self.code, Some(2), "{self:?}");
        let own: Vec<&str> = self.err.lines().filter(|line| line.starts_with("ovlsniff: ")).collect();
        assert_eq!(own.len(), 1, "{self:?}");
        own[0]
    }

    /// The last line of standard error.
    pub(crate) fn summary(&self) -> &str {
        self.err.lines().last().unwrap_or("")
    }
}

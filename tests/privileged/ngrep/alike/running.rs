//! Running the two programs.

use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::ngrep::alike::captures::Capture;
use crate::ngrep::alike::lines::{FILTER_FILES, WRITTEN};
use crate::run;

/// The most that is read of a program's output. ngrep writes without end in some cases.
const MOST: u64 = 8 << 20;

/// The two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Ngrep,
    Ours,
}

/// What a program did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) out: Vec<u8>,
    /// `None` if the program was ended because it wrote too much.
    pub(crate) code: Option<i32>,
    /// The capture that was written with `-O FILE`.
    pub(crate) written: Option<Vec<u8>>,
}

/// A run of a program: what it did, and its standard error, which is only shown and not compared.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) outcome: Outcome,
    pub(crate) err: String,
}

/// The folders in which the programs run: `real` and `plain` have the captures under the same names.
#[derive(Debug)]
pub(crate) struct Bench {
    root: PathBuf,
    /// Removes the folder at the end, unless it was asked for.
    _removed: Option<TempDir>,
}

/// The captures as they are, or in a form that ngrep reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Real,
    Plain,
    /// One that was made for a line: [`Place::write`].
    Passed,
}

impl Bench {
    pub(crate) fn new(captures: &[Capture]) -> Self {
        // With this variable the captures are kept, to run a line by hand.
        let bench = if let Some(root) = std::env::var_os("OVLSNIFF_NGREP_KEEP") {
            Self { root: root.into(), _removed: None }
        } else {
            let root = tempfile::tempdir().unwrap();
            Self { root: root.path().to_owned(), _removed: Some(root) }
        };
        for form in [Form::Real, Form::Plain] {
            let dir = bench.dir(form).join("captures");
            fs::create_dir_all(&dir).unwrap();
            for capture in captures {
                let plain = capture.plain.as_ref().filter(|_| form == Form::Plain);
                let bytes = plain.map_or(&capture.bytes, |(_, bytes)| bytes);
                fs::write(dir.join(format!("{}.pcap", capture.name)), bytes).unwrap();
            }
        }
        bench
    }

    fn dir(&self, form: Form) -> PathBuf {
        self.root.join(match form {
            Form::Real => "real",
            Form::Plain => "plain",
            Form::Passed => "passed",
        })
    }

    /// A folder for one thread, with the captures of both forms below.
    pub(crate) fn place(&self, thread: usize) -> Place<'_> {
        let root = self.root.join(format!("thread-{thread}"));
        let made = Place { bench: self, root: root.clone() }.dir(Form::Passed);
        fs::create_dir_all(made.join("captures")).unwrap();
        for (name, text) in FILTER_FILES {
            fs::write(made.join(name), text).unwrap();
        }
        for form in [Form::Real, Form::Plain] {
            let dir = Place { bench: self, root: root.clone() }.dir(form);
            fs::create_dir_all(&dir).unwrap();
            let _ = fs::remove_file(dir.join("captures"));
            std::os::unix::fs::symlink(self.dir(form).join("captures"), dir.join("captures")).unwrap();
            for (name, text) in FILTER_FILES {
                fs::write(dir.join(name), text).unwrap();
            }
        }
        Place { bench: self, root }
    }
}

/// The folder in which one thread runs the programs.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    #[expect(dead_code, reason = "the folder is there as long as the bench")]
    bench: &'a Bench,
    root: PathBuf,
}

impl Place<'_> {
    fn dir(&self, form: Form) -> PathBuf {
        self.root.join(match form {
            Form::Real => "real",
            Form::Plain => "plain",
            Form::Passed => "passed",
        })
    }

    /// The file of a capture.
    pub(crate) fn path(&self, form: Form, capture: &str) -> PathBuf {
        self.dir(form).join(format!("captures/{capture}.pcap"))
    }

    /// The link type that a capture's own header tells, in the byte order of this machine.
    pub(crate) fn link(&self, capture: &str) -> Option<u16> {
        let bytes = fs::read(self.path(Form::Real, capture)).ok()?;
        let is_pcapng = bytes.starts_with(&0x0a0d_0d0a_u32.to_le_bytes());
        let is_classic = bytes.starts_with(&0xa1b2_c3d4_u32.to_le_bytes());
        let at = if is_pcapng { 36 } else { 20 };
        let link = bytes.get(at..at + 2).filter(|_| is_pcapng || is_classic);
        Some(link.map_or(1, |two| u16::from_le_bytes([two[0], two[1]])))
    }

    /// Makes a capture for [`Form::Passed`].
    pub(crate) fn write(&self, capture: &str, bytes: &[u8]) {
        fs::write(self.path(Form::Passed, capture), bytes).unwrap();
    }

    /// Runs a program on a capture.
    pub(crate) fn run(
        &self,
        program: Program,
        form: Form,
        capture: &str,
        words: &[String],
        zone: &str,
    ) -> Ran {
        let dir = self.dir(form);
        let path = format!("captures/{capture}.pcap");
        let written = dir.join(WRITTEN);
        let _ = fs::remove_file(&written);
        let mut command = match program {
            Program::Ngrep => Command::new("ngrep"),
            Program::Ours => Command::new(env!("CARGO_BIN_EXE_ovlsniff")),
        };
        if program == Program::Ours {
            command.arg("ngrep");
        }
        let mut command = run::plain(command);
        command.current_dir(&dir).env("TZ", zone).env("LC_ALL", "C.UTF-8");
        if !words.iter().any(|word| word == "-I") {
            command.arg("-I").arg(&path);
        }
        command.args(words);
        if words.windows(2).any(|pair| pair == ["-I", "-"]) {
            command.stdin(File::open(dir.join(&path)).unwrap());
        }
        let mut ran = bounded(command);
        // A process that has left root cannot remove the file that it made before it knew that there is nothing to write.
        ran.outcome.written = fs::read(&written).ok().filter(|bytes| !bytes.is_empty());
        ran
    }
}

/// Runs a program, and ends it when it has written too much.
fn bounded(mut command: Command) -> Ran {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let _watchdog = run::Watchdog::of(&child);
    let mut out = Vec::new();
    let stdout = child.stdout.take().unwrap();
    stdout.take(MOST).read_to_end(&mut out).unwrap();
    let endless = out.len() as u64 == MOST;
    if endless {
        child.kill().unwrap();
    }
    let mut err = Vec::new();
    child.stderr.take().unwrap().take(MOST).read_to_end(&mut err).unwrap();
    let status = child.wait().unwrap();
    let code = if endless { None } else { status.code() };
    let err = String::from_utf8_lossy(&err).into_owned();
    Ran { outcome: Outcome { out, code, written: None }, err }
}

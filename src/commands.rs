//! The commands: one file a subcommand, which builds the parts of the library, runs them and prints what comes of them.
//!
//! This is where the two ends of the program meet: [`crate::cli`] says what was typed, and the library does the work. A
//! command turns the first into arguments for the second, once and before anything is done.
//!
//! The order of the beginning matters. Whatever is wrong with the words is told before the kernel is asked, as far as
//! that is possible. Grep mode then reads the keys while signals still have their default effect, because nothing has
//! begun that would have to end well. Signal handlers come next, before a file or an interface is opened: opening a
//! FIFO may take long, and a signal must end the wait. Root is left when everything is open, the file to write too, and before
//! a byte of a capture file is read. The file to write is emptied when nothing else can fail.
//!
//! Output follows three rules. Results go to standard output, and everything else (banners, notes, errors, statistics)
//! to standard error. A reader that closes standard output is no error. A full disk behind standard error is none
//! either, but behind standard output it is one, with status 2.
//!
//! A command returns a [`Status`], or an error of `anyhow`, which `main` prints. `anyhow` is used in the binary alone:
//! the library has typed errors.

mod area;
mod complete;
mod completions;
mod grep;
mod help;
mod interfaces;
mod keeping;
mod keys;
mod man;
mod overlay;
mod progress;
mod signals;
mod typed;
mod verify;

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use ovlsniff::escape::{escape, reason};

use crate::cli::{Command, Typed};
pub(crate) use complete::Request;

pub(crate) use keeping::keep;
pub(crate) use signals::outlive_long_files;

/// The outcome of a command that ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// The command found what it searched for, or did what it was asked to do.
    Success,
    /// Nothing was found.
    NoMatch,
    /// A signal ended the search of a file before its end, and nothing had been found until there.
    CutShort,
    /// The command looked at something that is not as it should be, such as a network that lacks a policy.
    Amiss,
    /// The exit status that stands for the verdict of `verify`.
    Verdict(u8),
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Success => Self::SUCCESS,
            Status::NoMatch | Status::Amiss => Self::from(1),
            // The status that shells have for a command which INT ended. Every signal has it here.
            Status::CutShort => Self::from(130),
            Status::Verdict(status) => Self::from(status),
        }
    }
}

/// Writes a line to standard error. A failure is ignored: a closed pipe or a full disk there is no reason to stop.
pub(crate) fn tell(line: impl Display) {
    area::tell(&format!("{line}\n"));
}

/// Tells Nagios of an error, by a line on standard output: it reads nothing else, and takes the usual status of an error for
/// a verdict.
pub(crate) fn tell_nagios(sentence: &str) -> ExitCode {
    let _ = io::stdout().write_all(ovlsniff::print::report::nagios_error(sentence).as_bytes());
    ExitCode::from(3)
}

/// The error of a write to standard output.
#[derive(Debug, thiserror::Error)]
#[error("write standard output: {}", reason(.0))]
struct Unwritten(#[from] io::Error);

/// Writes a text to standard output, and flushes it.
fn put(text: &[u8]) -> Result<(), Unwritten> {
    let mut out = io::stdout().lock();
    Ok(out.write_all(text).and_then(|()| out.flush())?)
}

/// Prints help or the version, in colour on a terminal.
pub(crate) fn print_help(help: &clap::Error) -> anyhow::Result<Status> {
    help.print().and_then(|()| io::stdout().flush()).map_err(Unwritten)?;
    Ok(Status::Success)
}

/// Runs the command that was typed. `-D` in grep mode is the command `interfaces`.
pub(crate) fn run(typed: Typed) -> anyhow::Result<Status> {
    let Typed { cli, words, notes } = typed;
    if cli.command.is_none() && !cli.grep.list {
        typed::check(&cli.grep, &words)?;
    }
    for note in &notes {
        tell(escape(&format!("ovlsniff: {note}")));
    }
    match cli.command {
        None if cli.grep.list => {
            let netns = cli.grep.netns;
            interfaces::run(&crate::cli::Interfaces { netns, json: cli.grep.json, ..Default::default() })
        }
        None => grep::run(cli.grep),
        Some(Command::Verify(args)) => verify::run(&args),
        Some(Command::Interfaces(args)) => interfaces::run(&args),
        Some(Command::Keys(args)) => keys::run(&args),
        Some(Command::Overlay(args)) => overlay::run(&args),
        Some(Command::Ngrep(args)) => grep::run_ngrep(*args),
        Some(Command::Completions(args)) => completions::run(&args),
        Some(Command::Man(args)) => man::run(&args),
        Some(Command::Help(args)) => help::run(&args),
    }
}

//! One file a subcommand: build the parts, run them, print.

mod completions;
mod grep;
mod interfaces;
mod keys;
mod man;
mod overlay;
mod signals;
mod verify;

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use ovlsniff::escape::reason;

use crate::cli::{Cli, Command};

/// How a command ended, other than in an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It found what it was to find, or did what it was to do.
    Success,
    /// Nothing was found.
    NoMatch,
    /// It was looked at, and something is not as it should be.
    Amiss,
    /// A verification's verdict.
    Verdict(u8),
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Success => Self::SUCCESS,
            Status::NoMatch | Status::Amiss => Self::from(1),
            Status::Verdict(status) => Self::from(status),
        }
    }
}

/// Writes a line to standard error. That nobody reads it, or that a disk is full, is no reason to stop.
pub(crate) fn tell(line: impl Display) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Standard output does not take what is written to it.
#[derive(Debug, thiserror::Error)]
#[error("write standard output: {}", reason(.0))]
struct Unwritten(#[from] io::Error);

/// Writes a whole text to standard output.
fn put(text: &[u8]) -> Result<(), Unwritten> {
    let mut out = io::stdout().lock();
    Ok(out.write_all(text).and_then(|()| out.flush())?)
}

/// Runs what was asked for.
pub(crate) fn run(cli: Cli) -> anyhow::Result<Status> {
    match cli.command {
        None if cli.grep.list => {
            let netns = cli.grep.netns;
            interfaces::run(&crate::cli::Interfaces { netns, json: cli.grep.json })
        }
        None => grep::run(cli.grep),
        Some(Command::Verify(args)) => verify::run(&args),
        Some(Command::Interfaces(args)) => interfaces::run(&args),
        Some(Command::Keys(args)) => keys::run(&args),
        Some(Command::Overlay(args)) => overlay::run(&args),
        Some(Command::Completions(args)) => completions::run(&args),
        Some(Command::Man(args)) => man::run(&args),
    }
}

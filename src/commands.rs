//! One file a subcommand: build the parts, run them, print.

mod completions;
mod grep;
mod interfaces;
mod keys;
mod man;
mod verify;

use std::process::ExitCode;

use crate::cli::{Cli, Command};

/// How a command ended, other than in an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It found what it was to find, or did what it was to do.
    Success,
    /// Nothing was found.
    NoMatch,
    /// A verification's verdict.
    Verdict(u8),
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Success => Self::SUCCESS,
            Status::NoMatch => Self::from(1),
            Status::Verdict(status) => Self::from(status),
        }
    }
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
        Some(Command::Completions(args)) => completions::run(&args),
        Some(Command::Man(args)) => man::run(&args),
    }
}

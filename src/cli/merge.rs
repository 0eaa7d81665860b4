//! `ovlsniff verify merge`, as typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ovlsniff::packet::Timestamp;
use ovlsniff::verify::Acceptable;
use ovlsniff::verify::merge::moment;

use super::values;
use super::verify::Expect;

#[derive(Args, Debug)]
#[command(args_override_self = true)]
pub(crate) struct Merge {
    /// Reports of verify --json: files, folders with files *.json, or - for standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// State that the networks should be in
    #[arg(long, value_name = "WHAT", default_value = "encrypted")]
    pub(crate) expect: Expect,
    /// Finding of the nodes to live with, such as not-enforced (repeatable)
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(crate) accept: Vec<Acceptable>,
    /// Age from which on a report is stale, and time by which one may be ahead: 15m, 1h, 30d
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = values::duration)]
    pub(crate) stale: Duration,
    /// Time that the ages are counted to, such as 2026-11-27T19:00:00Z, or newest for that of the newest report [default: now]
    #[arg(long, value_name = "TIME", value_parser = at)]
    pub(crate) at: Option<At>,
    /// Pairs of nodes that have to be reported
    #[arg(long, value_name = "PAIRS", default_value = "all")]
    pub(crate) pairs: Pairs,
    /// User to become in place of root, once the reports are open [default: nobody]
    #[arg(short = 'Z', long, value_name = "NAME", conflicts_with = "no_drop")]
    pub(crate) user: Option<String>,
    /// Stay root instead of becoming another user
    #[arg(long)]
    pub(crate) no_drop: bool,
    /// Format of the matrix
    #[arg(long, value_name = "FORMAT", default_value = "text", overrides_with = "json")]
    pub(crate) format: MergeFormat,
    /// Print the matrix as JSON, as --format json does
    #[arg(long, overrides_with = "format")]
    pub(crate) json: bool,
    /// Write the matrix to this file, whole or not at all [default: standard output]
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// The time that ages are counted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Newest,
    Time(Timestamp),
}

fn at(typed: &str) -> Result<At, String> {
    if typed == "newest" {
        return Ok(At::Newest);
    }
    let time = moment(typed).map_err(|_| "use a time such as 2026-11-27T19:00:00Z, or newest".to_owned())?;
    Ok(At::Time(time))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pairs {
    All,
    Known,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MergeFormat {
    Text,
    Json,
    Html,
}
